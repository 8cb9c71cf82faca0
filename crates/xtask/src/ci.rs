//! The sequences of steps that CI and a developer run.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use authbench_lab::services::Service;

use crate::services::Services;
use crate::{k6, layers, schema, tidy};

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
    let mut services = Services::ensure(root)?;
    match k6::ensure(root) {
        Ok(program) => services
            .env
            .push((k6::VARIABLE, program.display().to_string())),
        Err(reason) => note(&format!(
            "{reason}: exported scripts are NOT run with k6 here"
        )),
    }
    // First the few examples of the docs, so that the last line is the summary of the tests.
    cargo(root, &["test", "--doc", "--workspace"])?;
    let mut arguments = if has(root, "nextest") {
        vec!["nextest", "run", "--workspace"]
    } else {
        note("cargo-nextest is not installed: running `cargo test` instead");
        vec!["test", "--workspace", "--lib", "--bins", "--tests"]
    };
    arguments.extend(runner_args.iter().map(String::as_str));
    let left_out = left_out(&services.not_ours);
    if !left_out.is_empty() && !arguments.contains(&"--") {
        arguments.push("--");
    }
    arguments.extend(left_out.iter().flat_map(|name| ["--skip", name]));
    cargo_with(root, &arguments, &services.env)
}

/// The state machine over every recipe, in an optimized build.
pub(crate) fn machine(root: &Path, cases: Option<u32>) -> Result<()> {
    let mut services = Services::ensure(root)?;
    let cases = cases.map(|cases| ("AUTHBENCH_CASES", cases.to_string()));
    services.env.extend(cases);
    let arguments = [
        "test",
        "--release",
        "--package",
        "authbench-catalog",
        "--test",
        "state_machine",
        "--",
        "--nocapture",
    ];
    cargo_with(root, &arguments, &services.env)
}

/// Makes the kill table of the conformance checks.
pub(crate) fn mutants(root: &Path, table_args: &[String]) -> Result<()> {
    let mut arguments = vec![
        "run",
        "--release",
        "--quiet",
        "--package",
        "authbench-mutants",
        "--",
    ];
    arguments.extend(table_args.iter().map(String::as_str));
    cargo_with(root, &arguments, &[])
}

/// Runs `command` where this was called, with a server of each kind.
pub(crate) fn with_servers(root: &Path, command: &[String]) -> Result<()> {
    let services = Services::ensure(root)?;
    let [program, arguments @ ..] = command else {
        bail!("no command");
    };
    let status = Command::new(program)
        .args(arguments)
        .envs(services.env.iter().map(|(name, value)| (name, value)))
        .status()
        .with_context(|| format!("cannot start {program}"))?;
    ensure!(status.success(), "`{program}` failed ({status})");
    Ok(())
}

/// Parts of the names of tests that start, and kill, servers of which there is no program here,
/// only a URL or a container. It is said aloud that they are left out.
fn left_out(not_ours: &[Service]) -> Vec<String> {
    let name = |service: &Service| {
        note(&format!(
            "there is no program of {service} on this machine, only a server of somebody else's: \
             crash and restart are NOT tested with it"
        ));
        format!("private_{service}")
    };
    not_ours.iter().map(name).collect()
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<()> {
    cargo_with(root, arguments, &[])
}

fn cargo_with(root: &Path, arguments: &[&str], env: &[(&str, String)]) -> Result<()> {
    println!("\n$ cargo {}", arguments.join(" "));
    let status = command(root, arguments)
        .envs(env.iter().map(|(name, value)| (name, value)))
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
