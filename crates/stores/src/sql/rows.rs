//! Records as rows.

use authbench_core::{Digest, LoginId, Record, Roles, StoreError, StoreFault, SubjectId, UnixMs};

use super::backend::{Backend, Columns, Failure, Statement};
use crate::payload::PayloadTooLong;

/// A record's columns, in the order of [`Columns`].
macro_rules! record_columns {
    () => {
        "subject, login, roles, issued_at_ms, expires_at_ms, used_at_ms, generation, revision, \
         payload"
    };
}
pub(crate) use record_columns;

/// Why a row is no record.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("a column cannot be read")]
    Column(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("a text is no UTF-8")]
    Text(#[from] std::str::Utf8Error),
    #[error("the roles are no JSON array of names")]
    Roles(#[from] serde_json::Error),
    #[error("an identifier has the wrong length")]
    Length(#[from] std::array::TryFromSliceError),
    #[error("a number is out of range")]
    Range(#[from] std::num::TryFromIntError),
}

impl From<sqlx::Error> for Unreadable {
    fn from(source: sqlx::Error) -> Self {
        Self::Column(Box::new(source))
    }
}

/// The columns of a record that cannot stand as they are.
pub(super) struct Encoded {
    pub(super) roles: String,
    pub(super) issued_at: i64,
    pub(super) expires_at: i64,
    pub(super) used_at: i64,
}

impl Encoded {
    /// Refuses what does not fit.
    pub(super) fn of<B: Backend>(
        record: &Record,
        statement: Statement,
    ) -> Result<Self, StoreError> {
        Self::try_of(record).map_err(|failure| failure.into_error(B::STORE, statement.operation()))
    }

    fn try_of(record: &Record) -> Result<Self, Failure> {
        PayloadTooLong::check(&record.payload).map_err(refused)?;
        let instant = |at: UnixMs| i64::try_from(at.0).map_err(refused);
        Ok(Self {
            roles: serde_json::to_string(&record.roles).map_err(refused)?,
            issued_at: instant(record.issued_at)?,
            expires_at: instant(record.expires_at)?,
            used_at: instant(record.used_at)?,
        })
    }
}

fn refused(source: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::new(StoreFault::Rejected, source)
}

/// For comparisons: the database's numbers end at 2^63 - 1, and so do those
/// that are in it.
pub(super) fn clamped(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The record in the first nine columns.
pub(super) fn record(row: &impl Columns) -> Result<Record, Unreadable> {
    let instant =
        |column| -> Result<UnixMs, Unreadable> { Ok(UnixMs(u64::try_from(row.number(column)?)?)) };
    Ok(Record {
        subject: SubjectId::new(row.text(0)?),
        login: LoginId(row.octets(1)?.try_into()?),
        roles: serde_json::from_str::<Roles>(row.text(2)?)?,
        issued_at: instant(3)?,
        expires_at: instant(4)?,
        used_at: instant(5)?,
        generation: u32::try_from(row.number(6)?)?,
        revision: u32::try_from(row.number(7)?)?,
        payload: row.octets(8)?.into(),
    })
}

/// The same with its digest, the tenth column.
pub(super) fn keyed_record(row: &impl Columns) -> Result<(Digest, Record), Unreadable> {
    let key = Digest(row.octets(9)?.try_into()?);
    Ok((key, record(row)?))
}

/// For databases without arrays: the keys as a JSON array of hexadecimal
/// numbers.
pub(crate) fn keys_to_json(keys: &[Digest]) -> String {
    let mut json = String::with_capacity(2 + keys.len() * 67);
    let mut before = '[';
    for key in keys {
        json.push(before);
        json.push('"');
        for octet in key.0 {
            for digit in [octet >> 4, octet & 0xF] {
                json.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
        json.push('"');
        before = ',';
    }
    json.push(']');
    json
}
