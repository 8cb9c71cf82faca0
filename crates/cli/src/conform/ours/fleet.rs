//! The server processes of a recipe under test.

use std::ffi::OsStr;
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
const LOGGED: &str = r#"exec "$0" "$@" 2>>"$AUTHBENCH_LOG""#;
const LOG: &str = "AUTHBENCH_LOG";

/// The servers.
pub(super) struct Fleet {
    replicas: Vec<Replica>,
    /// The certificate of all, DER; none without TLS.
    certificate_der: Option<Vec<u8>>,
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
        let tls = options.tls.then(|| Tls::make(shared.path())).transpose()?;
        let mut plain = command(recipe, services, options, shared.path())?;
        if let Some(tls) = &tls {
            plain = plain.args(tls.args());
        }
        let mut replicas = Vec::new();
        let mut first = None;
        for number in 0..count {
            let log = log_file(shared.path(), number as usize);
            // A server that is to come back needs a port that nobody takes
            // meanwhile.
            let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
            let command = plain
                .clone()
                .env(LOG, log.as_os_str())
                .args(["--listen", &listen.to_string()]);
            let started = command.start(PATIENCE, ready);
            // Its last words are in the log, not in the pipe.
            let said = || std::fs::read_to_string(&log).unwrap_or_default();
            let (process, ready) = started
                .with_context(|| format!("`{}` does not start: {}", recipe.name, said().trim()))?;
            replicas.push(Replica {
                command,
                process: Mutex::new(process),
                address: ready.address,
            });
            first.get_or_insert(ready);
        }
        let fleet = Self {
            replicas,
            certificate_der: tls.map(|tls| tls.certificate_der),
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

    /// The certificate of all, DER; none without TLS.
    pub(super) fn certificate_der(&self) -> Option<&[u8]> {
        self.certificate_der.as_deref()
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

/// What all replicas have in common.
fn command(
    recipe: &Recipe,
    services: &Services,
    options: &OursOptions,
    shared: &Path,
) -> Result<ServerCommand> {
    let program = match &options.program {
        Some(program) => program.clone(),
        None => std::env::current_exe()?,
    };
    let pieces = match &recipe.transport {
        Transport::Cookie(cookie) => cookie.chunks_max(),
        Transport::Bearer => None,
    };
    let roles_large = match pieces {
        Some(_) => ROLES_LARGE_IN_PIECES,
        None => ROLES_LARGE,
    };
    let mut command = ServerCommand::new("/bin/sh")
        .args(["-c".as_ref(), LOGGED.as_ref(), program.as_os_str()])
        .args(["serve", &recipe_argument(recipe)])
        .args(["--with-parent", "--lab", "--log", "debug"])
        .args(["--lab-users", &options.accounts.to_string()])
        .args(["--lab-large", &roles_large.to_string()])
        .args(["--sweep-every-ms", &SWEEP_EVERY_MS.to_string()])
        .args(["--share".as_ref(), shared.join("share").as_os_str()]);
    for (variable, url) in services.environment() {
        command = command.env(variable, url);
    }
    Ok(command)
}

/// One certificate for all replicas: clients trust it and no other.
struct Tls {
    certificate_der: Vec<u8>,
    files: [PathBuf; 2],
}

impl Tls {
    fn make(folder: &Path) -> Result<Self> {
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let made = rcgen::generate_simple_self_signed(names)?;
        let files = ["certificate.pem", "key.pem"].map(|name| folder.join(name));
        std::fs::write(&files[0], made.cert.pem())?;
        std::fs::write(&files[1], made.signing_key.serialize_pem())?;
        Ok(Self {
            certificate_der: made.cert.der().to_vec(),
            files,
        })
    }

    fn args(&self) -> [&OsStr; 5] {
        let [certificate, key] = &self.files;
        [
            "--tls".as_ref(),
            "--tls-cert".as_ref(),
            certificate.as_os_str(),
            "--tls-key".as_ref(),
            key.as_os_str(),
        ]
    }
}
