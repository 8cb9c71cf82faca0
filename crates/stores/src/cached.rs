//! A store behind a cache of this process. Reads may be as old as the cache
//! allows, and say so in the promise.
//!
//! What makes a cache in front of sessions dangerous is a refill: a read takes
//! a record from the store, the record is deleted, and the slow read then puts
//! it into the cache, where it lives on. Here each entry bears a stamp from
//! before its read began, and counts only while no later write of this node met
//! it ([`fences`]). Writes of other nodes are seen when the entry has become too
//! old, or at once by a [`feed`].
//!
//! Only records are cached, never their absence: guesses at credentials would
//! else push the records out, and a login would be unknown where somebody had
//! asked for it too early.

pub mod feed;
mod fences;

use std::num::NonZeroU32;
use std::sync::Arc;

use authbench_core::{
    Clock, Digest, Inserted, LoginId, OutageBehaviour, Record, RecordStore, Rotated, Staleness,
    StoreError, StorePromises, SubjectId, Swapped, Touch, UnixMs,
};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};

use crate::traffic::{HasTraffic, Traffic};
use feed::{Change, Feed, FeedSettings};
use fences::Fences;

/// What a cache may hold, and for how long.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CachedSettings {
    /// Milliseconds for which a record is taken from the cache, counted from
    /// before it was read; 0 for no cache.
    pub ttl_ms: u64,
    /// Records that are held at most.
    pub entries_max: NonZeroU32,
}

impl Default for CachedSettings {
    /// One second, a hundred thousand records.
    fn default() -> Self {
        Self {
            ttl_ms: 1_000,
            entries_max: NonZeroU32::new(100_000).unwrap_or(NonZeroU32::MIN),
        }
    }
}

/// A store that reads `S` through a cache.
///
/// Freshness is a matter of the given clock. One that steps back makes entries
/// from before the step last longer by it; one that stands still, for ever.
pub struct Cached<S> {
    inner: S,
    clock: Arc<dyn Clock>,
    ttl_ms: u64,
    entries: Cache<Digest, Entry>,
    fences: Arc<Fences>,
    feed: Option<Feed>,
}

#[derive(Clone)]
struct Entry {
    record: Record,
    read: Stamp,
}

/// From before a read began.
#[derive(Clone, Copy)]
struct Stamp {
    at: UnixMs,
    sequence: u64,
}

impl<S> Cached<S> {
    /// A cache in front of `inner` that learns of other nodes' writes only by
    /// reading again.
    pub fn new(inner: S, settings: CachedSettings, clock: Arc<dyn Clock>) -> Self {
        let CachedSettings {
            ttl_ms,
            entries_max,
        } = settings;
        let entries = match ttl_ms {
            0 => 0,
            _ => usize::try_from(entries_max.get()).unwrap_or(usize::MAX),
        };
        Self {
            inner,
            clock,
            ttl_ms,
            entries: Cache::new(entries),
            fences: Arc::new(Fences::new()),
            feed: None,
        }
    }

    /// The same, and nodes on one feed tell each other what they wrote, so that
    /// the cache holds what is old for the moment that the message takes. That
    /// is no promise: messages get lost. While this node knows that it hears
    /// nothing, it asks the store. Needs a tokio runtime, on which it listens.
    ///
    /// # Errors
    /// [`StoreError`] if the feed's server cannot be reached now.
    pub async fn with_feed(
        inner: S,
        settings: CachedSettings,
        clock: Arc<dyn Clock>,
        feed: FeedSettings,
    ) -> Result<Self, StoreError> {
        let cached = Self::new(inner, settings, clock);
        let feed = Feed::open(feed, Arc::clone(&cached.fences)).await?;
        Ok(Self {
            feed: Some(feed),
            ..cached
        })
    }

    /// The store inside.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    fn stamp(&self) -> Stamp {
        Stamp {
            at: self.clock.now(),
            sequence: self.fences.sequence(),
        }
    }

    fn cached(&self, key: &Digest) -> Option<Record> {
        if self.ttl_ms == 0 {
            return None;
        }
        let entry = self.entries.get(key)?;
        let now = self.clock.now();
        // An entry of the future was read before the clock stepped back.
        let is_fresh = entry.read.at <= now && now.since(entry.read.at) < self.ttl_ms;
        let counts = is_fresh && self.fences.admit(key, &entry.record, entry.read.sequence);
        counts.then_some(entry.record)
    }

    /// Keeps what a read found that began at `read`.
    fn keep(&self, key: &Digest, found: Option<&Record>, read: Stamp) {
        match found {
            _ if self.ttl_ms == 0 => {}
            None => {
                self.entries.remove(key);
            }
            Some(record) => {
                if self.fences.admit(key, record, read.sequence) {
                    let record = record.clone();
                    self.entries.insert(*key, Entry { record, read });
                }
            }
        }
    }

    async fn announce(&self, change: Change<'_>) {
        if let Some(feed) = &self.feed {
            feed.announce(change).await;
        }
    }
}

/// What a cache makes of the staleness of the store behind it: what it reads is
/// as old as the store allows, and then it keeps that.
fn through_cache(staleness: Staleness, ttl_ms: u64) -> Staleness {
    match staleness {
        _ if ttl_ms == 0 => staleness,
        Staleness::Immediate => Staleness::WithinMs(ttl_ms),
        Staleness::WithinMs(ms) => Staleness::WithinMs(ms.saturating_add(ttl_ms)),
        Staleness::UntilExpiry => Staleness::UntilExpiry,
    }
}

