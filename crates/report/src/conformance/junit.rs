//! The report as JUnit XML.

use std::fmt::Write as _;
use std::time::Duration;

use authbench_results::{CheckReport, ConformanceReport};
use quick_junit::{
    NonSuccessKind, Property, Report, SerializeError, TestCase, TestCaseStatus, TestSuite,
};

use super::standing::Standing;
use super::words;

/// What a check that could not tell is in JUnit's terms.
///
/// Test runners turn red on an `error` as on a `failure`. Where the exit code
/// does not count open verdicts, neither may the file: the two would contradict
/// each other. So it is an error only where open verdicts are to fail the run.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Open {
    /// `<skipped>`, with its reason.
    #[default]
    Skipped,
    /// `<error>`, with its reason.
    Error,
}

/// The report as JUnit XML: one suite per group of checks, one case per check,
/// both in the catalogue's order. A failure that somebody accepts, and what does
/// not apply, is skipped with its reason.
///
/// # Errors
/// [`SerializeError`] when the XML cannot be written.
pub fn junit(report: &ConformanceReport, open: Open) -> Result<String, SerializeError> {
    let name = format!("authbench conform {}", report.target.name);
    let mut whole = Report::new(name);
    whole.set_time(Duration::from_millis(report.duration_ms));
    let mut suites: Vec<(&str, TestSuite)> = Vec::new();
    for check in &report.checks {
        let group = words::group(&check.id);
        let at = suites.iter().position(|(name, _)| *name == group);
        let at = at.unwrap_or_else(|| {
            suites.push((group, suite(group, report)));
            suites.len() - 1
        });
        suites[at].1.add_test_case(case(group, check, open));
    }
    for (_, mut suite) in suites {
        let times = suite.test_cases.iter().filter_map(|case| case.time);
        suite.set_time(times.sum());
        whole.add_test_suite(suite);
    }
    whole.to_string()
}

fn suite(group: &str, report: &ConformanceReport) -> TestSuite {
    let mut suite = TestSuite::new(group);
    for (name, value) in [
        ("target", words::target(report)),
        ("started_at", report.started_at.clone()),
        ("seed", report.seed.to_string()),
        ("authbench", report.tool_version.clone()),
    ] {
        suite.add_property(Property::new(name, value));
    }
    suite
}

fn case(group: &str, check: &CheckReport, open: Open) -> TestCase {
    let mut case = TestCase::new(
        format!("{} {}", check.id, check.statement),
        status(check, open),
    );
    case.set_classname(format!("authbench.{group}"))
        .set_assertions(check.cases.len())
        .set_time(Duration::from_millis(check.duration_ms));
    for (name, value) in [
        ("level", check.level.label().to_owned()),
        ("severity", check.severity.label().to_owned()),
        ("sources", words::sources(check)),
    ] {
        case.add_property(Property::new(name, value));
    }
    for note in &check.notes {
        case.add_property(Property::new("note", note.as_str()));
    }
    for measured in &check.measured {
        let value = words::figure(measured.value);
        case.add_property(Property::new(measured.name.as_str(), value));
    }
    case
}

fn status(check: &CheckReport, open: Open) -> TestCaseStatus {
    let reason = check.reason.as_deref();
    let failed = |kind, message: String| {
        let mut status = TestCaseStatus::non_success(kind);
        status
            .set_message(message)
            .set_type(format!(
                "{} {}",
                check.level.label(),
                check.severity.label()
            ))
            .set_description(description(check));
        status
    };
    let skipped = |message: String| {
        let mut status = TestCaseStatus::skipped();
        status.set_message(message);
        status
    };
    match (Standing::of(check), open) {
        (Standing::Passed, _) => TestCaseStatus::success(),
        (Standing::FailedMust | Standing::FailedShould, _) => {
            let first = words::telling(check).next();
            let told = first.map_or(check.statement.as_str(), |case| case.detail.as_str());
            failed(NonSuccessKind::Failure, told.to_owned())
        }
        (Standing::Inconclusive, Open::Error) => failed(
            NonSuccessKind::Error,
            format!("INCONCLUSIVE: {}", reason.unwrap_or("it could not tell")),
        ),
        (Standing::Inconclusive, Open::Skipped) => skipped(format!(
            "INCONCLUSIVE: {}",
            reason.unwrap_or("it could not tell")
        )),
        (Standing::NotApplicable, _) => skipped(format!(
            "NOT-APPLICABLE: {}",
            reason.unwrap_or("no reason is given")
        )),
        (Standing::Accepted, _) => skipped(
            check
                .accepted
                .as_ref()
                .map_or_else(String::new, words::accepted),
        ),
    }
}

/// The cases with their evidence, as plain text.
fn description(check: &CheckReport) -> String {
    let mut text = String::new();
    for case in words::telling(check) {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{} {}: {}",
            case.outcome.label(),
            case.name,
            case.detail
        );
        for evidence in &case.evidence {
            for (mark, message) in [(">", &evidence.sent), ("<", &evidence.received)] {
                for line in message.lines() {
                    let _ = writeln!(text, "  {mark} {line}");
                }
            }
        }
    }
    let _ = writeln!(text, "To mend: {}", check.mend);
    text
}
