//! The closed loop: logins, one after the other on each connection.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use authbench_core::system::monotonic_ns;
use authbench_wire::profile::Users;
use hdrhistogram::Histogram;

use crate::driver::{Accounts, Driver, Population};
use crate::error::LoadError;
use crate::judge;
use crate::outcome::{Action, Kind};
use crate::record::{Wire, histogram};
use crate::request::Values;
use crate::user::User;
use authbench_engine::{Done, Engine, Route};

/// How often the stop flag is looked at while nothing happens.
const LOOK_NS: u64 = 100_000_000;

/// Logins to be made.
#[derive(Clone, Debug)]
pub struct LoginPlan<'u> {
    /// Whose: the profile's own accounts, or others (with another way of
    /// hashing passwords, say).
    pub users: &'u Users,
    /// The numbers of the accounts. Numbers beyond the last account begin
    /// again at the first, unless the logins are kept.
    pub numbers: Range<u32>,
    /// Connections, each with one login under way.
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

    fn add(&mut self, size: u64) {
        self.min = if self.count == 0 {
            size
        } else {
            self.min.min(size)
        };
        self.max = self.max.max(size);
        self.count += 1;
        self.total += size;
    }
}

impl Driver {
    /// Makes the logins of `plan`, each connection one after the other.
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
        let accounts = Accounts::new(plan.users)?;
        if plan.keep && plan.numbers.end > accounts.count() {
            let wanted = plan.numbers.end - 1;
            return Err(LoadError::TooFewUsers {
                wanted,
                available: accounts.count(),
            });
        }
        self.target.need(Action::Login)?;
        let connections = plan.connections.clamp(1, plan.numbers.len().max(1) as u32);
        let mut engine = self.engine(connections, plan.timeout_ms)?;
        self.timeline.realign();
        let mut logins = Logins {
            driver: self,
            accounts: &accounts,
            kept: Vec::new(),
            scratch: Vec::new(),
            outcome: LoginOutcome {
                logins: 0,
                interrupted: false,
                service_ns: histogram(),
                duration_ns: 0,
                credential_bytes: Sizes::default(),
                wire: Wire::default(),
            },
        };
        logins.run(plan, &mut engine, stop)?;
        let Logins {
            mut kept, outcome, ..
        } = logins;
        if plan.keep {
            // Logins are begun in order and all that were begun are made, so
            // the numbers follow each other, interrupted or not.
            kept.sort_unstable_by_key(|(number, _)| *number);
            self.users = kept.into_iter().map(|(_, user)| user).collect();
            self.population = Some(Population {
                accounts,
                first: plan.numbers.start,
            });
        }
        Ok(outcome)
    }
}

struct Logins<'d> {
    driver: &'d Driver,
    accounts: &'d Accounts,
    kept: Vec<(u32, User)>,
    scratch: Vec<u8>,
    outcome: LoginOutcome,
}

impl Logins<'_> {
    fn run(
        &mut self,
        plan: &LoginPlan<'_>,
        engine: &mut Engine<u32>,
        stop: &AtomicBool,
    ) -> Result<(), LoadError> {
        let mut numbers = plan.numbers.clone();
        let started_ns = monotonic_ns();
        loop {
            if stop.load(Ordering::Relaxed) && !numbers.is_empty() {
                numbers = 0..0;
                self.outcome.interrupted = true;
            }
            while engine.has_idle(Route::Any)
                && let Some(number) = numbers.next()
            {
                self.send(engine, number);
            }
            if engine.in_flight() == 0 && numbers.is_empty() {
                return Ok(());
            }
            engine.wait(monotonic_ns() + LOOK_NS)?;
            while let Some(done) = engine.next_done() {
                self.outcome.duration_ns = done.done_ns.saturating_sub(started_ns);
                self.over(engine, plan.keep, done)?;
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
                    address: self.driver.target.address,
                    action: Action::Login.label(),
                    timeout_ms: plan.timeout_ms,
                });
            }
        }
    }

    fn send(&mut self, engine: &mut Engine<u32>, number: u32) {
        let Some(account) = self.accounts.nth(number) else {
            return;
        };
        let values = Values {
            user: &account.user,
            password: &account.password,
            ..Values::default()
        };
        engine.send(Route::Any, number, |out| {
            self.driver
                .target
                .write(Action::Login, &values, &mut self.scratch, out);
        });
    }

    fn over(
        &mut self,
        engine: &mut Engine<u32>,
        keep: bool,
        done: Done<u32>,
    ) -> Result<(), LoadError> {
        let target = &self.driver.target;
        let number = done.request.ticket;
        let account = self.accounts.nth(number);
        let answer = done.answer.map_err(|broken| LoadError::Broken {
            address: target.address,
            action: Action::Login.label(),
            source: Box::new(broken),
        })?;
        let subject = account
            .as_ref()
            .and_then(|account| account.subject.as_deref());
        let mut user = User::new(subject);
        let span = self
            .driver
            .timeline
            .span(done.request.sent_ns, done.done_ns);
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
        outcome.credential_bytes.add(user.credential().len() as u64);
        outcome.wire.exchanges += 1;
        outcome.wire.sent_bytes += done.request.sent_bytes;
        outcome.wire.received_bytes += answer.wire_bytes;
        if keep {
            self.kept.push((number, user));
        }
        Ok(())
    }
}
