//! Agreement with a model: whatever one caller does, the store answers as an
//! ordered map would.

use std::collections::BTreeMap;

use authbench_core::{
    Digest, Inserted, LoginId, Record, RecordStore, StoreError, SubjectId, Swapped, UnixMs,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::{key, login, record, roles, runtime};
use crate::laws::{Broken, Verdict};

/// Sequences that are tried.
const CASES: u32 = 64;

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
    let mut runner = TestRunner::new(config);
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

const KEYS: u8 = 6;
const SUBJECTS: u8 = 3;
const LOGINS: u8 = 3;
const INSTANTS: u64 = 5;

#[derive(Clone, Debug)]
enum Operation {
    Insert {
        key: u8,
        subject: u8,
        login: u8,
        expires_at: u64,
    },
    Get {
        key: u8,
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
    use Operation::{Delete, DeleteBySubject, Get, Insert, List, Purge, Swap};
    let (key, subject, login) = (0..KEYS, 0..SUBJECTS, 0..LOGINS);
    let instant = 0..INSTANTS;
    prop_oneof![
        6 => (key.clone(), subject.clone(), login.clone(), instant.clone()).prop_map(
            |(key, subject, login, expires_at)| Insert { key, subject, login, expires_at }
        ),
        2 => key.clone().prop_map(|key| Get { key }),
        3 => (key.clone(), 0..2u32, subject.clone(), any::<bool>(), instant.clone()).prop_map(
            |(key, lag, subject, admin, expires_at)| Swap { key, lag, subject, admin, expires_at }
        ),
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
                expires_at,
            } => {
                let key = key_of(key);
                let new = record(&subject_of(subject), login, UnixMs(expires_at));
                let inserted = store.insert_new(&key, &new).await.map_err(failed)?;
                let taken = self.0.contains_key(&key);
                prop_assert_eq!(inserted == Inserted::Taken, taken);
                self.0.entry(key).or_insert(new);
            }
            Operation::Get { key } => {
                let read = store.get(&key_of(key)).await.map_err(failed)?;
                prop_assert_eq!(read.as_ref(), self.0.get(&key_of(key)));
            }
            Operation::Swap {
                key,
                lag,
                subject,
                admin,
                expires_at,
            } => {
                let mut new = record(&subject_of(subject), LOGINS, UnixMs(expires_at));
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
        let (subject, login) = (old.subject.clone(), old.login);
        *old = Record {
            subject,
            login,
            revision: old.revision + 1,
            ..new
        };
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
