//! The judgement of the whole.

use authbench_results::{ClassReport, GateCell, MetricClass, Verdict};

use crate::rules::Rules;

/// The judgement of the whole, and, exactly if that is
/// [`Verdict::NotMeasured`], why in one sentence with the way out.
///
/// - Regressed: a binding cell is.
/// - Not measured: a class that the rules require was not measured, or no cell
///   of it could be judged; or a binding cell of any class could not be, as one
///   that was red at first and could not be looked at again; or one is
///   inconclusive although only an effect beyond `blind_percent` would have been
///   seen.
/// - Inconclusive: a binding cell is, or no cell is binding, so that nothing
///   was shown.
/// - Improved: a binding cell is.
/// - Pass: all else.
#[must_use]
pub fn whole(
    rules: &Rules,
    classes: &[ClassReport],
    cells: &[GateCell],
) -> (Verdict, Option<String>) {
    if cells.iter().any(GateCell::is_red) {
        return (Verdict::Regressed, None);
    }
    let missing = rules
        .required
        .iter()
        .find_map(|class| missing(*class, classes, cells));
    let missing = missing.or_else(|| unjudged(cells));
    if let Some(reason) = missing.or_else(|| blind(rules, cells)) {
        return (Verdict::NotMeasured, Some(reason));
    }
    let mut binding = cells
        .iter()
        .filter(|cell| cell.binding && cell.verdict != Verdict::NotMeasured)
        .map(|cell| cell.verdict)
        .peekable();
    if binding.peek().is_none() {
        return (Verdict::Inconclusive, None);
    }
    let verdict = binding.fold(Verdict::Pass, |whole, one| match (whole, one) {
        (Verdict::Inconclusive, _) | (_, Verdict::Inconclusive) => Verdict::Inconclusive,
        (Verdict::Improved, _) | (_, Verdict::Improved) => Verdict::Improved,
        _ => Verdict::Pass,
    });
    (verdict, None)
}

/// Why a class that is required does not count as measured; none if it does.
fn missing(class: MetricClass, classes: &[ClassReport], cells: &[GateCell]) -> Option<String> {
    let label = class.label();
    let report = classes.iter().find(|report| report.class == class);
    let way_out = format!(
        "Measure it, or take `{label}` out of `required` in gate.toml if the gate shall do without."
    );
    let Some(report) = report.filter(|report| report.measured) else {
        let why = report.and_then(|report| report.reason.as_deref());
        let why = why.map_or_else(String::new, |why| {
            format!(": {}", why.trim_end_matches('.'))
        });
        return Some(format!(
            "The class {label}, which is required, was not measured{why}. {way_out}"
        ));
    };
    let mut own = cells.iter().filter(|cell| cell.class == report.class);
    own.all(|cell| cell.verdict == Verdict::NotMeasured)
        .then(|| {
            let first = cells
                .iter()
                .find(|cell| cell.class == class && cell.note.is_some());
            let note = first.and_then(|cell| cell.note.as_deref());
            let why = note.map_or_else(String::new, |note| format!(" The first says: {note}"));
            format!(
                "Not one metric of the class {label}, which is required, could be judged. \
                 {way_out}{why}"
            )
        })
}

/// Why a binding cell could not be judged; none if all could.
fn unjudged(cells: &[GateCell]) -> Option<String> {
    let mut cells = cells.iter();
    let cell = cells.find(|cell| cell.binding && cell.verdict == Verdict::NotMeasured)?;
    let why = cell.note.as_deref().unwrap_or("No reason is known.");
    Some(format!(
        "{} of {} could not be judged: {} Repeat the measurement once that is mended.",
        cell.metric, cell.strategy, why
    ))
}

