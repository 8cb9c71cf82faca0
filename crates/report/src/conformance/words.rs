//! What several forms say in the same words.

use authbench_results::{Accepted, CaseReport, CheckOutcome, CheckReport, ConformanceReport};

use super::standing::{Standing, Totals};
use crate::escape::tame;

/// The report, made harmless to the eye: what a terminal would obey, or a
/// browser would hide or turn round, stands escaped. Most texts come from the
/// target, and a file with a report in it may come from anywhere.
pub(super) fn legible(report: &ConformanceReport) -> ConformanceReport {
    let mut report = report.clone();
    let target = &mut report.target;
    tame(&mut target.name);
    let lists = target.families.iter_mut().chain(&mut target.base_urls);
    lists.chain(&mut target.profile).for_each(tame);
    tame(&mut report.tool_version);
    tame(&mut report.started_at);
    for check in &mut report.checks {
        for text in [&mut check.id, &mut check.statement, &mut check.mend] {
            tame(text);
        }
        let lists = check.clauses.iter_mut().chain(&mut check.notes);
        lists.chain(&mut check.reason).for_each(tame);
        check.measured.iter_mut().for_each(|it| tame(&mut it.name));
        if let Some(accepted) = &mut check.accepted {
            tame(&mut accepted.reason);
            accepted.until.iter_mut().for_each(tame);
        }
        for case in &mut check.cases {
            tame(&mut case.name);
            tame(&mut case.detail);
            for evidence in &mut case.evidence {
                tame(&mut evidence.sent);
                tame(&mut evidence.received);
            }
        }
    }
    report
}

/// "2 MUST failed, 1 inconclusive, 40 passed"; what does not occur is left out.
pub(super) fn totals(report: &ConformanceReport) -> String {
    let totals = Totals::of(report);
    let parts: Vec<String> = Standing::ALL
        .into_iter()
        .filter(|standing| totals.count(*standing) > 0)
        .map(|standing| format!("{} {}", totals.count(standing), standing.label()))
        .collect();
    if parts.is_empty() {
        "no check ran".to_owned()
    } else {
        parts.join(", ")
    }
}

/// The verdict in one word or two.
pub(super) const fn verdict(standing: Standing, check: &CheckReport) -> &'static str {
    match standing {
        Standing::Accepted => "ACCEPTED",
        _ => check.outcome.label(),
    }
}

/// The target and where it is.
pub(super) fn target(report: &ConformanceReport) -> String {
    let target = &report.target;
    let families = if target.families.is_empty() {
        String::new()
    } else {
        format!(" ({})", target.families.join(", "))
    };
    let place = if target.base_urls.is_empty() {
        String::new()
    } else {
        format!(" at {}", target.base_urls.join(", "))
    };
    format!("{}{families}{place}", target.name)
}

/// What the run was: how many checks and requests, how long, which seed.
pub(super) fn run(report: &ConformanceReport) -> String {
    let count = report.checks.len();
    format!(
        "{count} check{}, {} requests, {}, seed {}, {}",
        if count == 1 { "" } else { "s" },
        report.requests,
        seconds(report.duration_ms),
        report.seed,
        report.started_at
    )
}

/// A duration in seconds.
pub(super) fn seconds(duration_ms: u64) -> String {
    format!("{}.{} s", duration_ms / 1_000, duration_ms % 1_000 / 100)
}

/// Why a finding is accepted, and until when.
pub(super) fn accepted(accepted: &Accepted) -> String {
    match &accepted.until {
        Some(day) => format!("accepted until {day}: {}", accepted.reason),
        None => format!("accepted for this run: {}", accepted.reason),
    }
}

/// The clauses and the CWE numbers, in one line.
pub(super) fn sources(check: &CheckReport) -> String {
    let cwe = check.cwe.iter().map(|number| format!("CWE-{number}"));
    let all: Vec<String> = check.clauses.iter().cloned().chain(cwe).collect();
    all.join("; ")
}

/// The cases that stand behind the verdict: the failed ones, and those that
/// could not tell.
pub(super) fn telling(check: &CheckReport) -> impl Iterator<Item = &CaseReport> {
    let wanted = check.outcome;
    check.cases.iter().filter(move |case| {
        matches!(
            (wanted, case.outcome),
            (CheckOutcome::Fail, CheckOutcome::Fail)
                | (
                    CheckOutcome::Fail | CheckOutcome::Inconclusive,
                    CheckOutcome::Inconclusive
                )
        )
    })
}

/// The letters before the number: checks of one group share them.
pub(super) fn group(id: &str) -> &str {
    id.rsplit_once('-').map_or(id, |(group, _)| group)
}

/// A figure without digits that say nothing.
pub(super) fn figure(value: f64) -> String {
    let rounded = format!("{value:.3}");
    let short = rounded.trim_end_matches('0').trim_end_matches('.');
    short.to_owned()
}
