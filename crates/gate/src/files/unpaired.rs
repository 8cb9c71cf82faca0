//! The permutation test of two samples that nothing pairs.

use rand::SeedableRng as _;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;

/// Assignments up to which all are looked at, as of 8 blocks and 8; of more,
/// so many are drawn, always the same ones.
pub(super) const ASSIGNMENTS_MAX: u64 = 20_000;

/// Floating-point sums of the same values differ by less than this.
const ROUNDING: f64 = 1e-12;

/// The test of "the effect is at most (or at least) so much" by the difference
/// of the means of logarithms, under all assignments of the samples to the two
/// sides: exact where the samples are exchangeable but for the effect.
///
/// Each assignment but the one that was seen has one effect at which its
/// difference is as large as the one seen. So these crossings, sorted, answer
/// for every effect at once.
pub(super) struct Unpaired {
    effect: f64,
    crossings: Vec<f64>,
    assignments: f64,
}

impl Unpaired {
    /// The test over two samples of the same positive quantity; none if either
    /// has fewer than two values, or one that has no logarithm.
    pub(super) fn new(base: &[f64], candidate: &[f64]) -> Option<Self> {
        if base.len() < 2 || candidate.len() < 2 {
            return None;
        }
        let both = candidate.iter().chain(base);
        let logs: Vec<f64> = both.map(|value| value.ln()).collect();
        if logs.iter().any(|log| !log.is_finite()) {
            return None;
        }
        let sides = Sides {
            candidates: candidate.len(),
            logs: &logs,
            total: logs.iter().sum(),
        };
        let effect = sides.difference(logs[..candidate.len()].iter().sum());
        let mut crossings = Vec::new();
        let assignments = match choose(logs.len() as u64, candidate.len() as u64) {
            Some(all) if all <= ASSIGNMENTS_MAX => {
                sides.walk(0, Chosen::default(), effect, &mut crossings);
                all
            }
            _ => {
                sides.draw(effect, &mut crossings);
                ASSIGNMENTS_MAX
            }
        };
        crossings.sort_by(f64::total_cmp);
        Some(Self {
            effect,
            crossings,
            assignments: assignments as f64,
        })
    }

    /// The difference of the means of logarithms.
    pub(super) const fn effect(&self) -> f64 {
        self.effect
    }

    /// The probability, if the effect were `effect`, of a difference that is
    /// at least as large.
    pub(super) fn p_at_most(&self, effect: f64) -> f64 {
        let below = self
            .crossings
            .partition_point(|at| *at <= effect + ROUNDING);
        (self.always() + below as f64) / self.assignments
    }

    /// The probability, if the effect were `effect`, of a difference that is
    /// at least as small.
    pub(super) fn p_at_least(&self, effect: f64) -> f64 {
        let below = self.crossings.partition_point(|at| *at < effect - ROUNDING);
        (self.always() + (self.crossings.len() - below) as f64) / self.assignments
    }

    /// The effects that are rejected on neither side at half of what
    /// `confidence` leaves; an end is none if the samples are too few for it.
    pub(super) fn interval(&self, confidence: f64) -> (Option<f64>, Option<f64>) {
        let rank = self.rank((1.0 - confidence) / 2.0);
        let from_end = |rank: usize| self.crossings.len().checked_sub(rank);
        (
            rank.and_then(|rank| self.crossings.get(rank - 1).copied()),
            rank.and_then(from_end)
                .and_then(|index| self.crossings.get(index).copied()),
        )
    }

    /// The smallest effect that noise like this shows, at `level` and with the
    /// probability `power`, to be more than `budget`: by the distance of the
    /// effect from its lower bounds at both. None if the samples are too few.
    pub(super) fn visible(&self, budget: f64, level: f64, power: f64) -> Option<f64> {
        let distance = |level| {
            let bound = self.crossings.get(self.rank(level)? - 1)?;
            Some(self.effect - bound)
        };
        Some(budget + distance(level)? + distance(1.0 - power)?.max(0.0))
    }

