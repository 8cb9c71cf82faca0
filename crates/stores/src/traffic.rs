//! What a store says over the wire, so that a report can say "1 round trip, 74
//! octets out, 81 in" of a request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::{MemoryStore, SqlStore};

/// What went between a store and its server. Connecting is not in it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// Requests, each of which waited for an answer.
    pub round_trips: u64,
    /// Octets of the requests, without the headers of TCP and below.
    pub octets_sent: u64,
    /// Octets of the answers that came, likewise.
    pub octets_received: u64,
}

impl Traffic {
    /// What was added since `earlier` was read.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self {
            round_trips: self.round_trips.saturating_sub(earlier.round_trips),
            octets_sent: self.octets_sent.saturating_sub(earlier.octets_sent),
            octets_received: self.octets_received.saturating_sub(earlier.octets_received),
        }
    }
}

/// A store that may know its [`Traffic`].
pub trait HasTraffic {
    /// The traffic so far, or nothing where the store cannot know it: there is
    /// no wire, or a library does not show it.
    fn traffic(&self) -> Option<Traffic> {
        None
    }
}

impl HasTraffic for MemoryStore {}
impl<B> HasTraffic for SqlStore<B> {}

impl<S: HasTraffic + ?Sized> HasTraffic for Arc<S> {
    fn traffic(&self) -> Option<Traffic> {
        (**self).traffic()
    }
}

/// Counts, on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct TrafficCounter {
    round_trips: AtomicU64,
    octets_sent: AtomicU64,
    octets_received: AtomicU64,
}

impl TrafficCounter {
    pub(crate) fn sent(&self, octets: usize) {
        self.round_trips.fetch_add(1, Ordering::Relaxed);
        self.octets_sent.fetch_add(octets as u64, Ordering::Relaxed);
    }

    pub(crate) fn received(&self, octets: usize) {
        self.octets_received
            .fetch_add(octets as u64, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Traffic {
        Traffic {
            round_trips: self.round_trips.load(Ordering::Relaxed),
            octets_sent: self.octets_sent.load(Ordering::Relaxed),
            octets_received: self.octets_received.load(Ordering::Relaxed),
        }
    }
}
