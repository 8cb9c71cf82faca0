//! How many sessions a subject may have at once (ASVS 5.0 7.1.2).
//!
//! A session that runs under a limit is numbered, in its record's
//! `generation`: one more than the largest number that its subject had when
//! the login began. So of two logins one after the other the later has the
//! larger number, whatever the clocks of their nodes said; only logins that
//! overlap may share one, and then their handles order them.
//!
//! Each login inserts its record first and reads the list afterwards. Hence of
//! any logins that overlap, the last to read sees all, and no limit is ever
//! exceeded by what it leaves:
//!
//! - `evict` ends whatever stands before the last `logins_max` of that order.
//!   All nodes agree on the order, so none ends what another one keeps.
//! - `reject` grants a login only when its list is within the limit. Overlapping
//!   logins may see each other; those behind in the order give up at once, the
//!   others look again a few times and then give up, too: better one login too
//!   few than one too many.

use authbench_core::{
    Digest, Entropy, LimitPolicy, LoginLimit, Record, RecordStore, StoreError, SubjectId, UnixMs,
};

use super::Session;

/// How often an overlapping login looks whether the others have given up.
const LOOKS: usize = 8;

/// What the list says before a login.
pub(super) enum Room {
    /// There is room, or will be; the login has this number.
    For(u32),
    /// There is none.
    None,
}

impl<S: RecordStore, E: Entropy> Session<S, E> {
    /// Whether a login at `at` is worth an attempt.
    pub(super) async fn room(
        &self,
        limit: LoginLimit,
        subject: &SubjectId,
        at: UnixMs,
    ) -> Result<Room, StoreError> {
        let records = self.store.list_by_subject(subject).await?;
        let running = records.iter().filter(|(_, record)| self.runs(record, at));
        if limit.policy == LimitPolicy::Reject && running.count() >= allowed(limit) {
            return Ok(Room::None);
        }
        let numbers = records.iter().map(|(_, record)| record.generation);
        Ok(Room::For(numbers.max().unwrap_or(0).saturating_add(1)))
    }

    /// Keeps the limit now that the record under `key` is in the store; says
    /// whether it may stay there.
    pub(super) async fn settle(
        &self,
        limit: LoginLimit,
        subject: &SubjectId,
        key: &Digest,
        at: UnixMs,
    ) -> Result<bool, StoreError> {
        match limit.policy {
            LimitPolicy::Evict => {
                let running = self.in_order(subject, at).await?;
                let surplus = running.len().saturating_sub(allowed(limit));
                for (oldest, _) in &running[..surplus] {
                    self.store.delete(oldest).await?;
                }
                Ok(true)
            }
            LimitPolicy::Reject => {
                for _ in 0..LOOKS {
                    let running = self.in_order(subject, at).await?;
                    if running.len() <= allowed(limit) {
                        return Ok(true);
                    }
                    if running[allowed(limit)..].iter().any(|(own, _)| own == key) {
                        return Ok(false);
                    }
                }
                Ok(false)
            }
        }
    }

    /// The sessions of `subject` that run at `at`, in the order of their
    /// logins.
    async fn in_order(
        &self,
        subject: &SubjectId,
        at: UnixMs,
    ) -> Result<Vec<(Digest, Record)>, StoreError> {
        let mut records = self.store.list_by_subject(subject).await?;
        records.retain(|(_, record)| self.runs(record, at));
        records.sort_unstable_by_key(|(_, record)| (record.generation, record.login));
        Ok(records)
    }
}

fn allowed(limit: LoginLimit) -> usize {
    usize::try_from(limit.logins_max).unwrap_or(usize::MAX)
}
