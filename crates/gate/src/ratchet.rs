//! What is counted may only get better.

use std::collections::BTreeMap;

use authbench_results::{CountedFigure, GateCell, MetricClass, Toolchain, Verdict};

use crate::rules::{Budget, Rules};

/// Holds the counted figures of a class against those of a baseline, one cell
/// for each figure of either side, in the order of their names.
///
/// A figure that is the same is a pass, and so is one that is no further away
/// than its budget; one that is worse by more is a regression, from 0 to
/// anything too; one that is better by more is an improvement. A figure that
/// only one side has, or that cannot be what was counted, is not measured, and
/// a note says why. An exact one that is gone is binding, so that a gate cannot
/// be passed by no longer counting; whatever else only one side has fails
/// nothing.
#[must_use]
pub fn ratchet(
    rules: &Rules,
    class: MetricClass,
    base: &[CountedFigure],
    candidate: &[CountedFigure],
) -> Vec<GateCell> {
    let mut figures: BTreeMap<(&str, &str), [Vec<f64>; 2]> = BTreeMap::new();
    for (side, all) in [base, candidate].into_iter().enumerate() {
        for figure in all.iter().filter(|it| it.class == class) {
            let key = (figure.strategy.as_str(), figure.metric.as_str());
            figures.entry(key).or_default()[side].push(figure.value);
        }
    }
    let cells = figures.iter().map(|((strategy, metric), sides)| {
        let budget = rules.budget(strategy, metric, class);
        let unit = unit(metric, class);
        match sides.each_ref().map(|values| one(values)) {
            [Ok(base), Ok(candidate)] => {
                let cell = blank(strategy, metric, class, unit, &budget);
                let cell = counted(cell, base, candidate);
                let is_gone = base.is_some() && candidate.is_none();
                if is_gone && class == MetricClass::Exact {
                    let cell = cell.noted("Bless it if that is meant");
                    return GateCell {
                        binding: true,
                        ..cell
                    };
                }
                cell
            }
            [Err(why), _] | [_, Err(why)] => GateCell {
                binding: true,
                ..blank(strategy, metric, class, unit, &budget)
            }
            .noted(why),
        }
    });
    cells.collect()
}

/// Whether instructions that were counted with one toolchain may be held
/// against those of another: all of it must be known and the same.
///
/// # Errors
/// What differs, or is not known, in one sentence with the way out.
pub fn comparable(base: &Toolchain, candidate: &Toolchain) -> Result<(), String> {
    let parts = [
        ("machine", &base.fingerprint, &candidate.fingerprint),
        ("compiler", &base.rustc, &candidate.rustc),
        ("Valgrind", &base.valgrind, &candidate.valgrind),
    ];
    let differences: Vec<String> = parts
        .into_iter()
        .filter_map(|(what, base, candidate)| match (base, candidate) {
            (Some(base), Some(candidate)) if base == candidate => None,
            (Some(base), Some(candidate)) => Some(format!(
                "the {what} is another one ({base}, now {candidate})"
            )),
            (None, _) => Some(format!("the {what} of the base is not known")),
            (Some(_), None) => Some(format!("the {what} of the candidate is not known")),
        })
        .collect();
    if differences.is_empty() {
        return Ok(());
    }
    Err(format!(
        "Instructions cannot be compared, because {}; bless a baseline on this machine with these \
         tools.",
        differences.join(" and ")
    ))
}

/// A cell of which nothing is known yet.
pub(crate) fn blank(
    strategy: &str,
    metric: &str,
    class: MetricClass,
    unit: &str,
    budget: &Budget,
) -> GateCell {
    let cell = GateCell {
        strategy: strategy.to_owned(),
        metric: metric.to_owned(),
        class,
        unit: unit.to_owned(),
        base: None,
        candidate: None,
        effect_percent: None,
        low_percent: None,
        high_percent: None,
        budget_percent: budget.percent,
        p_worse: None,
        p_worse_holm: None,
        visible_percent: None,
        pairs: 0,
        verdict: Verdict::NotMeasured,
        binding: false,
        confirmation: None,
        note: None,
    };
    match &budget.reason {
        Some(reason) => cell.noted(&format!("Its budget is an exception: {reason}")),
        None => cell,
    }
}

