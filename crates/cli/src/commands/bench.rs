//! `authbench bench`: runs the criterion benches of the workspace and keeps
//! what they find.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::bench::{self, Plan};
use crate::exit::Outcome;
use crate::gate::compare::standing;
use crate::term::Format;

/// Measure what single operations of strategies and stores cost (needs cargo
/// and the source of authbench).
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The benches to run; if absent, those that go through all strategies.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// A look instead of a measurement: few samples, wide intervals.
    #[arg(long)]
    quick: bool,
    /// The folder for results.
    #[arg(long, default_value = "results/runs", value_name = "DIR")]
    out: PathBuf,
    /// The shape of the output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn execute(args: &Args) -> Result<Outcome> {
    let plan = Plan::new(&args.names, args.quick)?;
    let mut result = bench::run(&plan)?;
    match standing(args.out.parent().unwrap_or(Path::new("."))) {
        Ok(standing) => result.qualification = standing,
        Err(error) => result.run.warnings.push(format!("{error:#}")),
    }
    let saved =
        authbench_results::store::write_or_rescue(&args.out, &std::env::temp_dir(), &result)
            .context("the result is lost")?;
    bench::show(&result, &saved, args.format)
}
