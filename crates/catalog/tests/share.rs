//! Replicas that share a folder, as processes of their own would: each has its
//! own backing, and nothing in memory in common.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use authbench_catalog::registry::{Scheme, Store};
use authbench_catalog::{Backing, BackingOptions, Node, Recipe, ServiceUrls, ShareFolder, shipped};
use authbench_core::{
    Clock, Credentials, Decision, ManualClock, Refreshed, Scope, Subject, SubjectId, UnixMs,
};
use authbench_lab::services::{self, Service};

const START: UnixMs = UnixMs(1_800_000_000_000);

struct Replica {
    backing: Backing,
    node: Node,
}

async fn replica(recipe: &Recipe, folder: &Path, clock: &Arc<ManualClock>) -> Replica {
    let url = |service| services::shared(service).unwrap().to_owned();
    let services = match recipe.store() {
        Some(Store::Redis(_)) => ServiceUrls {
            redis: Some(url(Service::Redis)),
            ..ServiceUrls::default()
        },
        Some(Store::Postgres(_)) => ServiceUrls {
            postgres: Some(url(Service::Postgres)),
            ..ServiceUrls::default()
        },
        Some(Store::Mysql(_)) => ServiceUrls {
            mysql: Some(url(Service::Mysql)),
            ..ServiceUrls::default()
        },
        _ => ServiceUrls::default(),
    };
    let share = ShareFolder::enter(folder, recipe).await.unwrap();
    let options = BackingOptions {
        share: Some(Arc::new(share)),
        services,
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        // Nothing may be looked for here.
        ..BackingOptions::new(Path::new("/nowhere"))
    };
    let backing = Backing::open(recipe, options).await.unwrap();
    let node = backing.node().await.unwrap();
    Replica { backing, node }
}

impl Replica {
    async fn log_in(&self, at: UnixMs) -> Credentials {
        let subject = Subject {
            id: SubjectId::new("ada"),
            roles: ["user"].into_iter().collect(),
        };
        let issued = self.node.strategy.issue(&subject, at).await.unwrap();
        issued.granted().unwrap()
    }

    async fn accepts(&self, credentials: &Credentials, at: UnixMs) -> bool {
        let strategy = &self.node.strategy;
        let decision = strategy.authenticate(&credentials.present(), at).await;
        matches!(decision.unwrap(), Decision::Accepted(_))
    }

    fn keys(&self, at: UnixMs) -> Option<serde_json::Value> {
        (self.node.jwks.as_ref()?.at)(at)
    }
}

fn named(name: &str) -> Recipe {
    let mut all = shipped().into_iter();
    all.find(|recipe| recipe.name == name).unwrap()
}

/// Two that start at the same time.
async fn two(recipe: &Recipe, folder: &Path, clock: &Arc<ManualClock>) -> [Replica; 2] {
    let (one, two) = tokio::join!(
        replica(recipe, folder, clock),
        replica(recipe, folder, clock)
    );
    [one, two]
}

/// Waits until `condition` holds; the test's own timeout is the judge of
/// "never".
async fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn every_kind_of_key_is_shared() {
    let mut kinds = 0;
    for recipe in shipped() {
        let stateless = recipe.store().is_none();
        let is_sqlite = matches!(recipe.store(), Some(Store::Sqlite(_)));
        if !stateless && !is_sqlite {
            continue;
        }
        kinds += 1;
        let home = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(START));
        let [a, b] = two(&recipe, home.path(), &clock).await;
        let held = a.log_in(START).await;
        let at = START.plus_ms(1);
        assert!(b.accepts(&held, at).await, "{}", recipe.name);
        assert_eq!(a.keys(at), b.keys(at), "{}", recipe.name);
        if let Some(refresh) = &held.refresh {
            let renewed = b.node.strategy.refresh(&held.present(), at).await.unwrap();
            let is_renewed = matches!(renewed, Refreshed::Renewed(_));
            assert!(is_renewed, "{}: {refresh:?}", recipe.name);
        }
        // One that comes later, or again, knows it as well.
        drop(b);
        let c = replica(&recipe, home.path(), &clock).await;
        let again = a.log_in(at).await;
        assert!(c.accepts(&again, at).await, "{}", recipe.name);
    }
    assert!(kinds > 10, "{kinds} recipes");
}

