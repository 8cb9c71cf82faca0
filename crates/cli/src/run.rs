//! One run: every strategy of a scenario, behind its own server processes or in
//! this process, put under load by one driver: in interleaved blocks, or one
//! strategy after the other through all phases.

mod board;
pub(crate) mod candidate;
pub(crate) mod carrier;
pub(crate) mod cells;
pub(crate) mod contender;
pub(crate) mod convert;
mod costs;
mod doors;
pub(crate) mod facts;
mod faults;
pub(crate) mod in_process;
mod knee;
pub(crate) mod library;
pub(crate) mod machine;
mod phases;
pub(crate) mod progress;
pub(crate) mod remote;
pub(crate) mod served;
pub(crate) mod show;
pub(crate) mod verdict;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, bail};
use authbench_catalog::Recipe;
use authbench_core::Clock as _;
use authbench_core::system::{SystemClock, monotonic_ns};
use authbench_lab::{Placement, cores, timer};
use authbench_load::Scenario;
use authbench_results::{
    Cell, Conformance, Environment, Health, Purpose, Run, RunResult, SchemaVersion, Skipped,
    Snapshot, Source, StrategyFacts, rfc3339,
};

use crate::run::candidate::Candidate;
use crate::run::carrier::Carrier;
use crate::run::cells::Tour;
use crate::run::contender::{Contender, Found, Serving};
use crate::run::in_process::Called;
use crate::run::progress::Progress;
use crate::run::remote::Remote;
use crate::run::served::Grounds;
use crate::run::verdict::Checks;
use crate::services::Services;

/// What is to be run.
pub(crate) struct Plan {
    /// The scenario's name in results.
    pub(crate) name: String,
    /// What it says.
    pub(crate) scenario: Scenario,
    /// Its strategies, found, and strangers that stand beside them.
    pub(crate) candidates: Vec<Candidate>,
    /// Whether the strategies were named on the command line: then none may be
    /// left out.
    pub(crate) asked_for: bool,
    /// What for.
    pub(crate) purpose: Purpose,
    /// What carries the requests.
    pub(crate) carrier: Carrier,
    /// Threads of the driver; `None` is one for each of its cores.
    pub(crate) threads: Option<u32>,
    /// Which conformance checks stand before the measurement.
    pub(crate) checks: Checks,
    /// A target that runs already, in place of servers of our own.
    pub(crate) remote: Option<Remote>,
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
    if plan.carrier == Carrier::InProcess {
        warnings.extend(in_process::unmeasured(&plan.scenario));
    }
    let before = (Snapshot::take(), monotonic_ns());
    let needs = plan.candidates.iter().filter_map(Candidate::needs);
    let services = Arc::new(Services::of(needs));
    let mut way = Way {
        plan,
        placement,
        services: &services,
        stop,
        progress,
        skipped: Vec::new(),
    };
    let (found, shard) = match &plan.remote {
        None => (way.go(), None),
        Some(remote) => {
            let drivers = (placement, plan.threads);
            let seen = remote::measure(remote, &plan.scenario, drivers, stop, progress)?;
            (vec![seen.found], seen.shard)
        }
    };
    let skipped = way.skipped;
    if found.is_empty() {
        let reasons: Vec<String> = skipped
            .iter()
            .map(|one| format!("{}: {}", one.strategy, one.reason))
            .collect();
        bail!("no strategy could be measured\n  {}", reasons.join("\n  "));
    }
    progress.finish();
    let whole = before.0.until(&Snapshot::take(), None);
    let lag_budget_ns = convert::lag_budget_ns(&plan.scenario);
    let measured = gather(found, skipped, lag_budget_ns, &mut warnings);
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
            shard,
            merged_from: None,
            warnings,
        },
        source: Source::read(std::path::Path::new(".")),
        environment: environment(placement, &services, plan.carrier),
        health: health(whole, &measured.cells),
        scenario: authbench_results::Scenario::new(
            plan.name.clone(),
            toml::to_string(&plan.scenario)?,
        ),
        cells: measured.cells,
        strategies: measured.strategies,
        skipped: measured.skipped,
        benches: Vec::new(),
        qualification: authbench_results::Standing::default(),
    })
}

