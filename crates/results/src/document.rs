//! Documents beside results: judgements, qualifications, baselines; and
//! histories, see [`history`]. They are written whole or not at all and never
//! overwritten, [`Baseline`]s apart, and read back with errors that name the
//! file.
//!
//! | document | where, below the folder of results |
//! | --- | --- |
//! | [`GateReport`] | `gates/<machine>/<date>-<candidate>-<base>.json` |
//! | [`Qualification`] | `qualifications/<machine>/<date>-<commit>.json` |
//! | [`Baseline`] | `baselines/<name>.json` |
//! | [`HistoryLine`](crate::HistoryLine)s | `history/<machine>.jsonl` |
//!
//! A machine is the first twelve digits of its fingerprint, a commit its first
//! eight.

pub mod history;

use std::cmp::Reverse;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::baseline::{Baseline, BaselineVersion};
use crate::check::Inconsistency;
use crate::conformance::{ConformanceReport, ConformanceVersion};
use crate::file::{self, plain};
use crate::gate::{GateReport, GateVersion, Side};
use crate::qualification::{Qualification, QualificationVersion};
use crate::run::{RunResult, SchemaVersion};
use crate::store::{Saved, StoreError};

/// A document with a schema of its own, one a file.
pub trait Document: Serialize + DeserializeOwned {
    /// The name of its schema, as it stands in the file.
    const SCHEMA: &'static str;

    /// Whether it contradicts itself.
    ///
    /// # Errors
    /// [`Inconsistency`] names the first place where it does.
    fn check(&self) -> Result<(), Inconsistency>;
}

macro_rules! document {
    ($($type:ty: $version:ty),+) => {$(
        impl Document for $type {
            const SCHEMA: &'static str = <$version>::V1.name();

            fn check(&self) -> Result<(), Inconsistency> {
                Self::check(self)
            }
        }
    )+};
}

document!(
    Baseline: BaselineVersion,
    ConformanceReport: ConformanceVersion,
    GateReport: GateVersion,
    Qualification: QualificationVersion,
    RunResult: SchemaVersion
);

/// Reads a document: first the name of its schema, then its shape, then whether
/// it contradicts itself.
///
/// # Errors
/// [`StoreError`] names the file, and line and column where it has another
/// shape.
pub fn read<D: Document>(path: &Path) -> Result<D, StoreError> {
    let document: D = file::read(path, D::SCHEMA)?;
    document
        .check()
        .map_err(|source| StoreError::Inconsistent {
            path: path.into(),
            source,
        })?;
    Ok(document)
}

/// Writes a judgement below `results`, under the machine that measured it, or
/// else that of the candidate's file; `-2`, `-3` and so on are added to a name
/// that is taken.
///
/// # Errors
/// [`StoreError::Write`] when the folder cannot be written.
pub fn write_gate(results: &Path, report: &GateReport) -> Result<Saved, StoreError> {
    let machine = report
        .environment
        .as_ref()
        .map(|environment| environment.fingerprint.as_str())
        .or(report.candidate.fingerprint.as_deref());
    let folder = results
        .join("gates")
        .join(machine.map_or_else(|| "unknown".to_owned(), machine_folder));
    let stem = format!(
        "{}-{}-{}",
        date(&report.run.started_at),
        commit(&report.candidate),
        commit(&report.base)
    );
    file::write_new(&folder, &stem, report)
}

/// Writes a qualification below `results`, likewise.
///
/// # Errors
/// [`StoreError::Write`] when the folder cannot be written.
pub fn write_qualification(
    results: &Path,
    qualification: &Qualification,
) -> Result<Saved, StoreError> {
    let folder = qualifications(results, &qualification.environment.fingerprint);
    let stem = format!(
        "{}-{}",
        date(&qualification.started_at),
        commit(&qualification.subject)
    );
    file::write_new(&folder, &stem, qualification)
}

/// Where the baseline `name` stands below `results`.
#[must_use]
pub fn baseline_path(results: &Path, name: &str) -> PathBuf {
    results
        .join("baselines")
        .join(format!("{}.json", plain(name)))
}

/// Puts a baseline in the place of the one of that name, if there is one. Of
/// all documents only this may be replaced, and only where somebody blessed it.
///
/// # Errors
/// [`StoreError::Inconsistent`] when it contradicts itself: then the old one
/// stays. [`StoreError::Write`] when the folder cannot be written.
pub fn replace_baseline(
    results: &Path,
    name: &str,
    baseline: &Baseline,
) -> Result<Saved, StoreError> {
    baseline
        .check()
        .map_err(|source| StoreError::Inconsistent {
            path: baseline_path(results, name),
            source,
        })?;
    file::replace(&results.join("baselines"), &plain(name), baseline)
}

/// What the qualifications of the machine with this fingerprint say
/// [together](Qualification::together), retracted ones apart; None if there is
/// none. That is not one of the documents, unless there is only one.
///
/// # Errors
/// [`StoreError`] when the folder or a file of it cannot be read: a machine
/// whose false alarms are on record must not be trusted for want of the record.
pub fn latest_qualification(
    results: &Path,
    fingerprint: &str,
) -> Result<Option<Qualification>, StoreError> {
    let folder = qualifications(results, fingerprint);
    let unread = |source| StoreError::Read {
        path: folder.clone(),
        source,
    };
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unread(error)),
    };
    let mut all: Vec<(Timestamp, Qualification)> = Vec::new();
    for entry in entries {
        let path = entry.map_err(unread)?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let found: Qualification = read(&path)?;
        // The check has read the instant once.
        let Ok(ended) = found.ended_at.parse::<Timestamp>() else {
            continue;
        };
        if found.invalid.is_none() && found.environment.fingerprint == fingerprint {
            all.push((ended, found));
        }
    }
    all.sort_by_key(|(ended, _)| Reverse(*ended));
    let last_first: Vec<Qualification> = all.into_iter().map(|(_, found)| found).collect();
    Ok(Qualification::together(&last_first))
}

fn qualifications(results: &Path, fingerprint: &str) -> PathBuf {
    results
        .join("qualifications")
        .join(machine_folder(fingerprint))
}

fn machine_folder(fingerprint: &str) -> String {
    plain(fingerprint.get(..12).unwrap_or(fingerprint))
}

/// The day of an instant: RFC 3339 begins with it.
fn date(instant: &str) -> String {
    plain(instant.get(..10).unwrap_or("undated"))
}

fn commit(side: &Side) -> String {
    plain(side.source.short_commit().unwrap_or("nocommit"))
}
