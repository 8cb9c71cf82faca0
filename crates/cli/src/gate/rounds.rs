//! Rounds of blocks over several arms, and what they say.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, bail};
use authbench_conf::Located;
use authbench_engine::EngineKind;
use authbench_gate::{Rules, confirm, judge, pairs_needed};
use authbench_lab::{Placement, control::CONTROL_VERSION, cores};
use authbench_load::Scenario;
use authbench_results::{
    GateCell, Health, Interleaving, MetricClass, PairedBlock, Round, Snapshot, Standing, Verdict,
};

use crate::gate::arm::Arm;
use crate::gate::control::Control;
use crate::gate::interleave::{self, Task};
use crate::gate::judgement::{Measured, specs, sure};
use crate::gate::lineup::Lineup;
use crate::gate::pilot::{Pilot, pilot};
use crate::gate::progress::Progress;
use crate::gate::settings::Settings;
use crate::gate::stage::Stage;
use crate::run::carrier::Carrier;
use crate::run::library::{self, Source};
use crate::run::served::Grounds;
use crate::run::{environment, prepare_thread};
use crate::term;

/// What is known of each strategy before anything is compared.
pub(crate) type Pilots = BTreeMap<String, Pilot>;

/// What the blocks of one arm say.
pub(crate) struct Judged {
    pub(crate) cells: Vec<GateCell>,
    /// The blocks in which what was red was measured again.
    pub(crate) fresh: Vec<PairedBlock>,
}

/// Where arms are measured side by side: this machine, with its cores shared
/// out and the control running.
pub(crate) struct Bench<'b> {
    rules: &'b Rules,
    scenario: &'b Scenario,
    source: &'b Source,
    lineup: &'b Lineup,
    placement: &'b Placement,
    grounds: &'b Grounds<'b>,
    control: &'b Control,
    progress: &'b Progress,
    stop: Arc<AtomicBool>,
    before: Snapshot,
    warnings: Vec<String>,
}

