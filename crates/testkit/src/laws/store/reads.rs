//! Laws of what comes back: many records at once, and the opaque payload.

use std::sync::Arc;

use authbench_core::{
    PAYLOAD_OCTETS_MAX, Record, RecordStore, Rotated, SubjectId, Swapped, UnixMs,
};

use super::{EVERY, FAR, insert, key, record};
use crate::laws::{Verdict, ensure};

/// A read of many keys answers as a read of each would, in the order of the
/// keys: also for missing ones, for one that is asked for twice, and for none.
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn reads_many_as_it_reads_one<S: RecordStore>(store: &Arc<S>) -> Verdict {
    for n in 0..40 {
        if n % 3 > 0 {
            insert(store, &key(n), &record("u", n as u8, UnixMs(10 + n as u64))).await?;
        }
    }
    let plans: [Vec<usize>; 5] = [
        vec![],
        vec![7],
        vec![5, 3, 5, 38, 0, 5],
        (0..40).rev().collect(),
        (0..40).map(|n| n * 7 % 40).collect(),
    ];
    for plan in plans {
        let keys: Vec<_> = plan.iter().map(|n| key(*n)).collect();
        let read = store.get_many(&keys).await?;
        ensure(read.len() == keys.len(), || {
            format!("{} answers to {} keys", read.len(), keys.len())
        })?;
        for (n, many) in plan.iter().zip(read) {
            let one = store.get(&key(*n)).await?;
            ensure(many == one, || {
                format!("asked for {plan:?}, {n} is {many:?} and alone {one:?}")
            })?;
        }
    }
    Ok(())
}

/// A payload comes back octet for octet, up to the longest, by every way that
/// reads it and after every way that writes it.
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn keeps_payloads<S: RecordStore>(store: &Arc<S>) -> Verdict {
    let octets = |count: usize, first: u8| -> Box<[u8]> {
        (0..count).map(|n| first.wrapping_add(n as u8)).collect()
    };
    let payloads = [
        octets(0, 0),
        octets(1, 0),
        octets(1, 0xFF),
        octets(256, 0),
        octets(PAYLOAD_OCTETS_MAX - 1, 0x80),
        octets(PAYLOAD_OCTETS_MAX, 7),
    ];
    let subject = SubjectId::new("u");
    for (n, payload) in payloads.iter().enumerate() {
        let key = key(n);
        let held = Record {
            payload: payload.clone(),
            ..record("u", 1, FAR)
        };
        insert(store, &key, &held).await?;
        let touched = store.get_touched(&key, UnixMs(20), EVERY).await?;
        came_back(payload, touched.as_ref())?;
        let mut new = held;
        // The first is done, the second is stale; both show the record.
        for at in [30, 40] {
            let (Rotated::Done(seen) | Rotated::Stale(seen)) =
                store.rotate(&key, 0, UnixMs(at)).await?
            else {
                return ensure(false, || "the record is gone".into());
            };
            came_back(payload, Some(&seen))?;
            new = seen;
        }
        let next = &payloads[(n + 1) % payloads.len()];
        new.payload = next.clone();
        let swapped = store.compare_and_swap(&key, new.revision, &new).await?;
        ensure(swapped == Swapped::Done, || format!("{swapped:?}"))?;
        came_back(next, store.get(&key).await?.as_ref())?;
        let many = store.get_many(&[key]).await?;
        came_back(next, many.first().and_then(Option::as_ref))?;
        let listed = store.list_by_subject(&subject).await?;
        let listed = listed.iter().find(|(listed, _)| *listed == key);
        came_back(next, listed.map(|(_, record)| record))?;
    }
    Ok(())
}

fn came_back(payload: &[u8], record: Option<&Record>) -> Verdict {
    let found = record.map(|record| &*record.payload);
    ensure(found == Some(payload), || {
        format!("{found:?} instead of {} octets", payload.len())
    })
}
