//! Records in an SQLite file, through sqlx, in write-ahead mode.
//!
//! SQLite has one writer at a time in any case, so a store has one connection
//! for writes, whose queue is fair, and several for reads, which a write never
//! stops. Several stores, of one process or of several, may open one file: a
//! write that has returned is in the file's log, where every reader looks.

mod place;
mod schema;
pub(crate) mod statements;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use authbench_core::{StoreError, StoreFault, StorePromises};
use serde::{Deserialize, Serialize};
use sqlx::error::DatabaseError;
use sqlx::query::Query;
use sqlx::sqlite::{
    Sqlite, SqliteArguments, SqliteConnectOptions, SqliteQueryResult, SqliteRow, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Row as _};

pub(crate) use place::Place;

use crate::sql::{
    Backend, Columns, Dialect, Failure, Lanes, Limits, SqlStore, Statement, Unreadable, Value,
    keys_to_json,
};

/// How an SQLite store is opened.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SqliteSettings {
    /// The database file: made if absent, in a directory that is there. Without
    /// a path the store makes a private file and removes it when dropped.
    pub path: Option<PathBuf>,
    /// When a write counts as done.
    pub synchronous: Synchronous,
    /// Milliseconds to wait for a connection, or for a lock that another
    /// process holds on the file, before the operation fails as timed out.
    pub busy_timeout_ms: u64,
    /// Connections for reads.
    pub readers: NonZeroU32,
}

impl Default for SqliteSettings {
    fn default() -> Self {
        Self {
            path: None,
            synchronous: Synchronous::Normal,
            busy_timeout_ms: 5_000,
            readers: NonZeroU32::new(4).unwrap_or(NonZeroU32::MIN),
        }
    }
}

/// SQLite's `synchronous` setting, in write-ahead mode.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Synchronous {
    /// A write is done when the system has it: it survives a crash of the
    /// process, and the last ones are lost with the power.
    #[default]
    Normal,
    /// A write is done when the disk has it.
    Full,
}

/// What a slow disk may take on top of waiting for locks.
const DISK_GRACE: Duration = Duration::from_secs(2);

/// Keeps records in an SQLite file. Instants from 2^63 ms on, 292 million
/// years from now, are refused.
pub type SqliteStore = SqlStore<SqliteFile>;

/// An SQLite file and its connections.
#[derive(Debug)]
pub struct SqliteFile {
    writer: Lanes<Sqlite>,
    readers: Lanes<Sqlite>,
    // Removed after the connections above are gone.
    place: Place,
}

impl SqlStore<SqliteFile> {
    /// Opens the store, and makes file and tables if they are not there. The
    /// file is for its owner's eyes alone (mode 0600).
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be made or opened, is no database, or
    /// was written by a newer version of this program.
    pub async fn open(settings: SqliteSettings) -> Result<Self, StoreError> {
        let place = Place::prepare(&settings).await?;
        let timeout = settings.busy_timeout();
        let limits = Limits {
            wait: timeout,
            // The answer may be that the wait for a lock was in vain.
            answer: timeout + DISK_GRACE,
        };
        let lanes = |connections| {
            Lanes::new(
                connect_options(&settings, place.path()),
                String::new(),
                connections,
                limits,
            )
        };
        let backend = SqliteFile {
            writer: lanes(NonZeroU32::MIN),
            readers: lanes(settings.readers),
            place,
        };
        Ok(Self { backend })
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.backend.place.path()
    }

    /// Waits for running operations and closes the file. Later operations
    /// fail. A store that is only dropped closes in the background.
    pub async fn close(&self) {
        self.backend.readers.close().await;
        self.backend.writer.close().await;
    }
}

impl SqliteSettings {
    pub(crate) fn busy_timeout(&self) -> Duration {
        Duration::from_millis(self.busy_timeout_ms)
    }
}

fn connect_options(settings: &SqliteSettings, path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(settings.busy_timeout())
        .synchronous(match settings.synchronous {
            Synchronous::Normal => SqliteSynchronous::Normal,
            Synchronous::Full => SqliteSynchronous::Full,
        })
        .disable_statement_logging()
}

impl Backend for SqliteFile {
    const STORE: &'static str = "sqlite";
    const TOUCHES_WHILE_READING: bool = false;
    const UPDATES_RETURN: bool = true;

    type Row = SqliteRow;

    fn promises(&self) -> StorePromises {
        self.place.promises()
    }

    async fn rows(
        &self,
        statement: Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<SqliteRow>, Failure> {
        let lanes = if statement == Statement::Rotate {
            &self.writer
        } else {
            &self.readers
        };
        lanes.rows(statements::text(statement), values).await
    }

    async fn changed(&self, statement: Statement, values: &[Value<'_>]) -> Result<u64, Failure> {
        let text = statements::text(statement);
        self.writer.changed(text, values).await
    }
}

impl Dialect for Sqlite {
    fn bind<'q>(
        query: Query<'q, Self, SqliteArguments>,
        value: Value<'_>,
    ) -> Query<'q, Self, SqliteArguments> {
        match value {
            Value::Octets(octets) => query.bind(octets),
            Value::Text(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
            Value::Keys(keys) => query.bind(keys_to_json(keys)),
        }
    }

    fn changed(done: &SqliteQueryResult) -> u64 {
        done.rows_affected()
    }

    fn fault(said: &dyn DatabaseError) -> (StoreFault, bool) {
        let fault = match said.code().and_then(|code| code.parse().ok()) {
            Some(code) => fault_of(code),
            None => StoreFault::Rejected,
        };
        (fault, false)
    }
}

impl Columns for SqliteRow {
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

// SQLite's result codes (sqlite.org/rescode.html). The low octet of a code is
// its kind, the rest a detail.
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const CANTOPEN: i32 = 14;
const NOTADB: i32 = 26;

/// What a result code of SQLite means.
pub(crate) const fn fault_of(code: i32) -> StoreFault {
    match code & 0xFF {
        // Another connection holds the lock that this one wants.
        BUSY | LOCKED => StoreFault::TimedOut,
        IOERR | CANTOPEN => StoreFault::Unreachable,
        CORRUPT | NOTADB => StoreFault::Corrupt,
        _ => StoreFault::Rejected,
    }
}
