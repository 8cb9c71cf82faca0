//! The signature algorithms on offer.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a token is signed. One key has one algorithm for its whole life
/// (RFC 8725 3.1); `none` has no value here (ASVS 5.0 9.1.2).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Algorithm {
    /// Ed25519 (RFC 8037 3.1).
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// ECDSA on P-256 with SHA-256 (RFC 7518 3.4).
    #[serde(rename = "ES256")]
    Es256,
    /// HMAC with SHA-256 (RFC 7518 3.2).
    #[serde(rename = "HS256")]
    Hs256,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 3.3).
    #[serde(rename = "RS256")]
    Rs256,
}

impl Algorithm {
    /// Every algorithm, in the order of their names.
    pub const ALL: [Self; 4] = [Self::EdDsa, Self::Es256, Self::Hs256, Self::Rs256];

    /// The name in the `alg` header (RFC 7518 3.1, RFC 8037 5).
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl From<Algorithm> for jsonwebtoken::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::EdDsa => Self::EdDSA,
            Algorithm::Es256 => Self::ES256,
            Algorithm::Hs256 => Self::HS256,
            Algorithm::Rs256 => Self::RS256,
        }
    }
}
