//! A strategy in this process, without a server or a socket: the same virtual
//! users, put to work through the trait, so that small differences between
//! strategies are not buried under the cost of loopback HTTP.
//!
//! A call is made on the one thread that also draws, judges and records, so
//! the thread's CPU time is the strategy's and the users' together; what the
//! users cost alone is what a strategy shows that does nothing. While a call
//! runs no other can begin: whatever is due meanwhile waits, as for a server
//! with one connection, and the wait is part of the response time. Nothing
//! goes over a wire, so all octets are 0.
//!
//! What the actions become:
//!
//! | Action | Call |
//! |--------|------|
//! | login | `issue` |
//! | read, mutate, forged, stale, malformed | `authenticate` |
//! | refresh | `refresh` |
//! | logout | `revoke` what is presented |
//! | logout-all | `authenticate`, then `revoke` everything of the subject |
//! | role-change | `change_roles` of the user whose turn it is |
//! | wrong-password | none: there are no passwords here, so a mix must not ask for it |
//!
//! The instant that a call is given is that at which it began, in whole
//! milliseconds of the system's clock.

mod act;
mod drive;
mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use authbench_core::oracle::LoginHistory;
use authbench_core::system::monotonic_ns;
use authbench_core::{DynStrategy, Guarantees, Issued, Subject};

use crate::cell::{self, Seat};
use crate::error::LoadError;
use crate::login::{LoginOutcome, Sizes};
use crate::outcome::{Action, Kind};
use crate::point::LoadPoint;
use crate::progress::{Probe, Progress};
use crate::record::{CellOutcome, Wire, histogram};
use crate::saturation::{self, SaturationOutcome, SaturationPlan};
use crate::scenario::Mix;
use crate::share::Share;
use crate::timeline::Timeline;
use crate::user::{Habits, User};
pub use drive::BlockOn;
use drive::finish;
use work::{At, Calls};

/// Virtual users of a strategy in this process.
pub struct InProcess {
    strategy: Arc<dyn DynStrategy>,
    subjects: Vec<Subject>,
    guarantees: Guarantees,
    block_on: Option<Box<dyn BlockOn>>,
    users: Vec<User>,
    timeline: Timeline,
}

impl InProcess {
    /// One user for each of `subjects`, who are all different and logged out.
    /// Their answers are judged by `guarantees`: `strategy.guarantees()`,
    /// unless something around it promises less.
    ///
    /// Without `block_on` the strategy's futures are polled until they are
    /// done, which suits those that wait for nothing but other threads' locks:
    /// stores in memory. One that needs a runtime is given it here.
    #[must_use]
    pub fn new(
        strategy: Arc<dyn DynStrategy>,
        subjects: Vec<Subject>,
        guarantees: Guarantees,
        block_on: Option<Box<dyn BlockOn>>,
    ) -> Self {
        let users = subjects
            .iter()
            .map(|subject| User::new(Some(subject.id.as_str())));
        Self {
            users: users.collect(),
            strategy,
            subjects,
            guarantees,
            block_on,
            timeline: Timeline::aligned(),
        }
    }

