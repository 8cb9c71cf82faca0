//! The report as JUnit XML.

use authbench_results::{GateCell, GateReport, Verdict};
use quick_junit::{
    NonSuccessKind, Property, Report, SerializeError, TestCase, TestCaseStatus, TestSuite,
};

use super::headline::headline;
use super::standing::standing;
use super::{legible, words};

/// The report as JUnit XML: one suite per class, one case per cell. Only what
/// fails the gate is a failure: a regression that is advice, and what is
/// inconclusive, succeeds and says so in its output. A cell that was not
/// measured is skipped with its reason; a gate that could not measure has an
/// error of its own, so that the file is red where the exit code is.
///
/// # Errors
/// [`SerializeError`] when the XML cannot be written.
pub fn junit(report: &GateReport) -> Result<String, SerializeError> {
    let report = &legible::report(report);
    let mut whole = Report::new("authbench gate");
    let mut gate = suite("gate", report);
    gate.add_test_case(verdict(report));
    whole.add_test_suite(gate);
    for class in &report.classes {
        let name = class.class.label();
        let mut suite = suite(name, report);
        suite.add_property(Property::new("standing", words::class(report, class)));
        for cell in report.cells.iter().filter(|cell| cell.class == class.class) {
            suite.add_test_case(case(name, cell));
        }
        if !class.measured {
            let mut status = TestCaseStatus::skipped();
            status.set_message(words::class(report, class));
            suite.add_test_case(TestCase::new(format!("{name} was measured"), status));
        }
        whole.add_test_suite(suite);
    }
    whole.to_string()
}

fn suite(name: &str, report: &GateReport) -> TestSuite {
    let mut suite = TestSuite::new(name);
    for (name, value) in [
        ("base", words::side(&report.base)),
        ("candidate", words::side(&report.candidate)),
        ("started_at", report.run.started_at.clone()),
        ("seed", report.run.seed.to_string()),
        ("authbench", report.run.tool_version.clone()),
        ("machine", standing(&report.qualification)),
    ] {
        suite.add_property(Property::new(name, value));
    }
    suite
}

/// The case that tells whether there is a verdict at all; the cells tell which.
fn verdict(report: &GateReport) -> TestCase {
    let headline = headline(report);
    let status = if report.verdict == Verdict::NotMeasured {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status
            .set_message(headline.clone())
            .set_type(report.verdict.label());
        status
    } else {
        TestCaseStatus::success()
    };
    let mut case = TestCase::new("gate", status);
    case.set_classname("authbench.gate")
        .set_system_out(output(&headline, &report.warnings));
    case
}

fn case(class: &str, cell: &GateCell) -> TestCase {
    let told = format!(
        "{}: {}",
        words::capital(&words::verdict(cell)),
        words::found(cell)
    );
    let remarks = words::remarks(cell);
    let status = match cell.verdict {
        Verdict::Regressed if cell.binding => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status
                .set_message(told.clone())
                .set_type(cell.verdict.label())
                .set_description(output(&told, &remarks));
            status
        }
        Verdict::NotMeasured => {
            let mut status = TestCaseStatus::skipped();
            let reason = cell.note.as_deref().unwrap_or("no reason is given");
            status.set_message(format!("Not measured: {reason}"));
            status
        }
        Verdict::Regressed | Verdict::Inconclusive | Verdict::Improved | Verdict::Pass => {
            TestCaseStatus::success()
        }
    };
    let mut case = TestCase::new(format!("{} {}", cell.strategy, cell.metric), status);
    case.set_classname(format!("authbench.gate.{class}"));
    for (name, value) in [
        ("verdict", words::verdict(cell)),
        ("effect", words::effect(cell)),
        ("budget", words::percent(cell.budget_percent)),
        ("figures", words::change(cell)),
        ("smallest_visible_effect", words::visible(cell)),
    ] {
        case.add_property(Property::new(name, value));
    }
    case.set_system_out(output(&told, &remarks));
    case
}

fn output(first: &str, more: &[String]) -> String {
    let lines: Vec<&str> = std::iter::once(first)
        .chain(more.iter().map(String::as_str))
        .collect();
    lines.join("\n") + "\n"
}
