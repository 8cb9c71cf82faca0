//! What a recipe says about its tokens.

use std::path::PathBuf;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::algorithm::Algorithm;

/// The longest life of a token: 30 days, in seconds.
pub const MAX_TTL_S: u64 = 86_400 * 30;

/// The largest tolerance for other clocks, in milliseconds: "no more than a
/// few minutes" (RFC 7519 4.1.5), kept to one.
pub const MAX_SKEW_MS: u64 = 60_000;

/// The settings of the scheme.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How tokens are signed.
    pub algorithm: Algorithm,
    /// Who signs: the `iss` claim, compared exactly (RFC 7519 4.1.1). Not
    /// empty.
    #[serde(default = "default_issuer", deserialize_with = "name")]
    pub issuer: String,
    /// Who is to accept: the `aud` claim, compared exactly (RFC 7519 4.1.3).
    /// Not empty.
    #[serde(default = "default_audience", deserialize_with = "name")]
    pub audience: String,
    /// Seconds from issue to expiry, 1 to [`MAX_TTL_S`]. `exp` has whole
    /// seconds, so the part of a second in which a token is made is lost.
    #[serde(default = "default_ttl_s", deserialize_with = "ttl_s")]
    pub ttl_s: u64,
    /// Milliseconds, 0 to [`MAX_SKEW_MS`], by which `iat` and `nbf` may lie in
    /// the future: as much as the clocks of two replicas may differ, so that a
    /// login made on one is not refused by the other. It never lengthens a
    /// life: expiry has no tolerance.
    #[serde(default = "default_skew_ms", deserialize_with = "skew_ms")]
    pub skew_ms: u64,
    /// The file of the signing key, a PKCS#8 PEM, or for HS256 the secret's
    /// octets as they are. Whoever builds the strategy reads it; the key is
    /// generated if it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
}

impl Settings {
    /// Settings with the usual tolerance of 2,000 ms for other clocks: ample
    /// for replicas that keep time by NTP.
    #[must_use]
    pub fn new(algorithm: Algorithm, issuer: &str, audience: &str, ttl_s: u64) -> Self {
        let (issuer, audience) = (issuer.to_owned(), audience.to_owned());
        Self {
            algorithm,
            issuer,
            audience,
            ttl_s,
            skew_ms: default_skew_ms(),
            key_file: None,
        }
    }

    /// Milliseconds from issue to expiry, at most.
    #[must_use]
    pub const fn ttl_ms(&self) -> u64 {
        self.ttl_s * 1000
    }

    pub(super) fn check(&self, key: Algorithm) -> Result<(), SettingsError> {
        check_name(&self.issuer)?;
        check_name(&self.audience)?;
        check_ttl_s(self.ttl_s)?;
        check_skew_ms(self.skew_ms)?;
        if self.algorithm != key {
            return Err(SettingsError::Key {
                wanted: self.algorithm,
                given: key,
            });
        }
        Ok(())
    }
}

/// Settings that make no strategy.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The key is of another algorithm (RFC 8725 3.1).
    #[error("the settings say {wanted}, the key is for {given}")]
    Key {
        /// What the settings say.
        wanted: Algorithm,
        /// What the key is for.
        given: Algorithm,
    },
    /// No issuer or no audience.
    #[error("issuer and audience must not be empty")]
    Nameless,
    /// `skew_ms` is out of range.
    #[error("skew_ms is {skew_ms}, at most {MAX_SKEW_MS} are allowed")]
    Skew {
        /// What the settings say.
        skew_ms: u64,
    },
    /// `ttl_s` is out of range.
    #[error("ttl_s is {ttl_s}, allowed are 1 to {MAX_TTL_S}")]
    Ttl {
        /// What the settings say.
        ttl_s: u64,
    },
}

fn default_issuer() -> String {
    "https://issuer.authbench.test".to_owned()
}

fn default_audience() -> String {
    "https://api.authbench.test".to_owned()
}

const fn default_ttl_s() -> u64 {
    900
}

const fn default_skew_ms() -> u64 {
    2_000
}

const fn check_name(name: &str) -> Result<(), SettingsError> {
    if name.is_empty() {
        return Err(SettingsError::Nameless);
    }
    Ok(())
}

fn check_ttl_s(ttl_s: u64) -> Result<(), SettingsError> {
    if (1..=MAX_TTL_S).contains(&ttl_s) {
        Ok(())
    } else {
        Err(SettingsError::Ttl { ttl_s })
    }
}

const fn check_skew_ms(skew_ms: u64) -> Result<(), SettingsError> {
    if skew_ms > MAX_SKEW_MS {
        return Err(SettingsError::Skew { skew_ms });
    }
    Ok(())
}

// What a file says is checked where it is read, so that the error can name
// the line and the column.

fn name<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let name = String::deserialize(from)?;
    check_name(&name).map_err(D::Error::custom)?;
    Ok(name)
}

fn ttl_s<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let ttl_s = u64::deserialize(from)?;
    check_ttl_s(ttl_s).map_err(D::Error::custom)?;
    Ok(ttl_s)
}

fn skew_ms<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let skew_ms = u64::deserialize(from)?;
    check_skew_ms(skew_ms).map_err(D::Error::custom)?;
    Ok(skew_ms)
}
