//! Whether two samples of times differ.
//!
//! Each is drawn in turns with the other, so that what disturbs the machine
//! disturbs both.

/// How far apart two samples are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Apart {
    /// Mann and Whitney's U as a standard normal deviate, ties counted: above 0
    /// if the first sample tends to be greater. It knows no mean, so that a few
    /// wild values change little.
    pub ranks_z: f64,
    /// Welch's t: above 0 if the first mean is greater.
    pub means_t: f64,
    /// The first median less the second, in the unit of the samples.
    pub median_difference: f64,
    /// The chance that a value of the first sample is greater than one of the
    /// second: 0.5 if they are alike.
    pub greater_share: f64,
}

/// The deviate beyond which a difference is no chance: at most one false alarm
/// in a thousand million comparisons (normal, both sides:
/// [`super::FALSE_ALARM`]).
pub const DEVIATE_MAX: f64 = 6.2;

/// Compares two samples; `None` with fewer than ten in one of them, or a value
/// that is no number.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of samples")]
pub fn compare(first: &[f64], second: &[f64]) -> Option<Apart> {
    const LEAST: usize = 10;
    let all = || first.iter().chain(second);
    if first.len() < LEAST || second.len() < LEAST || !all().all(|value| value.is_finite()) {
        return None;
    }
    let (n, m) = (first.len() as f64, second.len() as f64);
    let mut pool: Vec<(f64, bool)> = first.iter().map(|value| (*value, true)).collect();
    pool.extend(second.iter().map(|value| (*value, false)));
    pool.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut rank_sum, mut ties, mut start) = (0.0, 0.0, 0);
    for run in pool.chunk_by(|a, b| a.0 == b.0) {
        let length = run.len() as f64;
        let rank = start as f64 + (length + 1.0) / 2.0;
        let own = run.iter().filter(|(_, is_first)| *is_first).count();
        rank_sum += rank * own as f64;
        ties += length.powi(3) - length;
        start += run.len();
    }
    let u = rank_sum - n * (n + 1.0) / 2.0;
    let total = n + m;
    let variance = n * m / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
    let (mean_1, var_1) = moments(first);
    let (mean_2, var_2) = moments(second);
    Some(Apart {
        ranks_z: ratio(u - n * m / 2.0, variance.max(0.0).sqrt()),
        means_t: ratio(mean_1 - mean_2, (var_1 / n + var_2 / m).sqrt()),
        median_difference: quantile(first, 0.5) - quantile(second, 0.5),
        greater_share: u / (n * m),
    })
}

impl Apart {
    /// Whether the ranks differ beyond chance: [`DEVIATE_MAX`].
    #[must_use]
    pub fn is_beyond_chance(&self) -> bool {
        self.ranks_z.abs() > DEVIATE_MAX
    }
}

/// The value below which this share (0 to 1) of `sample` lies; 0 if it is
/// empty.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place within the sample"
)]
pub fn quantile(sample: &[f64], share: f64) -> f64 {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let place = (share.clamp(0.0, 1.0) * last as f64).round() as usize;
    sorted.get(place).copied().unwrap_or(0.0)
}

fn ratio(difference: f64, error: f64) -> f64 {
    if error > 0.0 { difference / error } else { 0.0 }
}

/// Mean and variance of a sample of at least two.
#[expect(clippy::cast_precision_loss, reason = "counts of samples")]
fn moments(sample: &[f64]) -> (f64, f64) {
    let count = sample.len() as f64;
    let mean = sample.iter().sum::<f64>() / count;
    let squares: f64 = sample.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, squares / (count - 1.0))
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_chacha::ChaCha12Rng;

    use super::*;

    fn sample(seed: u64, count: usize, shift: f64) -> Vec<f64> {
        let mut random = ChaCha12Rng::seed_from_u64(seed);
        let draw = |_| {
            let base: f64 = random.random_range(1.0..2.0);
            // One in fifty is far out, as on a busy machine.
            let wild = random.random_range(0..50) == 0;
            shift + if wild { base * 40.0 } else { base }
        };
        (0..count).map(draw).collect()
    }

    #[test]
    fn alike_samples_are_never_found_apart() {
        for seed in 0..300 {
            let (a, b) = (sample(seed, 200, 0.0), sample(seed + 10_000, 200, 0.0));
            let apart = compare(&a, &b).unwrap();
            assert!(!apart.is_beyond_chance(), "{seed}: {apart:?}");
        }
    }

    #[test]
    fn a_shift_is_found_beneath_wild_values() {
        let (a, b) = (sample(1, 400, 0.3), sample(2, 400, 0.0));
        let apart = compare(&a, &b).unwrap();
        assert!(apart.is_beyond_chance() && apart.ranks_z > 0.0, "{apart:?}");
        assert!(apart.median_difference > 0.2 && apart.median_difference < 0.4);
        assert!(apart.greater_share > 0.6);
        let back = compare(&b, &a).unwrap();
        assert!((back.ranks_z + apart.ranks_z).abs() < 1e-6);
    }

    #[test]
    fn known_values() {
        let first: Vec<f64> = (1..=10).map(f64::from).collect();
        let second: Vec<f64> = (11..=20).map(f64::from).collect();
        let apart = compare(&first, &second).unwrap();
        assert!((apart.ranks_z + 3.7796).abs() < 1e-3, "{apart:?}");
        assert!((apart.means_t + 7.3855).abs() < 1e-3, "{apart:?}");
        assert!(apart.greater_share.abs() < 1e-12);
        assert!((quantile(&first, 1.0) - 10.0).abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_compared_is_not() {
        assert_eq!(compare(&[1.0; 9], &[1.0; 20]), None);
        let mut broken = vec![1.0; 20];
        broken[3] = f64::NAN;
        assert_eq!(compare(&broken, &[1.0; 20]), None);
        let same = compare(&[1.0; 20], &[1.0; 20]).unwrap();
        assert!(same.ranks_z.abs() < 1e-12 && same.means_t.abs() < 1e-12);
        assert!(quantile(&[], 0.5).abs() < 1e-12);
    }
}
