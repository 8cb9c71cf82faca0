//! The laws of stores bite: a plain store obeys all of them, and each flaw is
//! caught by the law that is there for it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use authbench_core::{
    Digest, Durability, Inserted, LoginId, OutageBehaviour, Record, RecordStore, Rotated,
    Staleness, StoreError, StorePromises, SubjectId, Swapped, Touch, UnixMs,
};
use authbench_testkit::laws::store::{self, judge, races};
use authbench_testkit::laws::{Broken, Verdict};
use authbench_testkit::store_laws;

/// What a store may do wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Flaw {
    None,
    DeletionAlwaysSaysYes,
    DeletionInSteps,
    DeletionOfASnapshot,
    InsertionInSteps,
    InsertionOverwrites,
    KeepsNobody,
    KeysByPrefix,
    PurgeCountsWhatOthersTook,
    PurgeForgetsItsLimit,
    PurgeLate,
    RevisionOfTheCaller,
    SubjectsByLowerCase,
    SwapInSteps,
    SwapMovesLogin,
    SwapUpserts,
}

/// A map under one lock, which a flaw may let go too early.
struct Plain {
    flaw: Flaw,
    records: Mutex<BTreeMap<Digest, Record>>,
}

type Records<'a> = MutexGuard<'a, BTreeMap<Digest, Record>>;

impl Plain {
    fn lock(&self) -> Records<'_> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets others in, for long enough to be met, if this is the flaw.
    fn gap<'a>(&'a self, flaw: Flaw, held: Records<'a>) -> Records<'a> {
        if self.flaw != flaw {
            return held;
        }
        drop(held);
        std::thread::sleep(Duration::from_micros(300));
        self.lock()
    }

    fn key(&self, key: &Digest) -> Digest {
        let mut key = *key;
        if self.flaw == Flaw::KeysByPrefix {
            key.0[16..].fill(0);
        }
        key
    }

    fn same(&self, a: &SubjectId, b: &SubjectId) -> bool {
        match self.flaw {
            Flaw::SubjectsByLowerCase => a.as_str().eq_ignore_ascii_case(b.as_str()),
            _ => a == b,
        }
    }
}

impl RecordStore for Plain {
    fn promises(&self) -> StorePromises {
        StorePromises {
            staleness: Staleness::Immediate,
            durability: Durability::None,
            outage: OutageBehaviour::FailsClosed,
        }
    }

    async fn insert_new(&self, key: &Digest, record: &Record) -> Result<Inserted, StoreError> {
        let (key, mut records) = (self.key(key), self.lock());
        if records.contains_key(&key) && self.flaw != Flaw::InsertionOverwrites {
            return Ok(Inserted::Taken);
        }
        records = self.gap(Flaw::InsertionInSteps, records);
        let given = record.revision;
        let revision = if self.flaw == Flaw::RevisionOfTheCaller {
            given
        } else {
            0
        };
        records.insert(
            key,
            Record {
                revision,
                ..record.clone()
            },
        );
        Ok(Inserted::New)
    }

    async fn get(&self, key: &Digest) -> Result<Option<Record>, StoreError> {
        Ok(self.lock().get(&self.key(key)).cloned())
    }

    async fn get_touched(
        &self,
        key: &Digest,
        at: UnixMs,
        touch: Touch,
    ) -> Result<Option<Record>, StoreError> {
        let mut records = self.lock();
        let Some(record) = records.get_mut(&self.key(key)) else {
            return Ok(None);
        };
        let before = record.clone();
        if at < record.expires_at && touch.is_due(record.used_at, at) {
            record.used_at = at;
        }
        Ok(Some(before))
    }

    async fn rotate(
        &self,
        key: &Digest,
        expected_generation: u32,
        at: UnixMs,
    ) -> Result<Rotated, StoreError> {
        let mut records = self.lock();
        let Some(record) = records.get_mut(&self.key(key)) else {
            return Ok(Rotated::Missing);
        };
        if record.generation != expected_generation || at >= record.expires_at {
            return Ok(Rotated::Stale(record.clone()));
        }
        record.generation = record.generation.wrapping_add(1);
        record.revision = record.revision.wrapping_add(1);
        record.used_at = record.used_at.max(at);
        Ok(Rotated::Done(record.clone()))
    }

    async fn compare_and_swap(
        &self,
        key: &Digest,
        expected_revision: u32,
        record: &Record,
    ) -> Result<Swapped, StoreError> {
        let (key, mut records) = (self.key(key), self.lock());
        let old = match records.get(&key) {
            Some(old) if old.revision != expected_revision => return Ok(Swapped::Stale),
            Some(old) => old.clone(),
            None if self.flaw == Flaw::SwapUpserts => record.clone(),
            None => return Ok(Swapped::Missing),
        };
        records = self.gap(Flaw::SwapInSteps, records);
        let mut new = Record {
            revision: expected_revision.wrapping_add(1),
            used_at: record.used_at.max(old.used_at),
            ..record.clone()
        };
        if self.flaw != Flaw::SwapMovesLogin {
            (new.subject, new.login) = (old.subject, old.login);
        }
        records.insert(key, new);
        Ok(Swapped::Done)
    }

