//! `authbench results validate`: whether files can be believed.

mod file;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::exit::{Outcome, UsageError};
use file::{Checker, Problem};

/// Where results are kept.
const RESULTS: &str = "results";

/// Check files of results: that they follow their schema and do not contradict
/// themselves. Exit code 1 if one is bad, 3 if there is none.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Files, and folders with all that is below them; `results` if absent.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The shape of the output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Default, clap::ValueEnum)]
enum Format {
    /// Machine-readable.
    Json,
    /// A line for each bad file, and a summary.
    #[default]
    Table,
}

/// What was found.
#[derive(Serialize)]
struct Report {
    /// Files that were checked.
    checked: usize,
    /// What is wrong with some of them.
    problems: Vec<Problem>,
}

pub(crate) fn execute(args: &Args) -> Result<Outcome> {
    let report = validate(&args.paths)?;
    match args.format {
        Format::Json => crate::term::say(serde_json::to_string_pretty(&report)?)?,
        Format::Table => {
            for Problem { file, problem } in &report.problems {
                crate::term::say(format!("{}: {problem}", file.display()))?;
            }
            let (checked, count) = (report.checked, report.problems.len());
            crate::term::say(match (checked, count) {
                (0, _) => "there is no file to check".to_owned(),
                (_, 0) => format!("{checked} files checked, all good"),
                _ => format!("{checked} files checked, {count} problems"),
            })?;
        }
    }
    Ok(match (report.checked, report.problems.is_empty()) {
        (0, _) => Outcome::NotMeasured,
        (_, true) => Outcome::Good,
        (_, false) => Outcome::Bad,
    })
}

fn validate(paths: &[PathBuf]) -> Result<Report> {
    let mut checker = Checker::default();
    let mut report = Report {
        checked: 0,
        problems: Vec::new(),
    };
    let mut take = |path: &Path, folder: Option<&str>| -> Result<()> {
        if let Some(problems) = checker.check(path, folder)? {
            report.checked += 1;
            report.problems.extend(problems);
        }
        Ok(())
    };
    if paths.is_empty() && Path::new(RESULTS).is_dir() {
        walk(Path::new(RESULTS), None, &mut take)?;
    }
    for path in paths {
        let kind = fs::metadata(path)
            .with_context(|| UsageError(format!("there is no `{}` to check", path.display())))?;
        if kind.is_dir() {
            walk(path, None, &mut take)?;
        } else {
            take(path, None)?;
        }
    }
    Ok(report)
}

/// Hands all files below `folder` to `take`, in the order of their names, with
/// the name of the folder below the top that they lie in. Links are handed over
/// like files and not followed.
fn walk(
    folder: &Path,
    below: Option<&str>,
    take: &mut impl FnMut(&Path, Option<&str>) -> Result<()>,
) -> Result<()> {
    let unread = || format!("cannot read the folder {}", folder.display());
    let mut entries = fs::read_dir(folder)
        .with_context(unread)?
        .collect::<Result<Vec<_>, _>>()
        .with_context(unread)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_type().with_context(unread)?.is_dir() {
            let name = entry.file_name().to_string_lossy().into_owned();
            walk(&path, Some(below.unwrap_or(&name)), take)?;
        } else {
            take(&path, below)?;
        }
    }
    Ok(())
}
