//! When requests are meant to be sent.

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Exp1};
use serde::{Deserialize, Serialize};

use crate::seed::{self, Purpose};

/// How intended send times are spaced.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Process {
    /// Evenly.
    Constant,
    /// With exponentially distributed gaps, as independent users would.
    Poisson,
}

/// The intended instants of one load point: nanoseconds since its start, in
/// ascending order, without end. It knows nothing of the server, so nothing
/// that the server does can move or drop an arrival.
pub(crate) struct Schedule {
    gaps: Gaps,
    rate_per_s: u32,
}

enum Gaps {
    Constant {
        arrivals: u64,
    },
    Poisson {
        rng: Box<ChaCha8Rng>,
        elapsed_s: f64,
    },
}

impl Schedule {
    /// Arrivals at `rate_per_s` a second on average; a rate of 0 counts as 1.
    pub(crate) fn new(process: Process, rate_per_s: u32, seed: u64) -> Self {
        let gaps = match process {
            Process::Constant => Gaps::Constant { arrivals: 0 },
            Process::Poisson => {
                let seed = seed::for_purpose(seed, Purpose::Arrivals);
                let rng = Box::new(ChaCha8Rng::seed_from_u64(seed));
                Gaps::Poisson {
                    rng,
                    elapsed_s: 0.0,
                }
            }
        };
        Self {
            gaps,
            rate_per_s: rate_per_s.max(1),
        }
    }

    /// The next intended instant.
    pub(crate) fn next_ns(&mut self) -> u64 {
        match &mut self.gaps {
            Gaps::Constant { arrivals } => {
                let at = u128::from(*arrivals) * 1_000_000_000 / u128::from(self.rate_per_s);
                *arrivals += 1;
                u64::try_from(at).unwrap_or(u64::MAX)
            }
            Gaps::Poisson { rng, elapsed_s } => {
                let gap: f64 = Exp1.sample(rng);
                *elapsed_s += gap / f64::from(self.rate_per_s);
                (*elapsed_s * 1e9) as u64
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn first(process: Process, rate_per_s: u32, seed: u64, n: usize) -> Vec<u64> {
        let mut schedule = Schedule::new(process, rate_per_s, seed);
        (0..n).map(|_| schedule.next_ns()).collect()
    }

    #[test]
    fn constant_is_exact_for_ever() {
        let at = first(Process::Constant, 3, 1, 3_000_001);
        assert_eq!(at[..4], [0, 333_333_333, 666_666_666, 1_000_000_000]);
        assert_eq!(at[3_000_000], 1_000_000_000_000_000);
    }

    #[test]
    fn poisson_has_the_rate_and_the_spread_of_independent_users() {
        let n = 200_000;
        let at = first(Process::Poisson, 5_000, 42, n);
        let gaps: Vec<f64> = at
            .windows(2)
            .map(|pair| (pair[1] - pair[0]) as f64)
            .collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // Five standard errors of each; the coefficient of variation is 1.
        assert!(
            (mean - 200_000.0).abs() < 200_000.0 * 5.0 / (n as f64).sqrt(),
            "{mean}"
        );
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.02, "{variance}");
    }

    proptest! {
        #[test]
        fn same_seed_same_instants(seed: u64, rate in 1_u32..1_000_000) {
            let once = first(Process::Poisson, rate, seed, 100);
            prop_assert_eq!(&once, &first(Process::Poisson, rate, seed, 100));
            prop_assert!(once.is_sorted());
            prop_assert_ne!(once, first(Process::Poisson, rate, seed.wrapping_add(1), 100));
        }
    }
}
