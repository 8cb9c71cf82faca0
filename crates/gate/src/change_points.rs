//! Where a history changed: E-divisive (Matteson and James, A Nonparametric
//! Approach for Multiple Change Point Analysis of Multivariate Data, JASA 109,
//! 2014), for one series and the exponent 1.
//!
//! Written here because the only crate of that name has had no release since
//! its first, and the maintained crates for change points do something else
//! (Bayesian, online, with priors to be chosen).
//!
//! These serve history only: they tell after the fact, and never gate.

mod bisection;

use authbench_results::stats;
use bisection::{Segment, Split};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

/// How change points are sought.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChangePointSettings {
    /// A change point is kept while the probability of so clear a split
    /// without any change is below this. The level holds for the whole
    /// series: less than this share of the series that never change show a point.
    pub significance: f64,
    /// Random orders that a split is held against.
    pub permutations: u32,
    /// The fewest values between two change points, at least 1.
    pub least_segment: usize,
    /// From which the orders are drawn: the same series gives the same points.
    pub seed: u64,
}

impl Default for ChangePointSettings {
    fn default() -> Self {
        Self {
            significance: 0.05,
            permutations: 199,
            least_segment: 3,
            seed: 0x0e0d_1715_10e5,
        }
    }
}

/// A place where a series changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChangePoint {
    /// The first value after the change, counted from 0 over all values.
    pub index: usize,
    /// The median from the change point before (or the start) to here.
    pub before: f64,
    /// The median from here to the next change point (or the end).
    pub after: f64,
    /// How probable a split as clear as this one would be without a change;
    /// 0 of what is counted, where chance has no part.
    pub p: f64,
}

/// Where `values`, in the order of time, changed in level or spread; ascending.
/// Values that are not finite are passed over. None in fewer than twice
/// [`ChangePointSettings::least_segment`] values; a step in fewer than about
/// eight cannot be told from chance.
///
/// The work grows with the square of the number of values: half a thousand
/// take a fraction of a second.
#[must_use]
pub fn change_points(values: &[f64], settings: &ChangePointSettings) -> Vec<ChangePoint> {
    let (places, finite) = finite(values);
    let least = settings.least_segment.max(1);
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    let mut segments: Vec<Segment> = Segment::of(0, &finite, least).into_iter().collect();
    let mut found: Vec<(usize, f64)> = Vec::new();
    while let Some((at, best)) = clearest(&segments) {
        let p = p_of(best, &segments, least, settings, &mut rng);
        if p >= settings.significance {
            break;
        }
        found.push((best.at, p));
        let parts = segments.swap_remove(at).split(best.at, least);
        segments.extend(parts);
    }
    found.sort_by_key(|(at, _)| *at);
    described(&finite, &places, &found)
}

/// Where `values` that are counted, not estimated, changed: everywhere that
/// one differs from the one before. Values that are not finite are passed
/// over.
#[must_use]
pub fn counted_changes(values: &[f64]) -> Vec<ChangePoint> {
    let (places, finite) = finite(values);
    let found: Vec<(usize, f64)> = (1..finite.len())
        .filter(|at| finite[*at] != finite[*at - 1])
        .map(|at| (at, 0.0))
        .collect();
    described(&finite, &places, &found)
}

/// The finite values, and where each stood.
fn finite(values: &[f64]) -> (Vec<usize>, Vec<f64>) {
    let is_finite = |(_, value): &(usize, f64)| value.is_finite();
    values.iter().copied().enumerate().filter(is_finite).unzip()
}

/// The segment with the clearest split, and that split. A segment whose values
/// are all alike has none.
fn clearest(segments: &[Segment]) -> Option<(usize, Split)> {
    segments
        .iter()
        .enumerate()
        .filter_map(|(at, segment)| Some((at, segment.best?)))
        .filter(|(_, split)| split.statistic > 0.0)
        .max_by(|(_, a), (_, b)| a.statistic.total_cmp(&b.statistic))
}

/// The share of random orders, the one that was seen among them, whose
/// clearest split is as clear as `best`. Values are reordered within their
/// segments, as nothing but the next change is in question. Ends early, with
/// what is by then a lower bound, when the level is out of reach.
fn p_of(
    best: Split,
    segments: &[Segment],
    least: usize,
    settings: &ChangePointSettings,
    rng: &mut ChaCha8Rng,
) -> f64 {
    // The same sum in another order differs in its last digits.
    let as_clear_as = best.statistic * (1.0 - 1e-9);
    let orders = f64::from(settings.permutations) + 1.0;
    let mut shuffled: Vec<Vec<f64>> = segments.iter().map(|s| s.values.clone()).collect();
    let mut as_clear = 1_u32;
    for _ in 0..settings.permutations {
        let mut beaten = false;
        for values in &mut shuffled {
            values.shuffle(rng);
            beaten = beaten
                || bisection::best_split(values, least)
                    .is_some_and(|split| split.statistic >= as_clear_as);
        }
        as_clear += u32::from(beaten);
        if f64::from(as_clear) >= settings.significance * orders {
            break;
        }
    }
    f64::from(as_clear) / orders
}

/// The change points with the medians around them.
fn described(finite: &[f64], places: &[usize], found: &[(usize, f64)]) -> Vec<ChangePoint> {
    let ends: Vec<usize> = found.iter().map(|(at, _)| *at).collect();
    let median = |from: usize, to: usize| stats::median(&finite[from..to]);
    found
        .iter()
        .enumerate()
        .filter_map(|(number, (at, p))| {
            let from = number.checked_sub(1).map_or(0, |before| ends[before]);
            let to = ends.get(number + 1).copied().unwrap_or(finite.len());
            Some(ChangePoint {
                index: places[*at],
                before: median(from, *at)?,
                after: median(*at, to)?,
                p: *p,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
