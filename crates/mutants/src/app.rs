//! One replica, and what all replicas share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::answer::Refusal;
use crate::caller::Caller;
use crate::clock::Clock;
use crate::key_source::{KeyCache, KeySource};
use crate::keys::KeyRing;
use crate::kind::Kind;
use crate::log::Log;
use crate::store::{Data, Store};

/// A client of the token endpoints.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: &'static str,
    pub(crate) secret: String,
}

/// What all replicas share.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) keys: KeyRing,
    pub(crate) key_source: KeySource,
    pub(crate) log: Log,
    pub(crate) clients: [Client; 2],
    pub(crate) latest_ms: Arc<AtomicU64>,
}

/// One replica: a process. What it holds beside the shared world is lost when
/// it restarts.
pub(crate) struct App {
    pub(crate) kind: Kind,
    pub(crate) replica: usize,
    pub(crate) clock: Arc<Clock>,
    pub(crate) world: Arc<World>,
    pub(crate) key_cache: KeyCache,
    pub(crate) flaws: Arc<[&'static str]>,
    /// Flaw M17: how many numbers were drawn since the start.
    pub(crate) drawn: AtomicU64,
    /// Flaw M136: whose answer is under way.
    pub(crate) under_way: Mutex<Option<Caller>>,
    /// Flaw M141: how much was sealed since the process began.
    pub(crate) seals: AtomicU64,
    /// Flaws M109 and M152: what the process remembers for itself.
    pub(crate) memory: Mutex<Memory>,
}

/// What a process remembers by itself, to be lost when it ends: nothing,
/// without a flaw.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Flaw M109: whom each credential last stood for.
    pub(crate) known: BTreeMap<String, Caller>,
    /// Flaw M152: credentials that were logged out while the store was out of
    /// reach.
    pub(crate) ended: BTreeSet<String>,
}

impl App {
    /// Whether the flaw of that name is switched on.
    pub(crate) fn flaw(&self, id: &'static str) -> bool {
        self.flaws.contains(&id)
    }

    /// Flaw M141: the number of this seal since the process began.
    pub(crate) fn counted_nonce(&self) -> [u8; 12] {
        let mut nonce = [0; 12];
        let number = self.seals.fetch_add(1, Ordering::Relaxed);
        nonce[4..].copy_from_slice(&number.to_be_bytes());
        nonce
    }

    /// The instant to judge by, UTC milliseconds (mutants of FAULT-007 sit
    /// here).
    pub(crate) fn now_ms(&self) -> u64 {
        if self.flaw("M111") {
            return self.clock.own_ms();
        }
        self.clock.now_ms()
    }

    /// Does something with the store's contents, under its one lock. What is
    /// refused while the store is broken is answered 503: nobody is accepted,
    /// and nothing is acknowledged (ASVS 5.0 16.5.3; mutants of FAULT-001 to
    /// FAULT-004 sit here and at the callers).
    pub(crate) async fn store<T>(&self, act: impl FnOnce(&mut Data) -> T) -> Result<T, Refusal> {
        match self.world.store.with(self.now_ms(), act).await {
            Ok(done) => Ok(done),
            Err(error) => {
                self.world.log.failure(&error);
                Err(Refusal::Unavailable)
            }
        }
    }
}
