//! Identifiers: the digest that a store keeps in a credential's stead, and the
//! public handle of a login.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// SHA-256 of a credential's text. Stores hold this and never the credential,
/// so a dump of a store opens nothing. The text itself is hashed, not what it
/// decodes to: a look-up is exact, and no second spelling of a credential
/// finds it (ASVS 5.0 7.2.1).
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `credential`.
    #[must_use]
    pub fn of(credential: &str) -> Self {
        Self(Sha256::digest(credential.as_bytes()).into())
    }

    /// The first eight octets as a number: already uniformly distributed, so
    /// a table may use it as its hash.
    #[must_use]
    pub fn prefix(&self) -> u64 {
        let mut first = [0; 8];
        first.copy_from_slice(&self.0[..8]);
        u64::from_le_bytes(first)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({}..)", URL_SAFE_NO_PAD.encode(&self.0[..6]))
    }
}

/// The public handle of one login: names it in lists and revocations, opens
/// nothing. 128 random bits, written as 22 characters of base64url.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LoginId(pub [u8; 16]);

/// The text was not 22 characters of canonical base64url.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a login id is 22 characters of base64url")]
pub struct LoginIdError;

impl fmt::Display for LoginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for LoginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoginId({self})")
    }
}

impl FromStr for LoginId {
    type Err = LoginIdError;

    fn from_str(text: &str) -> Result<Self, LoginIdError> {
        let mut id = [0; 16];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut id) {
            Ok(16) => Ok(Self(id)),
            _ => Err(LoginIdError),
        }
    }
}

impl Serialize for LoginId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LoginId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn login_id_round_trips_and_refuses_other_spellings() {
        let id = LoginId([0xA5; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        let text = id.to_string();
        assert_eq!(text.len(), 22);
        for wrong in [
            "",
            "AAAA",
            &format!("{text}="),
            &format!("{text}A"),
            &text[..21],
        ] {
            assert_eq!(wrong.parse::<LoginId>(), Err(LoginIdError), "{wrong:?}");
        }
        // 22 characters hold 132 bits: the last four must be zero.
        let stray = format!("{}B", &LoginId([0; 16]).to_string()[..21]);
        assert_eq!(stray.parse::<LoginId>(), Err(LoginIdError));
    }

    #[test]
    fn digest_is_sha256_of_the_text() {
        let digest = Digest::of("abc");
        assert_eq!(digest.0[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert_ne!(Digest::of("abc"), Digest::of("abC"));
    }
}
