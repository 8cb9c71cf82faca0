//! What the stores on SQL databases have in common: what each operation of
//! [`RecordStore`] asks, and what it concludes from the answer.
//!
//! A [`Backend`] is one database through one client library: it runs
//! [`Statement`]s. No operation needs a transaction of several statements: each
//! write is one statement whose condition says all that it depends on. So nodes
//! on one database need no agreement, no lock outlives a round trip, and a
//! caller that goes away leaves nothing half done.

mod address;
mod backend;
mod lanes;
mod rows;

use std::time::Duration;

use authbench_core::{
    Digest, Inserted, LoginId, Record, RecordStore, Rotated, StoreError, StoreFault, StorePromises,
    SubjectId, Swapped, Touch, UnixMs,
};

pub use address::ServerUrl;
pub(crate) use address::check_schema_name;
pub(crate) use backend::{Backend, Columns, Failure, Statement, Value};
pub(crate) use lanes::{Dialect, Lanes, Limits, failure, migration_failure};
pub(crate) use rows::{Unreadable, keys_to_json, record_columns};

use crate::inspect::Inspect;
use rows::{Encoded, clamped, keyed_record, record};

/// How often a statement is run at most that the database gives up in favour of
/// another one, or that somebody else's write overtakes. Each time somebody
/// else gets on, so a crowd thins out.
const TRIES: u32 = 20;

/// How long the making of tables may take, with its waiting for other nodes that
/// are at it.
pub(crate) const OPEN_TIMEOUT: Duration = Duration::from_secs(30);

/// Expired records that one statement removes: more would keep others waiting.
const PURGE_BATCH: u64 = 5_000;

/// Keeps records in an SQL database. Instants from 2^63 ms on, 292 million
/// years from now, are refused.
#[derive(Debug)]
pub struct SqlStore<B> {
    pub(crate) backend: B,
}

