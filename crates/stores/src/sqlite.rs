//! Records in an SQLite file, through sqlx, in write-ahead mode.
//!
//! SQLite has one writer at a time in any case, so a store has one connection
//! for writes, whose queue is fair, and several for reads, which a write never
//! stops. Several stores, of one process or of several, may open one file: a
//! write that has returned is in the file's log, where every reader looks.

mod rows;
mod schema;

use std::fs::OpenOptions;
use std::num::NonZeroU32;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use authbench_core::{
    Digest, Durability, Inserted, LoginId, OutageBehaviour, Record, RecordStore, Rotated,
    Staleness, StoreError, StoreFault, StorePromises, SubjectId, Swapped, Touch, UnixMs,
};
use serde::{Deserialize, Serialize};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use tempfile::TempDir;

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

/// Keeps records in an SQLite file. Instants from 2^63 ms on, 292 million
/// years from now, are refused.
#[derive(Debug)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
    path: PathBuf,
    synchronous: Synchronous,
    // Removed after the pools above are gone.
    private_dir: Option<TempDir>,
}

impl SqliteStore {
    /// Opens the store, and makes file and tables if they are not there. The
    /// file is for its owner's eyes alone (mode 0600).
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be made or opened, is no database, or
    /// was written by a newer version of this program.
    pub async fn open(settings: SqliteSettings) -> Result<Self, StoreError> {
        let SqliteSettings {
            path,
            synchronous,
            busy_timeout_ms,
            readers,
        } = settings;
        let (path, private_dir) = place(path)?;
        let timeout = Duration::from_millis(busy_timeout_ms);
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .busy_timeout(timeout)
            .synchronous(match synchronous {
                Synchronous::Normal => SqliteSynchronous::Normal,
                Synchronous::Full => SqliteSynchronous::Full,
            })
            .disable_statement_logging();
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(timeout)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
        };
        schema::prepare(
            options.clone().journal_mode(SqliteJournalMode::Wal),
            timeout,
        )
        .await?;
        Ok(Self {
            writer: pool(1).connect_lazy_with(options.clone()),
            readers: pool(readers.get()).connect_lazy_with(options),
            path,
            synchronous,
            private_dir,
        })
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for running operations and closes the file. Later operations
    /// fail. A store that is only dropped closes in the background.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// The file, there and private, and the directory to remove in the end.
fn place(path: Option<PathBuf>) -> Result<(PathBuf, Option<TempDir>), StoreError> {
    let failed = |source: std::io::Error| StoreError {
        store: rows::STORE,
        operation: "make the database file",
        fault: StoreFault::Unreachable,
        source: Some(Box::new(source)),
    };
    let (path, private_dir) = match path {
        Some(path) => (path, None),
        None => {
            let dir = tempfile::Builder::new()
                .prefix("authbench-")
                .tempdir()
                .map_err(failed)?;
            (dir.path().join("records.sqlite"), Some(dir))
        }
    };
    // SQLite gives its log the rights of the database file.
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.open(&path).map_err(failed)?;
    Ok((path, private_dir))
}

const INSERT: &str = "INSERT INTO records (digest, subject, login, roles, \
    issued_at_ms, expires_at_ms, used_at_ms, generation, payload, revision) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT (digest) DO NOTHING";
const GET: &str = "SELECT subject, login, roles, issued_at_ms, expires_at_ms, used_at_ms, \
    generation, revision, payload FROM records WHERE digest = ?";
const TOUCH: &str = "UPDATE records SET used_at_ms = ?1 \
    WHERE digest = ?2 AND used_at_ms BETWEEN ?3 AND ?4 AND expires_at_ms > ?1";
const ROTATE: &str = "UPDATE records SET generation = (generation + 1) & 4294967295, \
    revision = (revision + 1) & 4294967295, used_at_ms = MAX(used_at_ms, ?1) \
    WHERE digest = ?2 AND generation = ?3 AND expires_at_ms > ?1 \
    RETURNING subject, login, roles, issued_at_ms, expires_at_ms, used_at_ms, \
    generation, revision, payload";
const SWAP: &str = "UPDATE records SET roles = ?, issued_at_ms = ?, expires_at_ms = ?, \
    used_at_ms = MAX(used_at_ms, ?), generation = ?, payload = ?, revision = ? \
    WHERE digest = ? AND revision = ?";
const EXISTS: &str = "SELECT EXISTS (SELECT 1 FROM records WHERE digest = ?)";
const DELETE: &str = "DELETE FROM records WHERE digest = ?";
const DELETE_BY_SUBJECT: &str = "DELETE FROM records WHERE subject = ?";
const DELETE_OTHERS: &str = "DELETE FROM records WHERE subject = ? AND login <> ?";
const LIST: &str = "SELECT subject, login, roles, issued_at_ms, expires_at_ms, used_at_ms, \
    generation, revision, payload, digest FROM records WHERE subject = ?";
const PURGE: &str = "DELETE FROM records WHERE digest IN \
    (SELECT digest FROM records WHERE expires_at_ms <= ? LIMIT ?)";

impl RecordStore for SqliteStore {
    fn promises(&self) -> StorePromises {
        let durability = match self.synchronous {
            // Nobody finds a private file again, and its owner removes it.
            _ if self.private_dir.is_some() => Durability::None,
            Synchronous::Normal => Durability::ProcessCrash,
            Synchronous::Full => Durability::Disk,
        };
        StorePromises {
            staleness: Staleness::Immediate,
            durability,
            outage: OutageBehaviour::FailsClosed,
        }
    }

