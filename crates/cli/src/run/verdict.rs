//! The conformance checks that stand before every measurement: the figures of
//! a strategy that fails them are crossed out in every table.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use authbench_catalog::Recipe;
use authbench_conformance::{Options, run};
use authbench_results::Conformance;

use crate::conform::ours::{Ours, OursOptions};
use crate::services::Services;

/// Which checks are made before a strategy is measured.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Checks {
    /// All of them: a minute or so for each strategy.
    Full,
    /// Those without waiting, faults and statistics: some seconds each.
    #[default]
    Quick,
    /// None; the result says so.
    Off,
}

/// What the checks say of a recipe, served by processes of its own; none if
/// they are off.
///
/// # Errors
/// When the recipe could not be tried, which says nothing about it.
pub(crate) fn of(
    recipe: &Recipe,
    services: &Arc<Services>,
    checks: Checks,
) -> Result<Option<Conformance>> {
    if checks == Checks::Off {
        return Ok(None);
    }
    let options = Options {
        quick: checks == Checks::Quick,
        ..Options::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the program's threads could not be started")?;
    let ours = Ours::launch(recipe, services, &OursOptions::default())?;
    let target = ours.target()?;
    let report = runtime.block_on(run(&target, &options, &mut |_| {}))?;
    Ok(Some(report.summary()))
}
