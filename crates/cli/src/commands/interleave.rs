//! `authbench interleave`: the raw samples of an interleaved comparison,
//! unjudged, for those who work on the measurement itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use authbench_engine::EngineKind;
use authbench_gate::Rules;
use authbench_lab::cores;
use authbench_results::Round;

use crate::exit::Outcome;
use crate::gate::arm::{Arm, Injection};
use crate::gate::control::Control;
use crate::gate::interleave::{self, Task};
use crate::gate::lineup::Lineup;
use crate::gate::pilot;
use crate::gate::progress::Progress;
use crate::gate::side::Named;
use crate::gate::stage::Stage;
use crate::run;
use crate::run::library;
use crate::run::served::Grounds;

/// Measure two programs interleaved, and print the blocks: one JSON object a
/// line, the pilot's figures first.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A program, a revision, or `.` for the working tree.
    base: String,
    /// Likewise; the base again if absent.
    candidate: Option<String>,
    /// Rules in place of those that come with the program.
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// From which everything random follows.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Another candidate, slower by so many percent of a request's CPU time.
    #[arg(long, value_name = "PERCENT")]
    inject: Vec<f64>,
}

pub(crate) fn execute(args: &Args) -> Result<Outcome> {
    let rules = match &args.rules {
        Some(file) => Rules::read(file)?,
        None => Rules::default(),
    };
    let here = std::env::current_dir().context("there is no current folder")?;
    let arms = arms(args, &here)?;
    let stop = crate::stop::at_ctrl_c()?;
    let (scenario, source) = library::scenario(&rules.scenario)?;
    let lineup = Lineup::of(&scenario, &source, rules.with_services)?;
    let placement = cores::split(1).context("the machine does not tell its cores")?;
    let strategies = lineup.strategies();
    let blocks = u64::from(rules.blocks) * strategies.len() as u64;
    let progress = Progress::new(strategies.len() as u64 + blocks, false);
    for one in &lineup.left_out {
        progress.warn(&format!("{} is LEFT OUT: {}", one.strategy, one.reason));
    }
    for warning in run::prepare_thread(&placement) {
        progress.warn(&warning);
    }
    let control = Control::start(&placement)?;
    let grounds = Grounds {
        placement: &placement,
        services: &lineup.services,
        engine: EngineKind::default(),
        threads: Some(1),
    };
    let stage = Stage {
        grounds: &grounds,
        scenario: &scenario,
        candidates: &lineup.candidates,
        rules: &rules,
        control: &control,
        seed: args.seed,
        stop: &stop,
        progress: &progress,
    };
    let pilots = pilot::pilot(&stage, &arms[0], &strategies)?;
    let task = Task {
        strategies: &strategies,
        round: Round::Find,
        blocks: rules.blocks,
        first_index: 0,
    };
    let measured = interleave::measure(&stage, &arms, &pilots, task)?;
    progress.finish();
    let rates_per_s: BTreeMap<_, _> = pilots
        .iter()
        .map(|(strategy, pilot)| (strategy, pilot.rate_per_s))
        .collect();
    crate::term::say(serde_json::to_string(&rates_per_s)?)?;
    for block in &measured {
        crate::term::say(serde_json::to_string(block)?)?;
    }
    Ok(Outcome::Good)
}

fn arms(args: &Args, here: &Path) -> Result<Vec<Arm>> {
    let named = [Some(&args.base), args.candidate.as_ref()];
    let mut arms = Vec::new();
    for text in named.into_iter().flatten() {
        arms.push(Named::find(text, here)?.make()?.arm(None));
    }
    let base = arms[0].clone();
    if args.candidate.is_none() {
        arms.push(base.clone());
    }
    arms.extend(args.inject.iter().map(|percent| Arm {
        injection: Some(Injection {
            percent: *percent,
            operation: None,
        }),
        ..base.clone()
    }));
    Ok(arms)
}
