//! Virtual users: flat state, one request under way at a time, so that the
//! oracle's expectation is sharp. A user is not a connection.

use std::hash::{BuildHasher as _, Hasher as _};

use authbench_core::oracle::{Change, LoginHistory, Ns, Span};
use authbench_core::{Guarantees, RefreshOffer, SubjectId, UnixMs};
use foldhash::fast::FixedState;

use crate::held::Held;
use crate::life::Life;
use crate::outcome::Action;
use crate::scenario::Mix;
use crate::seed;

/// One virtual user.
#[derive(Clone, Debug, Default)]
pub(crate) struct User {
    /// Who it is: what the profile says, or else what the target first
    /// answered.
    pub(crate) subject: Option<SubjectId>,
    held: Held,
    life: Option<Life>,
    /// From when on it renews the access credential rather than show it.
    renew_from: Ns,
    seen: Option<Seen>,
    stale: Option<Box<Stale>>,
    draws: u32,
    turns: u32,
    keeps_stale: bool,
    /// Whether its access credential was rightly refused while a refresh
    /// token may still help.
    is_refused: bool,
}

/// The body of a "who am I" that was parsed and found right.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Seen {
    hash: u64,
    length: u32,
}

/// An access credential that it once held.
#[derive(Clone, Debug)]
struct Stale {
    spelling: Box<[u8]>,
    dead_from: Ns,
}

/// What users do: the weights of a [`Mix`], added up, and what they know of
/// the target's renewal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    /// Each weight with all before it, in the order of [`Action::ALL`].
    sums: [u64; Action::COUNT],
    promises: Guarantees,
    keeps_stale: bool,
}

impl Habits {
    pub(crate) fn new(mix: &Mix, promises: Guarantees) -> Self {
        let mut sums = [0; Action::COUNT];
        let mut sum = 0;
        for (action, weight) in mix.weights() {
            sum += u64::from(weight);
            sums[action as usize] = sum;
        }
        Self {
            sums,
            promises,
            keeps_stale: mix.stale.value > 0,
        }
    }

    /// What `draw` comes to.
    fn pick(&self, draw: u64) -> Action {
        // The bias of the remainder is below 2^-46.
        let at = draw % self.sums[Action::COUNT - 1].max(1);
        let picked = self.sums.iter().position(|sum| at < *sum);
        picked.map_or(Action::Read, |place| Action::ALL[place])
    }
}

impl User {
    /// A user who is logged out, and who it is if the profile says so.
    pub(crate) fn new(subject: Option<&str>) -> Self {
        Self {
            subject: subject.map(SubjectId::new),
            ..Self::default()
        }
    }

    /// The access credential that it now holds, as requests carry it; empty
    /// when logged out.
    pub(crate) fn spelling(&self) -> &[u8] {
        self.held.access()
    }

    /// The refresh token that it now holds; empty if there is none.
    pub(crate) fn refresh_token(&self) -> &[u8] {
        self.held.refresh()
    }

    /// The history of its access credential, unless logged out.
    pub(crate) fn login(&self) -> Option<&LoginHistory> {
        self.life.as_ref().map(Life::history)
    }

    /// Its login, unless logged out.
    pub(crate) fn life(&self) -> Option<&Life> {
        self.life.as_ref()
    }

    /// The same, to be changed.
    pub(crate) fn life_mut(&mut self) -> Option<&mut Life> {
        self.life.as_mut()
    }

    /// An access credential of earlier that is dead for certain at `now`.
    pub(crate) fn stale(&self, now: Ns) -> Option<&[u8]> {
        let stale = self.stale.as_deref();
        stale
            .filter(|stale| stale.dead_from <= now)
            .map(|stale| &*stale.spelling)
    }

    /// What it does next, at `now` by the target's clock. The `n`-th draw of a
    /// user depends on the user's `seed` alone.
    pub(crate) fn next_action(&mut self, habits: &Habits, seed: u64, now: Ns) -> Action {
        if let Some(due) = self.due(&habits.promises, now) {
            return due;
        }
        let draw = seed::derive(seed, u64::from(self.draws));
        self.draws = self.draws.wrapping_add(1);
        match habits.pick(draw) {
            Action::Refresh if habits.promises.refresh == RefreshOffer::None => Action::Read,
            Action::Stale if self.stale(now).is_none() => Action::Forged,
            action => action,
        }
    }

