//! Where server-side state lives.

use std::future::Future;
use std::sync::Arc;

use crate::error::StoreError;
use crate::guarantee::{Durability, OutageBehaviour, Staleness};
use crate::ids::{Digest, LoginId};
use crate::subject::{Roles, SubjectId};
use crate::time::UnixMs;

/// What a store keeps for one credential, under the credential's [`Digest`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// Whose it is.
    pub subject: SubjectId,
    /// Which login.
    pub login: LoginId,
    /// The subject's roles as last written.
    pub roles: Roles,
    /// When the login began.
    pub issued_at: UnixMs,
    /// The scheme refuses the record from here on. Stores never compare this
    /// with a clock of their own; they only collect garbage by it.
    pub expires_at: UnixMs,
    /// The latest use that was written down: by the insertion, by
    /// [`RecordStore::get_touched`] or by [`RecordStore::rotate`]. Never goes
    /// back.
    pub used_at: UnixMs,
    /// Counts the rotations: as inserted, one more with each
    /// [`RecordStore::rotate`].
    pub generation: u32,
    /// Counts the writes: 0 when inserted, one more with each swap and each
    /// rotation. A touch is no write in this sense.
    pub revision: u32,
    /// What a scheme keeps beside: opaque to stores, at most
    /// [`PAYLOAD_OCTETS_MAX`] octets. An empty one costs no allocation.
    pub payload: Box<[u8]>,
}

/// The most octets of a [`Record`]'s payload.
pub const PAYLOAD_OCTETS_MAX: usize = 1024;

/// Which uses of a record are written down.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Touch {
    /// A use this many milliseconds or more after the latest written one is
    /// written down; nearer ones are not.
    pub after_ms: u64,
    /// A use this many milliseconds or more after the latest written one comes
    /// too late: it is not written down, and neither is any later one.
    /// [`u64::MAX`] for never too late.
    pub within_ms: u64,
}

impl Touch {
    /// Whether a use at `at` is to be written down on a record that was last
    /// used at `used_at`: `used_at + after_ms <= at < used_at + within_ms`, and
    /// `used_at < at`.
    #[must_use]
    pub const fn is_due(self, used_at: UnixMs, at: UnixMs) -> bool {
        let unused_ms = at.0.saturating_sub(used_at.0);
        unused_ms > 0 && self.after_ms <= unused_ms && unused_ms < self.within_ms
    }
}

/// The outcome of a rotation.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub enum Rotated {
    /// The record as it now is: one generation on.
    Done(Record),
    /// The record as it is, unchanged: of another generation, or expired.
    Stale(Record),
    /// There is no such record, and none was made.
    Missing,
}

/// The outcome of an insertion.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum Inserted {
    /// The record is stored.
    New,
    /// The key was taken; nothing was changed.
    Taken,
}

/// The outcome of a compare-and-swap.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum Swapped {
    /// The new record stands.
    Done,
    /// Somebody else wrote in between; nothing was changed.
    Stale,
    /// There is no such record, and none was made.
    Missing,
}

/// What a store promises; a scheme computes its own promise from it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StorePromises {
    /// How long a read may miss an acknowledged write.
    pub staleness: Staleness,
    /// What survives a crash.
    pub durability: Durability,
    /// What reads do while the store cannot be reached:
    /// [`OutageBehaviour::FailsClosed`] for every store that asks its
    /// database, [`OutageBehaviour::Coasts`] behind a cache. Writes fail.
    pub outage: OutageBehaviour,
}

/// Keeps records. There is no upsert on purpose: an upsert is how a deleted
/// session comes back to life when a slow request saves it.
///
/// Every operation is atomic by itself, and once it has returned, each read
/// that begins later (than the promised staleness) sees it.
///
/// Only `get_many` has a default. `get_touched` and `rotate` have none on
/// purpose: each store must say how it makes them atomic.
///
/// # Errors
/// Every operation returns [`StoreError`] when it was not confirmed. A write
/// may then still have taken effect.
pub trait RecordStore: Send + Sync {
    /// What the store promises.
    fn promises(&self) -> StorePromises;

    /// Stores `record` (with revision 0) unless `key` is taken.
    fn insert_new(
        &self,
        key: &Digest,
        record: &Record,
    ) -> impl Future<Output = Result<Inserted, StoreError>> + Send;

    /// The record under `key`, expired or not.
    fn get(&self, key: &Digest) -> impl Future<Output = Result<Option<Record>, StoreError>> + Send;

    /// The records under `keys`, in their order, as [`RecordStore::get`]
    /// would read each. A store that can do it in one round trip does; the
    /// reads are then of one instant, otherwise one after the other.
    fn get_many(
        &self,
        keys: &[Digest],
    ) -> impl Future<Output = Result<Vec<Option<Record>>, StoreError>> + Send {
        async move {
            let mut found = Vec::with_capacity(keys.len());
            for key in keys {
                found.push(self.get(key).await?);
            }
            Ok(found)
        }
    }

