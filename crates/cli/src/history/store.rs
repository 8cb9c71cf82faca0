//! The files of a history: `<folder>/<machine>.jsonl`.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use authbench_results::HistoryLine;

use crate::exit::UsageError;

/// What became of lines that were to be appended.
pub(crate) struct Appended {
    /// The file.
    pub(crate) path: PathBuf,
    /// How many are new.
    pub(crate) added: usize,
    /// How many were there already.
    pub(crate) known: usize,
}

/// Appends to the machine's file those of `lines` that are not in it.
///
/// # Errors
/// When the file holds something else than history lines, or cannot be
/// written.
pub(crate) fn append(folder: &Path, machine: &str, lines: &[HistoryLine]) -> Result<Appended> {
    let path = folder.join(format!("{machine}.jsonl"));
    let before = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let known_lines = parsed(&path, &before)?;
    let mut known: BTreeSet<_> = known_lines.iter().map(HistoryLine::identity).collect();
    let mut text = String::new();
    if !before.is_empty() && !before.ends_with('\n') {
        text.push('\n');
    }
    let mut added = 0;
    for line in lines {
        if known.insert(line.identity()) {
            text.push_str(&serde_json::to_string(line)?);
            text.push('\n');
            added += 1;
        }
    }
    if added > 0 {
        let written = fs::create_dir_all(folder)
            .and_then(|()| OpenOptions::new().create(true).append(true).open(&path))
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            });
        written.with_context(|| {
            format!(
                "cannot write {}: make it writable, or choose another folder",
                path.display()
            )
        })?;
    }
    Ok(Appended {
        path,
        added,
        known: lines.len() - added,
    })
}

/// All lines of all machines, each once, files in the order of their names.
/// None at all if there is no such folder.
///
/// # Errors
/// When a file cannot be read, or holds something else.
pub(crate) fn read(folder: &Path) -> Result<Vec<HistoryLine>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", folder.display()));
        }
    };
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .with_context(|| format!("cannot read {}", folder.display()))?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    paths.sort();
    let mut lines = Vec::new();
    for path in paths {
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        lines.extend(parsed(&path, &text)?);
    }
    Ok(once(lines))
}

/// A merge by union may keep a line twice.
fn once(lines: Vec<HistoryLine>) -> Vec<HistoryLine> {
    let mut seen = BTreeSet::new();
    let is_new: Vec<bool> = lines
        .iter()
        .map(|line| seen.insert(line.identity()))
        .collect();
    let is_new = is_new.into_iter();
    let kept = lines.iter().zip(is_new).filter(|(_, is_new)| *is_new);
    kept.map(|(line, _)| line.clone()).collect()
}

fn parsed(path: &Path, text: &str) -> Result<Vec<HistoryLine>> {
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| {
            serde_json::from_str(line).map_err(|error| {
                let message = format!(
                    "{}:{}: this is no line of a history (authbench.history/1): mend or remove it",
                    path.display(),
                    number + 1
                );
                anyhow::Error::from(error).context(UsageError(message))
            })
        })
        .collect()
}
