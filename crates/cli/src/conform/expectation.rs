//! Verdicts that somebody expects of a target, and how a run differs from them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use authbench_conf::{ConfError, Located};
use authbench_conformance::{Cost, Options, catalogue};
use authbench_results::{CheckOutcome, ConformanceReport};
use serde::Deserialize;

/// The verdicts of one file: those that are neither pass nor not applicable.
#[derive(Debug)]
pub(crate) struct Expectation(BTreeMap<String, Expected>);

#[derive(Debug)]
struct Expected {
    outcome: CheckOutcome,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    expected: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    check: Located<String>,
    outcome: Located<String>,
    reason: Located<String>,
}

impl Expectation {
    /// Reads an expectation; `known` are the identifiers that there are.
    ///
    /// # Errors
    /// [`ConfError`] with file, line and the nearest identifier.
    pub(crate) fn read(file: &Path, known: &[&str]) -> Result<Self, ConfError> {
        Self::parse(file, &authbench_conf::read_text(file)?, known)
    }

    fn parse(file: &Path, text: &str, known: &[&str]) -> Result<Self, ConfError> {
        let mut all = BTreeMap::new();
        for line in authbench_conf::parse::<File>(file, text)?.expected {
            let id = line.check.value.clone();
            if !known.contains(&id.as_str()) {
                return Err(ConfError::unknown_name(file, &line.check, known));
            }
            let outcome = match line.outcome.value.as_str() {
                "fail" => CheckOutcome::Fail,
                "inconclusive" => CheckOutcome::Inconclusive,
                other => {
                    let message = format!(
                        "`{other}` is not listed here: `fail` and `inconclusive` are, and every \
                         check without an entry is expected to pass or not to apply"
                    );
                    return Err(ConfError::semantic(file, &line.outcome, message));
                }
            };
            let reason = line.reason.value.trim().to_owned();
            if reason.is_empty() {
                let message = format!("`{id}` is expected without a reason");
                return Err(ConfError::semantic(file, &line.reason, message));
            }
            if all
                .insert(id.clone(), Expected { outcome, reason })
                .is_some()
            {
                let message = format!("`{id}` is expected twice");
                return Err(ConfError::semantic(file, &line.check, message));
            }
        }
        Ok(Self(all))
    }

    /// How the report of a run with `options` differs, a line each, in the
    /// report's order. Of checks that the options leave out nothing is expected.
    pub(crate) fn differences(&self, report: &ConformanceReport, options: &Options) -> Vec<String> {
        self.among(report, &asked_for(options))
    }

    fn among(&self, report: &ConformanceReport, asked: &BTreeSet<&str>) -> Vec<String> {
        let checks = report.checks.iter();
        checks
            .filter(|check| asked.contains(check.id.as_str()))
            .filter_map(|check| {
                let found = name(check.outcome);
                match self.0.get(&check.id) {
                    Some(expected) if expected.outcome != check.outcome => Some(format!(
                        "{}: {found}, but expected is {} ({})",
                        check.id,
                        name(expected.outcome),
                        expected.reason
                    )),
                    None if is_finding(check.outcome) => Some(format!(
                        "{}: {found}, but expected is pass or not-applicable",
                        check.id
                    )),
                    _ => None,
                }
            })
            .collect()
    }
}

/// The checks that the options do not leave out.
fn asked_for(options: &Options) -> BTreeSet<&'static str> {
    let checks = catalogue().filter(|check| {
        let is_quick_enough = !options.quick || check.cost == Cost::Quick;
        is_quick_enough && options.picks(check.id) && !options.skip.contains_key(check.id)
    });
    checks.map(|check| check.id).collect()
}

const fn is_finding(outcome: CheckOutcome) -> bool {
    matches!(outcome, CheckOutcome::Fail | CheckOutcome::Inconclusive)
}

