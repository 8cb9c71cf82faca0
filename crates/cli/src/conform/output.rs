//! The report in the wanted forms, to the wanted places.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use authbench_report::conformance::{self, Open, Standing, TextOptions, Totals};
use authbench_results::ConformanceReport;

use crate::exit::Outcome;

/// A form of the report.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Form {
    /// For people, on a terminal.
    #[default]
    Table,
    /// The whole report (`authbench.conformance/1`).
    Json,
    /// Markdown.
    Md,
    /// JUnit XML, for test runners.
    Junit,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// One self-contained page.
    Html,
}

/// What makes a run bad.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum FailOn {
    /// A failed MUST.
    #[default]
    Must,
    /// A failed SHOULD as well.
    Should,
    /// A check that could not tell as well.
    Inconclusive,
}

impl FailOn {
    /// What the report means for the exit code. Accepted findings do not count.
    pub(crate) fn outcome(self, report: &ConformanceReport) -> Outcome {
        let counted: &[Standing] = match self {
            Self::Must => &[Standing::FailedMust],
            Self::Should => &[Standing::FailedMust, Standing::FailedShould],
            Self::Inconclusive => &[
                Standing::FailedMust,
                Standing::FailedShould,
                Standing::Inconclusive,
            ],
        };
        let totals = Totals::of(report);
        let bad = counted.iter().any(|standing| totals.count(*standing) > 0);
        if bad { Outcome::Bad } else { Outcome::Good }
    }
}

/// Where one form of the report goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Order {
    /// Which form.
    pub(crate) form: Form,
    /// The file; standard output if none.
    pub(crate) file: Option<PathBuf>,
}

/// How forms are made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style {
    /// Everything there is, on a terminal.
    pub(crate) verbose: bool,
    /// Colours, on a terminal.
    pub(crate) colours: bool,
    /// What makes a run bad: JUnit must not contradict the exit code.
    pub(crate) fail_on: FailOn,
}

/// The report in one form, ending in a line feed.
///
/// # Errors
/// When a library refuses to write it.
pub(crate) fn form(report: &ConformanceReport, form: Form, style: Style) -> Result<String> {
    let mut text = match form {
        Form::Table => conformance::text(
            report,
            TextOptions {
                colours: style.colours,
                verbose: style.verbose,
            },
        ),
        Form::Json => serde_json::to_string_pretty(report)?,
        Form::Md => conformance::markdown(report),
        Form::Junit => conformance::junit(
            report,
            match style.fail_on {
                FailOn::Inconclusive => Open::Error,
                FailOn::Must | FailOn::Should => Open::Skipped,
            },
        )?,
        Form::Sarif => conformance::sarif(report)?,
        Form::Html => conformance::page(report),
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// Writes every ordered form; files first, so that a reader of standard output
/// finds them written.
///
/// # Errors
/// When a form cannot be made or written.
pub(crate) fn write(report: &ConformanceReport, orders: &[Order], style: Style) -> Result<()> {
    for order in orders {
        if let Some(file) = &order.file {
            let plain = Style {
                colours: false,
                ..style
            };
            put(file, &form(report, order.form, plain)?)?;
        }
    }
    for order in orders.iter().filter(|order| order.file.is_none()) {
        crate::term::say(form(report, order.form, style)?.trim_end())?;
    }
    Ok(())
}

/// Writes a file, and the folders that it is to stand in.
fn put(file: &Path, text: &str) -> Result<()> {
    let written = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => std::fs::create_dir_all(folder),
        _ => Ok(()),
    };
    written
        .and_then(|()| std::fs::write(file, text))
        .with_context(|| format!("`{}` cannot be written", file.display()))
}
