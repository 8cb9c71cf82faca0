//! A private server: its folder, its port, its process, and the guard that outlives us.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use authbench_core::entropy::{Entropy, EntropyError};
use authbench_core::system::{OsEntropy, monotonic_ns};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tempfile::TempDir;

use super::account::Account;
use super::{NotFound, Service, locate_binary};
use crate::port::{free_port, is_free};
use crate::process::{ServerCommand, ServerProcess, StartError, nanoseconds};

/// How long a server may take to be ready; on a busy machine a recovery takes its time.
const START_PATIENCE: Duration = Duration::from_secs(90);
/// How long a server may take to end, asked or killed.
const END_PATIENCE: Duration = Duration::from_secs(60);
/// How often a start may find that somebody else took its port.
const PORT_TRIES: usize = 5;
/// The first word of the line in which the guard tells the server's process id.
const SERVER_IS: &str = "authbench-server-is";

/// Runs the server, and waits for the end of standard input beside it: that is the death of the
/// process that started it. `$1` is the folder, what follows is the server's command.
const GUARD: &str = r#"
folder=$1; shift
exec 3<&0
"$@" </dev/null 3<&- 2>&1 &
server=$!
( read -r _ <&3; trap '' TERM; kill -KILL "$server" ) >/dev/null 2>&1 &
orphaned=$!
exec 3<&-
echo "authbench-server-is $server"
# Nobody may be left to read what the shell says of a killed server.
exec >/dev/null 2>&1
wait "$server"; status=$?
kill -TERM "$orphaned"
if wait "$orphaned"; then
    cd /
    rm -rf "$folder" || { sleep 1; rm -rf "$folder"; }
fi
exit "$status"
"#;

/// A store server of our own. Dropped, it is killed, and its folder removed.
#[derive(Debug)]
pub struct Server {
    service: Service,
    program: PathBuf,
    plan: Plan,
    url: String,
    port: u16,
    account: Option<Account>,
    // Before the folder, in which it works.
    running: Option<Running>,
    folder: TempDir,
}