/// `cell` with two figures that were counted, of which either may be missing.
/// The verdict is binding if neither is.
pub(crate) fn counted(cell: GateCell, base: Option<f64>, candidate: Option<f64>) -> GateCell {
    let cell = GateCell {
        base,
        candidate,
        ..cell
    };
    let (base, candidate) = match (base, candidate) {
        (Some(base), Some(candidate)) => (base, candidate),
        (None, Some(_)) => return cell.noted("New: no baseline; bless it"),
        (Some(_), None) => return cell.noted("Gone: the candidate has no such figure"),
        (None, None) => return cell.noted("Neither side has such a figure"),
    };
    // The products of whole numbers are exact, a quotient would not be.
    let allowed = cell.budget_percent * base;
    let (worse, better) = ((candidate - base) * 100.0, (base - candidate) * 100.0);
    let verdict = if worse > allowed {
        Verdict::Regressed
    } else if better > allowed {
        Verdict::Improved
    } else {
        Verdict::Pass
    };
    let note = match verdict {
        _ if candidate < base => Some("Less than the base; bless it to keep it"),
        Verdict::Pass if candidate > base => Some("More than the base, but within the budget"),
        _ => None,
    };
    let cell = GateCell {
        effect_percent: effect_percent(base, candidate),
        verdict,
        binding: true,
        ..cell
    };
    match note {
        Some(note) => cell.noted(note),
        None => cell,
    }
}

/// By how many percent the candidate has more; none from 0 to more.
pub(crate) fn effect_percent(base: f64, candidate: f64) -> Option<f64> {
    if base == candidate {
        return Some(0.0);
    }
    Some((candidate - base) * 100.0 / base).filter(|percent| percent.is_finite())
}

/// Adds to the notes of a cell.
pub(crate) trait Noted {
    /// It with one more sentence; the full stop is added.
    fn noted(self, sentence: &str) -> Self;
}

impl Noted for GateCell {
    fn noted(mut self, sentence: &str) -> Self {
        let note = self.note.get_or_insert_default();
        if !note.is_empty() {
            note.push(' ');
        }
        note.push_str(sentence);
        if !sentence.ends_with('.') {
            note.push('.');
        }
        self
    }
}

/// The one figure of a side; none if it has none.
fn one(values: &[f64]) -> Result<Option<f64>, &'static str> {
    match values {
        [] => Ok(None),
        all if all.iter().any(|it| !it.is_finite() || *it < 0.0) => {
            Err("What was counted is negative or not a number: count it again")
        }
        [first, rest @ ..] if rest.iter().all(|it| it == first) => Ok(Some(*first)),
        _ => Err("One side counted it twice, and not the same: it is not exact"),
    }
}

