//! A store that fails, or is far away, when told to: for tests and measurements
//! of what happens then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use authbench_core::{
    Digest, Inserted, LoginId, Record, RecordStore, Rotated, StoreError, StoreFault, StorePromises,
    SubjectId, Swapped, Touch, UnixMs,
};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::delayed::DelayLine;
use crate::traffic::{HasTraffic, Traffic};

/// A way to fail.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The operation does not take place: [`StoreFault::Unreachable`].
    Refuse,
    /// Nothing happens until the switch is set to something else, by which the
    /// operation then goes on; after `give_up_ms` milliseconds of that it fails
    /// without having taken place: [`StoreFault::TimedOut`].
    Hang {
        /// Milliseconds of patience.
        give_up_ms: u32,
    },
    /// The operation takes place, but its answer is lost: the caller cannot
    /// know. [`StoreFault::TimedOut`].
    LoseAnswer,
    /// The operation takes place, but its answer arrives cut off:
    /// [`StoreFault::Corrupt`].
    Truncate,
}

/// Breaks, slows and mends every [`Faulty`] store that holds a clone of it.
/// While nothing is set, an operation pays one relaxed load for it.
#[derive(Clone, Debug)]
pub struct Switch(Arc<State>);

#[derive(Debug)]
struct State {
    /// Whether anything is set.
    is_set: AtomicBool,
    fault: watch::Sender<Option<Fault>>,
    /// What an operation waits in before anything else.
    line: Mutex<Option<Arc<DelayLine>>>,
}

impl Default for Switch {
    /// Nothing fails, and nothing is late.
    fn default() -> Self {
        Self(Arc::new(State {
            is_set: AtomicBool::new(false),
            fault: watch::Sender::new(None),
            line: Mutex::new(None),
        }))
    }
}

impl Switch {
    /// From now on stores fail in this way, or not at all.
    pub fn set(&self, fault: Option<Fault>) {
        let line = self.0.line.lock();
        self.0.fault.send_replace(fault);
        self.note(fault, line.is_some());
    }

    /// From now on each operation begins this many microseconds later, as
    /// behind [`crate::Delayed`]; 0 for at once. What already waits keeps its
    /// time.
    ///
    /// # Errors
    /// [`StoreFault::Rejected`] if the system gives no thread; nothing has
    /// changed then.
    pub fn set_delay_us(&self, delay_us: u64) -> Result<(), StoreError> {
        let fresh = DelayLine::of_us(delay_us)?.map(Arc::new);
        let mut line = self.0.line.lock();
        *line = fresh;
        self.note(self.fault(), line.is_some());
        Ok(())
    }