impl Bench<'_> {
    /// Makes everything ready, works, and takes it down again.
    ///
    /// # Errors
    /// When the scenario is wrong, none of its strategies can be measured
    /// here, or the work fails.
    pub(crate) fn open<R>(
        settings: &Settings,
        rules: &Rules,
        work: impl FnOnce(&Bench<'_>) -> Result<R>,
    ) -> Result<R> {
        let (mut scenario, source) = library::scenario(&rules.scenario)?;
        if !settings.strategies.is_empty() {
            let names = settings.strategies.iter().cloned().map(Located::from);
            scenario.strategies = names.collect::<Vec<_>>().into();
        }
        let stop = crate::stop::at_ctrl_c()?;
        let placement = cores::split(1).context("the machine does not tell its cores")?;
        let mut warnings = prepare_thread(&placement);
        if placement.shared || !placement.pinned {
            warnings.push(
                "server and driver share their cores, so CPU times contain each other's noise"
                    .to_owned(),
            );
        }
        let asked_for = !settings.strategies.is_empty();
        let lineup = Lineup::of(&scenario, &source, rules.with_services || asked_for)?;
        for skipped in &lineup.left_out {
            let note = format!("{} is LEFT OUT: {}", skipped.strategy, skipped.reason);
            eprintln!("*** NOTE: {note} ***");
            warnings.push(note);
        }
        if lineup.candidates.is_empty() {
            bail!("no strategy is left to be measured; see the notes above");
        }
        let control = Control::start(&placement)?;
        let progress = Progress::new(0, settings.quiet);
        let bench = Bench {
            rules,
            scenario: &scenario,
            source: &source,
            lineup: &lineup,
            placement: &placement,
            grounds: &Grounds {
                placement: &placement,
                services: &lineup.services,
                engine: EngineKind::default(),
                threads: None,
            },
            control: &control,
            progress: &progress,
            stop,
            before: Snapshot::take(),
            warnings,
        };
        for warning in &bench.warnings {
            eprintln!("{} {warning}", term::paint_error("warning:"));
        }
        let done = work(&bench);
        progress.finish();
        done
    }

    /// What each strategy of the base can take.
    ///
    /// # Errors
    /// When one cannot be served.
    pub(crate) fn pilot(&self, seed: u64, base: &Arm) -> Result<Pilots> {
        let strategies = self.lineup.strategies();
        self.progress.add_steps(strategies.len() as u64);
        pilot(&self.stage(seed), base, &strategies)
    }

    /// The blocks of all strategies and arms.
    ///
    /// # Errors
    /// When a server cannot be started, or dies.
    pub(crate) fn find(
        &self,
        seed: u64,
        arms: &[Arm],
        pilots: &Pilots,
    ) -> Result<Vec<PairedBlock>> {
        let task = Task {
            strategies: &self.lineup.strategies(),
            round: Round::Find,
            blocks: self.rules.blocks,
            first_index: 0,
        };
        self.measure(seed, arms, pilots, task)
    }

    /// What `blocks` say of arm `number`; what is red is measured again.
    ///
    /// # Errors
    /// As [`Bench::find`].
    pub(crate) fn judge(
        &self,
        seed: u64,
        arms: &[Arm],
        pilots: &Pilots,
        standing: &Standing,
        blocks: &[PairedBlock],
        number: u32,
    ) -> Result<Judged> {
        let strategies = self.lineup.strategies();
        let names: Vec<String> = strategies.iter().map(|name| (*name).to_owned()).collect();
        let what = specs(self.rules, standing, &names);
        let settings = sure(self.rules);
        let mut cells = judge(&settings, blocks, number, &what);
        let is_red = |strategy: &&str| {
            let red = |cell: &GateCell| cell.verdict == Verdict::Regressed;
            cells
                .iter()
                .any(|cell| cell.strategy == **strategy && red(cell))
        };
        let red: Vec<&str> = strategies.into_iter().filter(is_red).collect();
        if red.is_empty() {
            return Ok(Judged {
                cells,
                fresh: Vec::new(),
            });
        }
        // Stopped before, there are no fresh blocks, and what was red could not be
        // judged.
        let pair = [arms[0].clone(), arms[number as usize].clone()];
        let task = Task {
            strategies: &red,
            round: Round::Confirm,
            blocks: self.rules.confirm_blocks.max(needed(self.rules, &cells)),
            first_index: u32::try_from(blocks.len()).unwrap_or(u32::MAX),
        };
        let fresh = self.measure(seed, &pair, pilots, task)?;
        confirm(&settings, &mut cells, &fresh, 1);
        Ok(Judged { cells, fresh })
    }

    /// Whether the user wants to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// What a reader must know.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }

    /// Under what `blocks` were measured.
    ///
    /// # Errors
    /// When the scenario has no text.
    pub(crate) fn measured(&self, pilots: &Pilots, blocks: &[PairedBlock]) -> Result<Measured> {
        let (rules, services) = (self.rules, &self.lineup.services);
        let carrier = Carrier::Http(self.grounds.engine);
        Ok(Measured {
            environment: environment(self.placement, services, carrier),
            health: with_samples(self.before.until(&Snapshot::take(), None), blocks),
            scenario: authbench_results::Scenario::new(
                self.source.name.clone(),
                toml::to_string(self.scenario)?,
            ),
            interleaving: Interleaving {
                blocks: rules.blocks,
                confirm_blocks: rules.confirm_blocks,
                warmup_ms: rules.warmup_ms.into(),
                segment_ms: rules.segment_ms.into(),
                palindromes: rules.palindromes,
                rates_per_s: pilots
                    .iter()
                    .map(|(name, pilot)| (name.clone(), pilot.rate_per_s))
                    .collect(),
                connections: rules.connections,
                users: rules.users,
                control_version: CONTROL_VERSION,
            },
        })
    }

    fn measure(
        &self,
        seed: u64,
        arms: &[Arm],
        pilots: &Pilots,
        task: Task<'_>,
    ) -> Result<Vec<PairedBlock>> {
        let steps = u64::from(task.blocks) * task.strategies.len() as u64;
        self.progress.add_steps(steps);
        interleave::measure(&self.stage(seed), arms, pilots, task)
    }

    fn stage(&self, seed: u64) -> Stage<'_> {
        Stage {
            grounds: self.grounds,
            scenario: self.scenario,
            candidates: &self.lineup.candidates,
            rules: self.rules,
            control: self.control,
            seed,
            stop: &self.stop,
            progress: self.progress,
        }
    }
}

/// The fewest blocks by which as many red cells as there are can be confirmed.
fn needed(rules: &Rules, cells: &[GateCell]) -> u32 {
    let red = |class| {
        let of_class = cells.iter().filter(|cell| cell.class == class);
        of_class
            .filter(|cell| cell.verdict == Verdict::Regressed)
            .count()
    };
    let most = MetricClass::ALL.map(red).into_iter().max();
    pairs_needed(rules.alpha, most.unwrap_or(0).max(1))
}

/// How far the control was from its own median at worst, as a fraction of it.
fn control_drift(blocks: &[PairedBlock]) -> Option<f64> {
    let segments = blocks.iter().flat_map(|block| &block.segments);
    let costs: Vec<f64> = segments
        .filter_map(authbench_results::Segment::control_ns_per_unit)
        .collect();
    let median = authbench_results::stats::median(&costs)?;
    let far = costs.iter().map(|cost| (cost / median - 1.0).abs());
    far.reduce(f64::max).filter(|drift| drift.is_finite())
}

/// `health` with what the control and the driver's lateness add to it.
fn with_samples(health: Health, blocks: &[PairedBlock]) -> Health {
    let segments = blocks.iter().flat_map(|block| &block.segments);
    Health {
        control_drift_fraction: control_drift(blocks),
        lag_ns_p99: segments.map(|segment| segment.lag_ns_p99).max(),
        ..health
    }
}
