//! From what was measured to the result file's form.

mod cell;
mod facts;
mod guarantees;
mod health;

use authbench_load::{Histogram, Scenario};
use authbench_results as results;
use authbench_results::{Cell, Metric, Skipped, StrategyFacts};

use crate::run::contender::Found;

pub(crate) use cell::{block, faults};
pub(crate) use health::{block_health, doubts};

/// How late 1 % of the driver's sends may be before they are not believed,
/// nanoseconds.
pub(crate) fn lag_budget_ns(scenario: &Scenario) -> u64 {
    scenario.load.lag_budget_us.value.saturating_mul(1_000)
}

/// The file form of everything that is known of a strategy; or why nothing is.
pub(crate) fn found(
    mut found: Found,
    lag_budget_ns: u64,
) -> (Result<StrategyFacts, Skipped>, Vec<Cell>) {
    let strategy = found.strategy.clone();
    let records = std::mem::take(&mut found.cells);
    let cells: Vec<Cell> = records
        .into_iter()
        .flatten()
        .map(|record| cell::cell(&strategy, &found.facts, record, lag_budget_ns))
        .collect();
    if found.facts.token_bytes.is_none() {
        let reason = found
            .failure
            .unwrap_or_else(|| "the run was stopped".to_owned());
        return (
            Err(Skipped {
                strategy,
                reason,
                optional: false,
            }),
            Vec::new(),
        );
    }
    (Ok(strategy_facts(found, lag_budget_ns)), cells)
}

fn strategy_facts(found: Found, lag_budget_ns: u64) -> StrategyFacts {
    let own = &found.facts;
    let carrier = found.carrier;
    let saturation: Vec<_> = found
        .saturation
        .iter()
        .map(|seen| facts::saturation_block(seen, lag_budget_ns))
        .collect();
    let saturated = facts::saturated_cpu(&saturation, carrier);
    let logins = |logins: &Option<crate::run::facts::Logins>, none: &str| {
        let logins = logins.as_ref();
        logins.map_or_else(
            || Metric::missing(none),
            |logins| facts::cpu_per_login(logins, carrier),
        )
    };
    StrategyFacts {
        strategy: found.strategy.clone(),
        recipe: found.recipe.clone(),
        guarantees: guarantees::guarantees(&found.guarantees),
        incomplete: found.failure.clone(),
        conformance: found.conformance.clone(),
        token_bytes: own.token_bytes.map(|mean| mean.round() as u64),
        login: results::Login {
            password_hash: "Argon2id, m = 19456 KiB, t = 2, p = 1".to_owned(),
            hashed: own
                .hashed
                .as_ref()
                .and_then(|logins| histogram(&logins.service_ns)),
            unhashed: own
                .unhashed
                .as_ref()
                .and_then(|logins| histogram(&logins.service_ns)),
            hashed_server_cpu_ns: logins(&own.hashed, carrier.no_passwords()),
            unhashed_server_cpu_ns: logins(&own.unhashed, "not measured"),
        },
        memory: facts::memory(own.memory.as_ref(), carrier),
        revocation: found.revocation.as_ref().map(facts::revocation),
        revocation_elsewhere: found.revocation_elsewhere.as_ref().map(facts::revocation),
        lookups_per_request: facts::lookups(own),
        requests_per_core_s: match saturated.usable() {
            Some(ns) if ns > 0.0 => Metric::of(1e9 / ns),
            _ => Metric::missing("follows from the CPU time at saturation, which is not known"),
        },
        saturation,
        saturated_server_cpu_ns_per_request: saturated,
        knee: found.knee,
    }
}

/// In the resolution of result files.
fn histogram(recorded: &Histogram<u64>) -> Option<results::Histogram> {
    let mut coarse = results::recorder();
    for value in recorded.iter_recorded() {
        coarse.saturating_record_n(
            value.value_iterated_to(),
            value.count_since_last_iteration(),
        );
    }
    results::Histogram::of(&coarse)
}
