//! What is done once per strategy, apart from any load.

use authbench_conf::{ConfError, Located};
use serde::{Deserialize, Serialize};

use super::check::Check;

/// Logins that are timed one by one.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LoginTiming {
    /// How many with the password hash that production uses: up to 10,000.
    pub hashed: Located<u32>,
    /// How many without it, so that the strategy's own cost is seen: up to
    /// 1,000,000.
    pub unhashed: Located<u32>,
}

/// Logins that are held to see what they occupy.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// How many: up to 10,000,000; 0 skips it.
    pub logins: Located<u32>,
}

/// Logins that are ended to see how long their credentials live on.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// How many: up to 10,000; 0 skips it.
    pub logins: Located<u32>,
    /// Milliseconds after the acknowledgement at which the dead credential is
    /// shown, ascending: up to 600,000.
    pub replay_ms: Located<Vec<Located<u64>>>,
}

impl LoginTiming {
    pub(super) fn validate(&self, check: &Check<'_>) -> Result<(), ConfError> {
        check.within(&self.hashed, "`hashed` logins", 0, 10_000)?;
        check.within(&self.unhashed, "`unhashed` logins", 0, 1_000_000)
    }
}

impl Memory {
    pub(super) fn validate(&self, check: &Check<'_>) -> Result<(), ConfError> {
        check.within(&self.logins, "`logins` to hold", 0, 10_000_000)
    }
}

impl Revocation {
    pub(super) fn validate(&self, check: &Check<'_>) -> Result<(), ConfError> {
        check.within(&self.logins, "`logins` to end", 0, 10_000)?;
        let replays = &self.replay_ms;
        if replays.value.is_empty() && self.logins.value > 0 {
            return Err(check.fault(
                replays,
                "give at least one instant at which the dead credential is shown, e.g. [0, 1, 10]",
            ));
        }
        for replay in &replays.value {
            check.within(replay, "an instant of replay", 0, 600_000)?;
        }
        check.ascending(&replays.value, "instants of replay")
    }
}
