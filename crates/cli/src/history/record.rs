//! Which documents may enter a history, and at which commit they stand.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use authbench_results::{
    Baseline, BaselineVersion, GatePurpose, GateReport, GateVersion, Invalid, RunResult,
    SchemaVersion, Source, document,
};
use jiff::Timestamp;
use serde::Deserialize;

use crate::exit::UsageError;
use crate::history::figures::{self, Figures, Origin};

/// A document that holds figures.
pub(crate) enum Document {
    Result(Box<RunResult>),
    Gate(Box<GateReport>),
    Baseline(Box<Baseline>),
}

/// How documents are taken.
pub(crate) struct Policy<'a> {
    /// Whether code that is in no commit may be recorded, marked as such.
    pub(crate) allow_dirty: bool,
    /// When a commit was made (RFC 3339, any offset), if that is known here.
    pub(crate) commit_date: &'a dyn Fn(&str) -> Option<String>,
}

/// A document's figures, and the machine in whose history they belong.
pub(crate) struct Taken {
    pub(crate) machine: String,
    pub(crate) commit: String,
    pub(crate) figures: Figures,
}

impl Document {
    /// Reads a file of any of the known kinds.
    ///
    /// # Errors
    /// [`UsageError`] when it cannot be read or is of another kind.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct Versioned {
            schema: String,
        }
        let shown = path.display();
        let json = fs::read(path)
            .with_context(|| UsageError(format!("`{shown}` cannot be read: give another file")))?;
        let Versioned { schema } = serde_json::from_slice(&json).with_context(|| {
            UsageError(format!(
                "`{shown}` is no document of authbench, or is damaged"
            ))
        })?;
        if schema == SchemaVersion::V1.name() {
            return Ok(Self::Result(Box::new(checked(path)?)));
        }
        if schema == GateVersion::V1.name() {
            return Ok(Self::Gate(Box::new(checked(path)?)));
        }
        if schema == BaselineVersion::V1.name() {
            return Ok(Self::Baseline(Box::new(checked(path)?)));
        }
        let message = format!(
            "`{shown}` has the schema \"{schema}\": results, gate reports and baselines are \
             recorded, nothing else"
        );
        Err(UsageError(message).into())
    }

    /// Its figures for the history; or why none may enter.
    pub(crate) fn take(&self, policy: &Policy<'_>) -> Result<Taken, String> {
        let (origin, figures) = match self {
            Self::Result(result) => {
                let origin = of_result(result, policy)?;
                let figures = figures::of_result(result, &origin);
                (origin, figures)
            }
            Self::Gate(report) => {
                let origin = of_gate(report, policy)?;
                let figures = figures::of_gate(report, &origin);
                (origin, figures)
            }
            Self::Baseline(baseline) => {
                let origin = of_baseline(baseline, policy)?;
                let figures = figures::of_baseline(baseline, &origin);
                (origin, figures)
            }
        };
        Ok(Taken {
            machine: origin.machine,
            commit: origin.commit,
            figures,
        })
    }
}

/// When `commit` was made, by the repository around the present folder.
pub(crate) fn commit_date(commit: &str) -> Option<String> {
    let output = Command::new("git")
        .args(["show", "-s", "--format=%cI", "--end-of-options", commit])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

fn checked<D: document::Document>(path: &Path) -> Result<D> {
    document::read(path)
        .with_context(|| UsageError(format!("`{}` cannot be recorded", path.display())))
}

fn of_result(result: &RunResult, policy: &Policy<'_>) -> Result<Origin, String> {
    let run = &result.run;
    not_retracted(run.invalid.as_ref())?;
    if run.shard.is_some() {
        return Err("it is one part of a run: put the parts together by `authbench merge`".into());
    }
    let machine = result.environment.short_fingerprint();
    origin(&result.source, machine, &run.started_at, &run.id, policy)
}

fn of_gate(report: &GateReport, policy: &Policy<'_>) -> Result<Origin, String> {
    let run = &report.run;
    not_retracted(run.invalid.as_ref())?;
    if run.purpose == GatePurpose::Inject || report.candidate.injected.is_some() {
        return Err("its candidate was slowed down on purpose".to_owned());
    }
    let Some(environment) = &report.environment else {
        return Err("it compared files: record those instead".to_owned());
    };
    let machine = environment.short_fingerprint();
    origin(
        &report.candidate.source,
        machine,
        &run.started_at,
        &run.id,
        policy,
    )
}

fn of_baseline(baseline: &Baseline, policy: &Policy<'_>) -> Result<Origin, String> {
    let Some(fingerprint) = &baseline.toolchain.fingerprint else {
        return Err("it names no machine: bless it anew".to_owned());
    };
    let machine = fingerprint.get(..12).unwrap_or(fingerprint);
    let run = format!("baseline-{}", baseline.blessed_at);
    origin(
        &baseline.source,
        machine,
        &baseline.blessed_at,
        &run,
        policy,
    )
}

fn not_retracted(invalid: Option<&Invalid>) -> Result<(), String> {
    invalid.map_or(Ok(()), |it| Err(format!("it is retracted: {}", it.reason)))
}

/// Where a document stands. A commit is claimed for a clean tree only; else it
/// bears the ending of `git describe --dirty`.
fn origin(
    source: &Source,
    machine: &str,
    measured_at: &str,
    run: &str,
    policy: &Policy<'_>,
) -> Result<Origin, String> {
    let commit = source.commit.as_deref().filter(|it| is_object_name(it));
    let Some(commit) = commit else {
        return Err(
            "its commit is not known: measure with a binary that was built from a checkout, in \
             that checkout"
                .to_owned(),
        );
    };
    if machine.is_empty() || !machine.bytes().all(|it| it.is_ascii_alphanumeric()) {
        return Err(format!("its machine has no fingerprint but \"{machine}\""));
    }
    let is_clean = source.dirty == Some(false);
    if !is_clean && !policy.allow_dirty {
        let state = match source.dirty {
            Some(_) => "its tree had changes that are in no commit",
            None => "it is not known whether its tree had changes that are in no commit",
        };
        return Err(format!(
            "{state}: commit and measure again, or say --allow-dirty"
        ));
    }
    let instant = |text: &str| text.parse::<Timestamp>().ok();
    let made_at = is_clean.then(|| (policy.commit_date)(commit)).flatten();
    let at = made_at
        .as_deref()
        .and_then(instant)
        .or_else(|| instant(measured_at))
        .ok_or_else(|| format!("\"{measured_at}\" is no instant of RFC 3339"))?;
    Ok(Origin {
        commit: if is_clean {
            commit.to_owned()
        } else {
            format!("{commit}-dirty")
        },
        at: at.to_string(),
        machine: machine.to_owned(),
        run: run.to_owned(),
    })
}

/// SHA-1 or SHA-256 in hexadecimal: nothing that git could take for an option.
fn is_object_name(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|octet| octet.is_ascii_hexdigit())
}
