//! Where a strategy ends: the highest rate that it carries, and what a fault
//! does to it. One sentence each.

use authbench_results::{FaultSeen, Knee, KneeTry, OutcomeKind, RunResult};

use crate::units;
use crate::words;

/// What each strategy carries at most, one sentence a strategy; empty if that
/// was not sought.
#[must_use]
pub fn knees(result: &RunResult) -> Vec<String> {
    result
        .strategies
        .iter()
        .filter_map(|facts| {
            let knee = facts.knee.as_ref()?;
            let doubts = doubtful(knee);
            let doubts = if doubts == 0 {
                String::new()
            } else {
                format!(
                    "; {doubts} of {} tries may not be believed",
                    knee.tries.len()
                )
            };
            Some(format!("{} {}{doubts}.", facts.strategy, carries(knee)))
        })
        .collect()
}

/// What each fault did to each strategy, one sentence each; empty if nothing
/// was broken.
#[must_use]
pub fn faults(result: &RunResult) -> Vec<String> {
    let cells = result.cells.iter();
    cells
        .flat_map(|cell| cell.faults.iter().map(move |fault| (cell, fault)))
        .map(|(cell, fault)| {
            let phase = cell.phase.as_ref();
            let phase = phase.map_or_else(String::new, |phase| format!(" in the phase {phase}"));
            format!("{}{phase}, {}", cell.strategy, fault_in_words(fault))
        })
        .collect()
}

/// `carries 32,000/s at p99 <= 5 ms, ..`
pub(crate) fn carries(knee: &Knee) -> String {
    let slo = objective(knee);
    match (knee.rate_per_s, knee.failed_at_per_s) {
        (Some(held), Some(failed)) => format!(
            "carries {} at {slo}, and not {}",
            units::per_s(held),
            units::per_s(failed)
        ),
        (Some(held), None) => format!(
            "carries {} at {slo}, the highest rate that was tried: its limit lies higher",
            units::per_s(held)
        ),
        (None, _) => format!("held {slo} at no rate that was tried"),
    }
}

/// `p99 <= 5 ms`
pub(crate) fn objective(knee: &Knee) -> String {
    format!("p99 ≤ {}", units::tick_ns(knee.slo_ns_p99 as f64))
}

/// How many tries say nothing of the server.
pub(crate) fn doubtful(knee: &Knee) -> usize {
    let is_doubtful = |one: &&KneeTry| one.doubtful.is_some();
    knee.tries.iter().filter(is_doubtful).count()
}

fn fault_in_words(fault: &FaultSeen) -> String {
    if let Some(why) = &fault.failed {
        return format!(
            "{}: the fault itself failed, so nothing is known: {why}.",
            fault.kind
        );
    }
    format!(
        "{} at {}: first failure {}; failures meanwhile: {}, accepted meanwhile: {}; {}; failures \
         after it: {}.",
        fault.kind,
        units::setting_ms(fault.at_ms),
        first_failure(fault),
        words::failures(&fault.during),
        units::count(fault.during.count(OutcomeKind::Right) as f64),
        recovery(fault),
        words::failures(&fault.after)
    )
}

/// `after 12 ms`, or `none`.
pub(crate) fn first_failure(fault: &FaultSeen) -> String {
    fault.first_failure_ns.map_or_else(
        || "none".to_owned(),
        |ns| format!("after {}", units::duration_ns(ns as f64)),
    )
}

/// How long after its end everything was right again, or why that is unknown.
pub(crate) fn recovery(fault: &FaultSeen) -> String {
    match (fault.recovery_ns, fault.first_failure_ns, fault.lasted_ns) {
        (Some(ns), ..) => format!("recovered {} after its end", units::duration_ns(ns as f64)),
        (None, None, _) => "nothing to recover from".to_owned(),
        (None, Some(_), None) => "not lifted while it was measured".to_owned(),
        (None, Some(_), Some(_)) => "NOT RECOVERED while it was measured".to_owned(),
    }
}
