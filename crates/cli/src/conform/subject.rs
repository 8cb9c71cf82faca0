//! From a name on the command line to a target that can be tried.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use authbench_conformance::{ShellHooks, Target, TargetOptions};
use authbench_wire::Profile;

use crate::conform::ours::{Ours, OursOptions};
use crate::exit::UsageError;
use crate::foreign::{Foreign, ForeignDoors, ForeignError};
use crate::run::library;
use crate::services::Services;

/// What is asked for on the command line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// A profile's path, the name of a target under `scenarios/targets`, or a
    /// strategy's name.
    pub(crate) name: String,
    /// Where the target listens, instead of the profile's address.
    pub(crate) base_url: Option<String>,
    /// The caller says that the target is theirs.
    pub(crate) owned: bool,
    /// The only certificate to trust (DER).
    pub(crate) certificate_der: Option<Vec<u8>>,
    /// A strategy is served over TLS.
    pub(crate) tls: bool,
}

/// A target that can be tried, and what keeps it running.
pub(crate) struct Subject {
    /// The target.
    pub(crate) target: Target,
    /// Its server, if this program started it; it ends with this value.
    _running: Option<Box<dyn Any + Send>>,
}

/// The target that `wanted` names.
///
/// # Errors
/// [`UsageError`] when there is no such target or profile, or it may not be
/// tried.
pub(crate) fn subject(wanted: &Wanted) -> Result<Subject> {
    match profile(&wanted.name)? {
        Some((profile, file)) => stranger(profile, file, wanted),
        None => ours(wanted),
    }
}

/// The profile that `name` stands for, with its file if it has one; none if it
/// is no profile's name.
///
/// # Errors
/// [`authbench_conf::ConfError`] when it cannot be read.
pub(crate) fn profile(name: &str) -> Result<Option<(Profile, Option<PathBuf>)>> {
    let local = Path::new("scenarios/targets").join(name);
    for path in [Path::new(name), local.as_path()] {
        if path.exists() {
            let file = if path.is_dir() {
                path.join("profile.toml")
            } else {
                path.to_owned()
            };
            return Ok(Some((Profile::read(&file)?, Some(file))));
        }
    }
    let is_path = name.contains('/') || name.ends_with(".toml");
    if is_path {
        return Err(UsageError(format!(
            "there is no profile `{name}`; `authbench conform init` writes one"
        ))
        .into());
    }
    if library::target_names().iter().any(|known| known == name) {
        return Ok(Some((library::target(name)?, None)));
    }
    Ok(None)
}

/// A server that a profile describes; started here, if the profile says how and
/// the caller does not say where it runs.
fn stranger(mut profile: Profile, file: Option<PathBuf>, wanted: &Wanted) -> Result<Subject> {
    let folder = file.as_deref().and_then(Path::parent);
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).to_owned();
    let hooks = match &wanted.base_url {
        None if profile.start.is_some() => {
            let foreign = started(&profile.name, file.as_deref())?;
            profile = foreign.profile.clone();
            ForeignDoors::of(foreign, &folder)
        }
        given => {
            if let Some(url) = given {
                profile.base_url = Some(url.trim_end_matches('/').to_owned());
                // The profile's replicas belong to its own address.
                profile.replicas.clear();
            }
            ShellHooks::from_profile(&profile, &folder)
        }
    };
    let options = TargetOptions {
        profile_file: file,
        owned: wanted.owned,
        certificate_der: wanted.certificate_der.clone(),
    };
    let target = Target::new(profile, hooks, options).map_err(|error| {
        anyhow::Error::from(error).context(UsageError("the target cannot be tried".to_owned()))
    })?;
    // A server that was started ends with its doors, which the target holds.
    Ok(Subject {
        target,
        _running: None,
    })
}

/// Starts the target whose profile is `file`.
fn started(name: &str, file: Option<&Path>) -> Result<Foreign> {
    let found = match file {
        Some(file) => Foreign::start(file, None, &|what| eprintln!("{what}")),
        None => Err(ForeignError::NoFiles {
            name: name.to_owned(),
        }),
    };
    found.map_err(|error| {
        let is_input = error.is_input();
        let error = anyhow::Error::from(error);
        match is_input {
            true => error.context(UsageError(format!("`{name}` cannot be started"))),
            false => error.context(format!(
                "`{name}` could not be started; --base-url tries one that runs already"
            )),
        }
    })
}

/// A strategy of ours, served by this program.
fn ours(wanted: &Wanted) -> Result<Subject> {
    let recipe = authbench_catalog::find(&wanted.name)?;
    if wanted.base_url.is_some() {
        let message = format!(
            "`{}` is a strategy, which this program serves itself: leave --base-url out, or give \
             a profile of the server",
            recipe.name
        );
        return Err(UsageError(message).into());
    }
    let services = Arc::new(Services::obtain([&recipe]));
    let options = OursOptions {
        tls: wanted.tls,
        ..OursOptions::default()
    };
    let ours = Ours::launch(&recipe, &services, &options)?;
    Ok(Subject {
        target: ours.target()?,
        _running: Some(Box::new(ours)),
    })
}