    /// How stores fail at present.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        *self.0.fault.borrow()
    }

    /// By how many microseconds operations are late at present.
    #[must_use]
    pub fn delay_us(&self) -> u64 {
        let line = self.0.line.lock();
        line.as_ref().map_or(0, |line| line.delay_us())
    }

    /// Called with the line locked, so that of two changes the later one
    /// stands.
    fn note(&self, fault: Option<Fault>, is_late: bool) {
        let is_set = fault.is_some() || is_late;
        self.0.is_set.store(is_set, Ordering::Release);
    }

    fn is_set(&self) -> bool {
        self.0.is_set.load(Ordering::Relaxed)
    }

    /// Waits for as long as operations are late.
    async fn delayed(&self) {
        let line = self.0.line.lock().clone();
        if let Some(line) = line {
            line.wait().await;
        }
    }

    /// The first fault that is no hang, unless a hang lasts too long.
    async fn settled(&self) -> Result<Option<Fault>, Elapsed> {
        let mut changes = self.0.fault.subscribe();
        loop {
            let fault = *changes.borrow_and_update();
            let Some(Fault::Hang { give_up_ms }) = fault else {
                return Ok(fault);
            };
            let patience = Duration::from_millis(give_up_ms.into());
            // Whether it changed or can change no more: the sender is ours.
            let _ = timeout(patience, changes.changed()).await?;
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

impl<S: HasTraffic> HasTraffic for Faulty<S> {
    fn traffic(&self) -> Option<Traffic> {
        self.inner.traffic()
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
        if !self.switch.is_set() {
            return run.await;
        }
        self.switch.delayed().await;
        match self.switch.settled().await {
            Ok(None) => run.await,
            Ok(Some(Fault::Refuse)) => Err(failed(StoreFault::Unreachable)),
            Ok(Some(Fault::LoseAnswer)) => {
                run.await?;
                Err(failed(StoreFault::TimedOut))
            }
            Ok(Some(Fault::Truncate)) => {
                run.await?;
                Err(failed(StoreFault::Corrupt))
            }
            Ok(Some(Fault::Hang { .. })) | Err(_) => Err(failed(StoreFault::TimedOut)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;

    fn store() -> (Arc<Faulty<MemoryStore>>, Switch) {
        let switch = Switch::default();
        let store = Faulty::new(MemoryStore::new(), switch.clone());
        (Arc::new(store), switch)
    }

    fn record() -> Record {
        Record {
            subject: SubjectId::new("u"),
            login: LoginId([1; 16]),
            roles: ["user"].iter().collect(),
            issued_at: UnixMs(1),
            expires_at: UnixMs(9),
            used_at: UnixMs(1),
            generation: 0,
            revision: 0,
            payload: Box::default(),
        }
    }

    #[tokio::test]
    async fn each_fault_is_told_and_takes_place_or_not() {
        for (fault, expected, is_done) in [
            (Fault::Refuse, StoreFault::Unreachable, false),
            (Fault::Hang { give_up_ms: 1 }, StoreFault::TimedOut, false),
            (Fault::LoseAnswer, StoreFault::TimedOut, true),
            (Fault::Truncate, StoreFault::Corrupt, true),
        ] {
            let (store, switch) = store();
            let key = Digest::of("x");
            switch.set(Some(fault));
            let error = store.insert_new(&key, &record()).await.unwrap_err();
            assert_eq!(error.fault, expected, "{fault:?}");
            switch.set(None);
            let found = store.get(&key).await.unwrap();
            assert_eq!(found.is_some(), is_done, "{fault:?}");
        }
    }

    #[tokio::test]
    async fn what_hangs_goes_on_when_it_is_mended() {
        for (next, is_error) in [(None, false), (Some(Fault::Refuse), true)] {
            let (store, switch) = store();
            let give_up_ms = u32::MAX;
            switch.set(Some(Fault::Hang { give_up_ms }));
            let hanging = tokio::spawn({
                let store = Arc::clone(&store);
                async move { store.insert_new(&Digest::of("x"), &record()).await }
            });
            tokio::task::yield_now().await;
            assert!(!hanging.is_finished());
            switch.set(next);
            assert_eq!(hanging.await.unwrap().is_err(), is_error);
        }
    }

    /// A lower bound is no measurement.
    #[tokio::test]
    async fn what_is_late_is_late_until_it_is_mended() {
        let (store, switch) = store();
        let key = Digest::of("x");
        let taken_ns = async || {
            let begun_ns = authbench_core::system::monotonic_ns();
            let outcome = store.get(&key).await.map_err(|error| error.fault);
            (outcome, authbench_core::system::monotonic_ns() - begun_ns)
        };
        switch.set_delay_us(2_000).unwrap();
        assert_eq!(switch.delay_us(), 2_000);
        let (outcome, late_ns) = taken_ns().await;
        assert!(outcome == Ok(None) && late_ns >= 2_000_000, "{late_ns}");
        switch.set(Some(Fault::Refuse));
        let (outcome, late_ns) = taken_ns().await;
        assert_eq!(outcome, Err(StoreFault::Unreachable));
        assert!(late_ns >= 2_000_000, "{late_ns}");
        switch.set_delay_us(0).unwrap();
        assert_eq!(taken_ns().await.0, Err(StoreFault::Unreachable));
        switch.set(None);
        assert!(!switch.is_set());
        assert_eq!(taken_ns().await.0, Ok(None));
    }
}
