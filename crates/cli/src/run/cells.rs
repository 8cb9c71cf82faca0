//! The cells, in interleaved blocks: every strategy at every rate, then again,
//! so that a slow minute of the machine hurts all alike.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use authbench_core::system::monotonic_ns;
use authbench_lab::cpu;
use authbench_load::{CellOutcome, LoadPoint, Probe, Scenario};
use authbench_results::{Health, Snapshot};

use crate::run::contender::Contender;
use crate::run::convert::{FOREIGN_BUDGET, LAG_BUDGET_NS};
use crate::run::progress::Progress;

/// How often a block is measured at most until nobody disturbs it.
const TRIES_MAX: u32 = 3;
/// How long a whole run may spend on measuring blocks again.
const AGAIN_NS: u64 = 10_000_000_000;

/// How quiet the machine was during a cell's blocks.
#[derive(Default)]
pub(crate) struct CellHealth {
    /// One for each block.
    pub(crate) blocks: Vec<Health>,
    /// The place of each block in the run's order.
    pub(crate) places: Vec<u32>,
}

/// Measures every cell of `scenario`.
pub(crate) fn measure_all(
    contenders: &mut [Contender],
    scenario: &Scenario,
    stop: &AtomicBool,
    progress: &Progress,
) {
    let points = scenario.points();
    let mut tour = Tour {
        stop,
        progress,
        place: 0,
        again_ns: AGAIN_NS,
    };
    for block in 0..scenario.load.blocks.value {
        for (number, point) in points.iter().enumerate() {
            let part = part(point, block);
            let count = contenders.len();
            for turn in 0..count {
                // Another first one each time: nobody always follows the same
                // neighbour, or always comes first after a change of rate.
                let contender = &mut contenders[(turn + block as usize + number) % count];
                tour.visit(contender, number, &part);
            }
        }
    }
}

/// The way through all blocks of a run.
struct Tour<'t> {
    stop: &'t AtomicBool,
    progress: &'t Progress,
    /// Place in the run's order of blocks.
    place: u32,
    /// Time left for measuring blocks again.
    again_ns: u64,
}

impl Tour<'_> {
    fn visit(&mut self, contender: &mut Contender, number: usize, part: &LoadPoint) {
        if contender.failure.is_some() || self.stop.load(Ordering::SeqCst) {
            self.progress.skip_step();
            return;
        }
        self.progress
            .step(&contender.recipe.name, &format!("{}/s", part.rate_per_s));
        match self.undisturbed(contender, part) {
            Ok((outcome, health)) => self.keep(contender, number, outcome, health),
            Err(error) => {
                let reason = format!("{error:#}");
                self.progress
                    .warn(&format!("{}: {reason}", contender.recipe.name));
                contender.failure = Some(reason);
            }
        }
        self.place += 1;
        self.progress.step_done();
    }

    /// The first try that nobody disturbed, or the last that there is time for.
    fn undisturbed(
        &mut self,
        contender: &mut Contender,
        part: &LoadPoint,
    ) -> Result<(CellOutcome, Health)> {
        let mut tries = 1;
        loop {
            let began_ns = monotonic_ns();
            let (outcome, health) = self.once(contender, part)?;
            let is_good = outcome.interrupted || !is_disturbed(&outcome, &health);
            if is_good || tries == TRIES_MAX || self.again_ns == 0 {
                return Ok((outcome, health));
            }
            tries += 1;
            contender.blocks_measured_again += 1;
            self.again_ns = self.again_ns.saturating_sub(monotonic_ns() - began_ns);
        }
    }

    fn once(&self, contender: &mut Contender, part: &LoadPoint) -> Result<(CellOutcome, Health)> {
        let pid = contender.served.pid();
        let ours_ns = || cpu::own_cpu_ns() + cpu::process_cpu_ns(pid).unwrap_or(0);
        let before = (Snapshot::take(), ours_ns());
        let (mut probe, mut watch) = (ServerCpu(pid), self.progress.watch());
        let outcome = contender
            .served
            .driver
            .cell(part, &mut probe, &mut watch, self.stop)?;
        let spent_ns = ours_ns().saturating_sub(before.1);
        Ok((outcome, before.0.until(&Snapshot::take(), Some(spent_ns))))
    }

    fn keep(&self, contender: &mut Contender, number: usize, outcome: CellOutcome, health: Health) {
        let cell = &mut contender.cells[number];
        match cell {
            None => {
                let health = CellHealth {
                    blocks: vec![health],
                    places: vec![self.place],
                };
                *cell = Some((outcome, health));
            }
            Some((whole, healths)) => {
                whole.merge(&outcome);
                healths.blocks.push(health);
                healths.places.push(self.place);
            }
        }
    }
}

/// One block's share of a load point.
fn part(point: &LoadPoint, block: u32) -> LoadPoint {
    LoadPoint {
        measure_ms: (point.measure_ms / u64::from(point.blocks.max(1))).max(1),
        blocks: 1,
        // Other arrivals in each block: the same ones would make the blocks
        // look more alike than they are.
        seed: point
            .seed
            .wrapping_add(u64::from(block).wrapping_mul(0x9E37_79B9_7F4A_7C15)),
        ..point.clone()
    }
}

/// Whether the machine, not the server, may have made the block what it is.
/// Looks at the driver and at the machine only, never at how the server did:
/// choosing by that would be choosing results.
fn is_disturbed(outcome: &CellOutcome, health: &Health) -> bool {
    outcome.send_lag_ns.value_at_quantile(0.99) > LAG_BUDGET_NS
        || health
            .foreign_cpu_fraction
            .is_some_and(|fraction| fraction > FOREIGN_BUDGET)
}

struct ServerCpu(u32);

impl Probe for ServerCpu {
    fn read(&mut self) -> u64 {
        cpu::process_cpu_ns(self.0).unwrap_or(0)
    }
}
