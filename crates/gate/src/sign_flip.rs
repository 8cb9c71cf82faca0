//! The exact sign-flip test.
//!
//! # What makes it exact
//!
//! In each block every arm is measured in a random order and its mirror image.
//! Were the candidate slower by just the factor `exp(t)`, and measured without
//! that factor, its label and the base's could be exchanged without changing
//! the probability of what is seen: the order was a coin's toss. To exchange
//! them in a block turns the sign of its `d - t` *and* of its `c`, where `d` is
//! the logarithm of candidate over base and `c` the same of the control. So all
//! `2^n` patterns of signs over `n` blocks are equally probable, whatever the
//! noise: skewed, heavy-tailed, drifting, of another size in each block. The p
//! of "the effect is `t`" is the share of the patterns whose mean is at least
//! the mean that was seen, ties included, and `P(p <= a) <= a` for each `a`.
//!
//! # The control
//!
//! What is averaged are the residuals `d - t - b c`, with `b` as in
//! [`Slope`]: from products of pairs only, so that it is the same under each
//! pattern (both factors change their sign). It has to be taken from `d - t`,
//! not from `d`: a slope from `d` would differ from pattern to pattern of the
//! null that is tested, and the test would no longer be exact.
//!
//! # Effects below the one that is tested
//!
//! A budget allows *at most* `t`, so p must hold for smaller effects too. A
//! pattern that flips the blocks `F` counts where the sum of the residuals over
//! `F` is at most 0. That sum falls as `t` grows, except that where `c` has a
//! large mean and an outlier, the change of `b` may lift it again for some
//! `F`. Therefore a pattern counts for `t` if it counts for any effect up to
//! `t`: from the least effect on at which its sum reaches 0, its *crossing*. The
//! p that follows is never less than the exact p of any effect up to `t`, so it
//! is valid for "at most `t`"; it is monotone in `t`, so intervals are intervals;
//! and it needs the crossings only, from which all effects are tested at once.

use rand::RngExt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::effect::{Pair, Slope};

/// Up to how many pairs all patterns are counted, 2^20; of more, a fixed seed
/// draws [`DRAWN_PATTERNS`].
pub const EXACT_PAIRS: usize = 20;

/// How many patterns are drawn where there are too many to count; with the
/// one that was seen 2^16. A test over patterns drawn at random is valid
/// if what was seen is counted among them (Phipson and Smyth, 2010).
pub const DRAWN_PATTERNS: usize = (1 << 16) - 1;

/// Effects that differ by less are the same: 1e-10 percent. Logarithms of
/// figures of any size carry errors of 1e-14, which must not break ties.
const TIE: f64 = 1e-12;

/// No logarithm of a ratio of two floating point numbers is as large.
const LARGEST: f64 = 1e4;

/// The sign-flip test of every effect over some pairs, in both directions.
#[derive(Clone, Debug)]
pub struct SignFlip {
    estimate: f64,
    /// Crossings of all patterns but the one that was seen.
    above: Vec<f64>,
    /// The same with the arms exchanged.
    below: Vec<f64>,
}

impl SignFlip {
    /// Over these pairs; none without a pair, or if one is not the logarithm of
    /// a ratio of two figures, however large.
    #[must_use]
    pub fn new(pairs: &[Pair]) -> Option<Self> {
        let exchanged: Vec<Pair> = pairs.iter().map(Pair::exchanged).collect();
        // Where a range of effects fits equally well, its middle.
        let estimate = f64::midpoint(centre(pairs), -centre(&exchanged));
        let sound = |pair: &Pair| pair.effect.abs() < LARGEST && pair.control.abs() < LARGEST;
        if !pairs.iter().all(sound) || !estimate.is_finite() {
            return None;
        }
        Some(Self {
            estimate,
            above: crossings(pairs),
            below: crossings(&exchanged),
        })
    }

    /// The effect at which the residuals' mean is 0: the mean of `d - b c`,
    /// with `b` the regression's slope where that is within 0 and 1. A natural
    /// logarithm, as all effects here.
    #[must_use]
    pub const fn estimate(&self) -> f64 {
        self.estimate
    }

    /// The p of "the effect is at most `effect`": small if it is more.
    #[must_use]
    pub fn p_at_most(&self, effect: f64) -> f64 {
        p(&self.above, effect)
    }

    /// The p of "the effect is at least `effect`": small if it is less.
    #[must_use]
    pub fn p_at_least(&self, effect: f64) -> f64 {
        p(&self.below, -effect)
    }

