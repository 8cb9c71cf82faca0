//! The instants of a load point on the monotonic clock.

use crate::point::LoadPoint;

/// Not known yet.
pub(super) const UNKNOWN_NS: u64 = u64::MAX;

/// When what begins and ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) start_ns: u64,
    /// [`UNKNOWN_NS`] while the warm-up waits for steadiness.
    pub(super) measured_from_ns: u64,
    /// Nothing is meant to be sent from then on; [`UNKNOWN_NS`] likewise.
    pub(super) end_ns: u64,
    pub(super) timeout_ns: u64,
    measure_ns: u64,
    block_ns: u64,
    blocks: u64,
    longest_warmup_ns: u64,
}

impl Times {
    pub(super) fn new(point: &LoadPoint, start_ns: u64) -> Self {
        let ns = |ms: u64| ms.saturating_mul(1_000_000);
        let warmup = &point.warmup;
        let blocks = u64::from(point.blocks.max(1));
        let mut times = Self {
            start_ns,
            measured_from_ns: UNKNOWN_NS,
            end_ns: UNKNOWN_NS,
            timeout_ns: ns(point.timeout_ms),
            measure_ns: ns(point.measure_ms),
            block_ns: ns(point.measure_ms) / blocks,
            blocks,
            longest_warmup_ns: ns(warmup.at_least_ms),
        };
        if warmup.until_steady_percent.is_some() {
            times.longest_warmup_ns = ns(warmup.at_most_ms.max(warmup.at_least_ms));
        } else {
            times.measure_from(start_ns.saturating_add(times.longest_warmup_ns));
        }
        times
    }

    /// The warm-up ends then.
    pub(super) fn measure_from(&mut self, from_ns: u64) {
        self.measured_from_ns = from_ns;
        self.end_ns = from_ns.saturating_add(self.measure_ns);
    }

    /// Whether the warm-up waits for steadiness.
    pub(super) fn is_open(&self) -> bool {
        self.measured_from_ns == UNKNOWN_NS && self.end_ns == UNKNOWN_NS
    }

    /// When the warm-up ends even if nothing is steady.
    pub(super) fn warmup_limit_ns(&self) -> u64 {
        self.start_ns.saturating_add(self.longest_warmup_ns)
    }

    /// Nothing is awaited from then on.
    pub(super) fn drained_ns(&self) -> u64 {
        self.end_ns.saturating_add(self.timeout_ns)
    }

    /// The edge between two blocks that comes after the present one; the last
    /// edge is the end, and none of these.
    pub(super) fn edge_after(&self, now_ns: u64) -> u64 {
        let passed = now_ns.saturating_sub(self.measured_from_ns) / self.block_ns.max(1);
        if passed + 1 < self.blocks {
            self.measured_from_ns + (passed + 1) * self.block_ns
        } else {
            UNKNOWN_NS
        }
    }

    /// When it will have ended, as far as is known.
    pub(super) fn expected_end_ns(&self) -> u64 {
        if self.is_open() {
            self.warmup_limit_ns().saturating_add(self.measure_ns)
        } else {
            self.end_ns
        }
    }

    /// Nanoseconds that were measured.
    pub(super) fn measured_ns(&self) -> u64 {
        self.end_ns.saturating_sub(self.measured_from_ns)
    }
}
