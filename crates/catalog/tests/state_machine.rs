//! The state machine over every recipe: what each promises is upheld, and each
//! weakness that it admits to is seen.
//!
//! `AUTHBENCH_CASES` asks for more histories, `AUTHBENCH_SEED` for others.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use authbench_catalog::registry::Store;
use authbench_catalog::{Backing, BackingOptions, Recipe, shipped};
use authbench_core::{Durability, DynStrategy, SeededEntropy};
use authbench_stores::faulty::{self, Switch};
use authbench_testkit::machine::{self, BoxError, Campaign, Fault, Law, Outcome};
use tempfile::TempDir;

/// One recipe's backing, whose store can be cut off.
#[derive(Clone)]
struct Cuttable {
    backing: Arc<Backing>,
    switch: Switch,
    _home: Arc<TempDir>,
}

impl Cuttable {
    async fn open(recipe: &Recipe, seed: u64) -> Result<Self, BoxError> {
        let (home, switch) = (tempfile::tempdir()?, Switch::default());
        let options = BackingOptions {
            entropy: Arc::new(SeededEntropy::new(seed)),
            home: home.path().to_owned(),
            faults: Some(switch.clone()),
            metered: false,
        };
        let backing = Arc::new(Backing::open(recipe, options).await?);
        Ok(Self {
            backing,
            switch,
            _home: Arc::new(home),
        })
    }
}

impl machine::Backing for Cuttable {
    async fn node(&self) -> Result<Arc<dyn DynStrategy>, BoxError> {
        Ok(self.backing.node().await?.strategy)
    }

    fn can_be_cut(&self) -> bool {
        true
    }

    fn cut(&self, fault: Option<Fault>) {
        self.switch.set(fault.map(|fault| match fault {
            Fault::Refuse => faulty::Fault::Refuse,
            Fault::LoseAnswer => faulty::Fault::LoseAnswer,
        }));
    }
}

fn play(recipe: &Recipe, campaign: Campaign) -> Outcome {
    // Where nothing is kept, one backing serves all histories: only its key
    // would be made anew, and making an RSA key takes longer than a history.
    let shared = std::sync::Mutex::new(None::<Cuttable>);
    let open = async |seed| {
        let earlier = shared.lock().unwrap().clone();
        if let Some(backing) = earlier {
            return Ok(backing);
        }
        let backing = Cuttable::open(recipe, seed).await?;
        let promises = backing.backing.node().await?.strategy.guarantees();
        if promises.durability == Durability::Stateless {
            *shared.lock().unwrap() = Some(backing.clone());
        }
        Ok(backing)
    };
    campaign.run(open).unwrap()
}

fn uphold(cases: u32, chosen: impl Fn(Option<&Store>) -> bool) {
    for (n, recipe) in shipped().iter().enumerate() {
        if !chosen(recipe.store()) {
            continue;
        }
        let campaign = Campaign::from_env(cases, n as u64 * 1_000).unwrap();
        let outcome = play(recipe, campaign);
        println!("{}: {outcome}", recipe.name);
        assert_eq!(outcome.refuted().count(), 0, "{}: {outcome}", recipe.name);
        // A replay of one history need not witness everything.
        if campaign.cases >= cases {
            let unwitnessed: Vec<Law> = outcome.unwitnessed().collect();
            assert_eq!(unwitnessed, [], "{}: {outcome}", recipe.name);
        }
    }
}

#[test]
fn recipes_without_a_store_keep_their_promises() {
    uphold(64, |store| store.is_none());
}

#[test]
fn recipes_in_memory_keep_their_promises() {
    uphold(64, |store| matches!(store, Some(Store::Memory(_))));
}

#[test]
fn recipes_in_sqlite_keep_their_promises() {
    uphold(32, |store| matches!(store, Some(Store::Sqlite(_))));
}

#[test]
fn no_store_is_left_out() {
    // A new kind of store fails to compile here until a test above chooses it.
    for recipe in shipped() {
        match recipe.store() {
            None | Some(Store::Memory(_) | Store::Sqlite(_)) => {}
        }
    }
}
