//! A history as a page: one chart for each metric of each strategy, with what
//! changed marked. Where it changed is for the caller to say: these are plain
//! data here.

mod chart;

use std::collections::BTreeMap;

use authbench_results::HistoryLine;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::page::{POLICY, STYLE};
use crate::units;

const OWN_STYLE: &str = include_str!("history/style.css");

/// One metric of one strategy under the same conditions on one machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Series<'a> {
    /// In the order of time. A series without a line is not shown.
    pub lines: Vec<&'a HistoryLine>,
    /// Where it changed, ascending.
    pub changes: Vec<Change>,
}

/// A place where a series changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The first line after the change, counted from 0.
    pub index: usize,
    /// The median from the change before (or the start) to here.
    pub before: f64,
    /// The median from here to the next change (or the end).
    pub after: f64,
    /// How probable so clear a change would be by chance; 0 of what is
    /// counted.
    pub p: f64,
}

/// The whole page for `series`: one self-contained HTML document in UTF-8,
/// without script and without anything to fetch. Every text is escaped.
#[must_use]
pub fn page(series: &[Series<'_>]) -> String {
    let mut metrics: BTreeMap<&str, Vec<&Series<'_>>> = BTreeMap::new();
    for one in series {
        if let Some(line) = one.lines.first() {
            metrics.entry(line.metric.as_str()).or_default().push(one);
        }
    }
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { "authbench: history" }
                style { (PreEscaped(STYLE)) (PreEscaped(OWN_STYLE)) }
            }
            body {
                (header(series))
                main {
                    section id="reading" { h2 { "How to read it" } (reading()) }
                    section id="changes" { h2 { "What changed" } (changes(series)) }
                    @for (number, (metric, series)) in metrics.iter().enumerate() {
                        section id=(format!("metric-{number}")) {
                            h2 { (metric) }
                            div class="figures" {
                                @for (place, one) in series.iter().enumerate() {
                                    (chart::figure(&format!("chart-{number}-{place}"), one))
                                }
                            }
                        }
                    }
                }
                footer {
                    p { "Made by authbench from lines of the format " code { "authbench.history/1" } "." }
                }
            }
        }
    }
    .into_string()
}

/// A metric's figure with the unit that the metric's name tells.
#[must_use]
pub fn figure(metric: &str, value: f64) -> String {
    let parts: Vec<&str> = metric.split('_').collect();
    let is_in = |unit| parts.contains(&unit);
    if is_in("ns") {
        units::duration_ns(value)
    } else if is_in("bytes") || is_in("octets") {
        units::bytes(value)
    } else if value.abs() >= 1e3 {
        units::count(value)
    } else {
        units::few(value)
    }
}

/// The first eight digits of a commit; `+` stands for changes that are in no
/// commit.
#[must_use]
pub fn short_commit(commit: &str) -> String {
    let (name, mark) = match commit.strip_suffix("-dirty") {
        Some(name) => (name, "+"),
        None => (commit, ""),
    };
    format!("{}{mark}", name.get(..8).unwrap_or(name))
}

/// The change in percent of what was before; none of nothing.
#[must_use]
pub fn change_percent(before: f64, after: f64) -> Option<f64> {
    let percent = (after / before - 1.0) * 100.0;
    (before > 0.0 && percent.is_finite()).then_some(percent)
}

fn in_percent(before: f64, after: f64) -> String {
    change_percent(before, after).map_or_else(
        || units::DASH.to_owned(),
        |percent| format!("{percent:+.1} %"),
    )
}

/// The date of an RFC 3339 instant.
fn day(instant: &str) -> &str {
    instant.get(..10).unwrap_or(instant)
}

fn header(series: &[Series<'_>]) -> Markup {
    let lines = || series.iter().flat_map(|one| &one.lines);
    let mut machines: Vec<&str> = lines().map(|line| line.machine.as_str()).collect();
    machines.sort_unstable();
    machines.dedup();
    let days = || lines().map(|line| day(&line.at));
    html! {
        header {
            p class="eyebrow" { "authbench results history" }
            h1 { "From commit to commit" }
            p class="facts" {
                @if let (Some(first), Some(last)) = (days().min(), days().max()) {
                    span { (first) " to " (last) }
                }
                span { (lines().count()) " figures in " (series.len()) " series" }
                @for machine in machines { span { "machine " code { (machine) } } }
            }
        }
    }
}

fn reading() -> Markup {
    html! {
        ul {
            li { "Each point is one run, in the order of the commits; the thin line is its 95 % interval, where it has one. The scale does not begin at 0." }
            li { "A dashed upright line marks a change point: the figures from there on differ in level or spread from those before. The level lines are the medians between change points." }
            li { "What is estimated has noise: about one in twenty series that never changed shows a change point. What is counted has none, and every change of it is marked." }
            li { "The newest runs are too few for a change to be told from chance; a step needs about four runs on either side." }
            li { "Runs are not interleaved: a changed machine looks like changed code. Change points tell where to look; whether a change may pass is for the gate alone to say." }
        }
    }
}

/// All change points, the newest first.
fn changes(series: &[Series<'_>]) -> Markup {
    let mut found: Vec<(&HistoryLine, &Change)> = series
        .iter()
        .flat_map(|one| one.changes.iter().map(move |change| (one, change)))
        .filter_map(|(one, change)| Some((*one.lines.get(change.index)?, change)))
        .collect();
    found.sort_by(|(a, _), (b, _)| b.at.cmp(&a.at));
    html! {
        @if found.is_empty() {
            p class="nothing" { "No series shows a change point." }
        } @else {
            div class="scroll" tabindex="0" {
                table class="words" {
                    thead { tr { @for head in ["commit", "day", "metric", "strategy", "conditions", "before", "after", "change", "p"] { th scope="col" { (head) } } } }
                    tbody {
                        @for (line, change) in found {
                            tr {
                                th scope="row" { code { (short_commit(&line.commit)) } }
                                td { (day(&line.at)) }
                                td { (line.metric) }
                                td { (line.strategy) }
                                td { (line.conditions) }
                                td { (figure(&line.metric, change.before)) }
                                td { (figure(&line.metric, change.after)) }
                                td { (in_percent(change.before, change.after)) }
                                td { (p_value(change.p)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn p_value(p: f64) -> String {
    if p > 0.0 {
        format!("{p:.3}")
    } else {
        "counted".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_unit() {
        assert_eq!(figure("server_cpu_ns_per_request", 12_345.0), "12.3 µs");
        assert_eq!(figure("response_ns_p99", 1.5e6), "1.50 ms");
        assert_eq!(figure("wire_bytes_per_request", 431.0), "431 B");
        assert_eq!(figure("authenticate_instructions", 84_700.0), "84,700");
        assert_eq!(figure("authenticate_allocations", 2.5), "2.5");
    }

    #[test]
    fn commits_and_changes_are_short() {
        assert_eq!(short_commit("9f2c1ab47de0-dirty"), "9f2c1ab4+");
        assert_eq!(short_commit("9f2c"), "9f2c");
        assert_eq!(in_percent(100.0, 110.0), "+10.0 %");
        assert_eq!(in_percent(0.0, 110.0), units::DASH);
    }
}
