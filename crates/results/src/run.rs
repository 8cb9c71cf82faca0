//! One run: the file as a whole.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::bench::BenchFigure;
use crate::cell::Cell;
use crate::environment::Environment;
use crate::facts::StrategyFacts;
use crate::health::Health;
use crate::qualification::Standing;
use crate::shard::{MergedFrom, Shard};
use crate::source::Source;

/// One execution of one scenario on one machine. A fact that could not be
/// read is null. Instants are RFC 3339 in UTC; all other units stand in the
/// names.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RunResult {
    /// The version of this format.
    pub schema: SchemaVersion,
    /// What was run, when and why.
    pub run: Run,
    /// The code that was measured.
    pub source: Source,
    /// The machine it was measured on.
    pub environment: Environment,
    /// How quiet the machine was over the whole run.
    pub health: Health,
    /// What was asked for.
    pub scenario: Scenario,
    /// The measurements: one strategy at one load point each.
    pub cells: Vec<Cell>,
    /// What was found out once per strategy.
    pub strategies: Vec<StrategyFacts>,
    /// Strategies that the scenario names and that were not measured.
    pub skipped: Vec<Skipped>,
    /// What benches found; empty for a run under load.
    #[serde(default)]
    pub benches: Vec<BenchFigure>,
    /// Whether the machine was qualified as an instrument when it ran.
    #[serde(default)]
    pub qualification: Standing,
}

/// The version of the format.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum SchemaVersion {
    /// The first version.
    #[serde(rename = "authbench.result/1")]
    V1,
}

impl SchemaVersion {
    /// The name that stands in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1 => "authbench.result/1",
        }
    }
}

/// What was run, when and why.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Names this run among all others.
    pub id: String,
    /// When it began (RFC 3339, UTC).
    #[schemars(extend("format" = "date-time"))]
    pub started_at: String,
    /// When it ended (RFC 3339, UTC).
    #[schemars(extend("format" = "date-time"))]
    pub ended_at: String,
    /// What for.
    pub purpose: Purpose,
    /// The command line, without the program's name.
    pub arguments: Vec<String>,
    /// From which all arrivals, orders and users were drawn.
    pub seed: u64,
    /// The version of authbench.
    pub tool_version: String,
    /// Whether the run was stopped before its end: what is there is real, but
    /// not everything is there.
    pub interrupted: bool,
    /// Set when the run was found to be bad later: it is retracted, never
    /// deleted.
    pub invalid: Option<Invalid>,
    /// Which part of a run on several machines it is; null if it is whole.
    #[serde(default)]
    pub shard: Option<Shard>,
    /// The parts that it was merged from; null if it was not.
    #[serde(default)]
    pub merged_from: Option<MergedFrom>,
    /// What the reader ought to know before believing the numbers, one
    /// sentence each.
    pub warnings: Vec<String>,
}

/// What a run was made for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// To be compared with later.
    Baseline,
    /// To be compared with a baseline.
    Candidate,
    /// Routine.
    Nightly,
    /// Somebody wanted to know.
    AdHoc,
    /// The same binary against itself.
    Aa,
}

/// Why a run is retracted.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Invalid {
    /// In one sentence.
    pub reason: String,
}

/// What was asked for, complete: the run can be repeated from it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// SHA-256 of `text`, in lower-case hexadecimal.
    pub sha256: String,
    /// The fully resolved scenario (TOML).
    pub text: String,
}

impl Scenario {
    /// A scenario with this name and resolved text.
    #[must_use]
    pub fn new(name: String, text: String) -> Self {
        Self {
            name,
            sha256: sha256_hex(text.as_bytes()),
            text,
        }
    }
}

/// A strategy that was asked for and not measured.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Skipped {
    /// Which one.
    pub strategy: String,
    /// Why, and what would change that.
    pub reason: String,
    /// Whether the run is whole without it: the scenario names it for machines
    /// that have the server of its store, and this one has not.
    #[serde(default)]
    pub optional: bool,
}

/// The instant `unix_ms` (milliseconds since 1970, UTC) as RFC 3339; an
/// instant after the year 9999 is given as that year's end.
#[must_use]
pub fn rfc3339(unix_ms: u64) -> String {
    i64::try_from(unix_ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .unwrap_or(Timestamp::MAX)
        .to_string()
}

/// SHA-256 of `data`, in lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(data: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(data)
        .iter()
        .fold(String::with_capacity(64), |mut hex, octet| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{octet:02x}");
            hex
        })
}

/// Service versions by name, as in [`Environment::services`].
pub(crate) type Versions = BTreeMap<String, String>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_rfc_3339_and_never_panic() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
        assert!(rfc3339(u64::MAX).starts_with("9999-12-"));
    }

    #[test]
    fn digests_are_those_of_fips_180_4() {
        assert_eq!(
            sha256_hex(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
