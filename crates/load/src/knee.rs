//! The search for the knee: the highest rate at which an objective holds.

/// Tries of one rate beyond the first, where its tries are doubtful.
const REPEATS_MAX: u32 = 2;

/// Between which rates the knee is sought, and how closely.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KneeBounds {
    /// The first rate that is tried, per second; more than 0.
    pub from_per_s: f64,
    /// The highest rate that is tried, per second; `from_per_s` at least.
    pub to_per_s: f64,
    /// How near the two rates between which the knee lies are at last, percent
    /// of the lower; more than 0.
    pub precision_percent: f64,
}

/// What a rate that was tried has shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Try {
    /// Whether the objective held.
    pub held: bool,
    /// Whether that says nothing of the server: the driver was late, the
    /// machine was disturbed.
    pub is_doubtful: bool,
}

/// A rate that was tried, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tried {
    /// Arrivals per second.
    pub rate_per_s: f64,
    /// What it has shown.
    pub shown: Try,
}

/// The knee.
#[derive(Clone, Debug, PartialEq)]
pub struct Knee {
    /// The highest rate at which the objective held; `None` if it did not at
    /// `from_per_s`.
    pub rate_per_s: Option<f64>,
    /// The lowest rate above it at which it did not hold; `None` if it held at
    /// `to_per_s`: the knee lies higher.
    pub failed_at_per_s: Option<f64>,
    /// Whether one of the two rates was taken on a doubtful try.
    pub is_doubtful: bool,
    /// All tries, in order, repeated ones included.
    pub tries: Vec<Tried>,
}

/// Seeks the highest rate at which the objective holds: doubles the rate until
/// it fails, then halves the distance (of the rates' logarithms) between the
/// highest that held and the lowest that failed, until they are near enough.
///
/// A doubtful try is repeated, twice at most, and then taken as it is. A rate
/// that failed above one that held is tried once more before that is believed:
/// next to the knee the tail of the response times is noisy, and one
/// disturbance must not halve the result.
///
/// # Errors
/// Whatever `try_rate` returns; the search ends there.
pub fn search<E>(
    bounds: KneeBounds,
    mut try_rate: impl FnMut(f64) -> Result<Try, E>,
) -> Result<Knee, E> {
    let mut search = Search {
        try_rate: &mut try_rate,
        tries: Vec::new(),
    };
    let factor = 1.0 + (bounds.precision_percent / 100.0).max(1e-6);
    let to_per_s = bounds.to_per_s.max(bounds.from_per_s);
    let mut held: Option<Tried> = None;
    let mut failed: Option<Tried> = None;
    let mut next_per_s = Some(bounds.from_per_s);
    while let Some(rate_per_s) = next_per_s {
        let tried = search.settle(rate_per_s)?;
        if tried.shown.held {
            held = Some(tried);
        } else {
            failed = Some(tried);
        }
        next_per_s = match (held, failed) {
            (Some(held), None) if held.rate_per_s < to_per_s => {
                Some((held.rate_per_s * 2.0).min(to_per_s))
            }
            (Some(held), Some(failed)) if failed.rate_per_s > held.rate_per_s * factor => {
                Some((held.rate_per_s * failed.rate_per_s).sqrt())
            }
            _ => None,
        };
    }
    let is_doubtful = |tried: Option<Tried>| tried.is_some_and(|tried| tried.shown.is_doubtful);
    Ok(Knee {
        rate_per_s: held.map(|tried| tried.rate_per_s),
        failed_at_per_s: failed.map(|tried| tried.rate_per_s),
        is_doubtful: is_doubtful(held) || is_doubtful(failed),
        tries: search.tries,
    })
}

struct Search<'f, F> {
    try_rate: &'f mut F,
    tries: Vec<Tried>,
}

