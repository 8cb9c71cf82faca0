//! What a session costs to look up: the digest of the presented id alone, then
//! `Session::authenticate` over the memory store at several sizes, through the
//! boxed trait, and over SQLite.
//!
//! Before criterion measures each by itself, those of one size take turns in
//! short batches, and a table gives the median of each: a machine that does
//! other things meanwhile spoils some batches and not the median, and slow
//! memory is slow for all. The yardstick is the plainest store there is, one
//! `HashMap` under one lock, which has no list of a subject's logins.
//!
//! Ids are presented in an order that has nothing to do with that of the
//! logins, over all of them, so at 10^6 logins each look-up finds its record
//! outside the caches.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use authbench_benches::logins::{ISSUED_AT, Ids, RoleSets, log_in, ready};
use authbench_benches::options::Options;
use authbench_benches::turns::{self, Contender};
use authbench_core::{
    AuthStrategy, Decision, Digest, DynStrategy, Presented, Record, RecordStore, SeededEntropy,
};
use authbench_schemes::session::{ID_CHARS, Session, Settings};
use authbench_stores::{MemoryStore, Metered, SqliteSettings, SqliteStore};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use parking_lot::RwLock;

/// Logins in the store.
const SIZES: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];

type OverStore<S> = Session<S, SeededEntropy>;

fn session<S: RecordStore>(store: S) -> OverStore<S> {
    Session::new(Settings::default(), store, SeededEntropy::new(1))
}

/// A session scheme with `count` logins, and their ids in random order.
fn filled<S: RecordStore>(
    store: S,
    count: usize,
    role_sets: RoleSets,
) -> Result<(OverStore<S>, Ids<ID_CHARS>)> {
    let (session, mut ids) = (session(store), Ids::new());
    ready(log_in(&session, count, role_sets, |id| ids.push(id)))??;
    ensure!(ids.len() == count, "an id of the wrong length");
    ids.shuffle(2)?;
    Ok((session, ids))
}

/// Ids that nobody was given.
fn strangers(count: usize) -> Result<Ids<ID_CHARS>> {
    let elsewhere = Session::new(
        Settings::default(),
        MemoryStore::new(),
        SeededEntropy::new(99),
    );
    let mut ids = Ids::new();
    ready(log_in(&elsewhere, count, RoleSets::Shared, |id| {
        ids.push(id);
    }))??;
    Ok(ids)
}

/// One judgement, which must come out as expected.
fn expect<S: RecordStore>(session: &OverStore<S>, id: Option<&str>, accepted: bool) {
    let presented = Presented::access(id.unwrap_or_default());
    let decision = ready(AuthStrategy::authenticate(
        session,
        black_box(&presented),
        ISSUED_AT,
    ));
    let decision = decision
        .expect("memory does not wait")
        .expect("memory does not fail");
    assert_eq!(
        matches!(black_box(decision), Decision::Accepted(_)),
        accepted
    );
}

/// How long contenders of one size take turns.
const SPAN: Duration = Duration::from_secs(4);
const CALLS: u32 = 100;

fn in_turns(_: &mut Criterion) {
    let options = Options::from_args();
    if !options.wants("session/in-turns") {
        return;
    }
    for count in options.populations(&SIZES).expect("sizes") {
        let (session, ids) =
            filled(MemoryStore::new(), count, RoleSets::Shared).expect("logins in memory");
        let strangers = strangers(count.min(100_000)).expect("logins in memory");
        let map = yardstick(&session, &ids);
        let mut next = [ids.cycle(), ids.cycle(), strangers.cycle(), ids.cycle()];
        let [digested, hits, misses, looked_up] = &mut next;
        let contenders = vec![
            Contender::repeated("yardstick", CALLS, || {
                let key = Digest::of(looked_up.next().unwrap_or_default());
                assert!(black_box(map.read().get(&key).cloned()).is_some());
            }),
            Contender::repeated("digest", CALLS, || {
                black_box(Digest::of(digested.next().unwrap_or_default()));
            }),
            Contender::repeated("hit", CALLS, || expect(&session, hits.next(), true)),
            Contender::repeated("miss", CALLS, || expect(&session, misses.next(), false)),
        ];
        let taken = turns::take(options.span(SPAN), contenders);
        // Printed; criterion's own entries are the figures.
        drop(turns::report("session", &format!("{count} logins"), &taken));
    }
}

