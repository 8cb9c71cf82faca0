//! What ends a server that would not notice the end of the process that started it.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use rustix::process::Pid;

/// Waits for the end of its standard input, that is the death of the process that holds the
/// other end, and kills the group `$1`.
const SCRIPT: &str = r#"trap '' HUP INT TERM; read -r _; kill -s KILL -- "-$1""#;

/// A process that outlives this one by a moment, to kill a process group.
#[derive(Debug)]
pub(super) struct Guard(Child);

impl Guard {
    /// Begins to watch over `group`.
    pub(super) fn over(group: Pid) -> io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, "authbench-guard"])
            .arg(group.as_raw_nonzero().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Apart from the terminal's group, which Ctrl-C ends as a whole.
            .process_group(0);
        command.spawn().map(Self)
    }

    /// Ends the watch, before the group's number may become another's.
    pub(super) fn dismiss(mut self) -> io::Result<()> {
        self.0.kill()?;
        self.0.wait().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn sleeper() -> Child {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "sleep 1000; true"]).process_group(0);
        command.spawn().unwrap()
    }

    #[test]
    fn a_group_dies_with_whom_its_guard_listens_to() {
        let mut watched = sleeper();
        let mut guard = Guard::over(Pid::from_child(&watched)).unwrap();
        // What the kernel does when this process dies.
        drop(guard.0.stdin.take());
        assert_eq!(watched.wait().unwrap().signal(), Some(9));
        guard.dismiss().unwrap();
    }

    #[test]
    fn a_guard_that_was_dismissed_kills_nobody() {
        let mut watched = sleeper();
        let guard = Guard::over(Pid::from_child(&watched)).unwrap();
        guard.dismiss().unwrap();
        assert_eq!(watched.try_wait().unwrap(), None);
        let _ = rustix::process::kill_process_group(
            Pid::from_child(&watched),
            rustix::process::Signal::KILL,
        );
        assert_eq!(watched.wait().unwrap().signal(), Some(9));
    }
}
