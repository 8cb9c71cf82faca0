//! SQLite through `rusqlite`, which works on the caller's thread: no other
//! thread is woken for a statement, and none is free for others meanwhile.
//!
//! A statement takes some microseconds. A write that waits for a lock, or for
//! the disk, holds up whatever else would run on this thread.

use std::sync::atomic::{AtomicUsize, Ordering};

use authbench_core::{StoreError, StoreFault, StorePromises};
use parking_lot::{Mutex, MutexGuard};
use rusqlite::types::{ToSqlOutput, Value as Owned, ValueRef};
use rusqlite::{CachedStatement, Connection, OpenFlags, ToSql, params_from_iter};

use crate::sql::{Backend, Columns, Failure, SqlStore, Statement, Unreadable, Value, keys_to_json};
use crate::sqlite::{Place, SqliteSettings, Synchronous, fault_of, statements};

/// Keeps records as [`SqliteStore`](crate::SqliteStore) does, on the caller's
/// thread.
pub type DirectSqliteStore = SqlStore<DirectSqliteFile>;

/// An SQLite file and its connections.
#[derive(Debug)]
pub struct DirectSqliteFile {
    writer: Mutex<Connection>,
    readers: Vec<Mutex<Connection>>,
    /// Which reader is waited for when all are in use.
    next: AtomicUsize,
    // Removed after the connections above are gone.
    place: Place,
}

impl SqlStore<DirectSqliteFile> {
    /// Opens the store, and makes file and tables if they are not there.
    ///
    /// # Errors
    /// As [`SqliteStore::open`](crate::SqliteStore::open).
    pub async fn open(settings: SqliteSettings) -> Result<Self, StoreError> {
        let place = Place::prepare(&settings).await?;
        let connect = || {
            connect(&place, &settings).map_err(|source| {
                failure(source).into_error(DirectSqliteFile::STORE, "open a file")
            })
        };
        let readers = (0..settings.readers.get()).map(|_| connect().map(Mutex::new));
        let backend = DirectSqliteFile {
            readers: readers.collect::<Result<_, _>>()?,
            writer: Mutex::new(connect()?),
            next: AtomicUsize::new(0),
            place,
        };
        Ok(Self { backend })
    }
}

fn connect(place: &Place, settings: &SqliteSettings) -> rusqlite::Result<Connection> {
    // Each connection is behind a lock of ours.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(place.path(), flags)?;
    connection.busy_timeout(settings.busy_timeout())?;
    let synchronous = match settings.synchronous {
        Synchronous::Normal => "normal",
        Synchronous::Full => "full",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    Ok(connection)
}

impl DirectSqliteFile {
    fn reader(&self) -> MutexGuard<'_, Connection> {
        let free = self.readers.iter().find_map(Mutex::try_lock);
        free.unwrap_or_else(|| {
            let next = self.next.fetch_add(1, Ordering::Relaxed);
            self.readers[next % self.readers.len()].lock()
        })
    }
}

impl Backend for DirectSqliteFile {
    const STORE: &'static str = "sqlite (rusqlite)";
    const TOUCHES_WHILE_READING: bool = false;
    const UPDATES_RETURN: bool = true;

    type Row = OwnedRow;

    fn promises(&self) -> StorePromises {
        self.place.promises()
    }

    async fn rows(
        &self,
        statement: Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<OwnedRow>, Failure> {
        let connection = if statement == Statement::Rotate {
            self.writer.lock()
        } else {
            self.reader()
        };
        let mut prepared = prepared(&connection, statement)?;
        let columns = prepared.column_count();
        let mut rows = prepared.query(params_from_iter(values)).map_err(failure)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(failure)? {
            let row = (0..columns).map(|column| row.get::<_, Owned>(column));
            found.push(OwnedRow(row.collect::<Result<_, _>>().map_err(failure)?));
        }
        Ok(found)
    }

    async fn changed(&self, statement: Statement, values: &[Value<'_>]) -> Result<u64, Failure> {
        let connection = self.writer.lock();
        let mut prepared = prepared(&connection, statement)?;
        let changed = prepared
            .execute(params_from_iter(values))
            .map_err(failure)?;
        Ok(changed as u64)
    }
}

fn prepared(connection: &Connection, statement: Statement) -> Result<CachedStatement<'_>, Failure> {
    connection
        .prepare_cached(statements::text(statement))
        .map_err(failure)
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match *self {
            Self::Octets(octets) => ToSqlOutput::Borrowed(ValueRef::Blob(octets)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Number(number) => ToSqlOutput::Borrowed(ValueRef::Integer(number)),
            Self::Keys(keys) => ToSqlOutput::Owned(Owned::Text(keys_to_json(keys))),
        })
    }
}

/// A row, copied out of its statement.
#[derive(Debug)]
pub(crate) struct OwnedRow(Vec<Owned>);

/// A column is not of the type that it should be.
#[derive(Debug, thiserror::Error)]
#[error("column {column} holds something else")]
struct WrongType {
    column: usize,
}

fn wrong(column: usize) -> Unreadable {
    Unreadable::Column(Box::new(WrongType { column }))
}

impl Columns for OwnedRow {
    fn octets(&self, column: usize) -> Result<&[u8], Unreadable> {
        match self.0.get(column) {
            Some(Owned::Blob(octets)) => Ok(octets),
            _ => Err(wrong(column)),
        }
    }

    fn text(&self, column: usize) -> Result<&str, Unreadable> {
        match self.0.get(column) {
            Some(Owned::Text(text)) => Ok(text),
            _ => Err(wrong(column)),
        }
    }

    fn number(&self, column: usize) -> Result<i64, Unreadable> {
        match self.0.get(column) {
            Some(Owned::Integer(number)) => Ok(*number),
            _ => Err(wrong(column)),
        }
    }
}

fn failure(source: rusqlite::Error) -> Failure {
    let fault = match &source {
        rusqlite::Error::SqliteFailure(code, _) => fault_of(code.extended_code),
        rusqlite::Error::Utf8Error(..) => StoreFault::Corrupt,
        _ => StoreFault::Rejected,
    };
    Failure::new(fault, source)
}
