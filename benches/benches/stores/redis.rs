//! Redis at concurrency 64: the store's one connection against a bare one of
//! the `redis` crate, and against a pool of 16 that each carry one request at a
//! time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result};
use authbench_benches::turns::{self, Contender};
use authbench_core::{RecordStore as _, Touch, UnixMs};
use authbench_results::BenchFigure;
use authbench_stores::{HasTraffic as _, RedisSettings, RedisStore};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;

use crate::Place;
use crate::records::{ALWAYS, SELDOM, Sessions, fill, key};

const CONCURRENCY: u64 = 64;

/// Calls of one contender in one turn.
const CALLS: u32 = 12_800;
const POOL: usize = 16;

/// A pool as they are: a connection for each call, back in the end.
type Pool = Arc<(Semaphore, Mutex<Vec<MultiplexedConnection>>)>;

pub(crate) fn measure(place: &Place<'_>) -> Result<Vec<BenchFigure>> {
    let runtime = place.runtime;
    let settings = RedisSettings {
        url: place.url.into(),
        prefix: format!("authbench:stores:{}:", std::process::id()),
        ..RedisSettings::default()
    };
    let prefix = settings.prefix.clone();
    let store = Arc::new(runtime.block_on(RedisStore::open(settings))?);
    let measured = runtime.block_on(Contenders::open(place.url, &prefix, &store));
    let measured = measured.and_then(|contenders| {
        contenders.print_traffic(runtime)?;
        let taken = turns::take(place.span, contenders.take_part(runtime));
        let mut figures = turns::report("stores", "redis", &taken);
        // Against the pool as well.
        if let Some(pool) = taken.iter().find(|one| one.name == POOLED) {
            println!("  times as many calls a second as a pool of {POOL}:");
            for one in &taken {
                let ratio = pool.ratio(one);
                println!("  {:<34} {:>12.2}", one.name, ratio.value);
                let case = format!("redis/{}/calls-per-pooled-call", one.name);
                figures.push(ratio.figure("stores", case, "ratio"));
            }
        }
        Ok(figures)
    });
    runtime.block_on(store.clear())?;
    measured
}

const POOLED: &str = "get-pool-of-16";

#[derive(Clone)]
struct Contenders {
    store: Arc<RedisStore>,
    sessions: Arc<Sessions<RedisStore>>,
    idling: Arc<Sessions<RedisStore>>,
    bare: MultiplexedConnection,
    pool: Pool,
    record_prefix: Arc<[u8]>,
    /// Later with each touch.
    clock: Arc<AtomicU64>,
}

impl Contenders {
    async fn open(url: &str, prefix: &str, store: &Arc<RedisStore>) -> Result<Self> {
        fill(&**store).await?;
        let client = redis::Client::open(url)?;
        let mut pool = Vec::new();
        for _ in 0..POOL {
            pool.push(client.get_multiplexed_async_connection().await?);
        }
        let now = authbench_core::Clock::now(&authbench_core::system::SystemClock);
        Ok(Self {
            store: Arc::clone(store),
            sessions: Arc::new(Sessions::new(store, false).await?),
            idling: Arc::new(Sessions::new(store, true).await?),
            bare: client.get_multiplexed_async_connection().await?,
            pool: Arc::new((Semaphore::new(POOL), Mutex::new(pool))),
            record_prefix: [prefix.as_bytes(), b"r:"].concat().into(),
            clock: Arc::new(AtomicU64::new(now.0 + 1)),
        })
    }

    fn take_part<'r>(&self, runtime: &'r Runtime) -> Vec<Contender<'r>> {
        let own = self.clone();
        let turn = |name: &str, contenders: Self, call: fn(Self, u64) -> Call| {
            Contender::new(name, CALLS, move || crowd(runtime, &contenders, call))
        };
        vec![
            turn("get-bare-multiplexed", own.clone(), |own, first| {
                Box::pin(own.bare(first))
            }),
            turn(POOLED, own.clone(), |own, first| {
                Box::pin(own.pooled(first))
            }),
            turn("store-get", own.clone(), |own, first| {
                Box::pin(own.get(first))
            }),
            turn("store-get_touched-none-due", own.clone(), |own, first| {
                Box::pin(own.touched(first, SELDOM))
            }),
            turn("store-get_touched-all-due", own.clone(), |own, first| {
                Box::pin(own.touched(first, ALWAYS))
            }),
            turn("session-authenticate", own.clone(), |own, first| {
                Box::pin(own.judge(first, false))
            }),
            turn("session-idle-authenticate", own, |own, first| {
                Box::pin(own.judge(first, true))
            }),
        ]
    }

    /// Round trips and octets of one call each.
    fn print_traffic(&self, runtime: &Runtime) -> Result<()> {
        let traffic = || self.store.traffic().context("the store counts nothing");
        runtime.block_on(async {
            let before = traffic()?;
            self.sessions.judge(1).await;
            println!("one authenticate: {:?}", traffic()?.since(before));
            let at = || UnixMs(self.clock.fetch_add(1, Ordering::Relaxed));
            // The server learns the script once.
            self.store.get_touched(&key(1), at(), ALWAYS).await?;
            let before = traffic()?;
            self.store.get_touched(&key(1), at(), ALWAYS).await?;
            println!("one get_touched, due: {:?}", traffic()?.since(before));
            Ok(())
        })
    }

    async fn bare(mut self, first: u64) {
        for n in share(first) {
            read(&mut self.bare, &self.record_prefix, n).await;
        }
    }

    async fn pooled(self, first: u64) {
        for n in share(first) {
            let Ok(_turn) = self.pool.0.acquire().await else {
                panic!("the pool is closed");
            };
            let connection = self.pool.1.lock().await.pop();
            let Some(mut connection) = connection else {
                panic!("the pool is empty");
            };
            read(&mut connection, &self.record_prefix, n).await;
            self.pool.1.lock().await.push(connection);
        }
    }

    async fn get(self, first: u64) {
        for n in share(first) {
            let found = self.store.get(&key(n)).await;
            assert!(matches!(found, Ok(Some(_))), "no record");
        }
    }

    async fn touched(self, first: u64, touch: Touch) {
        for n in share(first) {
            let at = UnixMs(self.clock.fetch_add(1, Ordering::Relaxed));
            let found = self.store.get_touched(&key(n), at, touch).await;
            assert!(matches!(found, Ok(Some(_))), "no record");
        }
    }

    async fn judge(self, first: u64, idle: bool) {
        let sessions = if idle { &self.idling } else { &self.sessions };
        for n in share(first) {
            sessions.judge(n).await;
        }
    }
}

type Call = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// One turn: tasks that each do a share of the calls.
fn crowd(runtime: &Runtime, contenders: &Contenders, call: fn(Contenders, u64) -> Call) {
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for n in 0..CONCURRENCY {
            tasks.spawn(call(contenders.clone(), n));
        }
        tasks.join_all().await;
    });
}

/// The numbers of the calls of task number `first`.
fn share(first: u64) -> impl Iterator<Item = u64> {
    let calls = u64::from(CALLS) / CONCURRENCY;
    first * calls..(first + 1) * calls
}

/// What the store asks for, asked by the bare library.
async fn read(connection: &mut impl ConnectionLike, prefix: &[u8], n: u64) {
    let key = [prefix, &key(n).0].concat();
    let mut get = redis::cmd("GET");
    let found = get
        .arg(key)
        .query_async::<Option<Vec<u8>>>(connection)
        .await;
    assert!(matches!(found, Ok(Some(_))), "no record");
}
