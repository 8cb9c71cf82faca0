//! Findings that somebody accepts for a time.

use std::collections::BTreeMap;
use std::path::Path;

use authbench_conf::{ConfError, Located};
use authbench_results::{Accepted, CheckOutcome, ConformanceReport};
use jiff::civil::Date;
use serde::Deserialize;

/// The accepted findings of one file.
#[derive(Debug)]
pub(crate) struct Baseline {
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    reason: String,
    /// The last day on which it counts.
    until: Date,
}

/// What a baseline did to a report.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Applied {
    /// Entries that no longer count, with their last day.
    pub(crate) expired: Vec<(String, Date)>,
    /// Entries whose check was made and found nothing.
    pub(crate) unneeded: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    accepted: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    check: Located<String>,
    reason: Located<String>,
    until: Located<String>,
}

impl Baseline {
    /// Reads a baseline; `known` are the identifiers that there are.
    ///
    /// # Errors
    /// [`ConfError`] with file, line and the nearest identifier.
    pub(crate) fn read(file: &Path, known: &[&str]) -> Result<Self, ConfError> {
        Self::parse(file, &authbench_conf::read_text(file)?, known)
    }

    fn parse(file: &Path, text: &str, known: &[&str]) -> Result<Self, ConfError> {
        let lines = authbench_conf::parse::<File>(file, text)?.accepted;
        let mut entries = BTreeMap::new();
        for line in lines {
            let id = line.check.value.clone();
            if !known.contains(&id.as_str()) {
                return Err(ConfError::unknown_name(file, &line.check, known));
            }
            let reason = line.reason.value.trim().to_owned();
            if reason.is_empty() {
                let message = format!("`{id}` is accepted without a reason");
                return Err(ConfError::semantic(file, &line.reason, message));
            }
            let until = line.until.value.parse::<Date>().map_err(|_| {
                let message = format!(
                    "`{}` is no day such as 2027-03-31: every acceptance ends",
                    line.until.value
                );
                ConfError::semantic(file, &line.until, message)
            })?;
            if entries
                .insert(id.clone(), Entry { reason, until })
                .is_some()
            {
                let message = format!("`{id}` is accepted twice");
                return Err(ConfError::semantic(file, &line.check, message));
            }
        }
        Ok(Self { entries })
    }

    /// Marks what is accepted on `today`, and says which entries are of no use.
    pub(crate) fn apply(&self, report: &mut ConformanceReport, today: Date) -> Applied {
        let mut applied = Applied::default();
        for check in &mut report.checks {
            let Some(entry) = self.entries.get(&check.id) else {
                continue;
            };
            let found = matches!(
                check.outcome,
                CheckOutcome::Fail | CheckOutcome::Inconclusive
            );
            if entry.until < today {
                applied.expired.push((check.id.clone(), entry.until));
            } else if found {
                check.accepted = Some(Accepted {
                    reason: entry.reason.clone(),
                    until: Some(entry.until.to_string()),
                });
            } else if check.accepted.is_none() {
                applied.unneeded.push(check.id.clone());
            }
        }
        applied
    }
}

impl Applied {
    /// What to tell, a line each.
    pub(crate) fn remarks(&self, file: &Path) -> Vec<String> {
        let file = file.display();
        let expired = self.expired.iter().map(|(id, day)| {
            format!(
                "{file}: `{id}` was accepted until {day} and counts again; mend it, or decide anew"
            )
        });
        let unneeded = self
            .unneeded
            .iter()
            .map(|id| format!("{file}: `{id}` finds nothing any more; remove its entry"));
        expired.chain(unneeded).collect()
    }
}

#[cfg(test)]
mod tests {
    use authbench_results::{CheckReport, ConformanceTarget, ConformanceVersion, Level, Severity};
    use jiff::civil::date;

    use super::*;

    const KNOWN: [&str; 3] = ["COOKIE-001", "COOKIE-004", "JWT-001"];

    fn baseline(text: &str) -> Result<Baseline, String> {
        let parsed = Baseline::parse(Path::new("b.toml"), text, &KNOWN);
        parsed.map_err(|error| error.to_string())
    }

    fn entry(check: &str, until: &str) -> String {
        format!("[[accepted]]\ncheck = \"{check}\"\nreason = \"no TLS yet\"\nuntil = {until}\n")
    }

    fn report(outcomes: [CheckOutcome; 3]) -> ConformanceReport {
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
    fn an_entry_counts_through_its_last_day_and_no_longer() {
        use CheckOutcome::{Fail, Pass};
        let baseline = baseline(&entry("COOKIE-004", "2027-03-31")).unwrap();
        let mut found = report([Pass, Fail, Fail]);
        let applied = baseline.apply(&mut found, date(2027, 3, 31));
        assert_eq!(applied, Applied::default());
        let accepted: Vec<bool> = found.checks.iter().map(|c| c.accepted.is_some()).collect();
        assert_eq!(accepted, [false, true, false]);

        let mut found = report([Pass, Fail, Fail]);
        let applied = baseline.apply(&mut found, date(2027, 4, 1));
        assert!(found.checks[1].accepted.is_none());
        assert_eq!(
            applied.expired,
            [("COOKIE-004".to_owned(), date(2027, 3, 31))]
        );
        assert!(applied.remarks(Path::new("b.toml"))[0].contains("2027-03-31"));
    }

    #[test]
    fn an_entry_that_nothing_needs_is_named_unless_its_check_was_not_made() {
        use CheckOutcome::{Inconclusive, NotApplicable, Pass};
        let text = entry("COOKIE-001", "2030-01-01") + &entry("JWT-001", "\"2030-01-01\"");
        let baseline = baseline(&text).unwrap();
        let mut found = report([Inconclusive, Pass, NotApplicable]);
        let applied = baseline.apply(&mut found, date(2027, 1, 1));
        assert!(found.checks[0].accepted.is_some());
        assert_eq!(applied.unneeded, ["JWT-001"]);
        let mut narrowed = report([Pass, Pass, Pass]);
        narrowed.checks.truncate(2);
        let applied = baseline.apply(&mut narrowed, date(2027, 1, 1));
        assert_eq!(applied.unneeded, ["COOKIE-001"]);
    }

    #[test]
    fn faults_are_told_with_their_place_and_the_nearest_identifier() {
        for (text, place, told) in [
            (entry("COOKIE-003", "2027-01-01"), "b.toml:2:", "COOKIE-00"),
            (entry("COOKIE-004", "\"soon\""), "b.toml:4:", "2027-03-31"),
            (
                entry("COOKIE-004", "2027-01-01").replace("no TLS yet", " "),
                "b.toml:3:",
                "without a reason",
            ),
            (
                entry("JWT-001", "2027-01-01").repeat(2),
                "b.toml:6:",
                "twice",
            ),
            (
                "[[accepted]]\ncheck = \"JWT-001\"\nreason = \"r\"\n".to_owned(),
                "b.toml:",
                "until",
            ),
        ] {
            let message = baseline(&text).unwrap_err();
            assert!(
                message.starts_with(place) && message.contains(told),
                "{message}"
            );
        }
    }
}
