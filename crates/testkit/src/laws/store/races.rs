//! What callers that race must see. Each law runs a few thousand operations;
//! it cannot prove a store right, but it has found stores wrong.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use authbench_core::{
    Digest, Entropy as _, Inserted, Record, RecordStore, SeededEntropy, SubjectId, Swapped, UnixMs,
};
use tokio::runtime::Handle;
use tokio::sync::Barrier;
use tokio::task::{JoinSet, yield_now};

use super::{EVERY, FAR, expect, expect_list, insert, key, login, record, roles};
use crate::laws::{Verdict, ensure};

/// Of many insertions under one key one succeeds, and it is its record that
/// stays.
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn one_of_many_insertions_wins<S: RecordStore + 'static>(store: &Arc<S>) -> Verdict {
    for round in 0..40 {
        let winners = Arc::new(Mutex::new(Vec::new()));
        race(8, |n, start| {
            let (store, winners) = (Arc::clone(store), Arc::clone(&winners));
            async move {
                start.wait().await;
                let inserted = store.insert_new(&key(round), &record("u", n, FAR)).await?;
                if inserted == Inserted::New {
                    push(&winners, n);
                }
                Ok(())
            }
        })
        .await?;
        let winners = snapshot(&winners);
        ensure(winners.len() == 1, || format!("{winners:?} all won"))?;
        expect(store, &key(round), Some(&record("u", winners[0], FAR))).await?;
    }
    let listed = store.list_by_subject(&SubjectId::new("u")).await?.len();
    ensure(listed == 40, || format!("{listed} of 40 are listed"))
}

/// Two swaps from one revision do not both succeed: no write is lost.
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn no_swap_is_lost<S: RecordStore + 'static>(store: &Arc<S>) -> Verdict {
    const TASKS: u8 = 4;
    const SWAPS: u64 = 60;
    insert(store, &key(0), &record("u", 1, UnixMs(0))).await?;
    race(TASKS, |_, start| {
        let store = Arc::clone(store);
        async move {
            start.wait().await;
            let mut done = 0;
            while done < SWAPS {
                let old = store.get(&key(0)).await?;
                ensure(old.is_some(), || "the record is gone".into())?;
                let Some(old) = old else { continue };
                let new = Record {
                    expires_at: old.expires_at.plus_ms(1),
                    ..old.clone()
                };
                match store.compare_and_swap(&key(0), old.revision, &new).await? {
                    Swapped::Done => done += 1,
                    Swapped::Stale => yield_now().await,
                    Swapped::Missing => return ensure(false, || "the record is gone".into()),
                }
            }
            Ok(())
        }
    })
    .await?;
    let total = u64::from(TASKS) * SWAPS;
    let expected = Record {
        revision: total as u32,
        ..record("u", 1, UnixMs(total))
    };
    expect(store, &key(0), Some(&expected)).await
}

/// However a record is removed, it is counted as removed once.
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn each_deletion_counts_once<S: RecordStore + 'static>(store: &Arc<S>) -> Verdict {
    const RECORDS: usize = 30;
    for _ in 0..20 {
        for n in 0..RECORDS {
            insert(store, &key(n), &record("u", n as u8, UnixMs(1))).await?;
        }
        let counts = Arc::new(Mutex::new(Vec::new()));
        race(4, |n, start| {
            let (store, counts) = (Arc::clone(store), Arc::clone(&counts));
            async move {
                start.wait().await;
                let mut count = 0;
                match n {
                    0 => count += store.purge(UnixMs(1), RECORDS as u64 / 2).await?,
                    1 => count += store.delete_by_subject(&SubjectId::new("u"), None).await?,
                    _ => {
                        for n in 0..RECORDS {
                            count += u64::from(store.delete(&key(n)).await?);
                        }
                    }
                }
                push(&counts, count);
                Ok(())
            }
        })
        .await?;
        let counts = snapshot(&counts);
        ensure(counts.iter().sum::<u64>() == RECORDS as u64, || {
            format!("{counts:?}")
        })?;
        expect_list(store, &SubjectId::new("u"), vec![]).await?;
    }
    Ok(())
}

/// What was inserted before a deletion by subject began is gone when it has
/// returned, whatever is inserted meanwhile (checks CONCURRENCY-002).
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn a_deletion_ends_what_came_before<S: RecordStore + 'static>(store: &Arc<S>) -> Verdict {
    const INSERTIONS: usize = 300;
    const INSERTERS: usize = 3;
    let subject = SubjectId::new("u");
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let ended = Arc::new(AtomicUsize::new(0));
    race(INSERTERS as u8 + 1, |n, start| {
        let (store, acknowledged) = (Arc::clone(store), Arc::clone(&acknowledged));
        let (subject, ended) = (subject.clone(), Arc::clone(&ended));
        async move {
            start.wait().await;
            if n > 0 {
                let verdict = insert_many(&store, n, INSERTIONS, &acknowledged).await;
                ended.fetch_add(1, Ordering::SeqCst);
                return verdict;
            }
            let mut dead = 0;
            loop {
                let last = ended.load(Ordering::SeqCst) == INSERTERS;
                let before: Vec<Digest> = snapshot(&acknowledged);
                store.delete_by_subject(&subject, None).await?;
                for key in &before[dead..] {
                    expect(&store, key, None).await?;
                }
                dead = before.len();
                if last {
                    return Ok(());
                }
                yield_now().await;
            }
        }
    })
    .await?;
    quiet(store, &[subject.as_str()], &snapshot(&acknowledged)).await
}

