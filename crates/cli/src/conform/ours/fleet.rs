//! The server processes of a recipe under test.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use authbench_catalog::Recipe;
use authbench_lab::{ServerCommand, ServerProcess, free_port};
use authbench_wire::Transport;
use parking_lot::Mutex;

use super::OursOptions;
use crate::commands::serve::Ready;
use crate::run::served::{PATIENCE, ready, recipe_argument};
use crate::services::Services;

/// Roles of the account `large`: a token that just fits into a cookie.
const ROLES_LARGE: u16 = 160;

/// The same where a credential may be cut into several cookies.
const ROLES_LARGE_IN_PIECES: u16 = 400;

/// Milliseconds between two rounds in which expired records are removed.
pub(super) const SWEEP_EVERY_MS: u64 = 500;

/// Runs a program, its standard error appended to a file: the file has all of
/// it, through every restart.
const LOGGED: &str = r#"log=$1; shift; exec "$@" 2>>"$log""#;

/// The servers.
pub(super) struct Fleet {
    replicas: Vec<Replica>,
    /// The certificate that they have, DER; none without TLS.
    certificates_der: Vec<Vec<u8>>,
    /// What they share; goes last.
    shared: tempfile::TempDir,
}

struct Replica {
    command: ServerCommand,
    process: Mutex<ServerProcess>,
    address: SocketAddr,
}

impl Fleet {
    /// Starts them one after the other; says what the first said.
    pub(super) fn start(
        recipe: &Recipe,
        services: &Services,
        options: &OursOptions,
    ) -> Result<(Self, Ready)> {
        let shared = tempfile::tempdir().context("no temporary folder could be made")?;
        let count = if recipe.shares_logins() {
            options.replicas
        } else {
            1
        };
        let (mut replicas, mut certificates_der) = (Vec::new(), Vec::new());
        let mut first = None;
        for number in 0..count {
            let log = log_file(shared.path(), number as usize);
            let command = command(recipe, services, options, shared.path(), &log)?;
            let started = command.start(PATIENCE, ready);
            // Its last words are in the log, not in the pipe.
            let said = || std::fs::read_to_string(&log).unwrap_or_default();
            let (process, ready) = started
                .with_context(|| format!("`{}` does not start: {}", recipe.name, said().trim()))?;
            if let Some(text) = &ready.certificate_pem {
                certificates_der.push(pem::parse(text)?.into_contents());
            }
            replicas.push(Replica {
                command,
                process: Mutex::new(process),
                address: ready.address,
            });
            first.get_or_insert(ready);
        }
        let fleet = Self {
            replicas,
            certificates_der,
            shared,
        };
        Ok((fleet, first.context("no server was asked for")?))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.replicas.len()
    }

    /// Where a replica listens.
    pub(super) fn address(&self, replica: usize) -> Result<SocketAddr> {
        Ok(self.replica(replica)?.address)
    }

    /// The certificate of each, DER; none without TLS.
    pub(super) fn certificates_der(&self) -> &[Vec<u8>] {
        &self.certificates_der
    }

    /// Kills a replica and starts it again; returns when it serves.
    pub(super) fn restart(&self, replica: usize) -> Result<()> {
        let replica = self.replica(replica)?;
        let mut process = replica.process.lock();
        process.kill()?;
        let (fresh, _) = replica.command.start(PATIENCE, ready)?;
        *process = fresh;
        Ok(())
    }

    /// Octets that a replica occupies.
    pub(super) fn resident_bytes(&self, replica: usize) -> Result<u64> {
        let pid = self.replica(replica)?.process.lock().pid();
        let resident = authbench_lab::memory::resident(pid);
        Ok(resident
            .context("the server's memory cannot be read")?
            .rss_bytes)
    }

    /// Everything that the servers wrote to standard error.
    pub(super) fn logs(&self) -> Result<String> {
        let mut all = String::new();
        for number in 0..self.len() {
            let file = log_file(self.shared.path(), number);
            let octets = std::fs::read(file).context("a server's log cannot be read")?;
            all.push_str(&String::from_utf8_lossy(&octets));
        }
        Ok(all)
    }

    fn replica(&self, number: usize) -> Result<&Replica> {
        self.replicas
            .get(number)
            .with_context(|| format!("there is no replica {number}"))
    }
}

fn log_file(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("replica-{number}.log"))
}

fn command(
    recipe: &Recipe,
    services: &Services,
    options: &OursOptions,
    shared: &Path,
    log: &Path,
) -> Result<ServerCommand> {
    let program = match &options.program {
        Some(program) => program.clone(),
        None => std::env::current_exe()?,
    };
    // A server that is to come back needs a port that nobody takes meanwhile.
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
    let pieces = match &recipe.transport {
        Transport::Cookie(cookie) => cookie.chunks_max(),
        Transport::Bearer => None,
    };
    let roles_large = match pieces {
        Some(_) => ROLES_LARGE_IN_PIECES,
        None => ROLES_LARGE,
    };
    let mut command = ServerCommand::new("/bin/sh")
        .args(["-c", LOGGED, "sh"])
        .args([log.as_os_str(), program.as_os_str()])
        .args(["serve", &recipe_argument(recipe)])
        .args(["--with-parent", "--lab", "--log", "debug"])
        .args(["--listen", &listen.to_string()])
        .args(["--lab-users", &options.accounts.to_string()])
        .args(["--lab-large", &roles_large.to_string()])
        .args(["--sweep-every-ms", &SWEEP_EVERY_MS.to_string()])
        .args(["--share".as_ref(), shared.join("share").as_os_str()]);
    if options.tls {
        command = command.args(["--tls"]);
    }
    for (variable, url) in services.environment() {
        command = command.env(variable, url);
    }
    Ok(command)
}
