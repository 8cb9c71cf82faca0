//! Where one kind fetches the keys from that it verifies with, and what each
//! replica remembers of them: a key set with an age, and no fetch more often
//! than its interval, whatever tokens name (ASVS 5.0 15.2.2).

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use authbench_conformance::hooks::KeyFault;
use parking_lot::Mutex;

use crate::app::App;
use crate::keys::KeyRing;
use crate::kind::{KEYS_CACHE_MS, KEYS_FETCH_INTERVAL_MS};

/// The place that publishes the key set. It can be stopped or emptied.
pub(crate) struct KeySource {
    fault: Mutex<KeyFault>,
    fetches: AtomicU64,
    /// Grows when a new key set is announced.
    announced: AtomicU64,
}

impl KeySource {
    pub(crate) const fn new() -> Self {
        Self {
            fault: Mutex::new(KeyFault::None),
            fetches: AtomicU64::new(0),
            announced: AtomicU64::new(0),
        }
    }

    /// Breaks or mends it; a mended one says so.
    pub(crate) fn set_fault(&self, fault: KeyFault) {
        *self.fault.lock() = fault;
        if fault == KeyFault::None {
            self.announce();
        }
    }

    /// Tells all replicas that there is a new key set: they need not wait for
    /// their next fetch.
    pub(crate) fn announce(&self) {
        self.announced.fetch_add(1, Ordering::SeqCst);
    }

    /// How often keys were fetched.
    pub(crate) fn fetches(&self) -> u64 {
        self.fetches.load(Ordering::SeqCst)
    }

    /// The identifiers of all keys; `None` when it cannot be reached.
    fn fetch(&self, ring: &KeyRing, now_ms: u64) -> Option<BTreeSet<String>> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        match *self.fault.lock() {
            KeyFault::None => Some(ring.kids(now_ms)),
            KeyFault::Stopped => None,
            KeyFault::Shrunk => Some(BTreeSet::new()),
        }
    }
}

/// What one replica remembers of the key set.
#[derive(Debug, Default)]
pub(crate) struct KeyCache {
    cached: Mutex<Cached>,
}

#[derive(Debug, Default)]
struct Cached {
    kids: BTreeSet<String>,
    fetched_ms: Option<u64>,
    tried_ms: Option<u64>,
    announced: u64,
}

impl Cached {
    /// Whether the key is in the set, and the set is not too old.
    fn has(&self, kid: &str, now_ms: u64) -> bool {
        let is_fresh = self
            .fetched_ms
            .is_some_and(|fetched_ms| now_ms < fetched_ms.saturating_add(KEYS_CACHE_MS));
        is_fresh && self.kids.contains(kid)
    }
}

/// Whether the replica may verify with the key of that `kid`. A key set that
/// cannot be fetched, or that no longer has the key, means refusal (mutants of
/// LIMITS-004 and FAULT-006 sit here).
pub(crate) fn knows(app: &App, kid: &str) -> bool {
    if !app.kind.fetches_keys() {
        return true;
    }
    let (source, now_ms) = (&app.world.key_source, app.now_ms());
    let mut cached = app.key_cache.cached.lock();
    let outlived = app.flaw("M160") && cached.kids.contains(kid);
    if cached.has(kid, now_ms) || outlived {
        return true;
    }
    let announced = source.announced.load(Ordering::SeqCst);
    let is_due = cached
        .tried_ms
        .is_none_or(|tried_ms| now_ms >= tried_ms.saturating_add(KEYS_FETCH_INTERVAL_MS));
    if !is_due && announced == cached.announced && !app.flaw("M115") {
        return false;
    }
    cached.tried_ms = Some(now_ms);
    cached.announced = announced;
    if let Some(kids) = source.fetch(&app.world.keys, now_ms) {
        cached.kids = kids;
        cached.fetched_ms = Some(now_ms);
    }
    cached.has(kid, now_ms)
}
