//! Result files: written whole or not at all, never overwritten, and read
//! back with errors that name the file.

use std::io;
use std::path::{Path, PathBuf};

use crate::check::Inconsistency;
use crate::file::{self, plain};
use crate::run::{RunResult, SchemaVersion};

/// The size that a run's file should stay below, octets. Nothing enforces it:
/// what was measured is never thrown away for its size.
pub const BUDGET_BYTES: u64 = 200_000;

/// Where a result was put.
#[derive(Debug)]
pub struct Saved {
    /// The file.
    pub path: PathBuf,
    /// Its size in octets.
    pub size_bytes: u64,
    /// Why it is not where it was meant to be; None if it is. To be shown.
    pub rescued_from: Option<StoreError>,
}

/// A result could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The folder or the file cannot be made.
    #[error(
        "cannot write {}: make it writable, or choose another folder for results",
        path.display()
    )]
    Write {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Neither the folder nor the fallback for it can be written.
    #[error("{original}; and the fallback failed too")]
    Lost {
        /// Why the folder that was asked for cannot be written.
        original: Box<StoreError>,
        /// Why the fallback cannot be written.
        #[source]
        fallback: Box<StoreError>,
    },
    /// The result has no JSON form.
    #[error("the result cannot be written as JSON")]
    Encode(#[source] serde_json::Error),
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is no result.
    #[error("{} is not a result file: it has no `schema` such as \"{wanted}\"", path.display())]
    NoResult {
        /// The file.
        path: PathBuf,
        /// The schema that it should name.
        wanted: &'static str,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
    /// The file is of a version that this program does not know.
    #[error(
        "{} has the schema \"{found}\"; this program reads \"{wanted}\" here: read it with the \
         version of authbench that wrote it",
        path.display(),
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The schema that can be read.
        wanted: &'static str,
        /// The version that it names.
        found: String,
    },
    /// The file has the right version and not its shape.
    #[error("{} does not follow its schema", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// What the parser said, with line and column.
        #[source]
        source: serde_json::Error,
    },
    /// The file contradicts itself.
    #[error("{} contradicts itself: it is damaged or was edited", path.display())]
    Inconsistent {
        /// The file.
        path: PathBuf,
        /// Where.
        #[source]
        source: Inconsistency,
    },
}

/// Writes `result` to
/// `<runs>/<fingerprint>/<date>-<commit>-<scenario>.json`, atomically and
/// durably. If there is such a file, `-2`, `-3` and so on are tried.
///
/// # Errors
/// [`StoreError::Write`] when `runs` cannot be written; see
/// [`write_or_rescue`].
pub fn write(runs: &Path, result: &RunResult) -> Result<Saved, StoreError> {
    let folder = runs.join(plain(result.environment.short_fingerprint()));
    file::write_new(&folder, &stem(result), result)
}

/// Like [`write`], but when `runs` cannot be written the result goes to
/// `fallback` and says so in [`Saved::rescued_from`]: nothing measured is
/// lost. The system's folder for temporary files is a good fallback.
///
/// # Errors
/// [`StoreError::Lost`] when both folders cannot be written.
pub fn write_or_rescue(
    runs: &Path,
    fallback: &Path,
    result: &RunResult,
) -> Result<Saved, StoreError> {
    write(runs, result).or_else(|original| match write(fallback, result) {
        Ok(saved) => Ok(Saved {
            rescued_from: Some(original),
            ..saved
        }),
        Err(second) => Err(StoreError::Lost {
            original: Box::new(original),
            fallback: Box::new(second),
        }),
    })
}

/// Reads a result file and checks that it does not contradict itself.
///
/// # Errors
/// [`StoreError`] names the file and what is wrong with it.
pub fn read(path: &Path) -> Result<RunResult, StoreError> {
    let result: RunResult = file::read(path, SchemaVersion::V1.name())?;
    result.check().map_err(|source| StoreError::Inconsistent {
        path: path.into(),
        source,
    })?;
    Ok(result)
}

fn stem(result: &RunResult) -> String {
    // RFC 3339 begins with the date.
    let date = result.run.started_at.get(..10).unwrap_or("undated");
    let commit = result.source.short_commit().unwrap_or("nocommit");
    format!(
        "{}-{}-{}",
        plain(date),
        plain(commit),
        plain(&result.scenario.name)
    )
}
