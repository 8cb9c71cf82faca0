//! The load at which strategies are compared.

use authbench_results::{Cell, LoadModel, RunResult};

use crate::words;

/// The load at which strategies are compared.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Common<'r> {
    /// The same for all: a rate, in a phase where there are phases.
    Same { phase: Option<&'r str>, per_s: f64 },
    /// Most strategies share none: each is taken at the middle of its own.
    Own,
}

impl<'r> Common<'r> {
    /// The load at which most strategies kept up and may be believed, without
    /// a fault; of several the highest, because there the strategies differ
    /// most. Where none may be believed, the load at which most kept up; where
    /// none did, the lowest. A closed loop has no rate that is offered to all.
    /// None if nothing was measured under load.
    pub(crate) fn of(result: &'r RunResult) -> Option<Self> {
        result.cells.first()?;
        let open = || result.cells.iter().filter(|cell| is_open(cell));
        // Of equals the last one wins, and that shall be the first in the file.
        let best = open().rev().max_by(|a, b| {
            let load = a.load.offered_per_s.total_cmp(&b.load.offered_per_s);
            votes(result, a).cmp(&votes(result, b)).then(load)
        });
        let lowest = || open().min_by(|a, b| a.load.offered_per_s.total_cmp(&b.load.offered_per_s));
        let Some(best) = best.and_then(|best| {
            if votes(result, best) == (0, 0) {
                lowest()
            } else {
                Some(best)
            }
        }) else {
            return Some(Self::Own);
        };
        let count = |there: &dyn Fn(&Cell) -> bool| {
            let strategies = result.strategies.iter();
            strategies
                .filter(|facts| {
                    let mut cells = result.cells.iter();
                    cells.any(|cell| cell.strategy == facts.strategy && there(cell))
                })
                .count()
        };
        let here = count(&|cell| same_place(cell, best));
        if here * 2 < count(&|_| true) {
            return Some(Self::Own);
        }
        Some(Self::Same {
            phase: best.phase.as_deref(),
            per_s: best.load.offered_per_s,
        })
    }

    /// The cell, of one strategy's, at which it is compared.
    pub(crate) fn cell(self, cells: &[&'r Cell]) -> Option<&'r Cell> {
        match self {
            Self::Same { phase, per_s } => cells.iter().copied().find(|cell| {
                is_open(cell) && cell.phase.as_deref() == phase && cell.load.offered_per_s == per_s
            }),
            Self::Own => {
                let calm: Vec<&Cell> = own(cells, |cell| is_open(cell) && cell.faults.is_empty());
                let open = own(cells, is_open);
                let cells = [calm, open, cells.to_vec()]
                    .into_iter()
                    .find(|some| !some.is_empty())?;
                cells.get((cells.len() - 1) / 2).copied()
            }
        }
    }

    /// The load in words.
    pub(crate) fn in_words(self) -> String {
        match self {
            Self::Same { phase, per_s } => words::rate_in(per_s, phase),
            Self::Own => "a load of its own for each".to_owned(),
        }
    }
}

fn own<'r>(cells: &[&'r Cell], is_meant: impl Fn(&Cell) -> bool) -> Vec<&'r Cell> {
    let mut own: Vec<&Cell> = cells.iter().copied().filter(|c| is_meant(c)).collect();
    own.sort_by(|a, b| a.load.offered_per_s.total_cmp(&b.load.offered_per_s));
    own
}

/// Whether a schedule decided when requests were sent.
pub(crate) fn is_open(cell: &Cell) -> bool {
    cell.load.model == LoadModel::OpenLoop
}

fn same_place(a: &Cell, b: &Cell) -> bool {
    is_open(a) && a.phase == b.phase && a.load.offered_per_s == b.load.offered_per_s
}

/// At the place of `at`: the cells that kept up and may be believed, and
/// those that kept up.
fn votes(result: &RunResult, at: &Cell) -> (usize, usize) {
    let kept_up = |cell: &&Cell| {
        let enough = cell.load.completed as f64 >= 0.95 * cell.load.arrivals as f64;
        enough && cell.latency.response.is_some() && cell.faults.is_empty()
    };
    let there = || {
        let cells = result.cells.iter();
        cells.filter(|cell| same_place(cell, at)).filter(kept_up)
    };
    (there().filter(|cell| cell.valid).count(), there().count())
}
