//! When requests are meant to be sent.
//!
//! A schedule knows nothing of the server, so nothing that the server does can
//! move or drop an arrival.

mod recording;
mod shape;

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Exp1};
use serde::{Deserialize, Serialize};

use crate::seed::{self, Purpose};
use shape::Slopes;

pub use recording::Recording;
pub use shape::Shape;

/// How arrivals of a given rate are spaced.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spacing {
    /// Evenly: where the rate changes, so that equal parts of the expected
    /// arrivals lie between any two.
    Even,
    /// With exponentially distributed gaps, as independent users would.
    #[default]
    Poisson,
}

/// The intended instants of one stretch of load: nanoseconds since its start,
/// in ascending order.
#[derive(Debug)]
pub(crate) struct Schedule {
    slopes: Slopes,
    gaps: Gaps,
}

#[derive(Debug)]
enum Gaps {
    Even { arrivals: u64 },
    Poisson { rng: Box<ChaCha8Rng>, expected: f64 },
}

impl Schedule {
    /// Arrivals whose rate changes by `shape` over `duration_ns`, and stays at
    /// its last from then on.
    pub(crate) fn new(spacing: Spacing, shape: &Shape, duration_ns: u64, seed: u64) -> Self {
        let gaps = match spacing {
            Spacing::Even => Gaps::Even { arrivals: 0 },
            Spacing::Poisson => {
                let seed = seed::for_purpose(seed, Purpose::Arrivals);
                Gaps::Poisson {
                    rng: Box::new(ChaCha8Rng::seed_from_u64(seed)),
                    expected: 0.0,
                }
            }
        };
        Self {
            slopes: Slopes::new(shape, duration_ns),
            gaps,
        }
    }

    /// The next intended instant; `None` when no more come.
    pub(crate) fn next_ns(&mut self) -> Option<u64> {
        // The time at which so many arrivals are expected: the inverse of the
        // rate's integral turns arrivals at rate 1 into arrivals at any rate.
        let expected = match &mut self.gaps {
            Gaps::Even { arrivals } => {
                let expected = *arrivals as f64;
                *arrivals += 1;
                expected
            }
            Gaps::Poisson { rng, expected } => {
                let gap: f64 = Exp1.sample(rng);
                *expected += gap;
                *expected
            }
        };
        self.slopes.at(expected)
    }
}

#[cfg(test)]
mod tests;
