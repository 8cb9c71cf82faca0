//! The page: one file, no script, nothing to fetch.

mod actions;
pub(crate) mod facts;
mod faults;
mod knees;
mod loads;
mod measurements;
mod prose;
mod strategies;
mod summary_table;

use authbench_results::{Purpose, RunResult};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::chart::{CHARTS, figure};
use crate::reading::Reading;
use crate::{sentences, summary, units};

pub(crate) const STYLE: &str = include_str!("style.css");

/// A browser that honours it runs no script and fetches nothing, whatever a
/// hostile result file tries to smuggle in.
pub(crate) const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The whole page for `result`: one self-contained HTML document in UTF-8.
/// Every number in it is computed from `result`; every text from it is
/// escaped.
#[must_use]
pub fn page(result: &RunResult) -> String {
    let reading = Reading::of(result);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { "authbench: " (result.scenario.name) ", " (day(&result.run.started_at)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (header(result))
                main {
                    (warnings(result))
                    (section("meaning", "What it means", &meaning(&reading)))
                    (section("summary", "Summary", &summary_table::of(&reading, &summary::rows(&reading))))
                    section id="charts" {
                        h2 { "Charts" }
                        div class="figures" { @for chart in CHARTS { (figure(chart, &reading)) } }
                    }
                    (section("measurements", "All measurements", &measurements::of(&reading)))
                    @if let Some(actions) = actions::of(&reading) { (section("actions", "What was done", &actions)) }
                    @if let Some(faults) = faults::of(&reading) { (section("faults", "What was broken, and what followed", &faults)) }
                    @if let Some(knees) = knees::of(&reading) { (section("knees", "What each strategy carries", &knees)) }
                    (section("loads", "Loads", &loads::of(&reading)))
                    (section("strategies", "What the strategies promise", &strategies::of(&reading)))
                    (section("method", "How it was measured", &prose::method(&reading)))
                    (section("distrust", "When not to trust these numbers", &prose::distrust(&reading)))
                    (section("machine", "Machine, source and health", &facts::of(result)))
                    (section("scenario", "Scenario", &scenario(result)))
                    (section("glossary", "Glossary", &prose::glossary()))
                }
                (footer(result))
            }
        }
    }
    .into_string()
}

fn section(id: &str, title: &str, body: &Markup) -> Markup {
    html! { section id=(id) { h2 { (title) } (body) } }
}

fn header(result: &RunResult) -> Markup {
    let environment = &result.environment;
    let cores = environment
        .logical_cores
        .map(|cores| format!("{cores} cores"));
    let machine = [
        environment.cpu_model.clone(),
        cores,
        environment.virtualisation.clone(),
    ];
    let known: Vec<String> = machine.into_iter().flatten().collect();
    html! {
        header {
            p class="eyebrow" { "authbench" }
            h1 { "Ways to remember who a caller is: " (result.scenario.name) }
            p class="facts" {
                span { (day(&result.run.started_at)) }
                span { (purpose(result.run.purpose)) }
                @if let Some(commit) = result.source.short_commit() {
                    span { "commit " code { (commit) } @if result.source.dirty == Some(true) { " with changes" } }
                }
                @if !known.is_empty() { span { (known.join(", ")) } }
            }
            p class="facts" { span { (crate::gate::standing(&result.qualification)) } }
        }
    }
}

/// The date of an RFC 3339 instant.
fn day(instant: &str) -> &str {
    instant.get(..10).unwrap_or(instant)
}

const fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Baseline => "baseline",
        Purpose::Candidate => "candidate",
        Purpose::Nightly => "nightly run",
        Purpose::AdHoc => "ad hoc run",
        Purpose::Aa => "the same binary against itself",
    }
}

fn warnings(result: &RunResult) -> Markup {
    let run = &result.run;
    html! {
        div class="banners" {
        (parts(result))
        @if let Some(invalid) = &run.invalid {
            p class="banner bad" { strong { "This run is retracted. " } (invalid.reason) }
        }
        @if run.interrupted {
            p class="banner" { strong { "The run was interrupted. " } "What is here was measured; not everything is here." }
        }
        @if result.source.profile.as_deref().is_some_and(|profile| profile != "release") {
            p class="banner" { strong { "Not a release build. " } "Its speed says nothing about a release build's." }
        }
        @for warning in &run.warnings { p class="banner" { (warning) } }
        @if !result.skipped.is_empty() {
            div class="banner" {
                strong { "Not measured:" }
                ul { @for skipped in &result.skipped { li { code { (skipped.strategy) } ": " (skipped.reason) } } }
            }
        }
        }
    }
}

/// That the run is a part of one, or was made of parts.
fn parts(result: &RunResult) -> Markup {
    html! {
        @if let Some(shard) = &result.run.shard {
            p class="banner" {
                strong { "Part " (shard.index) " of " (shard.of) " of a run on several drivers. " }
                "Rates, users and counts are this part's alone; parts are numbered from 0. It was to begin at "
                (shard.start_at) " and began " (units::setting_ms(shard.late_ms)) " later."
            }
        }
        @if let Some(merged) = &result.run.merged_from {
            div class="banner" {
                strong { "Merged from " (merged.runs.len()) " parts" }
                ", which began within " (units::setting_ms(merged.start_skew_ms)) " of one another. \
                 Histograms, counts and rates are those of all parts together; machine and health \
                 are the worst of them; arguments and source are those of part 0."
                ul { @for run in &merged.runs { li { code class="long" { (run) } } } }
            }
        }
    }
}

fn meaning(reading: &Reading<'_>) -> Markup {
    html! { ul class="meaning" { @for sentence in sentences::of(reading) { li { (sentence) } } } }
}

fn scenario(result: &RunResult) -> Markup {
    html! {
        p { "Fully resolved; SHA-256 " code class="long" { (result.scenario.sha256) } ". Seed " (result.run.seed) "." }
        @if !result.run.arguments.is_empty() {
            p { "Command: " code { "authbench " (result.run.arguments.join(" ")) } }
        }
        details open { summary { "The scenario's text" } pre { code { (result.scenario.text) } } }
    }
}

fn footer(result: &RunResult) -> Markup {
    html! {
        footer {
            p {
                "Made by authbench " (result.run.tool_version) " from one file of the format "
                code { (result.schema.name()) } ", run " code { (result.run.id) } ", "
                (result.run.started_at) " to " (result.run.ended_at) "."
            }
        }
    }
}
