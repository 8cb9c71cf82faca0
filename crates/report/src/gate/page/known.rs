//! The page of a qualification.

use authbench_results::{Qualification, Verdict};
use maud::{Markup, html};

use super::document;
use crate::gate::qualification::{VERDICTS, cells, found, of, summary, tried, tried_row};
use crate::gate::{legible, words};
use crate::page::facts;

/// The whole page for `qualification`: false alarms, what was found by the size
/// of the slow-down, and the standing of each metric. Every text is escaped.
#[must_use]
pub fn qualification_page(qualification: &Qualification) -> String {
    let it = &legible::qualification(qualification);
    let body = html! {
        header {
            p class="eyebrow" { "authbench gate --aa" }
            h1 { "How far this machine can be trusted" }
            p class="facts" { span { (words::machine(&it.environment)) } span { (it.ended_at) } span { (words::side(&it.subject)) } }
        }
        main {
            div class="banners" {
                @if let Some(invalid) = &it.invalid { p class="banner bad" { strong { "This run is retracted. " } (invalid.reason) } }
                @if it.interrupted { p class="banner" { strong { "The run was interrupted. " } "There are fewer gates than were asked for." } }
                @for warning in &it.warnings { p class="banner" { (warning) } }
            }
            section id="outcome" { h2 { "Outcome" } p { (summary(it)) } (rates(it)) }
            section id="standings" { h2 { "Metrics, those that did not qualify first" } (standings(it)) }
            section id="method" {
                h2 { "How it was measured" }
                ul {
                    li { (words::interleaved(Some(&it.interleaving))) }
                    li { "Both sides are the same program, so an A/A gate that is red is a false alarm. A slow-down is that many percent of the processor time of a request." }
                    li { "Gates of one round share the base's measurements: they are not independent of each other." }
                    li { "Scenario " (it.scenario.name) ". Seed " (it.seed) ". Command: " code { "authbench " (it.arguments.join(" ")) } }
                }
                details { summary { "Budgets and rules" } pre { code { (it.rules) } } }
            }
            section id="machine" {
                h2 { "Machine, source and health" }
                div class="columns" {
                    div { h3 { "Machine" } (facts::machine(&it.environment)) }
                    div { h3 { "Source" } (facts::source(&it.subject.source, &it.tool_version)) }
                    div { h3 { "Health over the run" } (facts::health(&it.health)) }
                }
            }
        }
        footer { p { "Made by authbench " (it.tool_version) " from one file of the format " code { (it.schema.name()) } ", run " code { (it.id) } ", " (it.started_at) " to " (it.ended_at) "." } }
    };
    document("authbench: qualification of a machine", &body)
}

fn rates(it: &Qualification) -> Markup {
    html! {
        div class="scroll" tabindex="0" { table class="words" {
            thead { tr {
                @for head in ["candidate", "gates"] { th scope="col" { (head) } }
                @for verdict in VERDICTS.map(Verdict::label) { th scope="col" { (verdict) } }
                th scope="col" { "longest gate" }
            } }
            tbody { @for tried in tried(it) {
                tr { @for (at, text) in tried_row(&tried).iter().enumerate() {
                    @if at == 0 { th scope="row" { (text) } } @else { td { (text) } }
                } }
            } }
        } }
    }
}

fn standings(it: &Qualification) -> Markup {
    html! {
        div class="scroll" tabindex="0" { table class="words judged" {
            thead { tr { @for head in ["standing", "strategy", "metric", "class", "false alarms", "found", "reason"] { th scope="col" { (head) } } } }
            tbody { @for cell in cells(it) {
                tr {
                    td {
                        @if cell.qualified { span class="badge passed" { "qualified" } }
                        @else { span class="badge should" { "advice" } }
                    }
                    th scope="row" { (cell.strategy) }
                    td { code { (cell.metric) } }
                    td { (cell.class.label()) }
                    td { (of(cell.aa_red, cell.aa_gates)) }
                    td { (found(cell)) }
                    td { (cell.reason.as_deref().unwrap_or_default()) }
                }
            } }
        } }
    }
}