    async fn insert_new(&self, key: &Digest, record: &Record) -> Result<Inserted, StoreError> {
        const OPERATION: &str = "insert a record";
        let query = sqlx::query(INSERT)
            .bind(key.0.as_slice())
            .bind(record.subject.as_str())
            .bind(record.login.0.as_slice())
            .bind(rows::roles_to_text(&record.roles, OPERATION)?)
            .bind(rows::instant_to_sql(record.issued_at, OPERATION)?)
            .bind(rows::instant_to_sql(record.expires_at, OPERATION)?)
            .bind(rows::instant_to_sql(record.used_at, OPERATION)?)
            .bind(record.generation)
            .bind(&*record.payload);
        let done = query
            .execute(&self.writer)
            .await
            .map_err(rows::failed(OPERATION))?;
        Ok(if done.rows_affected() == 1 {
            Inserted::New
        } else {
            Inserted::Taken
        })
    }

    async fn get(&self, key: &Digest) -> Result<Option<Record>, StoreError> {
        const OPERATION: &str = "get a record";
        let query = sqlx::query(GET).bind(key.0.as_slice());
        let row = query
            .fetch_optional(&self.readers)
            .await
            .map_err(rows::failed(OPERATION))?;
        row.as_ref()
            .map(rows::record)
            .transpose()
            .map_err(rows::corrupt(OPERATION))
    }

    async fn get_touched(
        &self,
        key: &Digest,
        at: UnixMs,
        touch: Touch,
    ) -> Result<Option<Record>, StoreError> {
        const OPERATION: &str = "touch a record";
        let found = self.get(key).await?;
        let due = |held: &Record| at < held.expires_at && touch.is_due(held.used_at, at);
        if found.as_ref().is_some_and(due) {
            let latest = at.0.saturating_sub(touch.after_ms.max(1));
            let earliest = at.0.saturating_sub(touch.within_ms.saturating_sub(1));
            let query = sqlx::query(TOUCH)
                .bind(rows::instant_to_sql(at, OPERATION)?)
                .bind(key.0.as_slice())
                .bind(rows::instant_to_sql(UnixMs(earliest), OPERATION)?)
                .bind(rows::instant_to_sql(UnixMs(latest), OPERATION)?);
            query
                .execute(&self.writer)
                .await
                .map_err(rows::failed(OPERATION))?;
        }
        Ok(found)
    }

