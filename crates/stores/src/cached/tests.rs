use std::sync::Mutex;

use authbench_core::{Durability, ManualClock, Roles, StoreFault};
use tokio::sync::{mpsc, oneshot};

use super::*;
use crate::{Fault, Faulty, MemoryStore, Metered, Switch};

const TTL_MS: u64 = 100;
const NOW: UnixMs = UnixMs(50_000);
const THIRTY: Touch = Touch {
    after_ms: 30,
    within_ms: 500,
};

type Shared = Arc<Metered<Slow>>;

/// A store whose reads can be stopped between finding and answering.
#[derive(Default)]
struct Slow {
    inner: MemoryStore,
    /// Told of each read that has found what it will answer, until it may go.
    gate: Mutex<Option<mpsc::UnboundedSender<oneshot::Sender<()>>>>,
}

impl Slow {
    async fn pass(&self) {
        let (go, may_go) = oneshot::channel();
        let gate = self.gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            gate.send(go).unwrap();
            may_go.await.unwrap();
        }
    }
}

impl RecordStore for Slow {
    fn promises(&self) -> StorePromises {
        self.inner.promises()
    }

    async fn insert_new(&self, key: &Digest, record: &Record) -> Result<Inserted, StoreError> {
        self.inner.insert_new(key, record).await
    }

    async fn get(&self, key: &Digest) -> Result<Option<Record>, StoreError> {
        let found = self.inner.get(key).await;
        self.pass().await;
        found
    }

    async fn get_touched(
        &self,
        key: &Digest,
        at: UnixMs,
        touch: Touch,
    ) -> Result<Option<Record>, StoreError> {
        let found = self.inner.get_touched(key, at, touch).await;
        self.pass().await;
        found
    }

    async fn rotate(
        &self,
        key: &Digest,
        generation: u32,
        at: UnixMs,
    ) -> Result<Rotated, StoreError> {
        self.inner.rotate(key, generation, at).await
    }

    async fn compare_and_swap(
        &self,
        key: &Digest,
        expected_revision: u32,
        record: &Record,
    ) -> Result<Swapped, StoreError> {
        let swap = self.inner.compare_and_swap(key, expected_revision, record);
        swap.await
    }

    async fn delete(&self, key: &Digest) -> Result<bool, StoreError> {
        self.inner.delete(key).await
    }

    async fn delete_by_subject(
        &self,
        subject: &SubjectId,
        keep: Option<LoginId>,
    ) -> Result<u64, StoreError> {
        self.inner.delete_by_subject(subject, keep).await
    }

    async fn list_by_subject(
        &self,
        subject: &SubjectId,
    ) -> Result<Vec<(Digest, Record)>, StoreError> {
        self.inner.list_by_subject(subject).await
    }

    async fn purge(&self, at: UnixMs, limit: u64) -> Result<u64, StoreError> {
        self.inner.purge(at, limit).await
    }
}

fn key(n: u8) -> Digest {
    Digest::of(&n.to_string())
}

fn record() -> Record {
    Record {
        subject: SubjectId::new("u"),
        login: LoginId([1; 16]),
        roles: ["user"].iter().collect(),
        issued_at: NOW,
        expires_at: NOW.plus_ms(10_000),
        used_at: NOW,
        generation: 0,
        revision: 0,
        payload: Box::default(),
    }
}

fn node<S>(inner: S, clock: &Arc<ManualClock>) -> Cached<S> {
    let settings = CachedSettings {
        ttl_ms: TTL_MS,
        ..CachedSettings::default()
    };
    Cached::new(inner, settings, Arc::clone(clock) as Arc<dyn Clock>)
}

/// A store with a record under the first key, two nodes on it that have read
/// the record, and their clock.
async fn two_nodes() -> (Shared, [Arc<Cached<Shared>>; 2], Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(NOW));
    let store = Arc::new(Metered::new(Slow::default()));
    let _ = store.insert_new(&key(0), &record()).await.unwrap();
    let nodes = [(); 2].map(|()| Arc::new(node(Arc::clone(&store), &clock)));
    for node in &nodes {
        assert_eq!(node.get(&key(0)).await.unwrap(), Some(record()));
    }
    (store, nodes, clock)
}

