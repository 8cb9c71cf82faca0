//! The state machine over every recipe: what each promises is upheld, and each
//! weakness that it admits to is seen.
//!
//! `AUTHBENCH_CASES` asks for more histories, `AUTHBENCH_SEED` for others,
//! `AUTHBENCH_RECIPE` for the recipes whose names contain it. With
//! `AUTHBENCH_SUMMARY` naming a folder, each recipe's verdicts are written
//! there as JSON.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use authbench_catalog::registry::{Invalidation, Store};
use authbench_catalog::{Recipe, shipped};
use authbench_core::Durability;
use authbench_lab::services::Service;
use authbench_testkit::machine::{Campaign, Law, Outcome};

use world::{Cuttable, Services};

fn play(recipe: &Recipe, campaign: Campaign, services: &Services) -> Outcome {
    // Where nothing is kept, one backing serves all histories: only its key
    // would be made anew, and making an RSA key takes longer than a history.
    let shared = std::sync::Mutex::new(None::<Cuttable>);
    let open = async |seed| {
        let earlier = shared.lock().unwrap().clone();
        if let Some(backing) = earlier {
            return Ok(backing);
        }
        let backing = Cuttable::open(recipe, seed, services).await?;
        if backing.promises().await?.durability == Durability::Stateless {
            *shared.lock().unwrap() = Some(backing.clone());
        }
        Ok(backing)
    };
    campaign.run(open).unwrap()
}

/// What cannot be shown here. A database server is killed in the tests of the
/// stores, not in each history; and a cache that is told of changes makes use
/// of its room only while nobody tells it, which the tests of the cache show.
fn beyond_reach(recipe: &Recipe, services: &Services, law: Law) -> bool {
    let cache = recipe.storage.as_ref().and_then(|it| it.cache.as_ref());
    match law {
        Law::Durability => match recipe.store() {
            Some(Store::Postgres(_) | Store::Mysql(_)) => true,
            Some(Store::Redis(_)) => {
                let beyond = !services.can_kill_redis();
                if beyond {
                    println!(
                        "*** {}: Redis is not ours to kill, so its durability is NOT shown",
                        recipe.name
                    );
                }
                beyond
            }
            None | Some(Store::Memory(_) | Store::Sqlite(_)) => false,
        },
        Law::RevokeOne | Law::RevokeAll | Law::RoleChange => {
            cache.is_some_and(|cache| cache.invalidation == Invalidation::RedisPubsub)
        }
        _ => false,
    }
}

/// How many histories it takes. What a cache may still accept shows only when
/// the other node has read the login shortly before.
fn cases_for(recipe: &Recipe, cases: u32) -> u32 {
    let cached = recipe.storage.as_ref().is_some_and(|it| it.cache.is_some());
    if cached { cases * 4 } else { cases }
}

fn uphold(cases: u32, services: &Services, chosen: impl Fn(&Recipe) -> bool) {
    let only = std::env::var("AUTHBENCH_RECIPE").unwrap_or_default();
    let mut failures = Vec::new();
    for (n, recipe) in shipped().iter().enumerate() {
        if !chosen(recipe) || !recipe.name.contains(&only) {
            continue;
        }
        let cases = cases_for(recipe, cases);
        let campaign = Campaign::from_env(cases, n as u64 * 1_000).unwrap();
        let outcome = play(recipe, campaign, services);
        println!("{}: {outcome}", recipe.name);
        record(recipe, &outcome);
        if outcome.refuted().next().is_some() {
            failures.push(format!("{}: {outcome}", recipe.name));
        } else if campaign.cases >= cases {
            // A replay of one history need not witness everything.
            let unwitnessed: Vec<Law> = outcome
                .unwitnessed()
                .filter(|law| !beyond_reach(recipe, services, *law))
                .collect();
            if !unwitnessed.is_empty() {
                failures.push(format!("{}: {unwitnessed:?} unwitnessed", recipe.name));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

fn record(recipe: &Recipe, outcome: &Outcome) {
    if let Ok(folder) = std::env::var("AUTHBENCH_SUMMARY") {
        let text = serde_json::to_string_pretty(&outcome.summary()).unwrap();
        let file = std::path::Path::new(&folder).join(format!("{}.json", recipe.name));
        std::fs::write(file, text).unwrap();
    }
}

/// Some hundred operations at up to 10 ms each make a history.
fn behind_a_network(recipe: &Recipe) -> bool {
    let storage = recipe.storage.as_ref();
    storage.is_some_and(|storage| storage.delay.is_some())
}

fn without_a_store(recipe: &Recipe) -> bool {
    recipe.store().is_none()
}

fn in_memory(recipe: &Recipe) -> bool {
    matches!(recipe.store(), Some(Store::Memory(_))) && !behind_a_network(recipe)
}

fn in_sqlite(recipe: &Recipe) -> bool {
    matches!(recipe.store(), Some(Store::Sqlite(_))) && !behind_a_network(recipe)
}

fn in_redis(recipe: &Recipe) -> bool {
    matches!(recipe.store(), Some(Store::Redis(_))) && !behind_a_network(recipe)
}

fn in_postgres(recipe: &Recipe) -> bool {
    matches!(recipe.store(), Some(Store::Postgres(_))) && !behind_a_network(recipe)
}

fn in_mysql(recipe: &Recipe) -> bool {
    matches!(recipe.store(), Some(Store::Mysql(_))) && !behind_a_network(recipe)
}

#[test]
fn recipes_without_a_store_keep_their_promises() {
    uphold(64, &Services::none(), without_a_store);
}

#[test]
fn recipes_in_memory_keep_their_promises() {
    uphold(64, &Services::none(), in_memory);
}

#[test]
fn recipes_behind_a_network_keep_their_promises() {
    uphold(32, &Services::none(), behind_a_network);
}

#[test]
fn recipes_in_sqlite_keep_their_promises() {
    uphold(64, &Services::none(), in_sqlite);
}

#[test]
fn recipes_in_redis_keep_their_promises() {
    uphold(64, &Services::of(Service::Redis), in_redis);
}

#[test]
fn recipes_in_postgres_keep_their_promises() {
    uphold(32, &Services::of(Service::Postgres), in_postgres);
}

#[test]
fn recipes_in_mysql_keep_their_promises() {
    uphold(64, &Services::of(Service::Mysql), in_mysql);
}

#[test]
fn no_recipe_is_left_out_or_taken_twice() {
    let groups: [fn(&Recipe) -> bool; 7] = [
        behind_a_network,
        without_a_store,
        in_memory,
        in_sqlite,
        in_redis,
        in_postgres,
        in_mysql,
    ];
    for recipe in shipped() {
        let taken = groups.iter().filter(|chosen| chosen(&recipe)).count();
        assert_eq!(taken, 1, "{}", recipe.name);
        // The test behind a network starts no server.
        assert!(!behind_a_network(&recipe) || recipe.needs().is_none());
    }
}
