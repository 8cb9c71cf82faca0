//! What the SQL stores cost beside the bare client library: reads of one record
//! by the store, by a prepared SELECT of the same row on one connection of
//! sqlx, and by the same through a pool of sqlx.
//!
//! The contenders take turns within each round, so that whatever else the
//! machine does meets all of them; what counts are the ratios.
//!
//! Run it with `cargo run --release -p authbench-stores --example sql_cost`, and
//! with the features `reference-tokio-postgres` and `reference-rusqlite` to see
//! other client libraries, too.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

use std::sync::Arc;

use authbench_core::system::monotonic_ns;
use authbench_core::{Digest, LoginId, Record, RecordStore, SubjectId, Touch, UnixMs};
use authbench_lab::services::{Service, shared};
#[cfg(feature = "reference-rusqlite")]
use authbench_stores::reference::DirectSqliteStore;
#[cfg(feature = "reference-tokio-postgres")]
use authbench_stores::reference::PipelinedPostgresStore;
use authbench_stores::{
    MysqlSettings, MysqlStore, PostgresSettings, PostgresStore, SqliteSettings, SqliteStore,
};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{ConnectOptions as _, Row as _};
use tokio::task::JoinSet;

const ROUNDS: usize = 25;
const CALLS: u32 = 1_000;
const RECORDS: u32 = 1_000;
const CROWD: u32 = 16;
const SCHEMA: &str = "authbench_cost";

const NOW: UnixMs = UnixMs(1_000);
/// No use comes late enough to be written down.
const SELDOM: Touch = Touch {
    after_ms: 1_000_000,
    within_ms: u64::MAX,
};

