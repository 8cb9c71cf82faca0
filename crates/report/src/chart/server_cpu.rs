//! CPU time of the server per request at saturation.

use authbench_results::SaturationBlock;
use maud::html;

use super::{Chart, Drawing, Table};
use crate::reading::{Reading, Strategy};
use crate::svg::{Bar, Rows, Scale, class, px};
use crate::units;

pub(crate) const CHART: Chart = Chart {
    id: "server-cpu",
    title: "What a request costs the server",
    wide: false,
    draw,
};

struct Row<'s, 'r> {
    strategy: &'s Strategy<'r>,
    ns: f64,
    /// The least and the greatest of the blocks.
    blocks_ns: Option<(f64, f64)>,
}

fn draw(reading: &Reading<'_>) -> Result<Drawing, &'static str> {
    let found: Vec<Row<'_, '_>> = reading
        .strategies
        .iter()
        .filter_map(|strategy| {
            let ns = strategy.saturated_cpu_ns()?;
            Some(Row {
                strategy,
                ns,
                blocks_ns: blocks_ns(strategy),
            })
        })
        .collect();
    if found.is_empty() {
        return Err("the server's processor time could not be measured");
    }
    let most = found
        .iter()
        .map(|r| r.blocks_ns.map_or(r.ns, |b| b.1.max(r.ns)))
        .fold(0.0, f64::max);
    let rows = Rows {
        left: 12.0,
        width: 410.0,
        top: 12.0,
        pitch: 42.0,
        count: found.len(),
        x: Scale::linear(most / 1e3),
    };
    Ok(Drawing {
        lead: "Processor time of the server per request, HTTP handling included, while it is offered \
               more than it can answer. The thin line spans the interleaved blocks of the run: bars \
               whose lines overlap may be equal."
            .to_owned(),
        size: (520.0, rows.drawing_height()),
        body: html! {
            (rows.axis("µs of processor time per request", units::few))
            @for (at, row) in found.iter().enumerate() {
                @let index = row.strategy.index;
                (rows.name(at, index, row.strategy.name(), !row.strategy.failures.is_empty()))
                (rows.bar(at, index, &Bar { fill: "solid", from: 0.0, to: row.ns / 1e3, down: 18.0, height: 14.0 }))
                @if let Some((low, high)) = row.blocks_ns {
                    @let [y, from, to] = [rows.row_top(at) + 25.0, rows.at_x(low / 1e3), rows.at_x(high / 1e3)];
                    path class={ "whisker " (class(index)) }
                        d=(format!("M{0} {1}V{2}M{0} {3}H{4}M{4} {1}V{2}", px(from), px(y - 4.0), px(y + 4.0), px(y), px(to))) {}
                }
                @let end = row.blocks_ns.map_or(row.ns, |b| b.1.max(row.ns)) / 1e3;
                (rows.value(at, end, 29.0, &units::duration_ns(row.ns)))
            }
        },
        legend: html! { span class="key" { "bar: the whole run" } span class="key" { "thin line: least to greatest block" } },
        table: Table {
            head: ["strategy", "whole run", "least block", "greatest block"]
                .map(str::to_owned)
                .to_vec(),
            rows: found
                .iter()
                .map(|row| {
                    let (low, high) = row.blocks_ns.map_or((f64::NAN, f64::NAN), |b| b);
                    let times = [row.ns, low, high].map(units::duration_ns);
                    [row.strategy.name().to_owned()]
                        .into_iter()
                        .chain(times)
                        .collect()
                })
                .collect(),
        },
    })
}

fn blocks_ns(strategy: &Strategy<'_>) -> Option<(f64, f64)> {
    strategy
        .facts
        .saturation
        .iter()
        .filter(|block| block.disturbed.is_none())
        .filter_map(SaturationBlock::server_cpu_ns_per_request)
        .fold(None, |range, ns| {
            let (low, high) = range.unwrap_or((ns, ns));
            Some((ns.min(low), ns.max(high)))
        })
}
