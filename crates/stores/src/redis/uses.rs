//! When records were last used, as far as this node has seen.
//!
//! A use never goes back. So a record that was seen used at an instant needs no
//! writing down of uses shortly after it, and a plain `GET` will do, which is
//! half the work of a script for the server. What is remembered here may be of
//! another record, or of one that was replaced: whoever acts on it looks at the
//! record that the `GET` brings.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use authbench_core::{Digest, UnixMs};

/// Bits of a place that hold the instant: enough for 500 years.
const INSTANT_BITS: u32 = 44;

/// A table of fixed size, one place for each key, which the last one takes.
#[derive(Debug)]
pub(super) struct LatestUses {
    places: u32,
    /// Made at the first use. A place is the key's mark above the instant.
    table: OnceLock<Box<[AtomicU64]>>,
}

impl LatestUses {
    /// Remembers up to `places` records, rounded up to a power of two; 0 for
    /// none.
    pub(super) const fn new(places: u32) -> Self {
        Self {
            places,
            table: OnceLock::new(),
        }
    }

    /// The latest use that was noted for `key`, if it is remembered.
    pub(super) fn latest(&self, key: &Digest) -> Option<UnixMs> {
        let (place, mark) = self.place(key)?;
        let held = place.load(Ordering::Relaxed);
        (held >> INSTANT_BITS == mark).then_some(UnixMs(held & ((1 << INSTANT_BITS) - 1)))
    }

    pub(super) fn note(&self, key: &Digest, used_at: UnixMs) {
        if used_at.0 >> INSTANT_BITS == 0
            && let Some((place, mark)) = self.place(key)
        {
            place.store(mark << INSTANT_BITS | used_at.0, Ordering::Relaxed);
        }
    }

    fn place(&self, key: &Digest) -> Option<(&AtomicU64, u64)> {
        if self.places == 0 {
            return None;
        }
        let table = self.table.get_or_init(|| {
            let places = u64::from(self.places).next_power_of_two();
            (0..places).map(|_| AtomicU64::new(0)).collect()
        });
        let prefix = key.prefix();
        let place = prefix & (table.len() as u64 - 1);
        Some((&table[place as usize], prefix >> INSTANT_BITS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(prefix: u64) -> Digest {
        let mut octets = [0; 32];
        octets[..8].copy_from_slice(&prefix.to_le_bytes());
        Digest(octets)
    }

    #[test]
    fn remembers_the_last_of_each_place() {
        let uses = LatestUses::new(3);
        let (a, b) = (key(1 << 60 | 1), key(2 << 60 | 1));
        assert_eq!(uses.latest(&a), None);
        uses.note(&a, UnixMs(7));
        uses.note(&key(1 << 60 | 2), UnixMs(8));
        assert_eq!((uses.latest(&a), uses.latest(&b)), (Some(UnixMs(7)), None));
        uses.note(&b, UnixMs(9));
        assert_eq!((uses.latest(&a), uses.latest(&b)), (None, Some(UnixMs(9))));
        uses.note(&b, UnixMs(1 << 44));
        assert_eq!(uses.latest(&b), Some(UnixMs(9)), "beyond what fits");
    }

    #[test]
    fn without_places_nothing_is_remembered() {
        let uses = LatestUses::new(0);
        uses.note(&key(1), UnixMs(7));
        assert_eq!(uses.latest(&key(1)), None);
    }
}
