//! Whether the judgement of a change contradicts itself.

use super::Inconsistency;
use super::rule::{
    finite, hold, interval, probability, retraction, said, scenario, span, standing, unique,
};
use crate::gate::{
    ClassReport, GateCell, GatePurpose, GateReport, MetricClass, PairedBlock, Round, Segment,
    Verdict,
};

impl GateReport {
    /// Whether the judgements agree with their reasons and with one another,
    /// numbers are finite and in order, and blocks are balanced.
    ///
    /// # Errors
    /// [`Inconsistency`] names the first place where not.
    pub fn check(&self) -> Result<(), Inconsistency> {
        span(&self.run.started_at, &self.run.ended_at, "run.")?;
        retraction(self.run.invalid.as_ref(), || "run.invalid".to_owned())?;
        standing(&self.qualification)?;
        if let Some(asked) = &self.scenario {
            scenario(asked)?;
        }
        check_classes(&self.classes)?;
        unique(
            self.cells
                .iter()
                .map(|cell| (cell.strategy.as_str(), cell.metric.as_str())),
            "cells",
            "a metric of a strategy is judged twice",
        )?;
        for cell in &self.cells {
            check_cell(cell)?;
            self.check_support(cell)?;
        }
        self.check_blocks()?;
        self.check_whole()
    }

    /// What a cell rests on is there.
    fn check_support(&self, cell: &GateCell) -> Result<(), Inconsistency> {
        let mut blocks = self.blocks.iter();
        let rests = |block: &PairedBlock| {
            block.strategy == cell.strategy
                && block.round == Round::Find
                && block.rejected.is_none()
        };
        hold(
            cell.pairs == 0 || blocks.any(rests),
            || place(cell, "pairs"),
            "it rests on pairs, and there is no block of its strategy that counts",
        )?;
        let judged = self.run.purpose != GatePurpose::Compare && self.interleaving.is_some();
        let confirmed = cell.confirmation.as_ref().is_some_and(|it| it.recurred);
        hold(
            !(judged && is_sampled(cell) && cell.is_red()) || confirmed,
            || place(cell, "confirmation"),
            "a red result that fails the gate must have recurred",
        )
    }

    fn check_blocks(&self) -> Result<(), Inconsistency> {
        let measured = self.environment.is_some()
            && self.health.is_some()
            && self.scenario.is_some()
            && self.interleaving.is_some();
        hold(
            self.blocks.is_empty() || measured,
            || "blocks".to_owned(),
            "where something was measured, machine, health, scenario and interleaving are told",
        )?;
        unique(
            self.blocks.iter().map(|block| {
                (
                    block.strategy.as_str(),
                    block.round == Round::Find,
                    block.index,
                )
            }),
            "blocks",
            "two blocks have one place",
        )?;
        self.blocks
            .iter()
            .enumerate()
            .try_for_each(|(index, block)| check_block(index, block))
    }

    fn check_whole(&self) -> Result<(), Inconsistency> {
        hold(
            self.reason.is_some() == (self.verdict == Verdict::NotMeasured),
            || "reason".to_owned(),
            "there is a reason exactly where nothing could be judged",
        )?;
        said([self.reason.as_deref()], || "reason".to_owned())?;
        hold(
            self.cells.iter().any(GateCell::is_red) == (self.verdict == Verdict::Regressed),
            || "verdict".to_owned(),
            "the whole is regressed exactly if a binding cell is",
        )?;
        let mut binding = self.cells.iter().filter(|cell| cell.binding);
        hold(
            self.verdict != Verdict::Improved
                || binding.any(|cell| cell.verdict == Verdict::Improved),
            || "verdict".to_owned(),
            "the whole is improved only if a binding cell is",
        )
    }
}

