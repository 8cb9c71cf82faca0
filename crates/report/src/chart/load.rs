//! Latency against the offered load.

use authbench_results::{Cell, Histogram};
use maud::{Markup, html};

use super::{Chart, Drawing, Table, crossed, strategies_legend};
use crate::common::is_open;
use crate::reading::{Reading, Strategy};
use crate::svg::{Axis, Plot, Scale, class, mark};
use crate::units;

pub(crate) const CHART: Chart = Chart {
    id: "load",
    title: "How it slows down under load",
    wide: true,
    draw,
};

fn draw(reading: &Reading<'_>) -> Result<Drawing, &'static str> {
    let cells: Vec<(&Cell, &Histogram)> = reading
        .strategies
        .iter()
        .flat_map(|s| s.cells.iter().copied())
        .filter_map(timed)
        .collect();
    if cells.is_empty() {
        return Err("no response times were recorded at a rate that was offered");
    }
    let most = cells
        .iter()
        .map(|(cell, _)| cell.load.offered_per_s)
        .fold(0.0, f64::max);
    let plot = Plot {
        left: 76.0,
        top: 40.0,
        width: 880.0,
        height: 330.0,
        x: Scale::linear(most),
        y: Scale::time(
            cells
                .iter()
                .flat_map(|(_, h)| [h.p50_ns as f64, h.p99_ns as f64]),
        ),
    };
    Ok(Drawing {
        lead: "Response time against the requests offered per second: full line and filled mark for the median, dashed line and hollow mark \
               for the 99th percentile. Measurements that may not be believed are crossed out. \
               A line joins the rates of one phase; closed loops, in which nothing is offered, are \
               left out."
            .to_owned(),
        size: (1000.0, 424.0),
        body: html! {
            (plot.axes(
                &Axis { title: "requests offered per second", format: units::count },
                &Axis { title: "response time", format: units::tick_ns },
            ))
            @for strategy in &reading.strategies { (lines(&plot, strategy)) }
        },
        legend: html! {
            span class="key" { (sample("line")) "median" }
            span class="key" { (sample("line dashed")) "99th percentile" }
            (strategies_legend(reading))
        },
        table: table(reading),
    })
}

/// A cell with its times, if they belong to a rate that was offered.
fn timed(cell: &Cell) -> Option<(&Cell, &Histogram)> {
    let response = cell.latency.response.as_ref()?;
    is_open(cell).then_some((cell, response))
}

fn sample(kind: &str) -> Markup {
    html! { svg viewBox="0 0 26 14" width="26" height="14" aria-hidden="true" { path class=(kind) d="M1 7H25" {} } }
}

fn lines(plot: &Plot, strategy: &Strategy<'_>) -> Markup {
    let mut phases: Vec<Option<&str>> = strategy.cells.iter().map(|c| c.phase.as_deref()).collect();
    phases.dedup();
    let series = |pick: fn(&Histogram) -> u64, valid: bool, phase| -> Vec<(f64, f64)> {
        strategy
            .cells
            .iter()
            .copied()
            .filter_map(timed)
            .filter(|(cell, _)| cell.valid == valid && cell.phase.as_deref() == phase)
            .map(|(cell, h)| (cell.load.offered_per_s, pick(h) as f64))
            .collect()
    };
    let p50 = |h: &Histogram| h.p50_ns;
    let p99 = |h: &Histogram| h.p99_ns;
    html! {
        g class=(class(strategy.index)) {
            @for (pick, kind, hollow) in [(p99 as fn(&Histogram) -> u64, "line dashed", true), (p50, "line", false)] {
                @for phase in &phases {
                    @let points = series(pick, true, *phase);
                    path class=(kind) d=(plot.path(&points)) {}
                    @for (x, y) in points { (mark(strategy.index, plot.at_x(x), plot.at_y(y), hollow)) }
                    @for (x, y) in series(pick, false, *phase) { (crossed(plot.at_x(x), plot.at_y(y))) }
                }
            }
        }
    }
}

fn table(reading: &Reading<'_>) -> Table {
    let head = [
        "strategy",
        "offered",
        "phase",
        "answered",
        "p50",
        "p99",
        "p99.9",
        "longest",
        "believe it?",
    ];
    let rows = reading
        .strategies
        .iter()
        .flat_map(|strategy| strategy.cells.iter().copied().filter_map(timed))
        .map(|(cell, h)| {
            let [p50, p99, p999, max] =
                [h.p50_ns, h.p99_ns, h.p999_ns, h.max_ns].map(|ns| units::duration_ns(ns as f64));
            let answered = cell
                .load
                .completed_per_s()
                .map_or(units::DASH.to_owned(), units::per_s);
            vec![
                cell.strategy.clone(),
                units::per_s(cell.load.offered_per_s),
                cell.phase.clone().unwrap_or_else(|| units::DASH.to_owned()),
                answered,
                p50,
                p99,
                p999,
                max,
                verdict(cell),
            ]
        })
        .collect();
    Table {
        head: head.map(str::to_owned).to_vec(),
        rows,
    }
}

fn verdict(cell: &Cell) -> String {
    if cell.valid {
        return "yes".to_owned();
    }
    format!(
        "no: {}",
        cell.reason.as_deref().unwrap_or("no reason was noted")
    )
}
