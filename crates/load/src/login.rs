//! The closed loop: logins, one after the other on each connection.

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use authbench_core::system::monotonic_ns;
use authbench_wire::profile::Users;
use hdrhistogram::Histogram;

use crate::driver::{Accounts, Driver, Population};
use crate::error::LoadError;
use crate::judge;
use crate::lanes::{self, Together};
use crate::outcome::{Action, Kind};
use crate::place::Place;
use crate::record::{Wire, add, histogram};
use crate::request::Values;
use crate::share::Share;
use crate::target::Target;
use crate::timeline::Timeline;
use crate::user::User;
use authbench_engine::{Done, Engine, EngineOptions, Route};

/// How often the stop flag is looked at while nothing happens.
const LOOK_NS: u64 = 100_000_000;

/// Logins to be made.
#[derive(Clone, Debug)]
pub struct LoginPlan<'u> {
    /// Whose: the profile's own accounts, or others (with another way of
    /// hashing passwords, say).
    pub users: &'u Users,
    /// The numbers of the accounts, those of other drivers' users included:
    /// the first is the account of user 0, and so on, round and round. Numbers beyond the last account begin
    /// again at the first, unless the logins are kept.
    pub numbers: Range<u32>,
    /// Logins of each account, at least 1; each is a user of its own.
    pub devices: u32,
    /// Connections over all lanes, each with one login under way.
    pub connections: u32,
    /// Whether these users become the population of later load points, in
    /// place of the one that there was; else their credentials are dropped,
    /// while the target remembers them.
    pub keep: bool,
    /// Milliseconds after which a login without an answer is given up.
    pub timeout_ms: u64,
}

/// What logins have shown.
#[derive(Clone, Debug)]
pub struct LoginOutcome {
    /// How many were made.
    pub logins: u64,
    /// Whether it was stopped before its time.
    pub interrupted: bool,
    /// From the send to the last octet of the answer.
    pub service_ns: Histogram<u64>,
    /// Nanoseconds from the first send to the last answer.
    pub duration_ns: u64,
    /// Octets of the access credentials.
    pub credential_bytes: Sizes,
    /// Octets on the wire.
    pub wire: Wire,
}

/// Exact sizes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Sizes {
    /// How many were measured.
    pub count: u64,
    /// The smallest, octets.
    pub min: u64,
    /// The largest, octets.
    pub max: u64,
    /// All together, octets.
    pub total: u64,
}

impl Sizes {
    /// The mean, octets; `None` of nothing.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.total as f64 / self.count as f64)
    }

    fn merge(&mut self, other: &Self) {
        if other.count > 0 {
            self.min = if self.count == 0 {
                other.min
            } else {
                self.min.min(other.min)
            };
            self.max = self.max.max(other.max);
            self.count += other.count;
            self.total += other.total;
        }
    }

    /// One more.
    pub(crate) fn add(&mut self, size: u64) {
        self.merge(&Self {
            count: 1,
            min: size,
            max: size,
            total: size,
        });
    }
}

impl LoginPlan<'_> {
    /// How many accounts take part.
    fn accounts_used(&self) -> u32 {
        self.numbers.len() as u32
    }

    /// How many users there are, those of other drivers included.
    fn all(&self) -> u32 {
        self.accounts_used().saturating_mul(self.devices.max(1))
    }

    /// The account of user `number` of all.
    fn account(&self, number: u32) -> u32 {
        self.numbers.start + self.own(number)
    }

    /// The same, counted from the first that takes part.
    fn own(&self, number: u32) -> u32 {
        number % self.accounts_used().max(1)
    }
}

impl Driver {
    /// Makes the logins of `plan`, each connection one after the other; of
    /// them those that are this driver's share.
    ///
    /// When `stop` becomes true, no further login is begun, and the outcome
    /// says that it was interrupted.
    ///
    /// # Errors
    /// [`LoadError`] at the first login that is not granted as promised: there
    /// is nothing to measure then.
    pub fn log_in(
        &mut self,
        plan: &LoginPlan<'_>,
        stop: &AtomicBool,
    ) -> Result<LoginOutcome, LoadError> {
        self.log_in_from(0, plan, stop)
    }

