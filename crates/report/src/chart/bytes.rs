//! Octets: the credential, and what a request moves over the wire.

use authbench_results::Costs;
use maud::html;

use super::{Chart, Drawing, Table, swatch};
use crate::reading::{Reading, Strategy};
use crate::svg::{Bar, Rows, Scale};
use crate::units;

pub(crate) const CHART: Chart = Chart {
    id: "bytes",
    title: "What travels with each request",
    wide: false,
    draw,
};

struct Row<'s, 'r> {
    strategy: &'s Strategy<'r>,
    token: Option<f64>,
    /// Sent and received.
    wire: Option<(f64, f64)>,
}

fn draw(reading: &Reading<'_>) -> Result<Drawing, &'static str> {
    let found: Vec<Row<'_, '_>> = reading
        .strategies
        .iter()
        .map(|strategy| Row {
            strategy,
            token: strategy.facts.token_bytes.map(|octets| octets as f64),
            wire: strategy.common.and_then(|cell| both_ways(&cell.costs)),
        })
        .filter(|row| row.token.is_some() || row.wire.is_some())
        .collect();
    if found.is_empty() {
        return Err("neither credentials nor traffic could be measured");
    }
    let total = |row: &Row<'_, '_>| row.wire.map_or(0.0, |(sent, received)| sent + received);
    let most = found
        .iter()
        .map(|row| total(row).max(row.token.unwrap_or(0.0)))
        .fold(0.0, f64::max);
    let rows = Rows {
        left: 12.0,
        width: 410.0,
        top: 12.0,
        pitch: 56.0,
        count: found.len(),
        x: Scale::linear(most),
    };
    Ok(Drawing {
        lead: format!(
            "Octets of the access credential, and of a whole request with its answer on the wire \
             (heads and bodies, without TCP/IP headers; the average at {}).",
            reading.common_load()
        ),
        size: (520.0, rows.drawing_height()),
        body: html! {
            (rows.axis("octets", units::count))
            @for (at, row) in found.iter().enumerate() {
                @let index = row.strategy.index;
                (rows.name(at, index, row.strategy.name(), !row.strategy.failures.is_empty()))
                @if let Some(token) = row.token {
                    (rows.bar(at, index, &Bar { fill: "solid", from: 0.0, to: token, down: 18.0, height: 12.0 }))
                    (rows.value(at, token, 28.0, &units::bytes(token)))
                }
                @if let Some((sent, received)) = row.wire {
                    (rows.bar(at, index, &Bar { fill: "hatched", from: 0.0, to: sent, down: 33.0, height: 12.0 }))
                    (rows.bar(at, index, &Bar { fill: "tint", from: sent, to: sent + received, down: 33.0, height: 12.0 }))
                    (rows.value(at, sent + received, 43.0, &units::bytes(sent + received)))
                }
            }
        },
        legend: html! {
            (swatch("solid", "credential"))
            (swatch("hatched", "request on the wire"))
            (swatch("tint", "its answer"))
        },
        table: table(&found),
    })
}

fn both_ways(costs: &Costs) -> Option<(f64, f64)> {
    Some((
        costs.wire_sent_bytes_per_request.usable()?,
        costs.wire_received_bytes_per_request.usable()?,
    ))
}

fn table(found: &[Row<'_, '_>]) -> Table {
    let octets = |number: Option<f64>| number.map_or(units::DASH.to_owned(), units::bytes);
    let head = ["strategy", "credential", "request", "answer", "together"];
    let rows = found
        .iter()
        .map(|row| {
            vec![
                row.strategy.name().to_owned(),
                octets(row.token),
                octets(row.wire.map(|(sent, _)| sent)),
                octets(row.wire.map(|(_, received)| received)),
                octets(row.wire.map(|(sent, received)| sent + received)),
            ]
        })
        .collect();
    Table {
        head: head.map(str::to_owned).to_vec(),
        rows,
    }
}
