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
/// A read may end after another one, or a write, that it did not see. So a
/// reader draws a [`Ticket`] before it reads, and what it brings is kept only
/// if nothing has come in for the subject since. If something else has, nobody
/// can tell which of the two is newer: then neither is kept, and whoever comes
/// next reads again. Thus a node never goes back to an older state.
pub(super) struct Cache {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    max_stale_ms: u64,
    half: usize,
}

/// Numbers the events of a shard. Two tables, so that there is a bound: when
/// the younger is full it becomes the older, and what then is in that, untouched
/// for as long, is dropped.
#[derive(Default)]
struct Shard {
    events: u64,
    /// Of the dropped no event is known: tickets from before this one count as
    /// overtaken.
    known_from: u64,
    younger: HashMap<SubjectId, Slot>,
    older: HashMap<SubjectId, Slot>,
}

struct Slot {
    /// The event that put here what is here.
    since: u64,
    held: Option<Held>,
}

struct Held {
    state: State,
    read_at: UnixMs,
}

/// The event with which a read began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket(u64);

impl Cache {
    /// None if the settings want none.
    pub(super) fn new(settings: &Settings) -> Option<Self> {
        let per_shard = settings.cache_entries.get().div_ceil(SHARDS as u32);
        (settings.max_stale_ms > 0).then(|| Self {
            shards: Default::default(),
            hasher: RandomState::new(),
            max_stale_ms: settings.max_stale_ms,
            half: usize::try_from(per_shard.div_ceil(2)).unwrap_or(usize::MAX),
        })
    }

    /// The state of `subject` if it was read lately, and what is needed to
    /// bring a newer one. What was read at a later instant than `at`, before
    /// the clock stepped back, is not recent: nobody knows how old it is.
    pub(super) fn get(&self, subject: &SubjectId, at: UnixMs) -> (Option<State>, Ticket) {
        let mut shard = self.shard(subject).lock();
        let ticket = Ticket(shard.next_event());
        let half = self.half;
        let held = shard.slot(subject, half).and_then(|it| it.held.as_ref());
        let recent =
            held.filter(|held| held.read_at <= at && at < held.read_at.plus_ms(self.max_stale_ms));
        (recent.map(|held| held.state.clone()), ticket)
    }

    /// Brings what a request that came at `at` has read since it drew
    /// `ticket`.
    pub(super) fn put(&self, subject: &SubjectId, ticket: Ticket, at: UnixMs, state: &State) {
        let mut shard = self.shard(subject).lock();
        let since = shard.next_event();
        let known_from = shard.known_from;
        let slot = shard.slot(subject, self.half);
        let since_when = slot.as_ref().map_or(known_from, |slot| slot.since);
        let held = if since_when < ticket.0 {
            let state = state.clone();
            Some(Held { state, read_at: at })
        } else if slot
            .and_then(|it| it.held.as_ref())
            .is_some_and(|it| it.state == *state)
        {
            return;
        } else {
            None
        };
        shard.keep(subject, Slot { since, held }, self.half);
    }

    /// Forgets `subject`, whose state was perhaps changed.
    pub(super) fn forget(&self, subject: &SubjectId) {
        let mut shard = self.shard(subject).lock();
        let since = shard.next_event();
        shard.keep(subject, Slot { since, held: None }, self.half);
    }

    fn shard(&self, subject: &SubjectId) -> &Mutex<Shard> {
        let hash = self.hasher.hash_one(subject);
        &self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or_default()]
    }
}

impl Shard {
    const fn next_event(&mut self) -> u64 {
        self.events += 1;
        self.events
    }

    /// What is known of `subject`; it is not dropped with the older ones.
    fn slot(&mut self, subject: &SubjectId, half: usize) -> Option<&mut Slot> {
        if let Some((subject, slot)) = self.older.remove_entry(subject) {
            self.keep(&subject, slot, half);
        }
        self.younger.get_mut(subject)
    }