/// The records of `ids` in one map under one lock.
fn yardstick(session: &OverStore<MemoryStore>, ids: &Ids<ID_CHARS>) -> Yardstick {
    let mut map = HashMap::with_hasher(BuildHasherDefault::default());
    for id in ids.cycle().take(ids.len()) {
        let key = Digest::of(id);
        map.extend(
            ready(session.store().get(&key))
                .ok()
                .and_then(Result::ok)
                .flatten()
                .map(|r| (key, r)),
        );
    }
    RwLock::new(map)
}

type Yardstick = RwLock<HashMap<Digest, Record, BuildHasherDefault<FirstOctets>>>;

/// Takes the first octets of a digest for its hash.
#[derive(Default)]
struct FirstOctets(u64);

impl Hasher for FirstOctets {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        if let Some(first) = octets.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    /// The length of a digest tells nothing.
    fn write_usize(&mut self, _: usize) {}
}

fn digest(c: &mut Criterion) {
    let id = "A".repeat(ID_CHARS);
    c.bench_function("session/digest", |b| b.iter(|| Digest::of(black_box(&id))));
}

fn memory(c: &mut Criterion) {
    let mut group = c.benchmark_group("session/memory");
    group.throughput(Throughput::Elements(1));
    let sizes = Options::from_args().populations(&SIZES).expect("sizes");
    for &count in &sizes {
        let (session, ids) =
            filled(MemoryStore::new(), count, RoleSets::Shared).expect("logins in memory");
        let strangers = strangers(count.min(100_000)).expect("logins in memory");
        for (name, ids, expected) in [("hit", &ids, true), ("miss", &strangers, false)] {
            let mut ids = ids.cycle();
            group.bench_function(BenchmarkId::new(name, count), |b| {
                b.iter(|| {
                    expect(&session, ids.next(), expected);
                });
            });
        }
    }
    let most = sizes.into_iter().max().unwrap_or_default();
    let (session, ids) = filled(MemoryStore::new(), most, RoleSets::Own).expect("logins in memory");
    let mut ids = ids.cycle();
    group.bench_function(BenchmarkId::new("hit-own-roles", most), |b| {
        b.iter(|| {
            expect(&session, ids.next(), true);
        });
    });
    group.finish();
}

/// The same look-ups through `dyn DynStrategy`, and with a counter around the
/// store.
fn wrapped(c: &mut Criterion) {
    let mut group = c.benchmark_group("session/memory-wrapped");
    group.throughput(Throughput::Elements(1));
    let count = 10_000;
    let (session, ids) =
        filled(MemoryStore::new(), count, RoleSets::Shared).expect("logins in memory");
    let mut plain = ids.cycle();
    group.bench_function(BenchmarkId::new("none", count), |b| {
        b.iter(|| {
            expect(&session, plain.next(), true);
        });
    });
    let boxed: Arc<dyn DynStrategy> = Arc::new(session);
    let mut boxed_ids = ids.cycle();
    group.bench_function(BenchmarkId::new("boxed", count), |b| {
        b.iter(|| {
            let presented = Presented::access(boxed_ids.next().unwrap_or_default());
            let decision = ready(boxed.authenticate(black_box(&presented), ISSUED_AT));
            assert!(matches!(decision, Ok(Ok(Decision::Accepted(_)))));
        });
    });
    let (session, ids) = filled(Metered::new(MemoryStore::new()), count, RoleSets::Shared)
        .expect("logins in memory");
    let mut metered = ids.cycle();
    group.bench_function(BenchmarkId::new("metered", count), |b| {
        b.iter(|| {
            expect(&session, metered.next(), true);
        });
    });
    group.finish();
}

fn sqlite(c: &mut Criterion) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let (session, ids) = runtime.block_on(async {
        let store = SqliteStore::open(SqliteSettings::default())
            .await
            .expect("a database");
        let (session, mut ids) = (session(store), Ids::<ID_CHARS>::new());
        log_in(&session, 10_000, RoleSets::Shared, |id| ids.push(id))
            .await
            .expect("logins");
        ids.shuffle(2).expect("randomness");
        (session, ids)
    });
    let mut group = c.benchmark_group("session/sqlite");
    group.throughput(Throughput::Elements(1));
    group.bench_function(BenchmarkId::new("hit", 10_000), |b| {
        let ids = std::cell::RefCell::new(ids.cycle());
        b.to_async(&runtime).iter(|| async {
            let id = ids.borrow_mut().next().unwrap_or_default();
            let presented = Presented::access(id);
            let decision = AuthStrategy::authenticate(&session, &presented, ISSUED_AT).await;
            assert!(matches!(decision, Ok(Decision::Accepted(_))));
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    targets = in_turns, digest, memory, wrapped, sqlite
}
criterion_main!(benches);
