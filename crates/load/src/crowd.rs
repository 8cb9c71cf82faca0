//! The population at work: who acts next, what is sent for them, and what
//! came of it.

use crate::admin::Admin;
use crate::callers::{Arrival, Callers, Over};
use crate::driver::{Lane, Population};
use crate::error::LoadError;
use crate::forgery::forge;
use crate::judge;
use crate::outcome::{Action, Kind};
use crate::place::Place;
use crate::request::Values;
use crate::scenario::{Mix, Routing};
use crate::seed::{self, Purpose};
use crate::share::Share;
use crate::siblings::Siblings;
use crate::target::Target;
use crate::timeline::Timeline;
use crate::user::{Habits, User};
use authbench_core::LimitPolicy;
use authbench_core::oracle::{Change, Ns, Span};
use authbench_engine::{Broken, Done, Engine, Route};
use authbench_wire::profile::User as Account;

/// What travels with a request.
#[derive(Clone, Copy, Debug)]
struct Ticket {
    user: u32,
    action: Action,
    /// Whether the user's turn went to the admin of the replica `place`.
    is_admins: bool,
    place: Place,
    intended_ns: u64,
}

/// The users of one lane, over HTTP.
pub(crate) struct Crowd<'d> {
    engine: Engine<Ticket>,
    target: &'d Target,
    population: &'d Population,
    users: &'d mut [User],
    replicas: usize,
    /// One for each replica, if roles are changed.
    admins: Vec<Admin>,
    siblings: Siblings,
    share: Share,
    routing: Routing,
    timeline: Timeline,
    habits: Habits,
    users_seed: u64,
    /// Users who have a request under way.
    busy: Box<[bool]>,
    /// The latest instant of which is known that it has passed, nanoseconds on
    /// the monotonic clock: nobody reads the clock for each request.
    passed_ns: u64,
    values: u64,
    scratch: Vec<u8>,
    forged: Vec<u8>,
}

