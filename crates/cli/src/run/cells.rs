//! The cells, in interleaved blocks: every strategy at every rate, then every
//! strategy at saturation, then all again, so that a slow minute of the machine
//! hurts all alike.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use authbench_core::system::monotonic_ns;
use authbench_lab::cpu;
use authbench_load::{CellOutcome, LoadPoint, Probe, SaturationPlan, Scenario};
use authbench_results::{Health, RejectedBlock};

use crate::run::contender::{CellRecord, Contender};
use crate::run::convert;
use crate::run::machine::Machine;
use crate::run::progress::Progress;

/// How often a block is measured at most until nobody disturbs it.
const TRIES_MAX: u32 = 3;
/// How long a whole run may spend on measuring blocks again.
const AGAIN_NS: u64 = 8_000_000_000;
/// How long a server is kept busy without a pause, once per round of blocks.
const SATURATION_WARMUP_MS: u64 = 100;
const SATURATION_MS: u64 = 300;

/// Measures every cell of `scenario`, and what a request costs at saturation.
pub(crate) fn measure_all(
    contenders: &mut [Contender],
    scenario: &Scenario,
    machine: &Machine<'_>,
    stop: &AtomicBool,
    progress: &Progress,
) -> Result<()> {
    let points = scenario.points()?;
    let mut tour = Tour {
        machine,
        stop,
        progress,
        place: 0,
        again_ns: AGAIN_NS,
    };
    let count = contenders.len();
    for block in 0..scenario.load.blocks.value {
        for (number, point) in points.iter().enumerate() {
            let part = part(point, block);
            for turn in 0..count {
                // Another first one each time: nobody always follows the same
                // neighbour, or always comes first after a change of rate.
                let contender = &mut contenders[(turn + block as usize + number) % count];
                let rate_per_s = part.arrivals.mean_per_s(part.measure_ms);
                let what = format!("{:.0}/s", rate_per_s.unwrap_or(0.0));
                tour.visit(contender, &what, |tour, contender| {
                    tour.cell(contender, number, &part)
                });
            }
        }
        let plan = saturation(scenario, block);
        for turn in 0..count {
            let contender = &mut contenders[(turn + block as usize) % count];
            tour.visit(contender, "saturated", |tour, contender| {
                tour.saturate(contender, &plan)
            });
        }
    }
    Ok(())
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

/// The way through all blocks of a run.
struct Tour<'t> {
    machine: &'t Machine<'t>,
    stop: &'t AtomicBool,
    progress: &'t Progress,
    /// Place in the run's order of blocks.
    place: u32,
    /// Time left for measuring blocks again.
    again_ns: u64,
}

impl Tour<'_> {
    /// One step of the way, unless the contender or the run has ended.
    fn visit(
        &mut self,
        contender: &mut Contender,
        what: &str,
        measure: impl FnOnce(&mut Self, &mut Contender) -> Result<()>,
    ) {
        if contender.failure.is_none() && !self.stop.load(Ordering::SeqCst) {
            self.progress.step(&contender.recipe.name, what);
            if let Err(error) = measure(self, contender) {
                contender.fail(&error, self.progress);
            }
            self.place += 1;
        }
        self.progress.step_done();
    }

    /// Measures one block of a cell: the first try that nobody disturbed, or
    /// the last that there is time for.
    fn cell(&mut self, contender: &mut Contender, number: usize, part: &LoadPoint) -> Result<()> {
        let mut rejected = Vec::new();
        let (outcome, health) = loop {
            let began_ns = monotonic_ns();
            let (outcome, health) = self.block(contender, part)?;
            let Some(reason) = self.rejection(&outcome, &health, rejected.len()) else {
                break (outcome, health);
            };
            let samples = outcome.blocks.iter().map(|sample| RejectedBlock {
                reason: reason.clone(),
                block: convert::block(sample, self.place),
            });
            rejected.extend(samples);
            self.again_ns = self.again_ns.saturating_sub(monotonic_ns() - began_ns);
        };
        let cell = match &mut contender.cells[number] {
            Some(cell) => {
                cell.add(&outcome, health, self.place);
                cell
            }
            none => none.insert(CellRecord::new(outcome, health, self.place)),
        };
        cell.rejected.extend(rejected);
        Ok(())
    }

    /// Why a block is to be measured again, if it is. Looks at the driver and
    /// at the machine only, never at how the server did: choosing by that would
    /// be choosing results. For the same reason nothing is rejected where
    /// server and driver share a core, and never a block with failures.
    fn rejection(&self, outcome: &CellOutcome, health: &Health, tries: usize) -> Option<String> {
        let final_try = tries + 1 >= TRIES_MAX as usize || self.again_ns == 0;
        if final_try || outcome.interrupted || !self.machine.is_apart() {
            return None;
        }
        if outcome.tally.failures() > 0 {
            return None;
        }
        convert::doubts(health)
    }

    fn block(&self, contender: &mut Contender, part: &LoadPoint) -> Result<(CellOutcome, Health)> {
        let pid = contender.served.pid();
        let before = self.machine.look(pid);
        let (mut probe, mut watch) = (ServerCpu(pid), self.progress.watch());
        let driver = &mut contender.served.driver;
        let outcome = driver.cell(part, &mut probe, &mut watch, self.stop)?;
        let health = convert::block_health(&outcome, self.machine.since(&before, pid));
        Ok((outcome, health))
    }

    /// Keeps the server's core busy without a pause, and sees what a request
    /// costs then.
    fn saturate(&mut self, contender: &mut Contender, plan: &SaturationPlan) -> Result<()> {
        let pid = contender.served.pid();
        let before = self.machine.look(pid);
        let mut probe = ServerCpu(pid);
        let outcome = contender
            .served
            .driver
            .saturate(plan, &mut probe, self.stop)?;
        let health = self.machine.since(&before, pid);
        contender.saturation.push((outcome, health, self.place));
        Ok(())
    }
}

struct ServerCpu(u32);

impl Probe for ServerCpu {
    fn read(&mut self) -> Option<u64> {
        cpu::process_cpu_ns(self.0).ok()
    }
}
