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
        let slope = Slope::of(pairs);
        let whole = pairs
            .iter()
            .fold(Sums::default(), |sum, pair| sum.with(pair));
        let estimate = whole.crossing(&slope);
        let sound = |pair: &Pair| pair.effect.abs() < LARGEST && pair.control.abs() < LARGEST;
        if !pairs.iter().all(sound) || !estimate.is_finite() {
            return None;
        }
        let exchanged: Vec<Pair> = pairs.iter().map(Pair::exchanged).collect();
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
    let limit = effect + TIE * (1.0 + effect.abs());
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
        if first <= slope.moves_from {
            return first;
        }
        let fall = self.pairs - slope.per_effect * self.control;
        if fall > 0.0 {
            let middle = (self.effect - slope.at_zero * self.control) / fall;
            if middle <= slope.moves_to {
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
    left.iter()
        .flat_map(|one| right.iter().map(|other| one.plus(other)))
        .skip(1)
        .map(|sums| sums.crossing(&slope))
        .collect()
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
