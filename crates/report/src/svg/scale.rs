//! From numbers to places on an axis.

/// An axis's scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scale {
    /// From 0 to `high`, evenly.
    Linear { high: f64, step: f64 },
    /// From `low` to `high`, evenly.
    Between { low: f64, high: f64, step: f64 },
    /// Nanoseconds from `low` to `high`, by ratio; both are above 0.
    Time { low: f64, high: f64 },
    /// Quantiles by their number of nines: 0, 90 %, 99 %, 99.9 % are evenly
    /// spaced.
    Nines { nines: f64 },
}

impl Scale {
    /// From 0 to a round number at or above `high`.
    pub(crate) fn linear(high: f64) -> Self {
        let high = if high.is_finite() && high > 0.0 {
            high
        } else {
            1.0
        };
        let step = round_step(high);
        Self::Linear {
            high: (high / step - 1e-9).ceil() * step,
            step,
        }
    }

    /// Around 0 and all of `values`, out to the next round numbers.
    pub(crate) fn signed(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = values
            .into_iter()
            .filter(|value| value.is_finite())
            .fold((0.0_f64, 0.0_f64), |(low, high), v| {
                (low.min(v), high.max(v))
            });
        let Self::Linear { step, .. } = Self::linear(high - low) else {
            return Self::Between {
                low,
                high,
                step: 1.0,
            };
        };
        let round = |value: f64| (value.abs() / step - 1e-9).ceil() * step;
        let (low, high) = (-round(low), round(high));
        Self::Between {
            low,
            high: if high > low { high } else { step },
            step,
        }
    }

    /// Around all of `values`, out to the next round numbers: small changes of
    /// large figures are seen. It need not begin at 0.
    pub(crate) fn around(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = values
            .into_iter()
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
                (low.min(v), high.max(v))
            });
        if low > high {
            return Self::linear(1.0);
        }
        // Where all are alike, a tenth to both sides.
        let least = (low.abs().max(high.abs()) * 0.1).max(f64::MIN_POSITIVE);
        let spread = high - low;
        let (low, high) = if spread > least * 1e-6 {
            (low, high)
        } else if low == 0.0 {
            return Self::linear(1.0);
        } else {
            (low - least, high + least)
        };
        let step = round_step(high - low);
        Self::Between {
            low: (low / step + 1e-9).floor() * step,
            high: (high / step - 1e-9).ceil() * step,
            step,
        }
    }

    /// Around all of `values` that are above 0, out to the next round time.
    pub(crate) fn time(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = values
            .into_iter()
            .filter(|value| value.is_finite() && *value > 0.0)
            .fold((f64::INFINITY, 0.0_f64), |(low, high), v| {
                (low.min(v), high.max(v))
            });
        if low > high {
            return Self::Time {
                low: 1.0,
                high: 10.0,
            };
        }
        let rounds = round_times();
        let below = rounds
            .iter()
            .copied()
            .rfind(|round| *round <= low)
            .unwrap_or(low);
        // Something must lie between the ends, also when all values are alike.
        let above = high.max(below * 1.5);
        let above = rounds
            .iter()
            .copied()
            .find(|round| *round >= above)
            .unwrap_or(above);
        Self::Time {
            low: below,
            high: above,
        }
    }

    /// Where `value` lies, 0 at the beginning and 1 at the end; beyond the
    /// ends it is put at the end.
    pub(crate) fn fraction(&self, value: f64) -> f64 {
        let fraction = match self {
            Self::Linear { high, .. } => value / high,
            Self::Between { low, high, .. } => (value - low) / (high - low),
            Self::Time { low, high } => (value / low).ln() / (high / low).ln(),
            Self::Nines { nines } => -(1.0 - value).log10() / nines,
        };
        if fraction.is_nan() {
            0.0
        } else {
            fraction.clamp(0.0, 1.0)
        }
    }

    /// The values to name.
    pub(crate) fn ticks(&self) -> Vec<f64> {
        match *self {
            Self::Linear { high, step } => {
                let steps = (high / step).round() as u32;
                (0..=steps).map(|n| f64::from(n) * step).collect()
            }
            Self::Between { low, high, step } => {
                let steps = ((high - low) / step).round() as u32;
                (0..=steps).map(|n| low + f64::from(n) * step).collect()
            }
            Self::Time { low, high } => time_ticks(low, high),
            Self::Nines { nines } => {
                let whole = nines.floor() as i32;
                let tens = (1..=whole).map(|n| 1.0 - 10_f64.powi(-n));
                [0.0, 0.5].into_iter().chain(tens).collect()
            }
        }
    }
}

