//! Histories: files to which lines are only ever added.

use std::collections::{HashMap, HashSet};
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::file::{self, plain, unwritten};
use crate::history::{HistoryLine, HistoryVersion};
use crate::store::StoreError;

/// The history of a machine, as far as it could be read.
#[derive(Debug, Default)]
pub struct History {
    /// The lines, in the file's order, those that say the same once.
    pub lines: Vec<HistoryLine>,
    /// Lines that could not be read. They cost no other line.
    pub broken: Vec<BrokenLine>,
}

/// A line of a history that could not be read.
#[derive(Debug, thiserror::Error)]
#[error(
    "line {line} of {} {}: mend it, or remove the line",
    path.display(),
    if *is_unfinished { "was not written to its end" } else { "cannot be used" }
)]
pub struct BrokenLine {
    /// The file.
    pub path: PathBuf,
    /// Its number, from 1. Columns of the cause count within it.
    pub line: usize,
    /// Whether it is the last, and without an end: whoever wrote it was stopped.
    pub is_unfinished: bool,
    /// What is wrong.
    #[source]
    pub source: LineError,
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// It is no line of a history, or contradicts itself.
    #[error(transparent)]
    Unreadable(#[from] StoreError),
    /// An earlier line gives another figure for the same.
    #[error("line {earlier} gives another figure for the same run, strategy and metric")]
    Contradicts {
        /// The number of that line.
        earlier: usize,
    },
}

/// What became of lines that were to be added.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Appended {
    /// Lines that were added.
    pub added: usize,
    /// Lines that were there already, by [`HistoryLine::identity`].
    pub known: usize,
}

/// Where the history of a machine stands: `results/history/<machine>.jsonl`.
#[must_use]
pub fn path(results: &Path, machine: &str) -> PathBuf {
    results
        .join("history")
        .join(format!("{}.jsonl", plain(machine)))
}

/// Reads a history; what is not there yet is empty.
///
/// # Errors
/// [`StoreError::Read`] when the file cannot be read at all; lines that cannot
/// are in [`History::broken`].
pub fn read(path: &Path) -> Result<History, StoreError> {
    match fs::read(path) {
        Ok(text) => Ok(parse(path, &text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(History::default()),
        Err(source) => Err(StoreError::Read {
            path: path.into(),
            source,
        }),
    }
}

/// Adds those of `lines` to the history at `path` that are not in it. Whole
/// lines are added in one go and reach the disk before this returns; two
/// writers wait for each other. A last line without an end is ended first, so
/// that it spoils no other.
///
/// # Errors
/// [`StoreError::Inconsistent`] when a line contradicts itself: then none is
/// added. [`StoreError::Read`] and [`StoreError::Write`] when the file cannot
/// be read or written.
pub fn append(path: &Path, lines: &[HistoryLine]) -> Result<Appended, StoreError> {
    for line in lines {
        line.check().map_err(|source| StoreError::Inconsistent {
            path: path.into(),
            source,
        })?;
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(unwritten(folder))?;
    }
    let mut file = OpenOptions::new()
        .create(true)
        .read(true)
        .append(true)
        .open(path)
        .map_err(unwritten(path))?;
    file.lock().map_err(unwritten(path))?;
    let mut before = Vec::new();
    file.seek(SeekFrom::Start(0))
        .and_then(|_| file.read_to_end(&mut before))
        .map_err(|source| StoreError::Read {
            path: path.into(),
            source,
        })?;
    let known = parse(path, &before).lines;
    let mut seen: HashSet<_> = known.iter().map(HistoryLine::identity).collect();
    let mut text = Vec::new();
    if before.last().is_some_and(|last| *last != b'\n') {
        text.push(b'\n');
    }
    let mut appended = Appended::default();
    for line in lines {
        if !seen.insert(line.identity()) {
            appended.known += 1;
            continue;
        }
        serde_json::to_writer(&mut text, line).map_err(StoreError::Encode)?;
        text.push(b'\n');
        appended.added += 1;
    }
    if appended.added > 0 {
        file.write_all(&text)
            .and_then(|()| file.sync_all())
            .map_err(unwritten(path))?;
    }
    Ok(appended)
}

fn parse(path: &Path, text: &[u8]) -> History {
    let mut history = History::default();
    // Where a figure stands among the lines, and in the file.
    let mut places: HashMap<[String; 4], (usize, usize)> = HashMap::new();
    let ends = text.ends_with(b"\n");
    let count = text.split(|octet| *octet == b'\n').count();
    for (index, line) in text.split(|octet| *octet == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let number = index + 1;
        let mut broken = |source| {
            history.broken.push(BrokenLine {
                path: path.into(),
                line: number,
                is_unfinished: !ends && number == count,
                source,
            });
        };
        let read = match one(path, line) {
            Ok(read) => read,
            Err(error) => {
                broken(error.into());
                continue;
            }
        };
        let (run, strategy, metric, conditions) = read.identity();
        let identity = [run, strategy, metric, conditions].map(str::to_owned);
        match places.get(&identity) {
            None => {
                places.insert(identity, (history.lines.len(), number));
                history.lines.push(read);
            }
            Some((at, _)) if history.lines[*at] == read => {}
            Some((_, earlier)) => broken(LineError::Contradicts { earlier: *earlier }),
        }
    }
    history
}

fn one(path: &Path, line: &[u8]) -> Result<HistoryLine, StoreError> {
    let read: HistoryLine = file::parse(path, line, HistoryVersion::V1.name())?;
    read.check().map_err(|source| StoreError::Inconsistent {
        path: path.into(),
        source,
    })?;
    Ok(read)
}
