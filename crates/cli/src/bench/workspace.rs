//! The workspace that the benches are in, as cargo sees it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::exit::UsageError;

const PACKAGE: &str = "authbench-benches";

/// Where this program was built.
const BUILT_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// A workspace with our benches in it.
pub(crate) struct Workspace {
    /// Its folder.
    pub(crate) root: PathBuf,
    /// Cargo's target folder.
    pub(crate) target: PathBuf,
    /// The names of the benches.
    pub(crate) benches: Vec<String>,
}

/// What `cargo metadata` says, as far as it matters.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

impl Workspace {
    /// The workspace around the current folder, if it has our benches, or else
    /// the one that this program was built in, if that is still there.
    ///
    /// # Errors
    /// When there is no cargo, or neither is such a workspace.
    pub(crate) fn find() -> Result<Self> {
        for folder in [Path::new("."), Path::new(BUILT_IN)] {
            if let Some(found) = Self::around(folder)? {
                return Ok(found);
            }
        }
        Err(UsageError(format!(
            "there are no benches here: run it in a checkout of authbench, \
             or have the one that it was built in, {BUILT_IN}"
        ))
        .into())
    }

    /// Runs one bench; its output goes to standard error.
    ///
    /// # Errors
    /// When it fails.
    pub(crate) fn run(
        &self,
        name: &str,
        quick: bool,
        services: &[(&'static str, String)],
    ) -> Result<()> {
        let mut cargo = cargo();
        cargo
            .args(["bench", "-p", PACKAGE, "--bench", name])
            .current_dir(&self.root)
            .env("CRITERION_HOME", self.criterion())
            .envs(services.iter().map(|(name, url)| (name, url)))
            // Standard output is for the table.
            .stdout(Stdio::from(std::io::stderr()));
        if quick {
            cargo.args(["--", "--quick"]);
        }
        let status = cargo.status().context("cargo cannot be run")?;
        if !status.success() {
            bail!("the bench `{name}` failed: {status}");
        }
        Ok(())
    }

    /// Where criterion keeps its estimates.
    pub(crate) fn criterion(&self) -> PathBuf {
        self.target.join("criterion")
    }

    /// Where our own benches put what criterion does not estimate.
    pub(crate) fn own(&self) -> PathBuf {
        self.target.join("authbench")
    }

    /// Where benches put what they count.
    pub(crate) fn counted(&self) -> PathBuf {
        self.target.join("authbench-counted")
    }

    /// The workspace around `folder`, if it has our benches.
    ///
    /// # Errors
    /// When there is no cargo.
    pub(crate) fn around(folder: &Path) -> Result<Option<Self>> {
        if !folder.is_dir() {
            return Ok(None);
        }
        let mut asked = cargo();
        asked
            .args(["metadata", "--format-version", "1", "--no-deps"])
            .current_dir(folder);
        let output = match asked.output() {
            Ok(output) => output,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(UsageError(
                    "benches are compiled when they are run, and there is no cargo: install \
                     Rust (https://rustup.rs), or set CARGO to where cargo is"
                        .to_owned(),
                )
                .into());
            }
            Err(error) => return Err(error).context("cargo cannot be run"),
        };
        if !output.status.success() {
            // No workspace here.
            return Ok(None);
        }
        let said: Metadata = serde_json::from_slice(&output.stdout)
            .context("cargo describes the workspace in an unknown way")?;
        let ours = said.packages.into_iter().find(|it| it.name == PACKAGE);
        Ok(ours.map(|package| Self {
            root: said.workspace_root,
            target: said.target_directory,
            benches: package.benches(),
        }))
    }
}

impl Package {
    fn benches(self) -> Vec<String> {
        let benches = self.targets.into_iter();
        let benches = benches.filter(|it| it.kind.iter().any(|kind| kind == "bench"));
        let mut names: Vec<String> = benches.map(|it| it.name).collect();
        names.sort();
        names
    }
}

/// Cargo.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
