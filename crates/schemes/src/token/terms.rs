//! What every recipe of a token format says, whatever the format: who signs,
//! for whom, for how long, and when its keys change. The formats' settings
//! read these fields with the readers of this module, so that a bound stands
//! once.

use authbench_core::{Refusal, UnixMs};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::policy::Policy;
use crate::keyring::{MAX_KEYS, Rotation};

/// The longest life of a token: 30 days, in seconds.
pub const MAX_TTL_S: u64 = 86_400 * 30;

/// The largest tolerance for other clocks, in milliseconds: "no more than a
/// few minutes" (RFC 7519 4.1.5), kept to one.
pub const MAX_SKEW_MS: u64 = 60_000;

/// The longest time that a key signs, and that it is shown before it signs:
/// 400 days, in seconds.
pub const MAX_KEY_PERIOD_S: u64 = 86_400 * 400;

/// Settings that make no format.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The key is of another algorithm (RFC 8725 3.1).
    #[error("the settings say {wanted}, the key is for {given}")]
    Key {
        /// What the settings say.
        wanted: &'static str,
        /// What the key is for.
        given: &'static str,
    },
    /// No issuer or no audience.
    #[error("issuer and audience must not be empty")]
    Nameless,
    /// The ring lets go of retired keys before their last token has expired,
    /// or cannot change keys though the settings say so.
    #[error("the key ring was made for other settings")]
    Ring,
    /// Keys would change so often that a verifier had to know too many.
    #[error(
        "rotate_every_s is {rotate_every_s}, at least {least_s} are needed with this life of \
         tokens and this announce_s, at most {MAX_KEY_PERIOD_S} are allowed"
    )]
    RotateEvery {
        /// What the settings say.
        rotate_every_s: u64,
        /// The least for these settings.
        least_s: u64,
    },
    /// `announce_s` is out of range.
    #[error("announce_s is {announce_s}, at most {MAX_KEY_PERIOD_S} are allowed")]
    Announce {
        /// What the settings say.
        announce_s: u64,
    },
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

/// The fields that all formats' settings share; see `jwt::Settings` for what
/// they mean.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Terms {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) ttl_s: u64,
    pub(crate) skew_ms: u64,
    pub(crate) rotate_every_s: Option<u64>,
    pub(crate) announce_s: u64,
}

impl Terms {
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        check_name(&self.issuer)?;
        check_name(&self.audience)?;
        check_ttl_s(self.ttl_s)?;
        check_skew_ms(self.skew_ms)?;
        check_announce_s(self.announce_s)?;
        if let Some(rotate_every_s) = self.rotate_every_s {
            let least_s = self.least_rotate_every_s();
            if !(least_s..=MAX_KEY_PERIOD_S).contains(&rotate_every_s) {
                return Err(SettingsError::RotateEvery {
                    rotate_every_s,
                    least_s,
                });
            }
        }
        Ok(())
    }

    /// What such tokens must say.
    pub(crate) fn policy(&self) -> Policy {
        Policy {
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            skew_ms: self.skew_ms,
        }
    }

    /// How the keys of such tokens change.
    ///
    /// A retired key is kept until the last token that it signed has expired
    /// on the slowest clock: a replica that is `skew_ms` ahead signs with it,
    /// by its own clock, that much after the ring retired it, and the life of
    /// that token is judged by one that is as much behind the one that forgets.
    pub(crate) fn rotation(&self) -> Rotation {
        Rotation {
            every_ms: self.rotate_every_s.map(|it| it.saturating_mul(1000)),
            announce_ms: self.announce_s * 1000,
            overlap_ms: self.ttl_s * 1000 + 2 * self.skew_ms,
        }
    }

    /// Whether a ring that keeps retired keys as `rotation` says is good for
    /// these tokens; `None` is a ring whose one key stays.
    pub(crate) fn check_ring(&self, rotation: Option<&Rotation>) -> Result<(), SettingsError> {
        let wanted = self.rotation();
        let fits = match rotation {
            None => wanted.every_ms.is_none(),
            Some(it) => it.overlap_ms >= wanted.overlap_ms && it.every_ms == wanted.every_ms,
        };
        if fits {
            Ok(())
        } else {
            Err(SettingsError::Ring)
        }
    }

    /// So that no more than half of [`MAX_KEYS`] are there by the schedule
    /// alone; the others are for changes by hand.
    fn least_rotate_every_s(&self) -> u64 {
        let Rotation {
            overlap_ms,
            announce_ms,
            ..
        } = self.rotation();
        let periods = MAX_KEYS as u64 / 2 - 2;
        (overlap_ms + announce_ms)
            .div_ceil(1000 * periods)
            .max(self.announce_s)
    }
}

/// Judges the clock's part of a token of `[not_before, expires_at)` at `at`.
/// "On or after" the expiry is too late (RFC 7519 4.1.4); a beginning may lie
/// up to `skew_ms` in the future.
pub(crate) const fn check_times(
    not_before: UnixMs,
    expires_at: UnixMs,
    at: UnixMs,
    skew_ms: u64,
) -> Result<(), Refusal> {
    if at.0 >= expires_at.0 {
        return Err(Refusal::Expired);
    }
    if not_before.0 > at.plus_ms(skew_ms).0 {
        return Err(Refusal::NotYetValid);
    }
    Ok(())
}

pub(crate) fn default_issuer() -> String {
    "https://issuer.authbench.test".to_owned()
}

pub(crate) fn default_audience() -> String {
    "https://api.authbench.test".to_owned()
}

pub(crate) const fn default_ttl_s() -> u64 {
    900
}

pub(crate) const fn default_skew_ms() -> u64 {
    2_000
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes a reference"
)]
pub(crate) const fn is_zero(number: &u64) -> bool {
    *number == 0
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

const fn check_announce_s(announce_s: u64) -> Result<(), SettingsError> {
    if announce_s > MAX_KEY_PERIOD_S {
        return Err(SettingsError::Announce { announce_s });
    }
    Ok(())
}

// What a file says is checked where it is read, so that the error can name
// the line and the column. What takes two fields is checked by the format.

pub(crate) fn name<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let name = String::deserialize(from)?;
    check_name(&name).map_err(D::Error::custom)?;
    Ok(name)
}

pub(crate) fn ttl_s<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let ttl_s = u64::deserialize(from)?;
    check_ttl_s(ttl_s).map_err(D::Error::custom)?;
    Ok(ttl_s)
}

pub(crate) fn skew_ms<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let skew_ms = u64::deserialize(from)?;
    check_skew_ms(skew_ms).map_err(D::Error::custom)?;
    Ok(skew_ms)
}

pub(crate) fn announce_s<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let announce_s = u64::deserialize(from)?;
    check_announce_s(announce_s).map_err(D::Error::custom)?;
    Ok(announce_s)
}

pub(crate) fn rotate_every_s<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    let every_s = u64::deserialize(from)?;
    if !(1..=MAX_KEY_PERIOD_S).contains(&every_s) {
        return Err(D::Error::custom(format_args!(
            "rotate_every_s is {every_s}, allowed are 1 to {MAX_KEY_PERIOD_S}"
        )));
    }
    Ok(Some(every_s))
}
