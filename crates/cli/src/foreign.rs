//! Strangers: servers that others build from libraries that people use. A
//! profile's `[start]` says how one is installed and started; here that is
//! done, so that it stands beside our own servers on the same machine.

mod doors;
mod install;
mod ready;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use authbench_catalog::registry::Service;
use authbench_conf::ConfError;
use authbench_core::entropy::EntropyError;
use authbench_lab::services::ServiceError;
use authbench_lab::{CoreSet, ServerCommand, ServerProcess, StartError, free_port};
use authbench_wire::Profile;
use authbench_wire::profile::Start;

use crate::services::Services;

pub(crate) use doors::ForeignDoors;

/// How long a stranger may take until it serves.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a start may find that somebody else took its port.
const PORT_TRIES: usize = 3;
/// How many of them there are where they share logins.
const REPLICAS: u32 = 2;

/// A target that the lab can start: its profile has `[start]`.
#[derive(Clone, Debug)]
pub(crate) struct Stranger {
    profile: Profile,
    start: Start,
    needs: Option<Service>,
    /// Where its profile and its files are.
    folder: PathBuf,
}

/// One server of a stranger.
pub(crate) struct Launched {
    /// What starts it again on the same port.
    pub(crate) command: ServerCommand,
    pub(crate) process: ServerProcess,
    pub(crate) address: SocketAddr,
}

/// A stranger that serves. Its servers, and a store that was started for them,
/// go when this is dropped.
pub(crate) struct Foreign {
    /// What it is, with the address of its first server and, under `replicas`,
    /// those of the others.
    pub(crate) profile: Profile,
    /// Its servers, the first first.
    pub(crate) servers: Vec<Launched>,
    /// The path that answers as soon as one serves.
    ready: String,
    /// The store that they share; goes last.
    _services: Services,
}

/// Why a stranger does not serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ForeignError {
    /// The profile cannot be read.
    #[error(transparent)]
    Profile(#[from] ConfError),
    /// The profile does not say how.
    #[error(
        "`{name}` has no [start] in its profile, so it cannot be started here: start it by hand and \
         name its address with --base-url"
    )]
    NoStart { name: String },
    /// Only the profile came with this build.
    #[error(
        "the files of `{name}` are not here: run this in a checkout of the repository, or name the \
         target's folder"
    )]
    NoFiles { name: String },
    /// The profile asks for a store that the lab does not start for strangers.
    #[error("`{name}` needs the service `{service}`, but only `redis` is started for a target")]
    UnknownService { name: String, service: String },
    /// The profile's command is empty.
    #[error("`{name}` has an empty command in [start]")]
    NoCommand { name: String },
    /// A program is missing.
    #[error("`{program}` is not on this machine, and `{name}` needs it: {hint}")]
    NoProgram {
        name: String,
        program: String,
        hint: &'static str,
    },
    /// A store is missing.
    #[error("`{name}` has no store server")]
    NoService {
        name: String,
        #[source]
        source: ServiceError,
    },
    /// The caller did not obtain the store.
    #[error("`{name}` needs the URL of a store server, and has none")]
    NoUrl { name: String },
    /// It could not be installed.
    #[error("`{command}` could not be run to install `{name}`")]
    Install {
        name: String,
        command: String,
        #[source]
        source: std::io::Error,
    },
    /// The installation failed.
    #[error("`{command}` did not install `{name}` ({status}); its last lines:\n    {}", last_lines.join("\n    "))]
    Installed {
        name: String,
        command: String,
        status: std::process::ExitStatus,
        last_lines: Vec<String>,
    },
    /// No port.
    #[error("`{name}` needs a port")]
    Port {
        name: String,
        #[source]
        source: EntropyError,
    },
    /// It did not start, or never answered.
    #[error("`{name}` does not serve `{ready}`")]
    Start {
        name: String,
        ready: String,
        #[source]
        source: StartError,
    },
}

