//! What a recipe says about its tokens.

use std::path::PathBuf;

use authbench_core::Entropy;
use serde::{Deserialize, Serialize};

use super::keys::{Key, Purpose};
use crate::keyring::KeyRing;
use crate::token::terms::{self, SettingsError, Terms};

/// The settings of the format.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether tokens are signed or encrypted.
    pub purpose: Purpose,
    /// Who makes tokens: the `iss` claim, compared exactly. Not empty.
    #[serde(default = "terms::default_issuer", deserialize_with = "terms::name")]
    pub issuer: String,
    /// Who is to accept: the `aud` claim, compared exactly. Not empty.
    #[serde(default = "terms::default_audience", deserialize_with = "terms::name")]
    pub audience: String,
    /// Seconds from issue to expiry, 1 to [`terms::MAX_TTL_S`]. The part of a
    /// second in which a token is made is lost.
    #[serde(default = "terms::default_ttl_s", deserialize_with = "terms::ttl_s")]
    pub ttl_s: u64,
    /// Milliseconds, 0 to [`terms::MAX_SKEW_MS`], by which `iat` and `nbf` may
    /// lie in the future. It never lengthens a life.
    #[serde(
        default = "terms::default_skew_ms",
        deserialize_with = "terms::skew_ms"
    )]
    pub skew_ms: u64,
    /// The file of the first key: for public tokens a PKCS#8 PEM, for local
    /// ones 32 octets as they are. Whoever builds the strategy reads it; the
    /// key is generated if it is absent. Its successors are never written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// Seconds for which a key makes tokens before a new one does; none to
    /// change keys by hand only. At most [`terms::MAX_KEY_PERIOD_S`], and so
    /// long that no more than half of [`crate::keyring::MAX_KEYS`] keys verify
    /// at once.
    #[serde(
        default,
        deserialize_with = "terms::rotate_every_s",
        skip_serializing_if = "Option::is_none"
    )]
    pub rotate_every_s: Option<u64>,
    /// Seconds for which a new key is published before it makes tokens, 0 to
    /// [`terms::MAX_KEY_PERIOD_S`].
    #[serde(
        default,
        deserialize_with = "terms::announce_s",
        skip_serializing_if = "terms::is_zero"
    )]
    pub announce_s: u64,
}

impl Settings {
    /// Settings with the usual tolerance of 2,000 ms for other clocks, and with
    /// keys that change by hand.
    #[must_use]
    pub fn new(purpose: Purpose, issuer: &str, audience: &str, ttl_s: u64) -> Self {
        Self {
            purpose,
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
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
        key: Key,
        entropy: impl Entropy + 'static,
    ) -> Result<KeyRing<Key>, SettingsError> {
        let terms = self.terms();
        terms.check()?;
        Ok(KeyRing::rotating(key, terms.rotation(), entropy))
    }

    /// What is wrong with them, for a ring of such keys.
    pub(super) fn check(&self, ring: &KeyRing<Key>) -> Result<(), SettingsError> {
        let terms = self.terms();
        terms.check()?;
        terms.check_ring(ring.rotation())?;
        let key = ring.keys().newest().purpose();
        if self.purpose != key {
            return Err(SettingsError::Key {
                wanted: self.purpose.label(),
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
