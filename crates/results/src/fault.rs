//! What was seen around a fault that the run itself caused.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Outcomes;

/// One fault and what it did. Times count from the instant at which the fault
/// was there.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSeen {
    /// What was broken, as the scenario names it: `store-refuse`, ..
    pub kind: String,
    /// Milliseconds from the start of the measured time to the fault, as
    /// planned.
    pub at_ms: u64,
    /// Nanoseconds from the start of the measured time until the fault was
    /// there.
    pub began_ns: u64,
    /// Nanoseconds that it lasted; null where it is not lifted (a rotation of
    /// keys, say) or was not lifted within the measured time.
    pub lasted_ns: Option<u64>,
    /// Nanoseconds until the first answer that was not right; null if none
    /// was. An answer counts when it came.
    pub first_failure_ns: Option<u64>,
    /// Nanoseconds from the end of the fault until the first right answer
    /// after which no failure came any more; null if that did not happen, or
    /// nothing failed, or the fault has no end.
    pub recovery_ns: Option<u64>,
    /// What became of the requests that ended while the fault lasted.
    pub during: Outcomes,
    /// What became of those that ended after it.
    pub after: Outcomes,
    /// Why the fault could not be caused or lifted, if so: then nothing here
    /// says anything about the strategy.
    pub failed: Option<String>,
}
