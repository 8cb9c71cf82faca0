//! What was recorded without samples: facts of strategies, and benches.

use authbench_results::{
    BenchFigure, GateCell, Metric, MetricClass, Revocation, StrategyFacts, Verdict,
};

use super::{Files, one_each, paired};
use crate::ratchet::{Noted as _, blank, counted, effect_percent};

/// Means over arrivals that are not the same in every run differ by up to so
/// many percent without a reason.
const MEAN_NOISE_PERCENT: f64 = 1.0;

/// What was found once per strategy.
pub(super) fn facts(files: &Files<'_>) -> Vec<GateCell> {
    let mut cells = Vec::new();
    let both = paired(
        &files.base.strategies,
        &files.candidate.strategies,
        |facts| facts.strategy.as_str(),
    );
    for (strategy, sides) in both {
        let blank = |metric: &str, unit| {
            let budget = files.rules.budget(strategy, metric, MetricClass::Exact);
            blank(strategy, metric, MetricClass::Exact, unit, &budget)
        };
        let [base, candidate] = match one_each(&sides) {
            Ok(pair) => pair,
            Err(why) => {
                cells.push(blank("token_bytes", "bytes").noted(why));
                continue;
            }
        };
        let figures: [(&str, &str, Count); 3] = [
            ("token_bytes", "bytes", |it| it.token_bytes),
            ("accepted_after_deadline", "count", |it| {
                late(it.revocation.as_ref())
            }),
            ("accepted_after_deadline_elsewhere", "count", |it| {
                late(it.revocation_elsewhere.as_ref())
            }),
        ];
        for (metric, unit, read) in figures {
            let [base, candidate] = [base, candidate].map(|it| read(it).map(|count| count as f64));
            if base.is_some() || candidate.is_some() {
                let cell = counted(blank(metric, unit), base, candidate);
                cells.push(in_scenario(files, cell));
            }
        }
        let cell = blank("memory_bytes_per_login", "bytes");
        cells.extend(memory(cell, base, candidate));
    }
    cells
}

/// What one of the facts counts.
type Count = fn(&StrategyFacts) -> Option<u64>;

/// What benches found.
pub(super) fn benches(files: &Files<'_>) -> Vec<GateCell> {
    let both = paired(&files.base.benches, &files.candidate.benches, |figure| {
        (&*figure.bench, &*figure.case, &*figure.unit)
    });
    let compared = both.into_iter().filter(|(key, _)| is_compared(key.2));
    compared
        .map(|((bench, case, unit), sides)| {
            let (class, suffix) = match unit {
                "octets" => (MetricClass::Exact, "bytes"),
                _ => (MetricClass::Wall, unit),
            };
            let metric = format!("{bench}_{suffix}");
            let budget = files.rules.budget(case, &metric, class);
            let cell = blank(case, &metric, class, suffix, &budget);
            match one_each(&sides) {
                Err(why) => cell.noted(why),
                Ok([base, candidate]) if class == MetricClass::Exact => {
                    counted(cell, Some(base.value), Some(candidate.value))
                }
                Ok([base, candidate]) => {
                    let is_qualified = files.standing.is_qualified(case, &metric);
                    let is_alike = !files.is_other_machine() && files.is_same_profile();
                    estimated(cell, base, candidate, is_qualified && is_alike)
                }
            }
        })
        .collect()
}

/// Whether figures in this unit are compared: of octets and times more is
/// worse.
pub(super) fn is_compared(unit: &str) -> bool {
    matches!(unit, "octets" | "ns")
}

/// A cell with two means that come without samples; none if neither side has
/// one that is to be believed.
pub(super) fn mean(
    cell: GateCell,
    base: Option<&Metric>,
    candidate: Option<&Metric>,
) -> Option<GateCell> {
    let [base, candidate] = [base, candidate].map(|it| it.and_then(Metric::usable));
    base.or(candidate)?;
    let noise = base.map_or(0.0, |base| base * MEAN_NOISE_PERCENT / 100.0);
    let why = "A mean without samples, so it is advice";
    Some(advised(counted(cell, base, candidate), noise, why))
}

/// A counted cell, which is advice where the scenarios differ.
pub(super) fn in_scenario(files: &Files<'_>, cell: GateCell) -> GateCell {
    if files.is_same_scenario() || !cell.binding {
        return cell;
    }
    GateCell {
        binding: false,
        ..cell.noted("The scenarios differ, so it is advice")
    }
}

/// A cell that is advice, and inconclusive where the figures differ by no more
/// than `noise`.
fn advised(cell: GateCell, noise: f64, why: &str) -> GateCell {
    let verdict = match (cell.base, cell.candidate) {
        (Some(base), Some(candidate)) if base != candidate && (candidate - base).abs() <= noise => {
            Verdict::Inconclusive
        }
        _ => cell.verdict,
    };
    GateCell {
        verdict,
        binding: false,
        ..cell.noted(why)
    }
}

fn memory(cell: GateCell, base: &StrategyFacts, candidate: &StrategyFacts) -> Option<GateCell> {
    let (base, candidate) = (&base.memory, &candidate.memory);
    let figures = [base, candidate].map(authbench_results::Memory::bytes_per_login);
    figures[0].or(figures[1])?;
    let noise = base.resolution_bytes_per_login + candidate.resolution_bytes_per_login;
    let why = "Growth of whole processes, so it is advice";
    Some(advised(counted(cell, figures[0], figures[1]), noise, why))
}

fn late(revocation: Option<&Revocation>) -> Option<u64> {
    let held = revocation.filter(|it| it.controls_held());
    held.map(|it| it.accepted_after_deadline)
}

/// A cell with two estimates, judged by whether their intervals can be as
/// close as the budget.
fn estimated(
    cell: GateCell,
    base: &BenchFigure,
    candidate: &BenchFigure,
    is_binding: bool,
) -> GateCell {
    let cell = GateCell {
        base: Some(base.value),
        candidate: Some(candidate.value),
        effect_percent: effect_percent(base.value, candidate.value),
        verdict: Verdict::Inconclusive,
        binding: is_binding,
        ..cell
    };
    let cell = if is_binding {
        cell.noted("Not interleaved")
    } else {
        cell.noted("Not interleaved and not qualified, so it is advice")
    };
    let ends = |figure: &BenchFigure| figure.low.zip(figure.high);
    let (Some((base_low, base_high)), Some((low, high))) = (ends(base), ends(candidate)) else {
        return cell.noted("A side has no interval");
    };
    let at_least = effect_percent(base_high, low);
    let at_most = effect_percent(base_low, high);
    let (Some(at_least), Some(at_most)) = (at_least, at_most) else {
        return cell.noted("An interval begins at 0");
    };
    let budget = cell.budget_percent;
    let verdict = if at_least > budget {
        Verdict::Regressed
    } else if at_most < -budget {
        Verdict::Improved
    } else if at_most < budget {
        Verdict::Pass
    } else {
        Verdict::Inconclusive
    };
    GateCell {
        low_percent: Some(at_least),
        high_percent: Some(at_most),
        verdict,
        ..cell
    }
}
