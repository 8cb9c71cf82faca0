//! Gates and qualifications as pages: one file each, no script, nothing to
//! fetch.

mod chart;
mod known;

use authbench_results::{GateCell, GateReport, MetricClass, Verdict};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::headline::headline;
use super::order::worst_first;
use super::standing::standing;
use super::{legible, words};
use crate::page::{POLICY, STYLE, facts};
use crate::units;

pub use known::qualification_page;

const BADGES: &str = include_str!("../conformance/page/style.css");
const OWN_STYLE: &str = include_str!("page/style.css");

/// The whole page for `report`: one self-contained HTML document in UTF-8, the
/// worst cell first, with each effect and its interval drawn beside its budget.
/// Every text from the report is escaped.
#[must_use]
pub fn page(report: &GateReport) -> String {
    let blocks = report.blocks.len();
    let report = &legible::report(report);
    let title = format!("{} beside {}", report.candidate.named, report.base.named);
    let body = html! {
        (header(report))
        main {
            (banners(report))
            section id="verdict" { h2 { "Verdict" } p { (badge(report.verdict, report.verdict.label())) " " (headline(report)) } p { (standing(&report.qualification)) } }
            section id="cells" { h2 { "Cells, the worst first" } (table(report)) }
            (charts(report))
            section id="classes" {
                h2 { "What was judged" }
                ul { @for class in &report.classes { li { (words::class(report, class)) } } }
            }
            (method(report, blocks))
            @if let Some(environment) = &report.environment {
                section id="machine" {
                    h2 { "Machine, sources and health" }
                    div class="columns" {
                        div { h3 { "Machine" } (facts::machine(environment)) }
                        div { h3 { "Base" } (facts::source(&report.base.source, &report.run.tool_version)) }
                        div { h3 { "Candidate" } (facts::source(&report.candidate.source, &report.run.tool_version)) }
                        @if let Some(health) = &report.health { div { h3 { "Health over the run" } (facts::health(health)) } }
                    }
                }
            }
        }
        footer { p {
            "Made by authbench " (report.run.tool_version) " from one file of the format "
            code { (report.schema.name()) } ", run " code { (report.run.id) } ", "
            (report.run.started_at) " to " (report.run.ended_at) "."
        } }
    };
    document(&format!("authbench gate: {title}"), &body)
}

/// A whole document around `body`.
fn document(title: &str, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(BADGES)) (PreEscaped(OWN_STYLE)) }
            }
            body { (body) }
        }
    }
    .into_string()
}

fn header(report: &GateReport) -> Markup {
    html! {
        header {
            p class="eyebrow" { "authbench gate" }
            h1 { (report.candidate.named) " beside " (report.base.named) }
            p class="facts" { span { "base: " (words::side(&report.base)) } span { "candidate: " (words::side(&report.candidate)) } }
            p class="facts" {
                span { (report.run.started_at) }
                @if let Some(environment) = &report.environment { span { (words::machine(environment)) } }
            }
        }
    }
}

fn banners(report: &GateReport) -> Markup {
    html! {
        div class="banners" {
            @if let Some(invalid) = &report.run.invalid {
                p class="banner bad" { strong { "This run is retracted. " } (invalid.reason) }
            }
            @if report.run.interrupted { p class="banner" { strong { "The run was interrupted. " } "Not everything is here." } }
            @for warning in &report.warnings { p class="banner" { (warning) } }
        }
    }
}

fn table(report: &GateReport) -> Markup {
    let heads = [
        "verdict",
        "strategy",
        "metric",
        "effect (95 % interval)",
        "budget",
        "base",
        "candidate",
        "smallest visible",
        "pairs",
    ];
    html! {
        div class="scroll" tabindex="0" {
            table class="words judged" {
                thead { tr { @for head in heads { th scope="col" { (head) } } } }
                tbody { @for cell in worst_first(report) { (row(cell)) } }
            }
        }
    }
}

fn row(cell: &GateCell) -> Markup {
    let remarks = words::remarks(cell);
    html! {
        tr {
            td { (badge(cell.verdict, &words::verdict(cell))) }
            th scope="row" { (cell.strategy) }
            td { code { (cell.metric) } }
            td { (words::effect(cell)) }
            td { (words::percent(cell.budget_percent)) }
            td { (words::figure(cell, cell.base)) }
            td { (words::figure(cell, cell.candidate)) }
            td { (words::visible(cell)) }
            td { (cell.pairs) }
        }
        @if !remarks.is_empty() { tr { td colspan="9" class="remark" { (remarks.join(" ")) } } }
    }
}

fn charts(report: &GateReport) -> Markup {
    let drawn: Vec<Markup> = MetricClass::ALL
        .into_iter()
        .filter_map(|class| {
            let cells = worst_first(report)
                .into_iter()
                .filter(|cell| cell.class == class);
            chart::effects(class, &cells.collect::<Vec<_>>())
        })
        .collect();
    html! {
        @if !drawn.is_empty() {
            section id="charts" { h2 { "Effects beside their budgets" } div class="figures" { @for chart in &drawn { (chart) } } }
        }
    }
}

fn method(report: &GateReport, blocks: usize) -> Markup {
    html! {
        section id="method" {
            h2 { "How it was measured" }
            ul {
                li { (words::interleaved(report.interleaving.as_ref())) }
                @if blocks > 0 {
                    li { "The file holds the raw samples of all " (blocks) " blocks, in the order in which they were taken: every effect, interval and verdict over them can be computed anew." }
                } @else {
                    li { "The file holds no raw blocks: nothing was measured under load for it." }
                }
                li { "An effect is a change of the candidate against the base; of every metric here more is worse. An interval is at 95 %. The smallest visible effect is what would have been called a regression with a probability of 80 %." }
                @if let Some(interleaving) = &report.interleaving {
                    @for (strategy, rate) in &interleaving.rates_per_s { li { (strategy) ": " (units::per_s(f64::from(*rate))) " offered" } }
                }
                @if let Some(scenario) = &report.scenario { li { "Scenario " (scenario.name) ", SHA-256 " code class="long" { (scenario.sha256) } } }
                li { "Seed " (report.run.seed) ". Command: " code { "authbench " (report.run.arguments.join(" ")) } }
            }
            details { summary { "Budgets and rules" } pre { code { (report.rules) } } }
        }
    }
}

fn badge(verdict: Verdict, text: &str) -> Markup {
    let class = match verdict {
        Verdict::Regressed => "must",
        Verdict::NotMeasured => "should",
        Verdict::Inconclusive => "open",
        Verdict::Improved | Verdict::Pass => "passed",
    };
    html! { span class={ "badge " (class) } { (text) } }
}