/// What the kinds of servers differ in.
#[derive(Debug)]
pub(super) struct Plan {
    /// Makes the data unless they are there, then becomes the server; with the program as `$1`
    /// and the port as `$2`. The server's own working folder becomes `data`.
    pub(super) script: String,
    /// A file beside `data`, by name and text, that only the server's user may read.
    pub(super) file: (&'static str, String),
    /// What a line of the server says when it is ready.
    pub(super) ready: &'static str,
    /// What ends it gracefully.
    pub(super) stop: Signal,
    /// Its URL, from port and password.
    pub(super) url: fn(u16, &str) -> String,
}

/// Why there is no such server, or why it did not do what it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// Nothing to start: the message says what to install.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// The system gave no random octets for a password or a port.
    #[error("a private {service} needs a password and a port")]
    Entropy {
        /// Which.
        service: Service,
        /// Why.
        #[source]
        source: EntropyError,
    },
    /// Its folder could not be prepared.
    #[error("cannot prepare a folder for a private {service}")]
    Folder {
        /// Which.
        service: Service,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It did not start; the cause quotes what it wrote.
    #[error("a private {service} did not start")]
    Start {
        /// Which.
        service: Service,
        /// Why.
        #[source]
        source: StartError,
    },
    /// It could not be stopped where it is, or let go on.
    #[error("a private {service} could not be paused or resumed")]
    Pause {
        /// Which.
        service: Service,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It could not be ended, or did not end in time.
    #[error("a private {service} did not end")]
    End {
        /// Which.
        service: Service,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Server {
    /// What it is.
    #[must_use]
    pub fn service(&self) -> Service {
        self.service
    }

    /// Where clients find it, password included; the same after each restart.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The loopback port it listens on; the same after each restart.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's process id; `None` while it is down.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        let running = self.running.as_ref()?;
        Some(running.pid.as_raw_nonzero().get().unsigned_abs())
    }

    /// The last lines that it wrote, oldest first; none while it is down.
    #[must_use]
    pub fn last_lines(&self) -> Vec<String> {
        self.running
            .as_ref()
            .map_or_else(Vec::new, |running| running.process.last_lines())
    }

    /// Kills it at once (SIGKILL), with all of its processes, as a crash would; returns when they
    /// are gone. The data stay for [`Server::restart`]. Nothing happens when it is down.
    ///
    /// # Errors
    /// [`ServiceError::End`].
    pub fn kill(&mut self) -> Result<(), ServiceError> {
        self.end(Signal::KILL)
    }

    /// Stops it where it is (SIGSTOP), with all of its processes: connections stand, new ones
    /// wait, nothing is answered. Nothing happens when it is down.
    ///
    /// # Errors
    /// [`ServiceError::Pause`].
    pub fn pause(&mut self) -> Result<(), ServiceError> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on after [`Server::pause`]. Nothing happens when it runs, or is down.
    ///
    /// # Errors
    /// [`ServiceError::Pause`].
    pub fn resume(&mut self) -> Result<(), ServiceError> {
        self.signal(Signal::CONT)
    }

    /// Ends it gracefully and returns when it has ended. The data stay for [`Server::restart`].
    /// Nothing happens when it is down.
    ///
    /// # Errors
    /// [`ServiceError::End`].
    pub fn stop(&mut self) -> Result<(), ServiceError> {
        self.end(self.plan.stop)
    }

    /// Starts it again, on the same port and over the same data; stops it first where it runs.
    ///
    /// # Errors
    /// [`ServiceError`]; it is down then.
    pub fn restart(&mut self) -> Result<(), ServiceError> {
        self.stop()?;
        let started = self.run(self.port);
        let service = self.service;
        self.running = Some(started.map_err(|source| ServiceError::Start { service, source })?);
        Ok(())
    }

    /// Starts a server of `service` as planned with a password.
    pub(super) fn start(
        service: Service,
        plan: impl FnOnce(&str) -> Plan,
    ) -> Result<Self, ServiceError> {
        let entropy = |source| ServiceError::Entropy { service, source };
        let program = locate_binary(service)?;
        let password = password().map_err(entropy)?;
        let account = Account::for_server(service);
        let plan = plan(&password);
        let folder = prepare(service, account, &plan)
            .map_err(|source| ServiceError::Folder { service, source })?;
        let mut server = Self {
            service,
            program,
            plan,
            url: String::new(),
            port: 0,
            account,
            running: None,
            folder,
        };
        let mut tries = 1..=PORT_TRIES;
        loop {
            let last = tries.next() == Some(PORT_TRIES);
            let port = free_port().map_err(entropy)?;
            match server.run(port) {
                Ok(running) => {
                    server.running = Some(running);
                    server.port = port;
                    server.url = (server.plan.url)(port, &password);
                    return Ok(server);
                }
                // Between our look and its start somebody else may have taken the port.
                Err(StartError::Ended { .. }) if !last && !is_free(port) => {}
                Err(source) => return Err(ServiceError::Start { service, source }),
            }
        }
    }

    fn run(&self, port: u16) -> Result<Running, StartError> {
        let mut command = ServerCommand::new("/bin/sh")
            .args(["-c", GUARD, "authbench-guard"])
            .args([self.folder.path()])
            .args(["/bin/sh", "-ec", &self.plan.script, self.service.label()])
            .args([&self.program])
            .args([port.to_string()])
            // Lines that are waited for must not be translated.
            .env("LC_ALL", "C")
            .folder(self.folder.path());
        if let Some(account) = self.account {
            command = command.user(account.uid, account.gid);
        }
        let (mut pid, mut ready) = (None, false);
        let (process, server_pid) = command.start(START_PATIENCE, |line| {
            match line.strip_prefix(SERVER_IS) {
                Some(number) => pid = number.trim().parse().ok().and_then(Pid::from_raw),
                None => ready |= line.contains(self.plan.ready),
            }
            pid.filter(|_| ready)
        })?;
        let handle =
            pidfd_open(server_pid, PidfdFlags::empty()).map_err(|errno| StartError::Spawn {
                program: self.program.clone(),
                source: errno.into(),
            })?;
        Ok(Running {
            process,
            pid: server_pid,
            handle,
        })
    }

    fn signal(&mut self, signal: Signal) -> Result<(), ServiceError> {
        let Some(running) = &self.running else {
            return Ok(());
        };
        let signalled = running.signal_all(signal, &self.data());
        let service = self.service;
        signalled.map_err(|source| ServiceError::Pause { service, source })
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn end(&mut self, signal: Signal) -> Result<(), ServiceError> {
        let data = self.data();
        let Some(mut running) = self.running.take() else {
            return Ok(());
        };
        running.end(signal, &data).map_err(|source| {
            let service = self.service;
            ServiceError::End { service, source }
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A destructor can tell nobody.
        drop(self.kill());
    }
}

#[derive(Debug)]
struct Running {
    /// The guard, whose child the server is.
    process: ServerProcess,
    pid: Pid,
    /// The server by a name that no other process can inherit.
    handle: OwnedFd,
}

impl Running {
    /// Sends `signal` to the server, and then to every process that works in `data`, until no
    /// new one is found: a helper may have been started meanwhile.
    fn signal_all(&self, signal: Signal, data: &Path) -> io::Result<()> {
        // An error says that it has gone by itself.
        let _ = pidfd_send_signal(&self.handle, signal);
        let mut found = 0;
        loop {
            let now = signal_workers(signal, data)?;
            if now <= found {
                return Ok(());
            }
            found = now;
        }
    }

    /// Sends `signal` to the server and returns when it, its guard, and every process that works
    /// in `data` are gone.
    fn end(&mut self, signal: Signal, data: &Path) -> io::Result<()> {
        // An error says that it has gone by itself: the guard, waited for below, knows.
        let _ = pidfd_send_signal(&self.handle, signal);
        // A paused one would not hear it, nor would its helpers end.
        self.signal_all(Signal::CONT, data)?;
        if self.process.wait(END_PATIENCE)?.is_none() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        // The helpers of a killed PostgreSQL finish their work, as no crash would let them.
        let deadline_ns = monotonic_ns().saturating_add(nanoseconds(END_PATIENCE));
        while signal_workers(Signal::KILL, data)? > 0 {
            if monotonic_ns() > deadline_ns {
                return Err(io::ErrorKind::TimedOut.into());
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

/// Sends `signal` to every process whose working folder is `data`; says how many it found.
fn signal_workers(signal: Signal, data: &Path) -> io::Result<usize> {
    let mut found = 0;
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let pid = name.to_str().and_then(|name| name.parse().ok());
        let Some(pid) = pid.and_then(Pid::from_raw) else {
            continue;
        };
        // A process that has ended meanwhile, or is another's, is none of ours.
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else {
            continue;
        };
        if fs::read_link(Path::new("/proc").join(name).join("cwd")).is_ok_and(|cwd| cwd == data) {
            let _ = pidfd_send_signal(&handle, signal);
            found += 1;
        }
    }
    Ok(found)
}

/// A folder of the server's user, with the file of the plan.
fn prepare(service: Service, account: Option<Account>, plan: &Plan) -> io::Result<TempDir> {
    let folder = tempfile::Builder::new()
        .prefix(&format!("authbench-{service}-"))
        .tempdir()?;
    let (name, text) = &plan.file;
    let file = folder.path().join(name);
    fs::write(&file, text)?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
    if let Some(Account { uid, gid }) = account {
        chown(&file, Some(uid), Some(gid))?;
        chown(folder.path(), Some(uid), Some(gid))?;
    }
    Ok(folder)
}

fn password() -> Result<String, EntropyError> {
    let mut octets = [0; 16];
    OsEntropy.fill(&mut octets)?;
    let mut password = String::with_capacity(32);
    for octet in octets {
        // A string takes whatever is written to it.
        let _ = write!(password, "{octet:02x}");
    }
    Ok(password)
}
