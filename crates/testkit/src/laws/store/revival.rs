//! What is deleted stays deleted, whatever was on its way to write it (the
//! fault of stores with an upsert: express-session #632).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use authbench_core::{Digest, Record, RecordStore, Rotated, SubjectId, Swapped, UnixMs};
use tokio::task::yield_now;

use super::races::race;
use super::{EVERY, expect, expect_list, insert, key, record};
use crate::laws::{Verdict, ensure};

/// Once a deletion has returned, no swap that ran beside it brings the record
/// back.
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn a_swap_never_revives<S: RecordStore + 'static>(store: &Arc<S>) -> Verdict {
    never_revives(store, Way::Swap).await
}

/// The same of a rotation: a refresh that is in flight at logout leaves
/// nothing that lives (checks CONCURRENCY-004).
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn a_rotation_never_revives<S: RecordStore + 'static>(store: &Arc<S>) -> Verdict {
    never_revives(store, Way::Rotate).await
}

/// The same of a touch: a slow request does not bring its session back (checks
/// CONCURRENCY-001).
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn a_touch_never_revives<S: RecordStore + 'static>(store: &Arc<S>) -> Verdict {
    never_revives(store, Way::Touch).await
}

/// How a record is written.
#[derive(Clone, Copy, Debug)]
enum Way {
    Swap,
    Rotate,
    Touch,
}

const END: UnixMs = UnixMs(1_000_000);

async fn never_revives<S: RecordStore + 'static>(store: &Arc<S>, way: Way) -> Verdict {
    for round in 0..60 {
        let subject = SubjectId::new("u");
        insert(store, &key(round), &record("u", 1, END)).await?;
        let deleted = Arc::new(AtomicBool::new(false));
        race(3, |n, start| {
            let (store, subject) = (Arc::clone(store), subject.clone());
            let deleted = Arc::clone(&deleted);
            async move {
                start.wait().await;
                if n > 0 {
                    return write_until_deleted(&store, &key(round), way, &deleted).await;
                }
                for _ in 0..round % 8 {
                    yield_now().await;
                }
                let verdict = delete_somehow(&store, round, &subject).await;
                deleted.store(true, Ordering::SeqCst);
                verdict?;
                expect(&store, &key(round), None).await
            }
        })
        .await?;
        expect(store, &key(round), None).await?;
        expect_list(store, &subject, vec![]).await?;
    }
    Ok(())
}

async fn delete_somehow<S: RecordStore>(
    store: &Arc<S>,
    round: usize,
    subject: &SubjectId,
) -> Verdict {
    match round % 3 {
        0 => drop(store.delete(&key(round)).await?),
        1 => drop(store.delete_by_subject(subject, None).await?),
        _ => drop(store.purge(END, 10).await?),
    }
    Ok(())
}

/// Writes as fast as it can; once `deleted` is set, nothing may be found.
async fn write_until_deleted<S: RecordStore>(
    store: &Arc<S>,
    key: &Digest,
    way: Way,
    deleted: &AtomicBool,
) -> Verdict {
    let mut held = record("u", 1, END);
    let mut at = UnixMs(10);
    loop {
        let late = deleted.load(Ordering::SeqCst);
        let found = write(store, key, way, &mut held, at).await?;
        if late {
            return ensure(!found, || format!("deleted, then {way:?} finds a record"));
        }
        at = at.plus_ms(1);
    }
}

/// One write; says whether there was a record.
async fn write<S: RecordStore>(
    store: &Arc<S>,
    key: &Digest,
    way: Way,
    held: &mut Record,
    at: UnixMs,
) -> Result<bool, crate::laws::Broken> {
    match way {
        Way::Touch => Ok(store.get_touched(key, at, EVERY).await?.is_some()),
        Way::Rotate => match store.rotate(key, held.generation, at).await? {
            Rotated::Done(seen) | Rotated::Stale(seen) => {
                *held = seen;
                Ok(true)
            }
            Rotated::Missing => Ok(false),
        },
        Way::Swap => match store.compare_and_swap(key, held.revision, held).await? {
            Swapped::Done => {
                held.revision += 1;
                Ok(true)
            }
            Swapped::Stale => {
                if let Some(seen) = store.get(key).await? {
                    *held = seen;
                }
                Ok(true)
            }
            Swapped::Missing => Ok(false),
        },
    }
}
