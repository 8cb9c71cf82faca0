//! Laws of rotation: one generation at a time, for exactly one caller.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use authbench_core::{Record, RecordStore, Rotated, SubjectId, Swapped, UnixMs};
use tokio::task::yield_now;

use super::races::{push, race, snapshot};
use super::{FAR, expect, expect_list, insert, key, record, roles};
use crate::laws::{Verdict, ensure};

/// A rotation from the present generation moves it and the revision on by one,
/// notes the use, and answers with the record as it now is.
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn a_rotation_moves_one_on<S: RecordStore>(store: &Arc<S>) -> Verdict {
    let mut held = Record {
        generation: 7,
        ..record("u", 1, FAR)
    };
    insert(store, &key(0), &held).await?;
    insert(store, &key(1), &record("u", 2, FAR)).await?;
    for at in [100, 200, 200] {
        let rotated = store.rotate(&key(0), held.generation, UnixMs(at)).await?;
        held.generation += 1;
        held.revision += 1;
        held.used_at = UnixMs(at);
        ensure(rotated == Rotated::Done(held.clone()), || {
            format!("{rotated:?} instead of {held:?}")
        })?;
        let both = vec![(key(0), held.clone()), (key(1), record("u", 2, FAR))];
        expect_list(store, &held.subject, both).await?;
    }
    Ok(())
}

/// A rotation from any other generation changes nothing and answers with the
/// record as it is, so that the caller sees who is late.
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn a_stale_rotation_shows_the_record<S: RecordStore>(store: &Arc<S>) -> Verdict {
    let held = Record {
        generation: 2,
        ..record("u", 1, FAR)
    };
    insert(store, &key(0), &held).await?;
    for wrong in [0, 1, 3, u32::MAX] {
        let rotated = store.rotate(&key(0), wrong, UnixMs(100)).await?;
        ensure(rotated == Rotated::Stale(held.clone()), || {
            format!("from generation {wrong}: {rotated:?}")
        })?;
        expect(store, &key(0), Some(&held)).await?;
    }
    Ok(())
}

/// An expired record rotates no more: `at == expires_at` refuses (RFC 7519
/// 4.1.4).
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn no_rotation_past_expiry<S: RecordStore>(store: &Arc<S>) -> Verdict {
    let held = record("u", 1, UnixMs(1_000));
    insert(store, &key(0), &held).await?;
    for at in [1_000, 1_001, u64::MAX] {
        let rotated = store.rotate(&key(0), 0, UnixMs(at)).await?;
        ensure(rotated == Rotated::Stale(held.clone()), || {
            format!("at {at}: {rotated:?}")
        })?;
        expect(store, &key(0), Some(&held)).await?;
    }
    let rotated = store.rotate(&key(0), 0, UnixMs(999)).await?;
    ensure(matches!(rotated, Rotated::Done(_)), || {
        format!("a millisecond before: {rotated:?}")
    })
}

/// A rotation of what is not there, any more or ever, makes nothing.
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn a_rotation_makes_nothing<S: RecordStore>(store: &Arc<S>) -> Verdict {
    insert(store, &key(0), &record("u", 1, FAR)).await?;
    store.delete(&key(0)).await?;
    for key in [key(0), key(1)] {
        let rotated = store.rotate(&key, 0, UnixMs(100)).await?;
        ensure(rotated == Rotated::Missing, || {
            format!("no record, and the rotation is {rotated:?}")
        })?;
        expect(store, &key, None).await?;
    }
    expect_list(store, &SubjectId::new("u"), vec![]).await
}

/// A rotation by a node whose clock lags leaves the later use.
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn a_rotation_sets_no_use_back<S: RecordStore>(store: &Arc<S>) -> Verdict {
    let held = Record {
        used_at: UnixMs(1_000),
        ..record("u", 1, FAR)
    };
    insert(store, &key(0), &held).await?;
    for (generation, (at, used_at)) in (0..).zip([(999, 1_000), (1_000, 1_000), (1_001, 1_001)]) {
        let rotated = store.rotate(&key(0), generation, UnixMs(at)).await?;
        ensure(matches!(rotated, Rotated::Done(_)), || {
            format!("{rotated:?}")
        })?;
        let found = store.get(&key(0)).await?.map(|held| held.used_at.0);
        ensure(found == Some(used_at), || {
            format!("rotated at {at}, then used at {found:?} instead of {used_at}")
        })?;
    }
    Ok(())
}

