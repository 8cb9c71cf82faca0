//! The code that was measured.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::run::sha256_hex;

/// The lock file that this binary was built from.
const LOCK_FILE: &[u8] = include_bytes!("../../../Cargo.lock");

/// The code that was measured.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The commit of the working tree that the binary was built from, as far
    /// as can be told.
    pub commit: Option<String>,
    /// Whether that tree had changes that are in no commit.
    pub dirty: Option<bool>,
    /// SHA-256 of the `Cargo.lock` that the binary was built from.
    pub lock_sha256: Option<String>,
    /// SHA-256 of the binary itself: the one fact that cannot be mistaken.
    pub binary_sha256: Option<String>,
    /// The compiler's version.
    pub rustc: Option<String>,
    /// `debug` or `release`.
    pub profile: Option<String>,
}

impl Source {
    /// Reads the facts of the running binary, and the commit of the working
    /// tree `checkout`. The commit is left out if that tree is not the one
    /// that the binary comes from: its `Cargo.lock` must be the same.
    #[must_use]
    pub fn read(checkout: &Path) -> Self {
        let lock_sha256 = sha256_hex(LOCK_FILE);
        let ours = fs::read(checkout.join("Cargo.lock"))
            .is_ok_and(|theirs| sha256_hex(&theirs) == lock_sha256);
        let git = |arguments: &[&str]| ours.then(|| git(checkout, arguments)).flatten();
        let commit = git(&["rev-parse", "HEAD"]).filter(|commit| is_object_name(commit));
        Self {
            dirty: commit
                .is_some()
                .then(|| git(&["status", "--porcelain"]))
                .flatten()
                .map(|changes| !changes.is_empty()),
            commit,
            lock_sha256: Some(lock_sha256),
            binary_sha256: env::current_exe()
                .and_then(fs::read)
                .ok()
                .map(|binary| sha256_hex(&binary)),
            rustc: option_env!("AUTHBENCH_RUSTC").map(str::to_owned),
            profile: option_env!("AUTHBENCH_PROFILE").map(str::to_owned),
        }
    }

    /// The first eight digits of the commit: what files are named by.
    #[must_use]
    pub fn short_commit(&self) -> Option<&str> {
        self.commit
            .as_deref()
            .map(|commit| commit.get(..8).unwrap_or(commit))
    }
}

/// What git prints, trimmed; None if there is no git or it says no.
fn git(checkout: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(checkout)
        .args(arguments)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// SHA-1 or SHA-256 in hexadecimal.
fn is_object_name(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|octet| octet.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_tree_gives_no_commit() {
        let folder = tempfile::tempdir().unwrap();
        let source = Source::read(folder.path());
        assert_eq!((source.commit, source.dirty), (None, None));
        assert_eq!(source.binary_sha256.map(|hex| hex.len()), Some(64));
        assert!(
            source
                .rustc
                .is_some_and(|version| version.starts_with("rustc "))
        );
        assert!(source.profile.is_some());
    }

    #[test]
    fn our_own_tree_gives_its_commit_and_its_state() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Cargo.lock"), LOCK_FILE).unwrap();
        let run = |arguments: &[&str]| git(folder.path(), arguments).unwrap();
        run(&["init", "-q"]);
        run(&["add", "."]);
        let who = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
        run(&[&who[..], &["commit", "-q", "--no-verify", "-m", "x"]].concat());
        let clean = Source::read(folder.path());
        assert_eq!(clean.dirty, Some(false));
        assert_eq!(clean.short_commit().map(str::len), Some(8));
        fs::write(folder.path().join("new"), "x").unwrap();
        assert_eq!(Source::read(folder.path()).dirty, Some(true));
    }
}
