//! The highest rate that a strategy carries.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The highest rate at which an objective held, and how it was found.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Knee {
    /// The objective: nanoseconds that the 99th percentile of the response
    /// time of reads must not exceed, with no failure.
    pub slo_ns_p99: u64,
    /// The highest rate per second at which it held; null if it held at none
    /// that was tried.
    pub rate_per_s: Option<f64>,
    /// The lowest rate per second above it at which it did not hold; null if
    /// it held at all that were tried: the knee lies higher.
    pub failed_at_per_s: Option<f64>,
    /// All tries, in order.
    pub tries: Vec<KneeTry>,
}

/// One rate that was tried.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KneeTry {
    /// Arrivals per second.
    pub rate_per_s: f64,
    /// The 99th percentile that was seen, nanoseconds; null without a read.
    pub response_ns_p99: Option<u64>,
    /// Requests that failed.
    pub failures: u64,
    /// Whether the objective held.
    pub held: bool,
    /// Why the try says nothing of the server (the driver was late, the
    /// machine was disturbed); null if it does.
    pub doubtful: Option<String>,
}