/// A swap that read the record before a rotation is stale, so it cannot undo
/// it; a rotation keeps what a swap wrote.
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn swap_and_rotation_see_each_other<S: RecordStore>(store: &Arc<S>) -> Verdict {
    let read = record("u", 1, FAR);
    insert(store, &key(0), &read).await?;
    let rotated = store.rotate(&key(0), 0, UnixMs(100)).await?;
    ensure(matches!(rotated, Rotated::Done(_)), || {
        format!("{rotated:?}")
    })?;
    let swapped = store.compare_and_swap(&key(0), 0, &read).await?;
    ensure(swapped == Swapped::Stale, || {
        format!("a swap of what was read before the rotation: {swapped:?}")
    })?;
    let demoted = Record {
        roles: roles(&[]),
        expires_at: UnixMs(5_000),
        generation: 1,
        ..read
    };
    let swapped = store.compare_and_swap(&key(0), 1, &demoted).await?;
    ensure(swapped == Swapped::Done, || format!("{swapped:?}"))?;
    let rotated = store.rotate(&key(0), 1, UnixMs(200)).await?;
    ensure(matches!(rotated, Rotated::Done(_)), || {
        format!("{rotated:?}")
    })?;
    let expected = Record {
        generation: 2,
        revision: 3,
        used_at: UnixMs(200),
        ..demoted
    };
    expect(store, &key(0), Some(&expected)).await
}

/// Of many rotations from one generation exactly one is done, and the others
/// are shown the record as the winner left it.
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn one_of_many_rotations_wins<S: RecordStore + 'static>(store: &Arc<S>) -> Verdict {
    const ROUNDS: u32 = 40;
    insert(store, &key(0), &record("u", 1, FAR)).await?;
    for round in 0..ROUNDS {
        let winners = Arc::new(Mutex::new(Vec::new()));
        race(6, |n, start| {
            let (store, winners) = (Arc::clone(store), Arc::clone(&winners));
            async move {
                start.wait().await;
                let at = UnixMs(100 * (u64::from(round) + 1));
                match store.rotate(&key(0), round, at).await? {
                    Rotated::Done(_) => push(&winners, n),
                    Rotated::Stale(seen) if seen.generation == round + 1 => {}
                    other => return ensure(false, || format!("round {round}: {other:?}")),
                }
                Ok(())
            }
        })
        .await?;
        let winners = snapshot(&winners);
        ensure(winners.len() == 1, || {
            format!("round {round}: {winners:?} all won")
        })?;
    }
    let left = store.get(&key(0)).await?;
    let counts = left.map(|left| (left.generation, left.revision));
    ensure(counts == Some((ROUNDS, ROUNDS)), || format!("{counts:?}"))
}

/// However swaps and rotations meet, each that was done is in the record at
/// the end. Swaps go on as rotations begin, so that they meet.
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn no_swap_or_rotation_is_lost<S: RecordStore + 'static>(store: &Arc<S>) -> Verdict {
    const EACH: u32 = 40;
    insert(store, &key(0), &record("u", 1, UnixMs(1_000))).await?;
    let rotations = Arc::new(AtomicU32::new(0));
    race(4, |n, start| {
        let (store, rotations) = (Arc::clone(store), Arc::clone(&rotations));
        async move {
            start.wait().await;
            let mut done = 0;
            while done < EACH {
                if n % 2 == 1 {
                    rotations.fetch_add(1, Ordering::SeqCst);
                } else if rotations.load(Ordering::SeqCst) <= done {
                    yield_now().await;
                    continue;
                }
                let read = store.get(&key(0)).await?;
                let Some(read) = read else {
                    return ensure(false, || "the record is gone".into());
                };
                let wrote = if n % 2 == 0 {
                    let new = Record {
                        expires_at: read.expires_at.plus_ms(1),
                        ..read.clone()
                    };
                    let swapped = store.compare_and_swap(&key(0), read.revision, &new).await?;
                    swapped == Swapped::Done
                } else {
                    let rotated = store.rotate(&key(0), read.generation, UnixMs(6)).await?;
                    matches!(rotated, Rotated::Done(_))
                };
                done += u32::from(wrote);
                if !wrote {
                    yield_now().await;
                }
            }
            Ok(())
        }
    })
    .await?;
    let expected = Record {
        used_at: UnixMs(6),
        generation: 2 * EACH,
        revision: 4 * EACH,
        ..record("u", 1, UnixMs(1_000 + u64::from(2 * EACH)))
    };
    expect(store, &key(0), Some(&expected)).await
}
