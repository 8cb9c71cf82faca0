//! A result sorted for its reader: cells by strategy, and the one load at
//! which all strategies are compared.

use authbench_results::{Cell, Durability, Histogram, OutcomeKind, RunResult, StrategyFacts};

use crate::common::Common;
use crate::units;

/// A result, sorted.
pub(crate) struct Reading<'r> {
    pub(crate) result: &'r RunResult,
    /// In the order of the file.
    pub(crate) strategies: Vec<Strategy<'r>>,
    /// The load at which strategies are compared; None if nothing was measured
    /// under load.
    pub(crate) common: Option<Common<'r>>,
}

/// One strategy with all that is known of it.
pub(crate) struct Strategy<'r> {
    /// Its place among the strategies: gives colour and marker.
    pub(crate) index: usize,
    pub(crate) facts: &'r StrategyFacts,
    /// By phase, in the order of the file, then by ascending load.
    pub(crate) cells: Vec<&'r Cell>,
    /// The cell at the common load.
    pub(crate) common: Option<&'r Cell>,
    /// Why its numbers are not worth comparing; empty if they are.
    pub(crate) failures: Vec<String>,
}

impl<'r> Reading<'r> {
    pub(crate) fn of(result: &'r RunResult) -> Self {
        let common = Common::of(result);
        let strategies = result
            .strategies
            .iter()
            .enumerate()
            .map(|(index, facts)| Strategy::of(index, facts, result, common))
            .collect();
        Self {
            result,
            strategies,
            common,
        }
    }

    /// The strategies whose numbers are worth comparing.
    pub(crate) fn sound(&self) -> impl Iterator<Item = &Strategy<'r>> {
        self.strategies
            .iter()
            .filter(|strategy| strategy.failures.is_empty())
    }

    /// Whether any latency at the common load may be believed.
    pub(crate) fn common_is_valid(&self) -> bool {
        self.strategies
            .iter()
            .filter_map(|strategy| strategy.common)
            .any(|cell| cell.valid)
    }

    /// The common load in words.
    pub(crate) fn common_load(&self) -> String {
        self.common
            .map_or_else(|| "no load".to_owned(), Common::in_words)
    }

    /// Whether all strategies are compared at the same load.
    pub(crate) fn is_common_the_same(&self) -> bool {
        !matches!(self.common, Some(Common::Own))
    }

    /// Whether anything was measured in phases.
    pub(crate) fn has_phases(&self) -> bool {
        self.result.cells.iter().any(|cell| cell.phase.is_some())
    }
}

impl<'r> Strategy<'r> {
    fn of(
        index: usize,
        facts: &'r StrategyFacts,
        result: &'r RunResult,
        common: Option<Common<'r>>,
    ) -> Self {
        let mut cells: Vec<&Cell> = result
            .cells
            .iter()
            .filter(|cell| cell.strategy == facts.strategy)
            .collect();
        let phases = phases(result);
        let place = |cell: &Cell| {
            phases
                .iter()
                .position(|phase| *phase == cell.phase.as_deref())
        };
        cells.sort_by(|a, b| {
            let load = a.load.offered_per_s.total_cmp(&b.load.offered_per_s);
            place(a).cmp(&place(b)).then(load)
        });
        let common = common.and_then(|common| common.cell(&cells));
        let failures = failures(facts, &cells);
        Self {
            index,
            facts,
            cells,
            common,
            failures,
        }
    }

    pub(crate) fn name(&self) -> &'r str {
        &self.facts.strategy
    }

    /// The response times at the common load, and whether they may be
    /// believed.
    pub(crate) fn common_response(&self) -> Option<(&'r Histogram, bool)> {
        let cell = self.common?;
        Some((cell.latency.response.as_ref()?, cell.valid))
    }

    /// CPU nanoseconds of the server per request at saturation, if they may be
    /// believed.
    pub(crate) fn saturated_cpu_ns(&self) -> Option<f64> {
        self.facts.saturated_server_cpu_ns_per_request.usable()
    }

    /// Octets on the wire per request at the common load, if they may be
    /// believed.
    pub(crate) fn common_wire_bytes(&self) -> Option<f64> {
        self.common?.costs.wire_bytes_per_request()
    }
}