/// Why the machine was too noisy; none if it was not.
fn blind(rules: &Rules, cells: &[GateCell]) -> Option<String> {
    // What is not a number shows nothing either.
    let visible = |cell: &GateCell| {
        let known = cell.visible_percent.filter(|percent| !percent.is_nan());
        known.unwrap_or(f64::INFINITY)
    };
    let blind = |cell: &&GateCell| {
        let open = cell.binding && cell.verdict == Verdict::Inconclusive;
        open && visible(cell) > rules.blind_percent
    };
    let worst = cells
        .iter()
        .filter(blind)
        .max_by(|a, b| visible(a).total_cmp(&visible(b)))?;
    let size = match worst.visible_percent.filter(|it| it.is_finite()) {
        Some(percent) => format!("less than {percent:.1} % would not have been seen"),
        None => "no effect at all would have been seen".to_owned(),
    };
    Some(format!(
        "Could not measure, the machine is too noisy: {size} in {} of {}, and the limit is {} % \
         (`blind_percent`). Repeat it on a quieter machine, or raise `blocks` or `segment_ms` in \
         gate.toml.",
        worst.metric, worst.strategy, rules.blind_percent
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ratchet::{Noted as _, blank};
    use crate::rules::Budget;

    fn cell(class: MetricClass, verdict: Verdict, binding: bool) -> GateCell {
        let budget = Budget {
            percent: 5.0,
            reason: None,
        };
        GateCell {
            verdict,
            binding,
            visible_percent: Some(4.0),
            ..blank("jwt", "metric_ns", class, "ns", &budget)
        }
    }

    fn report(class: MetricClass, measured: bool) -> ClassReport {
        ClassReport {
            class,
            measured,
            binding: true,
            reason: (!measured).then(|| "there is no baseline.".to_owned()),
        }
    }

    fn reports() -> Vec<ClassReport> {
        MetricClass::ALL.map(|class| report(class, true)).to_vec()
    }

    /// With a passing cell of each required class.
    fn judged(cells: &[GateCell]) -> (Verdict, Option<String>) {
        let passing =
            [MetricClass::Exact, MetricClass::Cpu].map(|class| cell(class, Verdict::Pass, true));
        whole(
            &Rules::default(),
            &reports(),
            &[&passing[..], cells].concat(),
        )
    }

    #[test]
    fn each_verdict_has_its_rule() {
        use MetricClass::{Cpu, Wall};
        let only = |cell| judged(&[cell]).0;
        assert_eq!(judged(&[]), (Verdict::Pass, None));
        assert_eq!(only(cell(Wall, Verdict::Regressed, false)), Verdict::Pass);
        assert_eq!(only(cell(Wall, Verdict::Improved, false)), Verdict::Pass);
        assert_eq!(
            only(cell(Wall, Verdict::Inconclusive, false)),
            Verdict::Pass
        );
        assert_eq!(
            only(cell(Wall, Verdict::NotMeasured, true)),
            Verdict::NotMeasured
        );
        assert_eq!(only(cell(Cpu, Verdict::NotMeasured, false)), Verdict::Pass);
        assert_eq!(
            only(cell(Cpu, Verdict::Regressed, true)),
            Verdict::Regressed
        );
        assert_eq!(only(cell(Cpu, Verdict::Improved, true)), Verdict::Improved);
        let both = [
            cell(Cpu, Verdict::Inconclusive, true),
            cell(Cpu, Verdict::Improved, true),
        ];
        assert_eq!(judged(&both), (Verdict::Inconclusive, None));
    }

    #[test]
    fn a_required_class_must_be_measured() {
        let rules = Rules::default();
        let cells = [cell(MetricClass::Cpu, Verdict::Pass, true)];
        let classes = [
            report(MetricClass::Exact, false),
            report(MetricClass::Cpu, true),
        ];
        let (verdict, reason) = whole(&rules, &classes, &cells);
        assert_eq!(verdict, Verdict::NotMeasured);
        assert_eq!(
            reason.unwrap(),
            "The class exact, which is required, was not measured: there is no baseline. Measure \
             it, or take `exact` out of `required` in gate.toml if the gate shall do without."
        );
        let (verdict, reason) = whole(&rules, &[], &cells);
        assert_eq!(verdict, Verdict::NotMeasured);
        assert!(reason.unwrap().contains("was not measured."));
        let (verdict, reason) = whole(&rules, &reports(), &cells);
        assert_eq!(verdict, Verdict::NotMeasured);
        assert!(
            reason
                .unwrap()
                .starts_with("Not one metric of the class exact")
        );
    }

    #[test]
    fn a_binding_cell_that_could_not_be_judged_is_no_pass() {
        let broken = cell(MetricClass::Cpu, Verdict::NotMeasured, true).noted("It died");
        let (verdict, reason) = judged(&[broken]);
        assert_eq!(verdict, Verdict::NotMeasured);
        assert!(
            reason
                .unwrap()
                .contains("metric_ns of jwt could not be judged: It died.")
        );
    }

    #[test]
    fn noise_that_hides_too_much_is_no_pass() {
        let noisy = |visible_percent| GateCell {
            visible_percent,
            ..cell(MetricClass::Cpu, Verdict::Inconclusive, true)
        };
        assert_eq!(judged(&[noisy(Some(10.0))]).0, Verdict::Inconclusive);
        for blind in [Some(10.1), None, Some(f64::NAN)] {
            assert_eq!(judged(&[noisy(blind)]).0, Verdict::NotMeasured);
        }
        let (_, reason) = judged(&[noisy(Some(12.0)), noisy(Some(17.26)), noisy(Some(11.0))]);
        assert!(
            reason
                .unwrap()
                .contains("less than 17.3 % would not have been seen")
        );
    }

    #[test]
    fn advice_alone_shows_nothing() {
        let cells = [MetricClass::Exact, MetricClass::Cpu]
            .map(|class| cell(class, Verdict::Improved, false));
        let found = whole(&Rules::default(), &reports(), &cells);
        assert_eq!(found, (Verdict::Inconclusive, None));
    }

    fn any_cell() -> impl Strategy<Value = GateCell> {
        let verdicts = vec![
            Verdict::Pass,
            Verdict::Improved,
            Verdict::Inconclusive,
            Verdict::Regressed,
            Verdict::NotMeasured,
        ];
        (
            prop::sample::select(MetricClass::ALL.to_vec()),
            prop::sample::select(verdicts),
            any::<bool>(),
            prop::option::of(0.0..20.0),
        )
            .prop_map(|(class, verdict, binding, visible_percent)| GateCell {
                visible_percent,
                ..cell(class, verdict, binding)
            })
    }

    proptest! {
        #[test]
        fn red_is_red_and_a_reason_means_not_measured(
            cells in prop::collection::vec(any_cell(), 0..12),
            measured in prop::collection::vec(any::<bool>(), 4),
        ) {
            let classes: Vec<ClassReport> = MetricClass::ALL
                .into_iter()
                .zip(measured)
                .map(|(class, measured)| report(class, measured))
                .collect();
            let (verdict, reason) = whole(&Rules::default(), &classes, &cells);
            let red = cells.iter().any(GateCell::is_red);
            prop_assert_eq!(verdict == Verdict::Regressed, red);
            prop_assert_eq!(verdict == Verdict::NotMeasured, reason.is_some());
            let mut mirrored = cells;
            mirrored.reverse();
            prop_assert_eq!(whole(&Rules::default(), &classes, &mirrored).0, verdict);
        }
    }
}
