//! The users at work: one call at a time, over when it returns.

use authbench_core::oracle::{Ns, Span};
use authbench_core::system::monotonic_ns;
use authbench_core::{DynStrategy, Guarantees, Subject, UnixMs};

use super::act::{Asked, Hand};
use super::drive::BlockOn;
use crate::callers::{Arrival, Callers, Over};
use crate::error::LoadError;
use crate::forgery;
use crate::outcome::Action;
use crate::seed::{self, Purpose};
use crate::timeline::Timeline;
use crate::user::{Habits, User};

/// How long before its end a wait stops sleeping.
const SPIN_NS: u64 = 200_000;
/// How many calls are reported between two waits: each makes room for the
/// next, and whoever keeps a strategy busy must get to look at the clock.
const REPORTS_AT_A_STRETCH: u32 = 16;

/// A call that has begun.
#[derive(Clone, Copy)]
pub(super) struct At {
    timeline: Timeline,
    sent_ns: u64,
    /// The instant that the strategy is told: the beginning.
    pub(super) unix: UnixMs,
}

/// A call that is over.
#[derive(Clone, Copy)]
pub(super) struct Ended {
    pub(super) sent_ns: u64,
    pub(super) done_ns: u64,
    pub(super) span: Span,
}

impl At {
    /// Now.
    pub(super) fn begin(timeline: Timeline) -> Self {
        let sent_ns = monotonic_ns();
        let Ns(unix_ns) = timeline.at(sent_ns);
        Self {
            timeline,
            sent_ns,
            unix: UnixMs(unix_ns / 1_000_000),
        }
    }

    /// Over now.
    pub(super) fn end(self) -> Ended {
        let done_ns = monotonic_ns();
        Ended {
            sent_ns: self.sent_ns,
            done_ns,
            span: self.timeline.span(self.sent_ns, done_ns),
        }
    }
}

/// The users at work.
pub(super) struct Calls<'p> {
    asked: Asked<'p>,
    subjects: &'p [Subject],
    users: &'p mut [User],
    promises: Guarantees,
    habits: Habits,
    users_seed: u64,
    over: Option<Over>,
    /// How many were reported since the last wait.
    reported: u32,
    failed: Option<LoadError>,
    idle_ns: u64,
    forged: Vec<u8>,
}

impl<'p> Calls<'p> {
    pub(super) fn new(
        strategy: &'p dyn DynStrategy,
        subjects: &'p [Subject],
        users: &'p mut [User],
        block_on: Option<&'p dyn BlockOn>,
        (timeline, promises): (Timeline, Guarantees),
        (habits, seed): (Habits, u64),
    ) -> Self {
        Self {
            asked: Asked {
                strategy,
                block_on,
                timeline,
            },
            subjects,
            users,
            promises,
            habits,
            users_seed: seed::for_purpose(seed, Purpose::Users),
            over: None,
            reported: 0,
            failed: None,
            idle_ns: 0,
            forged: Vec::new(),
        }
    }

    fn call(&mut self, arrival: Arrival) -> Result<Over, LoadError> {
        let number = arrival.user as usize;
        let now = self.asked.timeline.at(arrival.intended_ns);
        let user = &mut self.users[number];
        user.take_turn();
        let seed = seed::derive(self.users_seed, u64::from(arrival.user));
        let action = user.next_action(&self.habits, seed, now);
        self.forged.clear();
        match action {
            Action::Forged => forgery::forge_text(user.spelling(), &mut self.forged),
            Action::Stale => self
                .forged
                .extend_from_slice(user.stale(now).unwrap_or_default()),
            Action::Malformed => self.forged.extend_from_slice(b"no-credential"),
            _ => {}
        }
        let hand = Hand {
            subject: &self.subjects[number],
            user,
            other: &self.forged,
        };
        let (kind, ended) = self.asked.act(action, hand, &self.promises)?;
        Ok(Over {
            action,
            user: arrival.user,
            intended_ns: arrival.intended_ns,
            sent_ns: ended.sent_ns,
            done_ns: ended.done_ns,
            kind,
            sent_bytes: 0,
            received_bytes: 0,
        })
    }
}

impl Callers for Calls<'_> {
    fn can_send(&self, _: &Arrival) -> bool {
        self.over.is_none() && self.failed.is_none()
    }

    fn send(&mut self, arrival: Arrival) -> Option<u64> {
        match self.call(arrival) {
            Ok(over) => {
                let sent_ns = over.sent_ns;
                self.over = Some(over);
                Some(sent_ns)
            }
            Err(error) => {
                self.failed = Some(error);
                None
            }
        }
    }

    fn wait(&mut self, until_ns: u64) -> Result<(), LoadError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.reported = 0;
        if self.over.is_none() {
            let from_ns = monotonic_ns();
            rest(from_ns, until_ns);
            self.idle_ns += monotonic_ns() - from_ns;
        }
        Ok(())
    }

    fn next_over(&mut self) -> Option<Over> {
        if self.reported == REPORTS_AT_A_STRETCH {
            return None;
        }
        self.reported += 1;
        self.over.take()
    }

    fn in_flight(&self) -> usize {
        usize::from(self.over.is_some())
    }

    fn abandon(&mut self) -> Vec<(Action, u64)> {
        let left = self.over.take();
        left.map(|over| (over.action, over.intended_ns))
            .into_iter()
            .collect()
    }

    fn idle_ns(&self) -> u64 {
        self.idle_ns
    }

    fn reconnects(&self) -> u64 {
        0
    }
}

/// Sleeps, and spins at the end.
fn rest(now_ns: u64, until_ns: u64) {
    let sleep_ns = until_ns.saturating_sub(now_ns).saturating_sub(SPIN_NS);
    if sleep_ns > 0 {
        std::thread::sleep(std::time::Duration::from_nanos(sleep_ns));
    }
    while monotonic_ns() < until_ns {
        std::hint::spin_loop();
    }
}
