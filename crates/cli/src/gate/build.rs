//! Builds the programs that are compared: a revision in a worktree of its own,
//! the working tree as it is. Both into one folder of build products, so that
//! the libraries of others are compiled once, and away from the folder that
//! people build into; and both are copied from there, so that nothing that is
//! edited or built later changes what is measured.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use authbench_results::{Source, sha256_hex};
use tempfile::TempDir;

/// Below the root of a working tree: what is built, and copied.
const FOLDER: &str = "target/authbench-gate";
/// How many digits of a commit name its worktree.
const SHORT_DIGITS: usize = 12;
const PROGRAM: &str = "authbench";

/// The program of `commit`, and the worktree of its sources. A program that was
/// built before is taken as it is.
///
/// # Errors
/// When git or cargo refuses.
pub(crate) fn revision(root: &Path, commit: &str) -> Result<(PathBuf, PathBuf)> {
    let folder = root.join(FOLDER);
    let short = commit.get(..SHORT_DIGITS).unwrap_or(commit);
    let worktree = folder.join(short);
    if !worktree.join("Cargo.toml").is_file() {
        fs::create_dir_all(&folder)
            .with_context(|| format!("the folder `{}` cannot be made", folder.display()))?;
        // Forced, since the folder may have been removed without git's knowing.
        let place = worktree.to_string_lossy();
        git(
            root,
            &["worktree", "add", "--force", "--detach", &place, commit],
        )
        .context("the revision cannot be checked out: `git worktree prune` may help")?;
    }
    let kept = folder.join("bin").join(commit).join(PROGRAM);
    if !kept.is_file() {
        let head = git(&worktree, &["rev-parse", "HEAD"])?;
        let changes = git(&worktree, &["status", "--porcelain"])?;
        if head != commit || !changes.is_empty() {
            let place = worktree.display();
            bail!(
                "the worktree `{place}` is not as revision {short} is: remove it \
                 (`git worktree remove --force {place}`)"
            );
        }
        build(&worktree, &folder, &kept)
            .with_context(|| format!("the revision {short} cannot be built"))?;
    }
    Ok((kept, worktree))
}

/// The program of the working tree at `root`, built as it is.
///
/// # Errors
/// When cargo refuses.
pub(crate) fn tree(root: &Path) -> Result<PathBuf> {
    let folder = root.join(FOLDER);
    let kept = folder.join("bin").join("tree").join(PROGRAM);
    build(root, &folder, &kept).context("the working tree cannot be built")?;
    Ok(kept)
}

/// A copy of `program`, and the folder that it goes with; none of a script, which
/// may rely on where it stands.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn own_copy(program: &Path, octets: &[u8]) -> Result<Option<(PathBuf, TempDir)>> {
    if octets.starts_with(b"#!") {
        return Ok(None);
    }
    let folder = tempfile::tempdir().context("there is no folder for temporary files")?;
    let copy = folder.path().join(PROGRAM);
    fs::copy(program, &copy)
        .with_context(|| format!("`{}` cannot be copied", program.display()))?;
    Ok(Some((copy, folder)))
}

/// What is known of the sources at `root`.
pub(crate) fn source(root: &Path) -> Source {
    let lock = fs::read(root.join("Cargo.lock")).ok();
    Source {
        commit: git(root, &["rev-parse", "HEAD"]).ok(),
        dirty: git(root, &["status", "--porcelain"])
            .ok()
            .map(|changes| !changes.is_empty()),
        lock_sha256: lock.map(|octets| sha256_hex(&octets)),
        binary_sha256: None,
        rustc: compiler(root),
        profile: Some("release".to_owned()),
    }
}

/// What git prints, trimmed.
///
/// # Errors
/// When there is no git, or it refuses: with what it said.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("`git` cannot be started: is it installed?")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`git {}` refused: {}", arguments.join(" "), said.trim());
    }
    let text = String::from_utf8(output.stdout).context("git wrote no text")?;
    Ok(text.trim().to_owned())
}

/// Builds the sources in `worktree`, and keeps a copy of the program.
fn build(worktree: &Path, folder: &Path, kept: &Path) -> Result<()> {
    eprintln!("building {} (release)", worktree.display());
    let products = folder.join("target");
    let status = Command::new("cargo")
        .args(["build", "--release", "--locked", "-p", "authbench-cli"])
        .arg("--target-dir")
        .arg(&products)
        .current_dir(worktree)
        // The worktree says which compiler it is for, not whoever started us.
        .env_remove("RUSTUP_TOOLCHAIN")
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status()
        .context("`cargo` cannot be started: is it installed?")?;
    if !status.success() {
        bail!("`cargo build` failed ({status}); what it said stands above");
    }
    copy(&products.join("release").join(PROGRAM), kept)
}

/// Copies a program; who comes in between finds it whole or not at all. One
/// that runs meanwhile keeps what it has.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let folder = to.parent().context("a program stands in a folder")?;
    let partial = folder.join(format!("{PROGRAM}.{}.partial", std::process::id()));
    fs::create_dir_all(folder)
        .and_then(|()| fs::copy(from, &partial))
        .and_then(|_| fs::rename(&partial, to))
        .with_context(|| {
            let (from, to) = (from.display(), to.display());
            format!("the program `{from}` cannot be copied to `{to}`")
        })
}

/// The compiler that the sources in `folder` ask for.
fn compiler(folder: &Path) -> Option<String> {
    let output = Command::new("rustc")
        .arg("--version")
        .current_dir(folder)
        .env_remove("RUSTUP_TOOLCHAIN")
        .stdin(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
