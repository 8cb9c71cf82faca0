//! Records in a schema of a PostgreSQL database, through sqlx.
//!
//! Any number of nodes may share one schema. Nothing outside it is touched.

pub(crate) mod statements;

use std::num::NonZeroU32;
use std::time::Duration;

use authbench_core::{
    Durability, OutageBehaviour, Staleness, StoreError, StoreFault, StorePromises,
};
use serde::{Deserialize, Serialize};
use sqlx::error::DatabaseError;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgQueryResult, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Postgres, Row as _, raw_sql};
use tokio::time::timeout;

use crate::sql::{
    Backend, Columns, Dialect, Failure, Lanes, Limits, OPEN_TIMEOUT, ServerUrl, SqlStore,
    Statement, Unreadable, Value, check_schema_name, failure, migration_failure,
};

/// How a PostgreSQL store is opened.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct PostgresSettings {
    /// Which server, user and database, e.g.
    /// `postgres://user:password@host:5432/database`.
    pub url: ServerUrl,
    /// The schema to keep the records in: made if absent, for which the user
    /// needs the right to create schemas in the database. 1 to 63 of a-z, 0-9
    /// and `_`.
    pub schema: String,
    /// Connections at most, opened when they are needed. One serves one
    /// statement at a time.
    pub connections: NonZeroU32,
    /// Milliseconds to wait for a connection, and again for the answer to a
    /// statement, before the operation fails as timed out. At least 1.
    pub timeout_ms: u64,
    /// PostgreSQL's setting of that name: whether a write is done when the disk
    /// has it (`on`), or up to some 600 ms before (`off`).
    pub synchronous_commit: bool,
}

impl Default for PostgresSettings {
    fn default() -> Self {
        Self {
            url: ServerUrl::from("postgres://127.0.0.1:5432/postgres"),
            schema: "authbench".to_owned(),
            connections: NonZeroU32::new(16).unwrap_or(NonZeroU32::MIN),
            timeout_ms: 5_000,
            synchronous_commit: true,
        }
    }
}

/// Keeps records in a PostgreSQL schema. Instants from 2^63 ms on, subjects
/// with a zero octet or of more than some 2,700 octets are refused.
pub type PostgresStore = SqlStore<PostgresServer>;

/// A PostgreSQL schema and the connections to it.
#[derive(Debug)]
pub struct PostgresServer {
    lanes: Lanes<Postgres>,
    durability: Durability,
}

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

pub(crate) const OPEN: &str = "prepare the database";

impl SqlStore<PostgresServer> {
    /// Connects, and makes schema and tables if they are not there.
    ///
    /// # Errors
    /// [`StoreError`] if the server cannot be reached or refuses, the settings
    /// are no settings, or a newer version of this program made the tables.
    pub async fn open(settings: PostgresSettings) -> Result<Self, StoreError> {
        let failed = |failure: Failure| failure.into_error(PostgresServer::STORE, OPEN);
        let durability = prepared(&settings).await.map_err(failed)?;
        let options = connect_options(&settings).map_err(failed)?;
        let options = options.options(session(&settings));
        let patience = Duration::from_millis(settings.timeout_ms);
        let limits = Limits {
            wait: patience,
            answer: patience,
        };
        let lanes = Lanes::new(options, String::new(), settings.connections, limits);
        let backend = PostgresServer { lanes, durability };
        Ok(Self { backend })
    }

    /// Removes the schema with all its records, if it is there.
    ///
    /// # Errors
    /// As for [`SqlStore::open`].
    pub async fn remove(settings: &PostgresSettings) -> Result<(), StoreError> {
        let removed = async {
            check_schema_name(&settings.schema)
                .map_err(|source| Failure::new(StoreFault::Rejected, source))?;
            let options = connect_options(settings)?;
            let sql = format!("DROP SCHEMA IF EXISTS {} CASCADE", settings.schema);
            let dropped = async {
                let mut connection = options.connect().await?;
                raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
                connection.close().await
            };
            timeout(OPEN_TIMEOUT, dropped)
                .await
                .map_err(|late| Failure::new(StoreFault::TimedOut, late))?
                .map_err(failure::<Postgres>)
        };
        let failed =
            |failure: Failure| failure.into_error(PostgresServer::STORE, "remove the schema");
        removed.await.map_err(failed)
    }

    /// Waits for running operations and closes the connections. Later
    /// operations fail.
    pub async fn close(&self) {
        self.backend.lanes.close().await;
    }
}

