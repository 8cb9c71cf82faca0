//! Whether what was found about a machine contradicts itself.

use super::Inconsistency;
use super::rule::{finite, hold, interval, retraction, said, scenario, span, unique};
use crate::gate::Verdict;
use crate::qualification::{CellStanding, KnownGate, Qualification};

impl Qualification {
    /// Whether counts add up, verdicts agree with their cells, and numbers are
    /// finite and in order.
    ///
    /// # Errors
    /// [`Inconsistency`] names the first place where not.
    pub fn check(&self) -> Result<(), Inconsistency> {
        span(&self.started_at, &self.ended_at, "")?;
        retraction(self.invalid.as_ref(), || "invalid".to_owned())?;
        scenario(&self.scenario)?;
        let mut pairs = self.gates.windows(2);
        hold(
            pairs.all(|pair| pair[0].round <= pair[1].round),
            || "gates".to_owned(),
            "rounds are out of order",
        )?;
        for (index, gate) in self.gates.iter().enumerate() {
            check_gate(index, gate)?;
        }
        unique(
            self.cells
                .iter()
                .map(|cell| (cell.strategy.as_str(), cell.metric.as_str())),
            "cells",
            "a metric of a strategy stands twice",
        )?;
        self.cells
            .iter()
            .try_for_each(|cell| self.check_standing(cell))
    }

    fn check_standing(&self, cell: &CellStanding) -> Result<(), Inconsistency> {
        let place = || format!("cells, {}, {}", cell.strategy, cell.metric);
        hold(
            cell.aa_red <= cell.aa_gates && cell.injected_found <= cell.injected_gates,
            place,
            "there are more red gates than gates",
        )?;
        let aa = self.gates_that_judged(cell, |gate| gate.injected_percent == 0.0);
        hold(
            aa == (cell.aa_gates, cell.aa_red),
            place,
            "its A/A gates are not those in `gates`",
        )?;
        if let Some(percent) = cell.injected_percent {
            let injected = self.gates_that_judged(cell, |gate| {
                gate.injected_percent == percent && gate.injected_operation.is_none()
            });
            hold(
                injected == (cell.injected_gates, cell.injected_found),
                place,
                "its gates with a slow-down are not those in `gates`",
            )?;
        }
        finite([cell.injected_percent], place)?;
        hold(
            cell.injected_percent.is_some() == (cell.injected_gates > 0),
            place,
            "a slow-down has a size exactly if there was one",
        )?;
        said([cell.reason.as_deref()], place)?;
        hold(
            cell.reason.is_none() == cell.qualified,
            place,
            "there is a reason exactly where it is not qualified",
        )
    }

    /// How many of the gates that `counts` picks judged the metric, and how many
    /// of those called it regressed.
    fn gates_that_judged(
        &self,
        standing: &CellStanding,
        counts: impl Fn(&KnownGate) -> bool,
    ) -> (u32, u32) {
        let gates = self.gates.iter().filter(|gate| counts(gate));
        let cells = gates.flat_map(|gate| &gate.cells).filter(|cell| {
            cell.strategy == standing.strategy
                && cell.metric == standing.metric
                && cell.verdict != Verdict::NotMeasured
        });
        cells.fold((0, 0), |(all, red), cell| {
            (all + 1, red + u32::from(cell.verdict == Verdict::Regressed))
        })
    }
}

fn check_gate(index: usize, gate: &KnownGate) -> Result<(), Inconsistency> {
    let place = || format!("gates[{index}]");
    finite([Some(gate.injected_percent)], place)?;
    hold(
        gate.injected_percent > 0.0
            || (gate.injected_percent == 0.0 && gate.injected_operation.is_none()),
        place,
        "a slow-down is not negative, and no operation is slowed down by nothing",
    )?;
    unique(
        gate.cells
            .iter()
            .map(|cell| (cell.strategy.as_str(), cell.metric.as_str())),
        &format!("gates[{index}].cells"),
        "a metric of a strategy is judged twice",
    )?;
    for cell in &gate.cells {
        let place = || format!("gates[{index}], {}, {}", cell.strategy, cell.metric);
        let (low, effect, high) = (cell.low_percent, cell.effect_percent, cell.high_percent);
        finite([low, effect, high, cell.visible_percent], place)?;
        interval(low, effect, high, place)?;
        hold(
            cell.red_at_first || cell.verdict != Verdict::Regressed,
            place,
            "what is red in the end was red at first",
        )?;
    }
    let mut cells = gate.cells.iter();
    hold(
        gate.verdict != Verdict::Regressed || cells.any(|cell| cell.verdict == Verdict::Regressed),
        place,
        "a gate is red only if a cell is",
    )
}