impl<F: FnMut(f64) -> Result<Try, E>, E> Search<'_, F> {
    /// Tries a rate until it is clear, or often enough.
    fn settle(&mut self, rate_per_s: f64) -> Result<Tried, E> {
        let first = self.clear(rate_per_s)?;
        if first.shown.held || first.shown.is_doubtful {
            return Ok(first);
        }
        self.clear(rate_per_s)
    }

    /// Tries a rate, again while that is doubtful.
    fn clear(&mut self, rate_per_s: f64) -> Result<Tried, E> {
        let mut repeats = 0;
        loop {
            let shown = (self.try_rate)(rate_per_s)?;
            let tried = Tried { rate_per_s, shown };
            self.tries.push(tried);
            if !shown.is_doubtful || repeats == REPEATS_MAX {
                return Ok(tried);
            }
            repeats += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    const BOUNDS: KneeBounds = KneeBounds {
        from_per_s: 100.0,
        to_per_s: 100_000.0,
        precision_percent: 5.0,
    };

    fn clear(held: bool) -> Try {
        Try {
            held,
            is_doubtful: false,
        }
    }

    fn knee(bounds: KneeBounds, mut shown: impl FnMut(f64) -> Try) -> Knee {
        let found: Result<_, Infallible> = search(bounds, |rate| Ok(shown(rate)));
        found.unwrap()
    }

    /// The 99th percentile of the time in an M/M/1 queue, seconds.
    fn p99_s(service_per_s: f64, rate_per_s: f64) -> f64 {
        if rate_per_s >= service_per_s {
            return f64::INFINITY;
        }
        100_f64.ln() / (service_per_s - rate_per_s)
    }

    /// The rate at which that is `slo_s`.
    fn truth_per_s(service_per_s: f64, slo_s: f64) -> f64 {
        service_per_s - 100_f64.ln() / slo_s
    }

    fn assert_encloses(knee: &Knee, truth_per_s: f64) {
        let (held, failed) = (knee.rate_per_s.unwrap(), knee.failed_at_per_s.unwrap());
        assert!(held <= truth_per_s && truth_per_s <= failed, "{knee:?}");
        assert!(failed <= held * 1.05, "{knee:?}");
    }

    proptest! {
        #[test]
        fn the_knee_of_a_queue_is_enclosed(service_per_s in 2_000.0..90_000.0, slo_ms in 3.0..100.0) {
            let slo_s = slo_ms / 1e3;
            let truth = truth_per_s(service_per_s, slo_s);
            prop_assume!(truth > BOUNDS.from_per_s);
            let found = knee(BOUNDS, |rate| clear(p99_s(service_per_s, rate) <= slo_s));
            assert_encloses(&found, truth);
            prop_assert!(found.tries.len() < 40, "{}", found.tries.len());
            prop_assert!(!found.is_doubtful);
        }

        /// What was measured is off by up to a tenth either way: then so is
        /// the knee, and no more.
        #[test]
        fn noise_moves_the_knee_by_no_more_than_itself(seed: u64) {
            let (service_per_s, slo_s) = (20_000.0, 0.01);
            let mut number = 0;
            let found = knee(BOUNDS, |rate| {
                number += 1;
                let noise = crate::seed::derive(seed, number) as f64 / u64::MAX as f64;
                let seen_s = p99_s(service_per_s, rate) * (0.9 + 0.2 * noise);
                clear(seen_s <= slo_s)
            });
            let low = truth_per_s(service_per_s, slo_s / 1.1);
            let high = truth_per_s(service_per_s, slo_s / 0.9);
            let held = found.rate_per_s.unwrap();
            prop_assert!(held <= high && found.failed_at_per_s.unwrap() >= low, "{:?}", found);
            prop_assert!(held >= low / 1.05, "{:?}", found);
        }
    }

    #[test]
    fn always_good_ends_at_the_highest_rate_and_always_bad_at_the_lowest() {
        let good = knee(BOUNDS, |_| clear(true));
        assert_eq!(good.rate_per_s, Some(100_000.0));
        assert_eq!(good.failed_at_per_s, None);
        let rates: Vec<f64> = good.tries.iter().map(|tried| tried.rate_per_s).collect();
        assert_eq!(rates[..3], [100.0, 200.0, 400.0]);
        let bad = knee(BOUNDS, |_| clear(false));
        assert_eq!((bad.rate_per_s, bad.failed_at_per_s), (None, Some(100.0)));
        assert_eq!(bad.tries.len(), 2, "not believed at once");
        let single = KneeBounds {
            to_per_s: 100.0,
            ..BOUNDS
        };
        assert_eq!(knee(single, |_| clear(true)).tries.len(), 1);
    }

    #[test]
    fn one_disturbance_is_not_believed() {
        let mut number = 0;
        let disturbed = knee(BOUNDS, |rate| {
            number += 1;
            // The fourth try fails whatever the rate is.
            clear(number != 4 && rate <= 5_000.0)
        });
        assert_encloses(&disturbed, 5_000.0);
    }

    #[test]
    fn a_doubtful_try_is_repeated_twice_and_then_taken() {
        let mut number = 0;
        let twice = knee(BOUNDS, |rate| {
            number += 1;
            Try {
                held: rate <= 5_000.0 && number > 2,
                is_doubtful: number <= 2,
            }
        });
        assert_encloses(&twice, 5_000.0);
        assert!(!twice.is_doubtful);
        let always = knee(BOUNDS, |rate| Try {
            held: rate <= 150.0,
            is_doubtful: true,
        });
        assert_encloses(&always, 150.0);
        assert!(always.is_doubtful);
        let at_first = always
            .tries
            .iter()
            .filter(|tried| tried.rate_per_s == 100.0);
        assert_eq!(at_first.count(), 3);
    }

    #[test]
    fn an_error_ends_the_search() {
        let error = search(BOUNDS, |rate| {
            if rate > 300.0 {
                Err("gone")
            } else {
                Ok(clear(true))
            }
        });
        assert_eq!(error, Err("gone"));
    }
}
