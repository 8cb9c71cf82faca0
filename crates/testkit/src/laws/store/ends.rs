//! Laws of what ends: deletions and purges.

use std::sync::Arc;

use authbench_core::{RecordStore, SubjectId, UnixMs};

use super::{FAR, expect, expect_list, insert, key, login, record};
use crate::laws::{Verdict, ensure};

/// A deletion says whether there was something to delete, and the key is free
/// afterwards.
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn deletes_once<S: RecordStore>(store: &Arc<S>) -> Verdict {
    for _ in 0..2 {
        let record = record("u", 1, FAR);
        insert(store, &key(0), &record).await?;
        for expected in [true, false] {
            let deleted = store.delete(&key(0)).await?;
            ensure(deleted == expected, || format!("deleted: {deleted}"))?;
            expect(store, &key(0), None).await?;
            expect_list(store, &record.subject, vec![]).await?;
        }
    }
    Ok(())
}

/// A deletion by subject takes all of its records and nobody else's, however
/// alike the names.
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn deletes_one_subject_alone<S: RecordStore>(store: &Arc<S>) -> Verdict {
    let subjects = ["user", "User", "use", "user ", "user%", "user\u{301}", ""];
    for (n, subject) in subjects.iter().enumerate() {
        for login in 0..3 {
            insert(
                store,
                &key(n * 3 + login),
                &record(subject, login as u8, FAR),
            )
            .await?;
        }
    }
    for (n, subject) in subjects.iter().enumerate() {
        for (first, subject) in [(3, SubjectId::new(subject)), (0, SubjectId::new("nobody"))] {
            for expected in [first, 0] {
                let deleted = store.delete_by_subject(&subject, None).await?;
                ensure(deleted == expected, || format!("{deleted} of {subject:?}"))?;
            }
            expect_list(store, &subject, vec![]).await?;
        }
        for other in 0..subjects.len() * 3 {
            let here = store.get(&key(other)).await?.is_some();
            ensure(here == (other >= (n + 1) * 3), || {
                format!("after {n}, {other}: {here}")
            })?;
        }
    }
    Ok(())
}

/// A deletion by subject spares the login to keep, whose records it is told
/// by, and only that.
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn keeps_the_login_it_is_told_to<S: RecordStore>(store: &Arc<S>) -> Verdict {
    let subject = SubjectId::new("u");
    // Two records of one login, as a scheme with rotating tokens has them.
    for (n, login) in [1, 2, 2, 3].into_iter().enumerate() {
        insert(store, &key(n), &record("u", login, FAR)).await?;
    }
    insert(store, &key(9), &record("other", 2, FAR)).await?;
    let deleted = store.delete_by_subject(&subject, Some(login(2))).await?;
    ensure(deleted == 2, || format!("{deleted} deleted"))?;
    let kept = |n| (key(n), record("u", 2, FAR));
    expect_list(store, &subject, vec![kept(1), kept(2)]).await?;
    let deleted = store.delete_by_subject(&subject, Some(login(4))).await?;
    ensure(deleted == 2, || {
        format!("{deleted} deleted with a foreign login to keep")
    })?;
    expect_list(store, &subject, vec![]).await?;
    expect(store, &key(9), Some(&record("other", 2, FAR))).await
}

/// A purge takes what expired at or before the instant (RFC 7519 4.1.4: "on
/// or after"), and nothing else.
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn purges_up_to_the_instant<S: RecordStore>(store: &Arc<S>) -> Verdict {
    for (n, expires_at) in [99, 100, 101].into_iter().enumerate() {
        insert(store, &key(n), &record("u", 1, UnixMs(expires_at))).await?;
    }
    for (at, expected) in [(98, 0), (100, 2), (100, 0), (u64::MAX, 1), (u64::MAX, 0)] {
        let purged = store.purge(UnixMs(at), 10).await?;
        ensure(purged == expected, || format!("{purged} at {at}"))?;
        let left = store.list_by_subject(&SubjectId::new("u")).await?;
        ensure(left.iter().all(|(_, r)| r.expires_at.0 > at), || {
            format!("at {at}: {left:?}")
        })?;
    }
    Ok(())
}

/// A purge stops at its limit, and a batch that is not full means that nothing
/// is left.
///
/// # Errors
/// [`Broken`](crate::laws::Broken), as with every law here.
pub async fn purges_in_batches<S: RecordStore>(store: &Arc<S>) -> Verdict {
    for n in 0..500 {
        let expires_at = if n % 5 == 0 { FAR } else { UnixMs(n as u64) };
        insert(
            store,
            &key(n),
            &record(&format!("u{}", n % 7), 1, expires_at),
        )
        .await?;
    }
    for expected in [0, 1, 299, 100, 0] {
        let limit = if expected == 100 { 101 } else { expected };
        let purged = store.purge(UnixMs(500), limit).await?;
        ensure(purged == expected, || {
            format!("{purged} purged with limit {limit}")
        })?;
    }
    for n in 0..500 {
        let here = store.get(&key(n)).await?.is_some();
        ensure(here == (n % 5 == 0), || format!("{n}: {here}"))?;
    }
    Ok(())
}
