//! The laws of `RecordStore` over Redis, and what only the Redis store does.
//! Needs a Redis: without one these tests fail, and say what to install.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "redis/outage.rs"]
mod outage;
#[path = "redis/server.rs"]
mod server;

use std::num::NonZeroU32;

use authbench_core::{
    Digest, Entropy as _, Inserted, LoginId, Record, RecordStore, Rotated, StoreError, StoreFault,
    SubjectId, Swapped, Touch, UnixMs, system::OsEntropy,
};
use authbench_lab::services::{Service, shared};
use authbench_stores::{HasTraffic as _, RedisSettings, RedisStore};
use authbench_testkit::store_laws;
use redis::aio::MultiplexedConnection;

const FAR: UnixMs = UnixMs(4_000_000_000_000);
const EVERY: Touch = Touch {
    after_ms: 0,
    within_ms: u64::MAX,
};

store_laws!(laws, super::open);

/// A store of its own on the server that all tests share.
async fn open() -> Result<RedisStore, StoreError> {
    RedisStore::open(settings(shared(Service::Redis).unwrap())).await
}

fn settings(url: &str) -> RedisSettings {
    let mut random = [0; 8];
    OsEntropy.fill(&mut random).unwrap();
    RedisSettings {
        url: url.into(),
        prefix: format!("authbench-test:{:x}:", u64::from_le_bytes(random)),
        // Machines that run tests are busy.
        timeout_ms: NonZeroU32::new(20_000).unwrap(),
        ..RedisSettings::default()
    }
}

/// A connection of our own, to look at keys and to spoil them.
async fn raw(url: &str) -> MultiplexedConnection {
    let client = redis::Client::open(url).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

/// Asks the server something, in words that stand apart by one space.
async fn ask<T: redis::FromRedisValue>(connection: &mut MultiplexedConnection, words: &str) -> T {
    let mut words = words.split(' ');
    let mut command = redis::cmd(words.next().unwrap());
    for word in words {
        command.arg(word);
    }
    command.query_async(connection).await.unwrap()
}

fn key_of(settings: &RedisSettings, digest: &Digest) -> Vec<u8> {
    [settings.prefix.as_bytes(), b"r:", &digest.0].concat()
}

fn key(n: usize) -> Digest {
    Digest::of(&format!("credential {n}"))
}

fn record(subject: &str, login: u8) -> Record {
    Record {
        subject: SubjectId::new(subject),
        login: LoginId([login; 16]),
        roles: ["user"].iter().collect(),
        issued_at: UnixMs(1_000),
        expires_at: FAR,
        used_at: UnixMs(1_000),
        generation: 0,
        revision: 0,
        payload: Box::default(),
    }
}

async fn insert(store: &RedisStore, n: usize, record: &Record) {
    let inserted = store.insert_new(&key(n), record).await.unwrap();
    assert_eq!(inserted, Inserted::New);
}

/// A store, its settings, and a connection to its server.
async fn on_shared() -> (RedisStore, RedisSettings, MultiplexedConnection) {
    let url = shared(Service::Redis).unwrap();
    let settings = settings(url);
    let store = RedisStore::open(settings.clone()).await.unwrap();
    (store, settings, raw(url).await)
}

#[tokio::test]
async fn every_operation_is_one_round_trip() {
    let (store, _, mut server) = on_shared().await;
    let subject = SubjectId::new("u");
    let trips = || store.traffic().unwrap().round_trips;
    // Once, so that the server knows the scripts.
    for warm in [true, false] {
        // A record that replaces another costs its first touch a second one.
        let one = if warm { 5_000 } else { 6_000 };
        let mut counts = Vec::new();
        let mut before = trips();
        let mut count = |name| {
            counts.push((name, trips() - before));
            before = trips();
        };
        insert(&store, one, &record("u", 1)).await;
        count("insert");
        store.get(&key(one)).await.unwrap();
        count("get");
        store.get_many(&[key(one), key(1), key(2)]).await.unwrap();
        count("get many");
        store.get_many(&[]).await.unwrap();
        count("get none");
        store
            .get_touched(&key(one), UnixMs(2_000), EVERY)
            .await
            .unwrap();
        count("touch");
        let swapped = store.compare_and_swap(&key(one), 0, &record("u", 1)).await;
        assert_eq!(swapped.unwrap(), Swapped::Done);
        count("swap");
        let rotated = store.rotate(&key(one), 0, UnixMs(3_000)).await.unwrap();
        assert!(matches!(rotated, Rotated::Done(_)));
        count("rotate");
        assert_eq!(store.list_by_subject(&subject).await.unwrap().len(), 1);
        count("list");
        assert!(store.delete(&key(one)).await.unwrap());
        count("delete");
        for n in 0..1_200 {
            insert(&store, n, &record("u", 1)).await;
        }
        count("1200 inserts");
        let deleted = store.delete_by_subject(&subject, None).await.unwrap();
        assert_eq!(deleted, 1_200);
        count("delete by subject");
        if warm {
            continue;
        }
        for (name, count) in counts {
            let expected = match name {
                "get none" => 0,
                "1200 inserts" => 1_200,
                _ => 1,
            };
            assert_eq!(count, expected, "{name}");
        }
    }
    // A server that forgot its scripts is told them again.
    let _: () = ask(&mut server, "SCRIPT FLUSH SYNC").await;
    insert(&store, 0, &record("u", 1)).await;
    assert!(store.delete(&key(0)).await.unwrap());
}

#[tokio::test]
async fn what_is_no_record_is_an_outage_and_never_a_login() {
    let (store, settings, mut server) = on_shared().await;
    let (raw_key, subject) = (key_of(&settings, &key(0)), SubjectId::new("u"));
    insert(&store, 0, &record("u", 1)).await;
    let sound = peek(&mut server, &raw_key).await;
    let mut spoiled = vec![vec![], b"?".to_vec(), [sound.as_slice(), b"x"].concat()];
    spoiled.extend([0, 30, 51, sound.len() - 1].map(|end| sound[..end].to_vec()));
    spoiled.push([&[2], &sound[1..]].concat());
    for octets in spoiled {
        poke(&mut server, &raw_key, &octets).await;
        let errors = [
            store.get(&key(0)).await.unwrap_err(),
            store.get_many(&[key(0)]).await.unwrap_err(),
            store
                .get_touched(&key(0), UnixMs(2_000), EVERY)
                .await
                .unwrap_err(),
            store.rotate(&key(0), 1, UnixMs(2_000)).await.unwrap_err(),
            store.list_by_subject(&subject).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.fault, StoreFault::Corrupt, "{octets:?}: {error}");
            assert!(std::error::Error::source(&error).is_some());
        }
        let left = peek(&mut server, &raw_key).await;
        assert_eq!(left.len(), octets.len(), "patched up");
        assert!(store.delete(&key(0)).await.unwrap(), "not even deletable");
        assert_eq!(store.list_by_subject(&subject).await.unwrap(), []);
        insert(&store, 0, &record("u", 1)).await;
    }
    // A subject's logins end even if nobody can read them.
    poke(&mut server, &raw_key, b"?").await;
    assert_eq!(store.delete_by_subject(&subject, None).await.unwrap(), 1);
}

