//! The judgement on what presenting a credential showed.

use super::ledger::{CredentialNo, Entry, Ledger};
use super::{Expectation, Ns, Span, Window};
use crate::subject::{Roles, SubjectId};

/// What a call showed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Observed {
    /// Accepted as this subject with these roles.
    Accepted {
        /// The identity that came back.
        subject: SubjectId,
        /// The roles that came back, where the call shows them.
        roles: Option<Roles>,
    },
    /// Refused.
    Refused,
    /// No judgement (an outage): allowed by every promise, accepts nobody.
    NoJudgement,
}

/// The oracle's opinion of what a call showed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Judgement {
    /// As promised. Names the window when the answer made use of one: an
    /// acceptance, or in [`Window::Idle`] a refusal, or in [`Window::Crash`]
    /// whatever would have been wrong without the crash.
    Upheld(Option<Window>),
    /// As promised, and old roles were seen after an acknowledged change:
    /// witnesses the staleness of role changes.
    UpheldWithOldRoles,
    /// Accepted although dead.
    AcceptedDead,
    /// Refused although good.
    RefusedGood,
    /// Accepted as somebody else.
    WrongSubject,
    /// Accepted with roles that the subject could not have.
    WrongRoles,
}

impl Judgement {
    /// Whether the promises held.
    #[must_use]
    pub const fn holds(&self) -> bool {
        matches!(self, Self::Upheld(_) | Self::UpheldWithOldRoles)
    }
}

impl Ledger {
    /// What must happen when `credential` is presented in `call`; a number
    /// that was never given out must be refused.
    #[must_use]
    pub fn expectation(&self, credential: CredentialNo, call: Span) -> Expectation {
        self.entries
            .get(credential.0)
            .map_or(Expectation::MustRefuse, |entry| {
                let login = &self.logins[entry.login];
                let uses = login.uses.expectation(self.promises.idle, call);
                let slack_ms = self.promises.expiry_slack_ms;
                match entry.history.expectation(slack_ms, call).and(uses) {
                    Expectation::MustAccept if login.lost => Expectation::Either(Window::Crash),
                    expected => expected,
                }
            })
    }

    /// Judges what came of presenting `credential` in `call`.
    #[must_use]
    pub fn judge(&self, credential: CredentialNo, call: Span, seen: &Observed) -> Judgement {
        let expected = self.expectation(credential, call);
        let window = match expected {
            Expectation::Either(window) => Some(window),
            _ => None,
        };
        let entry = self.entries.get(credential.0);
        let crash = window == Some(Window::Crash);
        let as_before = |wrong| {
            let without = entry.map(|entry| self.without_crash(entry, call));
            Judgement::Upheld(window.filter(|_| without == Some(wrong)))
        };
        match (expected, seen) {
            (_, Observed::NoJudgement) => Judgement::Upheld(None),
            (Expectation::MustAccept, Observed::Refused) => Judgement::RefusedGood,
            (_, Observed::Refused) if crash => as_before(Expectation::MustAccept),
            (_, Observed::Refused) => {
                Judgement::Upheld(window.filter(|window| *window == Window::Idle))
            }
            (Expectation::MustRefuse, Observed::Accepted { .. }) => Judgement::AcceptedDead,
            (_, Observed::Accepted { subject, roles }) => match entry {
                Some(entry) if self.logins[entry.login].subject == *subject => {
                    let seen = if crash {
                        as_before(Expectation::MustRefuse)
                    } else {
                        Judgement::Upheld(window.filter(|window| *window != Window::Idle))
                    };
                    match roles {
                        None => seen,
                        Some(roles) => self.judge_roles(entry, call, roles, seen),
                    }
                }
                _ => Judgement::WrongSubject,
            },
        }
    }

    /// As [`Ledger::judge`], and learns from what was seen: an acceptance is a
    /// use, a call without an answer may be one, and a login that is refused
    /// as idle stays so.
    pub fn observe(&mut self, credential: CredentialNo, call: Span, seen: &Observed) -> Judgement {
        let judgement = self.judge(credential, call, seen);
        if let Some(login) = self.login_mut(credential) {
            match seen {
                Observed::Accepted { .. } => login.uses.add(call, true),
                Observed::NoJudgement => login.uses.add(call, false),
                Observed::Refused => {
                    if judgement == Judgement::Upheld(Some(Window::Idle)) {
                        login.uses.lapse(call);
                    }
                }
            }
        }
        judgement
    }

    /// What must happen if a crash took nothing.
    fn without_crash(&self, entry: &Entry, call: Span) -> Expectation {
        let uses = &self.logins[entry.login].uses;
        let history = entry.before_crash.as_ref().unwrap_or(&entry.history);
        history
            .expectation(self.promises.expiry_slack_ms, call)
            .and(uses.expectation(self.promises.idle, call))
    }

    fn judge_roles(
        &self,
        entry: &Entry,
        call: Span,
        seen: &Roles,
        otherwise: Judgement,
    ) -> Judgement {
        let expiry: Ns = entry.history.expires_at.into();
        let (at_issue, issued) = &entry.roles;
        let mut possible = vec![at_issue];
        let mut newest = at_issue;
        let login = &self.logins[entry.login];
        for (subject, roles, change) in &self.role_changes {
            // A change that had been made before the issue is part of the
            // roles then; one that begins after the call is the future.
            let past = change.span.before(issued) && change.acknowledged;
            if *subject != login.subject || past || change.span.start > call.end {
                continue;
            }
            let due = change.deadline(self.promises.role_change, expiry) <= call.start;
            if due && change.acknowledged && !login.lost {
                possible.clear();
            }
            if change.acknowledged && change.span.before(&call) {
                newest = roles;
            }
            possible.push(roles);
        }
        if !possible.contains(&seen) {
            Judgement::WrongRoles
        } else if seen == newest {
            otherwise
        } else {
            Judgement::UpheldWithOldRoles
        }
    }
}