/// Microseconds a call of each contender, round by round.
type Times = Vec<(&'static str, Vec<f64>)>;

#[tokio::main]
async fn main() {
    sqlite().await;
    postgres().await;
    mysql().await;
}

macro_rules! select {
    ($placeholder:literal) => {
        concat!(
            "SELECT subject, login, roles, issued_at_ms, expires_at_ms, used_at_ms, generation, \
             revision, payload FROM records WHERE digest = ",
            $placeholder
        )
    };
}

/// The bare reads, and those of a store.
macro_rules! contenders {
    ($times:ident, $sql:expr, $connection:ident, $pool:ident, $store:ident) => {
        for _ in 0..ROUNDS {
            let begin = monotonic_ns();
            for n in 0..CALLS {
                let query = sqlx::query($sql).bind(key(n).0.to_vec());
                let row = query
                    .fetch_optional(&mut $connection)
                    .await
                    .unwrap()
                    .unwrap();
                std::hint::black_box(row.get::<Vec<u8>, _>(1));
            }
            note(&mut $times, "one connection", begin, CALLS);
            let begin = monotonic_ns();
            for n in 0..CALLS {
                let query = sqlx::query($sql).bind(key(n).0.to_vec());
                let row = query.fetch_optional(&$pool).await.unwrap().unwrap();
                std::hint::black_box(row.get::<Vec<u8>, _>(1));
            }
            note(&mut $times, "pool of sqlx", begin, CALLS);
            get(&mut $times, "store, get", &$store).await;
            get_touched(&mut $times, "store, touch not due", &$store, SELDOM).await;
            crowd(&mut $times, "store, 16 callers", &$store).await;
        }
    };
}

async fn sqlite() {
    let store = filled(SqliteStore::open(SqliteSettings::default()).await.unwrap()).await;
    let options = SqliteConnectOptions::new()
        .filename(store.path())
        .disable_statement_logging();
    let mut connection = options.connect().await.unwrap();
    let pool = SqlitePoolOptions::new().test_before_acquire(false);
    let pool = pool.connect_with(options).await.unwrap();
    let mut times = Times::new();
    contenders!(times, select!("?"), connection, pool, store);
    #[cfg(feature = "reference-rusqlite")]
    {
        let store = DirectSqliteStore::open(SqliteSettings::default());
        let store = filled(store.await.unwrap()).await;
        for _ in 0..ROUNDS {
            get(&mut times, "rusqlite, get", &store).await;
            crowd(&mut times, "rusqlite, 16 callers", &store).await;
        }
    }
    report("sqlite", &times);
}

async fn postgres() {
    let settings = PostgresSettings {
        url: shared(Service::Postgres).unwrap().into(),
        schema: SCHEMA.to_owned(),
        ..PostgresSettings::default()
    };
    let store = filled(PostgresStore::open(settings.clone()).await.unwrap()).await;
    let options: PgConnectOptions = settings.url.as_str().parse().unwrap();
    let options = options
        .options([("search_path", SCHEMA)])
        .disable_statement_logging();
    let mut connection = options.connect().await.unwrap();
    let pool = PgPoolOptions::new().max_connections(16);
    let pool = pool.test_before_acquire(false);
    let pool = pool.connect_with(options).await.unwrap();
    let mut times = Times::new();
    contenders!(times, select!("$1"), connection, pool, store);
    #[cfg(feature = "reference-tokio-postgres")]
    {
        let store = PipelinedPostgresStore::open(settings).await.unwrap();
        let store = Arc::new(store);
        for _ in 0..ROUNDS {
            get(&mut times, "tokio-postgres, get", &store).await;
            crowd(&mut times, "tokio-postgres, 16 callers", &store).await;
        }
    }
    report("postgres", &times);
}

async fn mysql() {
    let settings = MysqlSettings {
        url: shared(Service::Mysql).unwrap().into(),
        schema: SCHEMA.to_owned(),
        ..MysqlSettings::default()
    };
    let store = filled(MysqlStore::open(settings.clone()).await.unwrap()).await;
    let options: MySqlConnectOptions = settings.url.as_str().parse().unwrap();
    let options = options.database(SCHEMA).disable_statement_logging();
    let mut connection = options.connect().await.unwrap();
    let pool = MySqlPoolOptions::new().max_connections(16);
    let pool = pool.test_before_acquire(false);
    let pool = pool.connect_with(options).await.unwrap();
    let mut times = Times::new();
    contenders!(times, select!("?"), connection, pool, store);
    report("mysql", &times);
}

fn key(n: u32) -> Digest {
    Digest::of(&(n % RECORDS).to_string())
}

async fn filled<S: RecordStore>(store: S) -> Arc<S> {
    store.purge(UnixMs(u64::MAX), u64::MAX).await.unwrap();
    for n in 0..RECORDS {
        let record = Record {
            subject: SubjectId::new(&format!("user-{n}")),
            login: LoginId([7; 16]),
            roles: ["user", "editor"].iter().collect(),
            issued_at: NOW,
            expires_at: UnixMs(1 << 50),
            used_at: NOW,
            generation: 0,
            revision: 0,
            payload: Box::default(),
        };
        assert!(matches!(
            store.insert_new(&key(n), &record).await.unwrap(),
            authbench_core::Inserted::New
        ));
    }
    Arc::new(store)
}

async fn get<S: RecordStore>(times: &mut Times, name: &'static str, store: &Arc<S>) {
    let begin = monotonic_ns();
    for n in 0..CALLS {
        std::hint::black_box(store.get(&key(n)).await.unwrap().unwrap());
    }
    note(times, name, begin, CALLS);
}

async fn get_touched<S: RecordStore>(
    times: &mut Times,
    name: &'static str,
    store: &Arc<S>,
    touch: Touch,
) {
    let at = UnixMs(touch.after_ms + 500);
    let begin = monotonic_ns();
    for n in 0..CALLS {
        std::hint::black_box(
            store
                .get_touched(&key(n), at, touch)
                .await
                .unwrap()
                .unwrap(),
        );
    }
    note(times, name, begin, CALLS);
}

async fn crowd<S: RecordStore + 'static>(times: &mut Times, name: &'static str, store: &Arc<S>) {
    let begin = monotonic_ns();
    let mut callers = JoinSet::new();
    for caller in 0..CROWD {
        let store = Arc::clone(store);
        callers.spawn(async move {
            for n in 0..CALLS / 4 {
                std::hint::black_box(store.get(&key(n + caller * 31)).await.unwrap().unwrap());
            }
        });
    }
    callers.join_all().await;
    note(times, name, begin, CROWD * CALLS / 4);
}

fn note(times: &mut Times, name: &'static str, begin_ns: u64, calls: u32) {
    let call_us = (monotonic_ns() - begin_ns) as f64 / f64::from(calls) / 1_000.0;
    match times.iter_mut().find(|(known, _)| *known == name) {
        Some((_, rounds)) => rounds.push(call_us),
        None => times.push((name, vec![call_us])),
    }
}

/// Medians, and the median of the ratios to the first contender's turn in the
/// same round.
fn report(database: &str, times: &Times) {
    println!("{database}");
    for (name, rounds) in times {
        let ratios = rounds
            .iter()
            .zip(&times[0].1)
            .map(|(here, bare)| here / bare);
        println!(
            "  {name:<28} {:8.1} us a call, {:5.2} times the bare SELECT",
            median(rounds.clone()),
            median(ratios.collect()),
        );
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
