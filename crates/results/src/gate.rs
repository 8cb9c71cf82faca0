//! The judgement of a change: `authbench.gate/1`. What `authbench compare` and
//! `authbench gate` found, with the raw samples that it follows from.

mod cell;
mod sample;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::health::Health;
use crate::qualification::Standing;
use crate::run::{Invalid, Scenario};
use crate::source::Source;

pub use cell::{Confirmation, GateCell, MetricClass, Verdict};
pub use sample::{LaunchedArm, PairedBlock, Round, Segment};

/// A candidate beside its base.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GateReport {
    /// The version of this format.
    pub schema: GateVersion,
    /// What was compared, when and how.
    pub run: GateRun,
    /// What the candidate is held against.
    pub base: Side,
    /// What is judged.
    pub candidate: Side,
    /// The machine; null where nothing was measured (files).
    pub environment: Option<Environment>,
    /// How quiet the machine was over the whole run; null likewise.
    pub health: Option<Health>,
    /// The scenario that gave strategies and mix; null where nothing was
    /// measured.
    pub scenario: Option<Scenario>,
    /// How the sides were interleaved; null where they were not.
    pub interleaving: Option<Interleaving>,
    /// The budgets and rules, fully resolved (TOML).
    pub rules: String,
    /// Whether this machine was qualified as an instrument.
    pub qualification: Standing,
    /// What became of each class of metrics, in the order exact, instructions,
    /// CPU, wall.
    pub classes: Vec<ClassReport>,
    /// The judgements: one metric of one strategy each.
    pub cells: Vec<GateCell>,
    /// Raw samples, in the order in which they were taken.
    pub blocks: Vec<PairedBlock>,
    /// The judgement of the whole.
    pub verdict: Verdict,
    /// Why nothing could be judged, in one sentence with the way out; null
    /// if it could. Not null exactly with [`Verdict::NotMeasured`].
    pub reason: Option<String>,
    /// What a reader ought to know before believing the rest, one sentence
    /// each.
    pub warnings: Vec<String>,
}

/// The version of the format.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum GateVersion {
    /// The first version.
    #[serde(rename = "authbench.gate/1")]
    V1,
}

impl GateVersion {
    /// The name that stands in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1 => "authbench.gate/1",
        }
    }
}

/// What was compared, when and how.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GateRun {
    /// Names this run among all others.
    pub id: String,
    /// When it began (RFC 3339, UTC).
    #[schemars(extend("format" = "date-time"))]
    pub started_at: String,
    /// When it ended (RFC 3339, UTC).
    #[schemars(extend("format" = "date-time"))]
    pub ended_at: String,
    /// Whether it was to judge or merely to compare.
    pub purpose: GatePurpose,
    /// The command line, without the program's name.
    pub arguments: Vec<String>,
    /// From which orders, paddings and arrivals were drawn.
    pub seed: u64,
    /// The version of authbench.
    pub tool_version: String,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
    /// Set when the run was found to be bad later.
    #[serde(default)]
    pub invalid: Option<Invalid>,
}

/// What a comparison was made for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GatePurpose {
    /// To be looked at.
    Compare,
    /// To decide whether the candidate may pass.
    Gate,
    /// The same binary against itself.
    Aa,
    /// The same binary against itself, slowed down on purpose.
    Inject,
}

/// One of the two things that are compared.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Side {
    /// As it was named on the command line: a file, a binary, a revision.
    pub named: String,
    /// What that was.
    pub kind: SideKind,
    /// The code behind it, as far as can be told.
    pub source: Source,
    /// The machine that a file was made on; null for what runs here.
    pub fingerprint: Option<String>,
    /// By how much it was slowed down on purpose, e.g. `10%` or
    /// `10%:authenticate`; null if it was not.
    pub injected: Option<String>,
}

/// What a side is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SideKind {
    /// A result file.
    File,
    /// A program.
    Binary,
    /// A revision, built in a worktree of its own.
    Revision,
    /// The working tree, built as it is.
    Tree,
    /// A baseline under `results/baselines`.
    Baseline,
}

/// How the sides were interleaved.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Interleaving {
    /// Blocks of each strategy, in each of which every side is measured in
    /// random orders and their mirror images.
    pub blocks: u32,
    /// Fresh blocks in which a red result must recur.
    pub confirm_blocks: u32,
    /// Milliseconds of load before a side is measured in a block.
    pub warmup_ms: u64,
    /// Milliseconds of each of its measurements.
    pub segment_ms: u64,
    /// How often, in a block, all sides are measured in an order and its mirror
    /// image.
    pub palindromes: u32,
    /// Arrivals per second, by strategy: at most half of what the base could
    /// take.
    pub rates_per_s: std::collections::BTreeMap<String, u32>,
    /// Connections.
    pub connections: u32,
    /// Users, each with a login of its own.
    pub users: u32,
    /// The version of the frozen control workload.
    pub control_version: u32,
}

/// What became of a class of metrics.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClassReport {
    /// Which.
    pub class: MetricClass,
    /// Whether it was measured on both sides.
    pub measured: bool,
    /// Whether its red results fail the gate; else they are advice.
    pub binding: bool,
    /// Why it was not measured, or is not binding; null if it was and is.
    pub reason: Option<String>,
}