#[tokio::test]
async fn a_new_key_is_every_replicas() {
    for name in [
        "jwt.hs256.bearer",
        "jwt.es256.bearer",
        "jwt.eddsa.bearer",
        "jwt.rs256.bearer",
        "paseto.v4-local.bearer",
        "paseto.v4-public.bearer",
        "biscuit.ed25519.bearer",
        "sealed-cookie.stateless.cookie",
    ] {
        let recipe = named(name);
        let home = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(START));
        let [a, b] = two(&recipe, home.path(), &clock).await;
        let before = a.log_in(START).await;
        (a.node.rotate_keys.as_ref().unwrap())(START).unwrap();
        (b.node.rotate_keys.as_ref().unwrap())(START.plus_ms(1)).unwrap();
        let at = START.plus_ms(10_000);
        let key_files = || {
            let files = std::fs::read_dir(home.path()).unwrap();
            let names = files.map(|file| file.unwrap().file_name());
            names
                .filter(|name| name.to_string_lossy().starts_with("key-"))
                .count()
        };
        assert_eq!(key_files(), 3, "{name}");
        // The third was made by one and must come to the other.
        until(|| a.keys(at) == b.keys(at)).await;
        for (from, to) in [(&a, &b), (&b, &a)] {
            while !to.accepts(&from.log_in(at).await, at).await {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            assert!(
                to.accepts(&before, at).await,
                "{name}: the old key verifies"
            );
        }
        let late = replica(&recipe, home.path(), &clock).await;
        assert_eq!(late.keys(at), a.keys(at), "{name}");
        assert!(late.accepts(&b.log_in(at).await, at).await, "{name}");
    }
}

#[tokio::test]
async fn keys_that_change_by_time_change_for_all() {
    let recipe = named("jwt.es256-rotating.bearer");
    let Scheme::Jwt(settings) = &recipe.scheme else {
        panic!("{:?}", recipe.scheme)
    };
    let period_ms = 1_000 * (settings.rotate_every_s.unwrap() - settings.announce_s);
    let home = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(START));
    let [a, b] = two(&recipe, home.path(), &clock).await;
    let count = |replica: &Replica, at| {
        let keys = replica.keys(at).unwrap();
        keys["keys"].as_array().unwrap().len()
    };
    assert_eq!(count(&a, START), 1);
    let due = START.plus_ms(period_ms);
    // A ring of its own would turn here, and each with another key.
    let late = a.log_in(due).await;
    assert_eq!(count(&a, due), 1);
    clock.set(due);
    until(|| count(&a, due) == 2 && count(&b, due) == 2).await;
    assert_eq!(a.keys(due), b.keys(due));
    assert!(b.accepts(&late, due).await);
}

#[tokio::test]
async fn what_is_in_a_server_goes_with_the_last_replica() {
    for name in [
        "session.redis.cookie",
        "session.postgres.cookie",
        "session.mysql.cookie",
        "introspection.redis.bearer",
    ] {
        let recipe = named(name);
        let home = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(START));
        let [a, b] = two(&recipe, home.path(), &clock).await;
        let (one, other) = (a.log_in(START).await, b.log_in(START).await);
        assert!(
            b.accepts(&one, START).await && a.accepts(&other, START).await,
            "{name}"
        );
        let presented = Scope::Presented(one.present());
        b.node.strategy.revoke(&presented, START).await.unwrap();
        assert!(!a.accepts(&one, START).await, "{name}");
        a.backing.remove().await.unwrap();
        drop(a);
        assert!(
            b.accepts(&other, START).await,
            "{name}: under a living replica"
        );
        // Killed, it removes nothing.
        drop(b);
        let c = replica(&recipe, home.path(), &clock).await;
        assert!(c.accepts(&other, START).await, "{name}");
        c.backing.remove().await.unwrap();
        drop(c);
        let d = replica(&recipe, home.path(), &clock).await;
        assert!(!d.accepts(&other, START).await, "{name}: nothing is left");
        assert!(d.accepts(&d.log_in(START).await, START).await, "{name}");
        d.backing.remove().await.unwrap();
    }
}