#[tokio::test]
async fn what_is_no_string_is_no_record_either() {
    let (store, settings, mut server) = on_shared().await;
    let mut command = redis::cmd("HSET");
    command
        .arg(key_of(&settings, &key(0)))
        .arg("a")
        .arg("b")
        .exec_async(&mut server)
        .await
        .unwrap();
    let error = store.get(&key(0)).await.unwrap_err();
    assert_eq!(error.fault, StoreFault::Corrupt);
    let inserted = store.insert_new(&key(0), &record("u", 1)).await.unwrap();
    assert_eq!(inserted, Inserted::Taken);
    assert!(store.delete(&key(0)).await.unwrap());
}

async fn peek(server: &mut MultiplexedConnection, key: &[u8]) -> Vec<u8> {
    let mut command = redis::cmd("GET");
    command.arg(key).query_async(server).await.unwrap()
}

async fn poke(server: &mut MultiplexedConnection, key: &[u8], octets: &[u8]) {
    let mut command = redis::cmd("SET");
    let set = command.arg(key).arg(octets).exec_async(server);
    set.await.unwrap();
}

#[tokio::test]
async fn what_has_no_room_is_refused() {
    let (store, ..) = on_shared().await;
    let long = record(&"x".repeat(70_000), 1);
    let refused = store.insert_new(&key(0), &long).await.unwrap_err();
    assert_eq!(refused.fault, StoreFault::Rejected);
    assert_eq!(store.get(&key(0)).await.unwrap(), None);
}

#[tokio::test]
async fn stores_share_by_prefix_and_touch_nothing_else() {
    let (store, settings, mut server) = on_shared().await;
    let node = RedisStore::open(settings.clone()).await.unwrap();
    let other = RedisStore::open(RedisSettings {
        prefix: format!("{}*:", settings.prefix),
        ..settings.clone()
    });
    let other = other.await.unwrap();
    for n in 0..600 {
        insert(&store, n, &record("u", 1)).await;
    }
    insert(&other, 0, &record("u", 2)).await;
    let foreign = format!("{}foreign", settings.prefix);
    let _: () = ask(&mut server, &format!("SET {foreign} kept")).await;
    assert_eq!(node.get(&key(0)).await.unwrap(), Some(record("u", 1)));
    assert!(node.delete(&key(0)).await.unwrap());
    assert_eq!(store.get(&key(0)).await.unwrap(), None);
    assert_eq!(other.purge(FAR, 10).await.unwrap(), 1, "only its own");
    assert_eq!(
        store
            .list_by_subject(&SubjectId::new("u"))
            .await
            .unwrap()
            .len(),
        599
    );

    insert(&other, 0, &record("u", 2)).await;
    other.clear().await.unwrap();
    assert_eq!(
        store
            .list_by_subject(&SubjectId::new("u"))
            .await
            .unwrap()
            .len(),
        599
    );
    store.clear().await.unwrap();
    let left: Vec<String> = ask(&mut server, &format!("KEYS {}*", settings.prefix)).await;
    assert_eq!(left, [foreign]);
    let _: () = ask(&mut server, &format!("DEL {}", left[0])).await;
}