const fn name(outcome: CheckOutcome) -> &'static str {
    match outcome {
        CheckOutcome::Pass => "pass",
        CheckOutcome::Fail => "fail",
        CheckOutcome::NotApplicable => "not-applicable",
        CheckOutcome::Inconclusive => "inconclusive",
    }
}

#[cfg(test)]
mod tests {
    use authbench_results::{CheckReport, ConformanceTarget, ConformanceVersion, Level, Severity};

    use super::*;

    const KNOWN: [&str; 4] = ["COOKIE-001", "COOKIE-004", "CSRF-001", "JWT-001"];

    fn expectation(text: &str) -> Result<Expectation, String> {
        let parsed = Expectation::parse(Path::new("e.toml"), text, &KNOWN);
        parsed.map_err(|error| error.to_string())
    }

    fn entry(check: &str, outcome: &str) -> String {
        format!("[[expected]]\ncheck = \"{check}\"\noutcome = \"{outcome}\"\nreason = \"so\"\n")
    }

    fn report(outcomes: [CheckOutcome; 4]) -> ConformanceReport {
        let check = |(id, outcome): (&str, CheckOutcome)| CheckReport {
            id: id.to_owned(),
            statement: String::new(),
            level: Level::Must,
            severity: Severity::High,
            clauses: Vec::new(),
            cwe: Vec::new(),
            mend: String::new(),
            outcome,
            reason: None,
            cases: Vec::new(),
            notes: Vec::new(),
            measured: Vec::new(),
            accepted: None,
            duration_ms: 0,
            requests: 0,
        };
        ConformanceReport {
            schema: ConformanceVersion::V1,
            target: ConformanceTarget {
                name: "t".to_owned(),
                families: Vec::new(),
                base_urls: Vec::new(),
                profile: None,
            },
            tool_version: "0".to_owned(),
            started_at: String::new(),
            duration_ms: 0,
            seed: 0,
            requests: 0,
            checks: KNOWN.into_iter().zip(outcomes).map(check).collect(),
        }
    }

    #[test]
    fn what_is_listed_must_be_and_nothing_else_may() {
        use CheckOutcome::{Fail, Inconclusive, NotApplicable, Pass};
        let text = entry("COOKIE-001", "fail") + &entry("COOKIE-004", "inconclusive");
        let expectation = expectation(&text).unwrap();
        let asked = BTreeSet::from(KNOWN);
        let of = |outcomes| expectation.among(&report(outcomes), &asked);
        assert!(of([Fail, Inconclusive, NotApplicable, Pass]).is_empty());
        assert_eq!(
            of([Pass, Fail, Inconclusive, Fail]),
            [
                "COOKIE-001: pass, but expected is fail (so)",
                "COOKIE-004: fail, but expected is inconclusive (so)",
                "CSRF-001: inconclusive, but expected is pass or not-applicable",
                "JWT-001: fail, but expected is pass or not-applicable",
            ]
        );
        assert_eq!(of([NotApplicable, Inconclusive, Pass, Pass]).len(), 1);
        // A check that was left out on demand is no difference.
        let asked = BTreeSet::from(["COOKIE-004", "JWT-001"]);
        let found = report([NotApplicable, Inconclusive, Pass, Pass]);
        assert!(expectation.among(&found, &asked).is_empty());
    }

    #[test]
    fn faults_are_told_with_their_place() {
        for (text, place, told) in [
            (entry("COOKIE-003", "fail"), "e.toml:2:", "COOKIE-00"),
            (entry("COOKIE-001", "pass"), "e.toml:3:", "`inconclusive`"),
            (
                entry("COOKIE-001", "fail").replace("\"so\"", "\" \""),
                "e.toml:4:",
                "without a reason",
            ),
            (entry("JWT-001", "fail").repeat(2), "e.toml:6:", "twice"),
        ] {
            let message = expectation(&text).unwrap_err();
            assert!(
                message.starts_with(place) && message.contains(told),
                "{message}"
            );
        }
    }
}