/// The phases of all cells, in the order of the file.
fn phases(result: &RunResult) -> Vec<Option<&str>> {
    let mut phases = Vec::new();
    for cell in &result.cells {
        if !phases.contains(&cell.phase.as_deref()) {
            phases.push(cell.phase.as_deref());
        }
    }
    phases
}

/// The requests of `cell` that got no decision in time although nothing had
/// been broken: what a fault caused is told apart, and is no fault of the
/// strategy's.
fn undecided(cell: &Cell) -> (u64, f64) {
    let caused = cell
        .faults
        .iter()
        .map(|fault| {
            fault
                .during
                .undecided()
                .saturating_add(fault.after.undecided())
        })
        .fold(0, u64::saturating_add);
    // What was under way when a process was killed was due before the fault:
    // at most one request on each connection.
    let killed = cell
        .faults
        .iter()
        .filter(|fault| fault.kind.ends_with("-restart"));
    let under_way = killed.map(|_| u64::from(cell.load.connections));
    let under_way = under_way.fold(0, u64::saturating_add);
    let all = cell.outcomes.undecided();
    let left = all.saturating_sub(caused).saturating_sub(under_way);
    if all == 0 {
        return (0, 0.0);
    }
    let share = left as f64 / all as f64;
    (left, cell.outcomes.undecided_fraction() * share)
}

/// How many answers under the load of `cell` were wrong. Where all may be lost
/// with a process, and one was killed, a login that is refused or accepted
/// against what was acknowledged before is no broken promise.
fn wrong(cell: &Cell, promised: Durability) -> u64 {
    let restarts = cell.faults.iter().filter(|fault| {
        promised == Durability::None && fault.failed.is_none() && fault.kind.ends_with("-restart")
    });
    let lost = restarts
        .flat_map(|fault| [&fault.during, &fault.after])
        .map(|seen| seen.wrong_judgements() - seen.count(OutcomeKind::WrongUser))
        .fold(0, u64::saturating_add);
    cell.outcomes.wrong_judgements().saturating_sub(lost)
}

/// A reconnect in the wrong moment happens; more than this share of a cell's
/// requests does not.
const FAILURES_TOLERATED: f64 = 0.001;

fn failures(facts: &StrategyFacts, cells: &[&Cell]) -> Vec<String> {
    let mut failures = Vec::new();
    let wrong: u64 = cells
        .iter()
        .map(|cell| wrong(cell, facts.guarantees.durability))
        .sum();
    if wrong > 0 {
        failures.push(format!(
            "{} answers under load were wrong",
            units::count(wrong as f64)
        ));
    }
    let (failed, worst) = cells
        .iter()
        .map(|cell| undecided(cell))
        .fold((0, 0.0), |sum: (u64, f64), one| {
            (sum.0.saturating_add(one.0), sum.1.max(one.1))
        });
    if worst > FAILURES_TOLERATED {
        failures.push(format!(
            "{} requests got no decision in time, up to {} of those at one load",
            units::count(failed as f64),
            units::percent(worst)
        ));
    }
    let saturated: u64 = facts.saturation.iter().map(|block| block.completed).sum();
    let dropped: u64 = facts.saturation.iter().map(|block| block.failures).sum();
    if dropped as f64 > FAILURES_TOLERATED * saturated as f64 {
        failures.push(format!(
            "{} requests failed at saturation",
            units::count(dropped as f64)
        ));
    }
    let revocations = || facts.revocation.iter().chain(&facts.revocation_elsewhere);
    let late = revocations()
        .map(|revocation| revocation.accepted_after_deadline)
        .fold(0, u64::saturating_add);
    if late > 0 {
        failures.push(format!(
            "{} acceptances came later than its promise allows",
            units::count(late as f64)
        ));
    }
    if revocations().any(|revocation| revocation.wrong_user > 0) {
        failures.push("it took an ended login for somebody else's".to_owned());
    }
    if revocations().any(|revocation| !revocation.controls_held()) {
        failures.push("a control of its revocation failed".to_owned());
    }
    if let Some(verdict) = facts.conformance.as_ref().filter(|v| !v.failed.is_empty()) {
        failures.push(format!("it fails the checks {}", verdict.failed.join(", ")));
    }
    failures
}
