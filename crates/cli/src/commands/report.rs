//! `authbench report`: the page of a result file, made anew.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::exit::{Outcome, UsageError};

/// Write the HTML page of a result file.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A result file (`results/runs/.../*.json`).
    result: PathBuf,
    /// Where to write the page; beside the result if absent.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn execute(args: &Args) -> Result<Outcome> {
    let result = authbench_results::store::read(&args.result).map_err(|error| {
        let message = format!("`{}` is no result to show", args.result.display());
        anyhow::Error::from(error).context(UsageError(message))
    })?;
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| args.result.with_extension("html"));
    std::fs::write(&out, authbench_report::page(&result))
        .with_context(|| format!("the page could not be written to `{}`", out.display()))?;
    crate::term::say(out.display())?;
    Ok(Outcome::Good)
}
