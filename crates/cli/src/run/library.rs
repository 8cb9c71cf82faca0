//! The scenarios and target profiles that came with this build, and those of
//! the folder `scenarios/` where the command is run.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use authbench_load::Scenario;
use authbench_wire::Profile;
use include_dir::{Dir, include_dir};

use crate::exit::UsageError;
use crate::foreign::{ForeignError, Stranger};

static LOAD: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../scenarios/load");

/// Profiles by the names of their folders. Not the folders as they are: those
/// also hold what installing the targets has brought.
macro_rules! profiles {
    ($($name:literal),* $(,)?) => {
        &[$((
            $name,
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"), "/../../scenarios/targets/", $name, "/profile.toml"
            )),
        )),*]
    };
}

/// Sorted by name.
static TARGETS: &[(&str, &str)] = profiles![
    "authbench-bearer",
    "authbench-cookie",
    "authjs",
    "express-jwt",
    "express-session-memory",
    "express-session-redis",
    "lucia",
    "tower-sessions",
];
const LOAD_FOLDER: &str = "scenarios/load";
const TARGETS_FOLDER: &str = "scenarios/targets";
const PROFILE: &str = "profile.toml";

/// A scenario and where it came from.
pub(crate) struct Source {
    /// The name in results.
    pub(crate) name: String,
    /// The file to name in errors.
    pub(crate) file: PathBuf,
    /// Its text.
    pub(crate) text: String,
}

/// The names of the scenarios here and of the shipped ones, sorted.
pub(crate) fn scenario_names() -> Vec<String> {
    let shipped = LOAD.files().map(|file| file.path().to_owned());
    let here = std::fs::read_dir(LOAD_FOLDER)
        .into_iter()
        .flatten()
        .flatten();
    let mut names: Vec<String> = shipped
        .chain(here.map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The names of the targets here and of the shipped ones, sorted.
pub(crate) fn target_names() -> Vec<String> {
    let here = std::fs::read_dir(TARGETS_FOLDER)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().join(PROFILE).is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let shipped = TARGETS.iter().map(|(name, _)| (*name).to_owned());
    let mut names: Vec<String> = shipped.chain(here).collect();
    names.sort();
    names.dedup();
    names
}

/// The names of those among them that can be started here.
pub(crate) fn stranger_names() -> Vec<String> {
    let mut names = target_names();
    names.retain(|name| target(name).is_ok_and(|profile| profile.start.is_some()));
    names
}

/// The target that `wanted` names, ready to be started: a path to a folder, or
/// the name of one under `scenarios/targets` here. `None` when there is no such
/// target at all.
///
/// # Errors
/// When it cannot be started from here.
pub(crate) fn stranger(wanted: &str) -> Result<Option<Stranger>> {
    let local = Path::new(TARGETS_FOLDER).join(wanted);
    for folder in [Path::new(wanted), local.as_path()] {
        if folder.join(PROFILE).is_file() {
            return Stranger::read(folder)
                .map(Some)
                .map_err(|error| match error {
                    ForeignError::Profile(error) => error.into(),
                    other => UsageError(other.to_string()).into(),
                });
        }
    }
    if TARGETS.iter().all(|(name, _)| *name != wanted) {
        return Ok(None);
    }
    let name = wanted.to_owned();
    Err(UsageError(ForeignError::NoFiles { name }.to_string()).into())
}

/// The scenario that `wanted` names: a path to a `.toml` file, or the name of
/// one under `scenarios/load` here, or of a shipped one.
pub(crate) fn scenario(wanted: &str) -> Result<(Scenario, Source)> {
    let source = scenario_source(wanted)?;
    let scenario = Scenario::parse(&source.file, &source.text)?;
    Ok((scenario, source))
}

fn scenario_source(wanted: &str) -> Result<Source> {
    let path = Path::new(wanted);
    let name = || {
        path.file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    if path.extension().is_some_and(|ending| ending == "toml") {
        let text = std::fs::read_to_string(path).map_err(|error| {
            UsageError(format!("the scenario `{wanted}` cannot be read: {error}"))
        })?;
        return Ok(Source {
            name: name(),
            file: path.to_owned(),
            text,
        });
    }
    let file = Path::new(LOAD_FOLDER).join(format!("{wanted}.toml"));
    if file.is_file() {
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("the scenario `{}` cannot be read", file.display()))?;
        return Ok(Source {
            name: wanted.to_owned(),
            file,
            text,
        });
    }
    match LOAD
        .get_file(format!("{wanted}.toml"))
        .and_then(|file| file.contents_utf8())
    {
        Some(text) => Ok(Source {
            name: wanted.to_owned(),
            file,
            text: text.to_owned(),
        }),
        None => Err(no_such("scenario", wanted, &scenario_names()).into()),
    }
}

/// The profile of a target: a path to a folder or file, or the name of one
/// under `scenarios/targets` here, or of a shipped one.
pub(crate) fn target(wanted: &str) -> Result<Profile> {
    let local = Path::new(TARGETS_FOLDER).join(wanted);
    for path in [Path::new(wanted), local.as_path()] {
        if path.exists() {
            return Ok(Profile::read(path)?);
        }
    }
    match TARGETS.iter().find(|(name, _)| *name == wanted) {
        Some((_, text)) => Ok(Profile::parse(&local.join(PROFILE), text)?),
        None => Err(no_such("target", wanted, &target_names()).into()),
    }
}

fn no_such(kind: &str, wanted: &str, names: &[String]) -> UsageError {
    let hint = authbench_conf::nearest(wanted, names)
        .map(|near| format!(": did you mean `{near}`?"))
        .unwrap_or_default();
    UsageError(format!(
        "there is no {kind} `{wanted}`{hint}; `authbench list {kind}s` names them all, and a path to a .toml file works too"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_of_the_repository_is_shipped_under_its_own_name() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(TARGETS_FOLDER);
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .flatten()
            .filter(|entry| entry.path().join(PROFILE).is_file())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        let shipped: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, shipped, "add the target to TARGETS");
        for name in names {
            let profile = target(&name).unwrap();
            assert_eq!(profile.name, name);
            assert!(!profile.summary.is_empty(), "{name}");
        }
    }

    #[test]
    fn a_target_that_cannot_be_started_says_so() {
        assert!(stranger("no-such-target").unwrap().is_none());
        let error = stranger("authbench-cookie").unwrap_err().to_string();
        assert!(error.contains("not here"), "{error}");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(TARGETS_FOLDER);
        let ours = folder.join("authbench-cookie");
        let error = stranger(ours.to_str().unwrap()).unwrap_err().to_string();
        assert!(error.contains("has no [start]"), "{error}");
        let theirs = folder.join("express-jwt");
        let found = stranger(theirs.to_str().unwrap()).unwrap().unwrap();
        assert_eq!(found.name(), "express-jwt");
    }
}
