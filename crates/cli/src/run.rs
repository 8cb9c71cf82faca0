//! One run: every strategy of a scenario behind its own server process, put
//! under load in interleaved blocks by one driver.

mod board;
pub(crate) mod cells;
pub(crate) mod contender;
pub(crate) mod convert;
pub(crate) mod facts;
pub(crate) mod library;
pub(crate) mod machine;
pub(crate) mod progress;
pub(crate) mod show;

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};
use authbench_catalog::Recipe;
use authbench_core::Clock as _;
use authbench_core::system::{SystemClock, monotonic_ns};
use authbench_lab::{Placement, cores, timer};
use authbench_load::Scenario;
use authbench_results::{
    Cell, Environment, Health, Purpose, Run, RunResult, SchemaVersion, Skipped, Snapshot, Source,
    StrategyFacts, rfc3339,
};

use crate::run::contender::{Contender, Grounds};
use crate::run::machine::Machine;
use crate::run::progress::Progress;
use crate::services::Services;

/// What is to be run.
pub(crate) struct Plan {
    /// The scenario's name in results.
    pub(crate) name: String,
    /// What it says.
    pub(crate) scenario: Scenario,
    /// Its strategies, found.
    pub(crate) recipes: Vec<Recipe>,
    /// Whether the strategies were named on the command line: then none may be
    /// left out.
    pub(crate) asked_for: bool,
    /// What for.
    pub(crate) purpose: Purpose,
}

/// Runs `plan`. When `stop` becomes true, the run ends early and returns what
/// was measured so far.
///
/// # Errors
/// When not one strategy's server could be started, or the machine does not
/// tell its cores.
pub(crate) fn run(
    plan: &Plan,
    placement: &Placement,
    stop: &AtomicBool,
    progress: &Progress,
) -> Result<RunResult> {
    let started_at_ms = SystemClock.now().0;
    let mut warnings = prepare_thread(placement);
    let before = (Snapshot::take(), monotonic_ns());
    let services = Services::obtain(&plan.recipes);
    let grounds = Grounds {
        placement,
        services: &services,
    };
    let (mut contenders, skipped) = start_all(plan, &grounds, stop, progress);
    if contenders.is_empty() {
        let reasons: Vec<String> = skipped
            .iter()
            .map(|one| format!("{}: {}", one.strategy, one.reason))
            .collect();
        bail!("no strategy could be measured\n  {}", reasons.join("\n  "));
    }
    let machine = Machine::new(placement);
    cells::measure_all(&mut contenders, &plan.scenario, &machine, stop, progress)?;
    facts::measure_revocations(&mut contenders, &plan.scenario, stop, progress);
    progress.finish();
    let whole = before.0.until(&Snapshot::take(), None);
    let measured = gather(contenders, skipped, &mut warnings);
    Ok(RunResult {
        schema: SchemaVersion::V1,
        run: Run {
            id: format!("{started_at_ms:x}-{:x}", std::process::id()),
            started_at: rfc3339(started_at_ms),
            ended_at: rfc3339(started_at_ms + (monotonic_ns() - before.1) / 1_000_000),
            purpose: plan.purpose,
            arguments: std::env::args().skip(1).collect(),
            seed: plan.scenario.seed,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            interrupted: stop.load(Ordering::SeqCst),
            invalid: None,
            shard: None,
            merged_from: None,
            warnings,
        },
        source: Source::read(std::path::Path::new(".")),
        environment: environment(placement, &services),
        health: Health {
            lag_ns_p99: measured
                .cells
                .iter()
                .filter_map(|cell| cell.health.lag_ns_p99)
                .max(),
            foreign_cpu_fraction: worst(&measured.cells, |health| health.foreign_cpu_fraction),
            driver_utilisation_fraction: worst(&measured.cells, |health| {
                health.driver_utilisation_fraction
            }),
            ..whole
        },
        scenario: authbench_results::Scenario::new(
            plan.name.clone(),
            toml::to_string(&plan.scenario)?,
        ),
        cells: measured.cells,
        strategies: measured.strategies,
        skipped: measured.skipped,
        benches: Vec::new(),
    })
}

