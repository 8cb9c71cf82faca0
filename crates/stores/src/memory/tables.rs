//! The two tables and the order in which their locks are taken.

mod locks;
#[cfg(test)]
mod model;

use std::hash::BuildHasher as _;

use authbench_core::{
    Digest, Inserted, LoginId, Record, Rotated, SubjectId, Swapped, Touch, UnixMs,
};
use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;
use smallvec::SmallVec;

pub(super) use locks::ParkingLot;

use super::place::{Hashed, Location, Position, SHARDS};
use super::slots::SlotTable;
use locks::{Lock as _, Locks, SharedLock as _};

/// Records by digest, and the places of each subject's records.
pub(super) struct Tables<L: Locks> {
    records: Box<[RecordShard<L>]>,
    owners: Box<[OwnerShard<L>]>,
    subject_hasher: SeedableRandomState,
}

type RecordShard<L> = Padded<<L as Locks>::Shared<SlotTable<Entry>>>;
type OwnerShard<L> = Padded<<L as Locks>::Exclusive<SlotTable<Owner>>>;

/// A shard has no room.
pub(super) struct Full;

/// A record with its key.
struct Entry {
    key: Digest,
    record: Record,
}

/// A subject and where its records are. A list of four needs no allocation.
/// Never empty outside the subject's lock.
struct Owner {
    subject: SubjectId,
    records: SmallVec<[Location; 4]>,
}

/// On cache lines of its own, so that the lock of one shard does not slow down
/// its neighbours.
#[repr(align(128))]
struct Padded<T>(T);

// A record costs its slot, its place in the index (11 to 21 octets), and its
// part of the subject's entry.
const _: () = assert!(size_of::<Entry>() == 136 && size_of::<Owner>() == 48);

impl<L: Locks> Tables<L> {
    pub(super) fn new() -> Self {
        Self::hashed_by(SeedableRandomState::random())
    }

    /// Tables in which the same subjects have the same places in every
    /// process.
    pub(super) fn seeded(seed: u64) -> Self {
        let seeded = SeedableRandomState::with_seed(seed, SharedSeed::global_fixed());
        Self::hashed_by(seeded)
    }

