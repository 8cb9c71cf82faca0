//! Stores that are read through a cache of each node's own: what it still shows
//! may let somebody pass for as long as promised, and shuts nobody out.

use std::ops::Deref;
use std::sync::Arc;

use authbench_core::{
    AuthStrategy, ManualClock, RecordStore, Scope, SeededEntropy, Staleness, SubjectId, UnixMs,
};
use authbench_schemes::{denylist, epoch};
use authbench_stores::{Cached, CachedSettings, MemoryStore};

use crate::support::{AT, Plain, TTL_MS, accepts, log_in, roles, subject};

const STALE_MS: u64 = 500;
const OWN_MS: u64 = 300;

type Store = Cached<Arc<MemoryStore>>;

/// Two caches over one store, and the clock of both.
fn stores() -> ([Store; 2], Arc<MemoryStore>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(AT));
    let store = Arc::new(MemoryStore::new());
    let caching = CachedSettings {
        ttl_ms: STALE_MS,
        ..CachedSettings::default()
    };
    let cached = [(); 2].map(|()| {
        let clock = Arc::clone(&clock);
        Cached::new(Arc::clone(&store), caching, clock)
    });
    (cached, store, clock)
}

async fn end_all(node: &(impl Deref<Target: AuthStrategy> + Sync)) {
    let ada = SubjectId::new("ada");
    node.revoke(&Scope::Subject(&ada), AT).await.unwrap();
}

/// Whoever logs in on one node, right after a revocation on another, is let in
/// by both; what was revoked passes no longer than promised.
async fn a_login_is_above_a_cut_off_that_its_node_has_not_seen<N>(
    nodes: [Arc<N>; 2],
    clock: &ManualClock,
    promise: u64,
) where
    N: AuthStrategy,
{
    assert_eq!(
        nodes[0].guarantees().revoke_all,
        Staleness::WithinMs(promise)
    );
    end_all(&nodes[0]).await;
    let old = log_in(&nodes[0], "ada", AT).await;
    assert!(accepts(&nodes[1], &old, AT).await, "now it is in the cache");
    end_all(&nodes[0]).await;
    assert!(accepts(&nodes[1], &old, AT).await, "the delay is real");
    let new = log_in(&nodes[1], "ada", AT).await;
    let last = AT.plus_ms(promise - 1);
    for at in [AT, last, AT.plus_ms(promise)] {
        clock.set(at);
        for node in &nodes {
            assert!(accepts(node, &new, at).await);
        }
    }
    for node in &nodes {
        assert!(!accepts(node, &old, AT.plus_ms(promise)).await);
    }
}

fn denylists(stores: [Store; 2]) -> [Arc<denylist::Denylist<Plain, Store, SeededEntropy>>; 2] {
    let mut seed = 0;
    stores.map(|store| {
        seed += 1;
        let entropy = SeededEntropy::new(seed);
        Arc::new(denylist::Denylist::new(
            denylist::Settings::default(),
            Plain,
            store,
            entropy,
        ))
    })
}

fn epochs(
    stores: [Store; 2],
    max_stale_ms: u64,
) -> [Arc<epoch::Epoch<Plain, Store, SeededEntropy>>; 2] {
    let mut seed = 0;
    stores.map(|store| {
        seed += 1;
        let settings = epoch::Settings {
            max_stale_ms,
            ..epoch::Settings::default()
        };
        Arc::new(epoch::Epoch::new(
            settings,
            Plain,
            store,
            SeededEntropy::new(seed),
        ))
    })
}

#[tokio::test]
async fn a_denylist_behind_a_cache() {
    let (stores, _, clock) = stores();
    let nodes = denylists(stores);
    a_login_is_above_a_cut_off_that_its_node_has_not_seen(nodes, &clock, STALE_MS).await;
}

#[tokio::test]
async fn epochs_behind_a_cache() {
    for own_ms in [0, OWN_MS] {
        let (stores, _, clock) = stores();
        let nodes = epochs(stores, own_ms);
        let promise = STALE_MS + own_ms;
        a_login_is_above_a_cut_off_that_its_node_has_not_seen(nodes, &clock, promise).await;
    }
}

/// The second node's caches show a record that has been lost since.
#[tokio::test]
async fn a_login_after_a_loss_is_known_everywhere() {
    for own_ms in [0, OWN_MS] {
        let (stores, behind, _) = stores();
        let nodes = epochs(stores, own_ms);
        let old = log_in(&nodes[0], "ada", AT).await;
        assert!(accepts(&nodes[1], &old, AT).await);
        assert_eq!(behind.purge(UnixMs(u64::MAX), 10).await.unwrap(), 1);
        // A fresh node: the first one's cache, too, shows what was lost.
        let auditor = subject("ada", &["auditor"]);
        let entropy = SeededEntropy::new(9);
        let fresh = epoch::Epoch::new(epoch::Settings::default(), Plain, behind, entropy);
        let new = fresh.issue(&auditor, AT).await.unwrap().granted().unwrap();
        for node in &nodes {
            assert_eq!(roles(node, &new, AT).await, auditor.roles);
        }
        let later = AT.plus_ms(TTL_MS - 1);
        assert!(accepts(&Arc::new(fresh), &new, later).await);
    }
}
