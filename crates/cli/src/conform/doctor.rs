//! Does a profile fit its target? Each operation is tried once, with a login of
//! its own.

mod lines;
mod reading;
mod steps;

use anyhow::Result;
use authbench_conformance::{Options, Probe, RunError, Target};
use serde::Serialize;

use self::lines::Lines;
use crate::exit::Outcome;
use crate::term::{self, Format};

/// What became of one operation.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    /// What was tried, in the words of the profile.
    pub(crate) operation: String,
    /// The status of the answer, if there was one.
    pub(crate) status: Option<u16>,
    /// How it went.
    pub(crate) health: Health,
    /// What was seen.
    pub(crate) seen: Vec<String>,
    /// What to change in the profile, and where.
    pub(crate) advice: Vec<String>,
}

/// How a trial of one operation went.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Health {
    /// As the profile says.
    Fits,
    /// The profile says that there is no such operation.
    Absent,
    /// It could not be tried, because something before it failed.
    Untried,
    /// Not as the profile says.
    Wrong,
}

impl Health {
    const fn label(self) -> &'static str {
        match self {
            Self::Fits => "fits",
            Self::Absent => "absent",
            Self::Untried => "not tried",
            Self::Wrong => "WRONG",
        }
    }
}

/// Tries every operation that the profile maps, in an order in which none
/// spoils another.
///
/// # Errors
/// [`RunError`] when the target does not answer at all.
pub(crate) async fn examine(target: &Target) -> Result<Vec<Finding>, RunError> {
    let lines = Lines::of(target);
    let probe = Probe::new(target.clone(), Options::default())?;
    let trial = probe.trial();
    steps::all(&trial, &lines).await.map_err(RunError::Unfit)
}

/// Prints what was found; bad if anything is wrong.
///
/// # Errors
/// When standard output cannot be written.
pub(crate) fn show(findings: &[Finding], format: Format) -> Result<Outcome> {
    if format == Format::Json {
        term::say(serde_json::to_string_pretty(findings)?)?;
    } else {
        let header = ["operation", "", "status", "what was seen", "what to change"];
        let rows = findings.iter().map(|one| {
            vec![
                one.operation.clone(),
                one.health.label().to_owned(),
                one.status.map_or_else(String::new, |it| it.to_string()),
                tame(&one.seen.join("\n"), format),
                tame(&one.advice.join("\n"), format),
            ]
        });
        term::say(term::table(format, header.len(), &header, rows))?;
    }
    let wrong = findings.iter().filter(|one| one.health == Health::Wrong);
    Ok(match wrong.count() {
        0 => Outcome::Good,
        _ => Outcome::Bad,
    })
}

/// A stranger's words without what a terminal or a Markdown table would obey.
fn tame(text: &str, format: Format) -> String {
    let mut tamed = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' if format == Format::Md => tamed.push_str("; "),
            '\n' => tamed.push(c),
            '|' | '<' | '`' | '\\' if format == Format::Md => tamed.extend(['\\', c]),
            c if c.is_control() => tamed.extend(c.escape_default()),
            c => tamed.push(c),
        }
    }
    tamed
}
