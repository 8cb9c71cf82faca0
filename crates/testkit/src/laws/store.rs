//! Laws of [`RecordStore`]: what one caller must see (here, of [`ends`], [`reads`],
//! [`touch`]es and [`rotate`]), what callers that race must see ([`races`],
//! [`revival`]), and agreement with a model ([`model`]).
//!
//! They hold for stores that promise `Immediate`; a store that promises less
//! is judged by the oracle instead. Each law needs a store that is empty and
//! its own, which on a shared server is a prefix, schema or database of its
//! own: no law looks beyond it.

use std::sync::Arc;

use authbench_core::{
    Digest, Inserted, LoginId, Record, RecordStore, Roles, StoreError, SubjectId, Swapped, Touch,
    UnixMs,
};
use tokio::runtime::{Builder, Runtime};

use super::{Broken, Verdict, ensure};

pub mod ends;
pub mod model;
pub mod races;
pub mod reads;
pub mod revival;
pub mod rotate;
pub mod touch;

/// Makes a module `$name` with a test for each law, against stores that the
/// async function `$open` opens: `async fn() -> Result<impl RecordStore,
/// StoreError>`, each of them empty and apart from the others.
#[macro_export]
macro_rules! store_laws {
    ($name:ident, $open:path) => {
        mod $name {
            $crate::store_laws! { @each $open;
                laws::store::keeps_what_it_is_given,
                laws::store::tells_keys_apart,
                laws::store::never_overwrites,
                laws::store::swaps_only_the_expected_revision,
                laws::store::swap_keeps_subject_and_login,
                laws::store::ends::deletes_once,
                laws::store::ends::deletes_one_subject_alone,
                laws::store::ends::keeps_the_login_it_is_told_to,
                laws::store::ends::purges_up_to_the_instant,
                laws::store::ends::purges_in_batches,
                laws::store::reads::reads_many_as_it_reads_one,
                laws::store::reads::keeps_payloads,
                laws::store::touch::touches_past_the_threshold_only,
                laws::store::touch::a_touch_shows_and_leaves_all_else,
                laws::store::touch::a_touch_makes_nothing,
                laws::store::touch::no_touch_past_expiry,
                laws::store::touch::a_use_never_goes_back,
                laws::store::touch::too_late_is_for_good,
                laws::store::touch::a_touch_undoes_no_write,
                laws::store::rotate::a_rotation_moves_one_on,
                laws::store::rotate::a_stale_rotation_shows_the_record,
                laws::store::rotate::no_rotation_past_expiry,
                laws::store::rotate::a_rotation_makes_nothing,
                laws::store::rotate::a_rotation_sets_no_use_back,
                laws::store::rotate::swap_and_rotation_see_each_other,
                laws::store::rotate::one_of_many_rotations_wins,
                laws::store::rotate::no_swap_or_rotation_is_lost,
                laws::store::revival::a_swap_never_revives,
                laws::store::revival::a_rotation_never_revives,
                laws::store::revival::a_touch_never_revives,
                laws::store::races::one_of_many_insertions_wins,
                laws::store::races::no_swap_is_lost,
                laws::store::races::each_deletion_counts_once,
                laws::store::races::a_deletion_ends_what_came_before,
                laws::store::races::a_deletion_is_seen_whole,
                laws::store::races::list_equals_truth_when_quiet,
            }

            #[test]
            fn agrees_with_the_model() -> $crate::laws::Verdict {
                $crate::laws::store::model::agrees($open)
            }
        }
    };
    (@each $open:path; $($a:ident::$b:ident::$($c:ident)::+),+ $(,)?) => {
        $($crate::store_laws! { @one $open; ($a::$b::$($c)::+) $($c)::+ })+
    };
    (@one $open:path; ($($law:tt)+) $name:ident) => {
        #[test]
        fn $name() -> $crate::laws::Verdict {
            $crate::laws::store::judge($open, $crate::$($law)+)
        }
    };
    (@one $open:path; ($($law:tt)+) $group:ident::$name:ident) => {
        $crate::store_laws! { @one $open; ($($law)+) $name }
    };
}

