//! The tables, made and brought up to date when a file is opened.
//!
//! Each migration ends by writing its number to the file's `user_version`, in
//! the transaction that looked at it: of several stores that open a new file at
//! once one does the work and the others find it done.

use std::time::Duration;

use authbench_core::{StoreError, StoreFault};
use sqlx::ConnectOptions as _;
use sqlx::error::DatabaseError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, Sqlite, raw_sql};

use super::SqliteFile;
use crate::sql::{Backend as _, Dialect as _, failure};

/// In the order of their numbers, from 1.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/sqlite/0001_records.sql"),
    include_str!("../../migrations/sqlite/0002_use_and_generations.sql"),
];

const OPERATION: &str = "prepare the database";

/// Pause between two tries to switch a file to write-ahead mode.
const RETRY_PAUSE: Duration = Duration::from_millis(5);

/// Opens the file once, with `options` that ask for write-ahead mode, and
/// brings its tables up to date.
pub(super) async fn prepare(
    options: SqliteConnectOptions,
    timeout: Duration,
) -> Result<(), StoreError> {
    let failed = |source| failure::<Sqlite>(source).into_error(SqliteFile::STORE, OPERATION);
    let mut connection = connect(options, timeout).await.map_err(failed)?;
    migrate(&mut connection).await.map_err(failed)?;
    connection.close().await.map_err(failed)
}

/// The switch to write-ahead mode wants the file for itself and does not wait
/// for it (sqlite.org/wal.html), so it is tried until `timeout` has gone by.
async fn connect(
    options: SqliteConnectOptions,
    timeout: Duration,
) -> Result<SqliteConnection, sqlx::Error> {
    let tries = timeout.as_millis() / RETRY_PAUSE.as_millis();
    for _ in 0..tries {
        match options.connect().await {
            Err(sqlx::Error::Database(said)) if is_busy(&*said) => {
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            outcome => return outcome,
        }
    }
    options.connect().await
}

fn is_busy(said: &dyn DatabaseError) -> bool {
    Sqlite::fault(said).0 == StoreFault::TimedOut
}

async fn migrate(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let version: u32 = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(&mut *transaction)
        .await?;
    let missing = MIGRATIONS.get(version as usize..).ok_or_else(|| {
        sqlx::Error::Configuration(Box::new(NewerFile {
            version,
            known: MIGRATIONS.len(),
        }))
    })?;
    for migration in missing {
        raw_sql(*migration).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

/// The file was written by a later version of this program.
#[derive(Debug, thiserror::Error)]
#[error("the file's tables are of version {version}, and this program knows {known}")]
struct NewerFile {
    version: u32,
    known: usize,
}