    fn keep(&mut self, subject: &SubjectId, slot: Slot, half: usize) {
        if let Some(held) = self.younger.get_mut(subject) {
            *held = slot;
            return;
        }
        if self.younger.len() >= half {
            self.older = std::mem::take(&mut self.younger);
            self.known_from = self.events;
        }
        self.older.remove(subject);
        self.younger.insert(subject.clone(), slot);
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use authbench_core::Roles;
    use proptest::prelude::*;

    use super::super::state::Change;
    use super::*;

    const AT: UnixMs = UnixMs(1_000_000);
    const STALE_MS: u64 = 100;

    fn cache(entries: u32) -> Cache {
        let settings = Settings {
            max_stale_ms: STALE_MS,
            cache_entries: NonZeroU32::new(entries).unwrap(),
        };
        Cache::new(&settings).unwrap()
    }

    /// The state after so many cuts.
    fn state(cuts: u32) -> State {
        let new = State::new(&Roles::default(), 7, AT, 0);
        let cut = Change::Cut { keep: None };
        (0..cuts).fold(new, |state, _| state.changed(cut, AT, 0))
    }

    #[test]
    fn an_entry_is_good_for_a_while() {
        let (cache, subject) = (cache(64), SubjectId::new("u"));
        assert!(Cache::new(&Settings::default()).is_none());
        let (nothing, ticket) = cache.get(&subject, AT);
        assert!(nothing.is_none());
        cache.put(&subject, ticket, AT, &state(0));
        assert_eq!(cache.get(&subject, AT).0, Some(state(0)));
        assert_eq!(
            cache.get(&subject, AT.plus_ms(STALE_MS - 1)).0,
            Some(state(0))
        );
        assert!(cache.get(&subject, UnixMs(AT.0 - 1)).0.is_none());
        assert!(cache.get(&subject, AT.plus_ms(STALE_MS)).0.is_none());
    }

    #[test]
    fn it_has_a_bound() {
        let cache = cache(320);
        for n in 0..10_000 {
            let subject = SubjectId::new(&format!("u-{n}"));
            let (_, ticket) = cache.get(&subject, AT);
            cache.put(&subject, ticket, AT, &state(0));
            assert_eq!(cache.get(&subject, AT).0, Some(state(0)));
        }
        let size = |shard: &Mutex<Shard>| {
            let shard = shard.lock();
            shard.younger.len() + shard.older.len()
        };
        let held: usize = cache.shards.iter().map(size).sum();
        assert!((160..=320).contains(&held), "{held}");
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Begin,
        Read(usize),
        End(usize),
        Cut { own: bool },
        Crowd(usize),
        Look,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => Just(Step::Begin),
            3 => (0..6_usize).prop_map(Step::Read),
            3 => (0..6_usize).prop_map(Step::End),
            2 => any::<bool>().prop_map(|own| Step::Cut { own }),
            1 => (1..40_usize).prop_map(Step::Crowd),
            2 => Just(Step::Look),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        /// Reads that overlap in any way, with writes of this node and of
        /// others between them: whoever looks sees no older state than the node
        /// has seen before, and never one from before a write of its own.
        #[test]
        fn a_node_never_goes_back(steps in prop::collection::vec(step(), 1..60)) {
            let (cache, subject) = (cache(32), SubjectId::new("u"));
            let (mut stored, mut seen, mut strangers) = (0, 0, 0);
            let mut reads: Vec<(Ticket, Option<u32>)> = Vec::new();
            for step in steps {
                match step {
                    Step::Begin => reads.push((cache.get(&subject, AT).1, None)),
                    Step::Read(n) => {
                        if let Some((_, read)) = reads.get_mut(n) {
                            read.get_or_insert(stored);
                        }
                    }
                    Step::End(n) => {
                        if let Some((ticket, Some(read))) = reads.get(n).copied() {
                            reads.remove(n);
                            cache.put(&subject, ticket, AT, &state(read));
                            seen = seen.max(read);
                        }
                    }
                    Step::Cut { own } => {
                        stored += 1;
                        if own {
                            cache.forget(&subject);
                            seen = stored;
                        }
                    }
                    Step::Crowd(count) => for _ in 0..count {
                        strangers += 1;
                        cache.forget(&SubjectId::new(&format!("v-{strangers}")));
                    }
                    Step::Look => if let (Some(found), _) = cache.get(&subject, AT) {
                        prop_assert!((seen..=stored).any(|cuts| state(cuts) == found));
                    }
                }
            }
        }
    }
}
