//! What a recipe says about its sessions.

use authbench_core::{IdlePromise, LimitPolicy, LoginLimit, Touch};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// The longest life of a session: 400 days, as long as a browser keeps a
/// cookie (RFC 6265bis 5.5).
pub const MAX_LIFETIME_MS: u64 = 400 * 24 * 60 * 60 * 1000;

/// The most logins that a limit may allow: whoever logs in under a limit reads
/// the whole list.
pub const MAX_LOGINS: u32 = 1_000;

/// How many uses of a session that is used all the time are written down until
/// it would have idled out, unless the settings say otherwise. One in twenty
/// ends a session at most 5 % early, and writes once in 90 s with a timeout of
/// half an hour.
const TOUCHES_PER_TIMEOUT: u64 = 20;

/// The settings of [`Session`](super::Session). In a recipe the keys are
/// `lifetime_ms`, `idle_ms`, `touch_after_ms`, `logins_max`, `over_limit`
/// (`reject` or `evict`) and `rotation`; each may be left out.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Settings {
    /// Milliseconds from login to the end of the session, whatever its use
    /// (ASVS 5.0 7.3.2). NIST SP 800-63B-4 allows 30 days at AAL1, 24 hours
    /// at AAL2 and 12 hours at AAL3. From 1 to [`MAX_LIFETIME_MS`].
    pub lifetime_ms: u64,
    /// When an unused session ends; none for only by its lifetime.
    pub idle: Option<Idle>,
    /// How many sessions a subject may have at once; none for any number.
    pub limit: Option<LoginLimit>,
    /// Whether a session may get a new identifier without a new login (ASVS
    /// 5.0 7.2.4 wants one at each re-authentication and change of privilege).
    pub rotation: bool,
}

impl Default for Settings {
    /// One hour, used or not, any number, no rotation.
    fn default() -> Self {
        Self {
            lifetime_ms: default_lifetime_ms(),
            idle: None,
            limit: None,
            rotation: false,
        }
    }
}

/// The end of a session that nobody uses (ASVS 5.0 7.3.1; NIST SP 800-63B-4
/// allows an hour at AAL2 and 15 minutes at AAL3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Idle {
    timeout_ms: u64,
    touch_after_ms: u64,
}

impl Idle {
    /// Ends a session `timeout_ms` after its latest use that was written down.
    /// A use is written down when the latest such one lies `touch_after_ms` or
    /// more back: a twentieth of the timeout if none, 0 for each use.
    ///
    /// # Errors
    /// [`SettingsError`] unless `touch_after_ms` is less than `timeout_ms`.
    pub const fn new(timeout_ms: u64, touch_after_ms: Option<u64>) -> Result<Self, SettingsError> {
        let touch_after_ms = match touch_after_ms {
            Some(ms) => ms,
            None => timeout_ms / TOUCHES_PER_TIMEOUT,
        };
        if touch_after_ms < timeout_ms {
            Ok(Self {
                timeout_ms,
                touch_after_ms,
            })
        } else {
            Err(SettingsError::Touch {
                touch_after_ms,
                idle_ms: timeout_ms,
            })
        }
    }

    /// Which uses the store writes down.
    #[must_use]
    pub const fn touch(self) -> Touch {
        Touch {
            after_ms: self.touch_after_ms,
            within_ms: self.timeout_ms,
        }
    }

    /// What that promises.
    #[must_use]
    pub const fn promise(self) -> IdlePromise {
        IdlePromise {
            timeout_ms: self.timeout_ms,
            early_ms: self.touch_after_ms,
        }
    }
}

/// Settings that contradict each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A session would idle out although it is used.
    #[error("touch_after_ms is {touch_after_ms}, but must be less than idle_ms, {idle_ms}")]
    Touch {
        /// What the settings say.
        touch_after_ms: u64,
        /// What the settings say.
        idle_ms: u64,
    },
    /// The idle timeout would never come.
    #[error("idle_ms is {idle_ms}, but must not exceed lifetime_ms, {lifetime_ms}")]
    Idle {
        /// What the settings say.
        idle_ms: u64,
        /// What the settings say.
        lifetime_ms: u64,
    },
    /// A key that says how another one works, without that one.
    #[error("{key} says nothing without {wanted}")]
    Alone {
        /// The key that is there.
        key: &'static str,
        /// The one that is not.
        wanted: &'static str,
    },
}

/// The settings as a recipe spells them.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default = "default_lifetime_ms", deserialize_with = "lifetime_ms")]
    lifetime_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idle_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    touch_after_ms: Option<u64>,
    #[serde(
        default,
        deserialize_with = "logins_max",
        skip_serializing_if = "Option::is_none"
    )]
    logins_max: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    over_limit: Option<LimitPolicy>,
    #[serde(default)]
    rotation: bool,
}