    /// As [`Driver::log_in`], but whoever of `plan` is in the population
    /// already stays logged in: only the users behind those log in, and join
    /// them. Where accounts have several devices, or the population begins at
    /// another account, all log in.
    ///
    /// # Errors
    /// As [`Driver::log_in`].
    pub fn log_in_more(
        &mut self,
        plan: &LoginPlan<'_>,
        stop: &AtomicBool,
    ) -> Result<LoginOutcome, LoadError> {
        // With several devices the number of accounts decides which user has
        // which account.
        let there = self.population.as_ref().filter(|there| {
            there.first == plan.numbers.start && there.users <= there.accounts_used
        });
        let from = match (there, plan.devices) {
            (Some(there), 0 | 1) if plan.keep => there.users.min(plan.all()),
            _ => 0,
        };
        self.log_in_from(from, plan, stop)
    }

    /// Users before number `from` are there, and stay.
    fn log_in_from(
        &mut self,
        from: u32,
        plan: &LoginPlan<'_>,
        stop: &AtomicBool,
    ) -> Result<LoginOutcome, LoadError> {
        let accounts = Accounts::new(plan.users)?;
        if plan.keep && plan.numbers.end > accounts.count() {
            let wanted = plan.numbers.end - 1;
            return Err(LoadError::TooFewUsers {
                wanted,
                available: accounts.count(),
            });
        }
        self.target.need(Action::Login)?;
        self.timeline.realign();
        let jobs = self.crews.iter().map(|crew| {
            let logins = crew.share.count(plan.all()) - crew.share.count(from);
            let connections = crew.share.count(plan.connections).min(logins).max(1);
            let job = Job {
                plan,
                from,
                share: crew.share,
                target: &self.target,
                timeline: self.timeline,
                accounts: &accounts,
                engine: self.engine_options(connections, plan.timeout_ms),
            };
            (crew.core, job)
        });
        let work = |job: Job<'_>, together: &Together<'_>| job.run(together);
        let ended = lanes::run(jobs.collect(), stop, work, work)?;
        let mut outcome = LoginOutcome::new();
        let mut kept = Vec::with_capacity(ended.len());
        for logins in ended {
            outcome.merge(&logins.outcome);
            kept.push(logins.kept);
        }
        if plan.keep {
            self.populate(accounts, plan, from, kept);
        }
        Ok(outcome)
    }

    /// Takes the users of all lanes as the population, behind the first `from`
    /// of the one that there is.
    fn populate(
        &mut self,
        accounts: Accounts,
        plan: &LoginPlan<'_>,
        from: u32,
        kept: Vec<Vec<User>>,
    ) {
        for (crew, users) in self.crews.iter_mut().zip(kept) {
            if from == 0 {
                crew.users = users;
            } else {
                crew.users.truncate(crew.share.count(from) as usize);
                crew.users.extend(users);
            }
        }
        // Interrupted lanes have come differently far; users beyond the first
        // gap are let go.
        let all = plan.all();
        let gaps = self.crews.iter().filter_map(|crew| {
            let made = crew.users.len() as u32;
            (made < crew.share.count(all)).then(|| crew.share.user(made))
        });
        let users = gaps.min().unwrap_or(all);
        for crew in &mut self.crews {
            crew.users.truncate(crew.share.count(users) as usize);
        }
        self.population = Some(Population {
            accounts,
            first: plan.numbers.start,
            accounts_used: plan.accounts_used(),
            users,
        });
    }
}

impl LoginOutcome {
    fn new() -> Self {
        Self {
            logins: 0,
            interrupted: false,
            service_ns: histogram(),
            duration_ns: 0,
            credential_bytes: Sizes::default(),
            wire: Wire::default(),
        }
    }

    /// Adds what another lane did meanwhile.
    fn merge(&mut self, other: &Self) {
        self.logins += other.logins;
        self.interrupted |= other.interrupted;
        add(&mut self.service_ns, &other.service_ns);
        self.duration_ns = self.duration_ns.max(other.duration_ns);
        self.credential_bytes.merge(&other.credential_bytes);
        self.wire.merge(&other.wire);
    }
}

/// The logins of one lane.
struct Job<'d> {
    plan: &'d LoginPlan<'d>,
    /// The number of the first user who logs in.
    from: u32,
    share: Share,
    target: &'d Target,
    timeline: Timeline,
    accounts: &'d Accounts,
    engine: EngineOptions,
}

impl<'d> Job<'d> {
    fn run(self, together: &Together<'_>) -> Result<Made, LoadError> {
        let mut engine = Engine::open(&self.engine)?;
        let own = self.numbers().len();
        let mut logins = Logins {
            job: &self,
            kept: Vec::with_capacity(if self.plan.keep { own } else { 0 }),
            scratch: Vec::new(),
            outcome: LoginOutcome::new(),
        };
        logins.run(&mut engine, together)?;
        let Logins {
            mut kept, outcome, ..
        } = logins;
        // Logins are begun in order and all that were begun are made, so the
        // numbers follow each other, interrupted or not.
        kept.sort_unstable_by_key(|(number, _)| *number);
        let kept = kept.into_iter().map(|(_, user)| user).collect();
        Ok(Made { kept, outcome })
    }

