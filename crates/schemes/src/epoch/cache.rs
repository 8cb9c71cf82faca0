//! What one node has read lately.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use authbench_core::{SubjectId, UnixMs};
use parking_lot::Mutex;

use super::settings::Settings;
use super::state::State;

const SHARDS: usize = 16;

/// States of subjects, each good for a while from the instant at which the
/// request came that read it.
///
/// A read may end after a write that it did not see. So whoever writes raises
/// the count of the shard, and what a reader brings is kept only if the count
/// is as it was when the read began; and a state of fewer writes never takes
/// the place of one of more.
pub(super) struct Cache {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    max_stale_ms: u64,
    entries_max: usize,
}

#[derive(Default)]
struct Shard {
    entries: HashMap<SubjectId, Entry>,
    writes: u64,
}

struct Entry {
    state: State,
    revision: u32,
    read_at: UnixMs,
}

/// What the count was when a read began.
#[derive(Clone, Copy)]
pub(super) struct Ticket(u64);

impl Cache {
    /// None if the settings want none.
    pub(super) fn new(settings: &Settings) -> Option<Self> {
        let per_shard = (settings.cache_entries.get() as usize).div_ceil(SHARDS);
        (settings.max_stale_ms > 0).then(|| Self {
            shards: Default::default(),
            hasher: RandomState::new(),
            max_stale_ms: settings.max_stale_ms,
            entries_max: per_shard,
        })
    }

    /// The state of `subject` if it was read lately; otherwise what is needed
    /// to bring it.
    pub(super) fn get(&self, subject: &SubjectId, at: UnixMs) -> Result<State, Ticket> {
        let shard = self.shard(subject).lock();
        match shard.entries.get(subject) {
            Some(entry) if at.since(entry.read_at) < self.max_stale_ms => Ok(entry.state.clone()),
            _ => Err(Ticket(shard.writes)),
        }
    }

    /// Keeps what was read by a request that came at `at`.
    pub(super) fn put(
        &self,
        subject: &SubjectId,
        ticket: Ticket,
        at: UnixMs,
        state: State,
        revision: u32,
    ) {
        let mut shard = self.shard(subject).lock();
        let known = shard.entries.get(subject);
        if shard.writes != ticket.0
            || known.is_some_and(|entry| entry.revision > revision || entry.read_at > at)
        {
            return;
        }
        if known.is_none() && shard.entries.len() >= self.entries_max {
            let old = |entry: &Entry| at.since(entry.read_at) >= self.max_stale_ms;
            shard.entries.retain(|_, entry| !old(entry));
            if shard.entries.len() >= self.entries_max {
                shard.entries.clear();
            }
        }
        let entry = Entry {
            state,
            revision,
            read_at: at,
        };
        shard.entries.insert(subject.clone(), entry);
    }

    /// Forgets `subject`, whose state was perhaps changed.
    pub(super) fn forget(&self, subject: &SubjectId) {
        let mut shard = self.shard(subject).lock();
        shard.writes += 1;
        shard.entries.remove(subject);
    }

    fn shard(&self, subject: &SubjectId) -> &Mutex<Shard> {
        let hash = self.hasher.hash_one(subject);
        &self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or_default()]
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use authbench_core::Roles;

    use super::*;

    const AT: UnixMs = UnixMs(1_000_000);

    fn cache(entries: u32) -> Cache {
        let settings = Settings {
            max_stale_ms: 100,
            cache_entries: NonZeroU32::new(entries).unwrap(),
        };
        Cache::new(&settings).unwrap()
    }

    fn state() -> State {
        State::new(&Roles::default(), AT, 0)
    }

    #[test]
    fn an_entry_is_good_for_a_while() {
        let (cache, subject) = (cache(16), SubjectId::new("u"));
        assert!(Cache::new(&Settings::default()).is_none());
        let ticket = cache.get(&subject, AT).unwrap_err();
        cache.put(&subject, ticket, AT, state(), 0);
        assert_eq!(cache.get(&subject, AT.plus_ms(99)).ok(), Some(state()));
        assert_eq!(cache.get(&subject, UnixMs(AT.0 - 1)).ok(), Some(state()));
        assert!(cache.get(&subject, AT.plus_ms(100)).is_err());
    }

    #[test]
    fn a_read_from_before_a_write_is_not_kept() {
        let (cache, subject) = (cache(16), SubjectId::new("u"));
        let ticket = cache.get(&subject, AT).unwrap_err();
        cache.forget(&subject);
        cache.put(&subject, ticket, AT, state(), 0);
        assert!(cache.get(&subject, AT).is_err());
    }

    #[test]
    fn an_older_state_does_not_replace_a_newer_one() {
        let (cache, subject) = (cache(16), SubjectId::new("u"));
        let ticket = cache.get(&subject, AT).unwrap_err();
        let newer = state().cut(None);
        cache.put(&subject, ticket, AT, newer.clone(), 1);
        cache.put(&subject, ticket, AT.plus_ms(1), state(), 0);
        assert_eq!(cache.get(&subject, AT).ok(), Some(newer));
    }

    #[test]
    fn it_has_a_bound() {
        let cache = cache(64);
        for n in 0..10_000 {
            let subject = SubjectId::new(&format!("u-{n}"));
            if let Err(ticket) = cache.get(&subject, AT) {
                cache.put(&subject, ticket, AT, state(), 0);
            }
        }
        let held: usize = cache.shards.iter().map(|it| it.lock().entries.len()).sum();
        assert!(held <= 64, "{held}");
    }
}
