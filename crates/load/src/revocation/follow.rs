//! Following a credential from the acknowledgement of its end to its last
//! acceptance.

use std::sync::atomic::{AtomicBool, Ordering};

use authbench_core::SubjectId;
use authbench_core::oracle::{Change, Expectation, LoginHistory, Ns, Span};
use authbench_core::system::monotonic_ns;

use super::{RevocationOutcome, RevocationPlan};
use crate::driver::Accounts;
use crate::error::LoadError;
use crate::forgery::forge;
use crate::grant;
use crate::judge::{self, Reading, Showing};
use crate::line::Line;
use crate::outcome::{Action, Kind};
use crate::place::Place;
use crate::request::{RequestTemplate, Values};
use crate::target::Target;
use crate::timeline::Timeline;
use authbench_engine::{Route, View};

/// Nearer to an expiry than this the clock is no longer stepped.
const APPROACH_NS: u64 = 10_000_000;
/// Between two showings while an expiry is awaited in real time.
const LINGER_NS: u64 = 250_000_000;
/// How often a credential that must be refused is shown, in the hope that it
/// is.
const OVERDUE_SHOWINGS_MAX: u64 = 3;

/// Runs the whole phase.
pub(super) fn run(
    line: Line<'_>,
    (accounts, replicas): (&Accounts, usize),
    plan: &RevocationPlan<'_>,
    stop: &AtomicBool,
    outcome: RevocationOutcome,
) -> Result<(RevocationOutcome, Timeline), LoadError> {
    let clock = line.target.clock.as_ref();
    let mut phase = Phase {
        line,
        accounts,
        replicas,
        plan,
        stop,
        outcome,
    };
    if let Some(clock) = clock {
        phase.step_clocks(clock, 0)?;
    }
    let mut control = phase.log_in(0)?;
    phase.show_forged(&control)?;
    let mut lingering = Vec::new();
    for number in 0..plan.logins {
        if phase.is_stopped() {
            break;
        }
        let mut followed = phase.end_one(number)?;
        phase.replay(&mut followed)?;
        if let Some(clock) = clock {
            phase.follow_stepped(&mut followed, clock)?;
            phase.conclude(&followed);
        } else {
            lingering.push(followed);
        }
    }
    phase.linger(&mut lingering)?;
    for followed in &lingering {
        phase.conclude(followed);
    }
    if !phase.is_stopped() {
        if let Some(clock) = clock {
            // The first control has expired with the steps: another is
            // stepped to its expiry.
            control = phase.log_in(0)?;
            phase.follow_stepped(&mut control, clock)?;
        } else {
            phase.show(&mut control)?;
        }
        phase.conclude_control(&control);
    }
    Ok((phase.outcome, phase.line.timeline))
}

/// A credential that is followed.
struct Followed {
    subject: Option<SubjectId>,
    credential: Vec<u8>,
    history: LoginHistory,
    /// Where it was made and is ended.
    ended_at: Route,
    /// Where it is shown.
    shown_at: Route,
    /// From when on; in real time, on the monotonic clock.
    from_real_ns: u64,
    /// The same instant on the target's clock.
    from: Ns,
    last_accepted: Option<Ns>,
    first_refused: Option<Ns>,
    /// Showings; accepted though it had to be refused; refused though it had
    /// to be accepted; accepted as somebody else; none of these.
    showings: u64,
    accepted_dead: u64,
    refused_good: u64,
    wrong_user: u64,
    failed: u64,
}

impl Followed {
    fn is_refused(&self) -> bool {
        self.first_refused.is_some()
    }

    fn expiry(&self) -> Ns {
        self.history.expires_at.into()
    }

    fn note(&mut self, showing: Showing, expected: Expectation, span: Span) {
        self.showings += 1;
        match showing {
            Showing::Accepted => {
                self.last_accepted = Some(span.start);
                self.accepted_dead += u64::from(expected == Expectation::MustRefuse);
            }
            Showing::Refused => {
                self.first_refused.get_or_insert(span.end);
                self.refused_good += u64::from(expected == Expectation::MustAccept);
            }
            Showing::Failed(Kind::WrongUser) => self.wrong_user += 1,
            Showing::Failed(_) => self.failed += 1,
        }
    }
}

struct Phase<'p> {
    line: Line<'p>,
    accounts: &'p Accounts,
    replicas: usize,
    plan: &'p RevocationPlan<'p>,
    stop: &'p AtomicBool,
    outcome: RevocationOutcome,
}

