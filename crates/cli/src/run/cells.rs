//! The cells: every strategy at every load point in interleaved blocks, so that
//! a slow minute of the machine hurts all alike; or, where order matters, one
//! strategy after the other through all of them.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use authbench_core::system::monotonic_ns;
use authbench_lab::Placement;
use authbench_load::{Arrivals, CellOutcome, Fault, LoadPoint, SaturationPlan, Scenario, Share};
use authbench_results::{Health, RejectedBlock};

use crate::run::contender::{CellRecord, Contender, Serving};
use crate::run::convert;
use crate::run::faults::Caused;
use crate::run::machine::Machine;
use crate::run::progress::Progress;
use crate::services::Services;

/// How often a block is measured at most until nobody disturbs it.
const TRIES_MAX: u32 = 3;
/// How long a whole run may spend on measuring blocks again.
const AGAIN_NS: u64 = 8_000_000_000;
/// How long a server is kept busy without a pause, once per round of blocks.
const SATURATION_WARMUP_MS: u64 = 100;
const SATURATION_MS: u64 = 300;

/// The way through all blocks of a run.
pub(crate) struct Tour<'t> {
    pub(crate) scenario: &'t Scenario,
    pub(crate) services: &'t Services,
    pub(crate) stop: &'t AtomicBool,
    pub(crate) progress: &'t Progress,
    machine: Machine<'t>,
    /// Place in the run's order of blocks.
    place: u32,
    /// Time left for measuring blocks again.
    again_ns: u64,
}

/// A load to be measured in one stretch.
pub(crate) struct Stretch<'s> {
    /// Its number among the contender's points.
    pub(crate) number: usize,
    pub(crate) point: LoadPoint,
    /// Services that a read passes through.
    pub(crate) hops: u32,
    pub(crate) faults: Vec<&'s Fault>,
    /// Whether it can be measured again, as if nothing had been.
    pub(crate) repeats: bool,
}

impl<'t> Tour<'t> {
    pub(crate) fn new(
        scenario: &'t Scenario,
        (placement, services): (&'t Placement, &'t Services),
        stop: &'t AtomicBool,
        progress: &'t Progress,
    ) -> Self {
        Self {
            scenario,
            services,
            stop,
            progress,
            machine: Machine::new(placement),
            place: 0,
            again_ns: AGAIN_NS,
        }
    }

    /// Measures all points of all contenders, and what a request costs at
    /// saturation. With faults, each point is one stretch; else its blocks are
    /// interleaved with those of all others.
    pub(crate) fn interleaved<S: Serving>(&mut self, contenders: &mut [Contender<S>]) {
        let (scenario, count) = (self.scenario, contenders.len());
        let blocks = scenario.load.blocks.value;
        let points = contenders.iter().map(|one| one.found.points.len());
        let most = points.max().unwrap_or(0);
        for block in 0..blocks {
            for number in 0..most {
                if block > 0 && !scenario.faults.is_empty() {
                    continue;
                }
                for turn in 0..count {
                    // Another first one each time: nobody always follows the
                    // same neighbour, or always comes first after a change of
                    // rate.
                    let contender = &mut contenders[(turn + block as usize + number) % count];
                    self.block(contender, number, block);
                }
            }
            let plan = saturation(scenario, block);
            for turn in 0..count {
                let contender = &mut contenders[(turn + block as usize) % count];
                self.visit(contender, "saturated", |tour, contender| {
                    tour.saturate(contender, &plan)
                });
            }
        }
    }

    /// One block of a point, or all of it where there are faults.
    fn block<S: Serving>(&mut self, contender: &mut Contender<S>, number: usize, block: u32) {
        let Some(whole) = contender.found.points.get(number).cloned() else {
            self.progress.step_done();
            return;
        };
        let faults: Vec<&Fault> = self.scenario.faults.iter().collect();
        let repeats = faults.is_empty();
        let point = if repeats { part(&whole, block) } else { whole };
        let routing = contender.routing(point.routing, self.progress);
        let stretch = Stretch {
            number,
            point: LoadPoint { routing, ..point },
            hops: self.scenario.topology.hops.value,
            faults,
            repeats,
        };
        let what = label(&stretch.point);
        self.visit(contender, &what, |tour, contender| {
            tour.cell(contender, &stretch)
        });
    }

    /// One step of the way, unless the contender or the run has ended.
    pub(crate) fn visit<S: Serving>(
        &mut self,
        contender: &mut Contender<S>,
        what: &str,
        measure: impl FnOnce(&mut Self, &mut Contender<S>) -> Result<()>,
    ) {
        if contender.found.failure.is_none() && !self.stop.load(Ordering::SeqCst) {
            self.progress.step(contender.name(), what);
            if let Err(error) = measure(self, contender) {
                contender.fail(&error, self.progress);
            }
        }
        self.progress.step_done();
    }

