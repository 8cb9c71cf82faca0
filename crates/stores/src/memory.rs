//! Records in the memory of this process.
//!
//! Two sharded tables: the records by digest, and for each subject the list of
//! where its records are. Reading a record takes one shared lock of one shard.
//!
//! **Order of locks.** Whatever adds or removes a record holds its subject's
//! lock from beginning to end, and takes the locks of record shards only
//! inside it, several of them in ascending order. So for one subject additions
//! and removals happen one after the other, its list is exact whenever the
//! lock is free, and a record cannot be found by digest but missed by the
//! list. Swap, touch and rotation take the record's shard alone: they find the
//! record under that lock or not at all, and so never bring one back.
//!
//! Memory that deleted records held is used again for new ones, but is not
//! given back to the system.

mod place;
mod slots;
mod tables;

use std::sync::atomic::{AtomicU64, Ordering};

use authbench_core::{
    Digest, Durability, Inserted, LoginId, OutageBehaviour, Record, RecordStore, Rotated,
    Staleness, StoreError, StoreFault, StorePromises, SubjectId, Swapped, Touch, UnixMs,
};

use crate::inspect::Inspect;
use crate::payload::PayloadTooLong;
use place::Position;
use tables::{Full, ParkingLot, Tables};

const STORE: &str = "memory";

/// Chunks that a sweep looks at before it lets other tasks run.
const CHUNKS_PER_TURN: usize = 8;

/// Keeps records in this process. All is lost when it ends; replicas share it
/// only within the process, behind an `Arc`. Holds up to 2^26 records in each
/// of its 64 shards.
pub struct MemoryStore {
    tables: Tables<ParkingLot>,
    /// Where the next sweep begins: a [`Position`].
    sweep: AtomicU64,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self {
            tables: Tables::new(),
            sweep: AtomicU64::new(0),
        }
    }

    /// An empty store whose subjects have the same places in every process
    /// with this seed: for counts that must come out the same each time. Never
    /// for a server that is reached from outside: whoever knows the seed can
    /// choose names that all fall into one place.
    #[must_use]
    pub fn with_hash_seed(seed: u64) -> Self {
        Self {
            tables: Tables::seeded(seed),
            sweep: AtomicU64::new(0),
        }
    }

    /// How many records there are, expired ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tables.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }
}

fn check_payload(record: &Record, operation: &'static str) -> Result<(), StoreError> {
    PayloadTooLong::check(&record.payload).map_err(|source| StoreError {
        store: STORE,
        operation,
        fault: StoreFault::Rejected,
        source: Some(Box::new(source)),
    })
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore")
            .field("records", &self.len())
            .finish_non_exhaustive()
    }
}

impl RecordStore for MemoryStore {
    fn promises(&self) -> StorePromises {
        StorePromises {
            staleness: Staleness::Immediate,
            durability: Durability::None,
            outage: OutageBehaviour::FailsClosed,
        }
    }

    async fn insert_new(&self, key: &Digest, record: &Record) -> Result<Inserted, StoreError> {
        check_payload(record, "insert a record")?;
        self.tables.insert(key, record).map_err(|Full| StoreError {
            store: STORE,
            operation: "insert a record",
            fault: StoreFault::Rejected,
            source: None,
        })
    }

    async fn get(&self, key: &Digest) -> Result<Option<Record>, StoreError> {
        Ok(self.tables.lookup(key, Record::clone))
    }

    async fn get_touched(
        &self,
        key: &Digest,
        at: UnixMs,
        touch: Touch,
    ) -> Result<Option<Record>, StoreError> {
        Ok(self.tables.touch(key, at, touch))
    }

    async fn rotate(
        &self,
        key: &Digest,
        expected_generation: u32,
        at: UnixMs,
    ) -> Result<Rotated, StoreError> {
        Ok(self.tables.move_on(key, expected_generation, at))
    }

    async fn compare_and_swap(
        &self,
        key: &Digest,
        expected_revision: u32,
        record: &Record,
    ) -> Result<Swapped, StoreError> {
        check_payload(record, "swap a record")?;
        Ok(self.tables.swap(key, expected_revision, record))
    }

    async fn delete(&self, key: &Digest) -> Result<bool, StoreError> {
        Ok(self.tables.remove_if(key, |_| true))
    }

    async fn delete_by_subject(
        &self,
        subject: &SubjectId,
        keep: Option<LoginId>,
    ) -> Result<u64, StoreError> {
        Ok(self.tables.remove_by_subject(subject, keep))
    }

    async fn list_by_subject(
        &self,
        subject: &SubjectId,
    ) -> Result<Vec<(Digest, Record)>, StoreError> {
        Ok(self.tables.list(subject))
    }

    /// Goes once round the table from where the last sweep stopped, one chunk
    /// of slots a lock; lets other tasks run in between.
    async fn purge(&self, at: UnixMs, limit: u64) -> Result<u64, StoreError> {
        let start = Position::from_bits(self.sweep.load(Ordering::Relaxed));
        let mut position = start;
        let mut removed = 0;
        for turn in 1_usize.. {
            let wanted = limit - removed;
            let keys = self.tables.expired(position, at, wanted);
            let found = keys.as_ref().map_or(0, Vec::len) as u64;
            let here = keys.iter().flatten();
            let gone = here
                .filter(|key| self.tables.remove_if(key, |r| r.expires_at <= at))
                .count();
            removed += gone as u64;
            if removed >= limit {
                break;
            }
            // A full batch of which another sweep took a part leaves a rest.
            if found < wanted {
                position = if keys.is_some() {
                    position.next_chunk()
                } else {
                    position.next_shard()
                };
                if position == start {
                    break;
                }
            }
            if gone > 0 || turn.is_multiple_of(CHUNKS_PER_TURN) {
                tokio::task::yield_now().await;
            }
        }
        self.sweep.store(position.bits(), Ordering::Relaxed);
        Ok(removed)
    }
}

impl Inspect for MemoryStore {
    async fn records(&self) -> Result<Vec<(Digest, Record)>, StoreError> {
        Ok(self.tables.all())
    }
}
