//! One metric of one strategy, judged.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a metric may be trusted, and so how it is judged.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum MetricClass {
    /// Counted, and the same in every run: a ratchet.
    Exact,
    /// Instructions, compared with their own history only.
    Instructions,
    /// CPU time of the server per request.
    Cpu,
    /// Times that a user feels.
    Wall,
}

impl MetricClass {
    /// All, in the order of reports.
    pub const ALL: [Self; 4] = [Self::Exact, Self::Instructions, Self::Cpu, Self::Wall];

    /// Its name in files and options.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Instructions => "instructions",
            Self::Cpu => "cpu",
            Self::Wall => "wall",
        }
    }
}

/// What came out, of a metric or of the whole.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Shown to be worse by no more than the budget.
    Pass,
    /// Shown to be better by more than the budget.
    Improved,
    /// Neither shown to be within the budget nor beyond it.
    Inconclusive,
    /// Shown to be worse by more than the budget.
    Regressed,
    /// There is nothing to judge by.
    NotMeasured,
}

impl Verdict {
    /// Its name in files and outputs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Improved => "improved",
            Self::Inconclusive => "inconclusive",
            Self::Regressed => "regressed",
            Self::NotMeasured => "not measured",
        }
    }
}

/// One metric of one strategy, judged. Effects are changes of the candidate
/// against the base in percent of the base; of every metric here more is
/// worse, so a positive effect is a change for the worse.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GateCell {
    /// Which strategy; of instructions and allocations the scheme's case.
    pub strategy: String,
    /// Which metric, its unit at the end of the name: `server_cpu_ns_per_request`.
    pub metric: String,
    /// Its class.
    pub class: MetricClass,
    /// Its unit: `ns`, `bytes`, `count`, `instructions`.
    pub unit: String,
    /// The base's figure; of samples their median. Null if it has none.
    pub base: Option<f64>,
    /// The candidate's figure, likewise.
    pub candidate: Option<f64>,
    /// The effect; null where it cannot be computed (from nothing, or from 0).
    pub effect_percent: Option<f64>,
    /// The lower end of its 95 % confidence interval; null for what is counted.
    pub low_percent: Option<f64>,
    /// The upper end, likewise.
    pub high_percent: Option<f64>,
    /// How much worse it may be.
    pub budget_percent: f64,
    /// The probability, if the effect were just the budget, of blocks that
    /// speak at least as strongly for more; null for what is counted.
    pub p_worse: Option<f64>,
    /// The same after Holm's correction over the cells of its class.
    pub p_worse_holm: Option<f64>,
    /// The smallest effect that would have been called a regression with a
    /// probability of 80 %, by the noise of these blocks; null for what is
    /// counted.
    pub visible_percent: Option<f64>,
    /// How many pairs of measurements it rests on; 0 for what is counted.
    pub pairs: u32,
    /// The judgement.
    pub verdict: Verdict,
    /// Whether a red verdict fails the gate.
    pub binding: bool,
    /// What fresh blocks said to a red verdict; null if it was not red.
    pub confirmation: Option<Confirmation>,
    /// What a reader must know of it: why it is advice, an exception from the
    /// budget with its reason, what was left out. In sentences; null without.
    pub note: Option<String>,
}

/// What fresh blocks said.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// Whether they were red, too.
    pub recurred: bool,
    /// The effect in them, percent.
    pub effect_percent: f64,
    /// The lower end of its 95 % confidence interval, percent.
    pub low_percent: f64,
    /// The upper end.
    pub high_percent: f64,
    /// Their p after Holm's correction over the cells that were red.
    pub p_worse_holm: f64,
}

impl GateCell {
    /// Whether it fails the gate.
    #[must_use]
    pub fn is_red(&self) -> bool {
        self.binding && self.verdict == Verdict::Regressed
    }
}
