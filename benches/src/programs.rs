//! Programs that counting needs beside cargo.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// A program that is not ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Program {
    /// Valgrind, which counts instructions.
    Valgrind,
    /// `gungraun-runner`, of the version of the library.
    Runner,
}

impl Program {
    const fn name(self) -> &'static str {
        match self {
            Self::Valgrind => "valgrind",
            Self::Runner => "gungraun-runner",
        }
    }

    const fn way_out(self) -> &'static str {
        match self {
            Self::Valgrind => "install the package `valgrind`",
            Self::Runner => {
                "install it with `cargo install gungraun-runner --version 0.20.0`, of the very \
                 version of the library in Cargo.lock"
            }
        }
    }
}

/// Where programs are looked for: `PATH`, and before it the folder `bin` in
/// `own`, where the gate puts what it installs.
///
/// # Errors
/// When one of `programs` is in neither, with the way out.
pub fn path_with(programs: &[Program], own: &Path) -> Result<OsString> {
    let mut folders = vec![own.join("bin")];
    folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    for program in programs {
        if !is_in(&folders, program.name()) {
            bail!(
                "*** NOTHING IS COUNTED: there is no `{}`: {} ***",
                program.name(),
                program.way_out()
            );
        }
    }
    env::join_paths(folders).context("PATH cannot be made longer")
}

fn is_in(folders: &[PathBuf], program: &str) -> bool {
    folders.iter().any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        for name in ["valgrind", "gungraun-runner"] {
            std::fs::write(bin.join(name), "").unwrap();
        }
        let both = [Program::Valgrind, Program::Runner];
        let path = path_with(&both, folder.path()).unwrap();
        assert_eq!(env::split_paths(&path).next(), Some(bin));
        assert!(!is_in(&[folder.path().to_owned()], "valgrind"));
    }
}
