//! The report as a page: one file, no script, nothing to fetch.

use authbench_results::{CaseReport, CheckOutcome, CheckReport, ConformanceReport};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::standing::{Standing, Totals, worst_first};
use super::words;
use crate::page::{POLICY, STYLE};

const OWN_STYLE: &str = include_str!("page/style.css");

/// The whole page for `report`: one self-contained HTML document in UTF-8, the
/// worst check first. Every text from the report is escaped.
#[must_use]
pub fn page(report: &ConformanceReport) -> String {
    let report = &words::legible(report);
    let checks = worst_first(report);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { "authbench: conformance of " (report.target.name) }
                style { (PreEscaped(STYLE)) (PreEscaped(OWN_STYLE)) }
            }
            body {
                (header(report))
                main {
                    section id="summary" {
                        h2 { "Summary" }
                        (tally(report))
                        (table(&checks))
                    }
                    @for (standing, check) in &checks {
                        @if !matches!(standing, Standing::Passed | Standing::NotApplicable) {
                            (finding(*standing, check))
                        }
                    }
                    (rest("absent", "Not applicable", Standing::NotApplicable, &checks))
                    (rest("passed", "Passed", Standing::Passed, &checks))
                }
                footer {
                    p {
                        "Made by authbench " (report.tool_version)
                        " from one file of the format " code { "authbench.conformance/1" } "."
                    }
                }
            }
        }
    }
    .into_string()
}

fn header(report: &ConformanceReport) -> Markup {
    html! {
        header {
            p class="eyebrow" { "authbench conform" }
            h1 { "Conformance of " (report.target.name) }
            p class="facts" {
                @for family in &report.target.families { span { (family) } }
                @for url in &report.target.base_urls { span { (url) } }
                @if let Some(profile) = &report.target.profile { span { (profile) } }
            }
            p class="facts" {
                span { (report.started_at) }
                span { (report.requests) " requests" }
                span { (words::seconds(report.duration_ms)) }
                span { "seed " (report.seed) }
            }
        }
    }
}

fn tally(report: &ConformanceReport) -> Markup {
    let totals = Totals::of(report);
    html! {
        ul class="tally" {
            @for standing in Standing::ALL {
                li class=(class(standing)) { strong { (totals.count(standing)) } " " (standing.label()) }
            }
        }
    }
}

fn table(checks: &[(Standing, &CheckReport)]) -> Markup {
    html! {
        div class="scroll" tabindex="0" {
            table class="words verdicts" {
                thead { tr { @for head in ["verdict", "check", "level", "severity", "rule"] { th scope="col" { (head) } } } }
                tbody {
                    @for (standing, check) in checks {
                        tr {
                            td { (badge(*standing, check)) }
                            th scope="row" {
                                @if matches!(standing, Standing::Passed | Standing::NotApplicable) { (check.id) }
                                @else { a href={ "#" (anchor(&check.id)) } { (check.id) } }
                            }
                            td { (check.level.label()) }
                            td { (check.severity.label()) }
                            td { (check.statement) }
                        }
                    }
                }
            }
        }
    }
}

fn finding(standing: Standing, check: &CheckReport) -> Markup {
    html! {
        section id=(anchor(&check.id)) {
            h2 { (badge(standing, check)) " " (check.id) }
            p { strong { (check.statement) } }
            p class="sources" { (check.level.label()) ", " (check.severity.label()) ". " (words::sources(check)) }
            @if let Some(accepted) = &check.accepted { p class="banner" { (words::accepted(accepted)) } }
            @if let Some(reason) = &check.reason { p { (reason) } }
            @for case in words::telling(check) { (told(case)) }
            (notes(check))
            @if check.outcome == CheckOutcome::Fail { p { strong { "To mend: " } (check.mend) } }
        }
    }
}

fn told(case: &CaseReport) -> Markup {
    html! {
        h3 { (case.outcome.label()) " " (case.name) }
        p { (case.detail) }
        @if !case.evidence.is_empty() {
            details {
                summary { "What was sent, and what came back" }
                @for evidence in &case.evidence {
                    pre { code { (evidence.sent) } }
                    pre class="answer" { code { (evidence.received) } }
                }
            }
        }
    }
}

fn notes(check: &CheckReport) -> Markup {
    html! {
        @if !check.notes.is_empty() || !check.measured.is_empty() {
            ul class="notes" {
                @for note in &check.notes { li { (note) } }
                @for measured in &check.measured {
                    li { "measured: " code { (measured.name) } " = " (words::figure(measured.value)) }
                }
            }
        }
    }
}

/// What needs no section of its own, folded.
fn rest(id: &str, title: &str, wanted: Standing, checks: &[(Standing, &CheckReport)]) -> Markup {
    let mut chosen = checks
        .iter()
        .filter(|(standing, _)| *standing == wanted)
        .peekable();
    html! {
        @if chosen.peek().is_some() {
            section id=(id) {
                h2 { (title) }
                details {
                    summary { "Each with what is known about it" }
                    dl {
                        @for (_, check) in chosen {
                            dt { (check.id) }
                            dd {
                                (check.statement)
                                @if let Some(reason) = &check.reason { br; em { (reason) } }
                                (notes(check))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn badge(standing: Standing, check: &CheckReport) -> Markup {
    html! { span class={ "badge " (class(standing)) } { (words::verdict(standing, check)) } }
}

const fn class(standing: Standing) -> &'static str {
    match standing {
        Standing::FailedMust => "must",
        Standing::FailedShould => "should",
        Standing::Inconclusive => "open",
        Standing::Accepted => "accepted",
        Standing::NotApplicable => "absent",
        Standing::Passed => "passed",
    }
}

/// An `id` attribute holds no white space (HTML Living Standard 3.2.6).
fn anchor(id: &str) -> String {
    let kept = id
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
    format!("check-{}", kept.collect::<String>())
}
