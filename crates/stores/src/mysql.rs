//! Records in a database of a MariaDB server, through sqlx.
//!
//! Any number of nodes may share one database. No other is touched.

pub(crate) mod statements;

use std::num::NonZeroU32;
use std::time::Duration;

use authbench_core::{
    Durability, OutageBehaviour, Staleness, StoreError, StoreFault, StorePromises,
};
use serde::{Deserialize, Serialize};
use sqlx::error::DatabaseError;
use sqlx::migrate::Migrator;
use sqlx::mysql::{
    MySqlArguments, MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlPool,
    MySqlPoolOptions, MySqlQueryResult, MySqlRow,
};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, MySql, Row as _, raw_sql};
use tokio::time::timeout;

use crate::sql::{
    Backend, Columns, Dialect, Failure, Lanes, Limits, OPEN_TIMEOUT, ServerUrl, SqlStore,
    Statement, Unreadable, Value, check_schema_name, failure, keys_to_json, migration_failure,
};

/// How a MariaDB store is opened.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MysqlSettings {
    /// Which server and user, e.g. `mysql://user:password@host:3306`. The
    /// database in it, if any, is not used.
    pub url: ServerUrl,
    /// The database (which MariaDB also calls a schema) to keep the records in:
    /// made if absent, for which the user needs the right to create it. 1 to 63
    /// of a-z, 0-9 and `_`.
    pub schema: String,
    /// Connections at most, opened when they are needed. One serves one
    /// statement at a time.
    pub connections: NonZeroU32,
    /// Milliseconds to wait for a connection, and again for the answer to a
    /// statement, before the operation fails as timed out. At least 1.
    pub timeout_ms: u64,
}

impl Default for MysqlSettings {
    fn default() -> Self {
        Self {
            url: ServerUrl::from("mysql://127.0.0.1:3306"),
            schema: "authbench".to_owned(),
            connections: NonZeroU32::new(16).unwrap_or(NonZeroU32::MIN),
            timeout_ms: 5_000,
        }
    }
}

/// Keeps records in a MariaDB database, version 10.6 or later. Instants from
/// 2^63 ms on and subjects of more than 1,024 octets are refused.
pub type MysqlStore = SqlStore<MysqlServer>;

/// A MariaDB database and the connections to it.
#[derive(Debug)]
pub struct MysqlServer {
    lanes: Lanes<MySql>,
    durability: Durability,
}

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/mysql");

const OPEN: &str = "prepare the database";

impl SqlStore<MysqlServer> {
    /// Connects, and makes database and tables if they are not there.
    ///
    /// # Errors
    /// [`StoreError`] if the server cannot be reached or refuses, the settings
    /// are no settings, or a newer version of this program made the tables.
    pub async fn open(settings: MysqlSettings) -> Result<Self, StoreError> {
        let failed = |failure: Failure| failure.into_error(MysqlServer::STORE, OPEN);
        let options = connect_options(&settings).map_err(failed)?;
        let prepared = timeout(OPEN_TIMEOUT, prepare(options.clone(), &settings.schema)).await;
        let durability = prepared
            .map_err(|late| failed(Failure::new(StoreFault::TimedOut, late)))?
            .map_err(failed)?;
        let patience = Duration::from_millis(settings.timeout_ms);
        let limits = Limits {
            wait: patience,
            answer: patience,
        };
        let options = options.database(&settings.schema);
        let setup = session(settings.timeout_ms.max(1));
        Ok(Self {
            backend: MysqlServer {
                lanes: Lanes::new(options, setup, settings.connections, limits),
                durability,
            },
        })
    }

    /// Removes the database with all its records, if it is there.
    ///
    /// # Errors
    /// As for [`SqlStore::open`].
    pub async fn remove(settings: &MysqlSettings) -> Result<(), StoreError> {
        let removed = async {
            let options = connect_options(settings)?;
            let sql = format!("DROP DATABASE IF EXISTS {}", settings.schema);
            let dropped = async {
                let mut connection = options.connect().await?;
                raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
                connection.close().await
            };
            timeout(OPEN_TIMEOUT, dropped)
                .await
                .map_err(|late| Failure::new(StoreFault::TimedOut, late))?
                .map_err(failure::<MySql>)
        };
        let failed =
            |failure: Failure| failure.into_error(MysqlServer::STORE, "remove the database");
        removed.await.map_err(failed)
    }

