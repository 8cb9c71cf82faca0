//! Contenders that take turns: a machine that does other things meanwhile, or
//! grows slower, does so to all of them. What counts are the ratios.

use std::time::Duration;

use authbench_core::system::monotonic_ns;
use authbench_results::{BenchFigure, stats};

/// Rounds that are played however short the time is.
const ROUNDS_MIN: usize = 2;

/// Confidence of the intervals.
const CONFIDENCE: f64 = 0.95;

/// One way to do a thing.
pub struct Contender<'c> {
    name: String,
    calls: u32,
    turn: Box<dyn FnMut() + 'c>,
}

impl<'c> Contender<'c> {
    /// A contender that does the thing `calls` times in each `turn`.
    pub fn new(name: impl Into<String>, calls: u32, turn: impl FnMut() + 'c) -> Self {
        Self {
            name: name.into(),
            calls,
            turn: Box::new(turn),
        }
    }

    /// A contender of which one call is given: each turn makes `calls`.
    pub fn repeated(name: impl Into<String>, calls: u32, mut call: impl FnMut() + 'c) -> Self {
        Self::new(name, calls, move || {
            for _ in 0..calls {
                call();
            }
        })
    }
}

/// What a contender took: nanoseconds of a call, round by round.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Who.
    pub name: String,
    /// Nanoseconds of a call in each round.
    pub rounds_ns: Vec<f64>,
}

/// A median with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The median.
    pub value: f64,
    /// Ends of its 95 % confidence interval, from order statistics; none with
    /// too few rounds.
    pub interval: Option<(f64, f64)>,
}

impl Estimate {
    /// The median of `values`; not a number if there are none.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |rank: u64| sorted.get(usize::try_from(rank).ok()? - 1).copied();
        let ranks = stats::quantile_ranks(sorted.len() as u64, 0.5, CONFIDENCE);
        Self {
            value: stats::median(values).unwrap_or(f64::NAN),
            interval: ranks.and_then(|(low, high)| at(low).zip(at(high))),
        }
    }

    /// It as a figure of `bench`.
    #[must_use]
    pub fn figure(self, bench: &str, case: String, unit: &str) -> BenchFigure {
        BenchFigure {
            bench: bench.to_owned(),
            case,
            unit: unit.to_owned(),
            value: self.value,
            low: self.interval.map(|it| it.0),
            high: self.interval.map(|it| it.1),
        }
    }
}

impl Taken {
    /// The median.
    #[must_use]
    pub fn median(&self) -> Estimate {
        Estimate::of(&self.rounds_ns)
    }

    /// How many times as long as `base` it took, each round for itself.
    #[must_use]
    pub fn ratio(&self, base: &Self) -> Estimate {
        Estimate::of(&self.with(base, |own, base| own / base))
    }

    /// What it took more than `base`, each round for itself.
    #[must_use]
    pub fn beyond(&self, base: &Self, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            rounds_ns: self.with(base, |own, base| own - base),
        }
    }

    fn with(&self, other: &Self, of: impl Fn(f64, f64) -> f64) -> Vec<f64> {
        let both = self.rounds_ns.iter().zip(&other.rounds_ns);
        both.map(|(own, other)| of(*own, *other)).collect()
    }
}

/// Lets `contenders` take turns for `span`, each round in another order, so
/// that none always follows the same neighbour. The first round warms up and
/// is not counted.
#[must_use]
pub fn take(span: Duration, mut contenders: Vec<Contender<'_>>) -> Vec<Taken> {
    let mut taken: Vec<Taken> = contenders
        .iter()
        .map(|contender| Taken {
            name: contender.name.clone(),
            rounds_ns: Vec::new(),
        })
        .collect();
    let count = contenders.len();
    let begun_ns = monotonic_ns();
    let mut round = 0;
    while round <= ROUNDS_MIN || u128::from(monotonic_ns() - begun_ns) < span.as_nanos() {
        for turn in 0..count {
            let n = (turn + round) % count;
            let start_ns = monotonic_ns();
            (contenders[n].turn)();
            let spent_ns = monotonic_ns() - start_ns;
            if round > 0 {
                let call_ns = spent_ns as f64 / f64::from(contenders[n].calls);
                taken[n].rounds_ns.push(call_ns);
            }
        }
        round += 1;
    }
    taken
}

/// Prints a table of `taken` and gives its figures: the times, and the ratio of
/// each but the first to the first.
#[must_use]
pub fn report(bench: &str, title: &str, taken: &[Taken]) -> Vec<BenchFigure> {
    let mut figures = Vec::new();
    let Some(base) = taken.first() else {
        return figures;
    };
    println!("{bench}: {title}, {} rounds in turns", base.rounds_ns.len());
    println!(
        "  {:<34} {:>12} {:>25} {:>21}",
        "", "ns, median", "quartiles", "x the first (95 %)"
    );
    for one in taken {
        let median = one.median();
        let (low, high) = stats::quartiles(&one.rounds_ns).unwrap_or((f64::NAN, f64::NAN));
        let ratio = one.ratio(base);
        let (least, most) = ratio.interval.unwrap_or((f64::NAN, f64::NAN));
        println!(
            "  {:<34} {:>12.1} {:>25} {:>21}",
            one.name,
            median.value,
            format!("{low:.1} to {high:.1}"),
            format!("{:.3} ({least:.3} to {most:.3})", ratio.value)
        );
        let case = format!("{title}/{}", one.name);
        if one.name != base.name {
            figures.push(ratio.figure(bench, format!("{case}/ratio"), "ratio"));
        }
        figures.push(median.figure(bench, case, "ns"));
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(rounds_ns: &[f64]) -> Taken {
        Taken {
            name: "x".to_owned(),
            rounds_ns: rounds_ns.to_vec(),
        }
    }

    #[test]
    fn rounds_are_compared_one_by_one() {
        let (slow, base) = (taken(&[20.0, 300.0, 4.0]), taken(&[10.0, 100.0, 1.0]));
        assert_eq!(slow.ratio(&base).value, 3.0);
        assert_eq!(slow.beyond(&base, "y").rounds_ns, [10.0, 200.0, 3.0]);
    }

    #[test]
    fn an_interval_needs_rounds() {
        assert_eq!(Estimate::of(&[1.0, 2.0, 3.0]).interval, None);
        let many: Vec<f64> = (0..101).map(f64::from).collect();
        let estimate = Estimate::of(&many);
        let (low, high) = estimate.interval.unwrap();
        assert!(low < estimate.value && estimate.value < high);
        assert_eq!(estimate.value, 50.0);
    }

    #[test]
    fn all_take_as_many_turns() {
        let counts = [const { std::cell::Cell::new(0_u32) }; 2];
        let contender = |n: usize| {
            let count = &counts[n];
            Contender::repeated(n.to_string(), 3, move || count.set(count.get() + 1))
        };
        let taken = take(Duration::ZERO, vec![contender(0), contender(1)]);
        assert_eq!(counts[0].get(), counts[1].get());
        assert!(taken.iter().all(|one| one.rounds_ns.len() == ROUNDS_MIN));
    }
}
