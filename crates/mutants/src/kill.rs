//! The kill table: which check finds which flaw.

use std::time::Duration;

use authbench_conformance::{Options, RunError, Target, TargetError, TargetOptions, run};
use authbench_results::{CheckOutcome, ConformanceReport};

use crate::flaw::Flaw;
use crate::kind::Kind;
use crate::specimen::{Specimen, SpecimenError};

/// What became of one flaw.
#[derive(Clone, Debug)]
pub struct KillRow {
    /// Which flaw.
    pub flaw: &'static Flaw,
    /// The checks that failed.
    pub failed: Vec<String>,
    /// The checks that could not tell.
    pub unclear: Vec<String>,
    /// The run itself.
    pub report: ConformanceReport,
}

/// A row could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KillError {
    /// The specimen did not start.
    #[error(transparent)]
    Specimen(#[from] SpecimenError),
    /// The specimen's profile describes no target.
    #[error("the specimen is no target")]
    Target(#[from] TargetError),
    /// The run did not begin.
    #[error("the checks could not begin")]
    Run(#[from] RunError),
}

impl KillRow {
    /// Whether the check that the flaw names failed.
    #[must_use]
    pub fn is_caught(&self) -> bool {
        self.failed.iter().any(|id| id == self.flaw.caught_by)
    }

    /// The checks that failed, or could not tell, though they should pass: the
    /// flaw is wider than it says, or a check looks at more than its rule.
    #[must_use]
    pub fn strays(&self) -> Vec<&str> {
        let flaw = self.flaw;
        let expected = |id: &str| id == flaw.caught_by || flaw.also.contains(&id);
        let all = self.failed.iter().chain(&self.unclear);
        all.map(String::as_str).filter(|id| !expected(id)).collect()
    }

    /// Whether the flaw is caught by its check, and by no other that is not
    /// named beside it.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.is_caught() && self.strays().is_empty()
    }
}

/// The bounds of a run for the kill table: fewer samples and rounds than
/// against a stranger, since every flaw stands in the open.
#[must_use]
pub fn options(only: &[&str]) -> Options {
    Options {
        only: only.iter().map(|&id| id.to_owned()).collect(),
        samples: 600,
        rounds: 4,
        racers: 8,
        max_wait: Duration::from_secs(5),
        ..Options::default()
    }
}

/// Runs the checks `only` (all if empty) over a specimen without a flaw.
///
/// # Errors
/// [`KillError`] when the specimen or the run cannot begin.
pub async fn sound(kind: Kind, only: &[&str]) -> Result<ConformanceReport, KillError> {
    tried(kind, &[], only).await
}

/// Runs the checks `only` (all if empty) over the specimen with one flaw.
///
/// # Errors
/// [`KillError`] when the specimen or the run cannot begin.
pub async fn kill(flaw: &'static Flaw, only: &[&str]) -> Result<KillRow, KillError> {
    let report = tried(flaw.kind, &[flaw.id], only).await?;
    let of = |outcome| {
        let checks = report.checks.iter();
        checks
            .filter(|check| check.outcome == outcome)
            .map(|check| check.id.clone())
            .collect()
    };
    Ok(KillRow {
        flaw,
        failed: of(CheckOutcome::Fail),
        unclear: of(CheckOutcome::Inconclusive),
        report,
    })
}

async fn tried(
    kind: Kind,
    flaws: &[&'static str],
    only: &[&str],
) -> Result<ConformanceReport, KillError> {
    let specimen = Specimen::start(kind, flaws).await?;
    let trust = TargetOptions {
        certificate_der: specimen.certificate_der().map(<[u8]>::to_vec),
        ..TargetOptions::default()
    };
    let target = Target::new(specimen.profile()?, specimen.hooks(), trust)?;
    let target = target.judged_by(specimen.verifier());
    Ok(run(&target, &options(only), &mut |_| {}).await?)
}

/// What a test says of a report that is not all PASS / NOT-APPLICABLE; empty if
/// it is.
#[must_use]
pub fn complaints(report: &ConformanceReport) -> String {
    let mut text = String::new();
    for check in &report.checks {
        if matches!(
            check.outcome,
            CheckOutcome::Pass | CheckOutcome::NotApplicable
        ) {
            continue;
        }
        let reason = check.reason.as_deref().unwrap_or("");
        text.push_str(&format!(
            "{} {}: {reason}\n",
            check.id,
            check.outcome.label()
        ));
        for case in &check.cases {
            if case.outcome != CheckOutcome::Pass && case.outcome != CheckOutcome::NotApplicable {
                text.push_str(&format!("   {}: {}\n", case.name, case.detail));
                for evidence in &case.evidence {
                    text.push_str(&format!("{}\n-> {}\n", evidence.sent, evidence.received));
                }
            }
        }
    }
    text
}
