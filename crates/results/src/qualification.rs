//! How well this machine serves as an instrument: `authbench.qualification/1`.
//! What `authbench gate --aa` and `--inject` found.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::gate::{Interleaving, MetricClass, Side, Verdict};
use crate::health::Health;
use crate::run::{Invalid, Scenario};

/// A/A gates below which nothing is concluded.
pub const AA_GATES_MIN: u32 = 10;

/// Gates whose right verdict was known beforehand.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Qualification {
    /// The version of this format.
    pub schema: QualificationVersion,
    /// Names this run among all others.
    pub id: String,
    /// When it began (RFC 3339, UTC).
    #[schemars(extend("format" = "date-time"))]
    pub started_at: String,
    /// When it ended (RFC 3339, UTC).
    #[schemars(extend("format" = "date-time"))]
    pub ended_at: String,
    /// The command line, without the program's name.
    pub arguments: Vec<String>,
    /// From which everything random was drawn.
    pub seed: u64,
    /// The version of authbench.
    pub tool_version: String,
    /// Whether it was stopped before its end; the rounds that are there are
    /// whole.
    pub interrupted: bool,
    /// Set when the run was found to be bad later.
    #[serde(default)]
    pub invalid: Option<Invalid>,
    /// The program that stood on both sides.
    pub subject: Side,
    /// The machine.
    pub environment: Environment,
    /// How quiet it was.
    pub health: Health,
    /// What gave strategies and mix.
    pub scenario: Scenario,
    /// How the sides were interleaved.
    pub interleaving: Interleaving,
    /// The budgets and rules, fully resolved (TOML).
    pub rules: String,
    /// The gates, in their order.
    pub gates: Vec<KnownGate>,
    /// What follows for each metric of each strategy.
    pub cells: Vec<CellStanding>,
    /// What a reader ought to know, one sentence each.
    pub warnings: Vec<String>,
}

impl Qualification {
    /// How many of its gates were A/A gates.
    #[must_use]
    pub fn aa_gates(&self) -> u32 {
        let aa = self.gates.iter().filter(|it| it.injected_percent == 0.0);
        u32::try_from(aa.count()).unwrap_or(u32::MAX)
    }

    /// What qualifications of one machine say together; `None` if there is
    /// none. The order is that of their ends, the last one first; what was
    /// retracted has no place among them.
    ///
    /// It is the last one of those with the most strategies among all that have
    /// [`AA_GATES_MIN`] A/A gates, or else the last that was not stopped. In the
    /// place of its cells stand those of the last qualification, over however
    /// few strategies, that judged them in as many A/A gates. So what was once
    /// found of a cell stays until it is found out anew.
    #[must_use]
    pub fn together(last_first: &[Self]) -> Option<Self> {
        let rank = |it: &&Self| {
            let is_enough = it.aa_gates() >= AA_GATES_MIN;
            let strategies = if is_enough { it.strategies() } else { 0 };
            (is_enough, is_enough || !it.interrupted, strategies)
        };
        let mut found = last_first.iter().rev().max_by_key(rank)?.clone();
        let mut cells: BTreeMap<(String, String), CellStanding> = BTreeMap::new();
        let mut keep = |cell: &CellStanding| {
            cells.insert((cell.strategy.clone(), cell.metric.clone()), cell.clone());
        };
        found.cells.iter().for_each(&mut keep);
        let others = last_first.iter().rev().flat_map(|it| &it.cells);
        let tried = others.filter(|cell| cell.aa_gates >= AA_GATES_MIN);
        tried.for_each(&mut keep);
        found.cells = cells.into_values().collect();
        Some(found)
    }

    fn strategies(&self) -> usize {
        let names: BTreeSet<&str> = self.cells.iter().map(|it| it.strategy.as_str()).collect();
        names.len()
    }
}

/// The version of the format.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum QualificationVersion {
    /// The first version.
    #[serde(rename = "authbench.qualification/1")]
    V1,
}

impl QualificationVersion {
    /// The name that stands in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1 => "authbench.qualification/1",
        }
    }
}

/// One gate over a program and itself.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KnownGate {
    /// Its round; gates of one round share the base's measurements.
    pub round: u32,
    /// By how many percent of its CPU the candidate was slowed down; 0 in an
    /// A/A gate.
    pub injected_percent: f64,
    /// Which operation was, e.g. `authenticate`; null for every request.
    pub injected_operation: Option<String>,
    /// Milliseconds that its blocks took, those of its confirmation included;
    /// blocks that it shared are counted in whole.
    pub duration_ms: u64,
    /// What it said in the end, as its exit code would: regressed is red.
    pub verdict: Verdict,
    /// What it said of each cell.
    pub cells: Vec<KnownCell>,
}

/// One cell of such a gate.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KnownCell {
    /// Which strategy.
    pub strategy: String,
    /// Which metric.
    pub metric: String,
    /// The effect, percent.
    pub effect_percent: Option<f64>,
    /// The lower end of its 95 % confidence interval.
    pub low_percent: Option<f64>,
    /// The upper end.
    pub high_percent: Option<f64>,
    /// The smallest effect that would have been seen, percent.
    pub visible_percent: Option<f64>,
    /// Whether the first blocks were red.
    pub red_at_first: bool,
    /// The verdict, after confirmation.
    pub verdict: Verdict,
}

/// Whether a metric of a strategy can be trusted on this machine.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CellStanding {
    /// Which strategy.
    pub strategy: String,
    /// Which metric.
    pub metric: String,
    /// Its class.
    pub class: MetricClass,
    /// A/A gates that judged it.
    pub aa_gates: u32,
    /// Those that were red.
    pub aa_red: u32,
    /// Gates with the largest slow-down that was injected.
    pub injected_gates: u32,
    /// Those that found it.
    pub injected_found: u32,
    /// How large it was, percent; null if none was injected.
    pub injected_percent: Option<f64>,
    /// Whether red verdicts of it may fail a gate on this machine.
    pub qualified: bool,
    /// Why not; null if it is.
    pub reason: Option<String>,
}

/// Whether the machine of a run was qualified: what every report shows.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// The qualification that it rests on; null if there is none for this
    /// machine.
    pub id: Option<String>,
    /// When that ended (RFC 3339, UTC).
    pub at: Option<String>,
    /// A/A gates in it.
    pub aa_gates: u32,
    /// Those that were red: false alarms.
    pub aa_red: u32,
    /// Slow-downs that were injected, smallest first.
    pub injected: Vec<InjectedStanding>,
    /// Metrics of strategies that qualified, `strategy/metric`.
    pub qualified: Vec<String>,
    /// Those that did not, and so are advice.
    pub unqualified: Vec<String>,
}

/// How often a known slow-down was found.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct InjectedStanding {
    /// How large it was, percent of the CPU of the operation.
    pub percent: f64,
    /// Of which operation; null for every request.
    pub operation: Option<String>,
    /// Gates over it.
    pub gates: u32,
    /// Those that were red.
    pub found: u32,
    /// Those that called it an improvement.
    pub improved: u32,
}

impl Standing {
    /// Whether there is a qualification at all.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        self.id.is_some()
    }

    /// Whether a metric of a strategy qualified.
    #[must_use]
    pub fn is_qualified(&self, strategy: &str, metric: &str) -> bool {
        self.qualified
            .iter()
            .any(|it| it.split_once('/') == Some((strategy, metric)))
    }

    /// Whether a metric of a strategy was tried and failed.
    #[must_use]
    pub fn has_failed(&self, strategy: &str, metric: &str) -> bool {
        self.unqualified
            .iter()
            .any(|it| it.split_once('/') == Some((strategy, metric)))
    }
}
