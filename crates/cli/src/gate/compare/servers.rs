//! What is measured: servers of both sides, interleaved.

use anyhow::Result;
use authbench_gate::ratchet;
use authbench_results::{CountedFigure, GateCell, MetricClass, PairedBlock, Standing};

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
    let arms = [base.arm(None), candidate.arm(None)];
    Bench::open(wanted.settings, wanted.rules, |bench| {
        let pilots = bench.pilot(seed, &arms[0])?;
        let blocks = bench.find(seed, &arms, &pilots)?;
        let Judged { mut cells, fresh } =
            bench.judge(seed, &arms, &pilots, standing, &blocks, 1)?;
        cells.retain(|cell| wanted.settings.wants(cell.class));
        for class in [MetricClass::Cpu, MetricClass::Wall] {
            if wanted.settings.wants(class) {
                found.classes.push(measured(class, &cells));
            }
        }
        found.cells.extend(accepted_dead(wanted, &blocks, &fresh));
        found.cells.extend(cells);
        found.blocks.extend(blocks);
        found.blocks.extend(fresh);
        found.ground = Some(bench.measured(&pilots, &found.blocks)?);
        found.interrupted = bench.is_stopped();
        found.warnings.extend(bench.warnings());
        Ok(())
    })
}

/// Acceptances of what had ended, where there were any: however fast a side was
/// that lets anybody in, it is judged by this.
fn accepted_dead(
    wanted: &Wanted<'_>,
    blocks: &[PairedBlock],
    fresh: &[PairedBlock],
) -> Vec<GateCell> {
    let figures = |arm: u32| -> Vec<CountedFigure> {
        let mut sums = std::collections::BTreeMap::<&str, u64>::new();
        for block in blocks.iter().chain(fresh) {
            let of_arm = block.segments.iter().filter(|segment| segment.arm == arm);
            let accepted: u64 = of_arm.map(|segment| segment.accepted_dead).sum();
            *sums.entry(&block.strategy).or_default() += accepted;
        }
        let figure = |(strategy, count): (&str, u64)| CountedFigure {
            class: MetricClass::Exact,
            strategy: strategy.to_owned(),
            metric: "accepted_after_deadline_under_load_count".to_owned(),
            value: count as f64,
        };
        sums.into_iter().map(figure).collect()
    };
    let mut cells = ratchet(wanted.rules, MetricClass::Exact, &figures(0), &figures(1));
    cells.retain(|cell| cell.base != Some(0.0) || cell.candidate != Some(0.0));
    cells
}