#[expect(private_bounds, reason = "only this crate's databases make a store")]
impl<B: Backend> SqlStore<B> {
    async fn changed(&self, statement: Statement, values: &[Value<'_>]) -> Result<u64, StoreError> {
        insist::<B, _, _>(statement, || self.backend.changed(statement, values)).await
    }

    async fn rows(
        &self,
        statement: Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<B::Row>, StoreError> {
        insist::<B, _, _>(statement, || self.backend.rows(statement, values)).await
    }

    async fn record(
        &self,
        statement: Statement,
        values: &[Value<'_>],
    ) -> Result<Option<Record>, StoreError> {
        let rows = self.rows(statement, values).await?;
        rows.first()
            .map(record)
            .transpose()
            .map_err(corrupt::<B>(statement))
    }

    async fn keyed_records(
        &self,
        statement: Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<(Digest, Record)>, StoreError> {
        let rows = self.rows(statement, values).await?;
        let keyed = rows.iter().map(keyed_record);
        keyed
            .collect::<Result<_, _>>()
            .map_err(corrupt::<B>(statement))
    }

    /// One statement that changes the row and returns it, and a second one only
    /// to say why it did not. None if somebody else got in between.
    async fn rotate_at_once(
        &self,
        key: &Digest,
        expected_generation: u32,
        at: UnixMs,
    ) -> Result<Option<Rotated>, StoreError> {
        let values = [
            Value::Number(clamped(at.0)),
            Value::Octets(&key.0),
            Value::Number(expected_generation.into()),
            Value::Number(clamped(at.0)),
        ];
        if let Some(done) = self.record(Statement::Rotate, &values).await? {
            return Ok(Some(Rotated::Done(done)));
        }
        Ok(match self.get(key).await? {
            None => Some(Rotated::Missing),
            Some(found) if may_rotate(&found, expected_generation, at) => None,
            Some(found) => Some(Rotated::Stale(found)),
        })
    }

    /// A read, and one statement that changes the row if it is what was read.
    /// None if somebody else got in between.
    async fn rotate_as_read(
        &self,
        key: &Digest,
        expected_generation: u32,
        at: UnixMs,
    ) -> Result<Option<Rotated>, StoreError> {
        let Some(found) = self.get(key).await? else {
            return Ok(Some(Rotated::Missing));
        };
        if !may_rotate(&found, expected_generation, at) {
            return Ok(Some(Rotated::Stale(found)));
        }
        let rotated = Record {
            generation: found.generation.wrapping_add(1),
            revision: found.revision.wrapping_add(1),
            used_at: found.used_at.max(at),
            ..found.clone()
        };
        let values = [
            Value::Number(rotated.generation.into()),
            Value::Number(rotated.revision.into()),
            Value::Number(clamped(rotated.used_at.0)),
            Value::Octets(&key.0),
            Value::Octets(&found.login.0),
            Value::Number(found.generation.into()),
            Value::Number(found.revision.into()),
            Value::Number(clamped(found.used_at.0)),
            Value::Number(clamped(found.expires_at.0)),
        ];
        let changed = self.changed(Statement::Rotate, &values).await?;
        Ok((changed > 0).then_some(Rotated::Done(rotated)))
    }
}

/// Runs a statement anew as long as the database gives it up for another one.
async fn insist<B, T, F>(statement: Statement, run: impl Fn() -> F) -> Result<T, StoreError>
where
    B: Backend,
    F: Future<Output = Result<T, Failure>>,
{
    let mut tries = 1;
    loop {
        match run().await {
            Err(failure) if failure.gave_way && tries < TRIES => tries += 1,
            outcome => return outcome.map_err(|f| f.into_error(B::STORE, statement.operation())),
        }
    }
}

fn may_rotate(found: &Record, expected_generation: u32, at: UnixMs) -> bool {
    found.generation == expected_generation && at < found.expires_at
}

fn corrupt<B: Backend>(statement: Statement) -> impl Fn(Unreadable) -> StoreError {
    move |source| {
        Failure::new(StoreFault::Corrupt, source).into_error(B::STORE, statement.operation())
    }
}

fn overtaken<B: Backend>(statement: Statement) -> StoreError {
    StoreError {
        store: B::STORE,
        operation: statement.operation(),
        fault: StoreFault::TimedOut,
        source: None,
    }
}

impl<B: Backend> RecordStore for SqlStore<B> {
    fn promises(&self) -> StorePromises {
        self.backend.promises()
    }

    async fn insert_new(&self, key: &Digest, record: &Record) -> Result<Inserted, StoreError> {
        let encoded = Encoded::of::<B>(record, Statement::Insert)?;
        let values = [
            Value::Octets(&key.0),
            Value::Text(record.subject.as_str()),
            Value::Octets(&record.login.0),
            Value::Text(&encoded.roles),
            Value::Number(encoded.issued_at),
            Value::Number(encoded.expires_at),
            Value::Number(encoded.used_at),
            Value::Number(record.generation.into()),
            Value::Octets(&record.payload),
        ];
        Ok(match self.changed(Statement::Insert, &values).await? {
            0 => Inserted::Taken,
            _ => Inserted::New,
        })
    }

    async fn get(&self, key: &Digest) -> Result<Option<Record>, StoreError> {
        self.record(Statement::Get, &[Value::Octets(&key.0)]).await
    }

    async fn get_many(&self, keys: &[Digest]) -> Result<Vec<Option<Record>>, StoreError> {
        const STATEMENT: Statement = Statement::GetMany;
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.rows(STATEMENT, &[Value::Keys(keys)]).await?;
        let found = rows.iter().map(keyed_record);
        let mut found = found
            .collect::<Result<Vec<_>, _>>()
            .map_err(corrupt::<B>(STATEMENT))?;
        found.sort_unstable_by_key(|(key, _)| *key);
        let look_up = |key: &Digest| {
            let at = found.binary_search_by_key(key, |(key, _)| *key).ok()?;
            Some(found[at].1.clone())
        };
        Ok(keys.iter().map(look_up).collect())
    }

    async fn get_touched(
        &self,
        key: &Digest,
        at: UnixMs,
        touch: Touch,
    ) -> Result<Option<Record>, StoreError> {
        // What was last used at or between these two is written anew.
        let earliest = at.0.saturating_sub(touch.within_ms.saturating_sub(1));
        let latest = at.0.checked_sub(touch.after_ms.max(1));
        let Some(latest) = latest.filter(|latest| earliest <= *latest) else {
            return self.get(key).await;
        };
        let values = [
            Value::Number(clamped(at.0)),
            Value::Octets(&key.0),
            Value::Number(clamped(earliest)),
            Value::Number(clamped(latest)),
            Value::Number(clamped(at.0)),
        ];
        if B::TOUCHES_WHILE_READING {
            return self.record(Statement::GetTouched, &values).await;
        }
        let found = self.get(key).await?;
        let is_due = |held: &Record| at < held.expires_at && touch.is_due(held.used_at, at);
        if found.as_ref().is_some_and(is_due) {
            self.changed(Statement::Touch, &values).await?;
        }
        Ok(found)
    }

    async fn rotate(
        &self,
        key: &Digest,
        expected_generation: u32,
        at: UnixMs,
    ) -> Result<Rotated, StoreError> {
        for _ in 0..TRIES {
            let rotated = if B::UPDATES_RETURN {
                self.rotate_at_once(key, expected_generation, at).await?
            } else {
                self.rotate_as_read(key, expected_generation, at).await?
            };
            if let Some(rotated) = rotated {
                return Ok(rotated);
            }
        }
        Err(overtaken::<B>(Statement::Rotate))
    }

    async fn compare_and_swap(
        &self,
        key: &Digest,
        expected_revision: u32,
        record: &Record,
    ) -> Result<Swapped, StoreError> {
        let encoded = Encoded::of::<B>(record, Statement::Swap)?;
        let values = [
            Value::Text(&encoded.roles),
            Value::Number(encoded.issued_at),
            Value::Number(encoded.expires_at),
            Value::Number(encoded.used_at),
            Value::Number(record.generation.into()),
            Value::Octets(&record.payload),
            Value::Number(expected_revision.wrapping_add(1).into()),
            Value::Octets(&key.0),
            Value::Number(expected_revision.into()),
        ];
        for _ in 0..TRIES {
            if self.changed(Statement::Swap, &values).await? > 0 {
                return Ok(Swapped::Done);
            }
            match self.get(key).await? {
                None => return Ok(Swapped::Missing),
                Some(found) if found.revision != expected_revision => return Ok(Swapped::Stale),
                // Deleted, and inserted anew in between.
                Some(_) => {}
            }
        }
        Err(overtaken::<B>(Statement::Swap))
    }

    async fn delete(&self, key: &Digest) -> Result<bool, StoreError> {
        let values = [Value::Octets(&key.0)];
        Ok(self.changed(Statement::Delete, &values).await? > 0)
    }

    async fn delete_by_subject(
        &self,
        subject: &SubjectId,
        keep: Option<LoginId>,
    ) -> Result<u64, StoreError> {
        let subject = Value::Text(subject.as_str());
        match keep {
            None => self.changed(Statement::DeleteBySubject, &[subject]).await,
            Some(login) => {
                let values = [subject, Value::Octets(&login.0)];
                self.changed(Statement::DeleteOthers, &values).await
            }
        }
    }

    async fn list_by_subject(
        &self,
        subject: &SubjectId,
    ) -> Result<Vec<(Digest, Record)>, StoreError> {
        let subject = Value::Text(subject.as_str());
        self.keyed_records(Statement::List, &[subject]).await
    }

    /// Works in batches, each a statement by itself.
    async fn purge(&self, at: UnixMs, limit: u64) -> Result<u64, StoreError> {
        let mut removed = 0;
        while removed < limit {
            let batch = PURGE_BATCH.min(limit - removed);
            // Past the end of the database's numbers everything has expired.
            let values = [Value::Number(clamped(at.0)), Value::Number(clamped(batch))];
            let changed = self.changed(Statement::Purge, &values).await?;
            removed += changed;
            if changed < batch {
                break;
            }
        }
        Ok(removed)
    }
}

impl<B: Backend> Inspect for SqlStore<B> {
    async fn records(&self) -> Result<Vec<(Digest, Record)>, StoreError> {
        self.keyed_records(Statement::All, &[]).await
    }
}
