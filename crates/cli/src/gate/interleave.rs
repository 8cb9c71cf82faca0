//! The interleaved measurement: blocks of all strategies in turns, in each of
//! which every arm has a fresh server and the arms are measured in palindromes:
//! a random order and its mirror image, several times.

mod segment;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use authbench_results::{LaunchedArm, PairedBlock, Round, Segment};

use crate::gate::arm::{Arm, Running};
use crate::gate::order::{Dice, Drawn};
use crate::gate::pilot::Pilot;
use crate::gate::stage::Stage;
use crate::run::convert;

/// How often a block is measured again because the driver was late.
const AGAIN_MAX: u32 = 2;
/// How many times later than the scenario allows the driver may be: from then on
/// it no longer offers the load that was meant. Some lateness does all arms the
/// same, and costs a server nothing.
const LATE: u64 = 10;

/// Which blocks to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task<'t> {
    /// Of which strategies.
    pub(crate) strategies: &'t [&'t str],
    /// What for.
    pub(crate) round: Round,
    /// Blocks of each.
    pub(crate) blocks: u32,
    /// The place of the first one in the run's order.
    pub(crate) first_index: u32,
}

/// Measures the blocks of `task` with `arms`, of which the first is the base.
/// When the stage's stop flag becomes true, the blocks that are whole are
/// returned: fewer than were asked for. A block in which the driver was late is
/// marked as rejected and measured again, twice at most; how a server does is
/// no reason.
///
/// # Errors
/// When a server cannot be started or ends, users cannot log in, or the control
/// workload ends. What goes wrong with requests is counted, not raised.
pub(crate) fn measure(
    stage: &Stage<'_>,
    arms: &[Arm],
    pilots: &BTreeMap<String, Pilot>,
    task: Task<'_>,
) -> Result<Vec<PairedBlock>> {
    let mut work = Work {
        stage,
        arms,
        task,
        dice: Dice::new(stage.seed, task.round),
        blocks: Vec::new(),
    };
    let strategies = u32::try_from(task.strategies.len())?;
    for number in 0..task.blocks {
        for turn in work.dice.permutation(strategies) {
            // A stop during the pilot leaves strategies out of it.
            if stage.is_stopped() {
                return Ok(work.blocks);
            }
            let strategy = task.strategies[turn as usize];
            let pilot = pilots
                .get(strategy)
                .with_context(|| format!("it was not tried what `{strategy}` can take"))?;
            stage
                .progress
                .step(strategy, &format!("block {}/{}", number + 1, task.blocks));
            if !work.block(strategy, pilot)? {
                return Ok(work.blocks);
            }
            stage.progress.step_done();
        }
    }
    Ok(work.blocks)
}

struct Work<'w> {
    stage: &'w Stage<'w>,
    arms: &'w [Arm],
    task: Task<'w>,
    dice: Dice,
    blocks: Vec<PairedBlock>,
}

impl Work<'_> {
    /// Measures a block until the driver was in time, or often enough. Returns
    /// whether to go on.
    fn block(&mut self, strategy: &str, pilot: &Pilot) -> Result<bool> {
        for _ in 0..=AGAIN_MAX {
            self.stage.control.check()?;
            let drawn = self.dice.block(
                u32::try_from(self.arms.len())?,
                self.stage.rules.palindromes,
            );
            let Some(segments) = self.segments(strategy, pilot, &drawn)? else {
                return Ok(false);
            };
            let rejected = self.late(&segments);
            let is_over = rejected.is_none();
            self.blocks.push(PairedBlock {
                strategy: strategy.to_owned(),
                round: self.task.round,
                index: self.task.first_index + u32::try_from(self.blocks.len())?,
                arms: drawn
                    .padding_bytes
                    .iter()
                    .map(|padding_bytes| LaunchedArm {
                        padding_bytes: *padding_bytes,
                    })
                    .collect(),
                segments,
                rejected,
            });
            if is_over {
                break;
            }
        }
        Ok(true)
    }

    /// The measurements of a block with fresh servers; `None` when it was
    /// stopped.
    fn segments(
        &self,
        strategy: &str,
        pilot: &Pilot,
        drawn: &Drawn,
    ) -> Result<Option<Vec<Segment>>> {
        let stage = self.stage;
        let mut running: Vec<Option<Running<'_>>> = self.arms.iter().map(|_| None).collect();
        for number in &drawn.launches {
            let place = *number as usize;
            let arm = (*number, &self.arms[place]);
            let padding_bytes = drawn.padding_bytes[place];
            let mut started = Running::start(stage, arm, strategy, Some(pilot), padding_bytes)?;
            started.log_in(stage)?;
            if stage.is_stopped() {
                return Ok(None);
            }
            running[place] = Some(started);
        }
        let mut running: Vec<Running<'_>> = running.into_iter().flatten().collect();
        let half = self.arms.len();
        let warmup_ms = u64::from(stage.rules.warmup_ms);
        if warmup_ms > 0 {
            let point = stage.point(pilot.rate_per_s, warmup_ms, drawn.warmup_seed);
            for number in &drawn.order[..half] {
                let arm = &mut running[*number as usize];
                if segment::measure(stage, arm, *number, &point)?.is_none() {
                    return Ok(None);
                }
            }
        }
        let segment_ms = u64::from(stage.rules.segment_ms);
        let mut segments = Vec::with_capacity(drawn.order.len());
        for (place, number) in drawn.order.iter().enumerate() {
            let seed = drawn.half_seeds[place / half];
            let point = stage.point(pilot.rate_per_s, segment_ms, seed);
            let arm = &mut running[*number as usize];
            match segment::measure(stage, arm, *number, &point)? {
                Some(segment) => segments.push(segment),
                None => return Ok(None),
            }
        }
        Ok(Some(segments))
    }

    /// Why a block does not count, if so: the driver was late in a quarter of its
    /// measurements. Where server and driver share a core it is late because of
    /// the server, and that is no reason.
    fn late(&self, segments: &[Segment]) -> Option<String> {
        let placement = self.stage.grounds.placement;
        if placement.shared || !placement.pinned {
            return None;
        }
        let mut lags_ns: Vec<u64> = segments.iter().map(|it| it.lag_ns_p99).collect();
        lags_ns.sort_unstable();
        let lag_ns = *lags_ns.get(segments.len() * 3 / 4)?;
        let limit_ns = convert::lag_budget_ns(self.stage.scenario).saturating_mul(LATE);
        (lag_ns > limit_ns).then(|| {
            format!(
                "the driver was late: in a quarter of the measurements 1 % of its sends by {} us \
                 and more",
                lag_ns / 1_000
            )
        })
    }
}
