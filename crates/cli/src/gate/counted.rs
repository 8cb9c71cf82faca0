//! What benches count: exact figures and instructions, of the code in one tree.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use authbench_results::{CountedFigure, Counts, Environment, Placement, Toolchain};
use serde::Deserialize;

use crate::bench::workspace::Workspace;
use crate::services::Services;

/// The benches that count, in the order in which they run.
const BENCHES: [&str; 2] = ["exact", "instructions"];

/// Set to anything, it keeps the runner from being installed.
pub(crate) const OFFLINE: &str = "AUTHBENCH_OFFLINE";

const RUNNER: &str = "gungraun-runner";

/// What was counted.
pub(crate) struct Counted {
    /// The figures, in the order of their names.
    pub(crate) figures: Vec<CountedFigure>,
    /// What instruction counts depend on beside the code.
    pub(crate) toolchain: Toolchain,
    /// What could not be counted, each with its reason.
    pub(crate) skipped: Vec<String>,
}

/// Builds and runs the benches of the checkout `tree` that count, on stores'
/// servers that `services` knows. What they print goes to standard error.
///
/// The program that counts instructions is installed below cargo's target
/// folder if it is nowhere, unless [`OFFLINE`] or cargo's own
/// `CARGO_NET_OFFLINE` is set.
///
/// # Errors
/// When `tree` is no checkout with our benches. A bench that is missing or fails
/// is no error: it is among what was skipped.
pub(crate) fn counted(tree: &Path, services: &Services) -> Result<Counted> {
    let workspace = Workspace::around(tree)?.with_context(|| {
        format!(
            "{} is no checkout of authbench: there are no benches in it",
            tree.display()
        )
    })?;
    let mut all = Counts::default();
    for bench in BENCHES {
        match run(&workspace, bench, services) {
            Ok(counts) => {
                all.figures.extend(counts.figures);
                all.skipped.extend(counts.skipped);
            }
            Err(error) => all
                .skipped
                .push(format!("everything of `{bench}`: {error:#}")),
        }
    }
    let name = |it: &CountedFigure| (it.strategy.clone(), it.metric.clone());
    all.figures.sort_by_cached_key(name);
    Ok(Counted {
        figures: all.figures,
        toolchain: toolchain(&workspace.root),
        skipped: all.skipped,
    })
}

fn run(workspace: &Workspace, bench: &str, services: &Services) -> Result<Counts> {
    if !workspace.benches.iter().any(|it| it == bench) {
        bail!("the code in {} has no such bench", workspace.root.display());
    }
    let mut environment = services.environment();
    if bench == "instructions" {
        let path = runner(workspace)?;
        let path = path.into_string();
        let path = path.map_err(|_| anyhow::anyhow!("PATH is not UTF-8: make it so"))?;
        environment.push(("PATH", path));
    }
    let file = workspace.counted().join(format!("{bench}.json"));
    match fs::remove_file(&file) {
        // A file of before is none of this run's.
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("{} cannot be removed", file.display()));
        }
        _ => {}
    }
    workspace.run(bench, false, &environment)?;
    let text = fs::read(&file).with_context(|| format!("it left no {}", file.display()))?;
    serde_json::from_slice(&text)
        .with_context(|| format!("{} is not what a bench writes", file.display()))
}

/// `PATH` with the folder of the right runner before it.
fn runner(workspace: &Workspace) -> Result<OsString> {
    let wanted = locked(&workspace.root, "gungraun")?;
    let root = workspace.counted();
    let own = root.join("bin");
    let mut folders = vec![own.clone()];
    folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    let path = env::join_paths(&folders).context("PATH cannot be made longer")?;
    let is_there = |folder: &PathBuf| version(&folder.join(RUNNER)).as_deref() == Some(&wanted);
    // The first that is found is the one that runs.
    let found = folders.iter().find(|folder| folder.join(RUNNER).is_file());
    if found.is_some_and(is_there) {
        return Ok(path);
    }
    let offline = |name: &str| env::var_os(name).is_some_and(|it| !it.is_empty() && it != "false");
    if offline(OFFLINE) || offline("CARGO_NET_OFFLINE") {
        bail!(
            "there is no {RUNNER} {wanted}, and nothing may be fetched: run `cargo install \
             {RUNNER} --version {wanted} --root {}` first",
            root.display()
        );
    }
    eprintln!("installing {RUNNER} {wanted} in {}", root.display());
    let status = crate::bench::workspace::cargo()
        .args([
            "install",
            RUNNER,
            "--locked",
            "--force",
            "--version",
            &wanted,
            "--root",
        ])
        .arg(&root)
        .stdout(Stdio::from(std::io::stderr()))
        .status()
        .context("cargo cannot be run")?;
    if !status.success() || !is_there(&own) {
        bail!("{RUNNER} {wanted} could not be installed: {status}");
    }
    Ok(path)
}

/// The version of `package` in the lock file of `root`.
fn locked(root: &Path, package: &str) -> Result<String> {
    #[derive(Deserialize)]
    struct Lock {
        package: Vec<Locked>,
    }
    #[derive(Deserialize)]
    struct Locked {
        name: String,
        version: String,
    }
    let file = root.join("Cargo.lock");
    let text =
        fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    let lock: Lock =
        toml::from_str(&text).with_context(|| format!("{} is no lock file", file.display()))?;
    let found = lock.package.into_iter().find(|it| it.name == package);
    let found = found.with_context(|| format!("{} names no {package}", file.display()))?;
    Ok(found.version)
}

/// The last word of what `program` says of its version.
fn version(program: &Path) -> Option<String> {
    let said = said(Command::new(program).arg("--version"))?;
    said.rsplit(' ').next().map(str::to_owned)
}

fn toolchain(root: &Path) -> Toolchain {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    Toolchain {
        fingerprint: Some(Environment::read(Placement::default()).fingerprint),
        rustc: said(Command::new(rustc).arg("--version").current_dir(root)),
        valgrind: said(Command::new("valgrind").arg("--version")),
    }
}

/// The first line that it prints, if it ends well.
fn said(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next()?.trim().to_owned();
    (output.status.success() && !line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runner_is_of_the_version_of_the_library() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let version = locked(&root, "gungraun").unwrap();
        assert_eq!(version, locked(&root, RUNNER).unwrap());
        let error = locked(&root, "no-such-package").unwrap_err().to_string();
        assert!(
            error.contains("Cargo.lock names no no-such-package"),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_checkout_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let outcome = counted(folder.path(), &Services::default());
        let error = outcome.err().unwrap().to_string();
        assert!(error.contains("no checkout of authbench"), "{error}");
    }
}
