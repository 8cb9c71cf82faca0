//! How load was shaped and where it was sent: parts of [`crate::Load`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the rate of arrivals changes over the measured time.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Shape {
    /// Not at all.
    #[default]
    Steady,
    /// It grows or falls evenly.
    Ramp {
        /// Arrivals per second at the start.
        from_per_s: f64,
        /// Arrivals per second at the end.
        to_per_s: f64,
    },
    /// It stays on each of these for an equal part of the time.
    Steps {
        /// Arrivals per second, in order.
        rates_per_s: Vec<f64>,
    },
    /// It jumps up at regular intervals, first at the start.
    Bursts {
        /// Arrivals per second between bursts.
        base_per_s: f64,
        /// Arrivals per second within a burst.
        burst_per_s: f64,
        /// Milliseconds from the start of one burst to that of the next.
        every_ms: u64,
        /// Milliseconds that a burst lasts.
        burst_ms: u64,
    },
}

/// What stood behind the address that was put under load.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// Replicas of the service, each a process of its own.
    pub replicas: u32,
    /// How requests were spread over them.
    pub routing: Routing,
    /// Services that a request passes through, each of which judges the
    /// credential; 1 is no chain.
    pub hops: u32,
    /// Microseconds that were added to each round trip to the store.
    pub store_round_trip_us: u64,
}

impl Default for Topology {
    fn default() -> Self {
        Self {
            replicas: 1,
            routing: Routing::Sticky,
            hops: 1,
            store_round_trip_us: 0,
        }
    }
}

/// How requests are spread over replicas.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Routing {
    /// A login keeps to the replica that it was made on.
    Sticky,
    /// Each request goes to the next replica.
    RoundRobin,
}

/// One user action's share of a cell.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ActionFigures {
    /// What was done: `read`, `mutate`, `login`, `refresh`, ..
    pub action: String,
    /// What became of it.
    pub outcomes: crate::Outcomes,
    /// From the intended send time to the whole answer, as in
    /// [`crate::Latency::response`]; null where nothing was recorded.
    pub response: Option<crate::Histogram>,
    /// Octets that the client sent per exchange that was judged right.
    pub sent_bytes: crate::Metric,
    /// Octets that it received.
    pub received_bytes: crate::Metric,
}