/// The round number of which about five make `span`.
fn round_step(span: f64) -> f64 {
    let rough = span / 5.0;
    let decade = 10_f64.powf(rough.log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0]
        .map(|factor| factor * decade)
        .into_iter()
        .find(|step| *step >= rough * 0.999)
        .unwrap_or(10.0 * decade)
}

/// Every round time over a short span, only the roundest over a long one.
fn time_ticks(low: f64, high: f64) -> Vec<f64> {
    let mut ticks = if high / low <= 1.5e3 {
        round_times()
    } else {
        roundest_times()
    };
    ticks.retain(|tick| *tick >= low * 0.999 && *tick <= high * 1.001);
    ticks
}

const S: f64 = 1e9;
const MIN: f64 = 60.0 * S;
const HOUR: f64 = 60.0 * MIN;
const DAY: f64 = 24.0 * HOUR;

/// 1, 2 and 5 of every power of ten up to five seconds, then as clocks and
/// calendars have it. Ascending, nanoseconds.
fn round_times() -> Vec<f64> {
    let small = (0..=9).flat_map(|power| [1.0, 2.0, 5.0].map(|n| n * 10_f64.powi(power)));
    let large = [
        10.0 * S,
        20.0 * S,
        30.0 * S,
        MIN,
        2.0 * MIN,
        5.0 * MIN,
        10.0 * MIN,
        20.0 * MIN,
        30.0 * MIN,
        HOUR,
        2.0 * HOUR,
        5.0 * HOUR,
        10.0 * HOUR,
        DAY,
        2.0 * DAY,
        5.0 * DAY,
        10.0 * DAY,
        30.0 * DAY,
        100.0 * DAY,
        400.0 * DAY,
    ];
    small.chain(large).collect()
}

fn roundest_times() -> Vec<f64> {
    let small = (0..=10).map(|power| 10_f64.powi(power));
    small
        .chain([
            MIN,
            10.0 * MIN,
            HOUR,
            10.0 * HOUR,
            DAY,
            10.0 * DAY,
            100.0 * DAY,
        ])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_round_and_hold_everything() {
        assert_eq!(
            Scale::linear(823.0),
            Scale::Linear {
                high: 1000.0,
                step: 200.0
            }
        );
        assert_eq!(Scale::linear(12_000.0).ticks().last(), Some(&12_500.0));
        assert_eq!(
            Scale::time([130.0, 7_400.0]),
            Scale::Time {
                low: 100.0,
                high: 10_000.0
            }
        );
        assert_eq!(
            Scale::time([0.0, f64::NAN]),
            Scale::Time {
                low: 1.0,
                high: 10.0
            }
        );
        assert_eq!(
            Scale::time([200.0, 200.0]),
            Scale::Time {
                low: 200.0,
                high: 500.0
            }
        );
    }

    #[test]
    fn signed_scales_hold_nothing_and_everything() {
        let scale = Scale::signed([-3.0, 12.0, f64::NAN]);
        assert_eq!(scale.ticks(), [-5.0, 0.0, 5.0, 10.0, 15.0]);
        assert_eq!(scale.fraction(0.0), 0.25);
        assert_eq!(Scale::signed([]).ticks().first(), Some(&0.0));
        assert_eq!(Scale::signed([-1.0]).fraction(0.0), 1.0);
    }

    #[test]
    fn small_changes_of_large_figures_are_seen() {
        let around = Scale::around([103.0, 118.0, f64::NAN]);
        assert_eq!(around.ticks(), [100.0, 105.0, 110.0, 115.0, 120.0]);
        assert!((around.fraction(110.0) - 0.5).abs() < 1e-9);
        assert_eq!(Scale::around([0.0, 0.0]), Scale::linear(1.0));
        assert_eq!(Scale::around([]), Scale::linear(1.0));
        let alike = Scale::around([43.0, 43.0]);
        assert!((0.3..0.7).contains(&alike.fraction(43.0)), "{alike:?}");
    }

    #[test]
    fn places_by_hand() {
        let log = Scale::Time {
            low: 100.0,
            high: 10_000.0,
        };
        assert_eq!(log.fraction(1_000.0), 0.5);
        assert_eq!(log.fraction(0.0), 0.0);
        assert_eq!(
            log.ticks(),
            [100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0]
        );
        let long = Scale::Time {
            low: 1e6,
            high: HOUR,
        };
        assert_eq!(
            long.ticks(),
            [1e6, 1e7, 1e8, 1e9, 1e10, MIN, 10.0 * MIN, HOUR]
        );
        let nines = Scale::Nines { nines: 3.0 };
        assert!((nines.fraction(0.99) - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(nines.fraction(1.0), 1.0);
        assert_eq!(nines.ticks(), [0.0, 0.5, 0.9, 0.99, 0.999]);
    }
}
