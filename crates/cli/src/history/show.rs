//! A history on the terminal, as Markdown, as JSON and as a page.

use authbench_gate::ChangePoint;
use authbench_report::{history, units};
use authbench_results::HistoryLine;
use serde::Serialize;

use crate::history::series::Series;
use crate::history::spark;
use crate::term::{self, Format};

/// How many change points a row names; the newest.
const NAMED: usize = 3;

/// One row a series.
pub(crate) fn overview(series: &[Series], format: Format, is_ascii: bool) -> String {
    let mut machines: Vec<&str> = series.iter().map(|it| head(it).machine.as_str()).collect();
    machines.sort_unstable();
    machines.dedup();
    let mut header = vec!["metric", "strategy", "conditions"];
    if machines.len() > 1 {
        header.push("machine");
    }
    let left = header.len();
    header.extend([
        "history",
        "runs",
        "first",
        "last",
        "change",
        "change points",
    ]);
    let rows = series.iter().map(|one| {
        let line = head(one);
        let mut row = vec![
            line.metric.clone(),
            line.strategy.clone(),
            conditions(line).to_owned(),
        ];
        if machines.len() > 1 {
            row.push(line.machine.clone());
        }
        let values: Vec<f64> = one.lines.iter().map(|line| line.value).collect();
        let (first, last) = (values[0], values[values.len() - 1]);
        let figure = |value| history::figure(&line.metric, value);
        row.extend([
            spark::line(&values, is_ascii),
            values.len().to_string(),
            figure(first),
            figure(last),
            change(first, last),
            changes(one),
        ]);
        row
    });
    term::table(format, left + 1, &header, rows)
}

/// One series, one row a commit.
pub(crate) fn detail(series: &Series, format: Format) -> String {
    let line = head(series);
    let title = [
        line.metric.as_str(),
        " of ",
        &line.strategy,
        if line.conditions.is_empty() { "" } else { ", " },
        &line.conditions,
        ", machine ",
        &line.machine,
    ];
    let header = ["commit", "at", "figure", "95 % interval", "change point"];
    let rows = series.lines.iter().enumerate().map(|(index, line)| {
        let figure = |value| history::figure(&line.metric, value);
        let interval = line.low.zip(line.high);
        vec![
            history::short_commit(&line.commit),
            line.at.clone(),
            figure(line.value),
            interval.map_or_else(
                || units::DASH.to_owned(),
                |(low, high)| format!("{} .. {}", figure(low), figure(high)),
            ),
            series
                .change_at(index)
                .map_or_else(String::new, |it| told(&line.metric, it)),
        ]
    });
    let table = term::table(format, 2, &header, rows);
    format!("{}\n{table}", title.concat())
}

/// Everything, for machines.
pub(crate) fn json(series: &[Series]) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Row<'a> {
        machine: &'a str,
        metric: &'a str,
        strategy: &'a str,
        conditions: &'a str,
        points: Vec<Point<'a>>,
        change_points: Vec<Change<'a>>,
    }
    #[derive(Serialize)]
    struct Point<'a> {
        commit: &'a str,
        at: &'a str,
        run: &'a str,
        value: f64,
        low: Option<f64>,
        high: Option<f64>,
    }
    #[derive(Serialize)]
    struct Change<'a> {
        index: usize,
        commit: &'a str,
        before: f64,
        after: f64,
        p: f64,
    }
    let rows: Vec<Row<'_>> = series
        .iter()
        .map(|one| Row {
            machine: &head(one).machine,
            metric: &head(one).metric,
            strategy: &head(one).strategy,
            conditions: &head(one).conditions,
            points: one
                .lines
                .iter()
                .map(|line| Point {
                    commit: &line.commit,
                    at: &line.at,
                    run: &line.run,
                    value: line.value,
                    low: line.low,
                    high: line.high,
                })
                .collect(),
            change_points: one
                .changes
                .iter()
                .map(|it| Change {
                    index: it.index,
                    commit: &one.lines[it.index].commit,
                    before: it.before,
                    after: it.after,
                    p: it.p,
                })
                .collect(),
        })
        .collect();
    serde_json::to_string_pretty(&rows)
}

/// The page of all of `series`.
pub(crate) fn page(series: &[Series]) -> String {
    let plain: Vec<history::Series<'_>> = series
        .iter()
        .map(|one| history::Series {
            lines: one.lines.iter().collect(),
            changes: one
                .changes
                .iter()
                .map(|it| history::Change {
                    index: it.index,
                    before: it.before,
                    after: it.after,
                    p: it.p,
                })
                .collect(),
        })
        .collect();
    history::page(&plain)
}

/// A series has at least one line.
fn head(series: &Series) -> &HistoryLine {
    &series.lines[0]
}

fn conditions(line: &HistoryLine) -> &str {
    if line.conditions.is_empty() {
        "counted"
    } else {
        &line.conditions
    }
}

/// The newest change points of a series.
fn changes(series: &Series) -> String {
    let metric = &head(series).metric;
    let left_out = series.changes.len().saturating_sub(NAMED);
    let mut parts = Vec::new();
    if left_out > 0 {
        parts.push(format!("{left_out} older"));
    }
    parts.extend(series.changes[left_out..].iter().map(|it| {
        let commit = history::short_commit(&series.lines[it.index].commit);
        format!("{commit}: {}", told(metric, it))
    }));
    if parts.is_empty() {
        "none".to_owned()
    } else {
        parts.join("; ")
    }
}

/// From what to what.
fn told(metric: &str, change_point: &ChangePoint) -> String {
    let figure = |value| history::figure(metric, value);
    let (before, after) = (change_point.before, change_point.after);
    format!(
        "{} to {} ({})",
        figure(before),
        figure(after),
        change(before, after)
    )
}

fn change(before: f64, after: f64) -> String {
    history::change_percent(before, after).map_or_else(
        || units::DASH.to_owned(),
        |percent| format!("{percent:+.1} %"),
    )
}
