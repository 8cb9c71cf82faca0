//! Intervals of effects, and the smallest effect that could have been seen.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::effect::{Pair, Slope};
use crate::sign_flip::SignFlip;

/// The confidence of every interval in a report.
pub const CONFIDENCE: f64 = 0.95;

/// The change in percent of an effect, a natural logarithm; none if either is
/// not finite.
#[must_use]
pub fn percent(effect: f64) -> Option<f64> {
    let percent = effect.exp_m1() * 100.0;
    (effect.is_finite() && percent.is_finite()).then_some(percent)
}

/// The interval of [`CONFIDENCE`] in percent; none where an end is infinite,
/// which it is if the pairs are so few that no p can be small enough.
#[must_use]
pub fn interval_percent(test: &SignFlip) -> (Option<f64>, Option<f64>) {
    let (low, high) = test.interval(CONFIDENCE);
    (percent(low), percent(high))
}

/// The smallest true effect, in percent, that pairs with this noise show to be
/// more than `budget` (a logarithm) at `level` with the probability `power`.
/// None if no effect can be: because of too few pairs, or too much noise.
///
/// Under normal noise the sign-flip test decides as the t-test does, but for
/// the steps of its p, so `level` is replaced by the largest p within it that can
/// come out. Then the effect must exceed the budget by the t quantile of the
/// level and that of the power, times the standard error of the estimate. Being
/// a formula it costs nothing and does not depend on a seed; that it holds for
/// this test, by a few points of power, is shown by simulation.
///
/// With the slope estimated one more degree of freedom is gone, and the
/// estimate's error is larger by as much as the control's changes do not
/// average to 0, as in every regression.
#[must_use]
pub fn visible_percent(
    test: &SignFlip,
    pairs: &[Pair],
    budget: f64,
    level: f64,
    power: f64,
) -> Option<f64> {
    let open = |share: f64| share > 0.0 && share < 1.0;
    let level = test.reachable(level).filter(|it| open(*it))?;
    let noise = Noise::of(pairs, test.estimate())?;
    let t = StudentsT::new(0.0, 1.0, noise.freedom).ok()?;
    let quantiles = t.inverse_cdf(1.0 - level) + t.inverse_cdf(open(power).then_some(power)?);
    percent(budget + quantiles.max(0.0) * noise.standard_error)
}

struct Noise {
    freedom: f64,
    standard_error: f64,
}

impl Noise {
    fn of(pairs: &[Pair], estimate: f64) -> Option<Self> {
        let count = pairs.len() as f64;
        let slope = Slope::of(pairs).at(estimate);
        let residual = |pair: &Pair| pair.effect - estimate - slope * pair.control;
        let squares: f64 = pairs.iter().map(|pair| residual(pair).powi(2)).sum();
        let estimated = slope > 0.0 && slope < 1.0;
        let freedom = count - 1.0 - f64::from(u8::from(estimated));
        let mean = pairs.iter().map(|pair| pair.control).sum::<f64>() / count;
        let mean_square = pairs.iter().map(|pair| pair.control.powi(2)).sum::<f64>() / count;
        let inflation = if estimated {
            mean_square / (mean_square - mean * mean)
        } else {
            1.0
        };
        let standard_error = (squares / freedom / count * inflation).sqrt();
        (freedom > 0.0 && standard_error.is_finite()).then_some(Self {
            freedom,
            standard_error,
        })
    }
}
