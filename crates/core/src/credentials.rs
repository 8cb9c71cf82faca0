//! What a client holds after login, and what it presents.

use std::fmt;

use zeroize::Zeroizing;

use crate::ids::LoginId;
use crate::time::UnixMs;

/// Text that opens something. It is wiped when dropped, and its debug form
/// shows only its length: a credential in a log is a leak (ASVS 5.0 16.2.5).
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself, for the one place that sends it or compares it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} octets)", self.0.len())
    }
}

/// What a login gives to its client.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Presented with each request.
    pub access: Secret,
    /// Swapped for new credentials, where the strategy offers that.
    pub refresh: Option<Secret>,
    /// The login's public handle.
    pub login: LoginId,
    /// From this instant on `access` is refused (RFC 7519 4.1.4: "on or
    /// after").
    pub expires_at: UnixMs,
}

impl Credentials {
    /// The same credentials as a client would present them.
    #[must_use]
    pub fn present(&self) -> Presented<'_> {
        Presented {
            access: Some(self.access.expose()),
            refresh: self.refresh.as_ref().map(Secret::expose),
        }
    }
}

/// What a request presents. Nothing in it is to be believed.
#[derive(Clone, Copy, Default)]
pub struct Presented<'a> {
    /// Text in the place of an access credential.
    pub access: Option<&'a str>,
    /// Text in the place of a refresh token.
    pub refresh: Option<&'a str>,
}

impl<'a> Presented<'a> {
    /// An access credential alone.
    #[must_use]
    pub const fn access(text: &'a str) -> Self {
        Self {
            access: Some(text),
            refresh: None,
        }
    }
}

impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let octets = |text: Option<&str>| text.map(str::len);
        f.debug_struct("Presented")
            .field("access_octets", &octets(self.access))
            .field("refresh_octets", &octets(self.refresh))
            .finish()
    }
}
