//! A server as a child process: ready before it is used, and gone after.

mod error;
mod guard;

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use authbench_core::system::monotonic_ns;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, waitid,
};
use rustix::time::Timespec;

use crate::cores::{self, CoreSet};
#[cfg(doc)]
use crate::free_port;
use crate::output::Output;
pub use error::StartError;
use guard::Guard;

/// How long a child may take to end after it was asked to, when it is dropped.
const GRACE_ON_DROP: Duration = Duration::from_millis(500);
/// How often a start looks whether the child still lives.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long to wait for the last lines of a child that has ended.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// What to start, and where. The child inherits this process's environment.
#[derive(Clone, Debug)]
pub struct ServerCommand {
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    cores: Option<CoreSet>,
    folder: Option<PathBuf>,
    user: Option<(u32, u32)>,
    guarded: bool,
}

/// A running server. Dropped, it is asked to end (SIGTERM, end of its standard input) and after
/// half a second killed, with every process that it started and left in its group.
///
/// A child whose parent dies without dropping it (SIGKILL, say) learns so from the **end of its
/// standard input**: this process holds the only other end of that pipe and never writes. A
/// server started here must take end-of-file there for a wish to shut down, or be
/// [guarded](ServerCommand::guarded). (The kernel's parent-death signal would need unsafe code
/// between fork and exec.)
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    group: Pid,
    output: Output,
    stderr_end: Receiver<()>,
    guard: Option<Guard>,
    status: Option<ExitStatus>,
}

impl ServerCommand {
    /// A command that runs `program` without arguments.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            cores: None,
            folder: None,
            user: None,
            guarded: false,
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable of the child's environment.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Keeps every thread of the child on `cores`; `None` leaves it where it likes.
    #[must_use]
    pub fn cores(mut self, cores: Option<&CoreSet>) -> Self {
        self.cores = cores.cloned();
        self
    }

    /// The folder in which the child starts; this process's without it.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Runs the child as this user and group, and in no other group. Only root may.
    #[must_use]
    pub fn user(mut self, uid: u32, gid: u32) -> Self {
        self.user = Some((uid, gid));
        self
    }

    /// Kills the child and its group when this process dies without dropping it: for servers of
    /// others, which do not look at their standard input.
    #[must_use]
    pub fn guarded(mut self) -> Self {
        self.guarded = true;
        self
    }

    /// Starts the child, and waits up to `patience` for a line of its standard output that
    /// `accept` takes; gives back what `accept` made of it. Other lines are only recorded.
    ///
    /// # Errors
    /// [`StartError`]; whatever had been started is gone then.
    pub fn start<R>(
        &self,
        patience: Duration,
        mut accept: impl FnMut(&str) -> Option<R>,
    ) -> Result<(ServerProcess, R), StartError> {
        self.start_and(patience, |lines, left| match lines.recv_timeout(left) {
            Ok(line) => accept(&line).map_or(Look::Again, Look::Ready),
            Err(RecvTimeoutError::Timeout) => Look::Nothing,
            Err(RecvTimeoutError::Disconnected) => {
                thread::sleep(left);
                Look::Nothing
            }
        })
    }

    /// Starts the child, and asks `probe` again and again, for up to `patience`, whether it is
    /// ready; gives back what `probe` found. For servers that say nothing of themselves.
    ///
    /// # Errors
    /// [`StartError`]; whatever had been started is gone then.
    pub fn start_when<R>(
        &self,
        patience: Duration,
        mut probe: impl FnMut() -> Option<R>,
    ) -> Result<(ServerProcess, R), StartError> {
        self.start_and(patience, |_, left| match probe() {
            Some(ready) => Look::Ready(ready),
            None => {
                thread::sleep(left);
                Look::Nothing
            }
        })
    }

    /// Starts the child and looks, each time for no longer than `look` is told, until it is ready.
    fn start_and<R>(
        &self,
        patience: Duration,
        mut look: impl FnMut(&Receiver<String>, Duration) -> Look<R>,
    ) -> Result<(ServerProcess, R), StartError> {
        let (mut server, lines) = self.spawn().map_err(|source| self.not_spawned(source))?;
        let deadline_ns = monotonic_ns().saturating_add(nanoseconds(patience));
        loop {
            let left = Duration::from_nanos(deadline_ns.saturating_sub(monotonic_ns()));
            match look(&lines, left.min(LOOK_EVERY)) {
                Look::Ready(ready) => return Ok((server, ready)),
                Look::Again => continue,
                Look::Nothing => {}
            }
            let status = server
                .exit_status()
                .map_err(|source| self.not_spawned(source))?;
            if let Some(status) = status {
                let (program, output) = (self.program.clone(), server.last_words());
                return Err(StartError::Ended {
                    program,
                    status,
                    output,
                });
            }
            if left.is_zero() {
                return Err(self.timed_out(server, patience));
            }
        }
    }

    /// Puts a new child with the same arguments in the place of `server`, as
    /// [`ServerCommand::start`] does; ends the old one first, if it still runs. A server that is
    /// to listen where its predecessor did needs a fixed port in its arguments: [`free_port`].
    ///
    /// # Errors
    /// [`StartError`]; the old child has ended then, and `server` is still it.
    pub fn restart<R>(
        &self,
        server: &mut ServerProcess,
        patience: Duration,
        accept: impl FnMut(&str) -> Option<R>,
    ) -> Result<R, StartError> {
        server
            .end(GRACE_ON_DROP)
            .map_err(|source| self.not_spawned(source))?;
        let (fresh, ready) = self.start(patience, accept)?;
        *server = fresh;
        Ok(ready)
    }

