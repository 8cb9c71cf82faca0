//! Time: each replica has a clock of its own, and none ever judges by an
//! earlier instant than one that any of them has judged by.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use authbench_core::system::SystemClock;
use authbench_core::time::Clock as _;

/// The clock of one replica.
#[derive(Debug)]
pub(crate) struct Clock {
    ahead_ms: AtomicI64,
    /// The latest instant that any replica has seen. What expired stays
    /// expired when a clock is set back (mutants of FAULT-007 sit
    /// in `App::now_ms`).
    latest_ms: Arc<AtomicU64>,
}

impl Clock {
    pub(crate) fn new(latest_ms: Arc<AtomicU64>) -> Self {
        Self {
            ahead_ms: AtomicI64::new(0),
            latest_ms,
        }
    }

    /// Steps by `step_ms`, back if negative.
    pub(crate) fn step(&self, step_ms: i64) {
        self.ahead_ms.fetch_add(step_ms, Ordering::SeqCst);
    }

    /// The instant to judge by, UTC milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        let own_ms = self.own_ms();
        self.latest_ms
            .fetch_max(own_ms, Ordering::SeqCst)
            .max(own_ms)
    }

    /// What this clock alone shows.
    pub(crate) fn own_ms(&self) -> u64 {
        let ahead_ms = self.ahead_ms.load(Ordering::SeqCst);
        SystemClock.now().0.saturating_add_signed(ahead_ms)
    }
}
