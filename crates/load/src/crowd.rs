//! The population at work: who acts next, what is sent for them, and what
//! came of it.

use crate::callers::{Arrival, Callers, Over};
use crate::driver::{Lane, Population};
use crate::error::LoadError;
use crate::judge;
use crate::outcome::{Action, Kind};
use crate::request::Values;
use crate::scenario::Mix;
use crate::seed::{self, Purpose};
use crate::share::Share;
use crate::target::Target;
use crate::timeline::Timeline;
use crate::user::{User, Weights};
use authbench_engine::{Engine, Route};

/// What travels with a request.
#[derive(Clone, Copy, Debug)]
struct Ticket {
    user: u32,
    action: Action,
    intended_ns: u64,
}

/// The users of one lane, over HTTP.
pub(crate) struct Crowd<'d> {
    engine: Engine<Ticket>,
    target: &'d Target,
    population: &'d Population,
    users: &'d mut [User],
    share: Share,
    timeline: Timeline,
    weights: Weights,
    users_seed: u64,
    /// Users who have a request under way.
    busy: Box<[bool]>,
    values: u64,
    scratch: Vec<u8>,
}

impl<'d> Crowd<'d> {
    /// The lane's users, to do what `mix` says as `seed` decides, and its
    /// connections.
    ///
    /// # Errors
    /// [`LoadError`] when there are no users, the mix asks for what the target
    /// lacks, or the connections cannot be made.
    pub(crate) fn gather(lane: Lane<'d>, mix: &Mix, seed: u64) -> Result<Self, LoadError> {
        let target = lane.target;
        target.need(Action::Read)?;
        if mix.mutate.value > 0 {
            target.need(Action::Mutate)?;
        }
        if mix.logout.value > 0 {
            target.need(Action::Logout)?;
        }
        lane.users.iter_mut().for_each(User::rewind);
        Ok(Self {
            engine: Engine::open(&lane.engine)?,
            target,
            population: lane.population,
            busy: vec![false; lane.users.len()].into(),
            users: lane.users,
            share: lane.share,
            timeline: lane.timeline,
            weights: Weights::of(mix),
            users_seed: seed::for_purpose(seed, Purpose::Users),
            values: 0,
            scratch: Vec::with_capacity(1024),
        })
    }

    /// The user, or the next one who is idle.
    fn idle(&self, user: u32) -> Option<u32> {
        // No more users are busy than requests are under way, so that is the
        // most that are passed over.
        let (before, after) = self.busy.split_at_checked(user as usize)?;
        let idle = |busy: &[bool]| busy.iter().position(|busy| !busy);
        let found = idle(after).map(|at| before.len() + at);
        found.or_else(|| idle(before)).map(|at| at as u32)
    }
}

impl Callers for Crowd<'_> {
    fn can_send(&self, _: &Arrival) -> bool {
        self.engine.has_idle(Route::Any) && self.engine.in_flight() < self.users.len()
    }

    fn send(&mut self, arrival: Arrival) -> Option<u64> {
        if !self.engine.has_idle(Route::Any) {
            return None;
        }
        let number = self.idle(arrival.user)?;
        let user = &mut self.users[number as usize];
        let among_all = self.share.user(number);
        let seed = seed::derive(self.users_seed, u64::from(among_all));
        let action = user.next_action(self.weights, seed);
        // Only a login needs the name and the password: those are made anew.
        let account = (action == Action::Login)
            .then(|| self.population.account(among_all))
            .flatten();
        let (name, password) = account
            .as_ref()
            .map_or(("", ""), |account| (&account.user, &account.password));
        self.values += 1;
        let values = Values {
            credential: user.credential(),
            user: name,
            password,
            value: self.values,
            ..Values::default()
        };
        let ticket = Ticket {
            user: number,
            action,
            intended_ns: arrival.intended_ns,
        };
        let (target, scratch) = (self.target, &mut self.scratch);
        self.busy[number as usize] = true;
        self.engine.send(Route::Any, ticket, |out| {
            target.write(action, &values, scratch, out);
        })
    }

    fn wait(&mut self, until_ns: u64) -> Result<(), LoadError> {
        Ok(self.engine.wait(until_ns)?)
    }

    fn next_over(&mut self) -> Option<Over> {
        let done = self.engine.next_done()?;
        let Ticket {
            user: number,
            action,
            intended_ns,
        } = done.request.ticket;
        let user = &mut self.users[number as usize];
        let (kind, received_bytes, reusable) = match &done.answer {
            Ok(answer) => {
                let span = self.timeline.span(done.request.sent_ns, done.done_ns);
                let view = self.engine.view(done.conn, answer);
                let kind = judge::judge(self.target, user, action, span, view);
                (kind, answer.wire_bytes, answer.keep_alive)
            }
            Err(broken) => {
                judge::abandoned(user, action);
                (Kind::of_broken(broken), 0, false)
            }
        };
        self.engine.release(done.conn, reusable);
        self.busy[number as usize] = false;
        Some(Over {
            action,
            user: number,
            intended_ns,
            sent_ns: done.request.sent_ns,
            done_ns: done.done_ns,
            kind,
            sent_bytes: done.request.sent_bytes,
            received_bytes,
        })
    }

    fn in_flight(&self) -> usize {
        self.engine.in_flight()
    }

    fn abandon(&mut self) -> Vec<(Action, u64)> {
        let pending = self.engine.pending();
        let tickets = pending.iter().map(|request| request.ticket);
        let left = tickets.map(|ticket| {
            judge::abandoned(&mut self.users[ticket.user as usize], ticket.action);
            (ticket.action, ticket.intended_ns)
        });
        left.collect()
    }

    fn idle_ns(&self) -> u64 {
        self.engine.idle_ns()
    }

    fn reconnects(&self) -> u64 {
        self.engine.reconnects()
    }
}