    /// The effects that are rejected neither as too small nor as too large,
    /// each at half of what `confidence` leaves; an end is infinite where no p
    /// can be so small. It holds the truth with at least that probability, and
    /// always the estimate if `confidence` is 0 or more.
    #[must_use]
    pub fn interval(&self, confidence: f64) -> (f64, f64) {
        let level = (1.0 - confidence) / 2.0;
        (
            lower_end(self.above.clone(), level),
            -lower_end(self.below.clone(), level),
        )
    }

    /// The largest p within `level` that can come out; none if all are more.
    #[must_use]
    pub fn reachable(&self, level: f64) -> Option<f64> {
        let patterns = (self.above.len() + 1) as f64;
        let rank = rank(level, self.above.len() + 1);
        (rank > 0).then(|| rank as f64 / patterns)
    }
}

/// How many pairs there must be for the first of `tests` rejections by Holm's
/// correction to be possible at `level`: with fewer, even pairs that all speak
/// for the same cannot be enough.
#[must_use]
pub fn pairs_needed(level: f64, tests: usize) -> u32 {
    (1..64)
        .find(|&pairs| 0.5_f64.powi(pairs) * tests.max(1) as f64 <= level * (1.0 + TIE))
        .map_or(u32::MAX, i32::cast_unsigned)
}

fn p(crossings: &[f64], effect: f64) -> f64 {
    let limit = effect + tie(effect);
    let reached = crossings.iter().filter(|&&it| it <= limit).count();
    (reached + 1) as f64 / (crossings.len() + 1) as f64
}

/// The least effect of which p exceeds `level`.
fn lower_end(mut crossings: Vec<f64>, level: f64) -> f64 {
    let rank = rank(level, crossings.len() + 1);
    if rank == 0 || rank > crossings.len() {
        return f64::NEG_INFINITY;
    }
    *crossings.select_nth_unstable_by(rank - 1, f64::total_cmp).1
}

fn tie(effect: f64) -> f64 {
    TIE * (1.0 + effect.abs())
}

/// The crossing of the pattern that flips every block: where the mean is 0.
fn centre(pairs: &[Pair]) -> f64 {
    let whole = pairs
        .iter()
        .fold(Sums::default(), |sums, pair| sums.with(pair));
    whole.crossing(&Slope::of(pairs))
}

/// How many of `patterns` are the share `level`, rounded down.
fn rank(level: f64, patterns: usize) -> usize {
    // A hair is added: 0.05 * 20 may be less than 1 in floating point.
    (level * patterns as f64 * (1.0 + TIE)).floor() as usize
}

/// What is summed over the blocks that a pattern flips.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    pairs: f64,
    effect: f64,
    control: f64,
}

impl Sums {
    fn with(self, pair: &Pair) -> Self {
        self.plus(&Self {
            pairs: 1.0,
            effect: pair.effect,
            control: pair.control,
        })
    }

    fn plus(self, other: &Self) -> Self {
        Self {
            pairs: self.pairs + other.pairs,
            effect: self.effect + other.effect,
            control: self.control + other.control,
        }
    }

    /// The least effect at which the sum of residuals is at most 0. As a
    /// function of the effect it consists of three straight lines, along which
    /// the slope is held at one bound, moves, and is held at the other. The
    /// first and the last fall.
    fn crossing(&self, slope: &Slope) -> f64 {
        let held = |slope: f64| (self.effect - slope * self.control) / self.pairs;
        let first = held(slope.first);
        if first <= slope.moves_from + tie(first) {
            return first;
        }
        let fall = self.pairs - slope.per_effect * self.control;
        if fall > 0.0 {
            let middle = (self.effect - slope.at_zero * self.control) / fall;
            if middle <= slope.moves_to + tie(middle) {
                return middle.max(slope.moves_from);
            }
        }
        held(slope.last).max(slope.moves_to)
    }
}

/// The crossings of all patterns that flip something, or of those drawn.
fn crossings(pairs: &[Pair]) -> Vec<f64> {
    let slope = Slope::of(pairs);
    if pairs.len() > EXACT_PAIRS {
        return drawn(pairs, &slope);
    }
    // Sums over all subsets of two halves, combined: ten additions at most,
    // where a walk that flips one block at a time would pile up its errors.
    let (left, right) = pairs.split_at(pairs.len() / 2);
    let (left, right) = (subset_sums(left), subset_sums(right));
    let mut crossings = Vec::with_capacity(left.len() * right.len());
    for (index, one) in left.iter().enumerate() {
        // That which flips nothing stands first, and is what was seen.
        for other in right.iter().skip(usize::from(index == 0)) {
            crossings.push(one.plus(other).crossing(&slope));
        }
    }
    crossings
}