impl<S: HasTraffic> HasTraffic for Cached<S> {
    /// That of the store; the feed's is not in it.
    fn traffic(&self) -> Option<Traffic> {
        self.inner.traffic()
    }
}

impl<S: std::fmt::Debug> std::fmt::Debug for Cached<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cached")
            .field("inner", &self.inner)
            .field("ttl_ms", &self.ttl_ms)
            .field("entries", &self.entries.len())
            .finish_non_exhaustive()
    }
}

impl<S: RecordStore> RecordStore for Cached<S> {
    fn promises(&self) -> StorePromises {
        let StorePromises {
            staleness,
            durability,
            outage,
        } = self.inner.promises();
        StorePromises {
            staleness: through_cache(staleness, self.ttl_ms),
            durability,
            outage: match self.ttl_ms {
                0 => outage,
                _ => outage.max(OutageBehaviour::Coasts),
            },
        }
    }

    async fn insert_new(&self, key: &Digest, record: &Record) -> Result<Inserted, StoreError> {
        // An entry may be left of a record that another node deleted.
        let _write = self.fences.write_key(key);
        self.inner.insert_new(key, record).await
    }

    async fn get(&self, key: &Digest) -> Result<Option<Record>, StoreError> {
        if let Some(record) = self.cached(key) {
            return Ok(Some(record));
        }
        let read = self.stamp();
        let found = self.inner.get(key).await?;
        self.keep(key, found.as_ref(), read);
        Ok(found)
    }

    async fn get_many(&self, keys: &[Digest]) -> Result<Vec<Option<Record>>, StoreError> {
        let mut found: Vec<_> = keys.iter().map(|key| self.cached(key)).collect();
        let missing = keys.iter().zip(&found).filter(|(_, found)| found.is_none());
        let missing: Vec<Digest> = missing.map(|(key, _)| *key).collect();
        if missing.is_empty() {
            return Ok(found);
        }
        let read = self.stamp();
        let answers = self.inner.get_many(&missing).await?;
        for (key, answer) in missing.iter().zip(&answers) {
            self.keep(key, answer.as_ref(), read);
        }
        let gaps = found.iter_mut().filter(|found| found.is_none());
        for (gap, answer) in gaps.zip(answers) {
            *gap = answer;
        }
        Ok(found)
    }

    /// Answered by the cache while no touch is due and the record is not yet
    /// too old for one: its latest use can only be later than the cache knows.
    async fn get_touched(
        &self,
        key: &Digest,
        at: UnixMs,
        touch: Touch,
    ) -> Result<Option<Record>, StoreError> {
        if let Some(record) = self.cached(key)
            && !touch.is_due(record.used_at, at)
            && at.since(record.used_at) < touch.within_ms
        {
            return Ok(Some(record));
        }
        let read = self.stamp();
        let found = self.inner.get_touched(key, at, touch).await;
        let is_touched = match &found {
            Ok(None) => false,
            Ok(Some(record)) => at < record.expires_at && touch.is_due(record.used_at, at),
            Err(_) => true,
        };
        if is_touched {
            // Now the entry is old, and so is what we hold. The next read,
            // which costs no touch, fetches it.
            drop(self.fences.write_key(key));
            return found;
        }
        let found = found?;
        self.keep(key, found.as_ref(), read);
        Ok(found)
    }

    async fn rotate(
        &self,
        key: &Digest,
        expected_generation: u32,
        at: UnixMs,
    ) -> Result<Rotated, StoreError> {
        let write = self.fences.write_key(key);
        let rotated = self.inner.rotate(key, expected_generation, at).await;
        drop(write);
        if !matches!(rotated, Ok(Rotated::Stale(_) | Rotated::Missing)) {
            self.announce(Change::Key(key)).await;
        }
        rotated
    }

    async fn compare_and_swap(
        &self,
        key: &Digest,
        expected_revision: u32,
        record: &Record,
    ) -> Result<Swapped, StoreError> {
        let write = self.fences.write_key(key);
        let swap = self.inner.compare_and_swap(key, expected_revision, record);
        let swapped = swap.await;
        drop(write);
        if !matches!(swapped, Ok(Swapped::Stale | Swapped::Missing)) {
            self.announce(Change::Key(key)).await;
        }
        swapped
    }

    async fn delete(&self, key: &Digest) -> Result<bool, StoreError> {
        let write = self.fences.write_key(key);
        let deleted = self.inner.delete(key).await;
        drop(write);
        if !matches!(deleted, Ok(false)) {
            self.announce(Change::Key(key)).await;
        }
        deleted
    }

    async fn delete_by_subject(
        &self,
        subject: &SubjectId,
        keep: Option<LoginId>,
    ) -> Result<u64, StoreError> {
        let write = self.fences.write_subject(subject);
        let deleted = self.inner.delete_by_subject(subject, keep).await;
        drop(write);
        if !matches!(deleted, Ok(0)) {
            self.announce(Change::Subject(subject)).await;
        }
        deleted
    }

    /// Never from the cache: a list of one's own logins should be true.
    async fn list_by_subject(
        &self,
        subject: &SubjectId,
    ) -> Result<Vec<(Digest, Record)>, StoreError> {
        self.inner.list_by_subject(subject).await
    }

    /// Not announced: whoever reads a record that had expired refuses it.
    async fn purge(&self, at: UnixMs, limit: u64) -> Result<u64, StoreError> {
        let _write = self.fences.write_expired(at);
        self.inner.purge(at, limit).await
    }
}

#[cfg(test)]
mod tests;
