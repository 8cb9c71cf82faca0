//! What known gates say of the machine.

use std::collections::BTreeMap;

use authbench_results::{
    CellStanding, InjectedStanding, KnownCell, KnownGate, MetricClass, Qualification, Standing,
    Verdict,
};

pub use authbench_results::AA_GATES_MIN;

/// Of so many A/A gates at most one may be red.
pub const AA_GATES_PER_RED: u32 = 30;
/// A slow-down of at least so many percent must be found.
pub const INJECTED_PERCENT_MIN: f64 = 10.0;
/// In at least so many gates of a hundred.
pub const FOUND_PERCENT_MIN: u32 = 90;

/// What a qualification says of its machine. One that was retracted, or that
/// was stopped before [`AA_GATES_MIN`] A/A gates, says nothing.
///
/// Listed as qualified are cells whose red verdicts may be believed; as
/// unqualified those that were red too often in A/A gates. A cell that was
/// tried too seldom, or that missed slow-downs, is in neither list: it is not
/// known to raise false alarms.
#[must_use]
pub fn standing(latest: Option<&Qualification>) -> Standing {
    let Some(latest) = latest.filter(|it| it.invalid.is_none()) else {
        return Standing::default();
    };
    let aa = || latest.gates.iter().filter(|gate| is_aa(gate));
    let aa_gates = count(aa());
    if latest.interrupted && aa_gates < AA_GATES_MIN {
        return Standing::default();
    }
    let names = |wanted: fn(&CellStanding) -> bool| {
        let cells = latest.cells.iter().filter(move |cell| wanted(cell));
        cells
            .map(|cell| format!("{}/{}", cell.strategy, cell.metric))
            .collect()
    };
    Standing {
        id: Some(latest.id.clone()),
        at: Some(latest.ended_at.clone()),
        aa_gates,
        aa_red: count(aa().filter(|gate| gate.verdict == Verdict::Regressed)),
        injected: injected(&latest.gates),
        qualified: names(|cell| cell.qualified),
        unqualified: names(|cell| raises_false_alarms(cell.aa_gates, cell.aa_red)),
    }
}

/// What follows from known gates for each metric of each strategy, in the
/// order of their names; `class_of` tells the class of a metric.
///
/// A cell qualifies if at least [`AA_GATES_MIN`] A/A gates judged it, of which
/// at most one in [`AA_GATES_PER_RED`] called it regressed; and, where every
/// request was slowed down by [`INJECTED_PERCENT_MIN`] percent of its CPU or
/// more and the metric is one of CPU, if [`FOUND_PERCENT_MIN`] percent of the
/// gates over the largest such slow-down found it. Times follow the CPU only in
/// part, so nothing is demanded of them there.
#[must_use]
pub fn cell_standings(
    gates: &[KnownGate],
    class_of: impl Fn(&str) -> MetricClass,
) -> Vec<CellStanding> {
    let mut cells: BTreeMap<(&str, &str), Vec<(&KnownGate, &KnownCell)>> = BTreeMap::new();
    for gate in gates {
        for cell in &gate.cells {
            let judged = cells.entry((&cell.strategy, &cell.metric)).or_default();
            if cell.verdict != Verdict::NotMeasured {
                judged.push((gate, cell));
            }
        }
    }
    let standings = cells.into_iter().map(|((strategy, metric), judged)| {
        let red = |it: &&(&KnownGate, &KnownCell)| it.1.verdict == Verdict::Regressed;
        let aa = || judged.iter().filter(|it| is_aa(it.0));
        let whole = || {
            let injected = judged.iter().filter(|it| !is_aa(it.0));
            injected.filter(|it| it.0.injected_operation.is_none())
        };
        let largest = whole().map(|it| it.0.injected_percent).reduce(f64::max);
        let largest_ones = || whole().filter(|it| Some(it.0.injected_percent) == largest);
        let standing = CellStanding {
            strategy: strategy.to_owned(),
            metric: metric.to_owned(),
            class: class_of(metric),
            aa_gates: count(aa()),
            aa_red: count(aa().filter(red)),
            injected_gates: count(largest_ones()),
            injected_found: count(largest_ones().filter(red)),
            injected_percent: largest,
            qualified: false,
            reason: None,
        };
        let reason = shortcoming(&standing);
        CellStanding {
            qualified: reason.is_none(),
            reason,
            ..standing
        }
    });
    standings.collect()
}