impl TryFrom<Written> for Settings {
    type Error = SettingsError;

    fn try_from(written: Written) -> Result<Self, SettingsError> {
        let alone = |key, wanted| Err(SettingsError::Alone { key, wanted });
        let lifetime_ms = written.lifetime_ms;
        let idle = match (written.idle_ms, written.touch_after_ms) {
            (None, None) => None,
            (None, Some(_)) => return alone("touch_after_ms", "idle_ms"),
            (Some(idle_ms), _) if idle_ms > lifetime_ms => {
                return Err(SettingsError::Idle {
                    idle_ms,
                    lifetime_ms,
                });
            }
            (Some(idle_ms), touch_after_ms) => Some(Idle::new(idle_ms, touch_after_ms)?),
        };
        let limit = match (written.logins_max, written.over_limit) {
            (None, None) => None,
            (None, Some(_)) => return alone("over_limit", "logins_max"),
            (Some(logins_max), policy) => Some(LoginLimit {
                logins_max,
                policy: policy.unwrap_or(LimitPolicy::Reject),
            }),
        };
        Ok(Self {
            lifetime_ms,
            idle,
            limit,
            rotation: written.rotation,
        })
    }
}

impl From<Settings> for Written {
    fn from(settings: Settings) -> Self {
        let Settings {
            lifetime_ms,
            idle,
            limit,
            rotation,
        } = settings;
        Self {
            lifetime_ms,
            idle_ms: idle.map(|idle| idle.timeout_ms),
            touch_after_ms: idle.map(|idle| idle.touch_after_ms),
            logins_max: limit.map(|limit| limit.logins_max),
            over_limit: limit.map(|limit| limit.policy),
            rotation,
        }
    }
}

pub(crate) const fn default_lifetime_ms() -> u64 {
    60 * 60 * 1000
}

/// Checked where it is read, so that the error can name the line and the
/// column.
pub(crate) fn lifetime_ms<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let lifetime_ms = u64::deserialize(from)?;
    if (1..=MAX_LIFETIME_MS).contains(&lifetime_ms) {
        Ok(lifetime_ms)
    } else {
        Err(D::Error::custom(format_args!(
            "lifetime_ms is {lifetime_ms}, allowed are 1 to {MAX_LIFETIME_MS} (400 days)"
        )))
    }
}

/// As [`lifetime_ms`].
fn logins_max<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    let logins_max = u32::deserialize(from)?;
    if (1..=MAX_LOGINS).contains(&logins_max) {
        Ok(Some(logins_max))
    } else {
        Err(D::Error::custom(format_args!(
            "logins_max is {logins_max}, allowed are 1 to {MAX_LOGINS}"
        )))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(json: serde_json::Value) -> Result<Settings, String> {
        serde_json::from_value(json).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        assert_eq!(read(json!({})), Ok(Settings::default()));
        let read = read(json!({"idle_ms": 2_000, "logins_max": 3})).unwrap();
        assert_eq!(read.idle, Some(Idle::new(2_000, Some(100)).unwrap()));
        let limit = read.limit.unwrap();
        assert_eq!((limit.logins_max, limit.policy), (3, LimitPolicy::Reject));
    }

    #[test]
    fn settings_survive_writing_and_reading() {
        let all = json!({"lifetime_ms": 9_000, "idle_ms": 500, "touch_after_ms": 0,
            "logins_max": 2, "over_limit": "evict", "rotation": true});
        for written in [json!({"lifetime_ms": 7, "rotation": false}), all] {
            let settings = read(written.clone()).unwrap();
            assert_eq!(serde_json::to_value(settings).unwrap(), written);
        }
    }

    #[test]
    fn contradictions_are_refused_with_their_reason() {
        for (written, word) in [
            (json!({"idle_ms": 10, "touch_after_ms": 10}), "less than"),
            (json!({"idle_ms": 0}), "less than"),
            (json!({"idle_ms": 11, "lifetime_ms": 10}), "exceed"),
            (json!({"touch_after_ms": 1}), "without idle_ms"),
            (json!({"over_limit": "evict"}), "without logins_max"),
            (json!({"logins_max": 0}), "allowed are 1"),
            (json!({"lifetime_ms": 0}), "allowed are 1"),
            (json!({"lifetime_ms": MAX_LIFETIME_MS + 1}), "400 days"),
            (json!({"idel_ms": 1}), "unknown field"),
        ] {
            let error = read(written.clone()).unwrap_err();
            assert!(error.contains(word), "{written}: {error}");
        }
    }
}
