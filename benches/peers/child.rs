//! A driver as a child process: run to its end, and what it cost.

use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use authbench_core::system::monotonic_ns;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::time::Timespec;

/// A child that has ended well.
#[derive(Debug)]
pub(crate) struct Ran {
    /// What it wrote to its standard output.
    pub(crate) stdout: String,
    /// CPU time, user and system, of the child and of what it started and
    /// waited for, from its first instruction to its last; nanoseconds, good
    /// to microseconds.
    pub(crate) cpu_ns: u64,
    /// From before the start to after the end, nanoseconds.
    pub(crate) wall_ns: u64,
}

/// Runs `command` and waits up to `patience`. No other child of this process
/// may end meanwhile: the kernel adds up what ended children have used, and
/// what this one used is the difference.
///
/// # Errors
/// When it cannot be started, outlasts `patience` (it is killed), or does not
/// end well; the message quotes what it wrote.
pub(crate) fn run(command: &mut Command, patience: Duration) -> Result<Ran> {
    // For the one who mends it, a backtrace in what the driver writes is noise.
    command.env("RUST_BACKTRACE", "0");
    let before_ns = ended_children_cpu_ns()?;
    let begun_ns = monotonic_ns();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("it cannot be started")?;
    let (stdout, stderr) = (reader(child.stdout.take()), reader(child.stderr.take()));
    let in_time = ends_within(&child, patience);
    if !matches!(in_time, Ok(true)) {
        // It may have ended this instant: then there is nothing to kill.
        let _ = child.kill();
    }
    let status = child.wait()?;
    let wall_ns = monotonic_ns() - begun_ns;
    let cpu_ns = ended_children_cpu_ns()? - before_ns;
    let text = |reader: thread::JoinHandle<io::Result<String>>| {
        reader
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the reader panicked")))
    };
    let (stdout, stderr) = (text(stdout)?, text(stderr)?);
    if !in_time? {
        bail!("it ran longer than {} s", patience.as_secs());
    }
    if !status.success() {
        bail!("it ended with {status}\n{stderr}{stdout}");
    }
    Ok(Ran {
        stdout,
        cpu_ns,
        wall_ns,
    })
}

fn ended_children_cpu_ns() -> Result<u64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let ns = |time: TimeVal| {
        let us = i128::from(time.tv_sec()) * 1_000_000 + i128::from(time.tv_usec());
        u64::try_from(us * 1_000).unwrap_or(0)
    };
    Ok(ns(usage.user_time()) + ns(usage.system_time()))
}

fn reader<R: Read + Send + 'static>(pipe: Option<R>) -> thread::JoinHandle<io::Result<String>> {
    thread::spawn(move || {
        let mut octets = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut octets)?;
        }
        Ok(String::from_utf8_lossy(&octets).into_owned())
    })
}

/// Whether the child ends within `patience`; asleep until then.
fn ends_within(child: &Child, patience: Duration) -> Result<bool> {
    let handle = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    let deadline_ns = monotonic_ns() + u64::try_from(patience.as_nanos())?;
    loop {
        let left = Duration::from_nanos(deadline_ns.saturating_sub(monotonic_ns()));
        let left = Timespec::try_from(left)?;
        match poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&left)) {
            Err(rustix::io::Errno::INTR) => {}
            ready => return Ok(ready? > 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    // One test, since tests of one process may run at once, and each would
    // see the children of the others.
    #[test]
    fn output_cost_and_ends() {
        let patience = Duration::from_secs(60);
        let idle = run(&mut shell("echo said; sleep 0.2"), patience).unwrap();
        assert_eq!(idle.stdout, "said\n");
        assert!(idle.cpu_ns < idle.wall_ns, "asleep: {idle:?}");

        // A child of the child that works counts as well.
        let work = "sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'; true";
        let busy = run(&mut shell(work), patience).unwrap();
        assert!(busy.cpu_ns > idle.cpu_ns, "{busy:?} {idle:?}");

        let failed = run(&mut shell("echo why >&2; exit 3"), patience).unwrap_err();
        assert!(failed.to_string().contains("why"), "{failed}");
        let late = run(&mut shell("exec sleep 600"), Duration::from_millis(50)).unwrap_err();
        assert!(late.to_string().contains("longer"), "{late}");
        assert!(run(&mut Command::new("/no/such/driver"), patience).is_err());
    }
}
