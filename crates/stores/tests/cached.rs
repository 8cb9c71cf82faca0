//! The laws of `RecordStore` over the wrappers, and nodes that tell each other
//! what they wrote. Needs a Redis: without one these tests fail, and say what to
//! install.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use authbench_core::system::OsEntropy;
use authbench_core::{
    Clock, Digest, Entropy as _, Inserted, LoginId, ManualClock, Record, RecordStore, Roles,
    StoreError, StoreFault, SubjectId, Swapped, UnixMs,
};
use authbench_lab::services::{RedisOptions, Server, Service, shared};
use authbench_stores::{
    Cached, CachedSettings, Delayed, Faulty, FeedSettings, MemoryStore, Metered, RedisSettings,
    RedisStore, Switch,
};
use authbench_testkit::store_laws;

/// A test that hangs has failed, whatever the machine.
const PATIENCE: Duration = Duration::from_secs(120);

store_laws!(without_cache, super::open_without_cache);
store_laws!(cached, super::open_cached);
store_laws!(told, super::open_told);
store_laws!(delayed, super::open_delayed);
store_laws!(faulty, super::open_faulty);

async fn open_without_cache() -> Result<Cached<MemoryStore>, StoreError> {
    Ok(Cached::new(MemoryStore::new(), for_ms(0), clock()))
}

/// With a clock that stands nothing ever grows old: whatever one node writes it
/// must see by itself.
async fn open_cached() -> Result<Cached<MemoryStore>, StoreError> {
    Ok(Cached::new(MemoryStore::new(), for_ms(1_000), clock()))
}

async fn open_told() -> Result<Cached<RedisStore>, StoreError> {
    let url = shared(Service::Redis).unwrap();
    let settings = RedisSettings {
        url: url.into(),
        prefix: unique(),
        timeout_ms: patience(),
        ..RedisSettings::default()
    };
    let store = RedisStore::open(settings).await?;
    Cached::with_feed(store, for_ms(1_000), clock(), feed(url, unique())).await
}

async fn open_delayed() -> Result<Delayed<MemoryStore>, StoreError> {
    Delayed::new(MemoryStore::new(), 20)
}

async fn open_faulty() -> Result<Faulty<MemoryStore>, StoreError> {
    Ok(Faulty::new(MemoryStore::new(), Switch::default()))
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::at(UnixMs(1_000)))
}

fn for_ms(ttl_ms: u64) -> CachedSettings {
    CachedSettings {
        ttl_ms,
        entries_max: NonZeroU32::new(1_000).unwrap(),
    }
}

fn unique() -> String {
    let mut random = [0; 8];
    OsEntropy.fill(&mut random).unwrap();
    format!("authbench-test:{:x}:", u64::from_le_bytes(random))
}

/// Machines that run tests are busy.
fn patience() -> NonZeroU32 {
    NonZeroU32::new(20_000).unwrap()
}

fn feed(url: &str, channel: String) -> FeedSettings {
    FeedSettings {
        url: url.into(),
        channel,
        timeout_ms: patience(),
    }
}

fn key(n: usize) -> Digest {
    Digest::of(&format!("credential {n}"))
}

fn record() -> Record {
    Record {
        subject: SubjectId::new("u"),
        login: LoginId([1; 16]),
        roles: ["user"].iter().collect(),
        issued_at: UnixMs(1_000),
        expires_at: UnixMs(9_000),
        used_at: UnixMs(1_000),
        generation: 0,
        revision: 0,
        payload: Box::default(),
    }
}

type Shared = Arc<Metered<MemoryStore>>;

/// Two nodes on one feed and one store whose caches last for ever.
async fn two_nodes(url: &str) -> (Shared, [Cached<Shared>; 2]) {
    let store = Arc::new(Metered::new(MemoryStore::new()));
    let feed = feed(url, unique());
    let open = async || {
        let cached = Cached::with_feed(Arc::clone(&store), for_ms(u64::MAX), clock(), feed.clone());
        cached.await.unwrap()
    };
    (Arc::clone(&store), [open().await, open().await])
}