/// Tries `law` on a store from `open`, in a runtime of several threads.
///
/// # Errors
/// [`Broken`] if the law does not hold or could not be tried.
pub fn judge<S: RecordStore>(
    open: impl AsyncFnOnce() -> Result<S, StoreError>,
    law: impl AsyncFnOnce(&Arc<S>) -> Verdict,
) -> Verdict {
    runtime()?.block_on(async { law(&Arc::new(open().await?)).await })
}

/// What was inserted is read back to the last detail, under revision 0.
///
/// # Errors
/// [`Broken`], as with every law here.
pub async fn keeps_what_it_is_given<S: RecordStore>(store: &Arc<S>) -> Verdict {
    let subjects = [
        "",
        "u1",
        "a subject of more than four and twenty octets",
        "Zoë '\"\\%_\u{1F511}",
    ];
    let roles = [
        vec![],
        vec!["user"],
        vec!["admin", "a,b", "quo\"te", "", "ö"],
    ];
    let instants = [0, 1, 1_765_000_000_000, i64::MAX as u64];
    let mut given = Vec::new();
    for (n, subject) in (0..).zip(subjects) {
        for roles in &roles {
            for instant in instants {
                let mut record = record(subject, n, UnixMs(instant));
                record.roles = roles.iter().collect();
                record.issued_at = UnixMs(instant / 2);
                record.used_at = UnixMs(instant / 2 + instant % 2);
                record.generation = u32::from(n) * 1_000_000_000;
                given.push((key(given.len()), record));
            }
        }
    }
    for (key, record) in &given {
        // The revision of a new record is 0, whatever it says itself.
        let written = Record {
            revision: 7,
            ..record.clone()
        };
        let inserted = store.insert_new(key, &written).await?;
        ensure(inserted == Inserted::New, || {
            format!("{record:?} was not inserted")
        })?;
    }
    for (key, record) in &given {
        let read = store.get(key).await?;
        ensure(read.as_ref() == Some(record), || {
            format!("{record:?} came back as {read:?}")
        })?;
    }
    for subject in subjects {
        let subject = SubjectId::new(subject);
        let theirs = given.iter().filter(|(_, record)| record.subject == subject);
        expect_list(store, &subject, theirs.cloned().collect()).await?;
    }
    Ok(())
}

/// A key that differs in one bit is another key (ASVS 5.0 7.2.1: no prefix, no
/// near miss).
///
/// # Errors
/// [`Broken`], as with every law here.
pub async fn tells_keys_apart<S: RecordStore>(store: &Arc<S>) -> Verdict {
    let stored = key(0);
    insert(store, &stored, &record("u", 1, FAR)).await?;
    for bit in 0..256 {
        let mut other = stored;
        other.0[bit / 8] ^= 1 << (bit % 8);
        let read = store.get(&other).await?;
        ensure(read.is_none(), || format!("found with bit {bit} flipped"))?;
        let deleted = store.delete(&other).await?;
        ensure(!deleted, || format!("deleted with bit {bit} flipped"))?;
    }
    ensure(store.get(&stored).await?.is_some(), || {
        "the record is gone".into()
    })
}

/// An insertion under a taken key changes nothing, not even the list of the
/// subject that it named.
///
/// # Errors
/// [`Broken`], as with every law here.
pub async fn never_overwrites<S: RecordStore>(store: &Arc<S>) -> Verdict {
    let (first, second) = (record("first", 1, UnixMs(10)), record("second", 2, FAR));
    insert(store, &key(0), &first).await?;
    let inserted = store.insert_new(&key(0), &second).await?;
    ensure(inserted == Inserted::Taken, || {
        "a taken key was given away".into()
    })?;
    expect(store, &key(0), Some(&first)).await?;
    expect_list(store, &first.subject, vec![(key(0), first.clone())]).await?;
    expect_list(store, &second.subject, vec![]).await
}

