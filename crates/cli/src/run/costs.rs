//! What requests ask of the store, counted apart from all other measuring.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use authbench_catalog::Recipe;
use authbench_load::{Arrivals, LoadPoint, LoginPlan, Mix, Scenario, Spacing};
use authbench_wire::bodies::StatsResponse;

use crate::run::contender::{Accounts, Contender};
use crate::run::served::{Grounds, Served, Setting};

/// Requests by which store operations per request are counted.
const RATE_PER_S: f64 = 1_000.0;
const COUNT_MS: u64 = 500;
/// Virtual users who make them.
pub(crate) const USERS_MAX: u32 = 1_000;
/// On how many connections they log in.
const CONNECTIONS: u32 = 4;
const TIMEOUT_MS: u64 = 10_000;

/// What so many requests of one mix asked of the store.
pub(crate) struct Counted {
    pub(crate) mix: Mix,
    pub(crate) hops: u32,
    /// Requests that were answered.
    pub(crate) requests: u64,
    /// Operations by kind.
    pub(crate) operations: Vec<(String, u64)>,
    /// Round trips to the store, or why they are not known.
    pub(crate) round_trips: Result<u64, String>,
    /// Octets to and from it, or why they are not known.
    pub(crate) bytes: Result<u64, String>,
}

/// Counts with nothing but reads, and with each mix of the scenario. A server of
/// its own is asked, which reaches a store that is a server through a proxy that
/// counts.
pub(crate) fn count(
    contender: &mut Contender,
    scenario: &Scenario,
    grounds: &Grounds<'_>,
    stop: &AtomicBool,
) -> Result<()> {
    let candidate = contender.served.candidate.clone();
    let recipe = candidate
        .recipe()
        .context("a stranger's server does not count")?;
    let hops_max = if contender.served.shares_logins {
        scenario.topology.hops.value
    } else {
        1
    };
    let users = USERS_MAX.min(Accounts::of(scenario).held);
    let setting = Setting {
        hops: hops_max,
        proxied: recipe.needs().is_some(),
        ..Setting::plain(users, scenario.population.roles.value)
    };
    let mut served = Served::start(&candidate, setting, grounds)?;
    let profile_users = served.profile.users.clone();
    let plan = LoginPlan {
        users: &profile_users,
        numbers: 0..users,
        devices: 1,
        connections: CONNECTIONS.min(users),
        keep: true,
        timeout_ms: TIMEOUT_MS,
    };
    served.driver.log_in(&plan, stop)?;
    for (mix, hops) in wanted(scenario, hops_max) {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        served.enter(hops)?;
        let counted = with(&mut served, recipe, scenario.seed, (mix, hops), stop)?;
        contender.found.facts.counts.push(counted);
    }
    Ok(())
}

/// Each mix of the scenario with the length of the chain that it is put on, and
/// first nothing but reads.
pub(crate) fn wanted(scenario: &Scenario, hops_max: u32) -> Vec<(Mix, u32)> {
    let mut wanted = vec![(Mix::reads(), 1)];
    let all_hops = scenario.topology.hops.value;
    let of_phases = scenario.phases.iter().map(|phase| {
        let hops = phase.hops.as_ref().map_or(all_hops, |hops| hops.value);
        (phase.mix.clone().unwrap_or(scenario.mix.clone()), hops)
    });
    for one in of_phases.chain([(scenario.mix.clone(), all_hops)]) {
        if one.1 <= hops_max && !wanted.contains(&one) {
            wanted.push(one);
        }
    }
    wanted
}

/// The load while it is counted. On one connection, one after the other: of two
/// that are under way together a proxy could not tell the round trips apart.
pub(crate) fn point(mix: &Mix, seed: u64) -> LoadPoint {
    LoadPoint {
        measure_ms: COUNT_MS,
        timeout_ms: TIMEOUT_MS,
        mix: mix.clone(),
        seed,
        ..LoadPoint::reads(Arrivals::steady(Spacing::Even, RATE_PER_S))
    }
}

/// What the store was asked between the two, by kind; kinds that it was asked.
pub(crate) fn operations(before: &StatsResponse, after: StatsResponse) -> Vec<(String, u64)> {
    let operations = after.store_operations.into_iter();
    let operations = operations.map(|(kind, count)| {
        let earlier = before.store_operations.get(&kind).copied().unwrap_or(0);
        (kind, count.saturating_sub(earlier))
    });
    operations.filter(|(_, count)| *count > 0).collect()
}

fn with(
    served: &mut Served,
    recipe: &Recipe,
    seed: u64,
    (mix, hops): (Mix, u32),
    stop: &AtomicBool,
) -> Result<Counted> {
    let point = point(&mix, seed);
    let before = (served.fleet.stats()?, served.fleet.traffic());
    let outcome = served.driver.cell(&point, &mut (), &mut (), stop)?;
    let after = (served.fleet.stats()?, served.fleet.traffic());
    let (round_trips, bytes) = if !served.fleet.proxies.is_empty() {
        let passed = after.1.since(before.1);
        let octets = passed.to_server_bytes + passed.to_client_bytes;
        (Ok(passed.round_trips), Ok(octets))
    } else if recipe.storage.is_none() {
        (Ok(0), Ok(0))
    } else {
        let why = "the store is in the server's own process: nothing goes over a wire";
        (Err(why.to_owned()), Err(why.to_owned()))
    };
    Ok(Counted {
        mix,
        hops,
        requests: outcome.tally.answered(),
        operations: operations(&before.0, after.0),
        round_trips,
        bytes,
    })
}
