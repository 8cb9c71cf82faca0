//! Every cell, believed or not.

use authbench_results::{Cell, Metric, OutcomeKind};
use maud::{Markup, html};

use crate::reading::{Reading, Strategy};
use crate::summary::Figure;
use crate::units;

pub(super) fn of(reading: &Reading<'_>) -> Markup {
    let strategies = || {
        reading
            .strategies
            .iter()
            .filter(|strategy| !strategy.cells.is_empty())
    };
    html! {
        @if strategies().next().is_none() { p { "Nothing was measured under load." } }
        @else {
            div class="scroll" tabindex="0" {
                table class="cells" {
                    thead {
                        tr {
                            @for head in ["strategy", "offered", "answered", "p50", "p99", "service p50", "server CPU", "driver CPU", "driver late, p99", "driver busy", "failures"] {
                                th scope="col" { (head) }
                            }
                        }
                    }
                    tbody { @for strategy in strategies() { (lines(strategy)) } }
                }
            }
        }
    }
}

fn lines(strategy: &Strategy<'_>) -> Markup {
    html! {
        @for (at, cell) in strategy.cells.iter().enumerate() {
            tr class=[(at == 0).then_some("first")] {
                @if at == 0 { th scope="rowgroup" rowspan=(rows(strategy)) { (strategy.name()) } }
                (line(cell, !strategy.failures.is_empty()))
            }
            @if let Some(reason) = doubt(cell) {
                tr { td colspan="10" class="reason" { "Do not believe these latencies: " (reason) "." } }
            }
        }
    }
}

fn rows(strategy: &Strategy<'_>) -> usize {
    strategy.cells.len() + strategy.cells.iter().filter(|cell| !cell.valid).count()
}

fn doubt(cell: &Cell) -> Option<&str> {
    (!cell.valid).then(|| cell.reason.as_deref().unwrap_or("no reason was noted"))
}

fn line(cell: &Cell, failed: bool) -> Markup {
    let time =
        |ns: Option<u64>| ns.map_or(units::DASH.to_owned(), |ns| units::duration_ns(ns as f64));
    let response = cell.latency.response.as_ref();
    let latencies = [
        time(response.map(|h| h.p50_ns)),
        time(response.map(|h| h.p99_ns)),
        time(cell.latency.service.as_ref().map(|h| h.p50_ns)),
    ];
    let metric =
        |metric: &Metric, format: fn(f64) -> String| Figure::of_metric(metric, format).marked();
    html! {
        td { (units::per_s(cell.load.offered_per_s)) }
        td { (cell.load.completed_per_s().map_or(units::DASH.to_owned(), units::about_per_s)) }
        @for text in latencies {
            td {
                @if failed { s { (text) } }
                @else if !cell.valid { span class="doubtful" { (text) " ?" } }
                @else { (text) }
            }
        }
        td { (metric(&cell.costs.server_cpu_ns_per_request, units::duration_ns)) }
        td { (metric(&cell.costs.driver_cpu_ns_per_request, units::duration_ns)) }
        td { (time(cell.latency.send_lag.as_ref().map(|h| h.p99_ns))) }
        td { (metric(&cell.costs.driver_utilisation_fraction, units::percent)) }
        td { (failures(cell)) }
    }
}

fn failures(cell: &Cell) -> String {
    if cell.outcomes.failures_total == 0 {
        return "none".to_owned();
    }
    let kinds: Vec<String> = cell
        .outcomes
        .by_kind
        .iter()
        .filter(|(kind, count)| **kind != OutcomeKind::Right && **count > 0)
        .map(|(kind, count)| format!("{} {}", units::count(*count as f64), kind.label()))
        .collect();
    if kinds.is_empty() {
        return units::count(cell.outcomes.failures_total as f64);
    }
    kinds.join(", ")
}
