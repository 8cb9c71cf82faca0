//! The order of locks under a model checker: shuttle decides at each lock which
//! thread goes on, tries many ways, and finds deadlocks. A finding is printed
//! with the schedule that repeats it.

use std::ops::Range;
use std::sync::{Arc, PoisonError};

use authbench_core::Roles;
use shuttle::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use shuttle::thread;

use super::locks::{Lock, SharedLock};
use super::*;

/// Ways that each test tries.
const WAYS: usize = 1_000;

/// The model checker's locks.
struct Modelled;

impl Locks for Modelled {
    type Exclusive<T> = Mutex<T>;
    type Shared<T> = RwLock<T>;
}

impl<T> Lock<T> for Mutex<T> {
    type Guard<'a>
        = MutexGuard<'a, T>
    where
        Self: 'a;

    fn new(value: T) -> Self {
        Self::new(value)
    }

    fn lock(&self) -> MutexGuard<'_, T> {
        self.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> SharedLock<T> for RwLock<T> {
    type Read<'a>
        = RwLockReadGuard<'a, T>
    where
        Self: 'a;
    type Write<'a>
        = RwLockWriteGuard<'a, T>
    where
        Self: 'a;

    fn new(value: T) -> Self {
        Self::new(value)
    }

    fn read(&self) -> RwLockReadGuard<'_, T> {
        self.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.write().unwrap_or_else(PoisonError::into_inner)
    }
}

const END: UnixMs = UnixMs(1_000);

const EVERY: Touch = Touch {
    after_ms: 0,
    within_ms: u64::MAX,
};

/// The shards of the keys: "u" has records in three of them, "v" in the same
/// ones the other way round.
const SHARD_OF: [u8; 7] = [1, 2, 3, 1, 3, 2, 1];

fn key(n: u8) -> Digest {
    let mut octets = [n; 32];
    octets[7] = SHARD_OF[usize::from(n)] << 2;
    assert_eq!(Hashed::key(&Digest(octets)).shard, octets[7] as usize >> 2);
    Digest(octets)
}

fn record(subject: &str, login: u8) -> Record {
    Record {
        subject: SubjectId::new(subject),
        login: LoginId([login; 16]),
        roles: Roles::default(),
        issued_at: UnixMs(1),
        expires_at: END,
        used_at: UnixMs(1),
        generation: 0,
        revision: 0,
        payload: Box::default(),
    }
}

fn tables(subject: &str, keys: Range<u8>) -> Arc<Tables<Modelled>> {
    let tables = Tables::new();
    for n in keys {
        assert!(insert(&tables, subject, n), "room for {n}");
    }
    Arc::new(tables)
}

fn insert(tables: &Tables<Modelled>, subject: &str, n: u8) -> bool {
    matches!(
        tables.insert(&key(n), &record(subject, n)),
        Ok(Inserted::New)
    )
}

/// Which of the subject's records the list names, which must be those that are
/// found by their keys.
fn listed(tables: &Tables<Modelled>, subject: &str) -> Vec<u8> {
    let subject = SubjectId::new(subject);
    let is_theirs = |n: &u8| tables.lookup(&key(*n), |held| held.subject == subject) == Some(true);
    let found: Vec<u8> = (0..7).filter(is_theirs).collect();
    let mut listed = tables.list(&subject);
    listed.sort_by_key(|(_, record)| record.login);
    let listed: Vec<u8> = listed.iter().map(|(_, held)| held.login.0[0]).collect();
    assert_eq!(listed, found, "the list of {subject} and what is found");
    listed
}

/// Takes out what is left, all of which the lists name, and nothing else.
fn clear(tables: &Tables<Modelled>) {
    for subject in ["u", "v"] {
        let theirs = listed(tables, subject).len();
        let removed = tables.remove_by_subject(&SubjectId::new(subject), None);
        assert_eq!(removed, theirs as u64, "of {subject}");
    }
    assert!(tables.is_empty());
}

/// Runs `work` on threads of their own, in any order.
fn race(work: impl IntoIterator<Item = Box<dyn FnOnce() + Send>>) {
    let threads: Vec<_> = work.into_iter().map(thread::spawn).collect();
    for thread in threads {
        thread.join().expect("a thread of the model ends");
    }
}

/// `$work` with `$tables` as a thread's own.
macro_rules! on {
    ($tables:ident, $work:expr) => {{
        let $tables = Arc::clone(&$tables);
        let work: Box<dyn FnOnce() + Send> = Box::new(move || $work);
        work
    }};
}

