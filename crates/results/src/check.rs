//! Whether a result contradicts itself.

mod conformance;
mod counted;
mod gate;
mod qualification;
mod rule;

use crate::cell::{ArrivalProcess, Cell, LoadModel, Outcomes};
use crate::facts::StrategyFacts;
use crate::fault::FaultSeen;
use crate::histogram::{DecodeError, Histogram};
use crate::knee::Knee;
use crate::run::RunResult;

/// The measured time and the wait for stragglers are each cut to whole
/// milliseconds.
const ROUNDING_NS: u64 = 2_000_000;

impl RunResult {
    /// Whether every summary agrees with the raw data beside it, every cell
    /// belongs to a strategy of this file, and the parts of a cell agree with
    /// the whole.
    ///
    /// # Errors
    /// [`Inconsistency`] names the first place that does not.
    pub fn check(&self) -> Result<(), Inconsistency> {
        if let Some(shard) = &self.run.shard
            && shard.index >= shard.of
        {
            return Err(Inconsistency::Shard {
                index: shard.index,
                of: shard.of,
            });
        }
        for cell in &self.cells {
            let known = |facts: &StrategyFacts| facts.strategy == cell.strategy;
            if !self.strategies.iter().any(known) {
                return Err(Inconsistency::UnknownStrategy {
                    strategy: cell.strategy.clone(),
                });
            }
            check_cell(cell)?;
        }
        self.strategies.iter().try_for_each(check_facts)?;
        match self.benches.iter().find(|figure| !figure.is_consistent()) {
            None => Ok(()),
            Some(figure) => Err(Inconsistency::Bench {
                bench: figure.bench.clone(),
                case: figure.case.clone(),
            }),
        }
    }
}

fn place(cell: &Cell) -> String {
    let phase = cell
        .phase
        .as_ref()
        .map_or_else(String::new, |phase| format!(", phase {phase}"));
    format!(
        "cells, {}{phase} at {}/s",
        cell.strategy, cell.load.offered_per_s
    )
}

fn check_cell(cell: &Cell) -> Result<(), Inconsistency> {
    let latency = &cell.latency;
    for (name, histogram) in [
        ("response", &latency.response),
        ("service", &latency.service),
        ("send_lag", &latency.send_lag),
    ] {
        check_histogram(histogram.as_ref(), || format!("{}, {name}", place(cell)))?;
    }
    for figures in &cell.actions {
        check_histogram(figures.response.as_ref(), || {
            format!("{}, actions, {}", place(cell), figures.action)
        })?;
    }
    let by_action = || Outcomes::together(cell.actions.iter().map(|figures| &figures.outcomes));
    // A kind that did not occur may be written as 0 or left out.
    if !cell.actions.is_empty() && by_action() != Outcomes::together([&cell.outcomes]) {
        return Err(Inconsistency::Actions { place: place(cell) });
    }
    let is_closed = cell.load.model == LoadModel::ClosedLoop;
    if is_closed != (cell.load.process == ArrivalProcess::Closed) {
        return Err(Inconsistency::Process { place: place(cell) });
    }
    if is_closed && latency.send_lag.is_some() {
        return Err(Inconsistency::ClosedLoopLag { place: place(cell) });
    }
    match cell.faults.iter().find(|fault| !fits(fault, cell)) {
        None => Ok(()),
        Some(fault) => Err(Inconsistency::Fault {
            place: place(cell),
            fault: fault.kind.clone(),
        }),
    }
}

/// Whether everything about `fault` happened while `cell` was measured or
/// waited for stragglers, and in order.
fn fits(fault: &FaultSeen, cell: &Cell) -> bool {
    let measured_ms = cell.load.measured_ms;
    let end_ns = measured_ms
        .saturating_add(cell.load.drained_ms)
        .saturating_mul(1_000_000)
        .saturating_add(ROUNDING_NS);
    let after = |from_ns: u64, span_ns: Option<u64>| from_ns.saturating_add(span_ns.unwrap_or(0));
    let lifted_ns = after(fault.began_ns, fault.lasted_ns);
    let recovers = fault.lasted_ns.is_some() && fault.first_failure_ns.is_some();
    fault.at_ms <= measured_ms
        && lifted_ns <= end_ns
        && after(fault.began_ns, fault.first_failure_ns) <= end_ns
        && after(lifted_ns, fault.recovery_ns) <= end_ns
        && (recovers || fault.recovery_ns.is_none())
}