/// Reads until it is so.
async fn reads(node: &impl RecordStore, expected: Option<&Record>) {
    let eventually = async {
        while node.get(&key(0)).await.unwrap().as_ref() != expected {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, eventually).await.unwrap();
}

/// Reads until the cache answers.
async fn is_cached(node: &impl RecordStore, store: &Shared) {
    let eventually = async {
        loop {
            let before = store.counts().gets;
            node.get(&key(0)).await.unwrap();
            if store.counts().gets == before {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, eventually).await.unwrap();
}

#[tokio::test]
async fn what_one_node_writes_the_other_drops() {
    let (store, [a, b]) = two_nodes(shared(Service::Redis).unwrap()).await;
    for round in 0..4 {
        let inserted = a.insert_new(&key(0), &record()).await.unwrap();
        assert_eq!(inserted, Inserted::New);
        reads(&b, Some(&record())).await;
        is_cached(&b, &store).await;
        match round {
            0 => assert!(a.delete(&key(0)).await.unwrap()),
            1 => assert_eq!(
                a.delete_by_subject(&record().subject, None).await.unwrap(),
                1
            ),
            2 => {
                let new = Record {
                    roles: Roles::default(),
                    ..record()
                };
                let swapped = a.compare_and_swap(&key(0), 0, &new).await.unwrap();
                assert_eq!(swapped, Swapped::Done);
            }
            _ => drop(a.rotate(&key(0), 0, UnixMs(1_000)).await.unwrap()),
        }
        let truth = store.get(&key(0)).await.unwrap();
        assert_ne!(truth, Some(record()));
        reads(&b, truth.as_ref()).await;
        store.delete(&key(0)).await.unwrap();
        assert!(!a.delete(&key(0)).await.unwrap());
        // Not told of what was done behind their backs: tell it.
        let inserted = a.insert_new(&key(0), &record()).await.unwrap();
        assert_eq!(inserted, Inserted::New);
        assert!(a.delete(&key(0)).await.unwrap());
        reads(&b, None).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hears_nothing_asks_the_store() {
    let mut server = Server::redis(RedisOptions::default()).unwrap();
    let (store, [a, b]) = two_nodes(server.url()).await;
    let inserted = a.insert_new(&key(0), &record()).await.unwrap();
    assert_eq!(inserted, Inserted::New);
    is_cached(&b, &store).await;
    tokio::task::block_in_place(|| server.kill()).unwrap();
    // Nobody can tell the other node, which notices that by itself; and the
    // write stands.
    assert!(a.delete(&key(0)).await.unwrap());
    reads(&b, None).await;

    let inserted = a.insert_new(&key(0), &record()).await.unwrap();
    assert_eq!(inserted, Inserted::New);
    for _ in 0..5 {
        let before = store.counts().gets;
        assert_eq!(b.get(&key(0)).await.unwrap(), Some(record()));
        assert_eq!(store.counts().gets, before + 1, "cached while deaf");
    }
    tokio::task::block_in_place(|| server.restart()).unwrap();
    is_cached(&b, &store).await;
    // And it hears again.
    assert!(a.delete(&key(0)).await.unwrap());
    reads(&b, None).await;
}

#[tokio::test]
async fn a_message_that_nobody_understands_drops_everything() {
    let url = shared(Service::Redis).unwrap();
    let store = Arc::new(Metered::new(MemoryStore::new()));
    let feed = feed(url, unique());
    let node = Cached::with_feed(Arc::clone(&store), for_ms(u64::MAX), clock(), feed.clone());
    let node = node.await.unwrap();
    let inserted = node.insert_new(&key(0), &record()).await.unwrap();
    assert_eq!(inserted, Inserted::New);
    let client = redis::Client::open(url).unwrap();
    let mut other = client.get_multiplexed_async_connection().await.unwrap();
    for message in ["", "?", "k too short"] {
        is_cached(&node, &store).await;
        store.delete(&key(0)).await.unwrap();
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(&feed.channel).arg(message);
        let heard: u64 = publish.query_async(&mut other).await.unwrap();
        assert_eq!(heard, 1);
        reads(&node, None).await;
        let _ = store.insert_new(&key(0), &record()).await.unwrap();
    }
}

#[tokio::test]
async fn a_feed_that_cannot_be_reached_is_an_error() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}/0", closed.local_addr().unwrap());
    drop(closed);
    let node = Cached::with_feed(MemoryStore::new(), for_ms(1), clock(), feed(&url, unique()));
    assert_eq!(node.await.unwrap_err().fault, StoreFault::Unreachable);
}
