//! What a run prints in the end: one table, three sentences, two paths.

use std::path::{Path, PathBuf};

use anyhow::Result;
use authbench_report::{SummaryRow, page, sentences, summary};
use authbench_results::store::Saved;
use authbench_results::{ArrivalProcess, OutageBehaviour, RunResult};

use crate::exit::Outcome;
use crate::term::{self, Format};

/// Shows `result`, writes its page beside its file, and says how the run ended.
pub(crate) fn result(result: &RunResult, saved: &Saved, format: Format) -> Result<Outcome> {
    if let Some(why) = &saved.rescued_from {
        eprintln!("warning: {:#}", Chain(why));
        eprintln!(
            "warning: the result was written to {} instead",
            saved.path.display()
        );
    }
    let html = write_page(result, &saved.path);
    if format == Format::Json {
        term::say(serde_json::to_string_pretty(result)?)?;
    } else {
        print(result, format)?;
        term::say(format!("result  {}", saved.path.display()))?;
        if let Some(html) = &html {
            term::say(format!("report  {}", html.display()))?;
        }
    }
    Ok(outcome(result))
}

fn print(result: &RunResult, format: Format) -> Result<()> {
    let rows = summary(result);
    let mut header = vec!["strategy".to_owned()];
    header.extend(SummaryRow::COLUMNS.iter().map(|column| {
        if column.heading.is_empty() {
            column.group.to_owned()
        } else {
            // A heading of two lines is no Markdown.
            let between = if format == Format::Md { ' ' } else { '\n' };
            format!("{}{between}{}", column.group, column.heading)
        }
    }));
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let lines = rows.iter().map(|row| {
        let name = if row.failures.is_empty() {
            row.strategy.clone()
        } else {
            format!("{} (FAILED)", row.strategy)
        };
        let figures = row.figures().into_iter().map(|figure| figure.marked());
        std::iter::once(name).chain(figures).collect()
    });
    term::say(term::table(format, 1, &header, lines))?;
    if let (Some(row), Some(cell)) = (rows.first(), result.cells.first()) {
        let process = match cell.load.process {
            ArrivalProcess::Constant => "evenly spaced",
            ArrivalProcess::Poisson => "Poisson",
            ArrivalProcess::Replay => "replayed",
            ArrivalProcess::Closed => "closed loop",
        };
        term::say(format!(
            "authenticate and wire at {}, {process} arrivals, times from the intended instant; server at saturation",
            row.load
        ))?;
    }
    for row in &rows {
        for failure in &row.failures {
            term::say(format!("! {}: {failure}", row.strategy))?;
        }
        for remark in row.remarks() {
            term::say(format!("? {}: {remark}", row.strategy))?;
        }
    }
    term::say("")?;
    for sentence in sentences(result) {
        term::say(sentence)?;
    }
    term::say("")?;
    for warning in &result.run.warnings {
        term::say(format!("note: {warning}"))?;
    }
    for strategy in &result.strategies {
        if strategy.guarantees.outage == OutageBehaviour::FailsOpen {
            let text = format!(
                "{} FAILS OPEN: while its store is out of reach, revoked logins pass",
                strategy.strategy
            );
            term::say(term::paint(&text))?;
        }
    }
    for left_out in &result.skipped {
        term::say(format!(
            "left out: {}: {}",
            left_out.strategy, left_out.reason
        ))?;
    }
    if result.run.interrupted {
        term::say("interrupted: this is what had been measured")?;
    }
    Ok(())
}

/// The page is a rendering of the result, so its loss loses nothing.
fn write_page(result: &RunResult, json: &Path) -> Option<PathBuf> {
    let path = json.with_extension("html");
    match std::fs::write(&path, page(result)) {
        Ok(()) => Some(path),
        Err(error) => {
            eprintln!("warning: no report at {}: {error}", path.display());
            None
        }
    }
}

/// Bad if anything failed, not measured if anything is missing.
fn outcome(result: &RunResult) -> Outcome {
    if summary(result).iter().any(|row| !row.failures.is_empty()) {
        return Outcome::Bad;
    }
    let is_whole = result
        .strategies
        .iter()
        .all(|facts| facts.incomplete.is_none());
    if result.cells.is_empty()
        || result.run.interrupted
        || result.skipped.iter().any(|left_out| !left_out.optional)
        || !is_whole
    {
        Outcome::NotMeasured
    } else {
        Outcome::Good
    }
}

/// An error with its causes in one line.
struct Chain<'e>(&'e dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
