//! Strategies in this process, without servers and sockets: each is built here
//! and called on the driver's own thread.

mod limits;
mod node;

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use authbench_catalog::Recipe;
use authbench_core::Subject;
use authbench_load::{
    CellOutcome, InProcess, LoadPoint, LoginOutcome, Mix, Routing, SaturationOutcome,
    SaturationPlan, Scenario,
};
use authbench_results::Topology;

use crate::run::carrier::Carrier;
use crate::run::cells::{Stretch, Tour};
use crate::run::contender::{Accounts, Contender, Found, Serving};
use crate::run::costs::{self, Counted};
use crate::run::facts::Logins;
use crate::run::faults::Caused;
use crate::services::Services;
pub(crate) use limits::{check, unmeasured};
use node::OwnNode;

/// A strategy of this process and its users.
pub(crate) struct Called {
    users: InProcess,
    /// What the users call lives as long as they do.
    _node: OwnNode,
}

/// Builds the strategy, logs its users in and measures what needs no load.
///
/// # Errors
/// When the strategy cannot be built, or does not let somebody in.
pub(crate) fn start(
    recipe: &Recipe,
    scenario: &Scenario,
    services: &Services,
    stop: &AtomicBool,
) -> Result<Contender<Called>> {
    let accounts = Accounts::of(scenario);
    let roles = scenario.population.roles.value;
    let node = OwnNode::open(recipe, services, accounts.all(), roles, false)?;
    let users = scenario.population.users.value;
    let mut users = node.users(node.subjects(0..users)?);
    let population = users.log_in(stop)?;
    let carrier = Carrier::InProcess;
    let name = (recipe.name.clone(), recipe.resolved());
    let mut found = Found::new(name, carrier, node.guarantees(), scenario.points()?);
    found.facts.held = scenario.population.users.value;
    found.facts.token_bytes = population.credential_bytes.mean();
    let timed = accounts.held..accounts.held.saturating_add(accounts.timed);
    found.facts.unhashed = timed_logins(&node, node.subjects(timed)?, stop)?;
    found.facts.counts = count(recipe, scenario, services, stop)?;
    Ok(Contender {
        found,
        served: Called { users, _node: node },
    })
}

/// Logins one after the other, of accounts that do nothing else.
fn timed_logins(
    node: &OwnNode,
    subjects: Vec<Subject>,
    stop: &AtomicBool,
) -> Result<Option<Logins>> {
    let LoginOutcome {
        logins: count,
        service_ns,
        ..
    } = node.users(subjects).log_in(stop)?;
    Ok((count > 0).then_some(Logins {
        service_ns,
        server_cpu_ns: None,
        count,
    }))
}

/// Counts what the store is asked with nothing but reads, and with each mix of
/// the scenario: in a strategy of its own, so that counting costs nothing where
/// times are measured.
fn count(
    recipe: &Recipe,
    scenario: &Scenario,
    services: &Services,
    stop: &AtomicBool,
) -> Result<Vec<Counted>> {
    let count = costs::USERS_MAX.min(scenario.population.users.value);
    let roles = scenario.population.roles.value;
    let node = OwnNode::open(recipe, services, count, roles, true)?;
    let mut users = node.users(node.subjects(0..count)?);
    users.log_in(stop)?;
    let mut counts = Vec::new();
    for (mix, hops) in costs::wanted(scenario, 1) {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        counts.push(counted(
            &node,
            &mut users,
            (mix, hops),
            scenario.seed,
            stop,
        )?);
    }
    Ok(counts)
}

fn counted(
    node: &OwnNode,
    users: &mut InProcess,
    (mix, hops): (Mix, u32),
    seed: u64,
    stop: &AtomicBool,
) -> Result<Counted> {
    let before = node.stats();
    let outcome = users.cell(&costs::point(&mix, seed), &mut (), &mut (), stop)?;
    let none_over_a_wire = || {
        if node.keeps_nothing() {
            Ok(0)
        } else {
            Err("in process no proxy counts what goes to the store".to_owned())
        }
    };
    Ok(Counted {
        mix,
        hops,
        requests: outcome.tally.answered(),
        operations: costs::operations(&before, node.stats()),
        round_trips: none_over_a_wire(),
        bytes: none_over_a_wire(),
    })
}

impl Serving for Called {
    fn carrier(&self) -> Carrier {
        Carrier::InProcess
    }

    fn threads(&self) -> u32 {
        1
    }

    fn can_be_spread(&self) -> bool {
        true
    }

    fn topology(&self, _: Routing, hops: u32) -> Topology {
        Topology {
            replicas: 1,
            routing: authbench_results::Routing::Sticky,
            hops,
            store_round_trip_us: 0,
        }
    }

    fn servers_cpu_ns(&self) -> Option<u64> {
        None
    }

    fn cell(
        &mut self,
        stretch: &Stretch<'_>,
        tour: &Tour<'_>,
    ) -> Result<(CellOutcome, Vec<Caused>)> {
        let point = LoadPoint {
            connections: 0,
            ..stretch.point.clone()
        };
        let mut watch = tour.progress.watch();
        let outcome = self.users.cell(&point, &mut (), &mut watch, tour.stop)?;
        Ok((outcome, Vec::new()))
    }

    fn saturate(&mut self, plan: &SaturationPlan, tour: &Tour<'_>) -> Result<SaturationOutcome> {
        Ok(self.users.saturate(plan, &mut (), tour.stop)?)
    }
}
