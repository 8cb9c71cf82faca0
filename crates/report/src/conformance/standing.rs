//! What a check means for its reader, and what is read first.

use authbench_results::{CheckOutcome, CheckReport, ConformanceReport, Level};

/// What a check means for its reader, the worst first.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Standing {
    /// A rule that always binds is broken.
    FailedMust,
    /// A rule that binds without a good reason to the contrary is broken.
    FailedShould,
    /// The check ran and could not tell.
    Inconclusive,
    /// It failed or could not tell, and somebody answers for that.
    Accepted,
    /// The rule is not about this target, or what the check needs is missing.
    NotApplicable,
    /// The target does what the rule demands.
    Passed,
}

impl Standing {
    /// All of them, the worst first.
    pub const ALL: [Self; 6] = [
        Self::FailedMust,
        Self::FailedShould,
        Self::Inconclusive,
        Self::Accepted,
        Self::NotApplicable,
        Self::Passed,
    ];

    /// That of one check. Only a failure and an open verdict can be accepted.
    #[must_use]
    pub const fn of(check: &CheckReport) -> Self {
        match check.outcome {
            CheckOutcome::Pass => Self::Passed,
            CheckOutcome::NotApplicable => Self::NotApplicable,
            CheckOutcome::Fail | CheckOutcome::Inconclusive if check.accepted.is_some() => {
                Self::Accepted
            }
            CheckOutcome::Inconclusive => Self::Inconclusive,
            CheckOutcome::Fail => match check.level {
                Level::Must => Self::FailedMust,
                Level::Should => Self::FailedShould,
            },
        }
    }

    /// In a line of counts.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::FailedMust => "MUST failed",
            Self::FailedShould => "SHOULD failed",
            Self::Inconclusive => "inconclusive",
            Self::Accepted => "accepted",
            Self::NotApplicable => "not applicable",
            Self::Passed => "passed",
        }
    }
}

/// How many checks have each standing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Totals([usize; Standing::ALL.len()]);

impl Totals {
    /// Those of a report.
    #[must_use]
    pub fn of(report: &ConformanceReport) -> Self {
        let mut totals = Self::default();
        for check in &report.checks {
            totals.0[Standing::of(check) as usize] += 1;
        }
        totals
    }

    /// How many checks have this standing.
    #[must_use]
    pub const fn count(&self, standing: Standing) -> usize {
        self.0[standing as usize]
    }
}

/// The checks, the worst first: by standing, then level, then severity, then in
/// the catalogue's order.
#[must_use]
pub fn worst_first(report: &ConformanceReport) -> Vec<(Standing, &CheckReport)> {
    let mut checks: Vec<_> = report
        .checks
        .iter()
        .map(|check| (Standing::of(check), check))
        .collect();
    checks.sort_by_key(|(standing, check)| (*standing, check.level, check.severity));
    checks
}
