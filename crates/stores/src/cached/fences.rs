//! Tells which cached records a write may have met.
//!
//! A sequence number counts writes. A cached record bears the number from
//! before its read began; a fence stands for the keys, or the subjects, of one
//! lane, and bears the number of the latest write there. A record counts while
//! no write is under way behind its fences and none is newer than its read. So
//! a write costs the same however much is cached, and what it meets beyond its
//! own record is read once more, nothing worse.

use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU64, Ordering};

use authbench_core::{Digest, Record, SubjectId, UnixMs};
use foldhash::quality::RandomState;

/// Lanes of keys, and of subjects.
const LANES: u64 = 4096;

#[derive(Debug)]
pub(super) struct Fences {
    sequence: AtomicU64,
    keys: Box<[Fence]>,
    subjects: Box<[Fence]>,
    hasher: RandomState,
    /// Before what had expired at `purged_until`.
    expired: Fence,
    purged_until: AtomicU64,
    /// Before everything.
    all: Fence,
}

/// What lies behind it counts unless written to since.
#[derive(Debug, Default)]
struct Fence {
    writers: AtomicU64,
    latest: AtomicU64,
}

/// A write that is under way: while this lives, nothing that it may meet
/// counts, and afterwards only what was read since. Dropped when the write has
/// ended, in whatever way.
#[derive(Debug)]
#[must_use]
pub(super) struct Write<'a> {
    fence: &'a Fence,
    sequence: &'a AtomicU64,
}

impl Fences {
    pub(super) fn new() -> Self {
        let lanes = || (0..LANES).map(|_| Fence::default()).collect();
        Self {
            sequence: AtomicU64::new(0),
            keys: lanes(),
            subjects: lanes(),
            hasher: RandomState::default(),
            expired: Fence::default(),
            purged_until: AtomicU64::new(0),
            all: Fence::default(),
        }
    }

    /// The number to take before a read begins.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence.load(Ordering::SeqCst)
    }

    /// Whether a record still counts that was read under `key`, by a read that
    /// began at `sequence`.
    pub(super) fn admit(&self, key: &Digest, record: &Record, sequence: u64) -> bool {
        let is_purged = || {
            record.expires_at.0 <= self.purged_until.load(Ordering::SeqCst)
                && !self.expired.admits(sequence)
        };
        self.all.admits(sequence)
            && self.key_lane(key).admits(sequence)
            && self.subject_lane(&record.subject).admits(sequence)
            && !is_purged()
    }

    pub(super) fn write_key(&self, key: &Digest) -> Write<'_> {
        self.key_lane(key).begin(&self.sequence)
    }

    pub(super) fn write_subject(&self, subject: &SubjectId) -> Write<'_> {
        self.subject_lane(subject).begin(&self.sequence)
    }

    /// A write to whatever had expired at `at`.
    pub(super) fn write_expired(&self, at: UnixMs) -> Write<'_> {
        let write = self.expired.begin(&self.sequence);
        self.purged_until.fetch_max(at.0, Ordering::SeqCst);
        write
    }

    /// A write to anything.
    pub(super) fn write_all(&self) -> Write<'_> {
        self.all.begin(&self.sequence)
    }

    fn key_lane(&self, key: &Digest) -> &Fence {
        &self.keys[(key.prefix() % LANES) as usize]
    }

    fn subject_lane(&self, subject: &SubjectId) -> &Fence {
        &self.subjects[(self.hasher.hash_one(subject.as_str()) % LANES) as usize]
    }
}

impl Fence {
    fn admits(&self, sequence: u64) -> bool {
        // In this order: a write that ends in between has left its number.
        self.writers.load(Ordering::SeqCst) == 0 && self.latest.load(Ordering::SeqCst) <= sequence
    }

    fn begin<'a>(&'a self, sequence: &'a AtomicU64) -> Write<'a> {
        self.writers.fetch_add(1, Ordering::SeqCst);
        Write {
            fence: self,
            sequence,
        }
    }
}

impl Drop for Write<'_> {
    /// Whatever was read up to now counts no more.
    fn drop(&mut self) {
        let number = self.sequence.fetch_add(1, Ordering::SeqCst) + 1;
        self.fence.latest.fetch_max(number, Ordering::SeqCst);
        self.fence.writers.fetch_sub(1, Ordering::SeqCst);
    }
}