    /// Waits for running operations and closes the connections. Later
    /// operations fail.
    pub async fn close(&self) {
        self.backend.lanes.close().await;
    }
}

fn connect_options(settings: &MysqlSettings) -> Result<MySqlConnectOptions, Failure> {
    check_schema_name(&settings.schema)
        .map_err(|source| Failure::new(StoreFault::Rejected, source))?;
    let options = settings.url.as_str().parse::<MySqlConnectOptions>();
    Ok(options
        .map_err(failure::<MySql>)?
        .disable_statement_logging())
}

/// What each connection is told first: what does not fit is refused and not cut
/// off, and the server gives up, too, what nobody waits for.
fn session(timeout_ms: u64) -> String {
    let (seconds, rest_ms) = (timeout_ms / 1_000, timeout_ms % 1_000);
    format!(
        "SET SESSION autocommit = 1, sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', \
         max_statement_time = {seconds}.{rest_ms:03}, innodb_lock_wait_timeout = {}; \
         SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        seconds.max(1)
    )
}

/// Makes the database and its tables, and says what survives.
async fn prepare(options: MySqlConnectOptions, schema: &str) -> Result<Durability, Failure> {
    let lock = make_schema(&options, schema).await?;
    let pool = MySqlPoolOptions::new().max_connections(1);
    let pool = pool.connect_with(options.database(schema)).await;
    let pool = pool.map_err(failure::<MySql>)?;
    MIGRATIONS
        .run(&pool)
        .await
        .map_err(migration_failure::<MySql>)?;
    let durability = durability(&pool).await.map_err(failure::<MySql>)?;
    pool.close().await;
    lock.close().await.map_err(failure::<MySql>)?;
    Ok(durability)
}