/// Whether the figures of one cell agree with its verdict.
fn check_cell(cell: &GateCell) -> Result<(), Inconsistency> {
    let at = || place(cell, "effect_percent");
    finite(
        [
            cell.base,
            cell.candidate,
            cell.effect_percent,
            cell.low_percent,
            cell.high_percent,
            Some(cell.budget_percent),
            cell.visible_percent,
        ],
        at,
    )?;
    interval(cell.low_percent, cell.effect_percent, cell.high_percent, at)?;
    hold(
        cell.budget_percent >= 0.0,
        || place(cell, "budget_percent"),
        "a budget is not negative",
    )?;
    probability(cell.p_worse, || place(cell, "p_worse"))?;
    probability(cell.p_worse_holm, || place(cell, "p_worse_holm"))?;
    let corrected = match (cell.p_worse, cell.p_worse_holm) {
        (Some(raw), Some(holm)) => holm >= raw * (1.0 - 1e-9),
        (None, None) => true,
        _ => false,
    };
    hold(
        corrected,
        || place(cell, "p_worse_holm"),
        "a correction is there with what it corrects, and never makes a p smaller",
    )?;
    let bare = cell.low_percent.is_none()
        && cell.high_percent.is_none()
        && cell.p_worse.is_none()
        && cell.visible_percent.is_none()
        && cell.pairs == 0
        && cell.confirmation.is_none();
    hold(
        is_sampled(cell) || bare,
        || place(cell, "class"),
        "what is counted has no interval, no p and no pairs",
    )?;
    hold(
        !is_sampled(cell) || cell.verdict == Verdict::NotMeasured || cell.effect_percent.is_some(),
        || place(cell, "verdict"),
        "what is judged by samples has an effect",
    )?;
    said([cell.note.as_deref()], || place(cell, "note"))?;
    hold(
        cell.verdict != Verdict::NotMeasured || cell.note.is_some(),
        || place(cell, "note"),
        "what was not measured has a note that says why",
    )?;
    let Some(again) = &cell.confirmation else {
        return Ok(());
    };
    let (low, effect, high) = (again.low_percent, again.effect_percent, again.high_percent);
    let at = || place(cell, "confirmation");
    finite([low, effect, high].map(Some), at)?;
    interval(Some(low), Some(effect), Some(high), at)?;
    probability(Some(again.p_worse_holm), at)?;
    hold(
        again.recurred == (cell.verdict == Verdict::Regressed),
        at,
        "a red result stays red exactly if it recurred",
    )
}

fn check_classes(classes: &[ClassReport]) -> Result<(), Inconsistency> {
    let mut pairs = classes.windows(2);
    hold(
        pairs.all(|pair| pair[0].class < pair[1].class),
        || "classes".to_owned(),
        "classes come once each, in their order",
    )?;
    for report in classes {
        let place = || format!("classes, {}", report.class.label());
        hold(
            report.reason.is_none() == (report.measured && report.binding),
            place,
            "there is a reason exactly where it was not measured or is not binding",
        )?;
        said([report.reason.as_deref()], place)?;
    }
    Ok(())
}

fn check_block(index: usize, block: &PairedBlock) -> Result<(), Inconsistency> {
    let place = || format!("blocks[{index}], {}", block.strategy);
    let arms = block.arms.len();
    let mut times = vec![0_u32; arms];
    for segment in &block.segments {
        let known = usize::try_from(segment.arm).ok();
        let count = known.and_then(|arm| times.get_mut(arm));
        hold(
            count.is_some(),
            place,
            "a segment belongs to an arm that is not there",
        )?;
        if let Some(count) = count {
            *count += 1;
        }
        hold(
            segment.accepted_dead <= segment.failures,
            place,
            "each acceptance of what had ended is a failure",
        )?;
        hold(
            segment.response_ns_p50 <= segment.response_ns_p99,
            place,
            "the median lies above the 99th percentile",
        )?;
    }
    said([block.rejected.as_deref()], place)?;
    if block.rejected.is_some() {
        return Ok(());
    }
    hold(
        arms >= 2,
        place,
        "a block that counts has a base and a candidate",
    )?;
    hold(
        times[0] > 0 && times.iter().all(|count| *count == times[0]),
        place,
        "in a block that counts each arm is measured equally often",
    )?;
    let is_mirrored = |palindrome: &[Segment]| {
        let order = || palindrome.iter().map(|segment| segment.arm);
        order().eq(order().rev())
    };
    hold(
        block.palindromes().all(is_mirrored),
        place,
        "each order of a block that counts is followed by its own mirror image",
    )
}

fn is_sampled(cell: &GateCell) -> bool {
    matches!(cell.class, MetricClass::Cpu | MetricClass::Wall)
}

fn place(cell: &GateCell, member: &str) -> String {
    format!("cells, {}, {}, {member}", cell.strategy, cell.metric)
}
