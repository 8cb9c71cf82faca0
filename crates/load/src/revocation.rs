//! How long the credential of an ended login lives on.
//!
//! Each login is ended, and from the acknowledgement on the dead credential is
//! shown again and again until it is refused. Where the target's clock can be
//! stepped, the wait for the natural expiry is stepped through: first by a
//! quarter of the time that has passed (so that the answer is good to a
//! quarter), then by half of what is left, and the last stretch in real time.
//!
//! Two controls keep the result honest: a login that nobody ended must live to
//! its expiry (else what looks like revocation is something else), and a
//! credential that nobody issued must be refused (else nothing is checked).

mod follow;

use std::sync::atomic::AtomicBool;

use authbench_wire::profile::Users;
use hdrhistogram::Histogram;

use crate::driver::{Accounts, Driver};
use crate::error::LoadError;
use crate::line::Line;
use crate::outcome::Action;
use crate::record::histogram;

/// Logins to be ended and followed.
#[derive(Clone, Debug)]
pub struct RevocationPlan<'u> {
    /// Whose.
    pub users: &'u Users,
    /// How many.
    pub logins: u32,
    /// Whether a login that is ended on one replica is shown to the next one;
    /// else, to the same. The former needs two replicas.
    pub elsewhere: bool,
    /// Milliseconds after the acknowledgement at which the dead credential is
    /// shown in any case, ascending.
    pub replay_ms: &'u [u64],
    /// Milliseconds after the acknowledgement for which a credential is
    /// followed at most where the target's clock cannot be stepped.
    pub max_wait_ms: u64,
    /// Milliseconds after which a request without an answer is given up.
    pub timeout_ms: u64,
}

/// By which clock it was waited.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ClockKind {
    /// In real time.
    Real,
    /// The target's clock was stepped; times hold real time and steps.
    Stepped,
}

/// What ended logins have shown. Times are on the target's clock and count
/// from the instant at which the acknowledgement had come.
#[derive(Clone, Debug)]
pub struct RevocationOutcome {
    /// Logins that were ended and followed.
    pub logins: u64,
    /// Whether it was stopped before its time.
    pub interrupted: bool,
    /// By which clock it was waited.
    pub clock: ClockKind,
    /// To the start of the last request that was accepted; 0 where none was.
    /// The credential lived at least so long.
    pub last_accepted_ns: Histogram<u64>,
    /// To the end of the first request that was refused, for those that were
    /// refused at all. The credential lived at most so long.
    pub first_refused_ns: Histogram<u64>,
    /// To the expiry that the target had announced.
    pub remaining_ns: Histogram<u64>,
    /// Logins whose credential was never accepted after the acknowledgement,
    /// unless as somebody else (`wrong_user`).
    pub never_accepted: u64,
    /// Showings that were accepted although the promised deadline had passed.
    /// Not one is right.
    pub accepted_after_deadline: u64,
    /// Logins whose credential was still accepted when it was last shown:
    /// their time in `last_accepted_ns` is cut short.
    pub still_accepted_at_end: u64,
    /// Showings in all, controls left out.
    pub replays: u64,
    /// Showings that were accepted as somebody else. Not one is right, whether
    /// the credential was dead or not.
    pub wrong_user: u64,
    /// Showings that were neither accepted, as whomever, nor refused.
    pub failed_replays: u64,
    /// What the controls have shown.
    pub controls: Controls,
}

/// What the controls have shown. `None` where a control was not made because
/// the phase was interrupted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Controls {
    /// Whether a login that nobody ended was accepted each time it had to be.
    pub live_accepted: Option<bool>,
    /// How long before its expiry it was last accepted, nanoseconds; in real
    /// time it is only shown at the end of the phase.
    pub live_last_accepted_before_expiry_ns: Option<u64>,
    /// Whether a credential that nobody issued was refused.
    pub forged_refused: Option<bool>,
}

impl RevocationOutcome {
    fn new(clock: ClockKind) -> Self {
        Self {
            logins: 0,
            interrupted: false,
            clock,
            last_accepted_ns: histogram(),
            first_refused_ns: histogram(),
            remaining_ns: histogram(),
            never_accepted: 0,
            accepted_after_deadline: 0,
            still_accepted_at_end: 0,
            replays: 0,
            wrong_user: 0,
            failed_replays: 0,
            controls: Controls::default(),
        }
    }
}

impl Driver {
    /// Ends logins and follows their credentials to the end. Where the target
    /// has the reference server's lab routes its clock is stepped far ahead:
    /// every login made before will have expired.
    ///
    /// When `stop` becomes true, no further login is begun, and the outcome
    /// says that it was interrupted.
    ///
    /// # Errors
    /// [`LoadError`] when a login or a logout is not granted, a request stays
    /// without an answer, or there is no other replica to show a credential to.
    pub fn revocation(
        &mut self,
        plan: &RevocationPlan<'_>,
        stop: &AtomicBool,
    ) -> Result<RevocationOutcome, LoadError> {
        let accounts = Accounts::new(plan.users)?;
        self.target.need(Action::Logout)?;
        if plan.elsewhere && self.replicas() < 2 {
            return Err(LoadError::OneReplica);
        }
        if self.target.clock.is_some() {
            // All clocks come to stand alike, and are stepped together.
            self.step_clock(0)?;
        }
        self.timeline.realign();
        let replicas = self.replicas();
        let engine = self.engine(1, plan.timeout_ms)?;
        let line = Line::new(&self.target, self.timeline, engine, plan.timeout_ms);
        let clock = if self.target.clock.is_some() {
            ClockKind::Stepped
        } else {
            ClockKind::Real
        };
        let outcome = RevocationOutcome::new(clock);
        let (outcome, timeline) = follow::run(line, (&accounts, replicas), plan, stop, outcome)?;
        self.timeline = timeline;
        Ok(outcome)
    }
}