    fn spawn(&self) -> io::Result<(ServerProcess, Receiver<String>)> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // A group of its own, so that ending the group ends what the child started.
        command.process_group(0);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        let mut child = match &self.cores {
            Some(cores) => spawn_pinned(&mut command, cores)?,
            None => command.spawn()?,
        };
        let group = Pid::from_child(&child);
        let output = Output::default();
        let (line_sender, lines) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            let output = output.clone();
            // Reads on after the receiver has gone, or the child would block on a full pipe.
            thread::spawn(move || output.record(stdout, |line| drop(line_sender.send(line))));
        }
        let (end_sender, stderr_end) = mpsc::channel::<()>();
        if let Some(stderr) = child.stderr.take() {
            let output = output.clone();
            thread::spawn(move || {
                output.record(stderr, drop);
                drop(end_sender);
            });
        }
        let mut server = ServerProcess {
            child,
            group,
            output,
            stderr_end,
            guard: None,
            status: None,
        };
        if self.guarded {
            server.guard = Some(Guard::over(group)?);
        }
        Ok((server, lines))
    }

    fn not_spawned(&self, source: io::Error) -> StartError {
        StartError::Spawn {
            program: self.program.clone(),
            source,
        }
    }

    fn timed_out(&self, mut server: ServerProcess, waited: Duration) -> StartError {
        // The child is dropped either way; its last words matter more than its status.
        drop(server.end(GRACE_ON_DROP));
        StartError::TimedOut {
            program: self.program.clone(),
            waited,
            output: server.last_words(),
        }
    }
}

impl ServerProcess {
    /// The child's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How the child ended; `None` while it runs. What is left of its group goes with it.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn exit_status(&mut self) -> io::Result<Option<ExitStatus>> {
        // Only looks: once reaped, the child's id might name another's process group.
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match self.status {
            None if waitid(WaitId::Pid(self.group), look)?.is_none() => Ok(None),
            _ => self.end(Duration::ZERO).map(Some),
        }
    }

    /// Waits up to `patience` for the child to end by itself; `None` when it still runs.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn wait(&mut self, patience: Duration) -> io::Result<Option<ExitStatus>> {
        if self.status.is_none() {
            self.wait_for_end(patience)?;
        }
        self.exit_status()
    }

    /// The last lines that the child wrote, standard output and error, oldest first.
    #[must_use]
    pub fn last_lines(&self) -> Vec<String> {
        self.output.last_lines()
    }

    /// Stops the child and its group where they are (SIGSTOP), as a machine that hangs would:
    /// connections stand, new ones wait, nothing is answered. Nothing happens when it has ended.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn pause(&mut self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets a paused child go on (SIGCONT). Nothing happens when it runs, or has ended.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn resume(&mut self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Kills the child and its group at once (SIGKILL), as a crash would; returns when it is
    /// gone. [`ServerCommand::restart`] brings it back.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn kill(&mut self) -> io::Result<ExitStatus> {
        self.signal(Signal::KILL)?;
        self.end(Duration::ZERO)
    }

    /// Asks the child to end (SIGTERM, end of its standard input), waits up to `grace`, then
    /// kills it and its group.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn stop(mut self, grace: Duration) -> io::Result<ExitStatus> {
        self.end(grace)
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        match self.status {
            // Reaped, the child's id might name another's group.
            Some(_) => Ok(()),
            None => Ok(kill_process_group(self.group, signal)?),
        }
    }

    fn end(&mut self, grace: Duration) -> io::Result<ExitStatus> {
        if let Some(status) = self.status {
            return Ok(status);
        }
        drop(self.child.stdin.take());
        // The group may have gone already: what counts is the wait below.
        let _ = kill_process_group(self.group, Signal::TERM);
        // A paused child would not hear it.
        let _ = kill_process_group(self.group, Signal::CONT);
        self.wait_for_end(grace)?;
        // Not yet reaped, the child still holds its id: the group cannot be another's.
        let _ = kill_process_group(self.group, Signal::KILL);
        if let Some(guard) = self.guard.take() {
            guard.dismiss()?;
        }
        let status = self.child.wait()?;
        self.status = Some(status);
        Ok(status)
    }

    /// Returns when the child has ended or `patience` has passed; does not reap it.
    fn wait_for_end(&self, patience: Duration) -> io::Result<()> {
        let handle = pidfd_open(self.group, PidfdFlags::empty())?;
        let deadline_ns = monotonic_ns().saturating_add(nanoseconds(patience));
        loop {
            let left = Duration::from_nanos(deadline_ns.saturating_sub(monotonic_ns()));
            let left = Timespec::try_from(left).unwrap_or_default();
            match poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&left)) {
                Err(rustix::io::Errno::INTR) => {}
                other => return Ok(other.map(drop)?),
            }
        }
    }

    /// What the child wrote, once it has ended: waits a moment for what is still in the pipe.
    fn last_words(&self) -> Vec<String> {
        // Both answers mean the same: the reader has finished, or has had its time.
        let _ = self.stderr_end.recv_timeout(LAST_WORDS);
        self.output.last_lines()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // A destructor can tell nobody.
        drop(self.end(GRACE_ON_DROP));
    }
}

/// What one look at a child found.
enum Look<R> {
    /// It is ready.
    Ready(R),
    /// It said something else; there may be more.
    Again,
    /// It has not said anything yet, and may have ended.
    Nothing,
}

/// Starts the child from a thread that is pinned, so that all its threads inherit the cores.
fn spawn_pinned(command: &mut Command, cores: &CoreSet) -> io::Result<Child> {
    let spawned = thread::scope(|scope| {
        let pinned = scope.spawn(|| {
            cores::pin_current_thread(cores)?;
            command.spawn()
        });
        pinned.join()
    });
    spawned.unwrap_or_else(|_| Err(io::Error::other("the starting thread panicked")))
}

pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
