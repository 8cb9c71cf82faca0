//! The candidate's figures in the Bencher Metric Format
//! (<https://bencher.dev/docs/reference/bencher-metric-format>).

use std::collections::BTreeMap;

use authbench_results::{GateCell, GateReport, MetricClass};
use serde::Serialize;

use super::legible;

/// One metric of one benchmark, as the format has it.
#[derive(Serialize)]
struct Metric {
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lower_value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upper_value: Option<f64>,
}

/// Names of benchmarks are at most this long, in characters.
const NAME: usize = 1024;

/// The candidate's figures as Bencher Metric Format: a benchmark
/// `strategy/metric` with one measure each (`server-cpu` and `latency` in
/// nanoseconds, `instructions`, `bytes`, `allocations`, `count`). The bounds are
/// the 95 % interval of the effect, laid around the candidate's figure. Cells
/// without a figure are left out.
///
/// # Errors
/// [`serde_json::Error`] when the JSON cannot be written.
pub fn bmf(report: &GateReport) -> Result<String, serde_json::Error> {
    let report = &legible::report(report);
    let mut benchmarks: BTreeMap<String, BTreeMap<&str, Metric>> = BTreeMap::new();
    for cell in &report.cells {
        let Some(value) = cell.candidate.filter(|value| value.is_finite()) else {
            continue;
        };
        let (lower_value, upper_value) = bounds(cell, value).unzip();
        let metric = Metric {
            value,
            lower_value,
            upper_value,
        };
        let name: String = format!("{}/{}", cell.strategy, cell.metric)
            .chars()
            .take(NAME)
            .collect();
        benchmarks
            .entry(name)
            .or_default()
            .insert(measure(cell), metric);
    }
    serde_json::to_string_pretty(&benchmarks).map(|text| text + "\n")
}

/// The ends of the interval in the candidate's unit; None without an interval.
pub(super) fn bounds(cell: &GateCell, value: f64) -> Option<(f64, f64)> {
    let (effect, low, high) = (cell.effect_percent?, cell.low_percent?, cell.high_percent?);
    let at = |percent: f64| value * (100.0 + percent) / (100.0 + effect);
    let (low, high) = (at(low), at(high));
    (low.is_finite() && high.is_finite() && effect > -100.0).then_some((low, high))
}

/// The slug of the measure: what figures of one unit share.
fn measure(cell: &GateCell) -> &'static str {
    match (cell.class, cell.unit.as_str()) {
        (MetricClass::Cpu, "ns") => "server-cpu",
        (_, "ns") => "latency",
        (_, "instructions") => "instructions",
        (_, "bytes") => "bytes",
        _ if cell.metric.ends_with("allocations") => "allocations",
        _ => "count",
    }
}
