//! What each strategy carries at most.

use authbench_results::Knee;
use maud::{Markup, html};

use crate::limits;
use crate::reading::{Reading, Strategy};
use crate::units;

/// None if that was not sought.
pub(super) fn of(reading: &Reading<'_>) -> Option<Markup> {
    let sought = |strategy: &Strategy<'_>| strategy.facts.knee.is_some();
    if !reading.strategies.iter().any(sought) {
        return None;
    }
    Some(html! {
        p {
            "The highest rate that was found at which 99 of 100 reads were answered within the \
             stated time and none failed. The chart “What each strategy carries” shows all tries."
        }
        ul {
            @for strategy in &reading.strategies {
                li { code { (strategy.name()) } " " (words(strategy)) "." }
            }
        }
    })
}

fn words(strategy: &Strategy<'_>) -> Markup {
    html! {
        @match &strategy.facts.knee {
            None => "was not tried: its limit was not sought",
            Some(knee) if strategy.failures.is_empty() => (sentence(knee)),
            Some(knee) => { s { (sentence(knee)) } " (it failed: see the summary)" },
        }
    }
}

fn sentence(knee: &Knee) -> Markup {
    let doubtful = limits::doubtful(knee);
    html! {
        (limits::carries(knee))
        @if doubtful > 0 {
            "; " (units::count(doubtful as f64)) " of " (knee.tries.len())
            " tries may not be believed"
        }
    }
}
