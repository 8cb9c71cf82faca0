//! How a metric went from commit to commit: `authbench.history/1`, one JSON
//! object a line, so that files of two branches merge by keeping all lines.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::gate::MetricClass;

/// One figure at one commit on one machine.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryLine {
    /// The version of this format.
    pub schema: HistoryVersion,
    /// The commit.
    pub commit: String,
    /// When that commit was made, or else when it was measured (RFC 3339,
    /// UTC): what lines are sorted by.
    #[schemars(extend("format" = "date-time"))]
    pub at: String,
    /// The machine, first twelve digits of its fingerprint.
    pub machine: String,
    /// The id of the run that it comes from; see [`HistoryLine::identity`].
    pub run: String,
    /// Which strategy.
    pub strategy: String,
    /// Which metric, its unit at the end.
    pub metric: String,
    /// What it was measured under, as far as it changes the figure: scenario,
    /// phase and load, `gate` and its scenario, a bench; empty for what is
    /// counted without load. Figures of different conditions are different
    /// series.
    #[serde(default)]
    pub conditions: String,
    /// Its class.
    pub class: MetricClass,
    /// The figure.
    pub value: f64,
    /// The lower end of its 95 % interval, if it has one.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

impl HistoryLine {
    /// Run, strategy, metric and conditions: two lines that agree in these are
    /// one figure, recorded twice.
    #[must_use]
    pub fn identity(&self) -> (&str, &str, &str, &str) {
        (&self.run, &self.strategy, &self.metric, &self.conditions)
    }
}

/// The version of the format.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum HistoryVersion {
    /// The first version.
    #[serde(rename = "authbench.history/1")]
    V1,
}

impl HistoryVersion {
    /// The name that stands in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1 => "authbench.history/1",
        }
    }
}
