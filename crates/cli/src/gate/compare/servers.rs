//! What is measured: servers of both sides, interleaved.

use anyhow::Result;
use authbench_results::{MetricClass, Standing};

use crate::gate::arm::Arm;
use crate::gate::compare::{Found, Wanted};
use crate::gate::judgement::measured;
use crate::gate::rounds::{Bench, Judged};
use crate::gate::side::Built;

/// Measures both sides, and once more what was red.
///
/// # Errors
/// When servers cannot be measured here at all.
pub(super) fn compare(
    wanted: &Wanted<'_>,
    standing: &Standing,
    seed: u64,
    (base, candidate): (&Built, &Built),
    found: &mut Found,
) -> Result<()> {
    let arm = |built: &Built| Arm {
        program: built.program.clone(),
        injection: None,
    };
    let arms = [arm(base), arm(candidate)];
    Bench::open(wanted.settings, wanted.rules, |bench| {
        let pilots = bench.pilot(seed, &arms[0])?;
        let blocks = bench.find(seed, &arms, &pilots)?;
        let Judged { mut cells, fresh } = bench.judge(seed, &arms, &pilots, standing, &blocks, 1)?;
        cells.retain(|cell| wanted.settings.wants(cell.class));
        for class in [MetricClass::Cpu, MetricClass::Wall] {
            if wanted.settings.wants(class) {
                found.classes.push(measured(class, &cells));
            }
        }
        found.cells.extend(cells);
        found.blocks.extend(blocks);
        found.blocks.extend(fresh);
        found.ground = Some(bench.measured(&pilots, &found.blocks)?);
        found.interrupted = bench.is_stopped();
        found.warnings.extend(bench.warnings());
        Ok(())
    })
}