    /// Logs every user in, one after the other; who was logged in before is
    /// logged in anew.
    ///
    /// When `stop` becomes true, no further login is begun, and the outcome
    /// says that it was interrupted.
    ///
    /// # Errors
    /// [`LoadError::NotIssued`] at the first login that is not granted, and
    /// [`LoadError::Stuck`].
    pub fn log_in(&mut self, stop: &AtomicBool) -> Result<LoginOutcome, LoadError> {
        self.timeline.realign();
        let mut outcome = LoginOutcome {
            logins: 0,
            interrupted: false,
            service_ns: histogram(),
            duration_ns: 0,
            credential_bytes: Sizes::default(),
            wire: Wire::default(),
        };
        let began_ns = monotonic_ns();
        for (user, subject) in self.users.iter_mut().zip(&self.subjects) {
            if stop.load(Ordering::Relaxed) {
                outcome.interrupted = true;
                break;
            }
            let at = At::begin(self.timeline);
            let issued = finish(
                self.block_on.as_deref(),
                self.strategy.issue(subject, at.unix),
            )?;
            let over = at.end();
            let credentials = match issued {
                Ok(Issued::Granted(credentials)) => credentials,
                Ok(Issued::LimitReached { logins_max }) => {
                    return Err(LoadError::NotIssued {
                        subject: subject.id.to_string(),
                        source: Box::new(TooMany { logins_max }),
                    });
                }
                Err(error) => {
                    return Err(LoadError::NotIssued {
                        subject: subject.id.to_string(),
                        source: Box::new(error),
                    });
                }
            };
            let access = credentials.access.expose().as_bytes();
            let refresh = credentials.refresh.as_ref();
            user.log_in(
                access,
                refresh.map_or(b"", |refresh| refresh.expose().as_bytes()),
                LoginHistory::new(over.span, credentials.expires_at),
                &self.guarantees,
            );
            outcome.logins += 1;
            outcome
                .service_ns
                .saturating_record(over.done_ns - over.sent_ns);
            outcome.duration_ns = over.done_ns - began_ns;
            outcome.credential_bytes.add(access.len() as u64);
        }
        Ok(outcome)
    }

    /// Puts the strategy under `point`'s load; [`LoadPoint::connections`],
    /// [`LoadPoint::routing`] and [`LoadPoint::share`] say nothing here.
    /// Service time is the call's alone.
    ///
    /// When `stop` becomes true, arrivals end at once, and the outcome says
    /// that it was interrupted.
    ///
    /// # Errors
    /// [`LoadError`] when there are no users, the mix asks for wrong passwords,
    /// or a call never ends. What goes wrong with calls is counted, not raised.
    pub fn cell(
        &mut self,
        point: &LoadPoint,
        probe: &mut dyn Probe,
        progress: &mut dyn Progress,
        stop: &AtomicBool,
    ) -> Result<CellOutcome, LoadError> {
        let users = self.count()?;
        let seat = self.seat(&point.mix, point.seed, users)?;
        cell::run(point, users, vec![seat], Ok, probe, progress, stop)
    }

    /// Makes one call after the other, reads all of them.
    /// [`SaturationPlan::connections`] says nothing here.
    ///
    /// # Errors
    /// See [`InProcess::cell`].
    pub fn saturate(
        &mut self,
        plan: &SaturationPlan,
        probe: &mut dyn Probe,
        stop: &AtomicBool,
    ) -> Result<SaturationOutcome, LoadError> {
        let users = self.count()?;
        let seat = self.seat(&Mix::reads(), plan.seed, users)?;
        saturation::run(plan, vec![seat], |calls| Ok((calls, 1)), probe, stop)
    }

    fn count(&self) -> Result<u32, LoadError> {
        match u32::try_from(self.users.len()) {
            Ok(0) | Err(_) => Err(LoadError::NoPopulation),
            Ok(users) => Ok(users),
        }
    }

    fn seat(&mut self, mix: &Mix, seed: u64, users: u32) -> Result<Seat<Calls<'_>>, LoadError> {
        if mix.wrong_password.value > 0 {
            return Err(LoadError::Unmapped {
                profile: "in-process".to_owned(),
                action: Action::WrongPassword.label(),
                reason: "there are no passwords in this process".to_owned(),
            });
        }
        self.timeline.realign();
        let habits = Habits::new(mix, self.guarantees);
        self.users.iter_mut().for_each(|user| user.rewind(&habits));
        Ok(Seat {
            core: None,
            share: Share::WHOLE,
            users,
            who: Calls::new(
                &*self.strategy,
                &self.subjects,
                &mut self.users,
                self.block_on.as_deref(),
                (self.timeline, self.guarantees),
                (habits, seed),
            ),
        })
    }
}

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InProcess")
            .field("users", &self.users.len())
            .field("guarantees", &self.guarantees)
            .finish_non_exhaustive()
    }
}

/// The subject has as many logins as it may have.
#[derive(Debug, thiserror::Error)]
#[error("the subject has {logins_max} logins already, as many as it may have")]
struct TooMany {
    logins_max: u32,
}

/// How an outage counts.
pub(crate) const OUTAGE: Kind = Kind::NoJudgement;
