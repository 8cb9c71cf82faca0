//! The histories of all machines.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context as _, Result};
use authbench_results::HistoryLine;
use authbench_results::document::history::{self, BrokenLine};

/// The lines of all machines, and those that could not be read.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) lines: Vec<HistoryLine>,
    pub(crate) broken: Vec<BrokenLine>,
}

/// Reads every `*.jsonl` of `folder`, in the order of their names. Nothing if
/// there is no such folder.
///
/// # Errors
/// When the folder or a file of it cannot be read at all.
pub(crate) fn read(folder: &Path) -> Result<Found> {
    let unread = || format!("cannot read {}", folder.display());
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::default()),
        Err(error) => return Err(error).with_context(unread),
    };
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .with_context(unread)?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    paths.sort();
    let mut found = Found::default();
    for path in paths {
        let one = history::read(&path)?;
        found.lines.extend(one.lines);
        found.broken.extend(one.broken);
    }
    Ok(found)
}