    fn hashed_by(subject_hasher: SeedableRandomState) -> Self {
        Self {
            records: (0..SHARDS)
                .map(|_| Padded(L::Shared::new(SlotTable::new())))
                .collect(),
            owners: (0..SHARDS)
                .map(|_| Padded(L::Exclusive::new(SlotTable::new())))
                .collect(),
            subject_hasher,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.records.iter().map(|shard| shard.0.read().len()).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.iter().all(|shard| shard.0.read().len() == 0)
    }

    pub(super) fn lookup<T>(&self, key: &Digest, read: impl FnOnce(&Record) -> T) -> Option<T> {
        let at = Hashed::key(key);
        let shard = self.records[at.shard].0.read();
        shard
            .find(at.hash, |entry| entry.key == *key)
            .map(|(_, entry)| read(&entry.record))
    }

    pub(super) fn insert(&self, key: &Digest, record: &Record) -> Result<Inserted, Full> {
        let (at, owner_at) = (Hashed::key(key), self.hash_subject(&record.subject));
        let mut owners = self.owners[owner_at.shard].0.lock();
        let mut shard = self.records[at.shard].0.write();
        if shard.find(at.hash, |entry| entry.key == *key).is_some() {
            return Ok(Inserted::Taken);
        }
        let entry = Entry {
            key: *key,
            record: Record {
                revision: 0,
                ..record.clone()
            },
        };
        let slot = shard.insert(at.hash, entry).ok_or(Full)?;
        let location = Location::new(at.shard, slot);
        if !owners.add_location(owner_at.hash, &record.subject, location) {
            shard.remove(at.hash, slot);
            return Err(Full);
        }
        Ok(Inserted::New)
    }

    pub(super) fn swap(&self, key: &Digest, expected_revision: u32, record: &Record) -> Swapped {
        let swapped = self.change(key, |held| {
            if held.revision != expected_revision {
                return Swapped::Stale;
            }
            let Record {
                subject: _,
                login: _,
                roles,
                issued_at,
                expires_at,
                used_at,
                generation,
                revision: _,
                payload,
            } = record;
            held.roles.clone_from(roles);
            held.issued_at = *issued_at;
            held.expires_at = *expires_at;
            held.used_at = held.used_at.max(*used_at);
            held.generation = *generation;
            held.revision = expected_revision.wrapping_add(1);
            held.payload.clone_from(payload);
            Swapped::Done
        });
        swapped.unwrap_or(Swapped::Missing)
    }

    /// Most uses are not written down and take the shared lock alone.
    pub(super) fn touch(&self, key: &Digest, at: UnixMs, touch: Touch) -> Option<Record> {
        let due = |held: &Record| at < held.expires_at && touch.is_due(held.used_at, at);
        let (found, is_due) = self.lookup(key, |held| (held.clone(), due(held)))?;
        if !is_due {
            return Some(found);
        }
        self.change(key, |held| {
            let before = held.clone();
            if due(held) {
                held.used_at = at;
            }
            before
        })
    }

    pub(super) fn move_on(&self, key: &Digest, expected_generation: u32, at: UnixMs) -> Rotated {
        let rotated = self.change(key, |held| {
            if held.generation != expected_generation || at >= held.expires_at {
                return Rotated::Stale(held.clone());
            }
            held.generation = expected_generation.wrapping_add(1);
            held.revision = held.revision.wrapping_add(1);
            held.used_at = held.used_at.max(at);
            Rotated::Done(held.clone())
        });
        rotated.unwrap_or(Rotated::Missing)
    }

    /// Works on the record under `key` within its shard's lock, if it is there.
    fn change<T>(&self, key: &Digest, work: impl FnOnce(&mut Record) -> T) -> Option<T> {
        let at = Hashed::key(key);
        let mut shard = self.records[at.shard].0.write();
        let (slot, _) = shard.find(at.hash, |entry| entry.key == *key)?;
        shard.get_mut(slot).map(|entry| work(&mut entry.record))
    }

    /// Removes the record under `key` if it is `wanted`.
    pub(super) fn remove_if(&self, key: &Digest, wanted: impl Fn(&Record) -> bool) -> bool {
        let at = Hashed::key(key);
        // The subject's lock comes first, so its name is read beforehand. Until
        // the lock is held the record may go, and even return as another's.
        while let Some(subject) = self.lookup(key, |record| record.subject.clone()) {
            let owner_at = self.hash_subject(&subject);
            let mut owners = self.owners[owner_at.shard].0.lock();
            let mut shard = self.records[at.shard].0.write();
            match shard.find(at.hash, |entry| entry.key == *key) {
                None => return false,
                Some((_, entry)) if entry.record.subject != subject => {}
                Some((_, entry)) if !wanted(&entry.record) => return false,
                Some((slot, _)) => {
                    let removed = shard.remove(at.hash, slot);
                    drop(shard);
                    let location = Location::new(at.shard, slot);
                    owners.remove_location(owner_at.hash, &subject, location);
                    return removed.is_some();
                }
            }
        }
        false
    }

    pub(super) fn remove_by_subject(&self, subject: &SubjectId, keep: Option<LoginId>) -> u64 {
        let at = self.hash_subject(subject);
        let mut owners = self.owners[at.shard].0.lock();
        let Some((slot, owner)) = owners.find_owner(at.hash, subject) else {
            return 0;
        };
        // All shards are locked before the first record goes: a reader sees
        // either every record or none.
        let groups = owner.by_shard();
        let mut shards: SmallVec<[_; 4]> = groups
            .clone()
            .map(|group| self.records[group[0].shard()].0.write())
            .collect();
        let mut kept = SmallVec::new();
        let mut removed = 0;
        for (shard, group) in shards.iter_mut().zip(groups) {
            for &location in group {
                match shard.get(location.slot()) {
                    Some(entry) if Some(entry.record.login) == keep => kept.push(location),
                    Some(entry) => {
                        let hash = Hashed::key(&entry.key).hash;
                        removed += u64::from(shard.remove(hash, location.slot()).is_some());
                    }
                    None => unreachable!("a subject's list names its records"),
                }
            }
        }
        drop(shards);
        if kept.is_empty() {
            owners.remove(at.hash, slot);
        } else {
            owner.records = kept;
        }
        removed
    }

    pub(super) fn list(&self, subject: &SubjectId) -> Vec<(Digest, Record)> {
        let at = self.hash_subject(subject);
        let mut owners = self.owners[at.shard].0.lock();
        let Some((_, owner)) = owners.find_owner(at.hash, subject) else {
            return Vec::new();
        };
        // All shards are locked before the first record is read: the list is
        // of one instant.
        let groups = owner.by_shard();
        let shards: SmallVec<[_; 4]> = groups
            .clone()
            .map(|group| self.records[group[0].shard()].0.read())
            .collect();
        let entries = shards.iter().zip(groups).flat_map(|(shard, group)| {
            group
                .iter()
                .filter_map(|location| shard.get(location.slot()))
        });
        entries
            .map(|entry| (entry.key, entry.record.clone()))
            .collect()
    }

    /// Every record with its key, one shard after the other.
    pub(super) fn all(&self) -> Vec<(Digest, Record)> {
        let mut all = Vec::new();
        for shard in &self.records {
            let shard = shard.0.read();
            let chunks = (0..).map_while(|number| shard.chunk(number));
            all.extend(chunks.flatten().map(|e| (e.key, e.record.clone())));
        }
        all
    }

    /// The keys of up to `limit` records of one chunk that have expired; `None`
    /// past the shard's last chunk.
    pub(super) fn expired(
        &self,
        position: Position,
        at: UnixMs,
        limit: u64,
    ) -> Option<Vec<Digest>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let shard = self.records[position.shard].0.read();
        let entries = shard.chunk(position.chunk)?;
        let expired = entries.filter(|entry| entry.record.expires_at <= at);
        Some(expired.take(limit).map(|entry| entry.key).collect())
    }

