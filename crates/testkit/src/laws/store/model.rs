//! Agreement with a model: whatever one caller does, the store answers as an
//! ordered map would.

use std::collections::BTreeMap;

use authbench_core::{
    Digest, Inserted, LoginId, Record, RecordStore, Rotated, StoreError, SubjectId, Swapped, Touch,
    UnixMs,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use super::{key, login, record, roles, runtime};
use crate::laws::{Broken, Verdict};

/// Sequences that are tried.
const CASES: u32 = 96;

/// Operations in the longest sequence.
const STEPS: usize = 40;

/// Tries random sequences of operations, each on a fresh store from `open`,
/// and shrinks the first that the model answers otherwise.
///
/// # Errors
/// [`Broken`] with the shortest sequence found.
pub fn agrees<S: RecordStore>(open: impl AsyncFn() -> Result<S, StoreError>) -> Verdict {
    let runtime = runtime()?;
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    // The same sequences in every run: a finding is one for everybody.
    let entropy = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, entropy);
    let outcome = runner.run(&prop::collection::vec(operation(), 1..STEPS), |steps| {
        runtime.block_on(async {
            let store = open().await.map_err(failed)?;
            let mut model = Model::default();
            for step in steps {
                model.step(&store, step).await?;
            }
            model.compare(&store).await
        })
    });
    outcome.map_err(|error| Broken::Finding(error.to_string()))
}

const KEYS: u8 = 4;
const SUBJECTS: u8 = 3;
const LOGINS: u8 = 3;
const INSTANTS: u64 = 8;

#[derive(Clone, Debug)]
enum Operation {
    Insert {
        key: u8,
        subject: u8,
        login: u8,
        used_at: u64,
        expires_at: u64,
    },
    Get {
        key: u8,
    },
    GetMany {
        keys: [u8; 3],
    },
    GetTouched {
        key: u8,
        at: u64,
        touch: (u64, u64),
    },
    Rotate {
        key: u8,
        lag: u32,
        at: u64,
    },
    Swap {
        key: u8,
        lag: u32,
        subject: u8,
        admin: bool,
        expires_at: u64,
    },
    Delete {
        key: u8,
    },
    DeleteBySubject {
        subject: u8,
        keep: Option<u8>,
    },
    List {
        subject: u8,
    },
    Purge {
        at: u64,
        limit: u64,
    },
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::{
        Delete, DeleteBySubject, Get, GetMany, GetTouched, Insert, List, Purge, Rotate, Swap,
    };
    let (key, subject, login) = (0..KEYS, 0..SUBJECTS, 0..LOGINS);
    let instant = 0..INSTANTS;
    prop_oneof![
        6 => (key.clone(), subject.clone(), login.clone(), 0..INSTANTS / 2, instant.clone())
            .prop_map(|(key, subject, login, used_at, expires_at)| {
                Insert { key, subject, login, used_at, expires_at }
            }),
        2 => key.clone().prop_map(|key| Get { key }),
        3 => (key.clone(), 0..2u32, subject.clone(), any::<bool>(), instant.clone()).prop_map(
            |(key, lag, subject, admin, expires_at)| Swap { key, lag, subject, admin, expires_at }
        ),
        1 => [key.clone(), key.clone(), key.clone()].prop_map(|keys| GetMany { keys }),
        4 => (key.clone(), instant.clone(), (0..6u64, 1..8u64))
            .prop_map(|(key, at, touch)| GetTouched { key, at, touch }),
        3 => (key.clone(), prop_oneof![3 => Just(0), 1 => Just(1)], instant.clone())
            .prop_map(|(key, lag, at)| Rotate { key, lag, at }),
        2 => key.prop_map(|key| Delete { key }),
        1 => (subject.clone(), prop::option::of(login))
            .prop_map(|(subject, keep)| DeleteBySubject { subject, keep }),
        2 => subject.prop_map(|subject| List { subject }),
        1 => (instant, 0..4u64).prop_map(|(at, limit)| Purge { at, limit }),
    ]
}