/// Who sees one record of a subject gone through a deletion by subject sees
/// all of them gone: operations are atomic.
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn a_deletion_is_seen_whole<S: RecordStore + 'static>(store: &Arc<S>) -> Verdict {
    const RECORDS: usize = 5;
    for round in 0..60 {
        let keys: Vec<Digest> = (0..RECORDS).map(|n| key(round * RECORDS + n)).collect();
        for (n, key) in (0..).zip(&keys) {
            insert(store, key, &record("u", n, FAR)).await?;
        }
        let deleted = Arc::new(AtomicBool::new(false));
        race(3, |n, start| {
            let (store, keys) = (Arc::clone(store), keys.clone());
            let deleted = Arc::clone(&deleted);
            async move {
                start.wait().await;
                if n == 0 {
                    let count = store.delete_by_subject(&SubjectId::new("u"), None).await;
                    deleted.store(true, Ordering::SeqCst);
                    let count = count?;
                    return ensure(count == RECORDS as u64, || format!("{count} deleted"));
                }
                // One reader looks in either direction.
                let first = if n == 1 { 0 } else { RECORDS - 1 };
                let mut late = false;
                while !late && store.get(&keys[first]).await?.is_some() {
                    late = deleted.load(Ordering::SeqCst);
                    yield_now().await;
                }
                for key in &keys {
                    expect(&store, key, None).await?;
                }
                Ok(())
            }
        })
        .await?;
    }
    Ok(())
}

/// After any race, a record is found by its key if and only if it is listed.
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn list_equals_truth_when_quiet<S: RecordStore + 'static>(store: &Arc<S>) -> Verdict {
    const STEPS: usize = 250;
    const SUBJECTS: [&str; 3] = ["a", "b", "c"];
    // Few keys, taken by changing subjects, so that steps meet.
    const KEYS: usize = 12;
    let entropy = SeededEntropy::new(2);
    for _ in 0..4 {
        let mut plans = Vec::new();
        for _ in 0..4 {
            let mut plan = vec![[0; 4]; STEPS];
            entropy.fill(plan.as_flattened_mut())?;
            plans.push(plan);
        }
        race(4, |n, start| {
            let (store, plan) = (Arc::clone(store), plans[usize::from(n)].clone());
            async move {
                start.wait().await;
                for [kind, a, b, c] in plan {
                    let subject = SUBJECTS[usize::from(a) % SUBJECTS.len()];
                    let key = key(usize::from(b) % KEYS);
                    step(&store, kind, subject, &key, c).await?;
                }
                Ok(())
            }
        })
        .await?;
        let keys: Vec<Digest> = (0..KEYS).map(key).collect();
        quiet(store, &SUBJECTS, &keys).await?;
    }
    Ok(())
}

/// One random operation; its answer is not looked at.
async fn step<S: RecordStore>(
    store: &Arc<S>,
    kind: u8,
    subject: &str,
    key: &Digest,
    c: u8,
) -> Verdict {
    let id = SubjectId::new(subject);
    match kind % 16 {
        0..=7 => {
            let _ = store
                .insert_new(key, &record(subject, c % 4, UnixMs(c.into())))
                .await?;
        }
        8..=10 => {
            store.delete(key).await?;
        }
        11 => {
            store
                .delete_by_subject(&id, (c % 5 < 4).then_some(login(c % 4)))
                .await?;
        }
        12 => {
            store.purge(UnixMs(u64::from(c) / 2), 3).await?;
        }
        13 => {
            store.list_by_subject(&id).await?;
            store.get_touched(key, UnixMs(c.into()), EVERY).await?;
        }
        14 => {
            let _ = store.rotate(key, 0, UnixMs(u64::from(c) / 2)).await?;
        }
        _ => {
            if let Some(old) = store.get(key).await? {
                let new = Record {
                    roles: roles(&["admin"]),
                    ..old.clone()
                };
                let _ = store.compare_and_swap(key, old.revision, &new).await?;
            }
        }
    }
    Ok(())
}

/// Inserts, and notes each key once its insertion has returned.
async fn insert_many<S: RecordStore>(
    store: &Arc<S>,
    n: u8,
    insertions: usize,
    acknowledged: &Mutex<Vec<Digest>>,
) -> Verdict {
    for i in 0..insertions {
        let key = key(usize::from(n) * insertions + i);
        insert(store, &key, &record("u", n, FAR)).await?;
        push(acknowledged, key);
    }
    Ok(())
}

/// With nobody at work, the lists of `subjects` hold what `keys` find.
async fn quiet<S: RecordStore>(store: &Arc<S>, subjects: &[&str], keys: &[Digest]) -> Verdict {
    let mut found = Vec::new();
    for key in keys {
        if let Some(record) = store.get(key).await? {
            found.push((*key, record));
        }
    }
    for subject in subjects {
        let subject = SubjectId::new(subject);
        let theirs = found.iter().filter(|(_, record)| record.subject == subject);
        expect_list(store, &subject, theirs.cloned().collect()).await?;
    }
    Ok(())
}

/// Runs `tasks` tasks and waits for all. Each gets its number and a barrier
/// that lets all of them start at once, and a thread of its own: a store that
/// never waits would otherwise have its tasks run one after the other.
pub(super) async fn race<F>(tasks: u8, task: impl Fn(u8, Arc<Barrier>) -> F) -> Verdict
where
    F: Future<Output = Verdict> + Send + 'static,
{
    let start = Arc::new(Barrier::new(tasks.into()));
    let mut running = JoinSet::new();
    for n in 0..tasks {
        let task = task(n, Arc::clone(&start));
        running.spawn_blocking(|| Handle::current().block_on(task));
    }
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    Ok(())
}

pub(super) fn push<T>(list: &Mutex<Vec<T>>, item: T) {
    list.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(item);
}

pub(super) fn snapshot<T: Clone>(list: &Mutex<Vec<T>>) -> Vec<T> {
    list.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