    fn hash_subject(&self, subject: &SubjectId) -> Hashed {
        Hashed::new(self.subject_hasher.hash_one(subject.as_str()))
    }
}

impl SlotTable<Owner> {
    fn find_owner(&mut self, hash: u32, subject: &SubjectId) -> Option<(u32, &mut Owner)> {
        let (slot, _) = self.find(hash, |owner| owner.subject == *subject)?;
        self.get_mut(slot).map(|owner| (slot, owner))
    }

    /// Says whether there was room.
    fn add_location(&mut self, hash: u32, subject: &SubjectId, location: Location) -> bool {
        if let Some((_, owner)) = self.find_owner(hash, subject) {
            owner.records.push(location);
            return true;
        }
        let records = SmallVec::from_slice(&[location]);
        self.insert(
            hash,
            Owner {
                subject: subject.clone(),
                records,
            },
        )
        .is_some()
    }

    fn remove_location(&mut self, hash: u32, subject: &SubjectId, location: Location) {
        let Some((slot, owner)) = self.find_owner(hash, subject) else {
            return;
        };
        if let Some(index) = owner.records.iter().position(|held| *held == location) {
            owner.records.swap_remove(index);
        }
        if owner.records.is_empty() {
            self.remove(hash, slot);
        }
    }
}

impl Owner {
    /// The places of the records, those of one shard together, shards in
    /// ascending order.
    fn by_shard(&mut self) -> impl Iterator<Item = &[Location]> + Clone {
        self.records.sort_unstable();
        self.records.chunk_by(|a, b| a.shard() == b.shard())
    }
}
