//! The cells, in interleaved blocks: every strategy at every rate, then again,
//! so that a slow minute of the machine hurts all alike.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use authbench_lab::cpu;
use authbench_load::{LoadPoint, Probe, Scenario};
use authbench_results::{Health, Snapshot};

use crate::run::contender::Contender;
use crate::run::progress::Progress;

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
    let mut place = 0;
    for block in 0..scenario.load.blocks.value {
        for (number, point) in points.iter().enumerate() {
            let part = part(point, block);
            let count = contenders.len();
            for turn in 0..count {
                // Another first one each time: nobody always follows the same
                // neighbour, or always comes first after a change of rate.
                let contender = &mut contenders[(turn + block as usize + number) % count];
                if contender.failure.is_some() || stop.load(Ordering::SeqCst) {
                    progress.skip_step();
                    continue;
                }
                progress.step(&contender.recipe.name, &format!("{}/s", point.rate_per_s));
                if let Err(error) = measure(contender, number, &part, place, stop, progress) {
                    let reason = format!("{error:#}");
                    progress.warn(&format!("{}: {reason}", contender.recipe.name));
                    contender.failure = Some(reason);
                }
                place += 1;
                progress.step_done();
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

fn measure(
    contender: &mut Contender,
    number: usize,
    part: &LoadPoint,
    place: u32,
    stop: &AtomicBool,
    progress: &Progress,
) -> Result<()> {
    let pid = contender.served.pid();
    let ours_ns = || cpu::own_cpu_ns() + cpu::process_cpu_ns(pid).unwrap_or(0);
    let before = (Snapshot::take(), ours_ns());
    let mut probe = ServerCpu(pid);
    let outcome = contender
        .served
        .driver
        .cell(part, &mut probe, &mut progress.watch(), stop)?;
    let spent_ns = ours_ns().saturating_sub(before.1);
    let health = before.0.until(&Snapshot::take(), Some(spent_ns));
    let cell = &mut contender.cells[number];
    match cell {
        None => {
            *cell = Some((
                outcome,
                CellHealth {
                    blocks: vec![health],
                    places: vec![place],
                },
            ));
        }
        Some((whole, healths)) => {
            whole.merge(&outcome);
            healths.blocks.push(health);
            healths.places.push(place);
        }
    }
    Ok(())
}

struct ServerCpu(u32);

impl Probe for ServerCpu {
    fn read(&mut self) -> u64 {
        cpu::process_cpu_ns(self.0).unwrap_or(0)
    }
}
