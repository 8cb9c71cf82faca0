//! The reference server behind a target equals the strategy itself: the state
//! machine runs over both at once, and every step must come out alike.
//!
//! `AUTHBENCH_CASES` asks for more histories, `AUTHBENCH_SEED` for others.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod lab;
mod recorder;
mod twin;

use std::collections::HashSet;
use std::sync::Arc;

use authbench_catalog::{Recipe, shipped};
use authbench_core::DynStrategy;
use authbench_stores::faulty;
use authbench_testkit::machine::{self, BoxError, Campaign, Fault, Law};
use tokio::runtime::{Builder, Runtime};

use crate::lab::Lab;
use crate::twin::Twin;

/// One node: the target knows one address.
struct Single(Arc<Twin>);

impl machine::Backing for Single {
    async fn node(&self) -> Result<Arc<dyn DynStrategy>, BoxError> {
        Ok(Arc::clone(&self.0) as _)
    }

    fn can_be_cut(&self) -> bool {
        true
    }

    /// Always so that operations do not happen: what takes one operation here
    /// may take several requests there, and if answers were lost, only the
    /// first of them would take place.
    fn cut(&self, fault: Option<Fault>) {
        for switch in &self.0.lab.switches {
            switch.set(fault.map(|_| faulty::Fault::Refuse));
        }
    }
}

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

/// The recipes, each with another scheme, transport or cache: which store there
/// is behind them is a matter of its own tests, and here a table in memory
/// stands in for each, one that answers at once if there is the choice.
fn distinct() -> Vec<Recipe> {
    let mut seen = HashSet::new();
    let mut recipes = shipped();
    recipes.sort_by_key(|recipe| {
        let storage = recipe.storage.as_ref();
        storage.is_some_and(|storage| storage.delay.is_some())
    });
    let distinct = recipes.into_iter().filter(|recipe| {
        let cache = recipe.storage.as_ref().map(|storage| &storage.cache);
        seen.insert(format!(
            "{:?} {:?} {cache:?}",
            recipe.scheme, recipe.transport
        ))
    });
    distinct.collect()
}

/// Compares every third recipe, from the `first`-th on: three tests keep more
/// than one core busy.
fn compare(first: usize) {
    let mut failed = Vec::new();
    for (n, recipe) in distinct().iter().enumerate().skip(first).step_by(3) {
        // The server lives in a runtime of its own.
        let servers = runtime();
        let lab = Arc::new(servers.block_on(Lab::open(recipe, recipe)).unwrap());
        let campaign = Campaign::from_env(8, n as u64 * 1_000).unwrap();
        let outcome = campaign
            .run(async |_| Ok(Single(Arc::new(Twin::new(&lab)))))
            .unwrap();
        let mismatches = lab.mismatches.lock().unwrap();
        println!("{}: {outcome}\n{mismatches:#?}", recipe.name);
        if outcome.refuted().next().is_some() || !mismatches.is_empty() {
            failed.push(recipe.name.clone());
        }
    }
    assert!(failed.is_empty(), "see above: {failed:?}");
}

#[test]
fn the_server_equals_the_strategy_one_third() {
    compare(0);
}

#[test]
fn the_server_equals_the_strategy_another_third() {
    compare(1);
}

#[test]
fn the_server_equals_the_strategy_the_last_third() {
    compare(2);
}

#[test]
fn a_server_of_another_kind_is_told_apart() {
    let recipes = shipped();
    let [session, jwt] = ["session.memory.bearer", "jwt.hs256.bearer"]
        .map(|name| recipes.iter().find(|recipe| recipe.name == name).unwrap());
    let servers = runtime();
    let lab = Arc::new(servers.block_on(Lab::open(session, jwt)).unwrap());
    let campaign = Campaign {
        seed: 1,
        cases: 4,
        steps_max: 80,
    };
    let outcome = campaign
        .run(async |_| Ok(Single(Arc::new(Twin::new(&lab)))))
        .unwrap();
    let refuted: Vec<_> = outcome.refuted().map(|found| found.law).collect();
    assert_eq!(refuted, [Law::Availability], "{outcome}");
    assert!(
        outcome.to_string().contains("the two sides differ in"),
        "{outcome}"
    );
    assert!(!lab.mismatches.lock().unwrap().is_empty());
}
