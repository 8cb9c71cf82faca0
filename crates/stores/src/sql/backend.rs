//! What a database has to offer to be the backend of a store.

use std::error::Error;

use authbench_core::{Digest, StoreError, StoreFault, StorePromises};

use super::rows::Unreadable;

/// A database, through one client library, that knows the [`Statement`]s.
pub(crate) trait Backend: Send + Sync {
    /// Which store, for error messages.
    const STORE: &'static str;

    /// Whether an update can stand beside the read of the same row in one
    /// statement, namely [`Statement::GetTouched`].
    const TOUCHES_WHILE_READING: bool;

    /// Whether an update returns the rows as it leaves them, so that
    /// [`Statement::Rotate`] needs no read before it.
    const UPDATES_RETURN: bool;

    type Row: Columns + Send;

    fn promises(&self) -> StorePromises;

    /// Runs `statement`, and returns the rows that it yields.
    fn rows(
        &self,
        statement: Statement,
        values: &[Value<'_>],
    ) -> impl Future<Output = Result<Vec<Self::Row>, Failure>> + Send;

    /// Runs `statement`, and says how many rows it inserted, changed or
    /// deleted.
    fn changed(
        &self,
        statement: Statement,
        values: &[Value<'_>],
    ) -> impl Future<Output = Result<u64, Failure>> + Send;
}

/// What a database is asked, with the values in the order of their
/// placeholders. A record's columns stand in the order of [`Columns`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Statement {
    /// Digest, subject, login, roles, issue, expiry, latest use, generation,
    /// payload; with revision 0. Changes nothing if the digest is taken.
    Insert,
    /// Digest; yields the record.
    Get,
    /// Digests; yields the records, each with its digest.
    GetMany,
    /// As [`Statement::Touch`], and yields the record as it was before.
    GetTouched,
    /// Instant, digest, earliest and latest use to write anew, instant again.
    Touch,
    /// Where [`Backend::UPDATES_RETURN`]: instant, digest, generation, instant
    /// again; yields the record as it is then. Elsewhere: generation, revision
    /// and latest use to write; digest, and login, generation, revision, latest
    /// use and expiry as they must be.
    Rotate,
    /// Roles, issue, expiry, latest use, generation, payload, revision to
    /// write; digest, and the revision that must be.
    Swap,
    /// Digest.
    Delete,
    /// Subject.
    DeleteBySubject,
    /// Subject, and the login to keep.
    DeleteOthers,
    /// Subject; yields the records, each with its digest.
    List,
    /// Instant, and how many at most.
    Purge,
    /// Yields all records, each with its digest.
    All,
}

impl Statement {
    /// In the order of their numbers.
    #[cfg(feature = "reference-tokio-postgres")]
    pub(crate) const ALL: [Self; 13] = [
        Self::Insert,
        Self::Get,
        Self::GetMany,
        Self::GetTouched,
        Self::Touch,
        Self::Rotate,
        Self::Swap,
        Self::Delete,
        Self::DeleteBySubject,
        Self::DeleteOthers,
        Self::List,
        Self::Purge,
        Self::All,
    ];

    /// For error messages: "the store failed to ...".
    pub(crate) const fn operation(self) -> &'static str {
        match self {
            Self::Insert => "insert a record",
            Self::Get => "get a record",
            Self::GetMany => "get several records",
            Self::GetTouched | Self::Touch => "touch a record",
            Self::Rotate => "rotate a record",
            Self::Swap => "swap a record",
            Self::Delete => "delete a record",
            Self::DeleteBySubject | Self::DeleteOthers => "delete the records of a subject",
            Self::List => "list the records of a subject",
            Self::Purge => "purge records",
            Self::All => "read all records",
        }
    }
}

/// A value for a placeholder.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Octets(&'a [u8]),
    Text(&'a str),
    Number(i64),
    /// For one placeholder; in which form is the database's choice.
    Keys(&'a [Digest]),
}

/// A row. A record's columns are: subject, login, roles, issue, expiry, latest
/// use, generation, revision, payload, and where it is wanted the digest.
pub(crate) trait Columns {
    fn octets(&self, column: usize) -> Result<&[u8], Unreadable>;
    fn text(&self, column: usize) -> Result<&str, Unreadable>;
    fn number(&self, column: usize) -> Result<i64, Unreadable>;
}

/// A statement was not confirmed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) fault: StoreFault,
    /// The database undid the statement in favour of another one: it can be
    /// run again.
    pub(crate) gave_way: bool,
    pub(crate) source: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    pub(crate) fn new(fault: StoreFault, source: impl Error + Send + Sync + 'static) -> Self {
        Self {
            fault,
            gave_way: false,
            source: Some(Box::new(source)),
        }
    }

    pub(crate) fn into_error(self, store: &'static str, operation: &'static str) -> StoreError {
        StoreError {
            store,
            operation,
            fault: self.fault,
            source: self.source,
        }
    }
}
