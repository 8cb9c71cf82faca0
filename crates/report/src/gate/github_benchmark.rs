//! The candidate's figures for github-action-benchmark, tool
//! `customSmallerIsBetter`
//! (<https://github.com/benchmark-action/github-action-benchmark>).

use authbench_results::GateReport;
use serde::Serialize;

use super::bmf::bounds;
use super::{legible, words};

/// One figure, as the action has it.
#[derive(Serialize)]
struct Benchmark {
    name: String,
    unit: String,
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<String>,
    extra: String,
}

/// The candidate's figures as github-action-benchmark reads them; of all less
/// is better. `range` is half of the 95 % interval, `extra` the judgement. Cells
/// without a figure are left out.
///
/// # Errors
/// [`serde_json::Error`] when the JSON cannot be written.
pub fn github_benchmark(report: &GateReport) -> Result<String, serde_json::Error> {
    let report = &legible::report(report);
    let benchmarks: Vec<Benchmark> = report
        .cells
        .iter()
        .filter_map(|cell| {
            let value = cell.candidate.filter(|value| value.is_finite())?;
            let range =
                bounds(cell, value).map(|(low, high)| format!("± {:.1}", (high - low) / 2.0));
            Some(Benchmark {
                name: format!("{} {}", cell.strategy, cell.metric),
                unit: cell.unit.clone(),
                value,
                range,
                extra: format!("{}: {}", words::verdict(cell), words::found(cell)),
            })
        })
        .collect();
    serde_json::to_string_pretty(&benchmarks).map(|text| text + "\n")
}
