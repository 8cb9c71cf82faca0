//! Counts what a store is asked, so that a report can say "one read and no
//! write per request" and a test can hold a scheme to it.

use std::sync::atomic::{AtomicU64, Ordering};

use authbench_core::{
    Digest, Inserted, LoginId, Record, RecordStore, Rotated, StoreError, StorePromises, SubjectId,
    Swapped, Touch, UnixMs,
};
use serde::{Deserialize, Serialize};

use crate::traffic::{HasTraffic, Traffic};

/// A store that counts the operations on the store inside it, failed ones
/// included. Counting costs one relaxed addition.
#[derive(Debug, Default)]
pub struct Metered<S> {
    inner: S,
    counters: Counters,
}

impl<S> Metered<S> {
    /// Counts what `inner` is asked from now on.
    pub const fn new(inner: S) -> Self {
        Self {
            inner,
            counters: Counters::new(),
        }
    }

    /// The store inside.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    /// The operations begun so far. Each number is exact; operations that run
    /// meanwhile may be in one number and not yet in another.
    pub fn counts(&self) -> StoreCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        StoreCounts {
            gets: read(&self.counters.gets),
            gets_many: read(&self.counters.gets_many),
            touches: read(&self.counters.touches),
            rotations: read(&self.counters.rotations),
            inserts: read(&self.counters.inserts),
            swaps: read(&self.counters.swaps),
            deletes: read(&self.counters.deletes),
            deletes_by_subject: read(&self.counters.deletes_by_subject),
            lists: read(&self.counters.lists),
            purges: read(&self.counters.purges),
        }
    }
}

/// How many operations of each kind a store was asked for. What they cost on
/// the wire is in [`HasTraffic::traffic`], where the store knows it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StoreCounts {
    /// [`RecordStore::get`].
    pub gets: u64,
    /// [`RecordStore::get_many`], each as one.
    pub gets_many: u64,
    /// [`RecordStore::get_touched`].
    pub touches: u64,
    /// [`RecordStore::rotate`].
    pub rotations: u64,
    /// [`RecordStore::insert_new`].
    pub inserts: u64,
    /// [`RecordStore::compare_and_swap`].
    pub swaps: u64,
    /// [`RecordStore::delete`].
    pub deletes: u64,
    /// [`RecordStore::delete_by_subject`].
    pub deletes_by_subject: u64,
    /// [`RecordStore::list_by_subject`].
    pub lists: u64,
    /// [`RecordStore::purge`].
    pub purges: u64,
}

/// On cache lines of their own: they are written with each operation, and
/// must not slow down readers of what lies beside them.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Counters {
    gets: AtomicU64,
    gets_many: AtomicU64,
    touches: AtomicU64,
    rotations: AtomicU64,
    inserts: AtomicU64,
    swaps: AtomicU64,
    deletes: AtomicU64,
    deletes_by_subject: AtomicU64,
    lists: AtomicU64,
    purges: AtomicU64,
}

impl Counters {
    const fn new() -> Self {
        Self {
            gets: AtomicU64::new(0),
            gets_many: AtomicU64::new(0),
            touches: AtomicU64::new(0),
            rotations: AtomicU64::new(0),
            inserts: AtomicU64::new(0),
            swaps: AtomicU64::new(0),
            deletes: AtomicU64::new(0),
            deletes_by_subject: AtomicU64::new(0),
            lists: AtomicU64::new(0),
            purges: AtomicU64::new(0),
        }
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl<S: HasTraffic> HasTraffic for Metered<S> {
    fn traffic(&self) -> Option<Traffic> {
        self.inner.traffic()
    }
}

impl<S: RecordStore> RecordStore for Metered<S> {
    fn promises(&self) -> StorePromises {
        self.inner.promises()
    }

    async fn insert_new(&self, key: &Digest, record: &Record) -> Result<Inserted, StoreError> {
        count(&self.counters.inserts);
        self.inner.insert_new(key, record).await
    }

    async fn get(&self, key: &Digest) -> Result<Option<Record>, StoreError> {
        count(&self.counters.gets);
        self.inner.get(key).await
    }

    async fn get_many(&self, keys: &[Digest]) -> Result<Vec<Option<Record>>, StoreError> {
        count(&self.counters.gets_many);
        self.inner.get_many(keys).await
    }

    async fn get_touched(
        &self,
        key: &Digest,
        at: UnixMs,
        touch: Touch,
    ) -> Result<Option<Record>, StoreError> {
        count(&self.counters.touches);
        self.inner.get_touched(key, at, touch).await
    }

    async fn rotate(
        &self,
        key: &Digest,
        expected_generation: u32,
        at: UnixMs,
    ) -> Result<Rotated, StoreError> {
        count(&self.counters.rotations);
        self.inner.rotate(key, expected_generation, at).await
    }

    async fn compare_and_swap(
        &self,
        key: &Digest,
        expected_revision: u32,
        record: &Record,
    ) -> Result<Swapped, StoreError> {
        count(&self.counters.swaps);
        self.inner
            .compare_and_swap(key, expected_revision, record)
            .await
    }

    async fn delete(&self, key: &Digest) -> Result<bool, StoreError> {
        count(&self.counters.deletes);
        self.inner.delete(key).await
    }

    async fn delete_by_subject(
        &self,
        subject: &SubjectId,
        keep: Option<LoginId>,
    ) -> Result<u64, StoreError> {
        count(&self.counters.deletes_by_subject);
        self.inner.delete_by_subject(subject, keep).await
    }

    async fn list_by_subject(
        &self,
        subject: &SubjectId,
    ) -> Result<Vec<(Digest, Record)>, StoreError> {
        count(&self.counters.lists);
        self.inner.list_by_subject(subject).await
    }

    async fn purge(&self, at: UnixMs, limit: u64) -> Result<u64, StoreError> {
        count(&self.counters.purges);
        self.inner.purge(at, limit).await
    }
}
