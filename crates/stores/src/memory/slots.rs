//! A hash table whose entries stay where they are put.
//!
//! Entries live in chunks of a fixed size, so that growth neither moves them
//! nor needs twice the memory for a moment, and their slot numbers are good
//! until removal. The index holds only numbers (see [`index`]).

mod index;

use index::Index;

/// Entries in one chunk: the unit of growth and of sweeping.
pub(super) const CHUNK_SLOTS: usize = 512;

/// Slot numbers are below this: they share a `u32` with a shard's number.
pub(super) const MAX_SLOTS: usize = 1 << 26;

const NO_SLOT: u32 = u32::MAX;

pub(super) struct SlotTable<T> {
    index: Index,
    /// All but the last are full; room is reserved when a chunk is begun, and
    /// the system gives the pages when they are first written.
    chunks: Vec<Vec<Slot<T>>>,
    /// Head of the list of freed slots, or [`NO_SLOT`].
    free: u32,
}

enum Slot<T> {
    Free { next: u32 },
    Used(T),
}

const fn split(slot: u32) -> (usize, usize) {
    (slot as usize / CHUNK_SLOTS, slot as usize % CHUNK_SLOTS)
}

impl<T> SlotTable<T> {
    pub(super) const fn new() -> Self {
        Self {
            index: Index::new(),
            chunks: Vec::new(),
            free: NO_SLOT,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// The entry with this hash that `matches`, and its slot.
    pub(super) fn find(&self, hash: u32, matches: impl Fn(&T) -> bool) -> Option<(u32, &T)> {
        self.index.candidates(hash).find_map(|slot| {
            let entry = self.get(slot)?;
            matches(entry).then_some((slot, entry))
        })
    }

    pub(super) fn get(&self, slot: u32) -> Option<&T> {
        let (chunk, offset) = split(slot);
        match self.chunks.get(chunk)?.get(offset)? {
            Slot::Used(entry) => Some(entry),
            Slot::Free { .. } => None,
        }
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        match self.slot_mut(slot)? {
            Slot::Used(entry) => Some(entry),
            Slot::Free { .. } => None,
        }
    }

    /// Puts `entry` into a free slot and returns the slot's number; `None` if
    /// the table is full. The caller has looked that no such entry is there.
    pub(super) fn insert(&mut self, hash: u32, entry: T) -> Option<u32> {
        let slot = match self.free {
            NO_SLOT => self.push(entry)?,
            slot => {
                let place = self.slot_mut(slot)?;
                let Slot::Free { next } = std::mem::replace(place, Slot::Used(entry)) else {
                    unreachable!("a slot of the free list is free");
                };
                self.free = next;
                slot
            }
        };
        self.index.insert(hash, slot);
        Some(slot)
    }

    /// Takes out the entry that [`SlotTable::insert`] put into `slot` with
    /// this hash.
    pub(super) fn remove(&mut self, hash: u32, slot: u32) -> Option<T> {
        if !self.index.remove(hash, slot) {
            return None;
        }
        let next = self.free;
        match std::mem::replace(self.slot_mut(slot)?, Slot::Free { next }) {
            Slot::Used(entry) => {
                self.free = slot;
                Some(entry)
            }
            Slot::Free { .. } => unreachable!("the index names used slots only"),
        }
    }

    /// The entries of one chunk; `None` from the end of the table on.
    pub(super) fn chunk(&self, number: usize) -> Option<impl Iterator<Item = &T>> {
        Some(
            self.chunks
                .get(number)?
                .iter()
                .filter_map(|slot| match slot {
                    Slot::Used(entry) => Some(entry),
                    Slot::Free { .. } => None,
                }),
        )
    }

    fn slot_mut(&mut self, slot: u32) -> Option<&mut Slot<T>> {
        let (chunk, offset) = split(slot);
        self.chunks.get_mut(chunk)?.get_mut(offset)
    }

    /// Adds `entry` behind all others.
    fn push(&mut self, entry: T) -> Option<u32> {
        if self
            .chunks
            .last()
            .is_none_or(|chunk| chunk.len() == CHUNK_SLOTS)
        {
            if (self.chunks.len() + 1) * CHUNK_SLOTS > MAX_SLOTS {
                return None;
            }
            self.chunks.push(Vec::with_capacity(CHUNK_SLOTS));
        }
        let before = (self.chunks.len() - 1) * CHUNK_SLOTS;
        let chunk = self.chunks.last_mut()?;
        let slot = u32::try_from(before + chunk.len()).ok()?;
        chunk.push(Slot::Used(entry));
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_reused_and_entries_stay() {
        let mut table = SlotTable::new();
        let slots: Vec<u32> = (0..2000u32)
            .map(|n| table.insert(n % 7, n).expect("room"))
            .collect();
        assert_eq!(table.len(), 2000);
        for (n, &slot) in (0..).zip(&slots) {
            assert_eq!(table.get(slot), Some(&n));
            assert_eq!(table.find(n % 7, |entry| *entry == n), Some((slot, &n)));
        }
        assert_eq!(table.remove(0, slots[1]), None, "another entry's hash");
        assert_eq!(table.remove(1, slots[1]), Some(1));
        assert_eq!(table.remove(1, slots[1]), None);
        assert_eq!(table.get(slots[1]), None);
        assert_eq!(table.insert(9, 5000), Some(slots[1]));
        let chunks = (0..).map_while(|n| table.chunk(n).map(Iterator::count));
        assert_eq!(chunks.sum::<usize>(), 2000);
    }
}