#[tokio::test]
async fn others_writes_are_seen_when_promised_and_not_before() {
    let (store, [a, b], clock) = two_nodes().await;
    assert_eq!(b.promises().staleness, Staleness::WithinMs(TTL_MS));
    assert!(a.delete(&key(0)).await.unwrap());
    assert_eq!(a.get(&key(0)).await.unwrap(), None, "its own write");
    clock.advance_ms(TTL_MS - 1);
    let reads = store.counts().gets;
    assert_eq!(b.get(&key(0)).await.unwrap(), Some(record()));
    assert_eq!(store.counts().gets, reads, "that was no cache");
    clock.advance_ms(1);
    assert_eq!(b.get(&key(0)).await.unwrap(), None);
}

/// The age counts from before the read: a slow answer is no newer for it.
#[tokio::test]
async fn a_slow_read_ages_on_its_way() {
    let (store, [a, b], clock) = two_nodes().await;
    clock.advance_ms(TTL_MS);
    let (gate, mut stopped) = mpsc::unbounded_channel();
    *store.inner().gate.lock().unwrap() = Some(gate);
    let reading = tokio::spawn({
        let b = Arc::clone(&b);
        async move { b.get(&key(0)).await.unwrap() }
    });
    let go = stopped.recv().await.unwrap();
    *store.inner().gate.lock().unwrap() = None;
    assert!(a.delete(&key(0)).await.unwrap());
    clock.advance_ms(TTL_MS);
    go.send(()).unwrap();
    assert_eq!(reading.await.unwrap(), Some(record()), "it had found that");
    assert_eq!(b.get(&key(0)).await.unwrap(), None);
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Delete,
    DeleteBySubject,
    Purge,
    Reinsert,
    Rotate,
    Swap,
    Touch,
}

const ACTS: [Act; 7] = [
    Act::Delete,
    Act::DeleteBySubject,
    Act::Purge,
    Act::Reinsert,
    Act::Rotate,
    Act::Swap,
    Act::Touch,
];

async fn act(store: &impl RecordStore, act: Act) -> Result<(), StoreError> {
    match act {
        Act::Delete => store.delete(&key(0)).await.map(drop),
        Act::DeleteBySubject => {
            let subject = record().subject;
            store.delete_by_subject(&subject, None).await.map(drop)
        }
        Act::Purge => store.purge(record().expires_at, 9).await.map(drop),
        Act::Reinsert => {
            let subject = SubjectId::new("other");
            let other = Record {
                subject,
                ..record()
            };
            store.insert_new(&key(0), &other).await.map(drop)
        }
        Act::Rotate => store.rotate(&key(0), 0, NOW).await.map(drop),
        Act::Swap => {
            let roles = Roles::default();
            let new = Record { roles, ..record() };
            store.compare_and_swap(&key(0), 0, &new).await.map(drop)
        }
        Act::Touch => {
            let at = NOW.plus_ms(60);
            store.get_touched(&key(0), at, THIRTY).await.map(drop)
        }
    }
}

/// What a read found before a write must not stay in the cache after it, with
/// whichever of the two the cache hears from last.
#[tokio::test]
async fn no_refill_undoes_a_write() {
    for written in ACTS {
        let (store, [node, _], clock) = two_nodes().await;
        if matches!(written, Act::Reinsert) {
            // By another way than this node, which still has the record.
            assert!(store.delete(&key(0)).await.unwrap());
            act(&*node, written).await.unwrap();
            assert_eq!(
                node.get(&key(0)).await.unwrap(),
                store.get(&key(0)).await.unwrap()
            );
            continue;
        }
        clock.advance_ms(TTL_MS);
        let (gate, mut stopped) = mpsc::unbounded_channel();
        *store.inner().gate.lock().unwrap() = Some(gate);
        let reading = tokio::spawn({
            let node = Arc::clone(&node);
            async move { node.get(&key(0)).await.unwrap() }
        });
        let go = stopped.recv().await.unwrap();
        *store.inner().gate.lock().unwrap() = None;
        act(&*node, written).await.unwrap();
        go.send(()).unwrap();
        assert_eq!(reading.await.unwrap(), Some(record()), "{written:?}");

        let truth = store.get(&key(0)).await.unwrap();
        assert_ne!(truth, Some(record()), "{written:?} did nothing");
        assert_eq!(node.get(&key(0)).await.unwrap(), truth, "{written:?}");
    }
}

