//! The population at work: who acts next, what is sent for them, and what
//! came of it.

use std::collections::VecDeque;

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

use crate::driver::{Driver, Population};
use crate::error::LoadError;
use crate::judge;
use crate::outcome::{Action, Kind};
use crate::request::Values;
use crate::scenario::Mix;
use crate::seed::{self, Purpose};
use crate::target::Target;
use crate::timeline::Timeline;
use crate::user::{User, Weights};
use authbench_engine::{Done, Engine, Route};

/// What travels with a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    user: u32,
    /// What it does.
    pub(crate) action: Action,
    /// When it was meant to be sent, on the monotonic clock.
    pub(crate) intended_ns: u64,
}

/// What came of a request, apart from how long it took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict {
    /// By the oracle.
    pub(crate) kind: Kind,
    /// Octets of a whole answer, else 0.
    pub(crate) received_bytes: u64,
}

/// The users of one load.
pub(crate) struct Crowd<'d> {
    target: &'d Target,
    population: &'d Population,
    users: &'d mut [User],
    timeline: Timeline,
    weights: Weights,
    users_seed: u64,
    /// Users without a request under way, longest first.
    idle: VecDeque<u32>,
    values: u64,
    scratch: Vec<u8>,
}

impl<'d> Crowd<'d> {
    /// The driver's population, to do what `mix` says, in an order that `seed`
    /// decides; and its `connections`, each made within `timeout_ms`. Lines
    /// the clocks up.
    ///
    /// # Errors
    /// [`LoadError`] when there is no population, the mix asks for what the
    /// target lacks, or the connections cannot be made.
    pub(crate) fn gather(
        driver: &'d mut Driver,
        mix: &Mix,
        seed: u64,
        connections: u32,
        timeout_ms: u64,
    ) -> Result<(Self, Engine<Ticket>), LoadError> {
        driver.target.need(Action::Read)?;
        if mix.mutate.value > 0 {
            driver.target.need(Action::Mutate)?;
        }
        if mix.logout.value > 0 {
            driver.target.need(Action::Logout)?;
        }
        let population = driver
            .population
            .as_ref()
            .filter(|_| !driver.users.is_empty())
            .ok_or(LoadError::NoPopulation)?;
        let engine = driver.engine(connections, timeout_ms)?;
        driver.timeline.realign();
        driver.users.iter_mut().for_each(User::rewind);
        let crowd = Self {
            target: &driver.target,
            population,
            idle: shuffled(u32::try_from(driver.users.len()).unwrap_or(u32::MAX), seed),
            users: &mut driver.users,
            timeline: driver.timeline,
            weights: Weights::of(mix),
            users_seed: seed::for_purpose(seed, Purpose::Users),
            values: 0,
            scratch: Vec::with_capacity(1024),
        };
        Ok((crowd, engine))
    }

    /// Whether somebody has no request under way.
    pub(crate) fn has_idle(&self) -> bool {
        !self.idle.is_empty()
    }

    /// Sends the next request of the user who has been idle longest. Returns
    /// the instant before its first octet went out; `None` if no user or no
    /// connection is free.
    pub(crate) fn send(&mut self, engine: &mut Engine<Ticket>, intended_ns: u64) -> Option<u64> {
        if !engine.has_idle(Route::Any) {
            return None;
        }
        let number = self.idle.pop_front()?;
        let user = &mut self.users[number as usize];
        let action = user.next_action(
            self.weights,
            seed::derive(self.users_seed, u64::from(number)),
        );
        // Only a login needs the name and the password: those are made anew.
        let account = (action == Action::Login)
            .then(|| self.population.account(number))
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
            intended_ns,
        };
        let (target, scratch) = (self.target, &mut self.scratch);
        engine.send(Route::Any, ticket, |out| {
            target.write(action, &values, scratch, out);
        })
    }

    /// Judges what came, and frees user and connection.
    pub(crate) fn settle(&mut self, engine: &mut Engine<Ticket>, done: &Done<Ticket>) -> Verdict {
        let Ticket {
            user: number,
            action,
            ..
        } = done.request.ticket;
        let user = &mut self.users[number as usize];
        let (kind, received_bytes, reusable) = match &done.answer {
            Ok(answer) => {
                let span = self.timeline.span(done.request.sent_ns, done.done_ns);
                let view = engine.view(done.conn, answer);
                let kind = judge::judge(self.target, user, action, span, view);
                (kind, answer.wire_bytes, answer.keep_alive)
            }
            Err(broken) => {
                judge::abandoned(user, action);
                (Kind::of_broken(broken), 0, false)
            }
        };
        engine.release(done.conn, reusable);
        self.idle.push_back(number);
        Verdict {
            kind,
            received_bytes,
        }
    }

    /// Takes note that the answer to this will not be awaited.
    pub(crate) fn abandon(&mut self, ticket: Ticket) {
        judge::abandoned(&mut self.users[ticket.user as usize], ticket.action);
    }
}

fn shuffled(users: u32, seed: u64) -> VecDeque<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed::for_purpose(seed, Purpose::Order));
    let mut order: Vec<u32> = (0..users).collect();
    order.shuffle(&mut rng);
    order.into()
}
