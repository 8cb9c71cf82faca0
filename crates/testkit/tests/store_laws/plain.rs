//! A plain store, and what it may do wrong.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use authbench_core::{
    Digest, Durability, Inserted, LoginId, OutageBehaviour, Record, RecordStore, Roles, Rotated,
    Staleness, StoreError, StorePromises, SubjectId, Swapped, Touch, UnixMs,
};

/// What a store may do wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Flaw {
    None,
    DeletionAlwaysSaysYes,
    DeletionInSteps,
    DeletionOfASnapshot,
    InsertionInSteps,
    InsertionOverwrites,
    KeepsNobody,
    KeysByPrefix,
    ManyInOrderOfKeys,
    PayloadCut,
    PurgeCountsWhatOthersTook,
    PurgeForgetsItsLimit,
    PurgeLate,
    RevisionOfTheCaller,
    RotationCreates,
    RotationForgetsTheRevision,
    RotationInSteps,
    RotationInStepsUpserts,
    RotationOfAnyGeneration,
    RotationOfTheExpired,
    RotationOverwritesSwaps,
    RotationSetsUseBack,
    RotationShowsTheOld,
    SubjectsByLowerCase,
    SwapInSteps,
    SwapMovesLogin,
    SwapOverlooksRotations,
    SwapSetsUseBack,
    SwapUpserts,
    TouchAlways,
    TouchCountsAsWrite,
    TouchCreates,
    TouchInSteps,
    TouchInStepsUpserts,
    TouchOfTheExpired,
    TouchShowsTheNew,
    TouchTooLate,
}

/// A map under one lock, which a flaw may let go too early.
pub(crate) struct Plain {
    flaw: Flaw,
    records: Mutex<BTreeMap<Digest, Record>>,
}

type Records<'a> = MutexGuard<'a, BTreeMap<Digest, Record>>;

impl Plain {
    pub(crate) fn with(flaw: Flaw) -> Self {
        Self {
            flaw,
            records: Mutex::default(),
        }
    }

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

    fn is_expected(&self, held: &Record, revision: u32) -> bool {
        held.revision == revision
            || self.flaw == Flaw::SwapOverlooksRotations
                && held.revision.wrapping_sub(held.generation) == revision
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
        let mut record = Record {
            revision,
            ..record.clone()
        };
        if self.flaw == Flaw::PayloadCut {
            record.payload = record.payload.iter().copied().take(1_023).collect();
        }
        records.insert(key, record);
        Ok(Inserted::New)
    }

    async fn get(&self, key: &Digest) -> Result<Option<Record>, StoreError> {
        Ok(self.lock().get(&self.key(key)).cloned())
    }

    async fn get_many(&self, keys: &[Digest]) -> Result<Vec<Option<Record>>, StoreError> {
        let records = self.lock();
        let mut keys = keys.to_vec();
        if self.flaw == Flaw::ManyInOrderOfKeys {
            keys.sort_unstable();
        }
        Ok(keys.iter().map(|key| records.get(key).cloned()).collect())
    }

    async fn get_touched(
        &self,
        key: &Digest,
        at: UnixMs,
        touch: Touch,
    ) -> Result<Option<Record>, StoreError> {
        let (key, mut records) = (self.key(key), self.lock());
        let Some(before) = records.get(&key).cloned() else {
            if self.flaw == Flaw::TouchCreates {
                records.insert(key, stray(at));
            }
            return Ok(None);
        };
        let after_ms = match self.flaw {
            Flaw::TouchAlways => 0,
            _ => touch.after_ms,
        };
        let within_ms = match self.flaw {
            Flaw::TouchTooLate => u64::MAX,
            _ => touch.within_ms,
        };
        let due = Touch {
            after_ms,
            within_ms,
        }
        .is_due(before.used_at, at);
        let runs = at < before.expires_at || self.flaw == Flaw::TouchOfTheExpired;
        if !due || !runs {
            return Ok(Some(before));
        }
        records = self.gap(Flaw::TouchInSteps, records);
        records = self.gap(Flaw::TouchInStepsUpserts, records);
        let mut after = Record {
            used_at: at,
            ..before.clone()
        };
        match self.flaw {
            Flaw::TouchCountsAsWrite => after.revision = after.revision.wrapping_add(1),
            // The flaw is what this leaves out: looking again.
            Flaw::TouchInSteps if !records.contains_key(&key) => return Ok(Some(before)),
            _ => {}
        }
        records.insert(key, after.clone());
        Ok(Some(match self.flaw {
            Flaw::TouchShowsTheNew => after,
            _ => before,
        }))
    }

    async fn rotate(
        &self,
        key: &Digest,
        expected_generation: u32,
        at: UnixMs,
    ) -> Result<Rotated, StoreError> {
        let (key, mut records) = (self.key(key), self.lock());
        let Some(before) = records.get(&key).cloned() else {
            if self.flaw == Flaw::RotationCreates {
                records.insert(key, stray(at));
            }
            return Ok(Rotated::Missing);
        };
        let fits =
            before.generation == expected_generation || self.flaw == Flaw::RotationOfAnyGeneration;
        let runs = at < before.expires_at || self.flaw == Flaw::RotationOfTheExpired;
        if !fits || !runs {
            return Ok(Rotated::Stale(before));
        }
        for flaw in [
            Flaw::RotationInSteps,
            Flaw::RotationInStepsUpserts,
            Flaw::RotationOverwritesSwaps,
        ] {
            records = self.gap(flaw, records);
        }
        let now = records.get(&key);
        match self.flaw {
            Flaw::RotationInSteps if now.is_none() => return Ok(Rotated::Missing),
            // Looks again, but at the generation alone.
            Flaw::RotationOverwritesSwaps => match now {
                Some(now) if now.generation == before.generation => {}
                Some(now) => return Ok(Rotated::Stale(now.clone())),
                None => return Ok(Rotated::Missing),
            },
            _ => {}
        }
        let mut after = Record {
            generation: before.generation.wrapping_add(1),
            used_at: before.used_at.max(at),
            ..before.clone()
        };
        if self.flaw == Flaw::RotationSetsUseBack {
            after.used_at = at;
        }
        if self.flaw != Flaw::RotationForgetsTheRevision {
            after.revision = after.revision.wrapping_add(1);
        }
        records.insert(key, after.clone());
        Ok(Rotated::Done(match self.flaw {
            Flaw::RotationShowsTheOld => before,
            _ => after,
        }))
    }

    async fn compare_and_swap(
        &self,
        key: &Digest,
        expected_revision: u32,
        record: &Record,
    ) -> Result<Swapped, StoreError> {
        let (key, mut records) = (self.key(key), self.lock());
        let old = match records.get(&key) {
            Some(old) if !self.is_expected(old, expected_revision) => return Ok(Swapped::Stale),
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
        if self.flaw == Flaw::SwapSetsUseBack {
            new.used_at = record.used_at;
        }
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

/// What a write leaves behind that should have found something.
fn stray(at: UnixMs) -> Record {
    Record {
        subject: SubjectId::new("u"),
        login: LoginId([0; 16]),
        roles: Roles::default(),
        issued_at: at,
        expires_at: at.plus_ms(1),
        used_at: at,
        generation: 0,
        revision: 0,
        payload: Box::default(),
    }
}
