//! A store at the end of a network: each operation takes a round trip longer.
//!
//! A round trip within a data centre is half a millisecond, and tokio's timers
//! have whole ones. So the waiting is done by a thread of the store's own, which
//! the kernel wakes to the microsecond (`clock_nanosleep` with the least timer
//! slack); it sleeps in between. What is added beyond the round trip is the time
//! that the system needs to wake a thread and a task, some ten microseconds on
//! an idle machine.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use authbench_core::system::monotonic_ns;
use authbench_core::{
    Digest, Inserted, LoginId, Record, RecordStore, Rotated, StoreError, StoreFault, StorePromises,
    SubjectId, Swapped, Touch, UnixMs,
};
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use crate::traffic::{HasTraffic, Traffic};

/// A store that is a round trip away. The whole of it passes before the
/// operation begins. An operation counts as one round trip, also one on many
/// keys and also a purge: that is what a store behind a network makes of it.
#[derive(Debug)]
pub struct Delayed<S> {
    inner: S,
    line: Option<DelayLine>,
}

impl<S> Delayed<S> {
    /// Puts `inner` a round trip of this many microseconds away; 0 for none.
    ///
    /// # Errors
    /// [`StoreFault::Rejected`] if the system gives no thread.
    pub fn new(inner: S, round_trip_us: u64) -> Result<Self, StoreError> {
        let line = DelayLine::of_us(round_trip_us)?;
        Ok(Self { inner, line })
    }

    async fn travel(&self) {
        if let Some(line) = &self.line {
            line.wait().await;
        }
    }
}

impl<S: HasTraffic> HasTraffic for Delayed<S> {
    fn traffic(&self) -> Option<Traffic> {
        self.inner.traffic()
    }
}

/// Lets each task through after the same time: whoever comes first, leaves
/// first.
#[derive(Debug)]
pub(crate) struct DelayLine {
    delay_ns: u64,
    queue: Arc<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// When to let whom through, in ascending order.
    waiting: VecDeque<(u64, oneshot::Sender<()>)>,
    is_closed: bool,
}

impl DelayLine {
    /// A line in which everyone waits for this many microseconds; none for 0.
    pub(crate) fn of_us(delay_us: u64) -> Result<Option<Self>, StoreError> {
        let line = NonZeroU64::new(delay_us).map(Self::start).transpose();
        line.map_err(|source| StoreError {
            store: "delayed",
            operation: "start its timer",
            fault: StoreFault::Rejected,
            source: Some(Box::new(source)),
        })
    }

    /// For how long everyone waits, microseconds.
    pub(crate) const fn delay_us(&self) -> u64 {
        self.delay_ns / 1_000
    }

    fn start(delay_us: NonZeroU64) -> std::io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let of_thread = Arc::clone(&queue);
        std::thread::Builder::new()
            .name("authbench-delay".to_owned())
            .spawn(move || of_thread.serve())?;
        Ok(Self {
            delay_ns: delay_us.get().saturating_mul(1_000),
            queue,
        })
    }

    pub(crate) async fn wait(&self) {
        let (sender, receiver) = oneshot::channel();
        {
            let mut state = self.queue.state.lock();
            // The clock is read under the lock: the queue stays in order.
            let due_ns = monotonic_ns().saturating_add(self.delay_ns);
            state.waiting.push_back((due_ns, sender));
            if state.waiting.len() == 1 {
                self.queue.changed.notify_one();
            }
        }
        // The thread ends after this line is dropped, and not before.
        let _ = receiver.await;
    }
}

impl Drop for DelayLine {
    fn drop(&mut self) {
        self.queue.state.lock().is_closed = true;
        self.queue.changed.notify_one();
    }
}

