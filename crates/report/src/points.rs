//! One row a measurement: a strategy in a phase, under a load.

use authbench_results::{Cell, Histogram, LoadModel, RunResult, Shape};

use crate::reading::Reading;
use crate::summary::{Column, Figure};
use crate::units;
use crate::words;

/// One strategy in one phase under one load.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PointRow {
    /// Its name.
    pub strategy: String,
    /// The phase; None where the scenario has none.
    pub phase: Option<String>,
    /// What was offered: a rate, or a closed loop of so many users.
    pub offered: String,
    /// The numbers from left to right, as [`PointRow::COLUMNS`] names them.
    pub figures: Vec<Figure>,
}

impl PointRow {
    /// The columns of [`PointRow::figures`], in the same order.
    pub const COLUMNS: [Column; 9] = [
        Column {
            group: "answered",
            heading: "",
            meaning: "requests answered per second",
        },
        Column {
            group: "response",
            heading: "p50",
            meaning: "half of the requests took no longer, counted from the instant at which they were meant to be sent; in a closed loop from the sending",
        },
        Column {
            group: "response",
            heading: "p99",
            meaning: "99 of 100 requests took no longer",
        },
        Column {
            group: "failures",
            heading: "",
            meaning: "requests that were not judged right",
        },
        Column {
            group: "server CPU",
            heading: "per request",
            meaning: "processor time of the server per request",
        },
        Column {
            group: "wire",
            heading: "per request",
            meaning: "octets per request and its answer",
        },
        Column {
            group: "store trips",
            heading: "per request",
            meaning: "round trips to the store",
        },
        Column {
            group: "store octets",
            heading: "per request",
            meaning: "octets to and from the store",
        },
        Column {
            group: "waited",
            heading: "at most",
            meaning: "the most arrivals that waited at once for a free connection or user",
        },
    ];
}

/// The measurements of `result`, strategy by strategy, phases in their order
/// and loads ascending.
#[must_use]
pub fn points(result: &RunResult) -> Vec<PointRow> {
    let reading = Reading::of(result);
    let cells = reading.strategies.iter().flat_map(|s| s.cells.iter());
    cells.map(|cell| row(cell)).collect()
}

/// Whether the measurements of `result` differ in more than the rate, or in
/// rates of which no one is common: then a row a strategy does not tell them.
#[must_use]
pub fn is_varied(result: &RunResult) -> bool {
    let is_unusual = |cell: &Cell| {
        cell.phase.is_some()
            || !cell.faults.is_empty()
            || cell.load.shape != Shape::Steady
            || cell.load.model == LoadModel::ClosedLoop
    };
    result.cells.iter().any(is_unusual) || !Reading::of(result).is_common_the_same()
}

fn row(cell: &Cell) -> PointRow {
    let costs = &cell.costs;
    let time = |pick: fn(&Histogram) -> u64| match &cell.latency.response {
        None => Figure::missing("no request was answered"),
        Some(histogram) => believed(cell, units::duration_ns(pick(histogram) as f64)),
    };
    let answered = cell.load.completed_per_s();
    PointRow {
        strategy: cell.strategy.clone(),
        phase: cell.phase.clone(),
        offered: words::offered(&cell.load),
        figures: vec![
            answered.map_or_else(
                || Figure::missing("no time was measured"),
                |rate| believed(cell, units::about_per_s(rate)),
            ),
            time(|histogram| histogram.p50_ns),
            time(|histogram| histogram.p99_ns),
            Figure::good(units::count(cell.outcomes.failures_total as f64)),
            Figure::of_metric(&costs.server_cpu_ns_per_request, units::duration_ns),
            Figure::sum(
                &costs.wire_sent_bytes_per_request,
                &costs.wire_received_bytes_per_request,
            ),
            Figure::of_metric(&costs.store_round_trips_per_request, units::few),
            Figure::of_metric(&costs.store_bytes_per_request, units::bytes),
            Figure::good(units::count(cell.load.backlog_max as f64)),
        ],
    }
}

/// `text`, as good as its cell.
fn believed(cell: &Cell, text: String) -> Figure {
    if cell.valid {
        Figure::good(text)
    } else {
        let reason = cell.reason.as_deref().unwrap_or("no reason was noted");
        Figure::doubtful(text, reason)
    }
}