/// A swap needs the present revision and adds one; a missing record stays
/// missing.
///
/// # Errors
/// [`Broken`], as with every law here.
pub async fn swaps_only_the_expected_revision<S: RecordStore>(store: &Arc<S>) -> Verdict {
    let old = record("u", 1, UnixMs(10));
    let new = Record {
        expires_at: UnixMs(20),
        roles: roles(&["admin"]),
        ..old.clone()
    };
    let swapped = store.compare_and_swap(&key(0), 0, &new).await?;
    ensure(swapped == Swapped::Missing, || {
        format!("no record, and the swap is {swapped:?}")
    })?;
    expect(store, &key(0), None).await?;
    expect_list(store, &old.subject, vec![]).await?;

    insert(store, &key(0), &old).await?;
    for wrong in [1, u32::MAX] {
        let swapped = store.compare_and_swap(&key(0), wrong, &new).await?;
        ensure(swapped == Swapped::Stale, || {
            format!("revision {wrong}: {swapped:?}")
        })?;
        expect(store, &key(0), Some(&old)).await?;
    }
    for revision in 0..3 {
        let swapped = store.compare_and_swap(&key(0), revision, &new).await?;
        ensure(swapped == Swapped::Done, || {
            format!("revision {revision}: {swapped:?}")
        })?;
        let expected = Record {
            revision: revision + 1,
            ..new.clone()
        };
        expect(store, &key(0), Some(&expected)).await?;
        expect_list(store, &old.subject, vec![(key(0), expected)]).await?;
    }
    let swapped = store.compare_and_swap(&key(0), 0, &old).await?;
    ensure(swapped == Swapped::Stale, || {
        format!("an old revision: {swapped:?}")
    })
}

/// A swap hands no login to another subject.
///
/// # Errors
/// [`Broken`], as with every law here.
pub async fn swap_keeps_subject_and_login<S: RecordStore>(store: &Arc<S>) -> Verdict {
    let mine = record("mine", 1, UnixMs(10));
    insert(store, &key(0), &mine).await?;
    let swapped = store
        .compare_and_swap(&key(0), 0, &record("yours", 2, UnixMs(20)))
        .await?;
    ensure(swapped == Swapped::Done, || format!("{swapped:?}"))?;
    let expected = Record {
        revision: 1,
        expires_at: UnixMs(20),
        ..mine
    };
    expect(store, &key(0), Some(&expected)).await?;
    expect_list(store, &SubjectId::new("yours"), vec![]).await?;
    expect_list(store, &SubjectId::new("mine"), vec![(key(0), expected)]).await
}

const FAR: UnixMs = UnixMs(4_000_000_000_000);

/// Writes every use down.
const EVERY: Touch = Touch {
    after_ms: 0,
    within_ms: u64::MAX,
};

fn runtime() -> Result<Runtime, Broken> {
    let mut builder = Builder::new_multi_thread();
    builder
        .worker_threads(4)
        .enable_all()
        .build()
        .map_err(Broken::Runtime)
}

fn key(n: usize) -> Digest {
    Digest::of(&format!("credential {n}"))
}

const fn login(n: u8) -> LoginId {
    LoginId([n; 16])
}

fn roles(names: &[&str]) -> Roles {
    names.iter().collect()
}

fn record(subject: &str, n: u8, expires_at: UnixMs) -> Record {
    Record {
        subject: SubjectId::new(subject),
        login: login(n),
        roles: roles(&["user"]),
        issued_at: UnixMs(5),
        expires_at,
        used_at: UnixMs(5),
        generation: 0,
        revision: 0,
        payload: Box::default(),
    }
}

async fn insert<S: RecordStore>(store: &Arc<S>, key: &Digest, record: &Record) -> Verdict {
    let inserted = store.insert_new(key, record).await?;
    ensure(inserted == Inserted::New, || {
        format!("a new key was taken, for {record:?}")
    })
}

async fn expect<S: RecordStore>(
    store: &Arc<S>,
    key: &Digest,
    expected: Option<&Record>,
) -> Verdict {
    let read = store.get(key).await?;
    ensure(read.as_ref() == expected, || {
        format!("read {read:?} instead of {expected:?}")
    })
}

async fn expect_list<S: RecordStore>(
    store: &Arc<S>,
    subject: &SubjectId,
    mut expected: Vec<(Digest, Record)>,
) -> Verdict {
    let mut list = store.list_by_subject(subject).await?;
    list.sort_by_key(|(key, _)| *key);
    expected.sort_by_key(|(key, _)| *key);
    ensure(list == expected, || {
        format!("{subject:?} has {list:?} instead of {expected:?}")
    })
}
