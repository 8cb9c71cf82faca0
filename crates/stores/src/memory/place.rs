//! Where things are: shards, slots in them, and chunks of slots.

use authbench_core::Digest;

use super::slots::MAX_SLOTS;

/// Shards of each table: enough that a writer seldom stops a reader on any
/// machine, few enough that an empty store is small.
pub(super) const SHARDS: usize = 64;

// A location is 32 bits.
const _: () = assert!(SHARDS * MAX_SLOTS == 1 << 32);

/// Shard and slot of a record. Ordered by shard.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Location(u32);

/// A chunk of a record shard: how far a sweep has come.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) struct Position {
    pub(super) shard: usize,
    pub(super) chunk: usize,
}

/// Which shard, and the hash within it.
#[derive(Clone, Copy)]
pub(super) struct Hashed {
    pub(super) shard: usize,
    pub(super) hash: u32,
}

impl Location {
    pub(super) fn new(shard: usize, slot: u32) -> Self {
        let shard = u32::try_from(shard).unwrap_or(0);
        Self(shard << MAX_SLOTS.ilog2() | slot)
    }

    pub(super) const fn shard(self) -> usize {
        self.0 as usize / MAX_SLOTS
    }

    pub(super) const fn slot(self) -> u32 {
        self.0 & (MAX_SLOTS as u32 - 1)
    }
}

impl Position {
    pub(super) const fn from_bits(bits: u64) -> Self {
        Self {
            shard: (bits >> 32) as usize % SHARDS,
            chunk: bits as u32 as usize,
        }
    }

    pub(super) const fn bits(self) -> u64 {
        (self.shard as u64) << 32 | self.chunk as u64
    }

    pub(super) const fn next_chunk(self) -> Self {
        Self {
            shard: self.shard,
            chunk: self.chunk + 1,
        }
    }

    pub(super) const fn next_shard(self) -> Self {
        Self {
            shard: (self.shard + 1) % SHARDS,
            chunk: 0,
        }
    }
}

impl Hashed {
    /// Shard and table use different bits: the highest and the lowest.
    pub(super) const fn new(hash: u64) -> Self {
        Self {
            shard: (hash >> (64 - SHARDS.ilog2())) as usize,
            hash: hash as u32,
        }
    }

    pub(super) fn key(key: &Digest) -> Self {
        Self::new(key.prefix())
    }
}
