//! What a run prints in the end: tables, sentences, two paths.

use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::Result;
use authbench_report::{
    Column, PointRow, SummaryRow, faults, is_varied, knees, page, points, sentences, summary,
};
use authbench_results::store::Saved;
use authbench_results::{ArrivalProcess, OutageBehaviour, RunResult};

use crate::exit::Outcome;
use crate::run::carrier::Carrier;
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
    print_summary(result, &rows, format)?;
    if is_varied(result) {
        print_points(result, format)?;
    }
    for line in knees(result).into_iter().chain(faults(result)) {
        term::say(line)?;
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
    print_notes(result)
}

/// One row a strategy.
fn print_summary(result: &RunResult, rows: &[SummaryRow], format: Format) -> Result<()> {
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let name = if row.failures.is_empty() {
                row.strategy.clone()
            } else {
                format!("{} (FAILED)", row.strategy)
            };
            let figures = row.figures().into_iter().map(|figure| figure.marked());
            std::iter::once(name).chain(figures).collect()
        })
        .collect();
    let names = ["strategy"].map(str::to_owned);
    tables(format, &names, &SummaryRow::COLUMNS, &lines)?;
    let (Some(first), Some(cell)) = (rows.first(), result.cells.first()) else {
        return Ok(());
    };
    if rows.iter().any(|row| row.load != first.load) {
        for row in rows {
            term::say(format!("{} at {}", row.strategy, row.load))?;
        }
        return term::say("the strategies have no load in common: their times do not compare");
    }
    let process = match cell.load.process {
        ArrivalProcess::Constant => "evenly spaced arrivals",
        ArrivalProcess::Poisson => "Poisson arrivals",
        ArrivalProcess::Replay => "replayed arrivals",
        ArrivalProcess::Closed => "closed loop",
    };
    let is_in_process = cell.load.engine.as_deref() == Some(Carrier::InProcess.label());
    let rest = if is_in_process {
        "strategies in the driver's process"
    } else {
        "server at saturation"
    };
    term::say(format!(
        "authenticate and wire at {}, {process}, times from the intended instant; {rest}",
        first.load
    ))
}

/// One row a measurement: a strategy in a phase, under a load.
fn print_points(result: &RunResult, format: Format) -> Result<()> {
    let rows = points(result);
    let in_phases = rows.iter().any(|row| row.phase.is_some());
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let phase = row.phase.clone().unwrap_or_else(|| "-".to_owned());
            let figures = row.figures.iter().map(|figure| figure.marked());
            [row.strategy.clone()]
                .into_iter()
                .chain(in_phases.then_some(phase))
                .chain([row.offered.clone()])
                .chain(figures)
                .collect()
        })
        .collect();
    let mut names = vec!["strategy".to_owned()];
    names.extend(in_phases.then(|| "phase".to_owned()));
    names.push("offered".to_owned());
    tables(format, &names, &PointRow::COLUMNS, &lines)
}

/// The rows as one table, or as several below one another where the terminal
/// is too narrow for one: each begins with `names`, and none wraps.
fn tables(
    format: Format,
    names: &[String],
    columns: &[Column],
    rows: &[Vec<String>],
) -> Result<()> {
    let headings = columns.iter().map(|column| {
        if column.heading.is_empty() {
            column.group.to_owned()
        } else {
            // A heading of two lines is no Markdown.
            let between = if format == Format::Md { ' ' } else { '\n' };
            format!("{}{between}{}", column.group, column.heading)
        }
    });
    let header: Vec<String> = names.iter().cloned().chain(headings).collect();
    let widths: Vec<usize> = (0..header.len())
        .map(|at| {
            let cells = rows.iter().filter_map(|row| row.get(at));
            let texts = cells.chain([&header[at]]);
            let lines = texts.flat_map(|text| text.lines());
            lines.map(|line| line.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let room = match format {
        Format::Table => comfy_table::Table::new().width().map(usize::from),
        Format::Json | Format::Md => None,
    };
    for part in stacked(&widths, names.len(), room) {
        let pick = |row: &[String]| -> Vec<String> {
            let named = row.iter().take(names.len());
            named.chain(&row[part.clone()]).cloned().collect()
        };
        let header = pick(&header);
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        let rows = rows.iter().map(|row| pick(row));
        term::say(term::table(format, names.len(), &header, rows))?;
    }
    Ok(())
}

/// Which columns stand together, in their order, if the first `names` are
/// repeated with each and no table may be wider than `room`. A column that
/// does not fit even alone has a table of its own.
fn stacked(widths: &[usize], names: usize, room: Option<usize>) -> Vec<Range<usize>> {
    let Some(room) = room else {
        return std::iter::once(names..widths.len()).collect();
    };
    // A column has a blank on either side and a line to its left; one more
    // line ends the table.
    let outer = |columns: &[usize]| columns.iter().map(|width| width + 3).sum::<usize>();
    let head = outer(&widths[..names]) + 1;
    let mut parts: Vec<Range<usize>> = Vec::new();
    for at in names..widths.len() {
        match parts.last_mut() {
            Some(part) if head + outer(&widths[part.start..=at]) <= room => part.end = at + 1,
            _ => parts.push(at..at + 1),
        }
    }
    parts
}

/// What is left to say: warnings, open failures, what was left out.
fn print_notes(result: &RunResult) -> Result<()> {
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
    term::say(authbench_report::gate::standing(&result.qualification))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_do_not_fit_stand_in_a_table_below() {
        let ends = |names, room| -> Vec<usize> {
            let parts = stacked(&[10, 5, 5, 5], names, room);
            assert_eq!(parts.first().map(|part| part.start), Some(names));
            assert!(parts.windows(2).all(|two| two[0].end == two[1].start));
            parts.iter().map(|part| part.end).collect()
        };
        assert_eq!(ends(1, None), [4]);
        // Lines and blanks: 13 for the name, 8 for each column, 1 at the end.
        assert_eq!(ends(1, Some(38)), [4]);
        assert_eq!(ends(1, Some(37)), [3, 4]);
        assert_eq!(ends(1, Some(22)), [2, 3, 4]);
        assert_eq!(ends(1, Some(3)), [2, 3, 4]);
        assert_eq!(ends(2, Some(38)), [4]);
    }

    /// A table is as wide as was computed, so one that fits is not wrapped.
    #[test]
    fn the_width_of_a_table_is_known_beforehand() {
        let widths = [12, 3, 1, 7];
        for room in 0..50 {
            for part in stacked(&widths, 1, Some(room)) {
                let columns = || std::iter::once(0).chain(part.clone());
                let words: Vec<String> = columns().map(|at| "x".repeat(widths[at])).collect();
                let needed: usize = columns().map(|at| widths[at] + 3).sum::<usize>() + 1;
                let header: Vec<&str> = words.iter().map(String::as_str).collect();
                let text = term::table(Format::Table, 1, &header, [words.clone()]);
                let width = text.lines().map(|line| line.chars().count()).max();
                assert_eq!(width, Some(needed));
                assert!(needed <= room || part.len() == 1);
            }
        }
    }
}