fn unit(metric: &str, class: MetricClass) -> &'static str {
    match class {
        MetricClass::Instructions => "instructions",
        _ if metric.ends_with("_bytes") || metric.contains("_bytes_per_") => "bytes",
        _ => "count",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXACT: MetricClass = MetricClass::Exact;

    fn figure(strategy: &str, value: f64) -> CountedFigure {
        CountedFigure {
            class: EXACT,
            strategy: strategy.to_owned(),
            metric: "token_bytes".to_owned(),
            value,
        }
    }

    fn both(base: f64, candidate: f64, percent: f64) -> GateCell {
        let mut rules = Rules::default();
        rules.budgets.exact = percent;
        let cells = ratchet(
            &rules,
            EXACT,
            &[figure("a", base)],
            &[figure("a", candidate)],
        );
        let [cell] = <[GateCell; 1]>::try_from(cells).unwrap();
        cell
    }

    #[test]
    fn only_what_is_the_same_or_better_passes() {
        let same = both(43.0, 43.0, 0.0);
        assert_eq!((same.verdict, same.note), (Verdict::Pass, None));
        assert_eq!(same.unit, "bytes");
        let less = both(43.0, 42.0, 0.0);
        assert_eq!(less.verdict, Verdict::Improved);
        assert!(less.note.unwrap().contains("bless it to keep it"));
        let more = both(100.0, 101.0, 0.0);
        assert!(more.is_red());
        assert_eq!(more.effect_percent, Some(1.0));
    }

    #[test]
    fn from_nothing_to_something_is_a_regression_without_a_size() {
        let cell = both(0.0, 1.0, 50.0);
        assert!(cell.is_red());
        assert_eq!(cell.effect_percent, None);
        assert_eq!(both(0.0, 0.0, 0.0).verdict, Verdict::Pass);
    }

    #[test]
    fn the_budget_itself_is_within_the_budget() {
        for percent in [1.0, 2.0, 5.0, 7.0, 10.0, 30.0] {
            let at = both(100.0, 100.0 + percent, percent);
            assert_eq!(at.verdict, Verdict::Pass, "{percent}");
            assert!(at.note.unwrap().contains("within the budget"));
            assert!(both(100.0, 100.01 + percent, percent).is_red());
        }
    }

    #[test]
    fn what_is_new_fails_nothing_and_what_is_gone_must_be_blessed() {
        let cells = ratchet(
            &Rules::default(),
            EXACT,
            &[figure("gone", 1.0), figure("kept", 1.0)],
            &[figure("kept", 1.0), figure("new", 1.0)],
        );
        let seen: Vec<_> = cells
            .iter()
            .map(|it| (it.strategy.as_str(), it.verdict, it.binding))
            .collect();
        assert_eq!(
            seen,
            [
                ("gone", Verdict::NotMeasured, true),
                ("kept", Verdict::Pass, true),
                ("new", Verdict::NotMeasured, false)
            ]
        );
        assert!(cells[0].note.as_deref().unwrap().contains("Bless it if"));
        assert!(cells[2].note.as_deref().unwrap().contains("no baseline"));
        let instructions = CountedFigure {
            class: MetricClass::Instructions,
            ..figure("gone", 1.0)
        };
        let cells = ratchet(&Rules::default(), instructions.class, &[instructions], &[]);
        assert!(!cells[0].binding && cells[0].verdict == Verdict::NotMeasured);
    }

    #[test]
    fn what_was_not_counted_once_is_not_measured() {
        let twice = [figure("a", 1.0), figure("a", 2.0)];
        for broken in [&twice[..], &[figure("a", f64::NAN)], &[figure("a", -1.0)]] {
            let cells = ratchet(&Rules::default(), EXACT, &[figure("a", 1.0)], broken);
            assert_eq!(cells[0].verdict, Verdict::NotMeasured);
            assert!(cells[0].binding && cells[0].note.is_some());
        }
        let same = [figure("a", 1.0), figure("a", 1.0)];
        let cells = ratchet(&Rules::default(), EXACT, &same, &[figure("a", 1.0)]);
        assert_eq!(cells[0].verdict, Verdict::Pass);
    }

    #[test]
    fn figures_of_other_classes_are_left_out() {
        let cells = ratchet(
            &Rules::default(),
            MetricClass::Instructions,
            &[figure("a", 1.0)],
            &[figure("a", 2.0)],
        );
        assert!(cells.is_empty());
    }

    #[test]
    fn toolchains_compare_if_known_and_the_same() {
        let known = Toolchain {
            fingerprint: Some("f".into()),
            rustc: Some("1.95".into()),
            valgrind: Some("3.24".into()),
        };
        assert_eq!(comparable(&known, &known), Ok(()));
        let newer = Toolchain {
            rustc: Some("1.96".into()),
            ..known.clone()
        };
        let why = comparable(&known, &newer).unwrap_err();
        assert!(why.contains("the compiler is another one (1.95, now 1.96)"));
        let without = Toolchain {
            valgrind: None,
            ..known.clone()
        };
        let why = comparable(&known, &without).unwrap_err();
        assert!(why.contains("the Valgrind of the candidate is not known"));
        assert!(comparable(&Toolchain::default(), &Toolchain::default()).is_err());
    }

    proptest! {
        #[test]
        fn worse_one_way_is_not_worse_the_other(
            base in 0_u32..1000, candidate in 0_u32..1000, percent in 0_u32..99,
        ) {
            let (base, candidate) = (f64::from(base), f64::from(candidate));
            let there = both(base, candidate, f64::from(percent));
            let back = both(candidate, base, f64::from(percent));
            prop_assert!(there.binding && back.binding);
            prop_assert!(!(there.is_red() && back.is_red()));
            if candidate == base {
                prop_assert_eq!(there.verdict, Verdict::Pass);
            } else if percent == 0 {
                prop_assert_eq!(there.is_red(), candidate > base);
            }
        }

        #[test]
        fn more_is_never_judged_better(base in 0_u32..1000, more in 0_u32..1000) {
            let cell = both(f64::from(base), f64::from(base + more), 2.0);
            prop_assert_ne!(cell.verdict, Verdict::Improved);
        }
    }
}
