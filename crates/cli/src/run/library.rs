//! The scenarios and target profiles that came with this build, and those of
//! the folder `scenarios/` where the command is run.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use authbench_load::Scenario;
use authbench_wire::Profile;
use include_dir::{Dir, include_dir};

use crate::exit::UsageError;

static LOAD: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../scenarios/load");
static TARGETS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../scenarios/targets");
const LOAD_FOLDER: &str = "scenarios/load";
const TARGETS_FOLDER: &str = "scenarios/targets";

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

/// The names of the shipped targets, sorted.
pub(crate) fn target_names() -> Vec<String> {
    let mut names: Vec<String> = TARGETS
        .dirs()
        .map(|dir| dir.path().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
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
    let inside = format!("{wanted}/profile.toml");
    match TARGETS
        .get_file(&inside)
        .and_then(|file| file.contents_utf8())
    {
        Some(text) => Ok(Profile::parse(&local.join("profile.toml"), text)?),
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
