//! A result sorted for its reader: cells by strategy, and the one load at
//! which all strategies are compared.

use authbench_results::{Cell, Histogram, RunResult, StrategyFacts};

use crate::units;

/// A result, sorted.
pub(crate) struct Reading<'r> {
    pub(crate) result: &'r RunResult,
    /// In the order of the file.
    pub(crate) strategies: Vec<Strategy<'r>>,
    /// The load (requests offered per second) at which strategies are
    /// compared; None if nothing was measured under load.
    pub(crate) common_per_s: Option<f64>,
}

/// One strategy with all that is known of it.
pub(crate) struct Strategy<'r> {
    /// Its place among the strategies: gives colour and marker.
    pub(crate) index: usize,
    pub(crate) facts: &'r StrategyFacts,
    /// By ascending load.
    pub(crate) cells: Vec<&'r Cell>,
    /// The cell at the common load.
    pub(crate) common: Option<&'r Cell>,
    /// Why its numbers are not worth comparing; empty if they are.
    pub(crate) failures: Vec<String>,
}

impl<'r> Reading<'r> {
    pub(crate) fn of(result: &'r RunResult) -> Self {
        let common_per_s = common_load(result);
        let strategies = result
            .strategies
            .iter()
            .enumerate()
            .map(|(index, facts)| Strategy::of(index, facts, result, common_per_s))
            .collect();
        Self {
            result,
            strategies,
            common_per_s,
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
        self.common_per_s
            .map_or_else(|| "no load".to_owned(), units::per_s)
    }
}

impl<'r> Strategy<'r> {
    fn of(
        index: usize,
        facts: &'r StrategyFacts,
        result: &'r RunResult,
        common_per_s: Option<f64>,
    ) -> Self {
        let mut cells: Vec<&Cell> = result
            .cells
            .iter()
            .filter(|cell| cell.strategy == facts.strategy)
            .collect();
        cells.sort_by(|a, b| a.load.offered_per_s.total_cmp(&b.load.offered_per_s));
        let common = cells
            .iter()
            .copied()
            .find(|c| Some(c.load.offered_per_s) == common_per_s);
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

/// The load at which most strategies kept up and may be believed; of several
/// the highest, because there the strategies differ most. Where none may be
/// believed, the load at which most kept up; where none did, the lowest.
fn common_load(result: &RunResult) -> Option<f64> {
    let kept_up = |cell: &Cell| {
        let enough = cell.load.completed as f64 >= 0.95 * cell.load.arrivals as f64;
        enough && cell.latency.response.is_some()
    };
    let votes = |load: f64| {
        let there = || {
            result
                .cells
                .iter()
                .filter(|c| c.load.offered_per_s == load && kept_up(c))
        };
        (there().filter(|cell| cell.valid).count(), there().count())
    };
    let loads = || result.cells.iter().map(|cell| cell.load.offered_per_s);
    let best = loads().max_by(|a, b| votes(*a).cmp(&votes(*b)).then(a.total_cmp(b)))?;
    if votes(best) == (0, 0) {
        loads().min_by(f64::total_cmp)
    } else {
        Some(best)
    }
}

/// A reconnect in the wrong moment happens; more than this share of a cell's
/// requests does not.
const FAILURES_TOLERATED: f64 = 0.001;

fn failures(facts: &StrategyFacts, cells: &[&Cell]) -> Vec<String> {
    let mut failures = Vec::new();
    let wrong: u64 = cells
        .iter()
        .map(|cell| cell.outcomes.wrong_judgements())
        .sum();
    if wrong > 0 {
        failures.push(format!(
            "{} answers under load were wrong",
            units::count(wrong as f64)
        ));
    }
    let (failed, worst) = cells
        .iter()
        .map(|cell| {
            (
                cell.outcomes.undecided(),
                cell.outcomes.undecided_fraction(),
            )
        })
        .fold((0, 0.0_f64), |sum, one| (sum.0 + one.0, sum.1.max(one.1)));
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
    let late = facts
        .revocation
        .as_ref()
        .map_or(0, |r| r.accepted_after_deadline);
    if late > 0 {
        failures.push(format!(
            "{} acceptances came later than its promise allows",
            units::count(late as f64)
        ));
    }
    if facts.revocation.as_ref().is_some_and(|r| r.wrong_user > 0) {
        failures.push("it took an ended login for somebody else's".to_owned());
    }
    if facts
        .revocation
        .as_ref()
        .is_some_and(|r| !r.controls_held())
    {
        failures.push("a control of its revocation failed".to_owned());
    }
    if let Some(verdict) = facts.conformance.as_ref().filter(|v| !v.failed.is_empty()) {
        failures.push(format!("it fails the checks {}", verdict.failed.join(", ")));
    }
    failures
}
