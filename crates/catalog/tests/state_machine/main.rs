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

fn is_plain(recipe: &Recipe) -> bool {
    recipe
        .storage
        .as_ref()
        .is_none_or(|storage| storage.delay.is_none())
}

#[test]
fn recipes_without_a_store_keep_their_promises() {
    uphold(64, &Services::none(), |recipe| recipe.store().is_none());
}

#[test]
fn recipes_in_memory_keep_their_promises() {
    let chosen =
        |recipe: &Recipe| matches!(recipe.store(), Some(Store::Memory(_))) && is_plain(recipe);
    uphold(64, &Services::none(), chosen);
}

/// Some hundred operations at up to 10 ms each make a history.
#[test]
fn recipes_behind_a_network_keep_their_promises() {
    let chosen = |recipe: &Recipe| !is_plain(recipe);
    uphold(32, &Services::none(), chosen);
}

#[test]
fn recipes_in_sqlite_keep_their_promises() {
    uphold(64, &Services::none(), |recipe| {
        matches!(recipe.store(), Some(Store::Sqlite(_)))
    });
}

#[test]
fn recipes_in_redis_keep_their_promises() {
    uphold(64, &Services::of(Service::Redis), |recipe| {
        matches!(recipe.store(), Some(Store::Redis(_)))
    });
}

#[test]
fn recipes_in_postgres_keep_their_promises() {
    uphold(32, &Services::of(Service::Postgres), |recipe| {
        matches!(recipe.store(), Some(Store::Postgres(_)))
    });
}

#[test]
fn recipes_in_mysql_keep_their_promises() {
    uphold(64, &Services::of(Service::Mysql), |recipe| {
        matches!(recipe.store(), Some(Store::Mysql(_)))
    });
}

#[test]
fn no_recipe_is_left_out_or_taken_twice() {
    for recipe in shipped() {
        // A new kind of store fails to compile here until a test above has it.
        let taken = match recipe.store() {
            _ if !is_plain(&recipe) => "behind a network",
            None => "without a store",
            Some(Store::Memory(_)) => "memory",
            Some(Store::Mysql(_)) => "mysql",
            Some(Store::Postgres(_)) => "postgres",
            Some(Store::Redis(_)) => "redis",
            Some(Store::Sqlite(_)) => "sqlite",
        };
        // The test of memory alone asks whether there is a network before it.
        assert!(taken != "behind a network" || recipe.store().map(Store::label) == Some("memory"));
    }
}