    async fn rotate(
        &self,
        key: &Digest,
        expected_generation: u32,
        at: UnixMs,
    ) -> Result<Rotated, StoreError> {
        const OPERATION: &str = "rotate a record";
        let query = sqlx::query(ROTATE)
            .bind(i64::try_from(at.0).unwrap_or(i64::MAX))
            .bind(key.0.as_slice())
            .bind(expected_generation);
        let row = query
            .fetch_optional(&self.writer)
            .await
            .map_err(rows::failed(OPERATION))?;
        if let Some(row) = row {
            let record = rows::record(&row).map_err(rows::corrupt(OPERATION))?;
            return Ok(Rotated::Done(record));
        }
        Ok(self
            .get(key)
            .await?
            .map_or(Rotated::Missing, Rotated::Stale))
    }

    async fn compare_and_swap(
        &self,
        key: &Digest,
        expected_revision: u32,
        record: &Record,
    ) -> Result<Swapped, StoreError> {
        const OPERATION: &str = "swap a record";
        let mut writer = self
            .writer
            .acquire()
            .await
            .map_err(rows::failed(OPERATION))?;
        let query = sqlx::query(SWAP)
            .bind(rows::roles_to_text(&record.roles, OPERATION)?)
            .bind(rows::instant_to_sql(record.issued_at, OPERATION)?)
            .bind(rows::instant_to_sql(record.expires_at, OPERATION)?)
            .bind(rows::instant_to_sql(record.used_at, OPERATION)?)
            .bind(record.generation)
            .bind(&*record.payload)
            .bind(expected_revision.wrapping_add(1))
            .bind(key.0.as_slice())
            .bind(expected_revision);
        let done = query
            .execute(&mut *writer)
            .await
            .map_err(rows::failed(OPERATION))?;
        if done.rows_affected() == 1 {
            return Ok(Swapped::Done);
        }
        // A record that is here now is one that somebody else wrote.
        let query = sqlx::query_scalar(EXISTS).bind(key.0.as_slice());
        let here: bool = query
            .fetch_one(&mut *writer)
            .await
            .map_err(rows::failed(OPERATION))?;
        Ok(if here {
            Swapped::Stale
        } else {
            Swapped::Missing
        })
    }

    async fn delete(&self, key: &Digest) -> Result<bool, StoreError> {
        let query = sqlx::query(DELETE).bind(key.0.as_slice());
        let done = query
            .execute(&self.writer)
            .await
            .map_err(rows::failed("delete a record"))?;
        Ok(done.rows_affected() > 0)
    }

    async fn delete_by_subject(
        &self,
        subject: &SubjectId,
        keep: Option<LoginId>,
    ) -> Result<u64, StoreError> {
        const OPERATION: &str = "delete the records of a subject";
        let query = match keep {
            None => sqlx::query(DELETE_BY_SUBJECT).bind(subject.as_str()),
            Some(login) => sqlx::query(DELETE_OTHERS)
                .bind(subject.as_str())
                .bind(login.0.to_vec()),
        };
        let done = query
            .execute(&self.writer)
            .await
            .map_err(rows::failed(OPERATION))?;
        Ok(done.rows_affected())
    }

    async fn list_by_subject(
        &self,
        subject: &SubjectId,
    ) -> Result<Vec<(Digest, Record)>, StoreError> {
        const OPERATION: &str = "list the records of a subject";
        let query = sqlx::query(LIST).bind(subject.as_str());
        let found = query
            .fetch_all(&self.readers)
            .await
            .map_err(rows::failed(OPERATION))?;
        let keyed = found.iter().map(rows::keyed_record);
        keyed
            .collect::<Result<_, _>>()
            .map_err(rows::corrupt(OPERATION))
    }

    async fn purge(&self, at: UnixMs, limit: u64) -> Result<u64, StoreError> {
        // Past the end of SQLite's numbers everything has expired.
        let query = sqlx::query(PURGE)
            .bind(i64::try_from(at.0).unwrap_or(i64::MAX))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let done = query
            .execute(&self.writer)
            .await
            .map_err(rows::failed("purge records"))?;
        Ok(done.rows_affected())
    }
}
