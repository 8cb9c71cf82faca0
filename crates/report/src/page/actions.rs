//! Times by phase and by what was done.

use authbench_results::{ActionFigures, Cell, Histogram, Metric};
use maud::{Markup, html};

use super::measurements::CLOSED_LOOP;
use crate::common::is_open;
use crate::reading::{Reading, Strategy};
use crate::summary::Figure;
use crate::units;
use crate::words;

/// The columns that hold words.
const WORDS: [&str; 2] = ["phase", "action"];

/// None if no cell tells actions apart.
pub(super) fn of(reading: &Reading<'_>) -> Option<Markup> {
    let told_apart = |cell: &&Cell| !cell.actions.is_empty();
    let mut all = reading.result.cells.iter().filter(told_apart);
    all.next()?;
    let closed = reading.result.cells.iter().any(|cell| !is_open(cell));
    Some(html! {
        p {
            "The same measurements by what was done. Octets are those of an exchange that was \
             judged right."
            @if closed { " " (CLOSED_LOOP) }
        }
        div class="scroll" tabindex="0" {
            table class="cells" {
                thead {
                    tr {
                        @for head in ["strategy", "phase", "offered", "action", "requests", "p50", "p99", "longest", "sent", "received", "failures"] {
                            th scope="col" class=[WORDS.contains(&head).then_some("word")] { (head) }
                        }
                    }
                }
                tbody { @for strategy in &reading.strategies { (lines(strategy)) } }
            }
        }
    })
}

fn lines(strategy: &Strategy<'_>) -> Markup {
    let rows: Vec<(&Cell, Option<&ActionFigures>, bool)> = strategy
        .cells
        .iter()
        .flat_map(|cell| {
            let told = cell.actions.iter().enumerate();
            let told: Vec<_> = told.map(|(at, own)| (*cell, Some(own), at == 0)).collect();
            if told.is_empty() {
                vec![(*cell, None, true)]
            } else {
                told
            }
        })
        .collect();
    html! {
        @for (at, (cell, figures, begins)) in rows.iter().enumerate() {
            tr class=[(at == 0).then_some("first")] {
                @if at == 0 { th scope="rowgroup" rowspan=(rows.len()) { (strategy.name()) } }
                @if *begins {
                    @let span = cell.actions.len().max(1);
                    td class="word" rowspan=(span) { (cell.phase.as_deref().unwrap_or(units::DASH)) }
                    td rowspan=(span) { (words::offered(&cell.load)) }
                }
                @match figures {
                    Some(figures) => (line(figures, cell.valid, !strategy.failures.is_empty())),
                    None => td colspan="8" class="word missing" { "not measured: the actions were not told apart" },
                }
            }
        }
    }
}

fn line(figures: &ActionFigures, valid: bool, failed: bool) -> Markup {
    let time = |pick: fn(&Histogram) -> u64| {
        let histogram = figures.response.as_ref();
        histogram.map_or_else(
            || units::DASH.to_owned(),
            |histogram| units::duration_ns(pick(histogram) as f64),
        )
    };
    let octets = |metric: &Metric| Figure::of_metric(metric, units::bytes);
    html! {
        td class="word" { (figures.action) }
        td { (units::count(figures.outcomes.total() as f64)) }
        @for text in [time(|h| h.p50_ns), time(|h| h.p99_ns), time(|h| h.max_ns)] {
            td {
                @if failed { s { (text) } }
                @else if !valid { span class="doubtful" { (text) " ?" } }
                @else { (text) }
            }
        }
        @for figure in [octets(&figures.sent_bytes), octets(&figures.received_bytes)] {
            td title=[figure.reason()] { (figure.marked()) }
        }
        td { (words::failures(&figures.outcomes)) }
    }
}
