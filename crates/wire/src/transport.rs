//! How a credential travels: in a cookie or in the `Authorization` header.
//! A strategy reads its own transport and no other: a credential in a second
//! carrier of the same request is not looked at (RFC 6750 2, ASVS 5.0 15.3.7).

use std::fmt::Write as _;

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};

/// The most octets that name and value of a cookie may have together; a
/// browser drops a larger cookie without a word (RFC 6265bis 5.6).
pub const COOKIE_OCTETS_MAX: usize = 4096;

/// How credentials travel.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Transport {
    /// `Authorization: Bearer` (RFC 6750 2.1).
    Bearer,
    /// A cookie (RFC 6265bis).
    Cookie(CookieSettings),
}

/// The attributes of the credential's cookie. `Secure`, `HttpOnly`, `Path=/`
/// and the absence of `Domain` are not settings: the `__Host-` name demands
/// or implies them (RFC 6265bis 4.1.3.2, ASVS 5.0 3.3.1 to 3.3.4).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CookieSettings {
    name: String,
    same_site: SameSite,
}

/// The `SameSite` attribute; `None` is not offered (ASVS 5.0 3.3.2).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SameSite {
    /// Sent with top-level navigations from elsewhere.
    Lax,
    /// Sent from the site's own pages only.
    #[default]
    Strict,
}

/// The name is not a `__Host-` name made of token characters.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "`{name}` cannot name the cookie: it must be `__Host-` and then letters, digits, `-` or `_`"
)]
pub struct CookieNameError {
    /// The name that was given.
    pub name: String,
}

/// The credential does not fit the transport.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// Browsers would drop the cookie.
    #[error(
        "name and value of the cookie have {octets} octets; browsers drop more than {COOKIE_OCTETS_MAX}"
    )]
    TooLarge {
        /// Octets of name and value together.
        octets: usize,
    },
    /// The text has a character that the carrier cannot hold.
    #[error("the credential has a character that a header cannot carry")]
    Unprintable,
}

/// What a request carries in a transport's place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Carried<'h> {
    /// Nothing.
    Nothing,
    /// One credential.
    One(&'h str),
    /// Two, or one that cannot be read: to be refused whatever they are
    /// (RFC 6265bis 8.6).
    Ambiguous,
}

impl CookieSettings {
    /// The name that is used unless a recipe says otherwise.
    pub const DEFAULT_NAME: &'static str = "__Host-auth";

    /// Settings for a cookie of this name.
    ///
    /// # Errors
    /// [`CookieNameError`] unless the name begins with `__Host-`, goes on
    /// with at least one letter, digit, `-` or `_`, and has no other.
    pub fn new(name: &str, same_site: SameSite) -> Result<Self, CookieNameError> {
        let good = name.strip_prefix("__Host-").is_some_and(|rest| {
            !rest.is_empty()
                && rest
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        });
        if good {
            Ok(Self {
                name: name.to_owned(),
                same_site,
            })
        } else {
            Err(CookieNameError {
                name: name.to_owned(),
            })
        }
    }

    /// The cookie's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The `Set-Cookie` value that gives `credential` to a browser until it is
    /// closed; no `Max-Age`, so that the credential does not outlive the
    /// browser (NIST SP 800-63B-4 5.1).
    ///
    /// # Errors
    /// [`DeliveryError`] when a browser would not keep or send it.
    pub fn set(&self, credential: &str) -> Result<HeaderValue, DeliveryError> {
        let octets = self.name.len() + credential.len();
        if octets > COOKIE_OCTETS_MAX {
            return Err(DeliveryError::TooLarge { octets });
        }
        if !credential.bytes().all(is_cookie_octet) {
            return Err(DeliveryError::Unprintable);
        }
        self.header(credential, "")
    }

    /// The `Set-Cookie` value that takes the cookie away: same name, path and
    /// (absent) domain (RFC 6265bis 5.7).
    ///
    /// # Errors
    /// None that a name accepted by [`CookieSettings::new`] could cause.
    pub fn clear(&self) -> Result<HeaderValue, DeliveryError> {
        self.header("", "; Max-Age=0")
    }

    fn header(&self, value: &str, more: &str) -> Result<HeaderValue, DeliveryError> {
        let same_site = match self.same_site {
            SameSite::Lax => "Lax",
            SameSite::Strict => "Strict",
        };
        let mut text = String::with_capacity(self.name.len() + value.len() + 64);
        let written = write!(
            text,
            "{}={value}; Path=/; Secure; HttpOnly; SameSite={same_site}{more}",
            self.name
        );
        debug_assert!(written.is_ok(), "writing into a string does not fail");
        let mut header = HeaderValue::try_from(text).map_err(|_| DeliveryError::Unprintable)?;
        header.set_sensitive(true);
        Ok(header)
    }
}

impl Transport {
    /// The name in recipes and results.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Cookie(_) => "cookie",
        }
    }

    /// Whether browsers attach the credential by themselves, so that unsafe
    /// requests need a proof of origin.
    #[must_use]
    pub const fn is_ambient(&self) -> bool {
        matches!(self, Self::Cookie(_))
    }

    /// What the request carries in this transport's place.
    #[must_use]
    pub fn extract<'h>(&self, headers: &'h HeaderMap) -> Carried<'h> {
        match self {
            Self::Bearer => bearer(headers),
            Self::Cookie(settings) => cookie(headers, &settings.name),
        }
    }
}

