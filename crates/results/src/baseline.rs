//! What is counted, and may only get better: `authbench.baseline/1`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::gate::MetricClass;
use crate::qualification::Standing;
use crate::source::Source;

/// A blessed state of the exact metrics and instruction counts.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// The version of this format.
    pub schema: BaselineVersion,
    /// When it was blessed (RFC 3339, UTC).
    #[schemars(extend("format" = "date-time"))]
    pub blessed_at: String,
    /// Why this state is good enough to hold others against, in the words of
    /// who blessed it.
    pub because: String,
    /// The code.
    pub source: Source,
    /// The machine and its tools, on which instruction counts depend.
    pub toolchain: Toolchain,
    /// Whether that machine was qualified.
    pub qualification: Standing,
    /// What was counted.
    pub figures: Vec<CountedFigure>,
    /// What a reader ought to know, one sentence each.
    pub warnings: Vec<String>,
}

/// The version of the format.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum BaselineVersion {
    /// The first version.
    #[serde(rename = "authbench.baseline/1")]
    V1,
}

impl BaselineVersion {
    /// The name that stands in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1 => "authbench.baseline/1",
        }
    }
}

/// What instruction counts depend on beside the code. They are compared only
/// where all of it is the same.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Toolchain {
    /// The machine's fingerprint: cryptographic code is chosen by what the
    /// processor can do.
    pub fingerprint: Option<String>,
    /// The compiler's version.
    pub rustc: Option<String>,
    /// Valgrind's version; null if there is none.
    pub valgrind: Option<String>,
}

/// What a bench has counted, as it hands that on.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// The figures.
    pub figures: Vec<CountedFigure>,
    /// What could not be counted, each with its reason.
    pub skipped: Vec<String>,
}

/// One figure that was counted: the same in every run over the same code.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CountedFigure {
    /// Exact or instructions.
    pub class: MetricClass,
    /// Which strategy (a recipe without its transport, or with it where that
    /// matters), e.g. `session.memory`.
    pub strategy: String,
    /// Which metric, its unit at the end: `authenticate_allocations`,
    /// `token_bytes`, `authenticate_instructions`.
    pub metric: String,
    /// The figure; more is worse.
    pub value: f64,
}
