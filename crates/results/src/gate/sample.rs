//! Raw samples of an interleaved comparison.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One block of one strategy: once or several times every arm is measured twice,
/// in a random order and its mirror image (with two arms ABBA or BAAB: a
/// palindrome), so that drift that is steady over a palindrome cancels, and with
/// the order drawn at random the arms' labels are exchangeable where there is no
/// effect.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PairedBlock {
    /// Which strategy.
    pub strategy: String,
    /// Whether it was to find or to confirm.
    pub round: Round,
    /// Its place in the run's order of blocks.
    pub index: u32,
    /// The processes that were started for it: 0 is the base, the others are
    /// candidates.
    pub arms: Vec<LaunchedArm>,
    /// The measurements, in their order: one palindrome after the other, of twice
    /// as many measurements as there are arms.
    pub segments: Vec<Segment>,
    /// Why it does not count, never because of how a server did; null if it
    /// counts.
    pub rejected: Option<String>,
}

/// What a block is for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Round {
    /// The first look at all cells.
    Find,
    /// A second look, with fresh processes, at those that were red.
    Confirm,
}

/// A server process of a block.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LaunchedArm {
    /// Octets that were added to its environment, drawn at random: where the
    /// stack begins depends on it, and speed on that.
    pub padding_bytes: u32,
}

/// One measurement of one arm.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// Which arm: 0 is the base.
    pub arm: u32,
    /// Requests that were answered while `server_cpu_ns` was spent.
    pub completed: u64,
    /// Requests that were answered wrongly, or whose connection broke. Those that
    /// were not answered by the end of the measurement are not among them: a
    /// server that is too slow is judged by its CPU time.
    pub failures: u64,
    /// Those of the failures that were acceptances of what had ended.
    pub accepted_dead: u64,
    /// CPU time of the server, nanoseconds; 0 if it could not be read, as when
    /// the driver slept through an end of the measurement.
    pub server_cpu_ns: u64,
    /// CPU time of the frozen control workload on the server's core in the
    /// same time, nanoseconds.
    pub control_cpu_ns: u64,
    /// Units of that workload that were done.
    pub control_units: u64,
    /// Median response time, nanoseconds.
    pub response_ns_p50: u64,
    /// 99th percentile of the response time, nanoseconds.
    pub response_ns_p99: u64,
    /// 99th percentile of how late the driver sent, nanoseconds.
    pub lag_ns_p99: u64,
}

impl PairedBlock {
    /// Its palindromes, in their order; what is left of one that is not whole
    /// comes last.
    pub fn palindromes(&self) -> impl Iterator<Item = &[Segment]> {
        self.segments.chunks((2 * self.arms.len()).max(1))
    }
}

impl Segment {
    /// CPU time of the server for one request, nanoseconds; none without a
    /// request.
    #[must_use]
    pub fn server_cpu_ns_per_request(&self) -> Option<f64> {
        (self.completed > 0).then(|| self.server_cpu_ns as f64 / self.completed as f64)
    }

    /// CPU time of the control for one unit, nanoseconds; none without a unit.
    #[must_use]
    pub fn control_ns_per_unit(&self) -> Option<f64> {
        (self.control_units > 0).then(|| self.control_cpu_ns as f64 / self.control_units as f64)
    }
}