fn worst(cells: &[Cell], field: fn(&Health) -> Option<f64>) -> Option<f64> {
    cells
        .iter()
        .filter_map(|cell| field(&cell.health))
        .reduce(f64::max)
}

struct Measured {
    cells: Vec<Cell>,
    strategies: Vec<StrategyFacts>,
    skipped: Vec<Skipped>,
}

/// The file form of all that was measured, and why anything was not.
fn gather(
    contenders: Vec<Contender>,
    skipped: Vec<Skipped>,
    warnings: &mut Vec<String>,
) -> Measured {
    let mut measured = Measured {
        cells: Vec::new(),
        strategies: Vec::new(),
        skipped,
    };
    for contender in contenders {
        if let Some(reason) = &contender.failure {
            let strategy = &contender.recipe.name;
            warnings.push(format!("{strategy} was not measured to its end: {reason}"));
        }
        let (facts, cells) = convert::contender(contender);
        match facts {
            Ok(facts) => {
                measured.strategies.push(facts);
                measured.cells.extend(cells);
            }
            Err(left_out) => measured.skipped.push(left_out),
        }
    }
    measured
}

/// Pins this thread to the driver's core and asks for exact timers; says what
/// could not be had.
fn prepare_thread(placement: &Placement) -> Vec<String> {
    let mut warnings = Vec::new();
    if !placement.note.is_empty() {
        warnings.push(placement.note.clone());
    }
    if let Some(own) = placement.pin_driver()
        && let Err(error) = cores::pin_current_thread(own)
    {
        warnings.push(format!("the driver could not be kept on its core: {error}"));
    }
    if let Err(error) = timer::set_slack_ns(1) {
        warnings.push(format!(
            "timers may be late, so latencies may be too high: {error}"
        ));
    }
    warnings
}

fn start_all(
    plan: &Plan,
    grounds: &Grounds<'_>,
    stop: &AtomicBool,
    progress: &Progress,
) -> (Vec<Contender>, Vec<Skipped>) {
    let mut contenders = Vec::new();
    let mut skipped = Vec::new();
    for recipe in &plan.recipes {
        let strategy = recipe.name.clone();
        let left_out = |reason| Skipped {
            strategy: strategy.clone(),
            reason,
            optional: false,
        };
        if stop.load(Ordering::SeqCst) {
            skipped.push(left_out("the run was stopped before it began".to_owned()));
            continue;
        }
        if let Some(missing) = grounds.services.missing(recipe) {
            progress.warn(&format!("{strategy} is LEFT OUT: {missing}"));
            skipped.push(Skipped {
                optional: !plan.asked_for,
                ..left_out(missing.to_string())
            });
            continue;
        }
        progress.step(&strategy, "starts, logs in, counts memory");
        let prepared = Contender::start(recipe, &plan.scenario, grounds).and_then(|mut it| {
            facts::measure(&mut it, &plan.scenario, grounds, stop)?;
            Ok(it)
        });
        match prepared {
            Ok(contender) => contenders.push(contender),
            Err(error) => {
                let reason = format!("{error:#}");
                progress.warn(&format!("{strategy} is left out: {reason}"));
                skipped.push(left_out(reason));
            }
        }
        progress.step_done();
    }
    (contenders, skipped)
}

fn environment(placement: &Placement, services: &Services) -> Environment {
    let numbers = |cores: Option<&authbench_lab::CoreSet>| {
        cores
            .map(|cores| {
                cores
                    .iter()
                    .filter_map(|core| u32::try_from(core).ok())
                    .collect()
            })
            .unwrap_or_default()
    };
    Environment::read(authbench_results::Placement {
        services: services.versions(),
        server_cores: numbers(placement.pin_server()),
        driver_cores: numbers(placement.pin_driver()),
    })
}