impl Queue {
    fn serve(&self) {
        // A refusal costs precision: the default slack is fifty microseconds.
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
        let mut due = Vec::new();
        let mut state = self.state.lock();
        while !state.is_closed {
            let now_ns = monotonic_ns();
            while let Some((_, sender)) = state.waiting.pop_front_if(|(at, _)| *at <= now_ns) {
                due.push(sender);
            }
            if !due.is_empty() {
                drop(state);
                for sender in due.drain(..) {
                    // Whoever waits no longer does not mind.
                    let _ = sender.send(());
                }
                state = self.state.lock();
                continue;
            }
            match state.waiting.front() {
                None => self.changed.wait(&mut state),
                Some((due_ns, _)) => {
                    let wait = Duration::from_nanos(due_ns.saturating_sub(now_ns));
                    drop(state);
                    std::thread::sleep(wait);
                    state = self.state.lock();
                }
            }
        }
    }
}

impl<S: RecordStore> RecordStore for Delayed<S> {
    fn promises(&self) -> StorePromises {
        self.inner.promises()
    }

    async fn insert_new(&self, key: &Digest, record: &Record) -> Result<Inserted, StoreError> {
        self.travel().await;
        self.inner.insert_new(key, record).await
    }

    async fn get(&self, key: &Digest) -> Result<Option<Record>, StoreError> {
        self.travel().await;
        self.inner.get(key).await
    }

    async fn get_many(&self, keys: &[Digest]) -> Result<Vec<Option<Record>>, StoreError> {
        self.travel().await;
        self.inner.get_many(keys).await
    }

    async fn get_touched(
        &self,
        key: &Digest,
        at: UnixMs,
        touch: Touch,
    ) -> Result<Option<Record>, StoreError> {
        self.travel().await;
        self.inner.get_touched(key, at, touch).await
    }

    async fn rotate(
        &self,
        key: &Digest,
        expected_generation: u32,
        at: UnixMs,
    ) -> Result<Rotated, StoreError> {
        self.travel().await;
        self.inner.rotate(key, expected_generation, at).await
    }

    async fn compare_and_swap(
        &self,
        key: &Digest,
        expected_revision: u32,
        record: &Record,
    ) -> Result<Swapped, StoreError> {
        self.travel().await;
        let swap = self.inner.compare_and_swap(key, expected_revision, record);
        swap.await
    }

    async fn delete(&self, key: &Digest) -> Result<bool, StoreError> {
        self.travel().await;
        self.inner.delete(key).await
    }

    async fn delete_by_subject(
        &self,
        subject: &SubjectId,
        keep: Option<LoginId>,
    ) -> Result<u64, StoreError> {
        self.travel().await;
        self.inner.delete_by_subject(subject, keep).await
    }

    async fn list_by_subject(
        &self,
        subject: &SubjectId,
    ) -> Result<Vec<(Digest, Record)>, StoreError> {
        self.travel().await;
        self.inner.list_by_subject(subject).await
    }

    async fn purge(&self, at: UnixMs, limit: u64) -> Result<u64, StoreError> {
        self.travel().await;
        self.inner.purge(at, limit).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;

    /// A lower bound is no measurement: no machine is so busy that a round
    /// trip takes less than it takes.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nobody_arrives_early_and_those_who_go_together_wait_together() {
        let store = Arc::new(Delayed::new(MemoryStore::new(), 300).unwrap());
        let mut travellers = tokio::task::JoinSet::new();
        for n in 0..200 {
            let store = Arc::clone(&store);
            travellers.spawn(async move {
                let begun_ns = monotonic_ns();
                store.get(&Digest::of(&n.to_string())).await.unwrap();
                monotonic_ns() - begun_ns
            });
        }
        for taken_ns in travellers.join_all().await {
            assert!(taken_ns >= 300_000, "{taken_ns}");
        }
    }

    #[tokio::test]
    async fn who_gives_up_does_not_hold_up_others() {
        let store = Delayed::new(MemoryStore::new(), 2_000).unwrap();
        let key = Digest::of("x");
        for _ in 0..10 {
            tokio::select! {
                biased;
                _ = store.get(&key) => unreachable!("no round trip"),
                () = std::future::ready(()) => {}
            }
        }
        store.get(&key).await.unwrap();
    }

    #[test]
    fn the_thread_ends_with_the_store() {
        let store = Delayed::new(MemoryStore::new(), 100).unwrap();
        let queue = Arc::downgrade(&store.line.as_ref().unwrap().queue);
        drop(store);
        while queue.strong_count() > 0 {
            std::thread::yield_now();
        }
    }
}
