//! The sequences of steps that CI and a developer run.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::{layers, schema, tidy};

/// Everything, in the order of cost.
pub(crate) fn ci(root: &Path, no_test: bool) -> Result<()> {
    cargo(root, &["fmt", "--all", "--check"])?;
    cargo(
        root,
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    )?;
    if has(root, "deny") {
        cargo(root, &["deny", "check"])?;
    } else {
        note("cargo-deny is not installed: advisories, licences and bans are NOT checked here");
    }
    if no_test { Ok(()) } else { test(root, &[]) }
}

/// The checks that need no extra tool, then the tests. `runner_args` go to the test runner.
pub(crate) fn test(root: &Path, runner_args: &[String]) -> Result<()> {
    tidy::run(root)?;
    layers::run(root)?;
    schema::run(root, true)?;
    // First the few examples of the docs, so that the last line is the summary of the tests.
    cargo(root, &["test", "--doc", "--workspace"])?;
    let mut arguments = if has(root, "nextest") {
        vec!["nextest", "run", "--workspace"]
    } else {
        note("cargo-nextest is not installed: running `cargo test` instead");
        vec!["test", "--workspace", "--lib", "--bins", "--tests"]
    };
    arguments.extend(runner_args.iter().map(String::as_str));
    cargo(root, &arguments)
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<()> {
    println!("\n$ cargo {}", arguments.join(" "));
    let status = command(root, arguments)
        .status()
        .context("cannot start cargo")?;
    ensure!(
        status.success(),
        "`cargo {}` failed ({status})",
        arguments.join(" ")
    );
    Ok(())
}

/// Whether cargo knows `subcommand`.
fn has(root: &Path, subcommand: &str) -> bool {
    command(root, &[subcommand, "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn command(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root);
    command
}

fn note(text: &str) {
    println!("\n*** NOTE: {text} ***");
}
