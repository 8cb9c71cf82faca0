//! Order statistics. Means and standard deviations are left out on purpose:
//! times have a long tail, and one outlier would decide both.

/// The median: of an even number of values the mean of the two in the middle.
/// None without values, or if one is not a number.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = sorted(values)?;
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        return Some(sorted.swap_remove(middle));
    }
    Some(f64::midpoint(sorted[middle - 1], sorted[middle]))
}

/// The median distance from the median: half of the values are no further
/// from it. None as in [`median`].
#[must_use]
pub fn median_deviation(values: &[f64]) -> Option<f64> {
    let centre = median(values)?;
    let distances: Vec<f64> = values.iter().map(|value| (value - centre).abs()).collect();
    median(&distances)
}

/// From the first to the third quartile, each the value at its rank. None as
/// in [`median`].
#[must_use]
pub fn quartiles(values: &[f64]) -> Option<(f64, f64)> {
    let sorted = sorted(values)?;
    let at = |p| {
        let rank = rank(sorted.len() as u64, p)?;
        sorted.get(usize::try_from(rank).ok()? - 1).copied()
    };
    Some((at(0.25)?, at(0.75)?))
}

fn sorted(values: &[f64]) -> Option<Vec<f64>> {
    if values.is_empty() || values.iter().any(|value| value.is_nan()) {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    Some(sorted)
}

/// The rank, from 1, of the value that is the quantile `p` of `n` values: the
/// least rank with at least `p * n` values at or below it. None if `n` is 0
/// or `p` is not in 0..=1.
#[must_use]
pub fn rank(n: u64, p: f64) -> Option<u64> {
    if n == 0 || !(0.0..=1.0).contains(&p) {
        return None;
    }
    // A hair is taken off, because 0.99 * 100 is more than 99 in floating point.
    let exact = p * n as f64;
    Some(((exact - exact * 1e-12).ceil() as u64).clamp(1, n))
}

/// Ranks, from 1, of two order statistics of `n` independent values that
/// enclose their distribution's quantile `p` with at least the probability
/// `confidence`, each side erring with at most half of the rest. They follow
/// from the binomial distribution alone: no shape is assumed. None if `n` is
/// too small for that or beyond 2^36 (the work grows with its square root),
/// or if `p` or `confidence` is not strictly between 0 and 1.
#[must_use]
pub fn quantile_ranks(n: u64, p: f64, confidence: f64) -> Option<(u64, u64)> {
    const MOST: u64 = 1 << 36;
    let open = |x: f64| x > 0.0 && x < 1.0;
    if n == 0 || n > MOST || !open(p) || !open(confidence) {
        return None;
    }
    let tail = (1.0 - confidence) / 2.0;
    let binomial = Binomial::around_mode(n, p);
    // The values below the quantile number B ~ Binomial(n, p). The interval
    // misses when B < low or B >= high.
    let low = binomial.largest_with_lower_tail(tail)?;
    let high = n + 1 - Binomial::around_mode(n, 1.0 - p).largest_with_lower_tail(tail)?;
    Some((low, high))
}

/// The part of a binomial distribution that is not negligible.
struct Binomial {
    first: u64,
    probabilities: Vec<f64>,
}

impl Binomial {
    /// Walks from the mode to both sides until the terms vanish, and scales
    /// the sum to one: no factorial is ever computed, so no size overflows.
    fn around_mode(n: u64, p: f64) -> Self {
        const NEGLIGIBLE: f64 = 1e-17;
        let odds = p / (1.0 - p);
        let mode = (((n + 1) as f64 * p) as u64).min(n);
        let mut below = Vec::new();
        let mut term = 1.0;
        let mut at = mode;
        while at > 0 && term > NEGLIGIBLE {
            term *= at as f64 / ((n - at + 1) as f64 * odds);
            at -= 1;
            below.push(term);
        }
        let mut above = Vec::new();
        term = 1.0;
        let mut up = mode;
        while up < n && term > NEGLIGIBLE {
            term *= (n - up) as f64 * odds / (up + 1) as f64;
            up += 1;
            above.push(term);
        }
        let mut probabilities: Vec<f64> =
            below.into_iter().rev().chain([1.0]).chain(above).collect();
        let sum: f64 = probabilities.iter().sum();
        probabilities.iter_mut().for_each(|term| *term /= sum);
        Self {
            first: at,
            probabilities,
        }
    }

    /// The largest `k >= 1` with P(B < k) at most `tail`.
    fn largest_with_lower_tail(&self, tail: f64) -> Option<u64> {
        let mut below = 0.0;
        let mut k = self.first;
        for probability in &self.probabilities {
            below += probability;
            if below > tail {
                break;
            }
            k += 1;
        }
        (k >= 1).then_some(k)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    #[test]
    fn small_samples_by_hand() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(
            median_deviation(&[1.0, 1.0, 2.0, 2.0, 4.0, 6.0, 9.0]),
            Some(1.0)
        );
        assert_eq!(quartiles(&[1.0, 2.0, 3.0, 4.0]), Some((1.0, 3.0)));
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[1.0, f64::NAN]), None);
        assert_eq!(rank(100, 0.99), Some(99));
        assert_eq!(rank(0, 0.5), None);
    }

    #[test]
    fn ranks_agree_with_published_tables() {
        // Conover, Practical Nonparametric Statistics, table A3; Hahn and Meeker.
        assert_eq!(quantile_ranks(10, 0.5, 0.95), Some((2, 9)));
        assert_eq!(quantile_ranks(20, 0.5, 0.95), Some((6, 15)));
        assert_eq!(quantile_ranks(100, 0.5, 0.95), Some((40, 61)));
        assert_eq!(
            quantile_ranks(5, 0.5, 0.95),
            None,
            "even the extremes are too narrow"
        );
        assert_eq!(quantile_ranks(10, f64::NAN, 0.95), None);
        assert_eq!(
            quantile_ranks(u64::MAX, 0.5, 0.95),
            None,
            "and no hour of work"
        );
    }

    #[test]
    fn intervals_cover_as_often_as_they_claim() {
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        for (n, p) in [(20_u64, 0.5), (100, 0.9), (400, 0.99)] {
            let (low, high) = quantile_ranks(n, p, 0.95).unwrap();
            let trials = 1_000;
            let covered = (0..trials)
                .filter(|_| {
                    // The ranks of p among n uniform values say it all.
                    let below = (0..n).filter(|_| rng.random_range(0.0..1.0) < p).count() as u64;
                    low <= below && below < high
                })
                .count();
            let share = covered as f64 / f64::from(trials);
            // At least what was claimed, less four standard errors; and not absurdly wide.
            assert!((0.92..0.995).contains(&share), "n={n} p={p}: {share}");
        }
    }

    proptest! {
        #[test]
        fn ranks_lie_in_the_sample_and_enclose_the_estimate(n in 1_u64..2_000_000, p in 0.001..0.999) {
            if let Some((low, high)) = quantile_ranks(n, p, 0.95) {
                let estimate = rank(n, p).unwrap();
                prop_assert!(1 <= low && low <= estimate && estimate <= high && high <= n);
            }
        }
    }
}
