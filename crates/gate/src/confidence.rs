//! Intervals of effects, and the smallest effect that could have been seen.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

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
/// come out. The power of the t-test is a tail of the noncentral t distribution,
/// for which a normal approximation is taken (Abramowitz and Stegun, 26.7.10);
/// and the standard error is freed from the bias that the root of a variance
/// has in small samples. Being a formula it costs nothing and does not depend on
/// a seed. That it holds for this test, by a few points of power, is shown by
/// simulation.
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
    let critical = t.inverse_cdf(1.0 - level);
    let wanted = Normal::standard().inverse_cdf(open(power).then_some(power)?);
    let shrink = 1.0 - 0.25 / noise.freedom;
    let spread = (1.0 + critical * critical / (2.0 * noise.freedom)).sqrt();
    let distance = critical * shrink + wanted * spread;
    percent(budget + distance.max(0.0) * noise.standard_error / shrink)
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

#[cfg(test)]
mod tests {
    use super::{interval_percent, percent, visible_percent};
    use crate::effect::Pair;
    use crate::sign_flip::SignFlip;

    fn noisy(count: usize, size: f64) -> Vec<Pair> {
        let pair = |index| Pair {
            effect: if index % 2 == 0 { size } else { -size },
            control: 0.0,
        };
        (0..count).map(pair).collect()
    }

    fn visible(pairs: &[Pair], level: f64) -> Option<f64> {
        visible_percent(&SignFlip::new(pairs).unwrap(), pairs, 0.05, level, 0.8)
    }

    #[test]
    fn effects_are_logarithms() {
        assert!((percent(2.0_f64.ln()).unwrap() - 100.0).abs() < 1e-12);
        assert!((percent(0.5_f64.ln()).unwrap() + 50.0).abs() < 1e-12);
        assert_eq!(percent(f64::NEG_INFINITY), None);
        assert_eq!(percent(1e3), None);
    }

    #[test]
    fn five_pairs_have_no_interval_and_six_have() {
        let interval = |count| interval_percent(&SignFlip::new(&noisy(count, 0.01)).unwrap());
        assert_eq!(interval(5), (None, None));
        let (low, high) = interval(6);
        assert!(low.unwrap() < 0.0 && high.unwrap() > 0.0);
    }

    #[test]
    fn more_noise_and_a_stricter_level_hide_more() {
        let calm = visible(&noisy(12, 0.01), 0.05).unwrap();
        assert!(calm > percent(0.05).unwrap());
        assert!(visible(&noisy(12, 0.02), 0.05).unwrap() > calm);
        assert!(visible(&noisy(12, 0.01), 0.005).unwrap() > calm);
        assert!(visible(&noisy(20, 0.01), 0.05).unwrap() < calm);
    }

    #[test]
    fn what_no_p_can_reach_is_not_visible() {
        assert!(visible(&noisy(8, 0.01), 0.05 / 12.0).is_some());
        assert_eq!(visible(&noisy(8, 0.01), 0.05 / 13.0), None);
        assert_eq!(visible(&noisy(12, 0.01), f64::NAN), None);
    }

    #[test]
    fn without_any_noise_all_beyond_the_budget_is_visible() {
        let found = visible(&noisy(12, 0.0), 0.05).unwrap();
        assert!((found - percent(0.05).unwrap()).abs() < 1e-9);
    }
}
