//! From lines to series: one metric of one strategy under the same conditions
//! on one machine, in the order of time, with its change points.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use authbench_gate::{ChangePoint, ChangePointSettings, change_points, counted_changes};
use authbench_results::{HistoryLine, MetricClass};
use jiff::Timestamp;

use crate::exit::UsageError;

/// What is wanted of a history; None is everything.
#[derive(Default)]
pub(crate) struct Wanted<'a> {
    pub(crate) metric: Option<&'a str>,
    pub(crate) strategy: Option<&'a str>,
    /// How the machine's fingerprint begins.
    pub(crate) machine: Option<&'a str>,
}

/// One metric of one strategy under the same conditions on one machine.
pub(crate) struct Series {
    /// In the order of time; at least one.
    pub(crate) lines: Vec<HistoryLine>,
    pub(crate) changes: Vec<ChangePoint>,
}

impl Series {
    fn of(lines: Vec<HistoryLine>) -> Self {
        let values: Vec<f64> = lines.iter().map(|line| line.value).collect();
        // What is counted without load is the same in every run; every change is one.
        let is_counted =
            |it: &HistoryLine| it.class == MetricClass::Exact && it.conditions.is_empty();
        let changes = if lines.iter().all(is_counted) {
            counted_changes(&values)
        } else {
            change_points(&values, &ChangePointSettings::default())
        };
        Self { lines, changes }
    }

    /// The change at the line `index`, if there is one.
    pub(crate) fn change_at(&self, index: usize) -> Option<&ChangePoint> {
        self.changes.iter().find(|change| change.index == index)
    }
}

/// The series that are wanted, by metric, strategy, conditions and machine.
///
/// # Errors
/// [`UsageError`] when a name matches nothing, with the nearest that does.
pub(crate) fn of(lines: Vec<HistoryLine>, wanted: &Wanted<'_>) -> Result<Vec<Series>> {
    let lines = chosen(lines, "machine", wanted.machine, |line, wanted| {
        line.machine.starts_with(wanted)
    })?;
    let lines = chosen(lines, "metric", wanted.metric, |line, wanted| {
        line.metric == wanted
    })?;
    let lines = chosen(lines, "strategy", wanted.strategy, |line, wanted| {
        line.strategy == wanted
    })?;
    let mut groups: BTreeMap<_, Vec<(Timestamp, HistoryLine)>> = BTreeMap::new();
    for line in lines {
        let at = line.at.parse::<Timestamp>().with_context(|| {
            UsageError(format!(
                "the history of {} on {} has \"{}\" where an instant of RFC 3339 should be: mend \
                 the line of run {}",
                line.metric, line.machine, line.at, line.run
            ))
        })?;
        groups.entry(key(&line)).or_default().push((at, line));
    }
    let series = groups.into_values().map(|mut lines| {
        // Runs of one commit keep the order in which they were recorded.
        lines.sort_by_key(|(at, _)| *at);
        Series::of(lines.into_iter().map(|(_, line)| line).collect())
    });
    Ok(series.collect())
}

/// Shorter conditions first, so that loads stand in the order of their numbers.
fn key(line: &HistoryLine) -> (String, String, usize, String, String) {
    (
        line.metric.clone(),
        line.strategy.clone(),
        line.conditions.len(),
        line.conditions.clone(),
        line.machine.clone(),
    )
}

/// The lines that are `wanted`; all of them if nothing is.
fn chosen(
    lines: Vec<HistoryLine>,
    kind: &str,
    wanted: Option<&str>,
    is_wanted: impl Fn(&HistoryLine, &str) -> bool,
) -> Result<Vec<HistoryLine>> {
    let Some(wanted) = wanted else {
        return Ok(lines);
    };
    let name = |line: &HistoryLine| match kind {
        "machine" => line.machine.clone(),
        "metric" => line.metric.clone(),
        _ => line.strategy.clone(),
    };
    let (kept, others): (Vec<_>, Vec<_>) = lines.into_iter().partition(|it| is_wanted(it, wanted));
    if !kept.is_empty() {
        return Ok(kept);
    }
    let mut names: Vec<String> = others.iter().map(name).collect();
    names.sort_unstable();
    names.dedup();
    let hint = match authbench_conf::nearest(wanted, &names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", names.join(", ")),
    };
    Err(UsageError(format!(
        "there is no {kind} `{wanted}` in this history: {hint}"
    ))
    .into())
}
