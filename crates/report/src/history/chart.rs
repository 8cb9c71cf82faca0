//! The chart of one series, and its numbers.

use authbench_results::{HistoryLine, stats};
use maud::{Markup, html};

use super::{Change, Series, day, figure as figure_of, in_percent, p_value, short_commit};
use crate::svg::{self, Plot, Scale, px};
use crate::units;

/// A chart with its table. `id` names it within the page.
pub(super) fn figure(id: &str, series: &Series<'_>) -> Markup {
    let Some(head) = series.lines.first() else {
        return Markup::default();
    };
    let title = if head.conditions.is_empty() {
        head.strategy.clone()
    } else {
        format!("{} ({})", head.strategy, head.conditions)
    };
    let lead = lead(head, series);
    html! {
        figure id=(id) {
            figcaption { h3 { (title) } }
            p class="lead" { (lead) }
            div class="scroll" tabindex="0" {
                (svg::drawing(id, &title, &lead, (SIZE.0, SIZE.1), &drawing(series)))
            }
            details {
                summary { "The numbers of this chart" }
                (table(series))
            }
        }
    }
}

const SIZE: (f64, f64) = (560.0, 260.0);

/// Commits that are named below a chart.
const NAMED: usize = 6;

fn lead(head: &HistoryLine, series: &Series<'_>) -> String {
    let values: Vec<f64> = series.lines.iter().map(|line| line.value).collect();
    let (first, last) = (values[0], values[values.len() - 1]);
    let points = match series.changes.len() {
        0 => "no change point".to_owned(),
        1 => "1 change point".to_owned(),
        more => format!("{more} change points"),
    };
    format!(
        "{} runs on {}, from {} to {} ({}), {points}.",
        values.len(),
        head.machine,
        figure_of(&head.metric, first),
        figure_of(&head.metric, last),
        in_percent(first, last)
    )
}

fn drawing(series: &Series<'_>) -> Markup {
    let lines = &series.lines;
    let all = lines.iter().flat_map(|line| {
        let ends = [line.low, line.high].into_iter().flatten();
        ends.chain([line.value])
    });
    let last = lines.len().saturating_sub(1).max(1) as f64;
    let plot = Plot {
        left: 74.0,
        top: 16.0,
        width: 470.0,
        height: 196.0,
        x: Scale::Between {
            low: -0.5,
            high: last + 0.5,
            step: 1.0,
        },
        y: Scale::around(all),
    };
    let points: Vec<(f64, f64)> = lines
        .iter()
        .enumerate()
        .map(|(at, line)| (at as f64, line.value))
        .collect();
    let bottom = plot.top + plot.height;
    html! {
        (axes(&plot, lines))
        @for change in &series.changes {
            @let at = plot.at_x(change.index as f64 - 0.5);
            path class="change" d=(format!("M{} {}V{}", px(at), px(plot.top), px(bottom))) {}
        }
        g class="s0" {
            path class="thread" d=(plot.path(&points)) {}
            @for (at, line) in lines.iter().enumerate() { (point(&plot, at as f64, line)) }
        }
        @for (from, to, median) in stretches(series) {
            @let [left, right] = [from as f64 - 0.5, to as f64 - 0.5].map(|at| plot.at_x(at));
            path class="median" d=(format!("M{} {}H{}", px(left), px(plot.at_y(median)), px(right))) {}
        }
    }
}

/// Grid, figures to the left, some commits below.
fn axes(plot: &Plot, lines: &[&HistoryLine]) -> Markup {
    let (right, bottom) = (plot.left + plot.width, plot.top + plot.height);
    let metric = lines.first().map_or("", |line| line.metric.as_str());
    let step = lines.len().div_ceil(NAMED).max(1);
    html! {
        @for tick in plot.y.ticks() {
            @let at = plot.at_y(tick);
            path class="grid" d=(format!("M{} {}H{}", px(plot.left), px(at), px(right))) {}
            text class="tick" x=(px(plot.left - 8.0)) y=(px(at + 4.0)) text-anchor="end" { (figure_of(metric, tick)) }
        }
        @for (at, line) in lines.iter().enumerate().step_by(step) {
            text class="tick" x=(px(plot.at_x(at as f64))) y=(px(bottom + 18.0)) text-anchor="middle" {
                (short_commit(&line.commit))
            }
        }
        path class="axis" d=(format!("M{} {}H{}", px(plot.left), px(bottom), px(right))) {}
    }
}

/// A run: its interval, its mark, and its name for the one who points at it.
fn point(plot: &Plot, at: f64, line: &HistoryLine) -> Markup {
    let x = px(plot.at_x(at));
    html! {
        g {
            title {
                (short_commit(&line.commit)) ", " (day(&line.at)) ": " (figure_of(&line.metric, line.value))
            }
            @if let (Some(low), Some(high)) = (line.low, line.high) {
                path class="whisker" d=(format!("M{x} {}V{}", px(plot.at_y(low)), px(plot.at_y(high)))) {}
            }
            circle class="mark" cx=(x) cy=(px(plot.at_y(line.value))) r="3.4" {}
        }
    }
}

/// From change to change: the first line, the one after the last, the median.
fn stretches(series: &Series<'_>) -> Vec<(usize, usize, f64)> {
    let length = series.lines.len();
    let inner = series.changes.iter().map(|change| change.index);
    let inner = inner.filter(|index| *index > 0 && *index < length);
    let ends: Vec<usize> = [0].into_iter().chain(inner).chain([length]).collect();
    ends.windows(2)
        .filter_map(|pair| {
            let (from, to) = (pair[0], pair[1]);
            let lines = series.lines.get(from..to)?;
            let values: Vec<f64> = lines.iter().map(|line| line.value).collect();
            Some((from, to, stats::median(&values)?))
        })
        .collect()
}

fn table(series: &Series<'_>) -> Markup {
    let change_at = |at| series.changes.iter().find(|change| change.index == at);
    html! {
        div class="scroll" tabindex="0" {
            table {
                thead { tr { @for head in ["commit", "at", "figure", "95 % interval", "change point"] { th scope="col" { (head) } } } }
                tbody {
                    @for (at, line) in series.lines.iter().enumerate() {
                        tr class=[change_at(at).map(|_| "changed")] {
                            th scope="row" { code { (short_commit(&line.commit)) } }
                            td { (line.at) }
                            td { (figure_of(&line.metric, line.value)) }
                            td { (interval(line)) }
                            td { (change_at(at).map_or_else(String::new, |change| told(line, change))) }
                        }
                    }
                }
            }
        }
    }
}

fn interval(line: &HistoryLine) -> String {
    match (line.low, line.high) {
        (Some(low), Some(high)) => format!(
            "{} .. {}",
            figure_of(&line.metric, low),
            figure_of(&line.metric, high)
        ),
        _ => units::DASH.to_owned(),
    }
}

fn told(line: &HistoryLine, change: &Change) -> String {
    format!(
        "{} to {} ({}), p {}",
        figure_of(&line.metric, change.before),
        figure_of(&line.metric, change.after),
        in_percent(change.before, change.after),
        p_value(change.p)
    )
}
