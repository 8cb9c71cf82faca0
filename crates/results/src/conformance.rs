//! What the conformance checks found out about one target, as a versioned
//! file: `authbench.conformance/1`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::Conformance;

/// One conformance run against one target.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ConformanceReport {
    /// The version of this form.
    pub schema: ConformanceVersion,
    /// What was tried.
    pub target: ConformanceTarget,
    /// The tool's version.
    pub tool_version: String,
    /// When the run began (RFC 3339, UTC).
    pub started_at: String,
    /// How long it took, milliseconds.
    pub duration_ms: u64,
    /// What random choices began with; the same seed makes the same choices.
    pub seed: u64,
    /// How many requests were sent.
    pub requests: u64,
    /// The checks in the catalogue's order.
    pub checks: Vec<CheckReport>,
}

/// The version of a conformance file.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ConformanceVersion {
    /// The first version.
    #[serde(rename = "authbench.conformance/1")]
    V1,
}

impl ConformanceVersion {
    /// The name that stands in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1 => "authbench.conformance/1",
        }
    }
}

/// The server that was tried.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ConformanceTarget {
    /// The profile's name.
    pub name: String,
    /// The kinds of strategy that the profile says it is.
    pub families: Vec<String>,
    /// Scheme, host and port of each replica, the first one first.
    pub base_urls: Vec<String>,
    /// The file that describes it (SARIF points there).
    pub profile: Option<String>,
}

/// The verdict of a check, or of one case of it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckOutcome {
    /// The target does what the rule demands.
    Pass,
    /// It does not.
    Fail,
    /// The rule is not about this target, or what the check needs is not there:
    /// never counted as passed.
    NotApplicable,
    /// The check ran and could not tell.
    Inconclusive,
}

/// How binding a rule is (RFC 2119).
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Always.
    Must,
    /// Unless there is a good reason.
    Should,
}

/// How bad a breach is, the worst first.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Anybody can be anybody.
    Critical,
    /// An account can be taken over under likely conditions.
    High,
    /// It helps an attacker.
    Medium,
    /// It is untidy.
    Low,
}

/// One check and its verdict.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CheckReport {
    /// Its stable identifier, e.g. `COOKIE-001`.
    pub id: String,
    /// The rule in one sentence.
    pub statement: String,
    /// How binding the rule is.
    pub level: Level,
    /// How bad a breach is.
    pub severity: Severity,
    /// The clauses that the rule comes from.
    pub clauses: Vec<String>,
    /// The weaknesses that a breach is (MITRE CWE).
    pub cwe: Vec<u16>,
    /// How to mend a breach.
    pub mend: String,
    /// The worst of its cases: a failure, then what could not be told, then a
    /// pass; not applicable only if all cases are.
    pub outcome: CheckOutcome,
    /// Why it does not apply or could not tell, and which field or hook of the
    /// profile would let it run; null otherwise.
    pub reason: Option<String>,
    /// Its cases in the order in which they ran.
    pub cases: Vec<CaseReport>,
    /// What is worth knowing though it is no verdict: a measured number, a
    /// weakness that the profile declares.
    pub notes: Vec<String>,
    /// Figures that were measured, with their units in their names.
    pub measured: Vec<Measured>,
    /// Who accepted this finding, why and until when; null if nobody did.
    pub accepted: Option<Accepted>,
    /// How long it took, milliseconds.
    pub duration_ms: u64,
    /// How many requests it sent.
    pub requests: u64,
}

/// One case of a check.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CaseReport {
    /// Its name, unique within the check.
    pub name: String,
    /// Its verdict.
    pub outcome: CheckOutcome,
    /// What was seen, in one sentence.
    pub detail: String,
    /// What was sent and what came back, secrets masked.
    pub evidence: Vec<Evidence>,
}

/// One request and its answer, secrets masked.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The request: line, headers and body.
    pub sent: String,
    /// The answer: status, headers and body; or why there is none.
    pub received: String,
}

/// One measured figure.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// Its name with its unit, e.g. `revocation_delay_ms_p99`.
    pub name: String,
    /// Its value.
    pub value: f64,
}

/// A finding that somebody accepts for a time.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// Why.
    pub reason: String,
    /// The last day on which it counts (ISO 8601); null for a skip of this run.
    pub until: Option<String>,
}

impl ConformanceReport {
    /// The verdict in short, as results of load runs keep it. Findings that are
    /// accepted still count as failed.
    #[must_use]
    pub fn summary(&self) -> Conformance {
        let count = |outcome| {
            let found = self.checks.iter().filter(|check| check.outcome == outcome);
            u32::try_from(found.count()).unwrap_or(u32::MAX)
        };
        let failed = self.checks.iter();
        Conformance {
            passed: count(CheckOutcome::Pass),
            failed: failed
                .filter(|check| check.outcome == CheckOutcome::Fail)
                .map(|check| check.id.clone())
                .collect(),
            not_applicable: count(CheckOutcome::NotApplicable),
        }
    }
}

impl CheckOutcome {
    /// The worst of `outcomes`: a failure, then what could not be told, then a
    /// pass; not applicable if there is nothing else.
    #[must_use]
    pub fn worst(outcomes: impl IntoIterator<Item = Self>) -> Self {
        let rank = |outcome: &Self| match outcome {
            Self::Fail => 3,
            Self::Inconclusive => 2,
            Self::Pass => 1,
            Self::NotApplicable => 0,
        };
        let worst = outcomes.into_iter().max_by_key(rank);
        worst.unwrap_or(Self::NotApplicable)
    }

    /// As it stands in reports.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::NotApplicable => "NOT-APPLICABLE",
            Self::Inconclusive => "INCONCLUSIVE",
        }
    }
}

impl Level {
    /// As it stands in reports.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
        }
    }
}

impl Severity {
    /// As it stands in reports.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CheckOutcome::{Fail, Inconclusive, NotApplicable, Pass};
    use super::*;

    #[test]
    fn one_bad_case_spoils_a_check() {
        assert_eq!(CheckOutcome::worst([]), NotApplicable);
        assert_eq!(CheckOutcome::worst([NotApplicable, Pass]), Pass);
        assert_eq!(CheckOutcome::worst([Pass, Inconclusive]), Inconclusive);
        assert_eq!(CheckOutcome::worst([Inconclusive, Fail, Pass]), Fail);
    }
}