/// While a write is under way nobody knows whether it has taken place: reads
/// ask the store, and what they find is not kept.
#[tokio::test]
async fn nothing_is_kept_while_a_write_is_under_way() {
    let (store, [_, node], clock) = two_nodes().await;
    let (gate, mut stopped) = mpsc::unbounded_channel();
    let write = node.fences.write_subject(&record().subject);
    for _ in 0..2 {
        let reads = store.counts().gets;
        assert_eq!(node.get(&key(0)).await.unwrap(), Some(record()));
        assert_eq!(store.counts().gets, reads + 1);
    }
    *store.inner().gate.lock().unwrap() = Some(gate);
    let reading = tokio::spawn({
        let node = Arc::clone(&node);
        async move { node.get(&key(0)).await.unwrap() }
    });
    let go = stopped.recv().await.unwrap();
    drop(write);
    *store.inner().gate.lock().unwrap() = None;
    assert!(store.delete(&key(0)).await.unwrap());
    go.send(()).unwrap();
    assert_eq!(reading.await.unwrap(), Some(record()));
    assert_eq!(node.get(&key(0)).await.unwrap(), None);
    clock.advance_ms(1);
}

/// A write that failed may have taken place.
#[tokio::test]
async fn a_write_whose_answer_is_lost_is_a_write() {
    for written in ACTS {
        if matches!(written, Act::Reinsert) {
            continue;
        }
        let clock = Arc::new(ManualClock::at(NOW));
        let (store, switch) = (Arc::new(MemoryStore::new()), Switch::default());
        let node = node(Faulty::new(Arc::clone(&store), switch.clone()), &clock);
        let _ = node.insert_new(&key(0), &record()).await.unwrap();
        node.get(&key(0)).await.unwrap();
        switch.set(Some(Fault::LoseAnswer));
        let error = act(&node, written).await.unwrap_err();
        assert_eq!(error.fault, StoreFault::TimedOut);
        switch.set(None);
        let truth = store.get(&key(0)).await.unwrap();
        assert_ne!(truth, Some(record()), "{written:?} did nothing");
        assert_eq!(node.get(&key(0)).await.unwrap(), truth, "{written:?}");
    }
}

#[tokio::test]
async fn absence_is_not_cached() {
    let (_, [a, b], _) = two_nodes().await;
    assert_eq!(b.get(&key(1)).await.unwrap(), None);
    assert_eq!(b.get_many(&[key(1)]).await.unwrap(), [None]);
    let _ = a.insert_new(&key(1), &record()).await.unwrap();
    assert_eq!(b.get(&key(1)).await.unwrap(), Some(record()));
}

#[tokio::test]
async fn of_many_only_the_unknown_are_asked_for() {
    let (store, [a, _], _) = two_nodes().await;
    let _ = store.insert_new(&key(2), &record()).await.unwrap();
    let known = Some(record());
    let keys = [key(1), key(0), key(2), key(2)];
    let expected = [None, known.clone(), known.clone(), known];
    assert_eq!(a.get_many(&keys).await.unwrap(), expected);
    // From now on only the absent one is asked for.
    let counts = store.counts();
    assert_eq!(a.get_many(&keys[1..]).await.unwrap(), expected[1..]);
    assert_eq!(store.counts(), counts);
    assert_eq!(a.get_many(&keys).await.unwrap(), expected);
    assert_eq!(store.counts().gets_many, counts.gets_many + 1);
}

