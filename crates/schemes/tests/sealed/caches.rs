//! Nodes that read through caches of their own.

use std::sync::Arc;

use authbench_core::{ManualClock, SeededEntropy};
use authbench_schemes::sealed::Sealed;
use authbench_stores::{Cached, CachedSettings, MemoryStore};

use crate::support::{AT, NAME, fixed, judge, login, refresh, settings};

const TTL_MS: u64 = 500;

#[tokio::test]
async fn a_new_cookie_is_known_at_once_and_the_old_one_no_longer_than_promised() {
    let clock = Arc::new(ManualClock::at(AT));
    let (keys, store) = (fixed(1), Arc::new(MemoryStore::new()));
    let node = |seed| {
        let caching = CachedSettings {
            ttl_ms: TTL_MS,
            ..CachedSettings::default()
        };
        let cached = Cached::new(Arc::clone(&store), caching, Arc::clone(&clock) as _);
        let entropy = Arc::new(SeededEntropy::new(seed));
        Sealed::new(&settings(), NAME, Arc::clone(&keys), cached, entropy).unwrap()
    };
    let (node, other) = (node(1), node(2));
    let old = login(&node, "ada", AT).await;
    let accepts = async |node, held: &authbench_core::Credentials, at| {
        let decision = judge(node, held.access.expose(), at).await;
        decision.accepted().is_some()
    };
    assert!(accepts(&other, &old, AT).await, "now it is in the cache");
    let new = refresh(&node, &old, AT).await.unwrap();
    assert!(accepts(&node, &new, AT).await && !accepts(&node, &old, AT).await);
    assert!(accepts(&other, &new, AT).await);
    let newer = refresh(&other, &new, AT).await.unwrap();
    assert!(accepts(&node, &newer, AT).await && accepts(&other, &newer, AT).await);
    clock.advance_ms(TTL_MS);
    let later = AT.plus_ms(TTL_MS);
    for held in [&old, &new] {
        assert!(!accepts(&node, held, later).await && !accepts(&other, held, later).await);
    }
    assert!(accepts(&node, &newer, later).await && accepts(&other, &newer, later).await);
}
