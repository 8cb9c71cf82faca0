//! Brings what a target is made of, once.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use authbench_wire::profile::Start;

use super::ForeignError;

/// How many lines of a failed installation are shown.
const LAST_LINES: usize = 15;

/// Runs `install` in `folder`, unless what it makes is there and not older than
/// the lock file. One at a time: others wait for the one that installs.
pub(super) fn bring(
    name: &str,
    start: &Start,
    folder: &Path,
    say: &dyn Fn(&str),
) -> Result<(), ForeignError> {
    let install = start.install.as_deref().unwrap_or_default();
    let Some((program, args)) = install.split_first() else {
        return Ok(());
    };
    let command = install.join(" ");
    let failed = |source| ForeignError::Install {
        name: name.to_owned(),
        command: command.clone(),
        source,
    };
    let profile = File::open(folder.join("profile.toml")).map_err(failed)?;
    // Released when the file is closed.
    profile.lock().map_err(failed)?;
    if is_there(start, folder) {
        return Ok(());
    }
    say(&format!("installing {name} with {command}"));
    let ran = Command::new(program)
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(failed)?;
    if ran.status.success() {
        return Ok(());
    }
    let said = [ran.stdout, ran.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said.lines().filter(|line| !line.is_empty()).collect();
    let from = lines.len().saturating_sub(LAST_LINES);
    Err(ForeignError::Installed {
        name: name.to_owned(),
        command,
        status: ran.status,
        last_lines: lines[from..].iter().map(ToString::to_string).collect(),
    })
}

/// Whether what `install` makes is there and up to date. Where a profile names
/// nothing that is made, the program that installs must know by itself.
fn is_there(start: &Start, folder: &Path) -> bool {
    let changed = |path: &Path| -> Option<SystemTime> {
        std::fs::metadata(folder.join(path)).ok()?.modified().ok()
    };
    let Some(made) = start.installed.as_deref().and_then(changed) else {
        return false;
    };
    start
        .lock
        .as_deref()
        .and_then(changed)
        .is_none_or(|lock| lock <= made)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn start(install: &str) -> Start {
        Start {
            needs: Vec::new(),
            install: Some(["sh", "-c", install].map(str::to_owned).to_vec()),
            installed: Some(PathBuf::from("made")),
            lock: Some(PathBuf::from("lock")),
            command: Vec::new(),
            environment: std::collections::BTreeMap::new(),
            service: None,
            ready: "/".to_owned(),
            replicas: false,
        }
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in ["profile.toml", "lock"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        folder
    }

    #[test]
    fn what_is_there_is_brought_again_only_when_the_lock_file_is_newer() {
        let folder = folder();
        let start = start("echo again >> made");
        let said = std::cell::RefCell::new(Vec::new());
        let say = |text: &str| said.borrow_mut().push(text.to_owned());
        let made = folder.path().join("made");
        for _ in 0..2 {
            bring("x", &start, folder.path(), &say).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&made).unwrap(), "again\n");
        let long_ago = SystemTime::UNIX_EPOCH;
        File::options()
            .append(true)
            .open(&made)
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
        bring("x", &start, folder.path(), &say).unwrap();
        assert_eq!(std::fs::read_to_string(&made).unwrap(), "again\nagain\n");
        let once = "installing x with sh -c echo again >> made";
        assert_eq!(*said.borrow(), [once, once]);
    }

    #[test]
    fn a_failed_installation_is_quoted() {
        let folder = folder();
        let start = start("echo fetching; echo 'no such package' >&2; exit 3");
        let error = bring("x", &start, folder.path(), &|_| {}).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("exit status: 3"), "{message}");
        assert!(
            message.ends_with("\n    fetching\n    no such package"),
            "{message}"
        );
    }
}
