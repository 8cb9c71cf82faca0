//! How files are written and read, whatever is in them: whole or not at all,
//! never over another unless that is asked for, and with errors that name the
//! file.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::store::{Saved, StoreError};

/// Writes `value` as JSON to `<folder>/<stem>.json`, atomically and durably. If
/// there is such a file, `-2`, `-3` and so on are tried.
///
/// # Errors
/// [`StoreError::Write`] when the folder cannot be written.
pub(crate) fn write_new(
    folder: &Path,
    stem: &str,
    value: &impl Serialize,
) -> Result<Saved, StoreError> {
    let (file, size_bytes) = prepared(folder, value)?;
    let path = publish(file, folder, stem)?;
    settled(folder, path, size_bytes)
}

/// Writes `value` as JSON to `<folder>/<stem>.json`, atomically and durably, in
/// the place of what was there.
///
/// # Errors
/// [`StoreError::Write`] when the folder cannot be written.
pub(crate) fn replace(
    folder: &Path,
    stem: &str,
    value: &impl Serialize,
) -> Result<Saved, StoreError> {
    let (file, size_bytes) = prepared(folder, value)?;
    let path = folder.join(format!("{stem}.json"));
    file.persist(&path)
        .map_err(|failed| unwritten(&path)(failed.error))?;
    settled(folder, path, size_bytes)
}

/// Reads a JSON file whose member `schema` is `wanted`.
///
/// # Errors
/// [`StoreError`] names the file and what is wrong with it.
pub(crate) fn read<T: DeserializeOwned>(
    path: &Path,
    wanted: &'static str,
) -> Result<T, StoreError> {
    let json = fs::read(path).map_err(|source| StoreError::Read {
        path: path.into(),
        source,
    })?;
    parse(path, &json, wanted)
}

/// The same of the text of a file, or of a line of it.
///
/// # Errors
/// [`StoreError`] names the file and what is wrong with it.
pub(crate) fn parse<T: DeserializeOwned>(
    path: &Path,
    json: &[u8],
    wanted: &'static str,
) -> Result<T, StoreError> {
    #[derive(Deserialize)]
    struct Versioned {
        schema: String,
    }
    let found = serde_json::from_slice::<Versioned>(json)
        .map_err(|source| StoreError::NoResult {
            path: path.into(),
            wanted,
            source,
        })?
        .schema;
    if found != wanted {
        return Err(StoreError::Version {
            path: path.into(),
            wanted,
            found,
        });
    }
    serde_json::from_slice(json).map_err(|source| StoreError::Shape {
        path: path.into(),
        source,
    })
}

/// `text` as part of a file name: nothing in it can climb out of the folder,
/// hide the file or trouble a shell.
pub(crate) fn plain(text: &str) -> String {
    let plain: String = text
        .chars()
        .take(80)
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') {
                c
            } else {
                '_'
            }
        })
        .collect();
    if plain.is_empty() {
        "unnamed".to_owned()
    } else {
        plain
    }
}

/// What a system's error means for `path`.
pub(crate) fn unwritten(path: &Path) -> impl Fn(io::Error) -> StoreError {
    move |source| StoreError::Write {
        path: path.to_owned(),
        source,
    }
}

/// A file without a name yet, and its size in octets.
fn prepared(folder: &Path, value: &impl Serialize) -> Result<(NamedTempFile, u64), StoreError> {
    let mut json = serde_json::to_vec(value).map_err(StoreError::Encode)?;
    json.push(b'\n');
    fs::create_dir_all(folder).map_err(unwritten(folder))?;
    let mut file = NamedTempFile::new_in(folder).map_err(unwritten(folder))?;
    file.write_all(&json)
        .and_then(|()| file.as_file().sync_all())
        .map_err(unwritten(file.path()))?;
    Ok((file, json.len() as u64))
}

/// Sees to it that the new name survives a power cut too.
fn settled(folder: &Path, path: PathBuf, size_bytes: u64) -> Result<Saved, StoreError> {
    readable_by_all(&path).map_err(unwritten(&path))?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(unwritten(folder))?;
    Ok(Saved {
        path,
        size_bytes,
        rescued_from: None,
    })
}

/// Gives the finished file the first name that is free. Renaming without
/// replacing is one step for the system, so two writers cannot collide.
fn publish(mut file: NamedTempFile, folder: &Path, stem: &str) -> Result<PathBuf, StoreError> {
    let mut number = 1_u64;
    loop {
        let suffix = if number == 1 {
            String::new()
        } else {
            format!("-{number}")
        };
        let path = folder.join(format!("{stem}{suffix}.json"));
        match file.persist_noclobber(&path) {
            Ok(_) => return Ok(path),
            Err(taken) if taken.error.kind() == io::ErrorKind::AlreadyExists => file = taken.file,
            Err(other) => {
                return Err(StoreError::Write {
                    path,
                    source: other.error,
                });
            }
        }
        number += 1;
    }
}

/// Temporary files are private; a result is meant to be read.
fn readable_by_all(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}