#[derive(Debug, Default)]
struct Model(BTreeMap<Digest, Record>);

impl Model {
    async fn step<S: RecordStore>(
        &mut self,
        store: &S,
        operation: Operation,
    ) -> Result<(), TestCaseError> {
        match operation {
            Operation::Insert {
                key,
                subject,
                login,
                used_at,
                expires_at,
            } => {
                let key = key_of(key);
                let new = Record {
                    used_at: UnixMs(used_at),
                    payload: Box::from([login]),
                    ..record(&subject_of(subject), login, UnixMs(expires_at))
                };
                let inserted = store.insert_new(&key, &new).await.map_err(failed)?;
                let taken = self.0.contains_key(&key);
                prop_assert_eq!(inserted == Inserted::Taken, taken);
                self.0.entry(key).or_insert(new);
            }
            Operation::Get { key } => {
                let read = store.get(&key_of(key)).await.map_err(failed)?;
                prop_assert_eq!(read.as_ref(), self.0.get(&key_of(key)));
            }
            Operation::GetMany { keys } => {
                let keys = keys.map(key_of);
                let read = store.get_many(&keys).await.map_err(failed)?;
                let expected: Vec<_> = keys.iter().map(|key| self.0.get(key).cloned()).collect();
                prop_assert_eq!(read, expected);
            }
            Operation::GetTouched { key, at, touch } => {
                let (after_ms, within_ms) = touch;
                let touch = Touch {
                    after_ms,
                    within_ms,
                };
                self.touch(store, &key_of(key), UnixMs(at), touch).await?;
            }
            Operation::Rotate { key, lag, at } => {
                self.rotate(store, &key_of(key), lag, UnixMs(at)).await?;
            }
            Operation::Swap {
                key,
                lag,
                subject,
                admin,
                expires_at,
            } => {
                let mut new = record(&subject_of(subject), LOGINS, UnixMs(expires_at));
                new.used_at = UnixMs(0);
                new.roles = roles(if admin { &["admin"] } else { &[] });
                self.swap(store, &key_of(key), lag, new).await?;
            }
            Operation::Delete { key } => {
                let deleted = store.delete(&key_of(key)).await.map_err(failed)?;
                prop_assert_eq!(deleted, self.0.remove(&key_of(key)).is_some());
            }
            Operation::DeleteBySubject { subject, keep } => {
                let (subject, keep) = (SubjectId::new(&subject_of(subject)), keep.map(login));
                self.delete_by_subject(store, &subject, keep).await?;
            }
            Operation::List { subject } => self.compare_list(store, subject).await?,
            Operation::Purge { at, limit } => self.purge(store, UnixMs(at), limit).await?,
        }
        Ok(())
    }

    async fn swap<S: RecordStore>(
        &mut self,
        store: &S,
        key: &Digest,
        lag: u32,
        new: Record,
    ) -> Result<(), TestCaseError> {
        let present = self.0.get_mut(key);
        let expected_revision = present
            .as_ref()
            .map_or(0, |old| old.revision.wrapping_sub(lag));
        let swapped = store
            .compare_and_swap(key, expected_revision, &new)
            .await
            .map_err(failed)?;
        let Some(old) = present else {
            prop_assert_eq!(swapped, Swapped::Missing);
            return Ok(());
        };
        if lag > 0 {
            prop_assert_eq!(swapped, Swapped::Stale);
            return Ok(());
        }
        prop_assert_eq!(swapped, Swapped::Done);
        *old = Record {
            subject: old.subject.clone(),
            login: old.login,
            used_at: old.used_at.max(new.used_at),
            revision: old.revision + 1,
            ..new
        };
        Ok(())
    }