    /// The rank, from 1, of the crossing below which an effect is rejected at
    /// `level`; none if no p is as small as that.
    fn rank(&self, level: f64) -> Option<usize> {
        let allowed = (level * self.assignments + ROUNDING).floor();
        let rank = allowed - self.always() + 1.0;
        (rank >= 1.0).then_some(rank as usize)
    }

    /// Assignments, the one that was seen among them, that speak as strongly
    /// whatever the effect.
    fn always(&self) -> f64 {
        self.assignments - self.crossings.len() as f64
    }
}

/// Both samples, the candidate's first.
struct Sides<'l> {
    candidates: usize,
    logs: &'l [f64],
    total: f64,
}

/// Part of an assignment to the candidate's side.
#[derive(Clone, Copy, Default)]
struct Chosen {
    count: usize,
    of_candidate: usize,
    sum: f64,
}

impl Sides<'_> {
    fn difference(&self, candidate_sum: f64) -> f64 {
        let bases = self.logs.len() - self.candidates;
        candidate_sum / self.candidates as f64 - (self.total - candidate_sum) / bases as f64
    }

    /// The effect at which an assignment's difference is that which was seen;
    /// none of the assignment that was seen.
    fn crossing(&self, chosen: Chosen, seen: f64) -> Option<f64> {
        let moved = (self.candidates - chosen.of_candidate) as f64;
        let (candidates, bases) = (self.candidates, self.logs.len() - self.candidates);
        let weight = moved * (1.0 / candidates as f64 + 1.0 / bases as f64);
        (moved > 0.0).then(|| (seen - self.difference(chosen.sum)) / weight)
    }

    /// Every assignment that goes on from `chosen` with the values from
    /// `index` on.
    fn walk(&self, index: usize, chosen: Chosen, seen: f64, crossings: &mut Vec<f64>) {
        if chosen.count == self.candidates {
            crossings.extend(self.crossing(chosen, seen));
            return;
        }
        if self.logs.len() - index < self.candidates - chosen.count {
            return;
        }
        self.walk(index + 1, self.with(chosen, index), seen, crossings);
        self.walk(index + 1, chosen, seen, crossings);
    }

    fn draw(&self, seen: f64, crossings: &mut Vec<f64>) {
        let mut random = ChaCha8Rng::seed_from_u64(0);
        // The assignment that was seen is one of them.
        for _ in 1..ASSIGNMENTS_MAX {
            let drawn = index::sample(&mut random, self.logs.len(), self.candidates);
            let chosen = drawn
                .iter()
                .fold(Chosen::default(), |chosen, index| self.with(chosen, index));
            crossings.extend(self.crossing(chosen, seen));
        }
    }

    fn with(&self, chosen: Chosen, index: usize) -> Chosen {
        Chosen {
            count: chosen.count + 1,
            of_candidate: chosen.of_candidate + usize::from(index < self.candidates),
            sum: chosen.sum + self.logs[index],
        }
    }
}

