//! Every cell, believed or not.

use authbench_results::{Cell, Metric};
use maud::{Markup, html};

use crate::common::is_open;
use crate::reading::{Reading, Strategy};
use crate::summary::{Figure, Standing};
use crate::units;
use crate::words;

/// What to say wherever the times of a closed loop stand.
pub(super) const CLOSED_LOOP: &str = "In a closed loop users wait for an answer before they ask \
    again: a server that stalls is asked less, so these times are not what users would feel, and \
    they do not compare with those of an open loop.";

const HEADS: [&str; 14] = [
    "offered",
    "answered",
    "p50",
    "p99",
    "service p50",
    "server CPU",
    "store trips",
    "store octets",
    "driver CPU",
    "driver late, p99",
    "driver busy",
    "waited at most",
    "reconnects",
    "failures",
];

pub(super) fn of(reading: &Reading<'_>) -> Markup {
    let strategies = || {
        reading
            .strategies
            .iter()
            .filter(|strategy| !strategy.cells.is_empty())
    };
    let closed = reading.result.cells.iter().any(|cell| !is_open(cell));
    let unknown = unknown(reading);
    html! {
        @if closed { p { (CLOSED_LOOP) } }
        @if strategies().next().is_none() { p { "Nothing was measured under load." } }
        @else {
            div class="scroll" tabindex="0" {
                table class="cells" {
                    thead {
                        tr {
                            th scope="col" { "strategy" }
                            @if reading.has_phases() { th scope="col" class="word" { "phase" } }
                            @for head in HEADS { th scope="col" { (head) } }
                        }
                    }
                    tbody { @for strategy in strategies() { (lines(strategy, reading.has_phases())) } }
                }
            }
            @if !unknown.is_empty() {
                ul class="notes" { @for note in unknown { li { (note) } } }
            }
        }
    }
}

/// What is not measured anywhere under "store trips" and "store octets", and
/// why, each reason once.
fn unknown(reading: &Reading<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    for cell in &reading.result.cells {
        let columns = [
            ("store trips", &cell.costs.store_round_trips_per_request),
            ("store octets", &cell.costs.store_bytes_per_request),
        ];
        for (column, metric) in columns {
            if let (None, Some(reason)) = (metric.value, &metric.reason) {
                let note = format!("“{column}” was not measured everywhere: {reason}.");
                if !notes.contains(&note) {
                    notes.push(note);
                }
            }
        }
    }
    notes
}

fn lines(strategy: &Strategy<'_>, in_phases: bool) -> Markup {
    let columns = HEADS.len() + usize::from(in_phases);
    html! {
        @for (at, cell) in strategy.cells.iter().enumerate() {
            tr class=[(at == 0).then_some("first")] {
                @if at == 0 { th scope="rowgroup" rowspan=(rows(strategy)) { (strategy.name()) } }
                @if in_phases { td class="word" { (cell.phase.as_deref().unwrap_or(units::DASH)) } }
                (line(cell, !strategy.failures.is_empty()))
            }
            @if let Some(reason) = doubt(cell) {
                tr { td colspan=(columns) class="reason" { "Do not believe these latencies: " (reason) "." } }
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
        td { (words::offered(&cell.load)) }
        td { (cell.load.completed_per_s().map_or(units::DASH.to_owned(), units::about_per_s)) }
        @for text in latencies {
            td {
                @if failed { s { (text) } }
                @else if !cell.valid { span class="doubtful" { (text) " ?" } }
                @else { (text) }
            }
        }
        td { (metric(&cell.costs.server_cpu_ns_per_request, units::duration_ns)) }
        td { (hinted(&cell.costs.store_round_trips_per_request, units::few)) }
        td { (hinted(&cell.costs.store_bytes_per_request, units::bytes)) }
        td { (metric(&cell.costs.driver_cpu_ns_per_request, units::duration_ns)) }
        td {
            @if is_open(cell) { (time(cell.latency.send_lag.as_ref().map(|h| h.p99_ns))) }
            @else { span class="missing" title="in a closed loop nothing can be late" { "n/a" } }
        }
        td { (metric(&cell.costs.driver_utilisation_fraction, units::percent)) }
        td { (units::count(cell.load.backlog_max as f64)) }
        td { (units::count(cell.load.reconnects as f64)) }
        td { (words::failures(&cell.outcomes)) }
    }
}

/// A number, or that it was not measured and why.
fn hinted(metric: &Metric, format: fn(f64) -> String) -> Markup {
    let figure = Figure::of_metric(metric, format);
    html! {
        @match &figure.standing {
            Standing::Good => (figure.text),
            Standing::Doubtful(reason) => span class="doubtful" title=(reason) { (figure.marked()) },
            Standing::Missing(reason) => span class="missing" title=(reason) { "not measured" },
        }
    }
}
