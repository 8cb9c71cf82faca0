//! The SQL stores against a bare prepared SELECT of the same row by sqlx: on
//! one connection, and through a pool as large as the store's; one caller, and
//! 16 at once.

use std::sync::Arc;

use anyhow::Result;
use authbench_benches::turns::{self, Contender, Taken};
use authbench_core::RecordStore;
use authbench_results::BenchFigure;
#[cfg(feature = "reference")]
use authbench_stores::reference::{DirectSqliteStore, PipelinedPostgresStore};
use authbench_stores::{
    MysqlSettings, MysqlStore, PostgresSettings, PostgresStore, SqliteSettings, SqliteStore,
};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{ConnectOptions as _, Row as _};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::Place;
use crate::records::{SELDOM, Sessions, fill, key};

/// Calls of one contender in one turn.
const CALLS: u32 = 320;
const CALLERS: u32 = 16;

/// A caller's turn: calls from this number on, so many.
type Turn<'c> = Box<dyn FnMut() + 'c>;

macro_rules! select {
    ($placeholder:literal) => {
        concat!(
            "SELECT subject, login, roles, issued_at_ms, expires_at_ms, used_at_ms, generation, \
             revision, payload FROM records WHERE digest = ",
            $placeholder
        )
    };
}

/// One bare read through `$executor`.
macro_rules! read {
    ($sql:expr, $executor:expr, $n:expr) => {{
        let query = sqlx::query($sql).bind(key($n).0.to_vec());
        match query.fetch_one($executor).await {
            // One column, as a proof that there is a row: less than the store
            // takes out of it.
            Ok(row) => std::hint::black_box(row.get::<Vec<u8>, _>(1)),
            Err(error) => panic!("no row: {error}"),
        }
    }};
}

/// The bare reads, and those of `$store` and of sessions in it: one caller and
/// a crowd.
macro_rules! contenders {
    ($place:expr, $sql:expr, $connection:ident, $pool:ident, $store:ident) => {{
        let runtime = $place.runtime;
        let sessions = Arc::new(runtime.block_on(Sessions::new(&$store, false))?);
        let (mut connection, own) = ($connection, $pool.clone());
        let one: Vec<Contender<'_>> = vec![
            Contender::new("select-pool", CALLS, move || {
                runtime.block_on(async {
                    for n in 0..u64::from(CALLS) {
                        read!($sql, &own, n);
                    }
                });
            }),
            Contender::new("select-one-connection", CALLS, move || {
                runtime.block_on(async {
                    for n in 0..u64::from(CALLS) {
                        read!($sql, &mut connection, n);
                    }
                });
            }),
            Contender::new("store-get", CALLS, alone(runtime, &$store, get)),
            Contender::new(
                "store-get_touched-none-due",
                CALLS,
                alone(runtime, &$store, touched),
            ),
            Contender::new(
                "session-authenticate",
                CALLS,
                alone(runtime, &sessions, judge),
            ),
        ];
        let pool = Arc::new($pool.clone());
        let crowd: Vec<Contender<'_>> = vec![
            Contender::new(
                "select-pool",
                CALLS,
                together(runtime, &pool, |pool, n| {
                    Box::pin(async move {
                        read!($sql, &*pool, n);
                    })
                }),
            ),
            Contender::new("store-get", CALLS, together(runtime, &$store, get)),
            Contender::new(
                "session-authenticate",
                CALLS,
                together(runtime, &sessions, judge),
            ),
        ];
        (one, crowd)
    }};
}

pub(crate) fn sqlite(place: &Place<'_>) -> Result<Vec<BenchFigure>> {
    let runtime = place.runtime;
    let settings = SqliteSettings::default();
    let store = Arc::new(runtime.block_on(SqliteStore::open(settings.clone()))?);
    runtime.block_on(fill(&*store))?;
    let options = SqliteConnectOptions::new()
        .filename(store.path())
        .disable_statement_logging();
    let connection = runtime.block_on(options.connect())?;
    let pool = SqlitePoolOptions::new()
        .max_connections(settings.readers.get())
        .test_before_acquire(false);
    let pool = runtime.block_on(pool.connect_with(options))?;
    #[cfg_attr(
        not(feature = "reference"),
        expect(unused_mut, reason = "only reference adds")
    )]
    let (mut one, mut crowd) = contenders!(place, select!("?"), connection, pool, store);
    #[cfg(feature = "reference")]
    {
        let direct = runtime.block_on(DirectSqliteStore::open(settings))?;
        let direct = Arc::new(direct);
        runtime.block_on(fill(&*direct))?;
        one.push(Contender::new(
            "rusqlite-get",
            CALLS,
            alone(runtime, &direct, get),
        ));
        crowd.push(Contender::new(
            "rusqlite-get",
            CALLS,
            together(runtime, &direct, get),
        ));
    }
    Ok(report(place, "sqlite", one, crowd))
}