    /// The record under `key`, as [`RecordStore::get`] reads it, and notes that
    /// it is used: if it is there, `at < expires_at`, and
    /// [`Touch::is_due`] says so of its `used_at`, then `used_at` becomes `at`.
    /// The answer has the `used_at` of before. Makes no record, changes nothing
    /// else, and costs no second round trip where the store can help it. A
    /// touch that fails after the read fails the whole.
    ///
    /// The comparison and the write are one atomic step: a record that went
    /// unused for [`Touch::within_ms`] is never touched again, so whoever
    /// refuses it for that refuses it for good. A cache in front answers by
    /// itself only while no touch is due and the record is not yet that old;
    /// otherwise it asks the store behind it.
    fn get_touched(
        &self,
        key: &Digest,
        at: UnixMs,
        touch: Touch,
    ) -> impl Future<Output = Result<Option<Record>, StoreError>> + Send;

    /// Moves the record under `key` on by one generation, if it is of
    /// `expected_generation` and `at < expires_at`: then `generation` and
    /// `revision` grow by one and `used_at` becomes `at` (or stays, if it is
    /// later). Of several rotations from one generation exactly one is
    /// [`Rotated::Done`]. One round trip, or one statement, where the store can
    /// help it.
    fn rotate(
        &self,
        key: &Digest,
        expected_generation: u32,
        at: UnixMs,
    ) -> impl Future<Output = Result<Rotated, StoreError>> + Send;

    /// Replaces the record under `key` if its revision still is
    /// `expected_revision`; the new record's revision is one more, whatever
    /// `record.revision` says. Subject and login never change, and `used_at`
    /// stays if the record's is later than the new one's.
    fn compare_and_swap(
        &self,
        key: &Digest,
        expected_revision: u32,
        record: &Record,
    ) -> impl Future<Output = Result<Swapped, StoreError>> + Send;

    /// Deletes the record under `key`; says whether there was one.
    fn delete(&self, key: &Digest) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Deletes every record of `subject` except those of the login `keep`;
    /// says how many. Records that are inserted while it runs may survive;
    /// those inserted before it began do not.
    fn delete_by_subject(
        &self,
        subject: &SubjectId,
        keep: Option<LoginId>,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Every record of `subject` with its key, in no particular order.
    fn list_by_subject(
        &self,
        subject: &SubjectId,
    ) -> impl Future<Output = Result<Vec<(Digest, Record)>, StoreError>> + Send;

    /// Removes up to `limit` records with `expires_at <= at`; says how many,
    /// so that a full batch means "call again".
    fn purge(&self, at: UnixMs, limit: u64)
    -> impl Future<Output = Result<u64, StoreError>> + Send;
}

impl<S: RecordStore + ?Sized> RecordStore for Arc<S> {
    fn promises(&self) -> StorePromises {
        (**self).promises()
    }

    fn insert_new(
        &self,
        key: &Digest,
        record: &Record,
    ) -> impl Future<Output = Result<Inserted, StoreError>> + Send {
        (**self).insert_new(key, record)
    }

    fn get(&self, key: &Digest) -> impl Future<Output = Result<Option<Record>, StoreError>> + Send {
        (**self).get(key)
    }

    fn get_many(
        &self,
        keys: &[Digest],
    ) -> impl Future<Output = Result<Vec<Option<Record>>, StoreError>> + Send {
        (**self).get_many(keys)
    }

    fn get_touched(
        &self,
        key: &Digest,
        at: UnixMs,
        touch: Touch,
    ) -> impl Future<Output = Result<Option<Record>, StoreError>> + Send {
        (**self).get_touched(key, at, touch)
    }

    fn rotate(
        &self,
        key: &Digest,
        expected_generation: u32,
        at: UnixMs,
    ) -> impl Future<Output = Result<Rotated, StoreError>> + Send {
        (**self).rotate(key, expected_generation, at)
    }

    fn compare_and_swap(
        &self,
        key: &Digest,
        expected_revision: u32,
        record: &Record,
    ) -> impl Future<Output = Result<Swapped, StoreError>> + Send {
        (**self).compare_and_swap(key, expected_revision, record)
    }

    fn delete(&self, key: &Digest) -> impl Future<Output = Result<bool, StoreError>> + Send {
        (**self).delete(key)
    }

    fn delete_by_subject(
        &self,
        subject: &SubjectId,
        keep: Option<LoginId>,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send {
        (**self).delete_by_subject(subject, keep)
    }

    fn list_by_subject(
        &self,
        subject: &SubjectId,
    ) -> impl Future<Output = Result<Vec<(Digest, Record)>, StoreError>> + Send {
        (**self).list_by_subject(subject)
    }

    fn purge(
        &self,
        at: UnixMs,
        limit: u64,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send {
        (**self).purge(at, limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_touch_is_due_between_its_two_thresholds() {
        let touch = Touch {
            after_ms: 10,
            within_ms: 100,
        };
        let due = |at| touch.is_due(UnixMs(1_000), UnixMs(at));
        assert_eq!(
            [0, 999, 1_000, 1_009, 1_010, 1_099, 1_100, u64::MAX].map(due),
            [false, false, false, false, true, true, false, false]
        );
        let every = Touch {
            after_ms: 0,
            within_ms: u64::MAX,
        };
        assert!(!every.is_due(UnixMs(5), UnixMs(5)), "nothing to write");
        assert!(every.is_due(UnixMs(5), UnixMs(6)));
    }
}
