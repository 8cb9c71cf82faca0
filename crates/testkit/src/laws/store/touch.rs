//! Laws of touches: what a use leaves behind, and what it never does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use authbench_core::{Record, RecordStore, Rotated, SubjectId, Swapped, Touch, UnixMs};
use tokio::task::yield_now;

use super::races::race;
use super::{EVERY, FAR, expect, expect_list, insert, key, record};
use crate::laws::{Verdict, ensure};

/// A use is written down from the lower threshold on, and not before.
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn touches_past_the_threshold_only<S: RecordStore>(store: &Arc<S>) -> Verdict {
    // The record was used at 1 000.
    for (n, (at, used_at)) in [
        (1_000, 1_000),
        (1_001, 1_000),
        (1_029, 1_000),
        (1_030, 1_030),
        (1_499, 1_499),
    ]
    .into_iter()
    .enumerate()
    {
        insert(store, &key(n), &used_at_1000()).await?;
        store.get_touched(&key(n), UnixMs(at), THIRTY).await?;
        expect_use(store, n, used_at).await?;
    }
    // The threshold counts from the latest use that was written down.
    for (at, used_at) in [(1_520, 1_499), (1_529, 1_529), (1_558, 1_529)] {
        store.get_touched(&key(4), UnixMs(at), THIRTY).await?;
        expect_use(store, 4, used_at).await?;
    }
    Ok(())
}

/// The answer is the record as it was, and a touch changes nothing of it but
/// the use: no revision, so that it hinders no swap, and nobody else's record.
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn a_touch_shows_and_leaves_all_else<S: RecordStore>(store: &Arc<S>) -> Verdict {
    let mut held = used_at_1000();
    insert(store, &key(0), &held).await?;
    insert(store, &key(1), &held).await?;
    for at in [1_100, 1_200, 1_300] {
        let seen = store.get_touched(&key(0), UnixMs(at), THIRTY).await?;
        ensure(seen.as_ref() == Some(&held), || {
            format!("at {at} the answer is {seen:?} instead of {held:?}")
        })?;
        held.used_at = UnixMs(at);
        let both = vec![(key(0), held.clone()), (key(1), used_at_1000())];
        expect_list(store, &held.subject, both).await?;
    }
    let swapped = store.compare_and_swap(&key(0), 0, &held).await?;
    ensure(swapped == Swapped::Done, || {
        format!("a swap after touches is {swapped:?}")
    })
}

/// A touch of what is not there, any more or ever, makes nothing.
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn a_touch_makes_nothing<S: RecordStore>(store: &Arc<S>) -> Verdict {
    insert(store, &key(0), &used_at_1000()).await?;
    store.delete(&key(0)).await?;
    for key in [key(0), key(1)] {
        let seen = store.get_touched(&key, UnixMs(1_100), THIRTY).await?;
        ensure(seen.is_none(), || format!("touched nothing, read {seen:?}"))?;
        expect(store, &key, None).await?;
    }
    expect_list(store, &SubjectId::new("u"), vec![]).await
}

/// An expired record is read and not touched (RFC 7519 4.1.4: "on or after").
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn no_touch_past_expiry<S: RecordStore>(store: &Arc<S>) -> Verdict {
    let held = Record {
        expires_at: UnixMs(1_200),
        ..used_at_1000()
    };
    for (n, at) in [1_200, 1_201, 1_499, 1_199].into_iter().enumerate() {
        insert(store, &key(n), &held).await?;
        let seen = store.get_touched(&key(n), UnixMs(at), THIRTY).await?;
        ensure(seen.is_some(), || format!("not read at {at}"))?;
        expect_use(store, n, if at < 1_200 { at } else { 1_000 }).await?;
    }
    Ok(())
}

/// A use is never set back: not by a touch of a node whose clock lags, and not
/// by a swap that read the record before it was touched.
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn a_use_never_goes_back<S: RecordStore>(store: &Arc<S>) -> Verdict {
    insert(store, &key(0), &used_at_1000()).await?;
    for at in [0, 1, 999, 1_000] {
        store.get_touched(&key(0), UnixMs(at), EVERY).await?;
        expect_use(store, 0, 1_000).await?;
    }
    store.get_touched(&key(0), UnixMs(1_300), EVERY).await?;
    for (given, used_at) in [(1_000, 1_300), (1_299, 1_300), (1_400, 1_400)] {
        let revision = store.get(&key(0)).await?.map_or(0, |held| held.revision);
        let new = Record {
            used_at: UnixMs(given),
            ..used_at_1000()
        };
        let swapped = store.compare_and_swap(&key(0), revision, &new).await?;
        ensure(swapped == Swapped::Done, || format!("{swapped:?}"))?;
        expect_use(store, 0, used_at).await?;
    }
    Ok(())
}