impl Phase<'_> {
    fn log_in(&mut self, number: u32) -> Result<Followed, LoadError> {
        let account = self.accounts.nth(number);
        let (name, password, subject) = account.as_ref().map_or(("", "", None), |account| {
            (
                &*account.user,
                &*account.password,
                account.subject.as_deref(),
            )
        });
        let subject = subject.map(SubjectId::new);
        let values = Values {
            user: name,
            password,
            ..Values::default()
        };
        let place = |turns| Place::new(self.replicas, number, turns).route();
        let (ended_at, shown_at) = (place(0), place(u32::from(self.plan.elsewhere)));
        self.line.route = ended_at;
        let (history, grant) = self.insist(
            Action::Login,
            number,
            &values,
            |target, reading, span, view| {
                reading.done()?;
                let login = target.get(Action::Login).ok_or(Kind::UnexpectedStatus)?;
                let grant = grant::read(target, login, subject.as_ref(), b"", view, span)?;
                Ok((LoginHistory::new(span, grant.expires_at), grant))
            },
        )?;
        Ok(Followed {
            subject: grant.subject,
            credential: grant.access,
            from_real_ns: monotonic_ns(),
            from: history.issued.end,
            history,
            ended_at,
            shown_at,
            last_accepted: None,
            first_refused: None,
            showings: 0,
            accepted_dead: 0,
            refused_good: 0,
            wrong_user: 0,
            failed: 0,
        })
    }

    /// Logs in, sees that the credential works, and logs out. The credential
    /// is kept as it was, whatever the answer does to a browser's cookie.
    fn end_one(&mut self, number: u32) -> Result<Followed, LoadError> {
        let mut followed = self.log_in(number)?;
        let values = Values {
            credential: &followed.credential,
            ..Values::default()
        };
        let subject = &mut followed.subject;
        // Where it will be shown it is known, so that a cache may keep it.
        self.line.route = followed.shown_at;
        self.insist(Action::Read, number, &values, |target, _, _, view| {
            judge::showing(target, subject, view).accepted()
        })?;
        self.line.route = followed.ended_at;
        let span = self.insist(Action::Logout, number, &values, |_, reading, span, _| {
            reading.done().map(|()| span)
        })?;
        let promise = self.line.target.guarantees.revoke_one;
        followed.history.revoke(
            Change {
                span,
                acknowledged: true,
            },
            promise,
        );
        followed.from = span.end;
        followed.from_real_ns = self.line.timeline.real_ns(span.end);
        let remaining_ns = followed.expiry().0.saturating_sub(span.end.0);
        self.outcome.logins += 1;
        self.outcome.remaining_ns.saturating_record(remaining_ns);
        Ok(followed)
    }

    /// Shows the credential at the planned instants until it is refused.
    fn replay(&mut self, followed: &mut Followed) -> Result<(), LoadError> {
        for after_ms in self.plan.replay_ms {
            let at_ns = followed
                .from_real_ns
                .saturating_add(after_ms.saturating_mul(1_000_000));
            while monotonic_ns() < at_ns && !self.is_stopped() {
                self.line.pause(at_ns)?;
            }
            self.show(followed)?;
            if followed.is_refused() || self.is_stopped() {
                break;
            }
        }
        Ok(())
    }

    /// Follows the credential through its expiry, and through the slack that
    /// is promised after it, by stepping the target's clock.
    fn follow_stepped(
        &mut self,
        followed: &mut Followed,
        clock: &RequestTemplate,
    ) -> Result<(), LoadError> {
        let expiry_ns = followed.expiry().0;
        let slack_ns = self
            .line
            .target
            .guarantees
            .expiry_slack_ms
            .saturating_mul(1_000_000);
        for end_ns in [expiry_ns, expiry_ns.saturating_add(slack_ns)] {
            while !followed.is_refused() && !self.is_stopped() {
                let now_ns = self.now().0;
                let left_ns = end_ns.saturating_sub(now_ns);
                let since_ns = now_ns.saturating_sub(followed.from.0);
                if left_ns > APPROACH_NS {
                    let step_ms = (since_ns / 4).min(left_ns / 2) / 1_000_000;
                    self.step_clocks(clock, step_ms.max(1))?;
                } else if left_ns == 0 {
                    break;
                }
                self.show(followed)?;
            }
        }
        self.show_overdue(followed)
    }

    /// Follows credentials in real time.
    fn linger(&mut self, lingering: &mut [Followed]) -> Result<(), LoadError> {
        let slack_ms = self.line.target.guarantees.expiry_slack_ms;
        let max_wait_ns = self.plan.max_wait_ms.saturating_mul(1_000_000);
        loop {
            let mut is_waiting = false;
            for followed in lingering
                .iter_mut()
                .filter(|followed| !followed.is_refused())
            {
                let now = self.now();
                let dead = Ns::from(followed.history.expires_at.plus_ms(slack_ms));
                if now >= dead {
                    self.show_overdue(followed)?;
                } else if now.0.saturating_sub(followed.from.0) < max_wait_ns {
                    self.show(followed)?;
                    is_waiting = true;
                }
            }
            if !is_waiting || self.is_stopped() {
                return Ok(());
            }
            let until_ns = monotonic_ns() + LINGER_NS;
            while monotonic_ns() < until_ns && !self.is_stopped() {
                self.line.pause(until_ns)?;
            }
        }
    }

    /// Steps the clock of every replica.
    fn step_clocks(&mut self, clock: &RequestTemplate, step_ms: u64) -> Result<(), LoadError> {
        for replica in 0..self.replicas {
            self.line.route = Route::To(replica);
            self.line.step_clock(clock, step_ms)?;
        }
        Ok(())
    }

    /// Shows a credential whose time is over a few times, until it is refused.
    fn show_overdue(&mut self, followed: &mut Followed) -> Result<(), LoadError> {
        for _ in 0..OVERDUE_SHOWINGS_MAX {
            if followed.is_refused() || self.is_stopped() {
                break;
            }
            self.show(followed)?;
        }
        Ok(())
    }

    fn show(&mut self, followed: &mut Followed) -> Result<(), LoadError> {
        let values = Values {
            credential: &followed.credential,
            ..Values::default()
        };
        self.line.route = followed.shown_at;
        let subject = &mut followed.subject;
        let (showing, span) = self.line.ask(Action::Read, &values, |target, span, view| {
            (judge::showing(target, subject, view), span)
        })?;
        let slack_ms = self.line.target.guarantees.expiry_slack_ms;
        let expected = followed.history.expectation(slack_ms, span);
        followed.note(showing, expected, span);
        Ok(())
    }

    fn show_forged(&mut self, control: &Followed) -> Result<(), LoadError> {
        self.line.route = control.shown_at;
        let issued = &control.credential;
        let mut credential = Vec::new();
        forge(&self.line.target.carrier, issued, &mut credential);
        let values = Values {
            credential: &credential,
            ..Values::default()
        };
        let showing = self.line.ask(Action::Read, &values, |target, _, view| {
            judge::showing(target, &mut None, view)
        })?;
        self.outcome.controls.forged_refused = Some(showing == Showing::Refused);
        Ok(())
    }

    /// Adds up what an ended login has shown.
    fn conclude(&mut self, followed: &Followed) {
        let since_ns = |at: Ns| at.0.saturating_sub(followed.from.0);
        let outcome = &mut self.outcome;
        outcome
            .last_accepted_ns
            .saturating_record(followed.last_accepted.map_or(0, since_ns));
        outcome.never_accepted += u64::from(followed.last_accepted.is_none());
        if let Some(at) = followed.first_refused {
            outcome.first_refused_ns.saturating_record(since_ns(at));
        } else if followed.last_accepted.is_some() {
            outcome.still_accepted_at_end += 1;
        }
        outcome.accepted_after_deadline += followed.accepted_dead;
        outcome.replays += followed.showings;
        outcome.wrong_user += followed.wrong_user;
        outcome.failed_replays += followed.failed;
    }

    fn conclude_control(&mut self, control: &Followed) {
        let controls = &mut self.outcome.controls;
        controls.live_accepted = Some(
            control.last_accepted.is_some()
                && control.refused_good + control.wrong_user + control.failed == 0,
        );
        controls.live_last_accepted_before_expiry_ns = control
            .last_accepted
            .map(|at| control.expiry().0.saturating_sub(at.0));
        self.outcome.accepted_after_deadline += control.accepted_dead;
    }

    /// Asks for what the phase cannot do without.
    fn insist<R>(
        &mut self,
        action: Action,
        number: u32,
        values: &Values<'_>,
        check: impl FnOnce(&Target, Reading, Span, View<'_>) -> Result<R, Kind>,
    ) -> Result<R, LoadError> {
        let accounts = self.accounts;
        self.line.ask(action, values, |target, span, view| {
            let reading = Reading::of(target.need(action)?, view.status);
            check(target, reading, span, view).map_err(|kind| {
                let name = accounts
                    .nth(number)
                    .map_or_else(String::new, |account| account.user);
                LoadError::denied(target.address, action, &name, view, kind)
            })
        })?
    }

    fn now(&self) -> Ns {
        self.line.timeline.at(monotonic_ns())
    }

    /// Whether to stop; if so, the outcome says it.
    fn is_stopped(&mut self) -> bool {
        self.outcome.interrupted |= self.stop.load(Ordering::Relaxed);
        self.outcome.interrupted
    }
}
