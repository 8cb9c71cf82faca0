//! `authbench merge`: one result out of those of a run's shards.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::exit::{Outcome, UsageError};
use crate::run::show;
use crate::term::Format;

/// Put the results of a run's shards together; histograms are added exactly.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The result files of all shards, in any order.
    #[arg(required = true, num_args = 1..)]
    results: Vec<PathBuf>,
    /// The folder for the merged result.
    #[arg(long, default_value = "results/runs", value_name = "DIR")]
    out: PathBuf,
    /// The shape of the output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn execute(args: &Args) -> Result<Outcome> {
    let mut parts = Vec::with_capacity(args.results.len());
    for file in &args.results {
        let part = authbench_results::store::read(file).map_err(|error| {
            let message = format!("`{}` is no result to merge", file.display());
            anyhow::Error::from(error).context(UsageError(message))
        })?;
        parts.push(part);
    }
    let merged = authbench_results::merge(parts).map_err(|error| {
        anyhow::Error::from(error).context(UsageError(
            "the results are not the shards of one run".to_owned(),
        ))
    })?;
    for warning in &merged.run.warnings {
        eprintln!("warning: {warning}");
    }
    let saved =
        authbench_results::store::write_or_rescue(&args.out, &std::env::temp_dir(), &merged)
            .context("the merged result is lost")?;
    show::result(&merged, &saved, args.format)
}