    async fn delete(&self, key: &Digest) -> Result<bool, StoreError> {
        let deleted = self.lock().remove(&self.key(key)).is_some();
        Ok(deleted || self.flaw == Flaw::DeletionAlwaysSaysYes)
    }

    async fn delete_by_subject(
        &self,
        subject: &SubjectId,
        keep: Option<LoginId>,
    ) -> Result<u64, StoreError> {
        let keep = keep.filter(|_| self.flaw != Flaw::KeepsNobody);
        let mut records = self.lock();
        let theirs = records
            .iter()
            .filter(|(_, record)| self.same(&record.subject, subject));
        let doomed = theirs.filter(|(_, record)| Some(record.login) != keep);
        let mut doomed: Vec<Digest> = doomed.map(|(key, _)| *key).collect();
        if self.flaw == Flaw::DeletionOfASnapshot {
            // As from a list of logins that lags behind.
            doomed.pop();
        }
        let mut deleted = 0;
        for key in doomed {
            deleted += u64::from(records.remove(&key).is_some());
            records = self.gap(Flaw::DeletionInSteps, records);
        }
        Ok(deleted)
    }

    async fn list_by_subject(
        &self,
        subject: &SubjectId,
    ) -> Result<Vec<(Digest, Record)>, StoreError> {
        let records = self.lock();
        let theirs = records
            .iter()
            .filter(|(_, record)| self.same(&record.subject, subject));
        Ok(theirs.map(|(key, record)| (*key, record.clone())).collect())
    }

    async fn purge(&self, at: UnixMs, limit: u64) -> Result<u64, StoreError> {
        let mut records = self.lock();
        let late = u64::from(self.flaw == Flaw::PurgeLate);
        let expired = records
            .iter()
            .filter(|(_, record)| record.expires_at.plus_ms(late) <= at);
        let mut expired: Vec<Digest> = expired.map(|(key, _)| *key).collect();
        if self.flaw != Flaw::PurgeForgetsItsLimit {
            expired.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        records = self.gap(Flaw::PurgeCountsWhatOthersTook, records);
        for key in &expired {
            records.remove(key);
        }
        Ok(expired.len() as u64)
    }
}

async fn sound() -> Result<Plain, StoreError> {
    flawed(Flaw::None).await
}

async fn flawed(flaw: Flaw) -> Result<Plain, StoreError> {
    Ok(Plain {
        flaw,
        records: Mutex::default(),
    })
}

store_laws!(a_sound_store, super::sound);

fn caught(flaw: Flaw, law: impl AsyncFnOnce(&std::sync::Arc<Plain>) -> Verdict) {
    let verdict = judge(async || flawed(flaw).await, law);
    assert!(
        matches!(verdict, Err(Broken::Finding(_))),
        "{flaw:?}: {verdict:?}"
    );
}

#[test]
fn each_law_for_one_caller_catches_its_flaw() {
    caught(Flaw::RevisionOfTheCaller, store::keeps_what_it_is_given);
    caught(Flaw::KeysByPrefix, store::tells_keys_apart);
    caught(Flaw::InsertionOverwrites, store::never_overwrites);
    caught(Flaw::SwapUpserts, store::swaps_only_the_expected_revision);
    caught(Flaw::SwapMovesLogin, store::swap_keeps_subject_and_login);
    caught(Flaw::DeletionAlwaysSaysYes, store::deletes_once);
    caught(Flaw::SubjectsByLowerCase, store::deletes_one_subject_alone);
    caught(Flaw::KeepsNobody, store::keeps_the_login_it_is_told_to);
    caught(Flaw::PurgeLate, store::purges_up_to_the_instant);
    caught(Flaw::PurgeForgetsItsLimit, store::purges_in_batches);
}

#[test]
fn each_law_for_racing_callers_catches_its_flaw() {
    caught(Flaw::InsertionInSteps, races::one_of_many_insertions_wins);
    caught(Flaw::SwapInSteps, races::no_swap_is_lost);
    caught(
        Flaw::PurgeCountsWhatOthersTook,
        races::each_deletion_counts_once,
    );
    caught(Flaw::SwapInSteps, races::a_swap_never_revives);
    caught(
        Flaw::DeletionOfASnapshot,
        races::a_deletion_ends_what_came_before,
    );
    caught(Flaw::DeletionInSteps, races::a_deletion_is_seen_whole);
}

/// The model sees what the laws for one caller see.
#[test]
fn the_model_catches_flaws() {
    for flaw in [
        Flaw::DeletionAlwaysSaysYes,
        Flaw::InsertionOverwrites,
        Flaw::KeepsNobody,
        Flaw::PurgeForgetsItsLimit,
        Flaw::PurgeLate,
        Flaw::SwapMovesLogin,
        Flaw::SwapUpserts,
    ] {
        let verdict = store::model::agrees(async || flawed(flaw).await);
        assert!(
            matches!(verdict, Err(Broken::Finding(_))),
            "{flaw:?}: {verdict:?}"
        );
    }
}