/// That of the whole run, with the worst of what its cells saw.
fn health(whole: Health, cells: &[Cell]) -> Health {
    let lags_ns = cells.iter().filter_map(|cell| cell.health.lag_ns_p99);
    Health {
        lag_ns_p99: lags_ns.max(),
        foreign_cpu_fraction: worst(cells, |health| health.foreign_cpu_fraction),
        driver_utilisation_fraction: worst(cells, |health| health.driver_utilisation_fraction),
        ..whole
    }
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
    found: Vec<Found>,
    skipped: Vec<Skipped>,
    lag_budget_ns: u64,
    warnings: &mut Vec<String>,
) -> Measured {
    let mut measured = Measured {
        cells: Vec::new(),
        strategies: Vec::new(),
        skipped,
    };
    for one in found {
        let strategy = &one.strategy;
        if let Some(reason) = &one.failure {
            warnings.push(format!("{strategy} was not measured to its end: {reason}"));
        }
        warnings.extend(one.notes.iter().map(|note| format!("{strategy}: {note}")));
        let left_out = one.left_out.iter().map(|reason| Skipped {
            strategy: strategy.clone(),
            reason: reason.clone(),
            optional: false,
        });
        measured.skipped.extend(left_out);
        let (facts, cells) = convert::found(one, lag_budget_ns);
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
pub(crate) fn prepare_thread(placement: &Placement) -> Vec<String> {
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

/// The way through a run.
struct Way<'w> {
    plan: &'w Plan,
    placement: &'w Placement,
    services: &'w Arc<Services>,
    stop: &'w AtomicBool,
    progress: &'w Progress,
    skipped: Vec<Skipped>,
}

impl<'w> Way<'w> {
    fn go(&mut self) -> Vec<Found> {
        match self.plan.carrier {
            Carrier::InProcess => self.in_process(),
            Carrier::Http(engine) => self.over_http(&Grounds {
                placement: self.placement,
                services: self.services,
                engine,
                threads: self.plan.threads,
            }),
        }
    }

    fn tour(&self) -> Tour<'w> {
        let on = (self.placement, &**self.services);
        Tour::new(&self.plan.scenario, on, self.stop, self.progress)
    }

    fn over_http(&mut self, grounds: &Grounds<'_>) -> Vec<Found> {
        let scenario = &self.plan.scenario;
        if !scenario.phases.is_empty() {
            return self.one_after_the_other(grounds);
        }
        let candidates = self.plan.candidates.iter();
        let mut contenders: Vec<Contender> = candidates
            .filter_map(|candidate| self.start_served(candidate, grounds))
            .collect();
        self.side_by_side(&mut contenders);
        for contender in &mut contenders {
            facts::measure_revocation(contender, scenario, grounds, self.stop, self.progress);
        }
        contenders.into_iter().map(|one| one.found).collect()
    }

    fn in_process(&mut self) -> Vec<Found> {
        let (plan, services, stop) = (self.plan, self.services, self.stop);
        let candidates = plan.candidates.iter();
        let mut contenders: Vec<Contender<Called>> = candidates
            .filter_map(|candidate| {
                let start = || {
                    let recipe = candidate.recipe();
                    let recipe =
                        recipe.context("a server of its own cannot be called in process")?;
                    in_process::start(recipe, &plan.scenario, services, stop)
                };
                self.start(candidate, "is built, logs in", start)
            })
            .collect();
        self.side_by_side(&mut contenders);
        contenders.into_iter().map(|one| one.found).collect()
    }

    /// All at once, in turns.
    fn side_by_side<S: Serving>(&self, contenders: &mut [Contender<S>]) {
        let mut tour = self.tour();
        if let Some(wanted) = &self.plan.scenario.knee {
            for contender in &mut *contenders {
                knee::find(&mut tour, contender, wanted);
            }
        }
        tour.interleaved(contenders);
    }

    /// Each strategy with the whole machine to itself: what it holds, and what
    /// breaks, is no concern of the others.
    fn one_after_the_other(&mut self, grounds: &Grounds<'_>) -> Vec<Found> {
        let (scenario, mut tour) = (&self.plan.scenario, self.tour());
        let mut found = Vec::new();
        for candidate in &self.plan.candidates {
            if let Some(mut contender) = self.start_served(candidate, grounds) {
                phases::passage(&mut tour, &mut contender);
                facts::measure_revocation(
                    &mut contender,
                    scenario,
                    grounds,
                    self.stop,
                    self.progress,
                );
                found.push(contender.found);
            }
        }
        found
    }

    /// Starts the servers of a strategy and measures what needs no load; or
    /// notes why not.
    fn start_served(&mut self, candidate: &Candidate, grounds: &Grounds<'_>) -> Option<Contender> {
        let (scenario, stop) = (&self.plan.scenario, self.stop);
        self.start(candidate, "starts, logs in, counts memory", || {
            let mut it = Contender::start(candidate, scenario, grounds)?;
            facts::measure(&mut it, scenario, grounds, stop)?;
            Ok(it)
        })
    }

    fn leave_out(&mut self, strategy: &str, reason: String, optional: bool) {
        self.skipped.push(Skipped {
            strategy: strategy.to_owned(),
            reason,
            optional,
        });
    }

    /// What the conformance checks say of `recipe`; none if they are off, or
    /// could not be made, which is told.
    fn verdict(&self, recipe: &Recipe) -> Option<Conformance> {
        let checks = self.plan.checks;
        if checks != Checks::Off {
            self.progress
                .step(&recipe.name, "is checked for conformance");
        }
        let verdict = verdict::of(recipe, self.services, checks);
        self.progress.step_done();
        verdict.unwrap_or_else(|error| {
            let strategy = &recipe.name;
            self.progress.warn(&format!(
                "{strategy} could not be checked for conformance: {error:#}"
            ));
            None
        })
    }

    /// Prepares a strategy, by doing `what`, unless something is missing or the
    /// run has been stopped; or notes why not.
    fn start<S>(
        &mut self,
        candidate: &Candidate,
        what: &str,
        prepare: impl FnOnce() -> Result<Contender<S>>,
    ) -> Option<Contender<S>> {
        let (strategy, progress) = (candidate.name(), self.progress);
        if self.stop.load(Ordering::SeqCst) {
            self.leave_out(
                strategy,
                "the run was stopped before it began".to_owned(),
                false,
            );
            return None;
        }
        let no_server = candidate
            .needs()
            .and_then(|needs| self.services.error(needs))
            .map(ToString::to_string);
        if let Some(missing) = no_server.or_else(|| candidate.missing_program()) {
            progress.warn(&format!("{strategy} is LEFT OUT: {missing}"));
            self.leave_out(strategy, missing, !self.plan.asked_for);
            return None;
        }
        let verdict = candidate.recipe().and_then(|recipe| self.verdict(recipe));
        progress.step(strategy, what);
        let prepared = prepare();
        progress.step_done();
        match prepared {
            Ok(mut contender) => {
                contender
                    .found
                    .notes
                    .extend(verdict.as_ref().and_then(failures));
                contender.found.conformance = verdict;
                Some(contender)
            }
            Err(error) => {
                let reason = format!("{error:#}");
                progress.warn(&format!("{strategy} is left out: {reason}"));
                self.leave_out(strategy, reason, false);
                None
            }
        }
    }
}

/// What a reader must know of failed checks.
fn failures(verdict: &Conformance) -> Option<String> {
    let failed = &verdict.failed;
    (!failed.is_empty()).then(|| {
        let ids = failed.join(", ");
        format!("it FAILS the conformance checks {ids}: its figures do not count")
    })
}

pub(crate) fn environment(
    placement: &Placement,
    services: &Services,
    carrier: Carrier,
) -> Environment {
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
        server_cores: numbers(placement.pin_server().filter(|_| carrier.has_servers())),
        driver_cores: numbers(placement.pin_driver()),
    })
}
