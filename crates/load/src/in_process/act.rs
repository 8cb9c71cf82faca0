//! The calls, and what is to be thought of what came.

use authbench_core::oracle::LoginHistory;
use authbench_core::{
    Decision, Guarantees, Issued, LimitPolicy, Presented, Refreshed, Scope, StrategyError, Subject,
    UnixMs,
};

use super::drive::{BlockOn, finish};
use super::work::{At, Ended};
use crate::error::LoadError;
use crate::judge::{self, Reading, Renewal};
use crate::outcome::{Action, Kind};
use crate::timeline::Timeline;
use crate::user::User;

/// Who decides, and how its futures are finished.
#[derive(Clone, Copy)]
pub(super) struct Asked<'p> {
    pub(super) strategy: &'p dyn authbench_core::DynStrategy,
    pub(super) block_on: Option<&'p dyn BlockOn>,
    pub(super) timeline: Timeline,
}

/// What a user who acts has in hand.
pub(super) struct Hand<'u> {
    pub(super) subject: &'u Subject,
    pub(super) user: &'u mut User,
    /// What a forger or a thief shows instead.
    pub(super) other: &'u [u8],
}

impl Asked<'_> {
    /// Does `action` for whoever has `hand`; judges what comes, and moves the
    /// user on.
    ///
    /// # Errors
    /// [`LoadError::Stuck`].
    pub(super) fn act(
        &self,
        action: Action,
        hand: Hand<'_>,
        promises: &Guarantees,
    ) -> Result<(Kind, Ended), LoadError> {
        let Hand {
            subject,
            user,
            other,
        } = hand;
        match action {
            Action::Read | Action::Mutate => {
                let (decision, ended) =
                    self.authenticate(&shown(user), At::begin(self.timeline))?;
                let reading = reading(&decision);
                let kind = judge::shown(promises, user, reading, ended.span, |_| {
                    named(&decision, subject)
                });
                Ok((kind, ended))
            }
            Action::Login => self.log_in(subject, user, promises),
            Action::Refresh => self.refresh(user, promises),
            Action::Logout => {
                let at = At::begin(self.timeline);
                let scope = Scope::Presented(shown(user));
                let receipt = self.finish(self.strategy.revoke(&scope, at.unix))?;
                let ended = at.end();
                let reading = done(&receipt);
                Ok((
                    judge::logged_out(promises, user, reading, ended.span),
                    ended,
                ))
            }
            Action::LogoutAll => self.log_out_everywhere(subject, user, promises),
            Action::RoleChange => self.change_roles(subject),
            Action::Forged | Action::Stale | Action::Malformed | Action::WrongPassword => {
                let other = std::str::from_utf8(other).unwrap_or_default();
                let presented = Presented::access(other);
                let (decision, ended) = self.authenticate(&presented, At::begin(self.timeline))?;
                let kind = match (reading(&decision), named(&decision, subject)) {
                    (Reading::Refused, _) => Kind::Right,
                    (Reading::Neither(kind), _) | (Reading::Done, kind @ Kind::WrongUser) => kind,
                    (Reading::Done, _) => Kind::AcceptedDead,
                };
                Ok((kind, ended))
            }
        }
    }

    fn finish<T: Send>(
        &self,
        future: authbench_core::strategy::BoxFuture<'_, T>,
    ) -> Result<Result<T, StrategyError>, LoadError> {
        finish(self.block_on, future)
    }

    fn authenticate(
        &self,
        presented: &Presented<'_>,
        at: At,
    ) -> Result<(Result<Decision, StrategyError>, Ended), LoadError> {
        let decision = self.finish(self.strategy.authenticate(presented, at.unix))?;
        Ok((decision, at.end()))
    }

    fn log_in(
        &self,
        subject: &Subject,
        user: &mut User,
        promises: &Guarantees,
    ) -> Result<(Kind, Ended), LoadError> {
        let at = At::begin(self.timeline);
        let issued = self.finish(self.strategy.issue(subject, at.unix))?;
        let ended = at.end();
        let rejects = promises
            .login_limit
            .is_some_and(|limit| limit.policy == LimitPolicy::Reject);
        let kind = match issued {
            Ok(Issued::Granted(credentials)) => {
                let refresh = credentials.refresh.as_ref();
                user.log_in(
                    credentials.access.expose().as_bytes(),
                    refresh.map_or(b"", |refresh| refresh.expose().as_bytes()),
                    LoginHistory::new(ended.span, credentials.expires_at),
                    promises,
                );
                Kind::Right
            }
            Ok(Issued::LimitReached { .. }) if rejects => Kind::Right,
            Ok(Issued::LimitReached { .. }) => Kind::RefusedGood,
            Err(_) => super::OUTAGE,
        };
        Ok((kind, ended))
    }

    fn refresh(&self, user: &mut User, promises: &Guarantees) -> Result<(Kind, Ended), LoadError> {
        let at = At::begin(self.timeline);
        let refreshed = self.finish(self.strategy.refresh(&shown(user), at.unix))?;
        let ended = at.end();
        let (reading, credentials) = match refreshed {
            Ok(Refreshed::Renewed(credentials)) => (Reading::Done, Some(credentials)),
            Ok(Refreshed::Refused(_)) => (Reading::Refused, None),
            Ok(Refreshed::NotOffered) => (Reading::Neither(Kind::UnexpectedStatus), None),
            Err(_) => (Reading::Neither(super::OUTAGE), None),
        };
        let kind = judge::exchanged(promises, user, reading, ended.span, |_| {
            let credentials = credentials.ok_or(Kind::MalformedAnswer)?;
            let refresh = credentials.refresh.as_ref();
            Ok(Renewal {
                access: credentials.access.expose().as_bytes().to_vec(),
                refresh: refresh.map_or_else(Vec::new, |refresh| refresh.expose().into()),
                expires_at: credentials.expires_at,
            })
        });
        Ok((kind, ended))
    }

    /// As a server does it: only a living login may ask.
    fn log_out_everywhere(
        &self,
        subject: &Subject,
        user: &mut User,
        promises: &Guarantees,
    ) -> Result<(Kind, Ended), LoadError> {
        let at = At::begin(self.timeline);
        let unix = at.unix;
        let decision = self.finish(self.strategy.authenticate(&shown(user), unix))?;
        let mut reading = reading(&decision);
        let mut named = named(&decision, subject);
        if reading == Reading::Done {
            let scope = Scope::Subject(&subject.id);
            let receipt = self.finish(self.strategy.revoke(&scope, unix))?;
            reading = done(&receipt);
        } else {
            named = Kind::Right;
        }
        let ended = at.end();
        let kind = judge::logged_out_everywhere(promises, user, reading, ended.span);
        Ok((if kind == Kind::Right { named } else { kind }, ended))
    }

    fn change_roles(&self, subject: &Subject) -> Result<(Kind, Ended), LoadError> {
        let at = At::begin(self.timeline);
        // The roles go to and fro by the millisecond: which ones they are does
        // not matter.
        let UnixMs(ms) = at.unix;
        let mut roles: Vec<_> = subject.roles.iter().collect();
        if ms % 2 == 0 {
            roles.push("editor");
        }
        let changed = Subject {
            roles: roles.into_iter().collect(),
            ..subject.clone()
        };
        let receipt = self.finish(self.strategy.change_roles(&changed, at.unix))?;
        let ended = at.end();
        let kind = match receipt {
            Ok(_) => Kind::Right,
            Err(_) => super::OUTAGE,
        };
        Ok((kind, ended))
    }
}

/// What a user shows. Credentials came as text.
fn shown(user: &User) -> Presented<'_> {
    Presented {
        access: std::str::from_utf8(user.spelling())
            .ok()
            .filter(|text| !text.is_empty()),
        refresh: std::str::from_utf8(user.refresh_token())
            .ok()
            .filter(|text| !text.is_empty()),
    }
}

fn reading(decision: &Result<Decision, StrategyError>) -> Reading {
    match decision {
        Ok(Decision::Accepted(_)) => Reading::Done,
        Ok(Decision::Refused(_)) => Reading::Refused,
        Err(_) => Reading::Neither(super::OUTAGE),
    }
}

fn done<T>(receipt: &Result<T, StrategyError>) -> Reading {
    match receipt {
        Ok(_) => Reading::Done,
        Err(_) => Reading::Neither(super::OUTAGE),
    }
}

/// Whether an acceptance names `subject`.
fn named(decision: &Result<Decision, StrategyError>, subject: &Subject) -> Kind {
    match decision {
        Ok(Decision::Accepted(identity)) if identity.subject != subject.id => Kind::WrongUser,
        _ => Kind::Right,
    }
}
