//! Finds slot numbers by hash.
//!
//! A table of `u64`, each a hash and a slot number, searched linearly from the
//! hash's home on. A table with control octets apart, as hashbrown has it,
//! touches one cache line more for each look-up, and with 10^6 logins that
//! line is outside the caches: `Session::authenticate` then took a quarter
//! longer (720 against 550 ns, in turns on one busy machine). The hash beside
//! the number lets the table grow without a look at the entries, which would
//! stop the readers of a shard for milliseconds.

/// The table is doubled when it would be fuller than this, in quarters.
const MAX_LOAD_QUARTERS: usize = 3;

const MIN_PLACES: usize = 16;

/// In the table: no entry. Slot numbers end far below `u32::MAX`.
const EMPTY: u64 = u64::MAX;

pub(super) struct Index {
    /// Its length is 0 or a power of two, and some place is always empty.
    places: Vec<u64>,
    len: usize,
}

const fn pack(hash: u32, slot: u32) -> u64 {
    (hash as u64) << 32 | slot as u64
}

const fn hash_of(place: u64) -> u32 {
    (place >> 32) as u32
}

impl Index {
    pub(super) const fn new() -> Self {
        Self {
            places: Vec::new(),
            len: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The slots that were inserted with this hash.
    pub(super) fn candidates(&self, hash: u32) -> impl Iterator<Item = u32> {
        let run = self
            .run(hash)
            .map(|at| self.places[at])
            .take_while(|place| *place != EMPTY);
        run.filter(move |place| hash_of(*place) == hash)
            .map(|place| place as u32)
    }

    pub(super) fn insert(&mut self, hash: u32, slot: u32) {
        if (self.len + 1) * 4 > self.places.len() * MAX_LOAD_QUARTERS {
            self.grow();
        }
        self.place(pack(hash, slot));
        self.len += 1;
    }

    /// Says whether this slot was there with this hash.
    pub(super) fn remove(&mut self, hash: u32, slot: u32) -> bool {
        let wanted = pack(hash, slot);
        let mut run = self.run(hash).take_while(|at| self.places[*at] != EMPTY);
        let Some(mut hole) = run.find(|at| self.places[*at] == wanted) else {
            return false;
        };
        // Later entries of the run move back into the hole, unless that would
        // put them before their home.
        let mask = self.places.len() - 1;
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let place = self.places[at];
            if place == EMPTY {
                break;
            }
            let home = hash_of(place) as usize & mask;
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(hole) & mask) {
                self.places[hole] = place;
                hole = at;
            }
        }
        self.places[hole] = EMPTY;
        self.len -= 1;
        true
    }

    /// All places, from the home of `hash` on.
    fn run(&self, hash: u32) -> impl Iterator<Item = usize> + use<> {
        let places = self.places.len();
        let mask = places.wrapping_sub(1);
        (0..places).map(move |step| (hash as usize).wrapping_add(step) & mask)
    }

    fn place(&mut self, place: u64) {
        if let Some(at) = self
            .run(hash_of(place))
            .find(|at| self.places[*at] == EMPTY)
        {
            self.places[at] = place;
        }
    }

    fn grow(&mut self) {
        let doubled = (self.places.len() * 2).max(MIN_PLACES);
        let old = std::mem::replace(&mut self.places, vec![EMPTY; doubled]);
        for place in old.into_iter().filter(|place| *place != EMPTY) {
            self.place(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Few hashes, with homes at both ends of the table, so that runs
        /// collide, wrap round and are mended.
        #[test]
        fn finds_what_a_set_would_find(
            steps in prop::collection::vec((any::<bool>(), 0..12_u32, 0..24_u32), 1..200),
        ) {
            let hashes = |n: u32| if n < 6 { n / 2 } else { u32::MAX - n };
            let (mut index, mut model) = (Index::new(), BTreeSet::new());
            for (insert, n, slot) in steps {
                let hash = hashes(n);
                if !insert {
                    prop_assert_eq!(index.remove(hash, slot), model.remove(&(hash, slot)));
                } else if model.insert((hash, slot)) {
                    index.insert(hash, slot);
                }
                prop_assert_eq!(index.len(), model.len());
                for hash in (0..12).map(hashes) {
                    let mut found: Vec<u32> = index.candidates(hash).collect();
                    found.sort_unstable();
                    let range = model.range((hash, 0)..=(hash, u32::MAX));
                    prop_assert_eq!(found, range.map(|(_, slot)| *slot).collect::<Vec<_>>());
                }
            }
        }
    }
}