/// Makes the database, and returns a connection that keeps other nodes from
/// making its tables at the same time. sqlx tries to do so itself, with a lock
/// for which it waits "-1 seconds", and that MariaDB takes for no wait at all.
async fn make_schema(
    options: &MySqlConnectOptions,
    schema: &str,
) -> Result<MySqlConnection, Failure> {
    let mut connection = options.connect().await.map_err(failure::<MySql>)?;
    let locked: Option<i64> =
        sqlx::query_scalar("SELECT GET_LOCK(MD5(CONCAT('authbench.', ?)), ?)")
            .bind(schema)
            .bind(OPEN_TIMEOUT.as_secs())
            .fetch_one(&mut connection)
            .await
            .map_err(failure::<MySql>)?;
    if locked != Some(1) {
        return Err(Failure::new(StoreFault::TimedOut, StillMade));
    }
    let sql =
        format!("CREATE DATABASE IF NOT EXISTS {schema} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
    raw_sql(AssertSqlSafe(sql))
        .execute(&mut connection)
        .await
        .map_err(failure::<MySql>)?;
    Ok(connection)
}

/// The lock on the making of tables was not given.
#[derive(Debug, thiserror::Error)]
#[error("another node is still making the tables")]
struct StillMade;

async fn durability(pool: &MySqlPool) -> Result<Durability, sqlx::Error> {
    let row = sqlx::query(
        "SELECT CAST(@@GLOBAL.innodb_flush_log_at_trx_commit AS SIGNED), \
         CAST(@@GLOBAL.log_bin AS SIGNED), CAST(@@GLOBAL.sync_binlog AS SIGNED)",
    )
    .fetch_one(pool)
    .await?;
    let binary_log = row.try_get::<i64, _>(1)? != 0;
    let binary_log_reaches_the_disk = row.try_get::<i64, _>(2)? == 1;
    Ok(durability_of(
        row.try_get(0)?,
        !binary_log || binary_log_reaches_the_disk,
    ))
}

/// By InnoDB's `innodb_flush_log_at_trx_commit`: at each commit its log is kept
/// in the process (0), forced to the disk (1, 3) or handed to the system (2).
/// Where there is a binary log, what is not in it is undone after a crash
/// (mariadb.com/kb/en/binary-log-group-commit-and-innodb-flushing-performance).
const fn durability_of(flush_log: i64, binary_log_reaches_the_disk: bool) -> Durability {
    match (flush_log, binary_log_reaches_the_disk) {
        (1 | 3, true) => Durability::Disk,
        (1..=3, _) => Durability::ProcessCrash,
        _ => Durability::None,
    }
}

impl Backend for MysqlServer {
    const STORE: &'static str = "mysql";
    const TOUCHES_WHILE_READING: bool = false;
    const UPDATES_RETURN: bool = false;

    type Row = MySqlRow;

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
    ) -> Result<Vec<MySqlRow>, Failure> {
        self.lanes.rows(statements::text(statement), values).await
    }

    async fn changed(&self, statement: Statement, values: &[Value<'_>]) -> Result<u64, Failure> {
        let text = statements::text(statement);
        let outcome = self.lanes.changed(text, values).await;
        match outcome {
            Err(failure) if statement == Statement::Insert && is_taken(&failure) => Ok(0),
            outcome => outcome,
        }
    }
}

fn is_taken(failure: &Failure) -> bool {
    let said = failure.source.as_deref();
    let said = said.and_then(|source| source.downcast_ref::<sqlx::Error>());
    said.and_then(sqlx::Error::as_database_error)
        .is_some_and(|said| said.is_unique_violation())
}

impl Dialect for MySql {
    fn bind<'q>(
        query: Query<'q, Self, MySqlArguments>,
        value: Value<'_>,
    ) -> Query<'q, Self, MySqlArguments> {
        match value {
            Value::Octets(octets) => query.bind(octets),
            Value::Text(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
            Value::Keys(keys) => query.bind(keys_to_json(keys)),
        }
    }

    fn changed(done: &MySqlQueryResult) -> u64 {
        done.rows_affected()
    }

    fn fault(said: &dyn DatabaseError) -> (StoreFault, bool) {
        said.try_downcast_ref::<MySqlDatabaseError>()
            .map_or((StoreFault::Rejected, false), |said| {
                fault_of(said.number())
            })
    }
}

impl Columns for MySqlRow {
    fn octets(&self, column: usize) -> Result<&[u8], Unreadable> {
        Ok(self.try_get(column)?)
    }

    fn text(&self, column: usize) -> Result<&str, Unreadable> {
        Ok(std::str::from_utf8(self.octets(column)?)?)
    }

    fn number(&self, column: usize) -> Result<i64, Unreadable> {
        Ok(self.try_get(column)?)
    }
}

/// What MariaDB's error number means (mariadb.com/kb/en/mariadb-error-codes),
/// and whether the statement was undone in favour of another one.
const fn fault_of(number: u16) -> (StoreFault, bool) {
    match number {
        // A deadlock; a row that has changed since the statement's snapshot.
        1213 | 1020 => (StoreFault::TimedOut, true),
        // Waited too long for a lock, or ran too long.
        1205 | 1969 => (StoreFault::TimedOut, false),
        // Too many connections, shutting down, killed.
        1040 | 1053 | 1927 => (StoreFault::Unreachable, false),
        // A damaged table or page.
        126 | 127 | 1034 | 1712 => (StoreFault::Corrupt, false),
        _ => (StoreFault::Rejected, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_no_more_than_the_server_keeps() {
        let promised = [0, 1, 2, 3, 4].map(|flush| durability_of(flush, true));
        use Durability::{Disk, None, ProcessCrash};
        assert_eq!(promised, [None, Disk, ProcessCrash, Disk, None]);
        let promised = [0, 1, 2, 3].map(|flush| durability_of(flush, false));
        assert_eq!(promised, [None, ProcessCrash, ProcessCrash, ProcessCrash]);
    }
}
