//! What a run found out, as a versioned file: `authbench.result/1`; and what
//! follows from several, as files of their own.
//!
//! One file is one run on one machine. Every number of a report is computed
//! from that file alone, so raw histograms and raw blocks are kept beside the
//! summaries made from them, and a fact that could not be read is `null`, never
//! a guess. Units stand in the names: `_ns`, `_ms`, `_bytes`, `_per_s`.

mod baseline;
mod bench;
mod cell;
mod check;
mod conformance;
pub mod document;
mod environment;
mod facts;
mod fault;
mod file;
mod gate;
mod health;
mod histogram;
mod history;
mod knee;
mod merge;
mod qualification;
mod run;
pub mod schema;
mod shard;
mod source;
pub mod stats;
pub mod store;
mod traffic;

pub use baseline::{Baseline, BaselineVersion, CountedFigure, Counts, Toolchain};
pub use bench::BenchFigure;
pub use cell::{
    ArrivalProcess, Block, Cell, Costs, Latency, Load, LoadModel, Metric, OutcomeKind, Outcomes,
    RejectedBlock,
};
pub use check::Inconsistency;
pub use conformance::{
    Accepted, CaseReport, CheckOutcome, CheckReport, ConformanceReport, ConformanceTarget,
    ConformanceVersion, Evidence, Level, Measured, Severity,
};
pub use document::Document;
pub use environment::{Environment, Placement};
pub use facts::{
    ClockKind, Conformance, Durability, Guarantees, IdlePromise, LimitPolicy, Listing, Login,
    LoginLimit, Memory, OutageBehaviour, RefreshOffer, Revocation, SaturationBlock, Staleness,
    StrategyFacts,
};
pub use fault::FaultSeen;
pub use gate::{
    ClassReport, Confirmation, GateCell, GatePurpose, GateReport, GateRun, GateVersion,
    Interleaving, LaunchedArm, MetricClass, PairedBlock, Round, Segment, Side, SideKind, Verdict,
};
pub use health::{Health, Snapshot};
pub use histogram::{
    DecodeError, Encoding, Histogram, Interval, Unit, decode, recorder, value_at_rank,
};
pub use history::{HistoryLine, HistoryVersion};
pub use knee::{Knee, KneeTry};
pub use merge::{Difference, MergeError, merge};
pub use qualification::{
    AA_GATES_MIN, CellStanding, InjectedStanding, KnownCell, KnownGate, Qualification,
    QualificationVersion, Standing,
};
pub use run::{
    Invalid, Purpose, Run, RunResult, Scenario, SchemaVersion, Skipped, rfc3339, sha256_hex,
};
pub use shard::{MergedFrom, Shard};
pub use source::Source;
pub use traffic::{ActionFigures, Routing, Shape, Topology};
