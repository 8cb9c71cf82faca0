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

/// What a write leaves behind that should have found something.
fn stray(at: UnixMs) -> Record {
    Record {
        subject: SubjectId::new("u"),
        login: LoginId([0; 16]),
        roles: authbench_core::Roles::default(),
        issued_at: at,
        expires_at: at.plus_ms(1),
        used_at: at,
        generation: 0,
        revision: 0,
        payload: Box::default(),
    }
}

fn caught(flaw: Flaw, law: impl AsyncFnOnce(&std::sync::Arc<Plain>) -> Verdict) {
    assert!(breaks(flaw, law), "{flaw:?}");
}

/// A race is lost at some try or other.
fn caught_at_last(flaw: Flaw, law: &impl AsyncFn(&std::sync::Arc<Plain>) -> Verdict) {
    let caught = (0..20).any(|_| breaks(flaw, law));
    assert!(caught, "{flaw:?}");
}

fn breaks(flaw: Flaw, law: impl AsyncFnOnce(&std::sync::Arc<Plain>) -> Verdict) -> bool {
    let verdict = judge(async || flawed(flaw).await, law);
    assert!(
        matches!(verdict, Ok(()) | Err(Broken::Finding(_))),
        "{flaw:?}: {verdict:?}"
    );
    verdict.is_err()
}

/// The names of the laws, out of these, that a flaw breaks.
macro_rules! broken {
    ($flaw:expr; $($group:ident::$law:ident),+ $(,)?) => {{
        let mut names = Vec::new();
        $(if breaks($flaw, store::$group::$law) {
            names.push(stringify!($law));
        })+
        names
    }};
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

/// Of the laws of reads, touches and rotations exactly the one that names the
/// flaw.
#[test]
fn exactly_the_law_that_names_a_flaw_catches_it() {
    for (flaw, laws) in [
        (Flaw::None, &[] as &[&str]),
        (Flaw::ManyInOrderOfKeys, &["reads_many_as_it_reads_one"]),
        (Flaw::PayloadCut, &["keeps_payloads"]),
        (Flaw::TouchAlways, &["touches_past_the_threshold_only"]),
        (
            Flaw::TouchCountsAsWrite,
            &["a_touch_shows_and_leaves_all_else"],
        ),
        (
            Flaw::TouchShowsTheNew,
            &["a_touch_shows_and_leaves_all_else"],
        ),
        (Flaw::TouchCreates, &["a_touch_makes_nothing"]),
        (Flaw::TouchOfTheExpired, &["no_touch_past_expiry"]),
        (Flaw::SwapSetsUseBack, &["a_use_never_goes_back"]),
        (Flaw::TouchTooLate, &["too_late_is_for_good"]),
        (Flaw::RotationShowsTheOld, &["a_rotation_moves_one_on"]),
        (
            Flaw::RotationOfAnyGeneration,
            &["a_stale_rotation_shows_the_record"],
        ),
        (Flaw::RotationOfTheExpired, &["no_rotation_past_expiry"]),
        (Flaw::RotationCreates, &["a_rotation_makes_nothing"]),
        (Flaw::RotationSetsUseBack, &["a_rotation_sets_no_use_back"]),
        (
            Flaw::SwapOverlooksRotations,
            &["swap_and_rotation_see_each_other"],
        ),
        // What one law says of the count, another needs it for.
        (
            Flaw::RotationForgetsTheRevision,
            &[
                "a_rotation_moves_one_on",
                "swap_and_rotation_see_each_other",
            ],
        ),
    ] {
        let found = broken!(flaw;
            reads::reads_many_as_it_reads_one,
            reads::keeps_payloads,
            touch::touches_past_the_threshold_only,
            touch::a_touch_shows_and_leaves_all_else,
            touch::a_touch_makes_nothing,
            touch::no_touch_past_expiry,
            touch::a_use_never_goes_back,
            touch::too_late_is_for_good,
            rotate::a_rotation_moves_one_on,
            rotate::a_stale_rotation_shows_the_record,
            rotate::no_rotation_past_expiry,
            rotate::a_rotation_makes_nothing,
            rotate::a_rotation_sets_no_use_back,
            rotate::swap_and_rotation_see_each_other,
        );
        assert_eq!(found, laws, "{flaw:?}");
    }
}

#[test]
fn each_law_for_racing_callers_catches_its_flaw() {
    caught_at_last(Flaw::InsertionInSteps, &races::one_of_many_insertions_wins);
    caught_at_last(Flaw::SwapInSteps, &races::no_swap_is_lost);
    caught_at_last(
        Flaw::PurgeCountsWhatOthersTook,
        &races::each_deletion_counts_once,
    );
    caught_at_last(
        Flaw::DeletionOfASnapshot,
        &races::a_deletion_ends_what_came_before,
    );
    caught_at_last(Flaw::DeletionInSteps, &races::a_deletion_is_seen_whole);
    caught_at_last(Flaw::TouchInSteps, &store::touch::a_touch_undoes_no_write);
    caught_at_last(
        Flaw::RotationInSteps,
        &store::rotate::one_of_many_rotations_wins,
    );
    caught_at_last(
        Flaw::RotationOverwritesSwaps,
        &store::rotate::no_swap_or_rotation_is_lost,
    );
}

/// Each law about revival catches the upsert on its own way, and no other.
#[test]
fn each_way_of_revival_is_caught_by_its_law() {
    use store::revival::{a_rotation_never_revives, a_swap_never_revives, a_touch_never_revives};
    caught_at_last(Flaw::SwapInSteps, &a_swap_never_revives);
    caught_at_last(Flaw::RotationInStepsUpserts, &a_rotation_never_revives);
    caught_at_last(Flaw::TouchInStepsUpserts, &a_touch_never_revives);
    for (flaw, law) in [
        (Flaw::SwapInSteps, "a_swap_never_revives"),
        (Flaw::RotationInStepsUpserts, "a_rotation_never_revives"),
        (Flaw::TouchInStepsUpserts, "a_touch_never_revives"),
    ] {
        let mut found = broken!(flaw;
            revival::a_swap_never_revives,
            revival::a_rotation_never_revives,
            revival::a_touch_never_revives,
        );
        found.retain(|found| *found != law);
        assert_eq!(found, [""; 0], "{flaw:?}");
    }
}

/// The model sees what the laws for one caller see.
#[test]
fn the_model_catches_flaws() {
    for flaw in [
        Flaw::DeletionAlwaysSaysYes,
        Flaw::InsertionOverwrites,
        Flaw::KeepsNobody,
        Flaw::ManyInOrderOfKeys,
        Flaw::PurgeForgetsItsLimit,
        Flaw::PurgeLate,
        Flaw::RotationCreates,
        Flaw::RotationForgetsTheRevision,
        Flaw::RotationOfAnyGeneration,
        Flaw::RotationOfTheExpired,
        Flaw::RotationSetsUseBack,
        Flaw::RotationShowsTheOld,
        Flaw::SwapMovesLogin,
        Flaw::SwapSetsUseBack,
        Flaw::SwapUpserts,
        Flaw::TouchAlways,
        Flaw::TouchCountsAsWrite,
        Flaw::TouchCreates,
        Flaw::TouchOfTheExpired,
        Flaw::TouchShowsTheNew,
        Flaw::TouchTooLate,
    ] {
        let verdict = store::model::agrees(async || flawed(flaw).await);
        assert!(
            matches!(verdict, Err(Broken::Finding(_))),
            "{flaw:?}: {verdict:?}"
        );
    }
}