/// A record that went unused up to the upper threshold is never touched again:
/// an idle login stays dead (ASVS 5.0 7.3.1).
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn too_late_is_for_good<S: RecordStore>(store: &Arc<S>) -> Verdict {
    insert(store, &key(0), &used_at_1000()).await?;
    for at in [1_500, 1_501, 2_000, 9_000, 1_500] {
        let seen = store.get_touched(&key(0), UnixMs(at), THIRTY).await?;
        ensure(seen == Some(used_at_1000()), || {
            format!("at {at}: {seen:?}")
        })?;
        expect(store, &key(0), Some(&used_at_1000())).await?;
    }
    Ok(())
}

/// A touch that runs beside swaps and rotations undoes none of them, and none
/// of them sets a use back.
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn a_touch_undoes_no_write<S: RecordStore + 'static>(store: &Arc<S>) -> Verdict {
    const WRITES: u32 = 60;
    insert(store, &key(0), &record("u", 1, FAR)).await?;
    let (ended, touches) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU32::new(0)),
    );
    race(3, |n, start| {
        let (store, ended) = (Arc::clone(store), Arc::clone(&ended));
        let touches = Arc::clone(&touches);
        async move {
            start.wait().await;
            if n == 0 {
                let verdict = write(&store, WRITES, &touches).await;
                ended.store(true, Ordering::SeqCst);
                return verdict;
            }
            // Two touch, at instants that rise, but not in step.
            let (mut at, mut latest) = (10 + u64::from(n), 0);
            while !ended.load(Ordering::SeqCst) {
                touches.fetch_add(1, Ordering::SeqCst);
                let seen = store.get_touched(&key(0), UnixMs(at), EVERY).await?;
                let used_at = seen.map_or(0, |record| record.used_at.0);
                ensure(used_at >= latest, || {
                    format!("used at {latest}, then at {used_at}")
                })?;
                latest = at.max(used_at);
                at += 3;
                yield_now().await;
            }
            Ok(())
        }
    })
    .await?;
    let left = store.get(&key(0)).await?;
    let counts = left.map(|left| (left.revision, left.generation));
    ensure(counts == Some((WRITES, WRITES / 2)), || {
        format!("{WRITES} writes, half of them rotations, left {counts:?}")
    })
}

/// The only writer swaps and rotates in turn: nothing can be stale. It goes on
/// as `touches` begin, so that they meet.
async fn write<S: RecordStore>(store: &Arc<S>, writes: u32, touches: &AtomicU32) -> Verdict {
    let mut held = record("u", 1, FAR);
    for n in 0..writes {
        while touches.load(Ordering::SeqCst) <= n {
            yield_now().await;
        }
        if n % 2 == 0 {
            let swapped = store.compare_and_swap(&key(0), n, &held).await?;
            ensure(swapped == Swapped::Done, || {
                format!("swap {n}: {swapped:?}")
            })?;
        } else {
            let rotated = store.rotate(&key(0), n / 2, UnixMs(6)).await?;
            ensure(matches!(rotated, Rotated::Done(_)), || {
                format!("rotation {n}: {rotated:?}")
            })?;
            held.generation += 1;
        }
    }
    Ok(())
}

async fn expect_use<S: RecordStore>(store: &Arc<S>, n: usize, used_at: u64) -> Verdict {
    let read = store.get(&key(n)).await?.map(|held| held.used_at.0);
    ensure(read == Some(used_at), || {
        format!("used at {read:?} instead of {used_at}")
    })
}

const THIRTY: Touch = Touch {
    after_ms: 30,
    within_ms: 500,
};

fn used_at_1000() -> Record {
    Record {
        used_at: UnixMs(1_000),
        ..record("u", 1, FAR)
    }
}