impl<'d> Crowd<'d> {
    /// The lane's users, to do what `mix` says as `seed` decides, and its
    /// connections.
    ///
    /// # Errors
    /// [`LoadError`] when there are no users, the mix asks for what the target
    /// lacks, or the connections cannot be made.
    pub(crate) fn gather(
        lane: Lane<'d>,
        mix: &Mix,
        routing: Routing,
        seed: u64,
    ) -> Result<Self, LoadError> {
        let Lane {
            target,
            population,
            users,
            share,
            timeline,
            engine,
        } = lane;
        let wanted = mix.weights().into_iter().filter(|(_, weight)| *weight > 0);
        for (action, _) in wanted.chain([(Action::Read, 1), (Action::Login, 1)]) {
            if action != Action::Refresh || target.renews() {
                target.need(action)?;
            }
        }
        let replicas = engine.addresses.len();
        let mut admins = Vec::new();
        if mix.role_change.value > 0 {
            let account = population.accounts.admin().ok_or(LoadError::NoAdmin)?;
            admins.resize_with(replicas, || Admin::new(account.clone()));
        }
        let siblings = Siblings::new(population.accounts_used, population.users, share);
        if mix.logout_all.value > 0 && !siblings.are_together() {
            return Err(LoadError::DevicesApart {
                accounts: population.accounts_used,
                shares: share.of(),
            });
        }
        let habits = Habits::new(mix, target.guarantees);
        users.iter_mut().for_each(|user| user.rewind(&habits));
        Ok(Self {
            engine: Engine::open(&engine)?,
            target,
            population,
            busy: vec![false; users.len()].into(),
            users,
            replicas,
            admins,
            siblings,
            share,
            routing,
            timeline,
            habits,
            users_seed: seed::for_purpose(seed, Purpose::Users),
            passed_ns: 0,
            values: 0,
            scratch: Vec::with_capacity(1024),
            forged: Vec::new(),
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

    /// Where the next request of user `number` goes.
    fn next_place(&self, number: u32) -> Place {
        if self.replicas == 1 {
            return Place::ONLY;
        }
        let turns = match self.routing {
            Routing::Sticky => 0,
            Routing::RoundRobin => self.users[number as usize].turns(),
        };
        Place::new(self.replicas, self.siblings.account(number), turns)
    }

    /// What user `number` does next, unless the admin at `place` does
    /// something in its turn.
    fn decide(&mut self, number: u32, place: Place, now: Ns) -> (Action, bool) {
        let among_all = u64::from(self.share.user(number));
        let user = &mut self.users[number as usize];
        user.take_turn();
        let seed = seed::derive(self.users_seed, among_all);
        match user.next_action(&self.habits, seed, now) {
            Action::RoleChange => {
                let admin = self.admins.get_mut(place.number());
                let next = admin.and_then(|admin| admin.next_action(&self.target.guarantees, now));
                next.map_or((Action::Read, false), |action| (action, true))
            }
            action => (action, false),
        }
    }

    fn account(&self, number: u32) -> Option<Account> {
        self.population.account(self.share.user(number))
    }

    /// Sends it. Only what names the account or the password makes them anew.
    fn write(&mut self, ticket: Ticket, now: Ns) -> Option<u64> {
        let Ticket {
            user: number,
            action,
            is_admins,
            ..
        } = ticket;
        let enters = matches!(action, Action::Login | Action::WrongPassword);
        let account = (enters && !is_admins)
            .then(|| self.account(number))
            .flatten();
        let changed = (action == Action::RoleChange)
            .then(|| self.account(number))
            .flatten();
        let (user, roles, account) = match self.admins.get_mut(ticket.place.number()) {
            Some(admin) if is_admins => {
                let roles = admin.next_roles();
                (&admin.user, roles, Some(&admin.account))
            }
            _ => (&self.users[number as usize], "", account.as_ref()),
        };
        let credential = match action {
            Action::Forged => {
                forge(&self.target.carrier, user.spelling(), &mut self.forged);
                &self.forged
            }
            Action::Stale => user.stale(now).unwrap_or_default(),
            Action::Malformed => self.target.malformed(),
            _ => user.spelling(),
        };
        let password = account.map_or("", |account| &account.password);
        let wrong = (action == Action::WrongPassword).then(|| format!("{password}x"));
        self.values += 1;
        let values = Values {
            credential,
            refresh: user.refresh_token(),
            user: account.map_or("", |account| &account.user),
            password: wrong.as_deref().unwrap_or(password),
            value: self.values,
            subject_user: changed.as_ref().map_or("", |account| &account.user),
            roles,
        };
        let (target, scratch) = (self.target, &mut self.scratch);
        self.engine.send(ticket.place.route(), ticket, |out| {
            target.write(action, &values, scratch, out);
        })
    }

    /// Tells the other devices of the account that something is under way
    /// that may end their logins.
    fn warn(&mut self, ticket: Ticket, sent_ns: u64) {
        if ticket.is_admins {
            return;
        }
        let promises = &self.target.guarantees;
        let may_end_others = match ticket.action {
            Action::LogoutAll => true,
            Action::Login => promises
                .login_limit
                .is_some_and(|limit| limit.policy == LimitPolicy::Evict),
            _ => false,
        };
        if may_end_others {
            let from = self.timeline.at(sent_ns);
            self.siblings.doubt(self.users, ticket.user, from, promises);
        }
    }

    /// Judges what came, and moves on whoever asked.
    fn settle(&mut self, done: &Done<Ticket>) -> Kind {
        let ticket = done.request.ticket;
        let span = self.timeline.span(done.request.sent_ns, done.done_ns);
        let place = ticket.place.number();
        let user = match self.admins.get_mut(place).filter(|_| ticket.is_admins) {
            Some(admin) => {
                admin.over(ticket.action);
                &mut admin.user
            }
            None => &mut self.users[ticket.user as usize],
        };
        let (kind, status) = match &done.answer {
            Ok(answer) => {
                let view = self.engine.view(done.conn, answer);
                let kind = judge::judge(self.target, user, ticket.action, span, view);
                (kind, Ok(view.status))
            }
            Err(broken) => {
                judge::abandoned(user, ticket.action, &self.target.guarantees);
                (Kind::of_broken(broken), Err(broken))
            }
        };
        if !ticket.is_admins {
            match ticket.action {
                Action::LogoutAll => self.swept(ticket.user, span, status),
                Action::Login if kind == Kind::Right => {
                    let user = &mut self.users[ticket.user as usize];
                    let promises = &self.target.guarantees;
                    self.siblings.begun(user, ticket.user, span, promises);
                }
                _ => {}
            }
        }
        kind
    }

    /// Tells the other devices of the account what came of a logout
    /// everywhere.
    fn swept(&mut self, number: u32, span: Span, status: Result<u16, &Broken>) {
        let compiled = self.target.get(Action::LogoutAll);
        let reading = compiled
            .zip(status.ok())
            .map(|(compiled, status)| judge::Reading::of(compiled, status));
        if reading == Some(judge::Reading::Refused) {
            self.siblings.trust(self.users, number, span.start);
            return;
        }
        let acknowledged = reading == Some(judge::Reading::Done);
        let promises = &self.target.guarantees;
        let change = Change { span, acknowledged };
        self.siblings.sweep(self.users, number, change, promises);
    }
}

impl Callers for Crowd<'_> {
    fn places(&self) -> usize {
        self.replicas
    }

    fn place(&self, arrival: &Arrival) -> usize {
        self.next_place(arrival.user).number()
    }

    fn can_send(&self, arrival: &Arrival) -> bool {
        if self.engine.in_flight() >= self.users.len() {
            return false;
        }
        if self.replicas == 1 {
            return self.engine.has_idle(Route::Any);
        }
        let number = self.idle(arrival.user);
        number.is_some_and(|number| self.engine.has_idle(self.next_place(number).route()))
    }

    fn send(&mut self, arrival: Arrival) -> Option<u64> {
        let number = self.idle(arrival.user)?;
        let place = self.next_place(number);
        if !self.engine.has_idle(place.route()) {
            return None;
        }
        self.passed_ns = self.passed_ns.max(arrival.intended_ns);
        let now = self.timeline.at(self.passed_ns);
        let (action, is_admins) = self.decide(number, place, now);
        let ticket = Ticket {
            user: number,
            action,
            is_admins,
            place,
            intended_ns: arrival.intended_ns,
        };
        let sent_ns = self.write(ticket, now)?;
        self.busy[number as usize] = true;
        self.warn(ticket, sent_ns);
        Some(sent_ns)
    }

    fn wait(&mut self, until_ns: u64) -> Result<(), LoadError> {
        Ok(self.engine.wait(until_ns)?)
    }

    fn next_over(&mut self) -> Option<Over> {
        let done = self.engine.next_done()?;
        self.passed_ns = self.passed_ns.max(done.done_ns);
        let kind = self.settle(&done);
        let (received_bytes, reusable) = match &done.answer {
            Ok(answer) => (answer.wire_bytes, answer.keep_alive),
            Err(_) => (0, false),
        };
        self.engine.release(done.conn, reusable);
        let ticket = done.request.ticket;
        self.busy[ticket.user as usize] = false;
        Some(Over {
            action: ticket.action,
            user: ticket.user,
            intended_ns: ticket.intended_ns,
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
            if !ticket.is_admins {
                let user = &mut self.users[ticket.user as usize];
                judge::abandoned(user, ticket.action, &self.target.guarantees);
            }
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
