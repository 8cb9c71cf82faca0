//! A store that stops a chosen operation before or after it happens, so that a
//! test can put other operations in between.

use std::sync::Arc;

use authbench_core::{
    Digest, Inserted, LoginId, Record, RecordStore, Rotated, StoreError, StorePromises, SubjectId,
    Swapped, Touch, UnixMs,
};
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// The operations that can be stopped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Op {
    Delete,
    DeleteBySubject,
    Insert,
    List,
    Read,
    Rotate,
    Swap,
}

/// Where an operation is stopped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    Before,
    After,
}

/// A store whose next operation of a kind can be stopped.
pub(crate) struct Gated<S> {
    inner: S,
    gate: Mutex<Option<(Op, Side, Stop)>>,
}

struct Stop {
    reached: oneshot::Sender<()>,
    go: oneshot::Receiver<()>,
}

/// An operation that will be, or has been, stopped.
pub(crate) struct Stopped {
    reached: oneshot::Receiver<()>,
    go: oneshot::Sender<()>,
}

impl Stopped {
    /// Waits until the operation has come to its stop.
    pub(crate) async fn reached(&mut self) {
        (&mut self.reached).await.unwrap();
    }

    /// Lets it go on.
    pub(crate) fn release(self) {
        self.go.send(()).unwrap();
    }
}

impl<S> Gated<S> {
    pub(crate) fn new(inner: S) -> Arc<Self> {
        Arc::new(Self {
            inner,
            gate: Mutex::new(None),
        })
    }

    /// Stops the next `op`, once.
    pub(crate) fn stop(&self, op: Op, side: Side) -> Stopped {
        let (reached, was_reached) = oneshot::channel();
        let (release, go) = oneshot::channel();
        let before = self.gate.lock().replace((op, side, Stop { reached, go }));
        assert!(before.is_none(), "one stop at a time");
        Stopped {
            reached: was_reached,
            go: release,
        }
    }

    async fn pass(&self, op: Op, side: Side) {
        let stop = {
            let mut gate = self.gate.lock();
            gate.take_if(|(at, on, _)| (*at, *on) == (op, side))
        };
        if let Some((_, _, Stop { reached, go })) = stop {
            reached.send(()).unwrap();
            go.await.unwrap();
        }
    }

    /// Lets every other task come first, so that tasks on one thread take turns
    /// at each operation.
    async fn through<T>(&self, op: Op, inner: impl Future<Output = T>) -> T {
        tokio::task::yield_now().await;
        self.pass(op, Side::Before).await;
        let answer = inner.await;
        self.pass(op, Side::After).await;
        answer
    }
}

impl<S: RecordStore> RecordStore for Gated<S> {
    fn promises(&self) -> StorePromises {
        self.inner.promises()
    }

    async fn insert_new(&self, key: &Digest, record: &Record) -> Result<Inserted, StoreError> {
        self.through(Op::Insert, self.inner.insert_new(key, record))
            .await
    }

    async fn get(&self, key: &Digest) -> Result<Option<Record>, StoreError> {
        self.through(Op::Read, self.inner.get(key)).await
    }

    async fn get_many(&self, keys: &[Digest]) -> Result<Vec<Option<Record>>, StoreError> {
        self.through(Op::Read, self.inner.get_many(keys)).await
    }

    async fn get_touched(
        &self,
        key: &Digest,
        at: UnixMs,
        touch: Touch,
    ) -> Result<Option<Record>, StoreError> {
        self.through(Op::Read, self.inner.get_touched(key, at, touch))
            .await
    }

    async fn rotate(
        &self,
        key: &Digest,
        expected_generation: u32,
        at: UnixMs,
    ) -> Result<Rotated, StoreError> {
        self.through(Op::Rotate, self.inner.rotate(key, expected_generation, at))
            .await
    }

    async fn compare_and_swap(
        &self,
        key: &Digest,
        expected_revision: u32,
        record: &Record,
    ) -> Result<Swapped, StoreError> {
        let swap = self.inner.compare_and_swap(key, expected_revision, record);
        self.through(Op::Swap, swap).await
    }

    async fn delete(&self, key: &Digest) -> Result<bool, StoreError> {
        self.through(Op::Delete, self.inner.delete(key)).await
    }

    async fn delete_by_subject(
        &self,
        subject: &SubjectId,
        keep: Option<LoginId>,
    ) -> Result<u64, StoreError> {
        let delete = self.inner.delete_by_subject(subject, keep);
        self.through(Op::DeleteBySubject, delete).await
    }

    async fn list_by_subject(
        &self,
        subject: &SubjectId,
    ) -> Result<Vec<(Digest, Record)>, StoreError> {
        self.through(Op::List, self.inner.list_by_subject(subject))
            .await
    }

    async fn purge(&self, at: UnixMs, limit: u64) -> Result<u64, StoreError> {
        self.inner.purge(at, limit).await
    }
}
