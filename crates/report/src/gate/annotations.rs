//! Annotations of a GitHub workflow: lines that its runner obeys.

use authbench_results::{GateCell, GateReport, Verdict};

use super::headline::headline;
use super::order::worst_first;
use super::standing::standing;
use super::{legible, words};

/// As many of a kind as GitHub keeps of one step.
const MOST: usize = 10;

/// The report as workflow commands, one a line: an error for each red cell (at
/// most ten) or for a gate that could not measure; warnings for what is
/// inconclusive, for advice that is red and for the report's own warnings; a
/// notice with the verdict and one with the machine's standing.
#[must_use]
pub fn annotations(report: &GateReport) -> String {
    let report = &legible::report(report);
    let cells = worst_first(report);
    let told = |kind: &'static str, wanted: &dyn Fn(&GateCell) -> bool| -> Vec<String> {
        let wanted = cells.iter().filter(|cell| wanted(cell));
        wanted
            .map(|cell| command(kind, &title(cell), &message(cell)))
            .collect()
    };
    let mut errors = told("error", &GateCell::is_red);
    if report.verdict == Verdict::NotMeasured {
        errors.insert(
            0,
            command(
                "error",
                "authbench gate could not measure",
                &headline(report),
            ),
        );
    }
    let mut warnings = told("warning", &|cell| {
        matches!(cell.verdict, Verdict::Inconclusive) && cell.binding
            || matches!(cell.verdict, Verdict::Regressed) && !cell.binding
    });
    let own = report.warnings.iter();
    warnings.extend(own.map(|warning| command("warning", "authbench gate", warning)));
    let left_out = errors.len().saturating_sub(MOST) + warnings.len().saturating_sub(MOST);
    errors.truncate(MOST);
    warnings.truncate(MOST);
    let mut notices = vec![
        command("notice", "authbench gate", &headline(report)),
        command(
            "notice",
            "authbench machine",
            &standing(&report.qualification),
        ),
    ];
    if left_out > 0 {
        let more = format!("{left_out} more annotations were left out; the report has them all.");
        notices.push(command("notice", "authbench gate", &more));
    }
    let lines: Vec<String> = [errors, warnings, notices].concat();
    lines.join("\n") + "\n"
}

fn title(cell: &GateCell) -> String {
    format!(
        "{}: {} {}",
        words::verdict(cell),
        cell.strategy,
        cell.metric
    )
}

fn message(cell: &GateCell) -> String {
    let note = cell
        .note
        .as_deref()
        .map_or_else(String::new, |note| format!("\n{note}"));
    format!("{}{note}", words::found(cell))
}

fn command(kind: &str, title: &str, message: &str) -> String {
    format!("::{kind} title={}::{}", property(title), data(message))
}

/// A message as the runner reads it back.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property, which must not end early either.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
