//! Nodes that read through caches of their own: what a cache still shows may
//! let somebody pass for as long as promised, and shuts nobody out.

use std::sync::Arc;

use authbench_core::{
    AuthStrategy, Credentials, ManualClock, Refreshed, SeededEntropy, Staleness, UnixMs,
};
use authbench_schemes::session::{Idle, Session, Settings};
use authbench_stores::{Cached, CachedSettings, MemoryStore};

use crate::support::{AT, SETTINGS, judge, listed, login, subject};

const TTL_MS: u64 = 500;

type Node = Session<Cached<Arc<MemoryStore>>, SeededEntropy>;

/// Two nodes with a cache each, over one store, and the clock of both.
fn nodes(settings: Settings) -> (Node, Node, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(AT));
    let store = Arc::new(MemoryStore::new());
    let node = |seed| {
        let caching = CachedSettings {
            ttl_ms: TTL_MS,
            ..CachedSettings::default()
        };
        let cached = Cached::new(Arc::clone(&store), caching, Arc::clone(&clock) as _);
        Session::new(settings, cached, SeededEntropy::new(seed))
    };
    let (node, other) = (node(1), node(2));
    let promised = AuthStrategy::guarantees(&node).revoke_one;
    assert_eq!(promised, Staleness::WithinMs(TTL_MS));
    (node, other, clock)
}

async fn accepts(node: &Node, held: &Credentials, at: UnixMs) -> bool {
    let decision = judge(node, held.access.expose(), at).await;
    decision.accepted().is_some()
}

async fn rotate(node: &Node, held: &Credentials, at: UnixMs) -> Credentials {
    match node.refresh(&held.present(), at).await.unwrap() {
        Refreshed::Renewed(credentials) => credentials,
        refused => panic!("{refused:?}"),
    }
}

#[tokio::test]
async fn a_new_id_is_known_at_once_and_the_old_one_no_longer_than_promised() {
    let (node, other, clock) = nodes(Settings {
        rotation: true,
        ..SETTINGS
    });
    let old = login(&node, "ada").await;
    assert!(accepts(&other, &old, AT).await, "now it is in the cache");
    let new = rotate(&node, &old, AT).await;
    assert!(accepts(&node, &new, AT).await && !accepts(&node, &old, AT).await);
    assert!(accepts(&other, &new, AT).await);
    // The node that still shows the old record changes the new one, too.
    let newer = rotate(&other, &new, AT).await;
    let admin = subject("ada", &["admin"]);
    node.change_roles(&admin, AT).await.unwrap();
    assert!(accepts(&node, &newer, AT).await && accepts(&other, &newer, AT).await);
    clock.advance_ms(TTL_MS);
    let later = AT.plus_ms(TTL_MS);
    for held in [&old, &new] {
        assert!(!accepts(&node, held, later).await && !accepts(&other, held, later).await);
    }
    assert!(accepts(&node, &newer, later).await && accepts(&other, &newer, later).await);
}

#[tokio::test]
async fn a_use_on_another_node_counts() {
    for rotation in [false, true] {
        let (node, other, clock) = nodes(Settings {
            idle: Some(Idle::new(100, Some(10)).unwrap()),
            rotation,
            ..SETTINGS
        });
        let mut held = login(&node, "ada").await;
        assert!(accepts(&other, &held, AT).await);
        for ms in [60, 120, 180] {
            clock.set(AT.plus_ms(ms));
            assert!(accepts(&node, &held, AT.plus_ms(ms)).await);
        }
        // The other node's cache has seen no use since the login.
        clock.set(AT.plus_ms(190));
        if rotation {
            held = rotate(&other, &held, AT.plus_ms(190)).await;
        }
        assert!(accepts(&other, &held, AT.plus_ms(190)).await);
        let last = listed(&other, "ada", AT.plus_ms(289)).await;
        assert_eq!(last, [held.login]);
        for ms in [290, 291] {
            clock.set(AT.plus_ms(ms));
            assert!(!accepts(&node, &held, AT.plus_ms(ms)).await);
            assert!(!accepts(&other, &held, AT.plus_ms(ms)).await);
        }
    }
}
