//! What every scheme does alike that keeps one record for each login.

use authbench_core::{
    Digest, LoginId, LoginInfo, Logins, Receipt, Record, RecordStore, Roles, Staleness, StoreError,
    StoreFault, Subject, SubjectId, Swapped, UnixMs,
};

/// Rounds of reading and swapping one record before a change of it fails. Only
/// other changes of the same login can spoil a round.
pub(crate) const SWAP_TRIES: usize = 16;

/// When a change that `store` acknowledged at `at` is seen everywhere, for
/// logins that live for `lifetime_ms`.
pub(crate) fn receipt(store: &impl RecordStore, at: UnixMs, lifetime_ms: u64) -> Receipt {
    let effective_from = match store.promises().staleness {
        Staleness::Immediate => at,
        Staleness::WithinMs(ms) => at.plus_ms(ms),
        Staleness::UntilExpiry => at.plus_ms(lifetime_ms),
    };
    Receipt { effective_from }
}

/// The record under `key`, which differs from the one that was `seen`, as it
/// now is: past a cache that may still show the one of before. Lists come from
/// no cache.
pub(crate) async fn reread(
    store: &impl RecordStore,
    key: &Digest,
    seen: &Record,
) -> Result<Option<Record>, StoreError> {
    latest(store, key, &seen.subject).await
}

/// The record of `subject` under `key`, past a cache that may show an older
/// state or none. Lists come from no cache.
pub(crate) async fn latest(
    store: &impl RecordStore,
    key: &Digest,
    subject: &SubjectId,
) -> Result<Option<Record>, StoreError> {
    if store.promises().staleness == Staleness::Immediate {
        return store.get(key).await;
    }
    let records = store.list_by_subject(subject).await?;
    let own = records.into_iter().find(|(held, _)| held == key);
    Ok(own.map(|(_, record)| record))
}

/// The logins of `subject` whose record `runs`, in the order of their handles.
pub(crate) async fn logins(
    store: &impl RecordStore,
    subject: &SubjectId,
    runs: impl Fn(&Record) -> bool,
) -> Result<Logins, StoreError> {
    let records = store.list_by_subject(subject).await?;
    let running = records.iter().filter(|(_, record)| runs(record));
    let info = |(_, record): &(Digest, Record)| LoginInfo {
        login: record.login,
        issued_at: record.issued_at,
        expires_at: record.expires_at,
    };
    let mut logins: Vec<LoginInfo> = running.map(info).collect();
    logins.sort_unstable_by_key(|info| info.login);
    Ok(Logins::Known(logins))
}

/// Ends one login of `subject`, and nobody else's.
pub(crate) async fn end_login(
    store: &impl RecordStore,
    subject: &SubjectId,
    login: LoginId,
) -> Result<(), StoreError> {
    for (key, record) in store.list_by_subject(subject).await? {
        if record.login == login {
            store.delete(&key).await?;
        }
    }
    Ok(())
}

/// Gives the roles of `subject` to each login that is in the store when this
/// begins. A login that is issued meanwhile has the roles that its `issue` was
/// given: callers read the account's roles after they have changed them.
pub(crate) async fn change_roles(
    store: &impl RecordStore,
    subject: &Subject,
) -> Result<(), StoreError> {
    for (key, record) in store.list_by_subject(&subject.id).await? {
        change_roles_of(store, &key, record, &subject.roles).await?;
    }
    Ok(())
}

async fn change_roles_of(
    store: &impl RecordStore,
    key: &Digest,
    mut held: Record,
    roles: &Roles,
) -> Result<(), StoreError> {
    for _ in 0..SWAP_TRIES {
        if held.roles == *roles {
            return Ok(());
        }
        let new = Record {
            roles: roles.clone(),
            ..held.clone()
        };
        match store.compare_and_swap(key, held.revision, &new).await? {
            // A login that has ended has no roles to change.
            Swapped::Done | Swapped::Missing => return Ok(()),
            Swapped::Stale => match reread(store, key, &held).await? {
                Some(read) => held = read,
                None => return Ok(()),
            },
        }
    }
    Err(contended(
        "change the roles of a login that others keep changing",
    ))
}

/// Others changed a record in each of [`SWAP_TRIES`] rounds.
pub(crate) const fn contended(operation: &'static str) -> StoreError {
    StoreError {
        store: "shared",
        operation,
        fault: StoreFault::Rejected,
        source: None,
    }
}