    /// What it has to do before anything else: log in, or renew.
    pub(crate) fn due(&self, promises: &Guarantees, now: Ns) -> Option<Action> {
        let Some(life) = &self.life else {
            return Some(Action::Login);
        };
        if now < self.renew_from && !self.is_refused {
            return None;
        }
        if !self.held.refresh().is_empty() && life.is_renewable(promises, now) {
            return Some(Action::Refresh);
        }
        (self.is_refused || now >= life.expiry()).then_some(Action::Login)
    }

    /// Starts its draws and turns afresh.
    pub(crate) fn rewind(&mut self, habits: &Habits) {
        self.draws = 0;
        self.turns = 0;
        self.keeps_stale = habits.keeps_stale;
        if !self.keeps_stale {
            self.stale = None;
        }
    }

    /// How many requests it has sent since.
    pub(crate) fn turns(&self) -> u32 {
        self.turns
    }

    /// It sends one more.
    pub(crate) fn take_turn(&mut self) {
        self.turns = self.turns.wrapping_add(1);
    }

    /// It now holds these credentials of a new login; an earlier one lives on,
    /// unused.
    pub(crate) fn log_in(
        &mut self,
        access: &[u8],
        refresh: &[u8],
        history: LoginHistory,
        promises: &Guarantees,
    ) {
        self.retire(promises);
        self.held.replace(access, refresh);
        let life = Life::new(history);
        self.renew_from = life.renew_from(promises);
        self.life = Some(life);
        self.is_refused = false;
        self.seen = None;
    }

    /// The target has given it another access credential for the same login.
    pub(crate) fn hold(&mut self, access: &[u8]) {
        self.held.replace_access(access);
    }

    /// It has renewed its login in `call`: the old access credential is no
    /// longer used.
    pub(crate) fn renew(
        &mut self,
        access: &[u8],
        refresh: &[u8],
        (call, expires_at): (Span, UnixMs),
        promises: &Guarantees,
    ) {
        let old = self.life;
        if let (RefreshOffer::SwapsAccess, Some(life)) = (promises.refresh, &mut self.life) {
            let change = Change {
                span: call,
                acknowledged: true,
            };
            life.revoke(change, promises.revoke_one);
        }
        self.retire(promises);
        self.held.replace(access, refresh);
        self.life = old;
        if let Some(life) = &mut self.life {
            life.renew(call, expires_at);
            self.renew_from = life.renew_from(promises);
        }
        self.is_refused = false;
    }

    /// Its access credential was refused, and rightly: it renews the login if
    /// it can, and is logged out if not.
    pub(crate) fn refused(&mut self, promises: &Guarantees) {
        if self.held.refresh().is_empty() {
            self.give_up(promises);
        } else {
            self.is_refused = true;
        }
    }

    /// It gives up its credentials, whatever the target thinks of them, and
    /// remembers the access credential if it is to show stale ones.
    pub(crate) fn give_up(&mut self, promises: &Guarantees) {
        self.retire(promises);
        self.log_out();
    }

    /// It loses its credentials.
    pub(crate) fn log_out(&mut self) {
        self.held = Held::default();
        self.life = None;
        self.is_refused = false;
        self.seen = None;
    }

    /// Whether this body was parsed and found right during this login.
    pub(crate) fn knows(&self, body: &[u8]) -> bool {
        self.seen
            .is_some_and(|seen| seen.length as usize == body.len() && seen.hash == hash(body))
    }

    /// This body was parsed and found right.
    pub(crate) fn remember(&mut self, body: &[u8]) {
        self.seen = u32::try_from(body.len()).ok().map(|length| Seen {
            hash: hash(body),
            length,
        });
    }

    /// Keeps the access credential as a stale one, where that is wanted and it
    /// dies earlier, or is dead already as far as anybody can tell.
    fn retire(&mut self, promises: &Guarantees) {
        let Some(life) = self.life.as_ref().filter(|_| self.keeps_stale) else {
            return;
        };
        let dead_from = life.dead_from(promises);
        let better = self
            .stale
            .as_ref()
            .is_none_or(|stale| dead_from <= stale.dead_from || dead_from <= life.seen_until());
        if better {
            self.stale = Some(Box::new(Stale {
                spelling: self.held.access().into(),
                dead_from,
            }));
        }
    }
}

fn hash(body: &[u8]) -> u64 {
    let mut hasher = FixedState::with_seed(0).build_hasher();
    hasher.write(body);
    hasher.finish()
}

#[cfg(test)]
mod tests;
