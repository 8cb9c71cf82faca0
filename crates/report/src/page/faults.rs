//! Faults and what they did.

use authbench_results::{Cell, FaultSeen, OutageBehaviour, OutcomeKind};
use maud::{Markup, html};

use crate::limits;
use crate::reading::{Reading, Strategy};
use crate::units::{self, setting_ms};
use crate::words;

/// None if nothing was broken.
pub(super) fn of(reading: &Reading<'_>) -> Option<Markup> {
    if reading
        .result
        .cells
        .iter()
        .all(|cell| cell.faults.is_empty())
    {
        return None;
    }
    Some(html! {
        p {
            "The run itself broke something while it was measured. Times to a first failure count \
             from the instant at which the fault was there, recovery from its end to the first \
             right answer after which no failure came. “Accepted meanwhile” are requests that were \
             judged right while the fault lasted."
        }
        div class="scroll" tabindex="0" {
            table class="words" {
                thead {
                    tr {
                        @for head in ["strategy", "where", "fault", "promised", "first failure", "failures meanwhile", "accepted meanwhile", "recovery", "failures after it"] {
                            th scope="col" { (head) }
                        }
                    }
                }
                tbody {
                    @for strategy in &reading.strategies {
                        @for cell in &strategy.cells {
                            @for fault in &cell.faults { (line(strategy, cell, fault)) }
                        }
                    }
                }
            }
        }
    })
}

fn line(strategy: &Strategy<'_>, cell: &Cell, fault: &FaultSeen) -> Markup {
    let lasted = fault.lasted_ns.map_or_else(
        || "not lifted meanwhile".to_owned(),
        |ns| format!("for {}", units::duration_ns(ns as f64)),
    );
    html! {
        tr {
            th scope="row" { (strategy.name()) }
            td { (words::place(cell)) }
            td { code { (fault.kind) } " at " (setting_ms(fault.at_ms)) ", " (lasted) }
            td { (promise(strategy.facts.guarantees.outage)) }
            @if let Some(why) = &fault.failed {
                td colspan="5" { span class="doubtful" { "The fault itself failed, so nothing is known: " (why) } }
            } @else {
                td { (limits::first_failure(fault)) }
                td { (words::failures(&fault.during)) }
                td {
                    (units::count(fault.during.count(OutcomeKind::Right) as f64))
                    " of " (units::count(fault.during.total() as f64))
                }
                td {
                    @let recovered = fault.recovery_ns.is_some() || fault.first_failure_ns.is_none();
                    span class=[(!recovered).then_some("doubtful")] { (limits::recovery(fault)) }
                }
                td { (words::failures(&fault.after)) }
            }
        }
    }
}

fn promise(outage: OutageBehaviour) -> &'static str {
    match outage {
        OutageBehaviour::Unaffected => "asks no store",
        OutageBehaviour::FailsClosed => "nobody is accepted without the store",
        OutageBehaviour::Coasts => "who is cached is accepted without the store",
        OutageBehaviour::FailsOpen => "FAILS OPEN without the store",
    }
}