/// Why a machine is no instrument to judge by, in a sentence; none if nothing
/// speaks against it.
///
/// More than one of its A/A gates was red, and more than one in
/// [`AA_GATES_PER_RED`]; or the largest slow-down of every request, by
/// [`INJECTED_PERCENT_MIN`] percent or more, was found in less than
/// [`FOUND_PERCENT_MIN`] percent of its gates.
#[must_use]
pub fn unfit(standing: &Standing) -> Option<String> {
    let (gates, red) = (standing.aa_gates, standing.aa_red);
    if red > 1 && u64::from(red) * u64::from(AA_GATES_PER_RED) > u64::from(gates) {
        return Some(format!(
            "{red} of {gates} gates over identical programs were red, more than one in \
             {AA_GATES_PER_RED}"
        ));
    }
    let whole = standing.injected.iter().filter(|it| it.operation.is_none());
    let largest = whole.max_by(|a, b| a.percent.total_cmp(&b.percent))?;
    let (gates, found) = (largest.gates, largest.found);
    let is_missed = u64::from(found) * 100 < u64::from(gates) * u64::from(FOUND_PERCENT_MIN);
    (largest.percent >= INJECTED_PERCENT_MIN && is_missed).then(|| {
        format!(
            "a slow-down by {} % was found in {found} of {gates} gates, less than \
             {FOUND_PERCENT_MIN} %",
            largest.percent
        )
    })
}

/// Why a cell does not qualify; none if it does.
fn shortcoming(cell: &CellStanding) -> Option<String> {
    let (gates, red) = (cell.aa_gates, cell.aa_red);
    if gates < AA_GATES_MIN {
        return Some(format!(
            "{gates} A/A gates judged it, and {AA_GATES_MIN} are needed: run `authbench gate --aa 10 \
             --inject 10`."
        ));
    }
    if raises_false_alarms(gates, red) {
        return Some(format!(
            "{red} of {gates} A/A gates were red, more than one in {AA_GATES_PER_RED}."
        ));
    }
    let percent = cell
        .injected_percent
        .filter(|percent| *percent >= INJECTED_PERCENT_MIN && cell.class == MetricClass::Cpu)?;
    let (gates, found) = (
        u64::from(cell.injected_gates),
        u64::from(cell.injected_found),
    );
    (found * 100 < gates * u64::from(FOUND_PERCENT_MIN)).then(|| {
        format!(
            "A slow-down by {percent} % was found in {found} of {gates} gates, less than \
             {FOUND_PERCENT_MIN} %."
        )
    })
}

fn raises_false_alarms(gates: u32, red: u32) -> bool {
    gates >= AA_GATES_MIN && u64::from(red) * u64::from(AA_GATES_PER_RED) > u64::from(gates)
}

fn is_aa(gate: &KnownGate) -> bool {
    gate.injected_percent == 0.0
}

/// How often each slow-down was found, smallest first.
fn injected(gates: &[KnownGate]) -> Vec<InjectedStanding> {
    let mut all: Vec<InjectedStanding> = Vec::new();
    for gate in gates.iter().filter(|gate| !is_aa(gate)) {
        let (percent, operation) = (gate.injected_percent, &gate.injected_operation);
        let same = |it: &InjectedStanding| it.percent == percent && it.operation == *operation;
        let index = all.iter().position(same).unwrap_or_else(|| {
            all.push(InjectedStanding {
                percent,
                operation: operation.clone(),
                gates: 0,
                found: 0,
                improved: 0,
            });
            all.len() - 1
        });
        let standing = &mut all[index];
        standing.gates += 1;
        standing.found += u32::from(gate.verdict == Verdict::Regressed);
        standing.improved += u32::from(gate.verdict == Verdict::Improved);
    }
    all.sort_by(|a, b| {
        let percent = a.percent.total_cmp(&b.percent);
        percent.then_with(|| a.operation.cmp(&b.operation))
    });
    all
}

fn count<T>(all: impl Iterator<Item = T>) -> u32 {
    u32::try_from(all.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