/// RFC 6265bis 4.1.1, `cookie-octet`.
fn is_cookie_octet(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x2B | 0x2D..=0x3A | 0x3C..=0x5B | 0x5D..=0x7E)
}

fn bearer(headers: &HeaderMap) -> Carried<'_> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (first, second) = (values.next(), values.next());
    let Some(value) = first else {
        return Carried::Nothing;
    };
    let Ok(text) = value.to_str() else {
        return Carried::Ambiguous;
    };
    if second.is_some() {
        return Carried::Ambiguous;
    }
    // The scheme's name may have any case (RFC 9110 11.1).
    match text.split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("Bearer ") => Carried::One(token),
        _ => Carried::Nothing,
    }
}

fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Carried<'h> {
    let mut found = Carried::Nothing;
    for header in headers.get_all(COOKIE) {
        let Ok(text) = header.to_str() else {
            // Another site's cookie may hold such octets, but then nobody can
            // say which cookie is which.
            return Carried::Ambiguous;
        };
        for pair in text.split(';') {
            let pair = pair.trim_matches([' ', '\t']);
            let Some(value) = pair
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('='))
            else {
                continue;
            };
            if found != Carried::Nothing {
                return Carried::Ambiguous;
            }
            found = Carried::One(value);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settings() -> CookieSettings {
        CookieSettings::new("__Host-auth", SameSite::Strict).unwrap()
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn only_host_names() {
        for wrong in [
            "",
            "auth",
            "__Host-",
            "__host-auth",
            "__Host-a;b",
            "__Host-a b",
            "__Secure-a",
        ] {
            assert!(
                CookieSettings::new(wrong, SameSite::Strict).is_err(),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn the_cookie_has_every_attribute_and_no_domain() {
        let header = settings().set("abc").unwrap();
        assert!(header.is_sensitive());
        assert_eq!(
            header.to_str().unwrap(),
            "__Host-auth=abc; Path=/; Secure; HttpOnly; SameSite=Strict"
        );
        assert!(
            settings()
                .clear()
                .unwrap()
                .to_str()
                .unwrap()
                .ends_with("Strict; Max-Age=0")
        );
    }

    #[test]
    fn a_cookie_that_a_browser_would_drop_is_an_error() {
        let fits = "a".repeat(COOKIE_OCTETS_MAX - "__Host-auth".len());
        assert!(settings().set(&fits).is_ok());
        assert_eq!(
            settings().set(&format!("{fits}a")),
            Err(DeliveryError::TooLarge { octets: 4097 })
        );
        for wrong in ["a;b", "a b", "a\"b", "a,b", "ä"] {
            assert_eq!(
                settings().set(wrong),
                Err(DeliveryError::Unprintable),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn extraction_is_exact() {
        let cookie = Transport::Cookie(settings());
        let from = |text: &str| match cookie.extract(&headers(&[("cookie", text)])) {
            Carried::One(value) => Some(value.to_owned()),
            Carried::Nothing => None,
            Carried::Ambiguous => Some("ambiguous".to_owned()),
        };
        assert_eq!(from("a=1; __Host-auth=xyz; b=2").as_deref(), Some("xyz"));
        assert_eq!(from("__host-auth=xyz"), None);
        assert_eq!(from("x__Host-auth=xyz"), None);
        assert_eq!(from("__Host-authx=xyz"), None);
        assert_eq!(
            from("__Host-auth=x; __Host-auth=y").as_deref(),
            Some("ambiguous")
        );
        let two = headers(&[("cookie", "__Host-auth=x"), ("cookie", "__Host-auth=x")]);
        assert_eq!(cookie.extract(&two), Carried::Ambiguous);
        // The other transport's carrier does not count.
        assert_eq!(
            cookie.extract(&headers(&[("authorization", "Bearer x")])),
            Carried::Nothing
        );
    }

    #[test]
    fn bearer_is_one_header() {
        let none = headers(&[]);
        assert_eq!(Transport::Bearer.extract(&none), Carried::Nothing);
        let basic = headers(&[("authorization", "Basic abc")]);
        assert_eq!(Transport::Bearer.extract(&basic), Carried::Nothing);
        let two = headers(&[("authorization", "Bearer a"), ("authorization", "Bearer a")]);
        assert_eq!(Transport::Bearer.extract(&two), Carried::Ambiguous);
        let lower = headers(&[("authorization", "bearer a.b.c")]);
        assert_eq!(Transport::Bearer.extract(&lower), Carried::One("a.b.c"));
    }

    proptest! {
        #[test]
        fn what_is_set_is_what_is_read(value in "[!#-+\\--:<-\\[\\]-~]{0,200}") {
            let settings = settings();
            let header = settings.set(&value).unwrap();
            let pair = header.to_str().unwrap().split(';').next().unwrap().to_owned();
            let sent = headers(&[("cookie", &format!("other=1; {pair}"))]);
            prop_assert_eq!(Transport::Cookie(settings).extract(&sent), Carried::One(&value));
        }

        #[test]
        fn no_header_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let Ok(value) = HeaderValue::from_bytes(&bytes) else { return Ok(()) };
            let mut headers = HeaderMap::new();
            headers.append(COOKIE, value.clone());
            headers.append(AUTHORIZATION, value);
            let _ = Transport::Bearer.extract(&headers);
            let _ = Transport::Cookie(settings()).extract(&headers);
        }
    }
}
