//! What a recipe says about its sealed cookies.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::keyring::{MAX_KEYS, Rotation};
use crate::session::{MAX_LIFETIME_MS, default_lifetime_ms, lifetime_ms};
use crate::token::terms::{
    MAX_KEY_PERIOD_S, MAX_SKEW_MS, default_skew_ms, rotate_every_s, skew_ms,
};

/// The settings of sealed cookies, with and without a store.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Milliseconds from login to the end of the cookie, renewed or not (ASVS
    /// 5.0 7.3.2). From 1 to [`MAX_LIFETIME_MS`].
    #[serde(default = "default_lifetime_ms", deserialize_with = "lifetime_ms")]
    pub lifetime_ms: u64,
    /// Milliseconds, 0 to [`MAX_SKEW_MS`], by which the clock of the replica
    /// that sealed a cookie may be ahead of the one that opens it. It never
    /// lengthens a life.
    #[serde(default = "default_skew_ms", deserialize_with = "skew_ms")]
    pub skew_ms: u64,
    /// Seconds for which a key seals before a new one does; none for one key
    /// for ever. An older key opens until the last cookie that it sealed has
    /// expired, and no more than half of [`MAX_KEYS`] may have to be kept.
    #[serde(
        default,
        deserialize_with = "rotate_every_s",
        skip_serializing_if = "Option::is_none"
    )]
    pub rotate_every_s: Option<u64>,
    /// The file of the first key, 32 octets as they are. Whoever builds the
    /// strategy reads it; the key is generated if it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
}

impl Default for Settings {
    /// One hour, two seconds, one key for ever, generated.
    fn default() -> Self {
        Self {
            lifetime_ms: default_lifetime_ms(),
            skew_ms: default_skew_ms(),
            rotate_every_s: None,
            key_file: None,
        }
    }
}

impl Settings {
    /// How the keys of such cookies change. Who opens shares the ring with who
    /// seals, so a new key need not be shown before.
    #[must_use]
    pub fn rotation(&self) -> Rotation {
        Rotation {
            every_ms: self.rotate_every_s.map(|every_s| every_s * 1000),
            announce_ms: 0,
            // A replica whose clock is behind seals that much longer with a
            // key, and another one's is ahead when it forgets it.
            overlap_ms: self.lifetime_ms + 2 * self.skew_ms,
        }
    }

    pub(super) fn check(&self, ring: Option<&Rotation>) -> Result<(), SettingsError> {
        let Self {
            lifetime_ms,
            skew_ms,
            ..
        } = *self;
        if !(1..=MAX_LIFETIME_MS).contains(&lifetime_ms) || skew_ms > MAX_SKEW_MS {
            return Err(SettingsError::Range {
                lifetime_ms,
                skew_ms,
            });
        }
        let wanted = self.rotation();
        if let Some(rotate_every_s) = self.rotate_every_s {
            // Two places for what is sealing now and what has just ceased.
            let periods = MAX_KEYS as u64 / 2 - 2;
            let least_s = wanted.overlap_ms.div_ceil(1000 * periods);
            if !(least_s..=MAX_KEY_PERIOD_S).contains(&rotate_every_s) {
                return Err(SettingsError::RotateEvery {
                    rotate_every_s,
                    least_s,
                });
            }
        }
        let fits = ring.map_or(wanted.every_ms.is_none(), |ring| {
            ring.overlap_ms >= wanted.overlap_ms && ring.every_ms == wanted.every_ms
        });
        if fits {
            Ok(())
        } else {
            Err(SettingsError::Ring)
        }
    }
}

/// Settings that make no sealed cookies.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A number is out of its bounds.
    #[error(
        "lifetime_ms is {lifetime_ms}, allowed are 1 to {MAX_LIFETIME_MS}; skew_ms is \
         {skew_ms}, at most {MAX_SKEW_MS} are allowed"
    )]
    Range {
        /// What the settings say.
        lifetime_ms: u64,
        /// What the settings say.
        skew_ms: u64,
    },
    /// The ring lets go of its keys before their last cookie has expired, or
    /// cannot change keys though the settings say so.
    #[error("the key ring was made for other settings")]
    Ring,
    /// Keys would change so often that too many would have to be kept.
    #[error(
        "rotate_every_s is {rotate_every_s}, at least {least_s} are needed with this \
         lifetime_ms, at most {MAX_KEY_PERIOD_S} are allowed"
    )]
    RotateEvery {
        /// What the settings say.
        rotate_every_s: u64,
        /// The least for these settings.
        least_s: u64,
    },
}