impl ForeignError {
    /// Whether something is missing on this machine, so that callers may leave
    /// the target out, loudly.
    #[cfg(test)]
    pub(crate) const fn is_missing(&self) -> bool {
        matches!(self, Self::NoProgram { .. } | Self::NoService { .. })
    }

    /// Whether the profile is to be mended, and not the machine.
    pub(crate) const fn is_input(&self) -> bool {
        matches!(
            self,
            Self::Profile(_)
                | Self::NoStart { .. }
                | Self::NoFiles { .. }
                | Self::UnknownService { .. }
                | Self::NoCommand { .. }
        )
    }
}

/// What a stranger's servers are started on.
pub(crate) struct Footing<'f> {
    /// Where they run; anywhere if absent.
    pub(crate) cores: Option<&'f CoreSet>,
    /// Where Redis is.
    pub(crate) redis_url: Option<&'f str>,
    /// How many accounts are wanted, of those that can have any number.
    pub(crate) users: u32,
}

impl Stranger {
    /// Reads the profile at `path`, a folder or a file.
    ///
    /// # Errors
    /// [`ForeignError`] when it cannot be read, or says nothing of a start.
    pub(crate) fn read(path: &Path) -> Result<Self, ForeignError> {
        let profile = Profile::read(path)?;
        let folder = if path.is_dir() {
            path
        } else {
            path.parent().unwrap_or(Path::new("."))
        };
        let name = || profile.name.clone();
        let Some(start) = profile.start.clone() else {
            return Err(ForeignError::NoStart { name: name() });
        };
        if start.command.is_empty() {
            return Err(ForeignError::NoCommand { name: name() });
        }
        let needs = match start.service.as_deref() {
            None => None,
            Some("redis") => Some(Service::Redis),
            Some(other) => {
                return Err(ForeignError::UnknownService {
                    name: name(),
                    service: other.to_owned(),
                });
            }
        };
        Ok(Self {
            folder: folder.to_owned(),
            needs,
            start,
            profile,
        })
    }

    /// Its name in results.
    pub(crate) fn name(&self) -> &str {
        &self.profile.name
    }

    /// What it is, without an address.
    pub(crate) const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The store server that must run beside it.
    pub(crate) const fn needs(&self) -> Option<Service> {
        self.needs
    }

    /// Whether several of its servers accept each other's logins.
    pub(crate) const fn shares_logins(&self) -> bool {
        self.start.replicas
    }

    /// Whether it makes as many accounts as it is told to.
    pub(crate) fn has_any_number_of_users(&self) -> bool {
        let values = &mut self.start.environment.values();
        values.any(|value| value.contains("{users}"))
    }

    /// The program that it needs and that is not on this machine, if there is
    /// such.
    pub(crate) fn missing_program(&self) -> Option<ForeignError> {
        let missing = self.start.needs.iter().find(|name| !is_on_path(name))?;
        Some(ForeignError::NoProgram {
            name: self.name().to_owned(),
            program: missing.clone(),
            hint: match missing.as_str() {
                "node" | "npm" => "install Node.js 18 or newer (Debian: nodejs npm)",
                "cargo" => "install a Rust toolchain (https://rustup.rs)",
                _ => "install it, or put it on the PATH",
            },
        })
    }

    /// Brings what it is made of, unless that is there; `say` is told what
    /// takes so long.
    ///
    /// # Errors
    /// [`ForeignError`] when a program is missing, or fails.
    pub(crate) fn install(&self, say: &dyn Fn(&str)) -> Result<(), ForeignError> {
        if let Some(missing) = self.missing_program() {
            return Err(missing);
        }
        install::bring(self.name(), &self.start, &self.folder, say)
    }

    /// Starts one server, and returns when it serves.
    ///
    /// # Errors
    /// [`ForeignError`] when it does not serve in time.
    pub(crate) fn launch(&self, footing: &Footing<'_>) -> Result<Launched, ForeignError> {
        if self.needs.is_some() && footing.redis_url.is_none() {
            let name = self.name().to_owned();
            return Err(ForeignError::NoUrl { name });
        }
        let mut tries = 1..=PORT_TRIES;
        loop {
            let last = tries.next() == Some(PORT_TRIES);
            match self.launch_once(footing) {
                // Between our look and its start somebody else may have taken
                // the port.
                Err(ForeignError::Start {
                    source: StartError::Ended { .. },
                    ..
                }) if !last => {}
                other => return other,
            }
        }
    }

