//! `authbench control`: the frozen control workload, for `compare` and `gate`.

use anyhow::{Context as _, Result};

use crate::exit::Outcome;

/// Do small units of fixed work until standard input ends.
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn execute(_: &Args) -> Result<Outcome> {
    authbench_lab::control::run().context("the control workload ended")?;
    Ok(Outcome::Good)
}