fn check_facts(facts: &StrategyFacts) -> Result<(), Inconsistency> {
    let place = |metric| format!("strategies, {}, {metric}", facts.strategy);
    check_histogram(facts.login.hashed.as_ref(), || place("login.hashed"))?;
    check_histogram(facts.login.unhashed.as_ref(), || place("login.unhashed"))?;
    for revocation in facts.revocation.iter().chain(&facts.revocation_elsewhere) {
        check_histogram(revocation.last_acceptance.as_ref(), || place("revocation"))?;
        if !revocation.adds_up() {
            return Err(Inconsistency::Revocation {
                strategy: facts.strategy.clone(),
            });
        }
    }
    match &facts.knee {
        Some(knee) if !follows_from_tries(knee) => Err(Inconsistency::Knee {
            strategy: facts.strategy.clone(),
        }),
        _ => Ok(()),
    }
}

/// Whether the rate of a knee was tried and held, and the rate above it was
/// tried and did not.
fn follows_from_tries(knee: &Knee) -> bool {
    let tried = |rate_per_s: f64, held: bool| {
        let mut tries = knee.tries.iter();
        tries.any(|one| one.rate_per_s == rate_per_s && one.held == held)
    };
    let above = match (knee.rate_per_s, knee.failed_at_per_s) {
        (Some(held), Some(failed)) => held < failed,
        _ => true,
    };
    above
        && knee.rate_per_s.is_none_or(|rate| tried(rate, true))
        && knee.failed_at_per_s.is_none_or(|rate| tried(rate, false))
}

fn check_histogram(
    histogram: Option<&Histogram>,
    place: impl Fn() -> String,
) -> Result<(), Inconsistency> {
    let Some(histogram) = histogram else {
        return Ok(());
    };
    match histogram.verify() {
        Ok(true) => Ok(()),
        Ok(false) => Err(Inconsistency::Summary { place: place() }),
        Err(source) => Err(Inconsistency::Histogram {
            place: place(),
            source,
        }),
    }
}

/// A result contradicts itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Inconsistency {
    /// A part has a number that there is not.
    #[error(
        "it calls itself part {index} of {of}; parts are numbered from 0 to one less than that"
    )]
    Shard {
        /// Its number.
        index: u32,
        /// How many parts there are.
        of: u32,
    },
    /// A cell names a strategy of which nothing else is known.
    #[error("a cell belongs to the strategy `{strategy}`, which `strategies` does not list")]
    UnknownStrategy {
        /// The name in the cell.
        strategy: String,
    },
    /// Raw data cannot be read.
    #[error("the histogram at `{place}` cannot be read")]
    Histogram {
        /// Where it stands.
        place: String,
        /// What is wrong with it.
        #[source]
        source: DecodeError,
    },
    /// A summary was not made from the data beside it.
    #[error("the summary at `{place}` does not follow from its own histogram")]
    Summary {
        /// Where it stands.
        place: String,
    },
    /// The outcomes of a cell's actions are not those of the cell.
    #[error("the outcomes of the actions at `{place}` do not add up to those of the cell")]
    Actions {
        /// Which cell.
        place: String,
    },
    /// Only a closed loop sends when the answer before has come.
    #[error("at `{place}`, model and process disagree about whether the loop is closed")]
    Process {
        /// Which cell.
        place: String,
    },
    /// In a closed loop there is no instant for which a request was late.
    #[error("the closed loop at `{place}` has a send lag, and nothing there could be late")]
    ClosedLoopLag {
        /// Which cell.
        place: String,
    },
    /// Something about a fault lies outside the time that was measured.
    #[error(
        "the times of the fault `{fault}` at `{place}` do not fit into the measured time, or into \
         one another"
    )]
    Fault {
        /// Which cell.
        place: String,
        /// What was broken.
        fault: String,
    },
    /// A knee is not what its tries say.
    #[error("the knee of `{strategy}` does not follow from its own tries")]
    Knee {
        /// Whose knee.
        strategy: String,
    },
    /// A bench's figure lies outside its own interval.
    #[error("the figure of bench `{bench}`, case `{case}`, lies outside its own interval")]
    Bench {
        /// Which bench.
        bench: String,
        /// Which case.
        case: String,
    },
    /// A document breaks one of its own rules.
    #[error("at `{place}`: {rule}")]
    Rule {
        /// Where, as a path of members.
        place: String,
        /// What must hold there.
        rule: &'static str,
    },
    /// The counts of revocation samples do not add up.
    #[error("the revocation samples of `{strategy}` do not add up")]
    Revocation {
        /// Whose samples.
        strategy: String,
    },
}