    /// The lane's own numbers of its users who log in.
    fn numbers(&self) -> Range<u32> {
        self.share.count(self.from)..self.share.count(self.plan.all())
    }
}

/// What a lane leaves behind.
struct Made {
    kept: Vec<User>,
    outcome: LoginOutcome,
}

struct Logins<'j, 'd> {
    job: &'j Job<'d>,
    kept: Vec<(u32, User)>,
    scratch: Vec<u8>,
    outcome: LoginOutcome,
}

impl Logins<'_, '_> {
    fn run(&mut self, engine: &mut Engine<u32>, together: &Together<'_>) -> Result<(), LoadError> {
        let Job { plan, share, .. } = *self.job;
        let mut left = self.job.numbers();
        together.start_ns()?;
        let started_ns = monotonic_ns();
        loop {
            together.check()?;
            if together.is_stopped() && !left.is_empty() {
                left = 0..0;
                self.outcome.interrupted = true;
            }
            while !left.is_empty() {
                let number = share.user(left.start);
                let route = self.route(number);
                if !engine.has_idle(route) {
                    break;
                }
                left.start += 1;
                self.send(engine, number, route);
            }
            if engine.in_flight() == 0 && left.is_empty() {
                return Ok(());
            }
            engine.wait(monotonic_ns() + LOOK_NS)?;
            while let Some(done) = engine.next_done() {
                self.outcome.duration_ns = done.done_ns.saturating_sub(started_ns);
                self.over(engine, done)?;
            }
            let now_ns = monotonic_ns();
            let timeout_ns = plan.timeout_ms.saturating_mul(1_000_000);
            let is_late = |sent_ns: u64| now_ns.saturating_sub(sent_ns) > timeout_ns;
            if engine
                .pending()
                .iter()
                .any(|request| is_late(request.sent_ns))
            {
                return Err(LoadError::TimedOut {
                    address: self.job.target.address,
                    action: Action::Login.label(),
                    timeout_ms: plan.timeout_ms,
                });
            }
        }
    }

    /// Where a user's login is made: at home.
    fn route(&self, number: u32) -> Route {
        let Job { plan, engine, .. } = self.job;
        Place::new(engine.addresses.len(), plan.own(number), 0).route()
    }

    fn send(&mut self, engine: &mut Engine<u32>, number: u32, route: Route) {
        let Some(account) = self.job.accounts.nth(self.job.plan.account(number)) else {
            return;
        };
        let values = Values {
            user: &account.user,
            password: &account.password,
            ..Values::default()
        };
        engine.send(route, number, |out| {
            self.job
                .target
                .write(Action::Login, &values, &mut self.scratch, out);
        });
    }

    fn over(&mut self, engine: &mut Engine<u32>, done: Done<u32>) -> Result<(), LoadError> {
        let target = self.job.target;
        let number = done.request.ticket;
        let account = self.job.accounts.nth(self.job.plan.account(number));
        let answer = done.answer.map_err(|broken| LoadError::Broken {
            address: target.address,
            action: Action::Login.label(),
            source: Box::new(broken),
        })?;
        let subject = account
            .as_ref()
            .and_then(|account| account.subject.as_deref());
        let mut user = User::new(subject);
        let span = self.job.timeline.span(done.request.sent_ns, done.done_ns);
        let view = engine.view(done.conn, &answer);
        let kind = judge::judge(target, &mut user, Action::Login, span, view);
        if kind != Kind::Right {
            let name = account.map_or_else(String::new, |account| account.user);
            return Err(LoadError::denied(
                target.address,
                Action::Login,
                &name,
                view,
                kind,
            ));
        }
        engine.release(done.conn, answer.keep_alive);
        let outcome = &mut self.outcome;
        outcome.logins += 1;
        outcome
            .service_ns
            .saturating_record(done.done_ns.saturating_sub(done.request.sent_ns));
        outcome
            .credential_bytes
            .add(target.credential_bytes(user.spelling()) as u64);
        outcome.wire.exchanges += 1;
        outcome.wire.sent_bytes += done.request.sent_bytes;
        outcome.wire.received_bytes += answer.wire_bytes;
        if self.job.plan.keep {
            self.kept.push((number, user));
        }
        Ok(())
    }
}
