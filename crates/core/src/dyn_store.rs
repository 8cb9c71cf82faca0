//! The boxed twin of [`RecordStore`], for callers that choose a store at run
//! time. Where the look-up takes tens of microseconds, a box more does not
//! show; the store in memory is used unboxed.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::error::StoreError;
use crate::ids::{Digest, LoginId};
use crate::store::{Inserted, Record, RecordStore, Rotated, StorePromises, Swapped, Touch};
use crate::subject::SubjectId;
use crate::time::UnixMs;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A store whose kind is known at run time only. Clones share the store.
#[derive(Clone)]
pub struct AnyStore(Arc<dyn Erased>);

impl AnyStore {
    /// Forgets the kind of `store`.
    pub fn new(store: impl RecordStore + 'static) -> Self {
        Self(Arc::new(store))
    }
}

impl fmt::Debug for AnyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyStore").finish_non_exhaustive()
    }
}

trait Erased: Send + Sync {
    fn promises(&self) -> StorePromises;
    fn insert_new<'a>(&'a self, key: &'a Digest, record: &'a Record) -> Boxed<'a, Inserted>;
    fn get<'a>(&'a self, key: &'a Digest) -> Boxed<'a, Option<Record>>;
    fn get_many<'a>(&'a self, keys: &'a [Digest]) -> Boxed<'a, Vec<Option<Record>>>;
    fn get_touched<'a>(
        &'a self,
        key: &'a Digest,
        at: UnixMs,
        touch: Touch,
    ) -> Boxed<'a, Option<Record>>;
    fn rotate<'a>(&'a self, key: &'a Digest, generation: u32, at: UnixMs) -> Boxed<'a, Rotated>;
    fn compare_and_swap<'a>(
        &'a self,
        key: &'a Digest,
        expected_revision: u32,
        record: &'a Record,
    ) -> Boxed<'a, Swapped>;
    fn delete<'a>(&'a self, key: &'a Digest) -> Boxed<'a, bool>;
    fn delete_by_subject<'a>(
        &'a self,
        subject: &'a SubjectId,
        keep: Option<LoginId>,
    ) -> Boxed<'a, u64>;
    fn list_by_subject<'a>(&'a self, subject: &'a SubjectId) -> Boxed<'a, Vec<(Digest, Record)>>;
    fn purge(&self, at: UnixMs, limit: u64) -> Boxed<'_, u64>;
}

impl<S: RecordStore> Erased for S {
    fn promises(&self) -> StorePromises {
        RecordStore::promises(self)
    }

    fn insert_new<'a>(&'a self, key: &'a Digest, record: &'a Record) -> Boxed<'a, Inserted> {
        Box::pin(RecordStore::insert_new(self, key, record))
    }

    fn get<'a>(&'a self, key: &'a Digest) -> Boxed<'a, Option<Record>> {
        Box::pin(RecordStore::get(self, key))
    }

    fn get_many<'a>(&'a self, keys: &'a [Digest]) -> Boxed<'a, Vec<Option<Record>>> {
        Box::pin(RecordStore::get_many(self, keys))
    }

    fn get_touched<'a>(
        &'a self,
        key: &'a Digest,
        at: UnixMs,
        touch: Touch,
    ) -> Boxed<'a, Option<Record>> {
        Box::pin(RecordStore::get_touched(self, key, at, touch))
    }

    fn rotate<'a>(&'a self, key: &'a Digest, generation: u32, at: UnixMs) -> Boxed<'a, Rotated> {
        Box::pin(RecordStore::rotate(self, key, generation, at))
    }

    fn compare_and_swap<'a>(
        &'a self,
        key: &'a Digest,
        expected_revision: u32,
        record: &'a Record,
    ) -> Boxed<'a, Swapped> {
        Box::pin(RecordStore::compare_and_swap(
            self,
            key,
            expected_revision,
            record,
        ))
    }

    fn delete<'a>(&'a self, key: &'a Digest) -> Boxed<'a, bool> {
        Box::pin(RecordStore::delete(self, key))
    }

    fn delete_by_subject<'a>(
        &'a self,
        subject: &'a SubjectId,
        keep: Option<LoginId>,
    ) -> Boxed<'a, u64> {
        Box::pin(RecordStore::delete_by_subject(self, subject, keep))
    }

    fn list_by_subject<'a>(&'a self, subject: &'a SubjectId) -> Boxed<'a, Vec<(Digest, Record)>> {
        Box::pin(RecordStore::list_by_subject(self, subject))
    }

    fn purge(&self, at: UnixMs, limit: u64) -> Boxed<'_, u64> {
        Box::pin(RecordStore::purge(self, at, limit))
    }
}

impl RecordStore for AnyStore {
    fn promises(&self) -> StorePromises {
        self.0.promises()
    }

    async fn insert_new(&self, key: &Digest, record: &Record) -> Result<Inserted, StoreError> {
        self.0.insert_new(key, record).await
    }

    async fn get(&self, key: &Digest) -> Result<Option<Record>, StoreError> {
        self.0.get(key).await
    }

    async fn get_many(&self, keys: &[Digest]) -> Result<Vec<Option<Record>>, StoreError> {
        self.0.get_many(keys).await
    }

    async fn get_touched(
        &self,
        key: &Digest,
        at: UnixMs,
        touch: Touch,
    ) -> Result<Option<Record>, StoreError> {
        self.0.get_touched(key, at, touch).await
    }

    async fn rotate(
        &self,
        key: &Digest,
        expected_generation: u32,
        at: UnixMs,
    ) -> Result<Rotated, StoreError> {
        self.0.rotate(key, expected_generation, at).await
    }

    async fn compare_and_swap(
        &self,
        key: &Digest,
        expected_revision: u32,
        record: &Record,
    ) -> Result<Swapped, StoreError> {
        self.0
            .compare_and_swap(key, expected_revision, record)
            .await
    }

    async fn delete(&self, key: &Digest) -> Result<bool, StoreError> {
        self.0.delete(key).await
    }

    async fn delete_by_subject(
        &self,
        subject: &SubjectId,
        keep: Option<LoginId>,
    ) -> Result<u64, StoreError> {
        self.0.delete_by_subject(subject, keep).await
    }

    async fn list_by_subject(
        &self,
        subject: &SubjectId,
    ) -> Result<Vec<(Digest, Record)>, StoreError> {
        self.0.list_by_subject(subject).await
    }

    async fn purge(&self, at: UnixMs, limit: u64) -> Result<u64, StoreError> {
        self.0.purge(at, limit).await
    }
}