/// What each connection is told first: it sees our schema alone, and the server
/// gives up, too, what nobody waits for.
pub(crate) fn session(settings: &PostgresSettings) -> [(&'static str, String); 3] {
    let commit = if settings.synchronous_commit {
        "on"
    } else {
        "off"
    };
    [
        ("search_path", settings.schema.clone()),
        ("synchronous_commit", commit.to_owned()),
        ("statement_timeout", settings.timeout_ms.max(1).to_string()),
    ]
}

/// Makes what is not there, and says what survives.
pub(crate) async fn prepared(settings: &PostgresSettings) -> Result<Durability, Failure> {
    check_schema_name(&settings.schema)
        .map_err(|source| Failure::new(StoreFault::Rejected, source))?;
    let options = connect_options(settings)?.options([("search_path", &settings.schema)]);
    let writes_reach_the_disk = timeout(OPEN_TIMEOUT, prepare(options, &settings.schema))
        .await
        .map_err(|late| Failure::new(StoreFault::TimedOut, late))??;
    Ok(durability(
        settings.synchronous_commit,
        writes_reach_the_disk,
    ))
}

fn connect_options(settings: &PostgresSettings) -> Result<PgConnectOptions, Failure> {
    let options = settings.url.as_str().parse::<PgConnectOptions>();
    Ok(options
        .map_err(failure::<Postgres>)?
        .application_name("authbench")
        .disable_statement_logging())
}

/// Makes the schema and its tables, and says whether the server forces what it
/// writes to the disk.
async fn prepare(options: PgConnectOptions, schema: &str) -> Result<bool, Failure> {
    make_schema(&options, schema)
        .await
        .map_err(failure::<Postgres>)?;
    let pool = PgPoolOptions::new().max_connections(1);
    let pool = pool.connect_with(options).await;
    let pool = pool.map_err(failure::<Postgres>)?;
    MIGRATIONS
        .run(&pool)
        .await
        .map_err(migration_failure::<Postgres>)?;
    let reaches_the_disk = sqlx::query_scalar(
        "SELECT current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on'",
    )
    .fetch_one(&pool)
    .await
    .map_err(failure::<Postgres>)?;
    pool.close().await;
    Ok(reaches_the_disk)
}

async fn make_schema(options: &PgConnectOptions, schema: &str) -> Result<(), sqlx::Error> {
    let mut connection = options.connect().await?;
    let absent: bool = sqlx::query_scalar("SELECT to_regnamespace($1) IS NULL")
        .bind(schema)
        .fetch_one(&mut connection)
        .await?;
    if absent {
        // One transaction, in which the others of this kind wait: without a
        // lock all of several that make one schema at once but one fail.
        let sql = format!(
            "SELECT pg_advisory_xact_lock({SCHEMA_LOCK}); CREATE SCHEMA IF NOT EXISTS {schema}"
        );
        raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    }
    connection.close().await
}

/// Names the making of schemas among the locks of a database: "authbenc".
const SCHEMA_LOCK: i64 = 0x6175_7468_6265_6e63;

/// Without the wait for the commit, a crash of the server loses what it had
/// confirmed last, even if the system lives on
/// (postgresql.org/docs/current/wal-async-commit.html).
const fn durability(synchronous_commit: bool, writes_reach_the_disk: bool) -> Durability {
    match (synchronous_commit, writes_reach_the_disk) {
        (true, true) => Durability::Disk,
        (true, false) => Durability::ProcessCrash,
        (false, _) => Durability::None,
    }
}

impl Backend for PostgresServer {
    const STORE: &'static str = "postgres";
    const TOUCHES_WHILE_READING: bool = true;
    const UPDATES_RETURN: bool = true;

    type Row = PgRow;

    fn promises(&self) -> StorePromises {
        StorePromises {
            staleness: Staleness::Immediate,
            durability: self.durability,
            outage: OutageBehaviour::FailsClosed,
        }
    }

    async fn rows(
        &self,
        statement: Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<PgRow>, Failure> {
        self.lanes.rows(statements::text(statement), values).await
    }

    async fn changed(&self, statement: Statement, values: &[Value<'_>]) -> Result<u64, Failure> {
        let text = statements::text(statement);
        self.lanes.changed(text, values).await
    }
}

impl Dialect for Postgres {
    fn bind<'q>(
        query: Query<'q, Self, PgArguments>,
        value: Value<'_>,
    ) -> Query<'q, Self, PgArguments> {
        match value {
            Value::Octets(octets) => query.bind(octets),
            Value::Text(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
            Value::Keys(keys) => query.bind(keys.iter().map(|key| &key.0[..]).collect::<Vec<_>>()),
        }
    }

    fn changed(done: &PgQueryResult) -> u64 {
        done.rows_affected()
    }

    fn fault(said: &dyn DatabaseError) -> (StoreFault, bool) {
        fault_of(said.code().as_deref().unwrap_or_default())
    }
}

impl Columns for PgRow {
    fn octets(&self, column: usize) -> Result<&[u8], Unreadable> {
        Ok(self.try_get(column)?)
    }

    fn text(&self, column: usize) -> Result<&str, Unreadable> {
        Ok(self.try_get(column)?)
    }

    fn number(&self, column: usize) -> Result<i64, Unreadable> {
        Ok(self.try_get(column)?)
    }
}

/// What PostgreSQL's SQLSTATE means
/// (postgresql.org/docs/current/errcodes-appendix.html), and whether the
/// statement was undone in favour of another one.
pub(crate) fn fault_of(sqlstate: &str) -> (StoreFault, bool) {
    match sqlstate {
        // A deadlock, a serialization failure.
        "40P01" | "40001" => (StoreFault::TimedOut, true),
        // Cancelled after statement_timeout, or waited too long for a lock.
        "57014" | "55P03" => (StoreFault::TimedOut, false),
        // Connections, shutting down, starting up, too many clients.
        code if code.starts_with("08") || code.starts_with("57P") || code == "53300" => {
            (StoreFault::Unreachable, false)
        }
        // Corrupted data, corrupted index.
        "XX001" | "XX002" => (StoreFault::Corrupt, false),
        _ => (StoreFault::Rejected, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_no_more_than_the_server_keeps() {
        assert_eq!(durability(true, true), Durability::Disk);
        assert_eq!(durability(true, false), Durability::ProcessCrash);
        assert_eq!(durability(false, true), Durability::None);
        assert_eq!(durability(false, false), Durability::None);
    }
}
