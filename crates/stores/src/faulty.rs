//! A store that can be cut off, for tests of what happens then.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use authbench_core::{
    Digest, Inserted, LoginId, Record, RecordStore, Rotated, StoreError, StoreFault, StorePromises,
    SubjectId, Swapped, Touch, UnixMs,
};

/// A way to fail.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The operation does not take place.
    Refuse,
    /// The operation takes place, but its answer is lost: the caller cannot
    /// know.
    LoseAnswer,
}

/// Breaks and mends every [`Faulty`] store that holds a clone of it.
#[derive(Clone, Debug, Default)]
pub struct Switch(Arc<AtomicU8>);

impl Switch {
    /// From now on stores fail in this way, or not at all.
    pub fn set(&self, fault: Option<Fault>) {
        let code = match fault {
            None => 0,
            Some(Fault::Refuse) => 1,
            Some(Fault::LoseAnswer) => 2,
        };
        self.0.store(code, Ordering::SeqCst);
    }

    /// How stores fail at present.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        match self.0.load(Ordering::SeqCst) {
            0 => None,
            1 => Some(Fault::Refuse),
            _ => Some(Fault::LoseAnswer),
        }
    }
}

/// A store behind a [`Switch`].
#[derive(Debug)]
pub struct Faulty<S> {
    inner: S,
    switch: Switch,
}

impl<S> Faulty<S> {
    /// Wraps `inner`; it works until the switch says otherwise.
    pub const fn new(inner: S, switch: Switch) -> Self {
        Self { inner, switch }
    }
}

impl<S: RecordStore> Faulty<S> {
    async fn pass<T: Send>(
        &self,
        operation: &'static str,
        run: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let failed = |fault| StoreError {
            store: "faulty",
            operation,
            fault,
            source: None,
        };
        match self.switch.fault() {
            None => run.await,
            Some(Fault::Refuse) => Err(failed(StoreFault::Unreachable)),
            Some(Fault::LoseAnswer) => {
                run.await?;
                Err(failed(StoreFault::TimedOut))
            }
        }
    }
}

impl<S: RecordStore> RecordStore for Faulty<S> {
    fn promises(&self) -> StorePromises {
        self.inner.promises()
    }

    async fn insert_new(&self, key: &Digest, record: &Record) -> Result<Inserted, StoreError> {
        self.pass("insert a record", self.inner.insert_new(key, record))
            .await
    }

    async fn get(&self, key: &Digest) -> Result<Option<Record>, StoreError> {
        self.pass("read a record", self.inner.get(key)).await
    }

    async fn get_many(&self, keys: &[Digest]) -> Result<Vec<Option<Record>>, StoreError> {
        self.pass("read records", self.inner.get_many(keys)).await
    }

    async fn get_touched(
        &self,
        key: &Digest,
        at: UnixMs,
        touch: Touch,
    ) -> Result<Option<Record>, StoreError> {
        self.pass("touch a record", self.inner.get_touched(key, at, touch))
            .await
    }

    async fn rotate(
        &self,
        key: &Digest,
        expected_generation: u32,
        at: UnixMs,
    ) -> Result<Rotated, StoreError> {
        let rotate = self.inner.rotate(key, expected_generation, at);
        self.pass("rotate a record", rotate).await
    }

    async fn compare_and_swap(
        &self,
        key: &Digest,
        expected_revision: u32,
        record: &Record,
    ) -> Result<Swapped, StoreError> {
        let swap = self.inner.compare_and_swap(key, expected_revision, record);
        self.pass("swap a record", swap).await
    }

    async fn delete(&self, key: &Digest) -> Result<bool, StoreError> {
        self.pass("delete a record", self.inner.delete(key)).await
    }

    async fn delete_by_subject(
        &self,
        subject: &SubjectId,
        keep: Option<LoginId>,
    ) -> Result<u64, StoreError> {
        let delete = self.inner.delete_by_subject(subject, keep);
        self.pass("delete a subject's records", delete).await
    }

    async fn list_by_subject(
        &self,
        subject: &SubjectId,
    ) -> Result<Vec<(Digest, Record)>, StoreError> {
        self.pass(
            "list a subject's records",
            self.inner.list_by_subject(subject),
        )
        .await
    }

    async fn purge(&self, at: UnixMs, limit: u64) -> Result<u64, StoreError> {
        self.pass("purge expired records", self.inner.purge(at, limit))
            .await
    }
}
