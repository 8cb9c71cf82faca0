//! What the criterion benches found, and what is counted beside them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One figure of one bench.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BenchFigure {
    /// Which bench, e.g. `authenticate`.
    pub bench: String,
    /// Which case of it: names of its parameters, with `/` between.
    pub case: String,
    /// Of what the figure is: `ns` for a time per call, `octets` for a size.
    pub unit: String,
    /// The figure; of a time the median over criterion's samples.
    pub value: f64,
    /// The lower end of its 95 % confidence interval; null for what is counted
    /// and not estimated.
    pub low: Option<f64>,
    /// The upper end, likewise.
    pub high: Option<f64>,
}

impl BenchFigure {
    /// Whether the figure lies within its interval, where it has one.
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        self.value.is_finite()
            && self.low.is_none_or(|low| low <= self.value)
            && self.high.is_none_or(|high| self.value <= high)
    }
}
