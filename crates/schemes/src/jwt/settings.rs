//! What a recipe says about its tokens.

use std::path::PathBuf;

use authbench_core::Entropy;
use serde::{Deserialize, Serialize};

use super::algorithm::Algorithm;
use super::keys::SigningKey;
use crate::keyring::KeyRing;
use crate::token::terms::{self, SettingsError, Terms};

/// The settings of the format.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How tokens are signed.
    pub algorithm: Algorithm,
    /// Who signs: the `iss` claim, compared exactly (RFC 7519 4.1.1). Not
    /// empty.
    #[serde(default = "terms::default_issuer", deserialize_with = "terms::name")]
    pub issuer: String,
    /// Who is to accept: the `aud` claim, compared exactly (RFC 7519 4.1.3).
    /// Not empty.
    #[serde(default = "terms::default_audience", deserialize_with = "terms::name")]
    pub audience: String,
    /// Seconds from issue to expiry, 1 to [`terms::MAX_TTL_S`]. `exp` has whole
    /// seconds, so the part of a second in which a token is made is lost.
    #[serde(default = "terms::default_ttl_s", deserialize_with = "terms::ttl_s")]
    pub ttl_s: u64,
    /// Milliseconds, 0 to [`terms::MAX_SKEW_MS`], by which `iat` and `nbf` may
    /// lie in the future: as much as the clocks of two replicas may differ, so
    /// that a login made on one is not refused by the other. It never lengthens
    /// a life: expiry has no tolerance.
    #[serde(
        default = "terms::default_skew_ms",
        deserialize_with = "terms::skew_ms"
    )]
    pub skew_ms: u64,
    /// The file of the first signing key, a PKCS#8 PEM, or for HS256 the
    /// secret's octets as they are. Whoever builds the strategy reads it; the
    /// key is generated if it is absent. Its successors are never written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// Seconds for which a key signs before the next token is signed by a new
    /// one (ASVS 5.0 11.1.1); none to change keys by hand only. At most
    /// [`terms::MAX_KEY_PERIOD_S`], and so long that no more than
    /// half of [`crate::keyring::MAX_KEYS`] keys verify at once.
    #[serde(
        default,
        deserialize_with = "terms::rotate_every_s",
        skip_serializing_if = "Option::is_none"
    )]
    pub rotate_every_s: Option<u64>,
    /// Seconds for which a new key is in the JWK set before it signs, 0 to
    /// [`terms::MAX_KEY_PERIOD_S`]: as long as others keep a copy of the set.
    #[serde(
        default,
        deserialize_with = "terms::announce_s",
        skip_serializing_if = "terms::is_zero"
    )]
    pub announce_s: u64,
}

impl Settings {
    /// Settings with the usual tolerance of 2,000 ms for other clocks, ample
    /// for replicas that keep time by NTP, and with keys that change by hand.
    #[must_use]
    pub fn new(algorithm: Algorithm, issuer: &str, audience: &str, ttl_s: u64) -> Self {
        let (issuer, audience) = (issuer.to_owned(), audience.to_owned());
        Self {
            algorithm,
            issuer,
            audience,
            ttl_s,
            skew_ms: terms::default_skew_ms(),
            key_file: None,
            rotate_every_s: None,
            announce_s: 0,
        }
    }

    /// Milliseconds from issue to expiry, at most.
    #[must_use]
    pub const fn ttl_ms(&self) -> u64 {
        self.ttl_s * 1000
    }

    /// The ring of keys that begins with `key`, for all replicas; later keys
    /// are made from `entropy`.
    ///
    /// # Errors
    /// [`SettingsError`] when a setting is out of range.
    pub fn ring(
        &self,
        key: SigningKey,
        entropy: impl Entropy + 'static,
    ) -> Result<KeyRing<SigningKey>, SettingsError> {
        let terms = self.terms();
        terms.check()?;
        Ok(KeyRing::rotating(key, terms.rotation(), entropy))
    }

    /// What is wrong with them, for a ring of such keys.
    pub(super) fn check(&self, ring: &KeyRing<SigningKey>) -> Result<(), SettingsError> {
        let terms = self.terms();
        terms.check()?;
        terms.check_ring(ring.rotation())?;
        let key = ring.keys().newest().algorithm();
        if self.algorithm != key {
            return Err(SettingsError::Key {
                wanted: self.algorithm.label(),
                given: key.label(),
            });
        }
        Ok(())
    }

    pub(super) fn terms(&self) -> Terms {
        Terms {
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            ttl_s: self.ttl_s,
            skew_ms: self.skew_ms,
            rotate_every_s: self.rotate_every_s,
            announce_s: self.announce_s,
        }
    }
}