/// The sums over all subsets, that of none first.
fn subset_sums(pairs: &[Pair]) -> Vec<Sums> {
    let mut sums = Vec::with_capacity(1 << pairs.len());
    sums.push(Sums::default());
    for pair in pairs {
        for index in 0..sums.len() {
            sums.push(sums[index].with(pair));
        }
    }
    sums
}

fn drawn(pairs: &[Pair], slope: &Slope) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(0);
    (0..DRAWN_PATTERNS)
        .map(|_| {
            let sums = pairs
                .iter()
                .filter(|_| random.random::<bool>())
                .fold(Sums::default(), |sums, pair| sums.with(pair));
            // To flip nothing is what was seen, and counts for every effect.
            if sums.pairs == 0.0 {
                f64::NEG_INFINITY
            } else {
                sums.crossing(slope)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{EXACT_PAIRS, SignFlip, pairs_needed};
    use crate::effect::Pair;

    fn plain(effects: &[f64]) -> Vec<Pair> {
        let pair = |&effect: &f64| Pair {
            effect,
            control: 0.0,
        };
        effects.iter().map(pair).collect()
    }

    #[test]
    fn pairs_that_all_speak_for_the_same_give_the_smallest_p() {
        let test = SignFlip::new(&plain(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6])).unwrap();
        assert_eq!(test.p_at_most(0.0), 1.0 / 64.0);
        assert_eq!(test.p_at_least(0.0), 1.0);
        assert!((test.estimate() - 0.35).abs() < 1e-12);
        // The second smallest of 64 p is more than 2.5 %, so the ends are the
        // smallest and the largest pair.
        let (low, high) = test.interval(0.95);
        assert!((low - 0.1).abs() < 1e-12 && (high - 0.6).abs() < 1e-12);
    }

    #[test]
    fn ties_count_although_they_are_not_equal_in_floating_point() {
        // 0.1 + 0.2 is more than 0.3.
        let test = SignFlip::new(&plain(&[0.1, 0.2, -0.3])).unwrap();
        let p = test.p_at_most(0.0);
        // Flipped sums of at least 0: all but those that flip {0.1}, {0.2},
        // {0.1, 0.2} alone; to flip all gives 0 again.
        assert_eq!(p, 5.0 / 8.0);
        let same = SignFlip::new(&plain(&[0.07; 8])).unwrap();
        assert_eq!(same.p_at_most(0.07), 1.0);
    }

    #[test]
    fn what_the_control_saw_is_taken_out() {
        let pair = |control: f64, noise: f64| Pair {
            effect: 0.1 + control + noise,
            control,
        };
        let pairs = [
            pair(0.3, 0.001),
            pair(-0.2, 0.001),
            pair(0.4, -0.001),
            pair(-0.5, -0.001),
            pair(0.1, 0.002),
            pair(-0.1, -0.002),
        ];
        let test = SignFlip::new(&pairs).unwrap();
        assert!((test.estimate() - 0.1).abs() < 0.001);
        assert_eq!(test.p_at_most(0.09), 1.0 / 64.0);
        assert_eq!(test.p_at_least(0.11), 1.0 / 64.0);
    }

    #[test]
    fn nothing_follows_from_nothing_or_from_what_is_no_ratio() {
        assert!(SignFlip::new(&[]).is_none());
        assert!(SignFlip::new(&plain(&[0.1, f64::NAN])).is_none());
        assert!(SignFlip::new(&plain(&[0.1, f64::INFINITY])).is_none());
    }

    #[test]
    fn of_more_pairs_drawn_patterns_say_about_what_all_do() {
        let noise = |index: usize| if index < 11 { 0.03 } else { -0.02 };
        let all: Vec<f64> = (0..EXACT_PAIRS + 2).map(noise).collect();
        let drawn = SignFlip::new(&plain(&all)).unwrap().p_at_most(0.0);
        // 11 of 0.03 and 11 of -0.02: k and l of them flipped count where
        // 0.03 k <= 0.02 l.
        let choose = |k: u32| (0..k).fold(1.0, |it, i| it * f64::from(11 - i) / f64::from(i + 1));
        let counted: f64 = (0..=11)
            .flat_map(|k| (0..=11).map(move |l| (k, l)))
            .filter(|(k, l)| 3 * k <= 2 * l)
            .map(|(k, l)| choose(k) * choose(l))
            .sum();
        let exact = counted / f64::from(1_u32 << 22);
        assert!((drawn - exact).abs() < 0.01, "{drawn} {exact}");
    }

    #[test]
    fn more_tests_need_more_pairs() {
        assert_eq!(pairs_needed(0.05, 1), 5);
        assert_eq!(pairs_needed(0.05, 12), 8);
        assert_eq!(pairs_needed(0.05, 13), 9);
        assert_eq!(pairs_needed(0.0, 1), u32::MAX);
    }
}
