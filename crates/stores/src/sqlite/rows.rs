//! Records as rows, and SQLite's failures as store failures.

use authbench_core::{Digest, LoginId, Record, Roles, StoreError, StoreFault, SubjectId, UnixMs};
use sqlx::Row as _;
use sqlx::error::DatabaseError;
use sqlx::sqlite::SqliteRow;

pub(super) const STORE: &str = "sqlite";

/// Why a row is no record.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("a column cannot be read")]
    Column(#[from] sqlx::Error),
    #[error("the roles are no JSON array of names")]
    Roles(#[from] serde_json::Error),
    #[error("an identifier has the wrong length")]
    Length(#[from] std::array::TryFromSliceError),
    #[error("a number is out of range")]
    Range(#[from] std::num::TryFromIntError),
}

/// The record in the first nine columns: subject, login, roles, issue, expiry,
/// latest use, generation, revision, payload.
pub(super) fn record(row: &SqliteRow) -> Result<Record, Unreadable> {
    let instant = |column: usize| -> Result<UnixMs, Unreadable> {
        Ok(UnixMs(u64::try_from(row.try_get::<i64, _>(column)?)?))
    };
    Ok(Record {
        subject: SubjectId::new(row.try_get(0)?),
        login: LoginId(row.try_get::<&[u8], _>(1)?.try_into()?),
        roles: serde_json::from_str::<Roles>(row.try_get(2)?)?,
        issued_at: instant(3)?,
        expires_at: instant(4)?,
        used_at: instant(5)?,
        generation: u32::try_from(row.try_get::<i64, _>(6)?)?,
        revision: u32::try_from(row.try_get::<i64, _>(7)?)?,
        payload: row.try_get::<&[u8], _>(8)?.into(),
    })
}

/// The same with its key, the tenth column.
pub(super) fn keyed_record(row: &SqliteRow) -> Result<(Digest, Record), Unreadable> {
    let key = Digest(row.try_get::<&[u8], _>(9)?.try_into()?);
    Ok((key, record(row)?))
}

pub(super) fn roles_to_text(roles: &Roles, operation: &'static str) -> Result<String, StoreError> {
    serde_json::to_string(roles).map_err(|source| rejected(operation, source))
}

/// SQLite's integers end at 2^63 - 1.
pub(super) fn instant_to_sql(at: UnixMs, operation: &'static str) -> Result<i64, StoreError> {
    i64::try_from(at.0).map_err(|source| rejected(operation, source))
}

pub(super) fn corrupt(operation: &'static str) -> impl Fn(Unreadable) -> StoreError {
    move |source| error(operation, StoreFault::Corrupt, source)
}

pub(super) fn failed(operation: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| {
        let fault = match &source {
            sqlx::Error::PoolTimedOut => StoreFault::TimedOut,
            sqlx::Error::Io(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                StoreFault::Unreachable
            }
            sqlx::Error::Database(said) => fault_of(said.as_ref()),
            _ => StoreFault::Rejected,
        };
        error(operation, fault, source)
    }
}

/// Whether another connection holds the lock that this one wants.
pub(super) fn is_busy(said: &dyn DatabaseError) -> bool {
    matches!(primary_code(said), Some(BUSY | LOCKED))
}

// SQLite's result codes (sqlite.org/rescode.html).
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const CANTOPEN: i32 = 14;
const NOTADB: i32 = 26;

fn fault_of(said: &dyn DatabaseError) -> StoreFault {
    match primary_code(said) {
        Some(BUSY | LOCKED) => StoreFault::TimedOut,
        Some(IOERR | CANTOPEN) => StoreFault::Unreachable,
        Some(CORRUPT | NOTADB) => StoreFault::Corrupt,
        _ => StoreFault::Rejected,
    }
}

/// The low octet of a result code is its kind, the rest a detail.
fn primary_code(said: &dyn DatabaseError) -> Option<i32> {
    said.code()?.parse::<i32>().ok().map(|code| code & 0xFF)
}

fn rejected(
    operation: &'static str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> StoreError {
    error(operation, StoreFault::Rejected, source)
}

fn error(
    operation: &'static str,
    fault: StoreFault,
    source: impl std::error::Error + Send + Sync + 'static,
) -> StoreError {
    StoreError {
        store: STORE,
        operation,
        fault,
        source: Some(Box::new(source)),
    }
}