#[test]
fn a_deletion_of_all_is_seen_whole_and_the_list_stays_exact() {
    let scenario = || {
        let tables = tables("u", 0..3);
        race([
            on!(tables, {
                let removed = tables.remove_by_subject(&SubjectId::new("u"), None);
                assert!((3..=4).contains(&removed), "{removed} removed");
            }),
            on!(tables, assert!(insert(&tables, "u", 3), "a new key")),
            on!(tables, {
                let seen = tables.list(&SubjectId::new("u"));
                let old = seen.iter().filter(|(_, held)| held.login.0[0] < 3).count();
                assert!(old == 0 || old == 3, "half of the list: {old}");
            }),
        ]);
        assert!(listed(&tables, "u").iter().all(|n| *n == 3), "survivors");
        clear(&tables);
    };
    shuttle::check_random(scenario, WAYS);
}

#[test]
fn what_is_found_is_listed() {
    let scenario = || {
        let tables = tables("u", 0..1);
        race([
            on!(tables, assert!(insert(&tables, "u", 1), "a new key")),
            on!(tables, {
                if tables.lookup(&key(1), |_| ()).is_some() {
                    tables.remove_by_subject(&SubjectId::new("u"), None);
                    assert!(
                        tables.lookup(&key(1), |_| ()).is_none(),
                        "found, not listed"
                    );
                }
            }),
            on!(tables, {
                tables.remove_if(&key(1), |_| true);
            }),
        ]);
        clear(&tables);
    };
    shuttle::check_random(scenario, WAYS);
}

#[test]
fn of_two_rotations_one_is_done_and_none_revives() {
    let scenario = || {
        let tables = tables("u", 0..2);
        let outcomes = Arc::new(std::sync::Mutex::new(Vec::new()));
        let rotate = |at| {
            let outcomes = Arc::clone(&outcomes);
            on!(tables, {
                let rotated = tables.move_on(&key(0), 0, UnixMs(at));
                outcomes.lock().expect("no panic before").push(rotated);
            })
        };
        race([
            rotate(5),
            rotate(6),
            on!(tables, assert!(tables.remove_if(&key(0), |_| true))),
        ]);
        let outcomes = outcomes.lock().expect("no panic before");
        let done =
            |outcome: &&Rotated| matches!(outcome, Rotated::Done(held) if held.generation == 1);
        assert!(outcomes.iter().filter(done).count() <= 1, "{outcomes:?}");
        let stale =
            |outcome: &Rotated| matches!(outcome, Rotated::Stale(held) if held.generation == 0);
        assert!(!outcomes.iter().any(stale), "{outcomes:?}");
        assert_eq!(listed(&tables, "u"), [1], "what is deleted");
        clear(&tables);
    };
    shuttle::check_random(scenario, WAYS);
}

#[test]
fn subjects_with_records_in_the_same_shards_never_wait_for_each_other() {
    let scenario = || {
        let tables = tables("u", 0..3);
        for n in 4..7 {
            assert!(insert(&tables, "v", n), "room for {n}");
        }
        race([
            on!(tables, {
                tables.remove_by_subject(&SubjectId::new("u"), Some(LoginId([1; 16])));
            }),
            on!(tables, {
                tables.list(&SubjectId::new("v"));
                tables.remove_by_subject(&SubjectId::new("v"), None);
            }),
            on!(tables, {
                tables.remove_if(&key(0), |held| held.expires_at <= END);
                tables.touch(&key(5), UnixMs(5), EVERY);
                insert(&tables, "u", 3);
            }),
        ]);
        let kept = listed(&tables, "u");
        assert!(kept == [1] || kept == [1, 3], "{kept:?} kept");
        assert!(listed(&tables, "v").is_empty());
        clear(&tables);
    };
    shuttle::check_random(scenario, WAYS);
}

#[test]
fn a_key_that_returns_as_anothers_is_deleted_as_theirs() {
    let scenario = || {
        let tables = tables("u", 0..1);
        race([
            on!(tables, {
                tables.remove_if(&key(0), |_| true);
                insert(&tables, "v", 0);
            }),
            on!(tables, {
                tables.remove_if(&key(0), |_| true);
            }),
            on!(tables, {
                tables.remove_by_subject(&SubjectId::new("u"), None);
            }),
        ]);
        assert!(listed(&tables, "u").is_empty());
        clear(&tables);
    };
    shuttle::check_random(scenario, WAYS);
}
