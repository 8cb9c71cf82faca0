//! Holm's correction for several tests at once.

/// Holm's adjusted p-values, in the order of `p`: a hypothesis is rejected at
/// a level exactly if its adjusted value is at most that level, and then the
/// probability that any true hypothesis is rejected is at most the level,
/// however the tests depend on each other.
///
/// The smallest of `m` values is multiplied by `m`, the next by `m - 1`, and
/// so on; none may then be less than one before it, nor more than 1. A value
/// that is not a number counts as 1: nothing is concluded from it.
///
/// S. Holm, "A simple sequentially rejective multiple test procedure", 1979.
#[must_use]
pub fn holm(p: &[f64]) -> Vec<f64> {
    let value = |index: usize| if p[index].is_nan() { 1.0 } else { p[index] };
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&one, &other| value(one).total_cmp(&value(other)));
    let mut adjusted = vec![1.0; p.len()];
    let mut least = 0.0_f64;
    for (rank, &index) in order.iter().enumerate() {
        let remaining = (p.len() - rank) as f64;
        least = least.max(value(index) * remaining).min(1.0);
        adjusted[index] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::holm;

    #[test]
    fn the_textbook_case_comes_out_in_the_order_given() {
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        let expected = [0.03, 0.06, 0.06, 0.02];
        for (found, wanted) in adjusted.iter().zip(expected) {
            assert!((found - wanted).abs() < 1e-12, "{adjusted:?}");
        }
    }

    #[test]
    fn one_test_needs_no_correction_and_none_gives_none() {
        assert_eq!(holm(&[0.02]), [0.02]);
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn nothing_exceeds_one_and_no_number_concludes_nothing() {
        assert_eq!(holm(&[0.9, f64::NAN, 0.6]), [1.0, 1.0, 1.0]);
    }
}