/// How many subsets of `k` there are of `n`; none if they are too many to
/// count.
fn choose(n: u64, k: u64) -> Option<u64> {
    (0..k.min(n - k)).try_fold(1_u64, |all, step| {
        Some(all.checked_mul(n - step)? / (step + 1))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn three_and_three_apart_give_one_in_twenty() {
        let test = Unpaired::new(&[1.0, 1.1, 1.2], &[2.0, 2.1, 2.2]).unwrap();
        assert!(near(test.p_at_most(0.0), 0.05));
        assert!(near(test.p_at_least(0.0), 1.0));
        assert!(near(test.p_at_least(2.0), 0.05));
        assert_eq!(test.interval(0.95), (None, None));
        let (low, high) = test.interval(0.9);
        assert!(low.unwrap() < test.effect() && test.effect() < high.unwrap());
        assert!(test.visible(0.0, 0.05, 0.8).unwrap() > 0.0);
        assert_eq!(test.visible(0.0, 0.04, 0.8), None);
    }

    #[test]
    fn the_same_values_show_nothing() {
        let test = Unpaired::new(&[3.0; 4], &[3.0; 4]).unwrap();
        assert!(near(test.p_at_most(0.0), 1.0) && near(test.p_at_least(0.0), 1.0));
        assert!(near(test.p_at_most(-0.1), 1.0 / 70.0));
    }

    #[test]
    fn what_has_no_logarithm_or_no_company_is_refused() {
        assert!(Unpaired::new(&[1.0], &[1.0, 2.0]).is_none());
        assert!(Unpaired::new(&[1.0, 0.0], &[1.0, 2.0]).is_none());
        assert!(Unpaired::new(&[1.0, f64::NAN], &[1.0, 2.0]).is_none());
    }

    #[test]
    fn subsets_are_counted() {
        assert_eq!(choose(16, 8), Some(12_870));
        assert_eq!(choose(5, 5), Some(1));
        assert_eq!(choose(200, 100), None);
    }

    #[test]
    fn many_samples_are_drawn_from_and_always_alike() {
        let base: Vec<f64> = (0..20).map(|n| 100.0 + f64::from(n)).collect();
        let candidate: Vec<f64> = base.iter().map(|value| value * 1.5).collect();
        let test = || Unpaired::new(&base, &candidate).unwrap();
        assert!(test().p_at_most(0.05) < 0.001);
        assert!(test().p_at_least(0.0) > 0.999);
        assert_eq!(test().crossings, test().crossings);
        let (low, high) = test().interval(0.95);
        assert!(low.unwrap() < 1.5_f64.ln() && 1.5_f64.ln() < high.unwrap());
    }

    /// The test as the textbook has it: shift, assign, compare.
    fn brute_force(base: &[f64], candidate: &[f64], effect: f64) -> f64 {
        let (n, m) = (base.len(), candidate.len());
        let shifted = candidate.iter().map(|value| value.ln() - effect);
        let all: Vec<f64> = shifted.chain(base.iter().map(|value| value.ln())).collect();
        let difference = |mask: u32| {
            let of = |side: bool| -> f64 {
                let own = (0..n + m).filter(|bit| (mask >> bit & 1 == 1) == side);
                own.map(|bit| all[bit]).sum()
            };
            of(true) / m as f64 - of(false) / n as f64
        };
        let seen = difference((1 << m) - 1);
        let masks: Vec<u32> = (0..1_u32 << (n + m))
            .filter(|mask| mask.count_ones() as usize == m)
            .collect();
        let as_large = masks
            .iter()
            .filter(|mask| difference(**mask) >= seen - 1e-11);
        as_large.count() as f64 / masks.len() as f64
    }

    fn sample() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(1.0..1000.0, 2..5)
    }

    proptest! {
        #[test]
        fn it_is_the_textbook_test(base in sample(), candidate in sample(), effect in -2.0..2.0) {
            let test = Unpaired::new(&base, &candidate).unwrap();
            let expected = brute_force(&base, &candidate, effect);
            prop_assert!(near(test.p_at_most(effect), expected));
            let mirrored = Unpaired::new(&candidate, &base).unwrap();
            prop_assert!(near(mirrored.p_at_least(-effect), expected));
        }

        #[test]
        fn the_interval_holds_what_is_not_rejected(base in sample(), candidate in sample()) {
            let test = Unpaired::new(&base, &candidate).unwrap();
            let (low, high) = test.interval(0.8);
            if let Some(low) = low {
                prop_assert!(test.p_at_most(low - 1e-6) <= 0.1 + 1e-9);
                prop_assert!(test.p_at_most(low + 1e-6) > 0.1 - 1e-9);
            }
            if let Some(high) = high {
                prop_assert!(test.p_at_least(high + 1e-6) <= 0.1 + 1e-9);
                prop_assert!(test.p_at_least(high - 1e-6) > 0.1 - 1e-9);
            }
        }
    }
}
