//! One load point: a load to put a target under.

use std::sync::Arc;

use crate::scenario::{Mix, Routing};
use crate::schedule::{Recording, Shape, Spacing};

/// A load to put a target under.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadPoint {
    /// Which phase of the scenario it is, if there are phases.
    pub phase: Option<String>,
    /// When requests are sent.
    pub arrivals: Arrivals,
    /// Keep-alive connections over all replicas and lanes (and drivers, where
    /// this one has but a share); each lane has at least one.
    pub connections: u32,
    /// The load before measuring begins.
    pub warmup: Warmup,
    /// Milliseconds that are measured.
    pub measure_ms: u64,
    /// Equal parts of the measured time, at least 1.
    pub blocks: u32,
    /// Milliseconds from the intended instant after which an answer comes too
    /// late; also the longest wait for stragglers after the last arrival.
    pub timeout_ms: u64,
    /// What the users do.
    pub mix: Mix,
    /// The exponent of the law by which users are chosen (Zipf's); `None`:
    /// each in turn.
    pub zipf: Option<f64>,
    /// How requests are spread over the target's replicas.
    pub routing: Routing,
    /// Decides arrivals, choices and the order of users.
    pub seed: u64,
}

impl LoadPoint {
    /// Reads that arrive so, on one connection, measured for a second without
    /// a warm-up, in one block, with a second's patience.
    #[must_use]
    pub fn reads(arrivals: Arrivals) -> Self {
        Self {
            phase: None,
            arrivals,
            connections: 1,
            warmup: Warmup::default(),
            measure_ms: 1_000,
            blocks: 1,
            timeout_ms: 1_000,
            mix: Mix::reads(),
            zipf: None,
            routing: Routing::Sticky,
            seed: 0,
        }
    }
}

/// When requests are sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrivals {
    /// By a schedule that does not wait for answers.
    Open {
        /// How arrivals are spaced.
        spacing: Spacing,
        /// How their rate changes.
        shape: Shape,
    },
    /// As recorded, from the start for the warm-up and again for what is
    /// measured. When it is over it begins again
    /// ([`Recording::round_ns`]).
    Replay(Arc<Recording>),
    /// By users who wait for an answer before they ask again: a closed loop.
    /// The server sets the pace, so a stall is seen once for each user and not
    /// for all who would have come. A user who is ready waits for a free
    /// connection if all are busy, and that wait counts nowhere.
    Closed {
        /// Mean milliseconds between an answer and the next request of the
        /// same user, exponentially distributed; 0 is none.
        think_ms: f64,
    },
}

/// The load before measuring begins: a schedule's first rate (between bursts,
/// the base rate), and nothing of it counts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Warmup {
    /// Milliseconds that it lasts at least.
    pub at_least_ms: u64,
    /// It goes on until the median response times of reads in two stretches of
    /// `at_least_ms` (100 ms at least) differ by less than this many percent
    /// of the first. Of several lanes the first one's count.
    pub until_steady_percent: Option<u32>,
    /// Milliseconds after which it ends in any case.
    pub at_most_ms: u64,
}

impl Warmup {
    /// A warm-up of so many milliseconds.
    #[must_use]
    pub const fn fixed(ms: u64) -> Self {
        Self {
            at_least_ms: ms,
            until_steady_percent: None,
            at_most_ms: ms,
        }
    }
}

impl Arrivals {
    /// A steady open loop.
    #[must_use]
    pub const fn steady(spacing: Spacing, rate_per_s: f64) -> Self {
        Self::Open {
            spacing,
            shape: Shape::Steady { rate_per_s },
        }
    }

    /// Arrivals per second on average over `measure_ms`; `None` for a closed
    /// loop, where nobody means any rate.
    #[must_use]
    pub fn mean_per_s(&self, measure_ms: u64) -> Option<f64> {
        match self {
            Self::Open { shape, .. } => Some(shape.mean_per_s(measure_ms)),
            Self::Replay(recording) => Some(recording.mean_per_s()),
            Self::Closed { .. } => None,
        }
    }
}