#[tokio::test]
async fn touches_that_are_due_reach_the_store_and_others_do_not() {
    let (store, [a, _], _) = two_nodes().await;
    let asks = |at: u64, expected: u64, used_at: u64| {
        let (store, a) = (&store, &a);
        async move {
            let before = store.counts().touches;
            let seen = a
                .get_touched(&key(0), NOW.plus_ms(at), THIRTY)
                .await
                .unwrap();
            assert_eq!(store.counts().touches - before, expected, "at {at}");
            assert_eq!(seen.unwrap().used_at, NOW.plus_ms(used_at), "at {at}");
        }
    };
    asks(0, 0, 0).await;
    asks(29, 0, 0).await;
    // The touch, then one read that fetches what it wrote.
    asks(30, 1, 0).await;
    asks(30, 1, 30).await;
    asks(59, 0, 30).await;
    asks(60, 1, 30).await;
    asks(61, 1, 60).await;
    asks(62, 0, 60).await;
    // Too late: the store has the last word, each time.
    asks(560, 1, 60).await;
    asks(560, 1, 60).await;
    asks(89, 0, 60).await;
}

/// Another node's touch keeps the login alive that this node thinks idle.
#[tokio::test]
async fn an_idle_end_is_the_stores_word() {
    let (_, [a, b], _) = two_nodes().await;
    a.get_touched(&key(0), NOW.plus_ms(450), THIRTY)
        .await
        .unwrap();
    let seen = b
        .get_touched(&key(0), NOW.plus_ms(510), THIRTY)
        .await
        .unwrap();
    assert_eq!(seen.unwrap().used_at, NOW.plus_ms(450));
}

#[tokio::test]
async fn a_purge_drops_what_had_expired_and_nothing_else() {
    let (store, [node, _], _) = two_nodes().await;
    let later = Record {
        expires_at: NOW.plus_ms(10_001),
        ..record()
    };
    let _ = store.insert_new(&key(1), &later).await.unwrap();
    node.get(&key(1)).await.unwrap();
    assert_eq!(node.purge(record().expires_at, 9).await.unwrap(), 1);
    assert_eq!(node.get(&key(0)).await.unwrap(), None);
    let reads = store.counts().gets;
    assert_eq!(node.get(&key(1)).await.unwrap(), Some(later));
    assert_eq!(store.counts().gets, reads, "it was still good");
}

#[tokio::test]
async fn a_clock_that_steps_back_ends_what_is_of_the_future() {
    let (store, [node, _], clock) = two_nodes().await;
    assert!(store.delete(&key(0)).await.unwrap());
    clock.set(UnixMs(NOW.0 - 1));
    assert_eq!(node.get(&key(0)).await.unwrap(), None);
}

#[tokio::test]
async fn it_holds_no_more_than_it_may() {
    let clock = Arc::new(ManualClock::at(NOW));
    let settings = CachedSettings {
        ttl_ms: TTL_MS,
        entries_max: NonZeroU32::new(20).unwrap(),
    };
    let node = Cached::new(MemoryStore::new(), settings, clock);
    for n in 0..200 {
        let _ = node.insert_new(&key(n), &record()).await.unwrap();
        assert!(node.get(&key(n)).await.unwrap().is_some());
    }
    assert!(node.entries.len() <= 20, "{}", node.entries.len());
}

#[test]
fn promises_add_up() {
    use Staleness::{Immediate, UntilExpiry, WithinMs};
    for (inner, ttl_ms, expected) in [
        (Immediate, 0, Immediate),
        (Immediate, 5, WithinMs(5)),
        (WithinMs(3), 0, WithinMs(3)),
        (WithinMs(3), 5, WithinMs(8)),
        (WithinMs(u64::MAX), 5, WithinMs(u64::MAX)),
        (UntilExpiry, 5, UntilExpiry),
    ] {
        assert_eq!(through_cache(inner, ttl_ms), expected);
    }
    let clock = Arc::new(ManualClock::at(NOW));
    let of = |ttl_ms| {
        let settings = CachedSettings {
            ttl_ms,
            ..CachedSettings::default()
        };
        Cached::new(
            MemoryStore::new(),
            settings,
            Arc::clone(&clock) as Arc<dyn Clock>,
        )
        .promises()
    };
    assert_eq!(of(0), MemoryStore::new().promises());
    assert_eq!(of(1).outage, OutageBehaviour::Coasts);
    assert_eq!(of(1).durability, Durability::None);
    // A cache in front of a cache is as old as both.
    let twice = node(node(MemoryStore::new(), &clock), &clock).promises();
    assert_eq!(twice.staleness, WithinMs(2 * TTL_MS));
}