    fn launch_once(&self, footing: &Footing<'_>) -> Result<Launched, ForeignError> {
        let port = free_port().map_err(|source| ForeignError::Port {
            name: self.name().to_owned(),
            source,
        })?;
        let gaps = Gaps::new(port, footing);
        let mut words = self.start.command.iter().map(|word| gaps.fill(word));
        // Relative to its own folder, wherever we are.
        let program = words.next().unwrap_or_default();
        let program = if program.contains('/') {
            self.folder.join(program)
        } else {
            PathBuf::from(program)
        };
        let mut command = ServerCommand::new(absolute(&program))
            .args(words)
            .folder(&self.folder)
            .cores(footing.cores)
            .guarded();
        for (variable, value) in &self.start.environment {
            command = command.env(variable, gaps.fill(value));
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let path = &self.start.ready;
        let probe = || ready::answers(address, path).then_some(());
        let (process, ()) =
            command
                .start_when(PATIENCE, probe)
                .map_err(|source| ForeignError::Start {
                    name: self.name().to_owned(),
                    ready: path.clone(),
                    source,
                })?;
        Ok(Launched {
            command,
            process,
            address,
        })
    }
}

impl Foreign {
    /// Installs and starts the target whose profile is at `path` (a folder or a
    /// file), on `cores`: two servers of it where they share logins, with a
    /// store of their own where they need one. `say` is told what takes so
    /// long.
    ///
    /// # Errors
    /// [`ForeignError`]; see [`ForeignError::is_missing`].
    pub(crate) fn start(
        path: &Path,
        cores: Option<&CoreSet>,
        say: &dyn Fn(&str),
    ) -> Result<Self, ForeignError> {
        let stranger = Stranger::read(path)?;
        stranger.install(say)?;
        let mut services = Services::of(stranger.needs);
        if let Some(source) = stranger.needs.and_then(|needs| services.take_error(needs)) {
            let name = stranger.name().to_owned();
            return Err(ForeignError::NoService { name, source });
        }
        let footing = Footing {
            cores,
            redis_url: services.url(Service::Redis),
            users: stranger.profile.users.count(),
        };
        let count = if stranger.shares_logins() {
            REPLICAS
        } else {
            1
        };
        let servers: Vec<Launched> = (0..count)
            .map(|_| stranger.launch(&footing))
            .collect::<Result<_, _>>()?;
        let mut profile = stranger.profile;
        let mut urls = servers.iter().map(|one| format!("http://{}", one.address));
        profile.base_url = urls.next();
        profile.replicas = urls.collect();
        Ok(Self {
            profile,
            servers,
            ready: stranger.start.ready,
            _services: services,
        })
    }
}

/// What stands for the gaps of `[start]`.
struct Gaps(BTreeMap<&'static str, String>);

impl Gaps {
    fn new(port: u16, footing: &Footing<'_>) -> Self {
        let redis_url = footing.redis_url.unwrap_or_default().to_owned();
        Self(BTreeMap::from([
            ("{port}", port.to_string()),
            ("{redis_url}", redis_url),
            ("{users}", footing.users.to_string()),
        ]))
    }

    fn fill(&self, text: &str) -> String {
        let gaps = self.0.iter();
        gaps.fold(text.to_owned(), |text, (gap, value)| {
            text.replace(gap, value)
        })
    }
}

/// A program with a slash must not depend on the folder that it is started in.
fn absolute(program: &Path) -> PathBuf {
    if program.components().count() == 1 {
        return program.to_owned();
    }
    std::path::absolute(program).unwrap_or_else(|_| program.to_owned())
}

fn is_on_path(program: &str) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| {
        let found = std::fs::metadata(folder.join(program));
        found.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    })
}

#[cfg(test)]
mod tests;
