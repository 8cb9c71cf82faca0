//! The tasks of a developer and of CI: `cargo xtask ci` is all that CI runs.

mod ci;
mod k6;
mod layers;
mod schema;
mod services;
mod tidy;
mod verdicts;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

/// Tasks for this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Formatting, lints, dependencies, then all that `test` does: what CI runs.
    Ci {
        /// Leave out what `test` does.
        #[arg(long)]
        no_test: bool,
    },
    /// Tidiness, layers, schema, then all tests. Sees to it that redis-server, PostgreSQL and
    /// MariaDB are there: installs them (root, Debian), else runs them in Docker, else says what
    /// to install and fails.
    Test {
        /// Arguments for the test runner, a filter for one.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        runner_args: Vec<String>,
    },
    /// Runs a command with a server of each kind: `cargo xtask with-servers cargo nextest run -p
    /// authbench-stores`.
    WithServers {
        /// The command; it finds the servers by the environment.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// The state machine over every recipe, optimized.
    Machine {
        /// How many histories each recipe is put through; the test's own number without it.
        #[arg(long)]
        cases: Option<u32>,
    },
    /// The kill table: which conformance check finds which flaw of the specimen, optimized.
    Mutants {
        /// Arguments for the table: flaws, checks or groups, `--evidence`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        table_args: Vec<String>,
    },
    /// Checks the style of the files; each message names its mend.
    Tidy,
    /// Checks who imports whom.
    Layers,
    /// Writes the JSON Schema of result files.
    Schema {
        /// Only compare it with the file.
        #[arg(long)]
        check: bool,
    },
    /// Writes the tables of docs/strategies.md.
    Verdicts {
        /// The folder of verdicts that AUTHBENCH_SUMMARY named to the state machine.
        folder: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(&Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> Result<()> {
    let root = workspace_root()?;
    match task {
        Task::Ci { no_test } => ci::ci(&root, *no_test),
        Task::Test { runner_args } => ci::test(&root, runner_args),
        Task::WithServers { command } => ci::with_servers(&root, command),
        Task::Machine { cases } => ci::machine(&root, *cases),
        Task::Mutants { table_args } => ci::mutants(&root, table_args),
        Task::Tidy => tidy::run(&root),
        Task::Layers => layers::run(&root),
        Task::Schema { check } => schema::run(&root, *check),
        Task::Verdicts { folder } => verdicts::run(&root, folder),
    }
}

/// The folder of the workspace's `Cargo.toml`, wherever the task was called from.
fn workspace_root() -> Result<PathBuf> {
    let here = env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").into());
    let root = Path::new(&here)
        .ancestors()
        .nth(2)
        .context("xtask stands in no workspace")?;
    Ok(root.to_owned())
}