#[tokio::test]
async fn a_purge_goes_on_where_the_last_one_stopped_and_ends() {
    let (store, ..) = on_shared().await;
    for n in 0..1_000 {
        let expires_at = if n % 2 == 0 { UnixMs(2_000) } else { FAR };
        insert(
            &store,
            n,
            &Record {
                expires_at,
                ..record("u", 1)
            },
        )
        .await;
    }
    let mut purged = Vec::new();
    while purged.last() != Some(&0) {
        purged.push(store.purge(UnixMs(2_000), 150).await.unwrap());
    }
    assert_eq!(purged, [150, 150, 150, 50, 0]);
    assert_eq!(
        store
            .list_by_subject(&SubjectId::new("u"))
            .await
            .unwrap()
            .len(),
        500
    );
}

#[tokio::test]
async fn keys_have_lifetimes_and_indexes_live_longest() {
    let (store, settings, mut server) = on_shared().await;
    let index = format!("{}s:u", settings.prefix);
    let left_ms = async |server: &mut MultiplexedConnection, key: &[u8]| {
        let left: i64 = redis::cmd("PTTL")
            .arg(key)
            .query_async(server)
            .await
            .unwrap();
        u64::try_from(left).unwrap()
    };
    let hour = 60 * 60 * 1000;
    let day = settings.garbage_after_ms;
    let of = |hours: u64| Record {
        expires_at: UnixMs(1_000 + hours * hour),
        ..record("u", 1)
    };
    insert(&store, 0, &of(5)).await;
    insert(&store, 1, &of(2)).await;
    // To the hour: nobody knows how long the test takes.
    let record_ms = left_ms(&mut server, &key_of(&settings, &key(1))).await;
    assert_eq!(record_ms.div_ceil(hour), (2 * hour + day).div_ceil(hour));
    let index_ms = left_ms(&mut server, index.as_bytes()).await;
    assert_eq!(index_ms.div_ceil(hour), (5 * hour + day).div_ceil(hour));

    // Neither a touch nor a rotation ends it, and a swap moves both.
    store
        .get_touched(&key(1), UnixMs(2_000), EVERY)
        .await
        .unwrap();
    let _ = store.rotate(&key(1), 0, UnixMs(3_000)).await.unwrap();
    let record_ms = left_ms(&mut server, &key_of(&settings, &key(1))).await;
    assert_eq!(record_ms.div_ceil(hour), (2 * hour + day).div_ceil(hour));
    let swapped = store.compare_and_swap(&key(1), 1, &of(9)).await.unwrap();
    assert_eq!(swapped, Swapped::Done);
    for key in [key_of(&settings, &key(1)), index.into_bytes()] {
        let left_ms = left_ms(&mut server, &key).await;
        assert_eq!(left_ms.div_ceil(hour), (9 * hour + day).div_ceil(hour));
    }
}

/// As if the server had collected them.
async fn collect(settings: &RedisSettings, server: &mut MultiplexedConnection, n: usize) {
    let gone: u64 = redis::cmd("DEL")
        .arg(key_of(settings, &key(n)))
        .query_async(server)
        .await
        .unwrap();
    assert_eq!(gone, 1);
}

#[tokio::test]
async fn indexes_forget_what_the_server_collected() {
    let (store, settings, mut server) = on_shared().await;
    let (subject, index) = (SubjectId::new("u"), format!("HLEN {}s:u", settings.prefix));
    for n in 0..4 {
        insert(&store, n, &record("u", 1)).await;
    }
    collect(&settings, &mut server, 0).await;
    assert_eq!(store.list_by_subject(&subject).await.unwrap().len(), 3);
    assert_eq!(
        ask::<u64>(&mut server, &index).await,
        3,
        "listing looks after it"
    );

    // Under the digest of one that was collected, somebody else's comes in.
    collect(&settings, &mut server, 1).await;
    insert(&store, 1, &record("v", 7)).await;
    assert_eq!(store.delete_by_subject(&subject, None).await.unwrap(), 2);
    assert_eq!(store.get(&key(1)).await.unwrap(), Some(record("v", 7)));
    assert_eq!(ask::<u64>(&mut server, &index).await, 0);

    for n in 10..310 {
        insert(&store, n, &record("u", 1)).await;
        collect(&settings, &mut server, n).await;
    }
    let held: u64 = ask(&mut server, &index).await;
    assert!(held < 100, "{held} of 300 that are gone");
}