    async fn touch<S: RecordStore>(
        &mut self,
        store: &S,
        key: &Digest,
        at: UnixMs,
        touch: Touch,
    ) -> Result<(), TestCaseError> {
        let seen = store.get_touched(key, at, touch).await.map_err(failed)?;
        let present = self.0.get_mut(key);
        prop_assert_eq!(seen.as_ref(), present.as_deref());
        if let Some(held) = present
            && at < held.expires_at
            && touch.is_due(held.used_at, at)
        {
            held.used_at = at;
        }
        Ok(())
    }

    async fn rotate<S: RecordStore>(
        &mut self,
        store: &S,
        key: &Digest,
        lag: u32,
        at: UnixMs,
    ) -> Result<(), TestCaseError> {
        let present = self.0.get_mut(key);
        let expected_generation = present
            .as_ref()
            .map_or(0, |held| held.generation.wrapping_sub(lag));
        let rotated = store
            .rotate(key, expected_generation, at)
            .await
            .map_err(failed)?;
        let expected = match present {
            None => Rotated::Missing,
            Some(held) if lag > 0 || at >= held.expires_at => Rotated::Stale(held.clone()),
            Some(held) => {
                held.generation += 1;
                held.revision += 1;
                held.used_at = held.used_at.max(at);
                Rotated::Done(held.clone())
            }
        };
        prop_assert_eq!(rotated, expected);
        Ok(())
    }

    async fn delete_by_subject<S: RecordStore>(
        &mut self,
        store: &S,
        subject: &SubjectId,
        keep: Option<LoginId>,
    ) -> Result<(), TestCaseError> {
        let deleted = store
            .delete_by_subject(subject, keep)
            .await
            .map_err(failed)?;
        let before = self.0.len();
        self.0
            .retain(|_, held| held.subject != *subject || Some(held.login) == keep);
        prop_assert_eq!(deleted, (before - self.0.len()) as u64);
        Ok(())
    }

    /// Which of the expired records go is the store's choice.
    async fn purge<S: RecordStore>(
        &mut self,
        store: &S,
        at: UnixMs,
        limit: u64,
    ) -> Result<(), TestCaseError> {
        let purged = store.purge(at, limit).await.map_err(failed)?;
        let mut gone = 0;
        let expired = self.0.iter().filter(|(_, held)| held.expires_at <= at);
        let expired: Vec<Digest> = expired.map(|(key, _)| *key).collect();
        for key in &expired {
            if store.get(key).await.map_err(failed)?.is_none() {
                self.0.remove(key);
                gone += 1;
            }
        }
        prop_assert_eq!(purged, limit.min(expired.len() as u64));
        prop_assert_eq!(purged, gone);
        Ok(())
    }

    async fn compare<S: RecordStore>(&self, store: &S) -> Result<(), TestCaseError> {
        for key in (0..KEYS).map(key_of) {
            let read = store.get(&key).await.map_err(failed)?;
            prop_assert_eq!(read.as_ref(), self.0.get(&key));
        }
        for subject in 0..SUBJECTS {
            self.compare_list(store, subject).await?;
        }
        Ok(())
    }

    async fn compare_list<S: RecordStore>(
        &self,
        store: &S,
        subject: u8,
    ) -> Result<(), TestCaseError> {
        let subject = SubjectId::new(&subject_of(subject));
        let mut list = store.list_by_subject(&subject).await.map_err(failed)?;
        list.sort_by_key(|(key, _)| *key);
        let theirs = self.0.iter().filter(|(_, held)| held.subject == subject);
        let expected: Vec<_> = theirs.map(|(key, held)| (*key, held.clone())).collect();
        prop_assert_eq!(list, expected);
        Ok(())
    }
}

fn key_of(n: u8) -> Digest {
    key(n.into())
}

fn subject_of(n: u8) -> String {
    format!("subject {n}")
}

/// Shown to a person at the end of a failed law, and nowhere else.
fn failed(error: StoreError) -> TestCaseError {
    TestCaseError::fail(format!("{:?}", Broken::from(error)))
}
