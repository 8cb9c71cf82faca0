//! What the Redis store costs beside the bare client library: reads at
//! concurrency 64 by the store, by the library's multiplexed connection, and by
//! 16 connections that each carry one request at a time.
//!
//! The contenders take turns within each round, so that whatever else the
//! machine does meets all of them; what counts are the ratios.
//!
//! Run it with `cargo run --release -p authbench-stores --example redis_cost`.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use authbench_core::system::monotonic_ns;
use authbench_core::{Digest, Inserted, LoginId, Record, RecordStore, SubjectId, Touch, UnixMs};
use authbench_lab::services::{self, Service};
use authbench_stores::{HasTraffic as _, RedisSettings, RedisStore};
use redis::aio::{ConnectionLike, ConnectionManager, MultiplexedConnection};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;

const CONCURRENCY: u64 = 64;
const CALLS: u64 = 40_000;
const ROUNDS: usize = 15;
const KEYS: u64 = 1_000;
const BEGIN: u64 = 1 << 30;
const POOL: usize = 16;
const PREFIX: &str = "authbench-cost:";

#[tokio::main]
async fn main() {
    let url = services::shared(Service::Redis).unwrap();
    let store = Arc::new(filled(url).await);
    let client = redis::Client::open(url).unwrap();
    let bare = client.get_multiplexed_async_connection().await.unwrap();
    let manager = ConnectionManager::new(client.clone()).await.unwrap();
    let mut pool = Vec::new();
    for _ in 0..POOL {
        pool.push(client.get_multiplexed_async_connection().await.unwrap());
    }
    let pool = Arc::new((Semaphore::new(POOL), Mutex::new(pool)));
    // Far apart from the records' first use, and never far from their latest.
    let clock = Arc::new(AtomicU64::new(BEGIN + 1));

    let mut rates = [const { Vec::new() }; 6];
    for _ in 0..ROUNDS {
        let round = [
            measure(|share| multiplexed(bare.clone(), share)).await,
            measure(|share| managed(manager.clone(), share)).await,
            measure(|share| pooled(Arc::clone(&pool), share)).await,
            measure(|share| by_store(Arc::clone(&store), share)).await,
            measure(|share| touched(Arc::clone(&store), Arc::clone(&clock), 1 << 24, share)).await,
            measure(|share| touched(Arc::clone(&store), Arc::clone(&clock), 0, share)).await,
        ];
        for (rates, rate) in rates.iter_mut().zip(round) {
            rates.push(rate);
        }
    }
    let names = [
        "multiplexed connection, GET",
        "connection manager, GET",
        "pool of 16, GET",
        "store, get",
        "store, get_touched, none due",
        "store, get_touched, all due",
    ];
    for (name, rate) in names.iter().zip(&rates) {
        let of = |other: &[f64]| median(rate.iter().zip(other).map(|(a, b)| a / b).collect());
        println!(
            "{name:30} {:8.0}/s, {:.2} of multiplexed, {:.2} of pool",
            median(rate.clone()),
            of(&rates[0]),
            of(&rates[2]),
        );
    }
    let before = store.traffic().unwrap();
    store.get(&key(0)).await.unwrap();
    println!("one get: {:?}", store.traffic().unwrap().since(before));
    let before = store.traffic().unwrap();
    store
        .get_touched(&key(0), UnixMs(1 << 39), touch(0))
        .await
        .unwrap();
    println!("one touch: {:?}", store.traffic().unwrap().since(before));
    store.clear().await.unwrap();
}

/// Calls a second, by tasks that each take a share of the calls.
async fn measure<F>(task: impl Fn(Range<u64>) -> F) -> f64
where
    F: Future<Output = ()> + Send + 'static,
{
    let begun_ns = monotonic_ns();
    let mut tasks = JoinSet::new();
    for n in 0..CONCURRENCY {
        let share = CALLS / CONCURRENCY;
        tasks.spawn(task(n * share..(n + 1) * share));
    }
    tasks.join_all().await;
    CALLS as f64 * 1e9 / (monotonic_ns() - begun_ns) as f64
}

async fn multiplexed(mut connection: MultiplexedConnection, share: Range<u64>) {
    for n in share {
        read(&mut connection, n).await;
    }
}

async fn managed(mut connection: ConnectionManager, share: Range<u64>) {
    for n in share {
        read(&mut connection, n).await;
    }
}

async fn pooled(pool: Arc<(Semaphore, Mutex<Vec<MultiplexedConnection>>)>, share: Range<u64>) {
    for n in share {
        let _turn = pool.0.acquire().await.unwrap();
        let mut connection = pool.1.lock().await.pop().unwrap();
        read(&mut connection, n).await;
        pool.1.lock().await.push(connection);
    }
}

async fn read(connection: &mut impl ConnectionLike, n: u64) {
    let mut get = redis::cmd("GET");
    let found: Option<Vec<u8>> = get.arg(raw_key(n)).query_async(connection).await.unwrap();
    assert!(found.is_some());
}

async fn by_store(store: Arc<RedisStore>, share: Range<u64>) {
    for n in share {
        assert!(store.get(&key(n)).await.unwrap().is_some());
    }
}

/// Every call is at a later instant.
async fn touched(store: Arc<RedisStore>, clock: Arc<AtomicU64>, after_ms: u64, share: Range<u64>) {
    for n in share {
        let at = UnixMs(clock.fetch_add(1, Ordering::Relaxed));
        let found = store
            .get_touched(&key(n), at, touch(after_ms))
            .await
            .unwrap();
        assert!(found.is_some());
    }
}

fn touch(after_ms: u64) -> Touch {
    Touch {
        after_ms,
        within_ms: u64::MAX,
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn filled(url: &str) -> RedisStore {
    let settings = RedisSettings {
        url: url.into(),
        prefix: PREFIX.to_owned(),
        ..RedisSettings::default()
    };
    let store = RedisStore::open(settings).await.unwrap();
    for n in 0..KEYS {
        let record = Record {
            subject: SubjectId::new(&format!("user-{n}")),
            login: LoginId([1; 16]),
            roles: ["user"].iter().collect(),
            issued_at: UnixMs(1),
            expires_at: UnixMs(1 << 40),
            used_at: UnixMs(BEGIN),
            generation: 0,
            revision: 0,
            payload: Box::default(),
        };
        assert_eq!(
            store.insert_new(&key(n), &record).await.unwrap(),
            Inserted::New
        );
    }
    store
}

fn key(n: u64) -> Digest {
    let mut octets = [7; 32];
    octets[..8].copy_from_slice(&(n % KEYS).to_le_bytes());
    Digest(octets)
}

fn raw_key(n: u64) -> Vec<u8> {
    [PREFIX.as_bytes(), b"r:", &key(n).0].concat()
}
