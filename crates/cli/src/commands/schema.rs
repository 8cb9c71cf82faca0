//! `authbench schema`: the JSON Schema of result files.

use anyhow::Result;

use crate::exit::Outcome;

/// Print the JSON Schema of result files.
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn execute(_: &Args) -> Result<Outcome> {
    crate::term::say(authbench_results::schema::json().trim_end())?;
    Ok(Outcome::Good)
}
