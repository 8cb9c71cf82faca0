//! Latency by percentile at the common load.

use authbench_results::{stats, value_at_rank};
use maud::{Markup, html};

use super::{Chart, Drawing, Table, strategies_legend};
use crate::common::is_open;
use crate::reading::{Reading, Strategy};
use crate::svg::{Axis, Plot, Scale, class, mark, px, spread};
use crate::units;

pub(crate) const CHART: Chart = Chart {
    id: "percentiles",
    title: "How long a request takes",
    wide: true,
    draw,
};

/// Fewer requests than this beyond a point make it hearsay.
const FEW: f64 = 10.0;

const NAMED: [f64; 5] = [0.5, 0.9, 0.99, 0.999, 0.9999];

/// One strategy's distribution, as points of quantile and nanoseconds.
struct Curve<'r> {
    index: usize,
    name: &'r str,
    failed: bool,
    valid: bool,
    closed: bool,
    count: u64,
    points: Vec<(f64, f64)>,
    named: Vec<(f64, f64)>,
    max_ns: f64,
    intervals: [String; 2],
}

impl Curve<'_> {
    /// The name, with a question mark if the times may not be believed.
    fn label(&self) -> String {
        let loop_kind = if self.closed { " (closed loop)" } else { "" };
        let doubt = if self.valid { "" } else { " ?" };
        format!("{}{loop_kind}{doubt}", self.name)
    }
}

fn draw(reading: &Reading<'_>) -> Result<Drawing, &'static str> {
    let curves: Vec<Curve<'_>> = reading.strategies.iter().filter_map(curve).collect();
    let common = || {
        reading
            .strategies
            .iter()
            .filter_map(|strategy| strategy.common)
    };
    let closed = common().any(|cell| !is_open(cell));
    let most = curves
        .iter()
        .map(|curve| curve.count)
        .max()
        .ok_or("no response times were recorded")?;
    let plot = Plot {
        left: 76.0,
        top: 40.0,
        width: 700.0,
        height: 330.0,
        x: Scale::Nines {
            nines: (most as f64).log10().max(1.0),
        },
        y: Scale::time(
            curves
                .iter()
                .flat_map(|curve| curve.points.iter().map(|(_, ns)| *ns).chain([curve.max_ns])),
        ),
    };
    Ok(Drawing {
        lead: format!(
            "Response time by percentile at {}{}, counted from the instant at \
             which each request was meant to be sent{}. Further right are the rarer, slower \
             requests; where a line is dotted it rests on fewer than {FEW} of them. A line that is \
             dotted throughout, with a question mark, may not be believed.",
            reading.common_load(),
            if reading.is_common_the_same() {
                ", the same load for all"
            } else {
                " (see the summary: lines do not compare)"
            },
            if closed {
                "; where a line is of a closed loop, from the sending: those are not what users would feel"
            } else {
                ""
            }
        ),
        size: (1000.0, 424.0),
        body: html! {
            (plot.axes(
                &Axis { title: "percentile: each step to the right leaves a tenth of the requests", format: percentile },
                &Axis { title: "response time", format: units::tick_ns },
            ))
            @for curve in &curves { (line(&plot, curve)) }
            (labels(&plot, &curves))
        },
        legend: strategies_legend(reading),
        table: table(&curves),
    })
}

fn curve<'r>(strategy: &Strategy<'r>) -> Option<Curve<'r>> {
    const STEPS: u32 = 120;
    let (histogram, valid) = strategy.common_response()?;
    let recorded = histogram.decode().ok()?;
    let at = |q: f64| Some(value_at_rank(&recorded, stats::rank(histogram.count, q)?)? as f64);
    let nines = (histogram.count as f64).log10();
    let points = (0..=STEPS)
        .map(|step| 1.0 - 10_f64.powf(-nines * f64::from(step) / f64::from(STEPS)))
        .filter_map(|q| Some((q, at(q)?)))
        .collect();
    let named = NAMED
        .into_iter()
        .filter(|q| (1.0 - q) * histogram.count as f64 >= FEW)
        .filter_map(|q| Some((q, at(q)?)))
        .collect();
    let intervals = [histogram.p50_ci95, histogram.p99_ci95].map(|interval| {
        interval.map_or_else(
            || "too few requests".to_owned(),
            |i| {
                let [low, high] = [i.low_ns, i.high_ns].map(|ns| units::duration_ns(ns as f64));
                format!("{low} to {high}")
            },
        )
    });
    Some(Curve {
        index: strategy.index,
        name: strategy.name(),
        failed: !strategy.failures.is_empty(),
        valid,
        closed: strategy.common.is_some_and(|cell| !is_open(cell)),
        count: histogram.count,
        points,
        named,
        max_ns: histogram.max_ns as f64,
        intervals,
    })
}

fn line(plot: &Plot, curve: &Curve<'_>) -> Markup {
    let beyond = |q: f64| (1.0 - q) * curve.count as f64;
    let firm = curve
        .points
        .partition_point(|(q, _)| curve.valid && beyond(*q) >= FEW);
    html! {
        g class=(class(curve.index)) {
            path class="line" d=(plot.path(&curve.points[..firm])) {}
            path class="line dotted" d=(plot.path(&curve.points[firm.saturating_sub(1)..])) {}
            @for (q, ns) in &curve.named {
                (mark(curve.index, plot.at_x(*q), plot.at_y(*ns), !curve.valid))
            }
        }
    }
}

/// Names at the ends of the lines, moved apart, with a thread to their line.
fn labels(plot: &Plot, curves: &[Curve<'_>]) -> Markup {
    let ends: Vec<(f64, f64)> = curves
        .iter()
        .map(|curve| {
            let (q, ns) = curve.points.last().copied().unwrap_or((0.0, curve.max_ns));
            (plot.at_x(q), plot.at_y(ns))
        })
        .collect();
    let mut places: Vec<f64> = ends.iter().map(|(_, y)| *y).collect();
    spread(&mut places, 17.0, plot.top, plot.top + plot.height);
    let x = plot.left + plot.width + 24.0;
    html! {
        @for ((curve, (end_x, end_y)), y) in curves.iter().zip(&ends).zip(&places) {
            g class=(class(curve.index)) {
                path class="thread" d=(format!("M{} {}L{} {}", px(end_x + 2.0), px(*end_y), px(x - 3.0), px(*y))) {}
                text class=(if curve.failed { "label failed" } else { "label" })
                    x=(px(x)) y=(px(y + 4.0)) { (curve.label()) }
            }
        }
    }
}

fn percentile(q: f64) -> String {
    let text = format!("{:.3}", q * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

fn table(curves: &[Curve<'_>]) -> Table {
    let percentiles = NAMED.map(percentile);
    let head = ["strategy", "requests"]
        .map(str::to_owned)
        .into_iter()
        .chain(percentiles)
        .chain(["longest", "50 %, 95 % interval", "99 %, 95 % interval"].map(str::to_owned))
        .collect();
    let rows = curves
        .iter()
        .map(|curve| {
            let named = NAMED.map(|q| {
                let found = curve.named.iter().find(|(known, _)| *known == q);
                found.map_or_else(|| units::DASH.to_owned(), |(_, ns)| units::duration_ns(*ns))
            });
            [curve.label(), units::count(curve.count as f64)]
                .into_iter()
                .chain(named)
                .chain([units::duration_ns(curve.max_ns)])
                .chain(curve.intervals.clone())
                .collect()
        })
        .collect();
    Table { head, rows }
}
