//! The report as SARIF 2.1.0 (OASIS), for code scanning.

mod form;

use authbench_results::{CheckOutcome, CheckReport, ConformanceReport, Level, Severity};

use self::form::{
    Artifact, Configuration, Descriptor, Details, Driver, Fingerprints, Invocation, Location, Log,
    Notification, PhysicalLocation, Region, ResultEntry, Rule, RuleProperties, Run, Suppression,
    Text, Tool,
};
use super::standing::Standing;
use super::words;

/// The report as SARIF 2.1.0: every check is a rule, every failed check a
/// result at the profile's file; accepted ones are suppressed, and what could
/// not be told is a notification of the run.
///
/// # Errors
/// [`serde_json::Error`] when the JSON cannot be written.
pub fn sarif(report: &ConformanceReport) -> Result<String, serde_json::Error> {
    let failed = report.checks.iter().enumerate();
    let failed = failed.filter(|(_, check)| check.outcome == CheckOutcome::Fail);
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "authbench",
                    semantic_version: &report.tool_version,
                    rules: report.checks.iter().map(rule).collect(),
                },
            },
            // Runs against several targets do not replace each other.
            automation_details: Details {
                id: format!("authbench-conform/{}/", report.target.name),
            },
            invocations: [Invocation {
                execution_successful: true,
                start_time_utc: &report.started_at,
                tool_execution_notifications: open(report),
            }],
            results: failed
                .map(|(index, check)| result(index, check, report))
                .collect(),
        }],
    };
    serde_json::to_string_pretty(&log)
}

fn rule(check: &CheckReport) -> Rule<'_> {
    let tags = check
        .cwe
        .iter()
        .map(|number| format!("external/cwe/cwe-{number}"));
    Rule {
        id: &check.id,
        short_description: Text::new(&check.statement),
        help: Text::new(format!("{}\n\n{}", check.mend, words::sources(check))),
        help_uri: check
            .cwe
            .first()
            .map(|number| format!("https://cwe.mitre.org/data/definitions/{number}.html")),
        default_configuration: Configuration {
            level: level(check.level),
        },
        properties: RuleProperties {
            tags: std::iter::once("security".to_owned()).chain(tags).collect(),
            clauses: &check.clauses,
            level: check.level.label(),
            severity: check.severity.label(),
            security_severity: score(check.severity),
            problem_severity: level(check.level),
            precision: "very-high",
        },
    }
}

fn result<'r>(
    index: usize,
    check: &'r CheckReport,
    report: &'r ConformanceReport,
) -> ResultEntry<'r> {
    let mut message = check.statement.clone();
    for case in words::telling(check) {
        message.push_str(&format!("\n{}: {}", case.name, case.detail));
    }
    message.push_str(&format!("\nTo mend: {}", check.mend));
    let accepted = check.accepted.iter().map(|accepted| Suppression {
        kind: "external",
        status: "accepted",
        justification: words::accepted(accepted),
    });
    ResultEntry {
        rule_id: &check.id,
        rule_index: index,
        kind: "fail",
        level: level(check.level),
        message: Text::new(message),
        locations: [location(report)],
        partial_fingerprints: Fingerprints {
            check: format!("{}/{}", report.target.name, check.id),
        },
        suppressions: accepted.collect(),
    }
}

/// The checks that could not tell.
fn open(report: &ConformanceReport) -> Vec<Notification<'_>> {
    let checks = report.checks.iter().enumerate();
    checks
        .filter(|(_, check)| Standing::of(check) == Standing::Inconclusive)
        .map(|(index, check)| {
            let reason = check.reason.as_deref().unwrap_or("it could not tell");
            Notification {
                associated_rule: Descriptor {
                    id: &check.id,
                    index,
                },
                level: "note",
                message: Text::new(format!("{} is inconclusive: {reason}", check.id)),
            }
        })
        .collect()
}

/// The profile's file; the target's address where there is no file.
fn location(report: &ConformanceReport) -> Location {
    let target = &report.target;
    let uri = match (&target.profile, target.base_urls.first()) {
        (Some(file), _) => file_uri(file),
        (None, Some(url)) => url.clone(),
        (None, None) => encoded(&target.name),
    };
    Location {
        physical_location: PhysicalLocation {
            artifact_location: Artifact { uri },
            region: Region { start_line: 1 },
        },
    }
}

/// A path as a reference (RFC 3986 4.2; RFC 8089 2 where it is absolute).
fn file_uri(file: &str) -> String {
    let path = file.strip_prefix("./").unwrap_or(file);
    if path.starts_with('/') {
        format!("file://{}", encoded(path))
    } else {
        encoded(path)
    }
}

/// All but unreserved characters and `/` in percent-encoding (RFC 3986 2.1).
fn encoded(text: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const PATH: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'/')
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    utf8_percent_encode(text, PATH).to_string()
}

const fn level(level: Level) -> &'static str {
    match level {
        Level::Must => "error",
        Level::Should => "warning",
    }
}

/// A number in the middle of the CVSS range that the word stands for, since
/// code scanning sorts by numbers.
const fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
    }
}
