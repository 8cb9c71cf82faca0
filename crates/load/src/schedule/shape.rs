//! How a rate changes, and when so many arrivals are expected.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// How the rate of arrivals changes over the measured time.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Shape {
    /// Not at all.
    Steady {
        /// Arrivals per second.
        rate_per_s: f64,
    },
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

impl Shape {
    /// Arrivals per second on average over `duration_ms`.
    #[must_use]
    pub fn mean_per_s(&self, duration_ms: u64) -> f64 {
        let duration_ns = duration_ms.saturating_mul(1_000_000);
        if let Self::Steady { rate_per_s } = self {
            return *rate_per_s;
        }
        let duration_s = duration_ns as f64 / 1e9;
        if duration_s == 0.0 {
            return 0.0;
        }
        let slopes = self.slopes(duration_ns);
        slopes.iter().map(Slope::expected).sum::<f64>() / duration_s
    }

    /// Arrivals per second before the shape begins: at its start, or between
    /// bursts.
    #[must_use]
    pub fn first_per_s(&self) -> f64 {
        match self {
            Self::Steady { rate_per_s } => *rate_per_s,
            Self::Ramp { from_per_s, .. } => *from_per_s,
            Self::Steps { rates_per_s } => rates_per_s.first().copied().unwrap_or(0.0),
            Self::Bursts { base_per_s, .. } => *base_per_s,
        }
    }

    /// Its parts, over a duration that is not 0.
    fn slopes(&self, duration_ns: u64) -> Vec<Slope> {
        let whole_s = duration_ns as f64 / 1e9;
        match self {
            Self::Steady { rate_per_s } => vec![Slope::flat(*rate_per_s, whole_s)],
            Self::Ramp {
                from_per_s,
                to_per_s,
            } => vec![Slope {
                from_per_s: *from_per_s,
                to_per_s: *to_per_s,
                duration_s: whole_s,
            }],
            Self::Steps { rates_per_s } => {
                let each_s = whole_s / rates_per_s.len().max(1) as f64;
                let steps = rates_per_s.iter();
                steps.map(|rate| Slope::flat(*rate, each_s)).collect()
            }
            Self::Bursts {
                base_per_s,
                burst_per_s,
                every_ms,
                burst_ms,
            } => {
                let burst_s = *burst_ms as f64 / 1e3;
                let pause_s = every_ms.saturating_sub(*burst_ms) as f64 / 1e3;
                let mut slopes = Vec::new();
                let mut left_s = whole_s;
                let parts = [(*burst_per_s, burst_s), (*base_per_s, pause_s)];
                // Neither length is 0 for ever: `every_ms` is at least 1.
                while left_s > 0.0 && burst_s + pause_s > 0.0 {
                    for (rate, length_s) in parts {
                        let duration_s = f64::min(length_s, left_s);
                        if duration_s > 0.0 {
                            slopes.push(Slope::flat(rate, duration_s));
                        }
                        left_s -= length_s;
                    }
                }
                slopes
            }
        }
    }
}

/// A stretch on which the rate changes evenly.
#[derive(Clone, Copy, Debug)]
struct Slope {
    from_per_s: f64,
    to_per_s: f64,
    duration_s: f64,
}

impl Slope {
    const fn flat(rate_per_s: f64, duration_s: f64) -> Self {
        Self {
            from_per_s: rate_per_s,
            to_per_s: rate_per_s,
            duration_s,
        }
    }

    /// Arrivals that are expected on it.
    fn expected(&self) -> f64 {
        f64::midpoint(self.from_per_s, self.to_per_s) * self.duration_s
    }

    /// Seconds from its start until `arrivals` are expected; not finite if
    /// they never are.
    fn seconds(&self, arrivals: f64) -> f64 {
        if arrivals == 0.0 {
            return 0.0;
        }
        // The root of from * t + growth / 2 * t^2 = arrivals, in the form that
        // loses no digits when the growth is small.
        let growth = (self.to_per_s - self.from_per_s) / self.duration_s;
        let growth = if growth.is_finite() { growth } else { 0.0 };
        let root = self.from_per_s * self.from_per_s + 2.0 * growth * arrivals;
        2.0 * arrivals / (self.from_per_s + root.max(0.0).sqrt())
    }
}

/// A shape's parts, walked once from the first to the last.
#[derive(Debug)]
pub(super) struct Slopes {
    /// The present part and those to come.
    rest: VecDeque<Slope>,
    /// Seconds before the present part.
    start_s: f64,
    /// Arrivals expected before it.
    before: f64,
}

impl Slopes {
    /// The last rate goes on after `duration_ns`.
    pub(super) fn new(shape: &Shape, duration_ns: u64) -> Self {
        let mut rest: VecDeque<Slope> = shape.slopes(duration_ns).into();
        if let Some(last) = rest.back().copied() {
            rest.push_back(Slope::flat(last.to_per_s, f64::INFINITY));
        }
        Self {
            rest,
            start_s: 0.0,
            before: 0.0,
        }
    }

    /// Nanoseconds until `expected` arrivals are expected, which must not be
    /// fewer than at the last call; `None` if they never are.
    pub(super) fn at(&mut self, expected: f64) -> Option<u64> {
        loop {
            let slope = self.rest.front()?;
            let own = slope.expected();
            // The last part has no end.
            if self.rest.len() > 1 && expected - self.before >= own {
                self.before += own;
                self.start_s += slope.duration_s;
                self.rest.pop_front();
                continue;
            }
            let at_ns = (self.start_s + slope.seconds(expected - self.before)) * 1e9;
            return at_ns.is_finite().then_some(at_ns as u64);
        }
    }
}
