//! Starts the built command in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A run that takes a few seconds, in a debug build too.
pub(crate) const TINY: &str = r#"
summary = "as little as there can be"
seed = 1
strategies = ["session.memory.cookie", "jwt.hs256.bearer"]
[population]
users = 40
[mix]
read = 8
mutate = 1
logout = 1
[load]
process = "constant"
rates_per_s = [400]
connections = 4
warmup_ms = 50
measure_ms = 300
blocks = 1
timeout_ms = 5000
[login]
hashed = 1
unhashed = 5
[memory]
logins = 200
[revocation]
logins = 3
replay_ms = [0, 1, 5]
"#;

pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_authbench"));
        command
            .args(args)
            .current_dir(self.path())
            .env("NO_COLOR", "1");
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// The files below the folder that end with `ending`.
    pub(crate) fn files(&self, ending: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.to_string_lossy().ends_with(ending) {
                    found.push(path);
                }
            }
        }
        found
    }
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
