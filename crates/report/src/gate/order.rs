//! The order of reading: the worst first.

use std::cmp::Reverse;

use authbench_results::{GateCell, GateReport, MetricClass, Verdict};

/// The cells of `report`, the worst first: what regressed, what was not
/// measured, what is inconclusive, what improved, what passed. Within each
/// what is binding comes before advice, and what is furthest beyond its budget
/// (or nearest to it) before the rest.
#[must_use]
pub fn worst_first(report: &GateReport) -> Vec<&GateCell> {
    let mut cells: Vec<&GateCell> = report.cells.iter().collect();
    cells.sort_by(|a, b| {
        let key = |cell: &GateCell| (rank(cell.verdict), Reverse(cell.binding));
        key(a)
            .cmp(&key(b))
            .then_with(|| excess(b).total_cmp(&excess(a)))
            .then_with(|| (a.class, &a.strategy, &a.metric).cmp(&(b.class, &b.strategy, &b.metric)))
    });
    cells
}

/// The place of a verdict in a report.
pub(super) const fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Regressed => 0,
        Verdict::NotMeasured => 1,
        Verdict::Inconclusive => 2,
        Verdict::Improved => 3,
        Verdict::Pass => 4,
    }
}

/// By how many percentage points an effect is beyond its budget; a growth from
/// nothing is beyond any.
pub(super) fn excess(cell: &GateCell) -> f64 {
    match (cell.effect_percent, cell.base, cell.candidate) {
        (Some(effect), _, _) if effect.is_finite() => effect - cell.budget_percent,
        (_, Some(base), Some(candidate)) if candidate > base => f64::INFINITY,
        _ => f64::NEG_INFINITY,
    }
}

/// Whether the figures of a class are counted, and so have no interval.
pub(super) const fn is_counted(class: MetricClass) -> bool {
    matches!(class, MetricClass::Exact | MetricClass::Instructions)
}

/// The counted figures of the scheme behind `cell` that changed: instructions
/// first, then by the size of the change. Counted figures are often named by
/// the recipe without its transport, so one name may be the beginning of the
/// other.
pub(super) fn counted_beside<'r>(report: &'r GateReport, cell: &GateCell) -> Vec<&'r GateCell> {
    let mut beside: Vec<&GateCell> = report
        .cells
        .iter()
        .filter(|it| is_counted(it.class) && is_same_scheme(&it.strategy, &cell.strategy))
        .filter(|it| it.base.is_some() && it.candidate.is_some() && it.base != it.candidate)
        .collect();
    beside.sort_by(|a, b| {
        let size = |cell: &GateCell| cell.effect_percent.map_or(f64::INFINITY, f64::abs);
        (a.class == MetricClass::Exact)
            .cmp(&(b.class == MetricClass::Exact))
            .then_with(|| size(b).total_cmp(&size(a)))
            .then_with(|| a.metric.cmp(&b.metric))
    });
    beside
}

/// Whether the counted figures of the scheme behind `cell` are known at all.
pub(super) fn is_counted_beside(report: &GateReport, cell: &GateCell) -> bool {
    report.cells.iter().any(|it| {
        is_counted(it.class)
            && is_same_scheme(&it.strategy, &cell.strategy)
            && it.base.is_some()
            && it.candidate.is_some()
    })
}

fn is_same_scheme(one: &str, other: &str) -> bool {
    let begins = |long: &str, short: &str| {
        long.strip_prefix(short)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    begins(one, other) || begins(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_and_without_a_transport_are_of_one_scheme() {
        assert!(is_same_scheme("session.memory", "session.memory.cookie"));
        assert!(is_same_scheme("jwt.hs256.bearer", "jwt.hs256"));
        assert!(is_same_scheme("jwt.hs256", "jwt.hs256"));
        assert!(!is_same_scheme("session.memory", "session.memory2.cookie"));
        assert!(!is_same_scheme("session.redis", "session.memory.cookie"));
    }
}