    /// Measures a stretch: the first try that nobody disturbed, or the last
    /// that there is time for.
    pub(crate) fn cell<S: Serving>(
        &mut self,
        contender: &mut Contender<S>,
        stretch: &Stretch<'_>,
    ) -> Result<()> {
        let mut rejected = Vec::new();
        let (outcome, health, caused) = loop {
            let began_ns = monotonic_ns();
            let (outcome, health, caused) = self.measure(contender, stretch)?;
            let reason = self.rejection(stretch, &outcome, &health, rejected.len());
            let Some(reason) = reason else {
                break (outcome, health, caused);
            };
            let samples = outcome.blocks.iter().zip(self.places(&outcome));
            rejected.extend(samples.map(|(sample, place)| RejectedBlock {
                reason: reason.clone(),
                block: convert::block(sample, place),
            }));
            self.again_ns = self.again_ns.saturating_sub(monotonic_ns() - began_ns);
        };
        let seen = convert::faults(&stretch.faults, &caused, &outcome);
        for fault in &seen {
            if let Some(why) = &fault.failed {
                let note = format!("the fault `{}` could not be caused: {why}", fault.kind);
                contender.note(note, self.progress);
            }
        }
        let places = self.places(&outcome);
        self.place = places.end;
        let record = CellRecord {
            healths: vec![health],
            places: places.collect(),
            rejected,
            faults: seen,
            topology: contender
                .served
                .topology(stretch.point.routing, stretch.hops),
            threads: contender.served.threads(),
            carrier: contender.served.carrier(),
            share: Share::WHOLE,
            outcome,
        };
        match &mut contender.found.cells[stretch.number] {
            Some(cell) => cell.add(record),
            none => *none = Some(record),
        }
        Ok(())
    }

    /// The places of a stretch that comes now.
    fn places(&self, outcome: &CellOutcome) -> Range<u32> {
        self.place..self.place + outcome.blocks.len() as u32
    }

    /// Why a stretch is to be measured again, if it is. Looks at the driver and
    /// at the machine only, never at how the server did: choosing by that would
    /// be choosing results. For the same reason nothing is rejected where
    /// server and driver share a core, and never a block with failures.
    fn rejection(
        &self,
        stretch: &Stretch<'_>,
        outcome: &CellOutcome,
        health: &Health,
        tries: usize,
    ) -> Option<String> {
        let tries = tries / outcome.blocks.len().max(1);
        let final_try = tries + 1 >= TRIES_MAX as usize || self.again_ns == 0;
        if final_try || !stretch.repeats || outcome.interrupted || !self.machine.is_apart() {
            return None;
        }
        if outcome.tally.failures() > 0 {
            return None;
        }
        self.doubts(health)
    }

    /// Why what was measured is not to be believed, if it is not.
    pub(crate) fn doubts(&self, health: &Health) -> Option<String> {
        convert::doubts(health, convert::lag_budget_ns(self.scenario))
    }

    /// Measures a stretch once, with its faults.
    pub(crate) fn measure<S: Serving>(
        &self,
        contender: &mut Contender<S>,
        stretch: &Stretch<'_>,
    ) -> Result<(CellOutcome, Health, Vec<Caused>)> {
        let served = &mut contender.served;
        let before = self.machine.look(served.servers_cpu_ns());
        let (outcome, caused) = served.cell(stretch, self)?;
        let machine = self.machine.since(&before, served.servers_cpu_ns());
        let health = convert::block_health(&outcome, served.carrier(), machine);
        Ok((outcome, health, caused))
    }

    /// Keeps a strategy busy without a pause, and sees what a request costs
    /// then.
    fn saturate<S: Serving>(
        &mut self,
        contender: &mut Contender<S>,
        plan: &SaturationPlan,
    ) -> Result<()> {
        let Contender { found, served, .. } = contender;
        let before = self.machine.look(served.servers_cpu_ns());
        let outcome = served.saturate(plan, self)?;
        let health = self.machine.since(&before, served.servers_cpu_ns());
        found.saturation.push((outcome, health, self.place));
        self.place += 1;
        Ok(())
    }
}

/// A load in words.
pub(crate) fn label(point: &LoadPoint) -> String {
    match (&point.phase, &point.arrivals) {
        (Some(phase), _) => phase.clone(),
        (None, Arrivals::Closed { .. }) => "closed loop".to_owned(),
        (None, Arrivals::Replay(_)) => "replayed".to_owned(),
        (None, arrivals @ Arrivals::Open { .. }) => {
            let rate_per_s = arrivals.mean_per_s(point.measure_ms);
            format!("{:.0}/s", rate_per_s.unwrap_or(0.0))
        }
    }
}

/// One block's share of a load point.
fn part(point: &LoadPoint, block: u32) -> LoadPoint {
    LoadPoint {
        measure_ms: (point.measure_ms / u64::from(point.blocks.max(1))).max(1),
        blocks: 1,
        seed: block_seed(point.seed, block),
        ..point.clone()
    }
}

fn saturation(scenario: &Scenario, block: u32) -> SaturationPlan {
    SaturationPlan {
        connections: scenario.load.connections.value,
        warmup_ms: SATURATION_WARMUP_MS,
        measure_ms: SATURATION_MS,
        timeout_ms: scenario.load.timeout_ms.value,
        seed: block_seed(scenario.seed, block),
    }
}

/// Other arrivals in each block: the same ones would make the blocks look more
/// alike than they are.
fn block_seed(seed: u64, block: u32) -> u64 {
    seed.wrapping_add(u64::from(block).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}
