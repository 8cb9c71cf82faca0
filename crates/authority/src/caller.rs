//! Who may ask: introspection without authentication would let anybody try
//! tokens (RFC 7662 2.1, 4).

use std::fmt;

use authbench_core::{Digest, Entropy, EntropyError, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// The name that goes with the secret in HTTP Basic authentication (RFC 6749
/// 2.3.1).
pub const CLIENT_ID: &str = "resource-server";

/// What resource servers prove themselves by: as a bearer token (RFC 6750
/// 2.1), or as the password of [`CLIENT_ID`].
#[derive(Clone)]
pub struct CallerSecret {
    text: Secret,
    digest: Digest,
}

impl CallerSecret {
    /// A fresh secret of 256 bits.
    ///
    /// # Errors
    /// [`EntropyError`] when there is no randomness.
    pub fn generate(entropy: &(impl Entropy + ?Sized)) -> Result<Self, EntropyError> {
        let mut octets = [0; 32];
        entropy.fill(&mut octets)?;
        Ok(Self::new(Secret::new(URL_SAFE_NO_PAD.encode(octets))))
    }

    /// This secret: visible ASCII, long and random.
    #[must_use]
    pub fn new(text: Secret) -> Self {
        Self {
            digest: Digest::of(text.expose()),
            text,
        }
    }

    pub(crate) fn expose(&self) -> &str {
        self.text.expose()
    }

    /// Whether the request proves to come from somebody who knows the secret.
    /// Digests are compared: how far two of them agree says nothing about the
    /// texts.
    pub(crate) fn is_proved_by(&self, headers: &HeaderMap) -> bool {
        let mut all = headers.get_all(AUTHORIZATION).iter();
        let (Some(one), None) = (all.next(), all.next()) else {
            return false;
        };
        let Some((scheme, proof)) = one.to_str().ok().and_then(|text| text.split_once(' ')) else {
            return false;
        };
        // The scheme is a token without case (RFC 9110 11.1).
        if scheme.eq_ignore_ascii_case("bearer") {
            return self.is(proof);
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return false;
        }
        let decoded = STANDARD.decode(proof).ok();
        let text = decoded.and_then(|octets| String::from_utf8(octets).ok());
        text.as_deref()
            .and_then(|text| text.split_once(':'))
            .is_some_and(|(id, password)| id == CLIENT_ID && self.is(password))
    }

    fn is(&self, text: &str) -> bool {
        Digest::of(text) == self.digest
    }
}

impl fmt::Debug for CallerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CallerSecret").field(&self.text).finish()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn proves(values: &[&str]) -> bool {
        let secret = CallerSecret::new(Secret::new("open-sesame".to_owned()));
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        secret.is_proved_by(&headers)
    }

    #[test]
    fn only_the_secret_proves_anything() {
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        assert!(proves(&["Bearer open-sesame"]));
        assert!(proves(&["bearer open-sesame"]));
        assert!(proves(&[&basic("resource-server:open-sesame")]));
        for wrong in [
            "Bearer open-sesam",
            "Bearer open-sesame ",
            "Bearer",
            "Bearer ",
            "open-sesame",
            "Digest open-sesame",
            "Basic open-sesame",
            &basic("somebody:open-sesame"),
            &basic("resource-server"),
            &basic("resource-server:"),
            &basic("open-sesame"),
        ] {
            assert!(!proves(&[wrong]), "{wrong}");
        }
        assert!(!proves(&[]));
        let twice = ["Bearer open-sesame"; 2];
        assert!(!proves(&twice), "which of them should count?");
    }
}