pub(crate) fn postgres(place: &Place<'_>) -> Result<Vec<BenchFigure>> {
    let runtime = place.runtime;
    let settings = PostgresSettings {
        url: place.url.into(),
        schema: schema(),
        ..PostgresSettings::default()
    };
    let measured = || {
        let store = Arc::new(runtime.block_on(PostgresStore::open(settings.clone()))?);
        runtime.block_on(fill(&*store))?;
        let options: PgConnectOptions = place.url.parse()?;
        let options = options
            .options([("search_path", settings.schema.as_str())])
            .disable_statement_logging();
        let connection = runtime.block_on(options.connect())?;
        let pool = PgPoolOptions::new()
            .max_connections(settings.connections.get())
            .test_before_acquire(false);
        let pool = runtime.block_on(pool.connect_with(options))?;
        #[cfg_attr(
            not(feature = "reference"),
            expect(unused_mut, reason = "only reference adds")
        )]
        let (mut one, mut crowd) = contenders!(place, select!("$1"), connection, pool, store);
        #[cfg(feature = "reference")]
        {
            let piped = PipelinedPostgresStore::open(settings.clone());
            let piped = Arc::new(runtime.block_on(piped)?);
            one.push(Contender::new(
                "tokio-postgres-get",
                CALLS,
                alone(runtime, &piped, get),
            ));
            let turn = together(runtime, &piped, get);
            crowd.push(Contender::new("tokio-postgres-get", CALLS, turn));
        }
        Ok(report(place, "postgres", one, crowd))
    };
    let measured = measured();
    runtime.block_on(PostgresStore::remove(&settings))?;
    measured
}

pub(crate) fn mysql(place: &Place<'_>) -> Result<Vec<BenchFigure>> {
    let runtime = place.runtime;
    let settings = MysqlSettings {
        url: place.url.into(),
        schema: schema(),
        ..MysqlSettings::default()
    };
    let measured = || {
        let store = Arc::new(runtime.block_on(MysqlStore::open(settings.clone()))?);
        runtime.block_on(fill(&*store))?;
        let options: MySqlConnectOptions = place.url.parse()?;
        let options = options
            .database(&settings.schema)
            .disable_statement_logging();
        let connection = runtime.block_on(options.connect())?;
        let pool = MySqlPoolOptions::new()
            .max_connections(settings.connections.get())
            .test_before_acquire(false);
        let pool = runtime.block_on(pool.connect_with(options))?;
        let (one, crowd) = contenders!(place, select!("?"), connection, pool, store);
        Ok(report(place, "mysql", one, crowd))
    };
    let measured = measured();
    runtime.block_on(MysqlStore::remove(&settings))?;
    measured
}

/// A name that nobody else's records have.
fn schema() -> String {
    format!("authbench_stores_{}", std::process::id())
}

fn report(
    place: &Place<'_>,
    database: &str,
    one: Vec<Contender<'_>>,
    crowd: Vec<Contender<'_>>,
) -> Vec<BenchFigure> {
    let half = place.span / 2;
    let table = |callers: &str, taken: Vec<Taken>| {
        turns::report("stores", &format!("{database}/{callers}"), &taken)
    };
    let mut figures = table("1-caller", turns::take(half, one));
    figures.extend(table("16-callers", turns::take(half, crowd)));
    figures
}

type Call = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

fn get<S: RecordStore + 'static>(store: Arc<S>, n: u64) -> Call {
    Box::pin(async move {
        let found = store.get(&key(n)).await;
        assert!(matches!(found, Ok(Some(_))), "no record");
    })
}

fn touched<S: RecordStore + 'static>(store: Arc<S>, n: u64) -> Call {
    Box::pin(async move {
        let at = authbench_core::Clock::now(&authbench_core::system::SystemClock);
        let found = store.get_touched(&key(n), at, SELDOM).await;
        assert!(matches!(found, Ok(Some(_))), "no record");
    })
}

fn judge<S: RecordStore + 'static>(sessions: Arc<Sessions<S>>, n: u64) -> Call {
    Box::pin(async move { sessions.judge(n).await })
}

/// One call after the other.
fn alone<'r, T: 'r>(
    runtime: &'r Runtime,
    with: &Arc<T>,
    call: fn(Arc<T>, u64) -> Call,
) -> Turn<'r> {
    let with = Arc::clone(with);
    Box::new(move || {
        runtime.block_on(async {
            for n in 0..u64::from(CALLS) {
                call(Arc::clone(&with), n).await;
            }
        });
    })
}

/// [`CALLERS`] at once, each with its share of the calls.
fn together<'r, T: Send + Sync + 'static>(
    runtime: &'r Runtime,
    with: &Arc<T>,
    call: fn(Arc<T>, u64) -> Call,
) -> Turn<'r> {
    let with = Arc::clone(with);
    Box::new(move || {
        runtime.block_on(async {
            let mut callers = JoinSet::new();
            for caller in 0..CALLERS {
                let with = Arc::clone(&with);
                callers.spawn(async move {
                    for n in 0..CALLS / CALLERS {
                        call(Arc::clone(&with), u64::from(caller * 31 + n)).await;
                    }
                });
            }
            callers.join_all().await;
        });
    })
}
