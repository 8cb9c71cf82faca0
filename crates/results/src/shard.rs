//! Runs that are parts of one run, made by several drivers at once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which part of a run this is. The parts' schedules and users together are
/// those of the run on one machine.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// Its number, from 0.
    pub index: u32,
    /// How many parts there are.
    pub of: u32,
    /// When load was to begin (RFC 3339, UTC).
    #[schemars(extend("format" = "date-time"))]
    pub start_at: String,
    /// Milliseconds from then until it began; below 0 never.
    pub late_ms: u64,
    /// SHA-256 of the program that ran, in hexadecimal: parts made by
    /// different programs are not merged.
    pub program_sha256: String,
}

/// A merged run's parts.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MergedFrom {
    /// The parts' run identifiers, by their number.
    pub runs: Vec<String>,
    /// Milliseconds between the first and the last part's beginning.
    pub start_skew_ms: u64,
}
