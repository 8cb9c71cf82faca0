//! `authbench results validate`: whether files can be believed.

use std::path::PathBuf;

use anyhow::Result;

use crate::exit::Outcome;

/// Check result files: their schema, and that they do not contradict themselves.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Result files.
    #[arg(required = true, num_args = 1.., value_name = "PATH")]
    paths: Vec<PathBuf>,
}

pub(crate) fn execute(args: &Args) -> Result<Outcome> {
    let mut outcome = Outcome::Good;
    for path in &args.paths {
        if let Err(error) = authbench_results::store::read(path) {
            crate::term::say(format!("{:#}", anyhow::Error::from(error)))?;
            outcome = Outcome::Bad;
        }
    }
    Ok(outcome)
}
