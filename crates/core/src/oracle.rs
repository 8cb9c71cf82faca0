//! The oracle: a pure model of what must be accepted, what must be refused and
//! what may be either, given a history of operations and the promises.
//!
//! Instants here are nanoseconds ([`Ns`]) on one time line that all calls
//! share, so that a driver can say which of two calls in one millisecond came
//! first. A call occupies a [`Span`] from before it was sent until after its
//! answer came: what happened inside, nobody outside can order. Hence three
//! answers: "either" spans a revocation from its start up to its deadline,
//! the expiry slack, and every overlap.

use crate::guarantee::{Guarantees, Staleness};
use crate::subject::{Roles, SubjectId};
use crate::time::UnixMs;

/// Nanoseconds since 1970 on the time line of the history.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Ns(pub u64);

impl Ns {
    const fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms.saturating_mul(1_000_000)))
    }
}

impl From<UnixMs> for Ns {
    fn from(at: UnixMs) -> Self {
        Self(0).plus_ms(at.0)
    }
}

/// From just before a call was sent to just after its answer came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Span {
    /// Nothing of the call happened before this.
    pub start: Ns,
    /// All of the call had happened by this.
    pub end: Ns,
}

impl Span {
    /// A call that takes no time, as under a clock that stands still.
    #[must_use]
    pub fn instant(at: UnixMs) -> Self {
        Self {
            start: at.into(),
            end: at.into(),
        }
    }

    /// Whether the whole of `self` came before the whole of `later`. Calls of
    /// one caller that share an instant count as ordered, since one caller
    /// makes one call at a time.
    #[must_use]
    pub fn before(&self, later: &Self) -> bool {
        self.end <= later.start
    }
}

/// A change that was asked for: when, and whether its answer came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Change {
    /// When it was asked for and answered.
    pub span: Span,
    /// Whether it was acknowledged. If not, it may or may not have happened,
    /// at any time from its start on.
    pub acknowledged: bool,
}

impl Change {
    /// The instant from which the change must be seen, if there is one.
    fn deadline(&self, promise: Staleness, expiry: Ns) -> Ns {
        match promise {
            _ if !self.acknowledged => expiry,
            Staleness::Immediate => self.span.end,
            Staleness::WithinMs(ms) => self.span.end.plus_ms(ms).min(expiry),
            Staleness::UntilExpiry => expiry,
        }
    }
}

/// What the oracle expects of one call.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Expectation {
    /// The credential is good: a refusal breaks the promise.
    MustAccept,
    /// The credential is dead: an acceptance breaks the promise.
    MustRefuse,
    /// The promise allows both.
    Either(Window),
}

/// Why both answers are allowed: which promise an acceptance would witness.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Window {
    /// The call overlaps the issue, the revocation, or an instant of expiry.
    Overlap,
    /// Acceptance shows that an acknowledged revocation takes its time.
    Revocation,
    /// Acceptance shows that expiry has slack.
    ExpirySlack,
    /// A revocation without an answer may or may not have happened.
    Unacknowledged,
}

/// The life of one credential: flat, so that a driver may keep one for each of
/// a million users.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LoginHistory {
    /// The call that issued it.
    pub issued: Span,
    /// When it ends by itself.
    pub expires_at: UnixMs,
    /// The first call that was to end it, with the promise for its scope.
    pub revoked: Option<(Change, Staleness)>,
}

impl LoginHistory {
    /// A credential that was issued by `issued` and ends at `expires_at`.
    #[must_use]
    pub const fn new(issued: Span, expires_at: UnixMs) -> Self {
        Self {
            issued,
            expires_at,
            revoked: None,
        }
    }

    /// Records a revocation. Of several the one with the earliest deadline
    /// counts; among those that bind nothing, the first.
    pub fn revoke(&mut self, change: Change, promise: Staleness) {
        // Whatever binds only at the credential's own end (slack included, which
        // is not known here) comes last.
        let expiry = Ns(u64::MAX);
        let earlier = match &self.revoked {
            None => true,
            Some((old, old_promise)) => {
                change.deadline(promise, expiry) < old.deadline(*old_promise, expiry)
            }
        };
        if earlier {
            self.revoked = Some((change, promise));
        }
    }

    /// What must happen to a call that presents this credential.
    #[must_use]
    pub fn expectation(&self, expiry_slack_ms: u64, call: Span) -> Expectation {
        let expiry: Ns = self.expires_at.into();
        let dead = expiry.plus_ms(expiry_slack_ms);
        if call.start >= dead || call.end < self.issued.start {
            return Expectation::MustRefuse;
        }
        if let Some((change, promise)) = &self.revoked {
            if change.deadline(*promise, dead) <= call.start {
                return Expectation::MustRefuse;
            }
            if call.end > change.span.start || change.span.before(&call) {
                return Expectation::Either(if !change.acknowledged {
                    Window::Unacknowledged
                } else if change.span.before(&call) {
                    Window::Revocation
                } else {
                    Window::Overlap
                });
            }
        }
        if call.start >= expiry {
            return Expectation::Either(Window::ExpirySlack);
        }
        if call.end >= expiry || !self.issued.before(&call) {
            return Expectation::Either(Window::Overlap);
        }
        Expectation::MustAccept
    }
}

/// Names a credential in a [`Ledger`]: the position of its issue.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CredentialNo(pub usize);

#[derive(Clone, Debug)]
struct Entry {
    subject: SubjectId,
    roles_at_issue: Roles,
    history: LoginHistory,
}

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
    /// As promised. Names the window when an acceptance made use of one.
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

/// Records what was done and judges what is seen.
#[derive(Clone, Debug)]
pub struct Ledger {
    promises: Guarantees,
    entries: Vec<Entry>,
    role_changes: Vec<(SubjectId, Roles, Change)>,
}

impl Ledger {
    /// An empty history under these promises.
    #[must_use]
    pub const fn new(promises: Guarantees) -> Self {
        Self {
            promises,
            entries: Vec::new(),
            role_changes: Vec::new(),
        }
    }

    /// Records an issue that was answered with a credential; `roles` are what
    /// the issuer was told.
    pub fn issued(
        &mut self,
        subject: &SubjectId,
        roles: &Roles,
        span: Span,
        expires_at: UnixMs,
    ) -> CredentialNo {
        self.entries.push(Entry {
            subject: subject.clone(),
            roles_at_issue: roles.clone(),
            history: LoginHistory::new(span, expires_at),
        });
        CredentialNo(self.entries.len() - 1)
    }

    /// Records the end of one credential's login.
    pub fn revoked_one(&mut self, credential: CredentialNo, change: Change) {
        let promise = self.promises.revoke_one;
        if let Some(entry) = self.entries.get_mut(credential.0) {
            entry.history.revoke(change, promise);
        }
    }

    /// Records the end of everything of `subject`, except `keep`. Credentials
    /// whose issue overlaps may or may not be hit.
    pub fn revoked_all(&mut self, subject: &SubjectId, keep: Option<CredentialNo>, change: Change) {
        let promise = self.promises.revoke_all;
        for (no, entry) in self.entries.iter_mut().enumerate() {
            if entry.subject != *subject || keep == Some(CredentialNo(no)) {
                continue;
            }
            if entry.history.issued.before(&change.span) {
                entry.history.revoke(change, promise);
            } else if entry.history.issued.start < change.span.end {
                entry.history.revoke(
                    Change {
                        acknowledged: false,
                        ..change
                    },
                    promise,
                );
            }
        }
    }

    /// Records that `subject` was given `roles`.
    pub fn roles_changed(&mut self, subject: &SubjectId, roles: &Roles, change: Change) {
        self.role_changes
            .push((subject.clone(), roles.clone(), change));
    }

    /// When `credential` ends by itself.
    #[must_use]
    pub fn expires_at(&self, credential: CredentialNo) -> Option<UnixMs> {
        self.entries
            .get(credential.0)
            .map(|entry| entry.history.expires_at)
    }

    /// What must happen when `credential` is presented in `call`; a number
    /// that was never given out must be refused.
    #[must_use]
    pub fn expectation(&self, credential: CredentialNo, call: Span) -> Expectation {
        self.entries
            .get(credential.0)
            .map_or(Expectation::MustRefuse, |entry| {
                entry
                    .history
                    .expectation(self.promises.expiry_slack_ms, call)
            })
    }

    /// Judges what came of presenting `credential` in `call`.
    #[must_use]
    pub fn judge(&self, credential: CredentialNo, call: Span, seen: &Observed) -> Judgement {
        let expected = self.expectation(credential, call);
        match (expected, seen) {
            (_, Observed::NoJudgement) => Judgement::Upheld(None),
            (Expectation::MustAccept, Observed::Refused) => Judgement::RefusedGood,
            (_, Observed::Refused) => Judgement::Upheld(None),
            (Expectation::MustRefuse, Observed::Accepted { .. }) => Judgement::AcceptedDead,
            (_, Observed::Accepted { subject, roles }) => {
                let entry = &self.entries[credential.0];
                if entry.subject != *subject {
                    return Judgement::WrongSubject;
                }
                let window = match expected {
                    Expectation::Either(window) => Some(window),
                    _ => None,
                };
                match roles {
                    None => Judgement::Upheld(window),
                    Some(roles) => self.judge_roles(entry, call, roles, window),
                }
            }
        }
    }

    fn judge_roles(
        &self,
        entry: &Entry,
        call: Span,
        seen: &Roles,
        window: Option<Window>,
    ) -> Judgement {
        let expiry: Ns = entry.history.expires_at.into();
        let mut possible = vec![&entry.roles_at_issue];
        let mut newest = &entry.roles_at_issue;
        for (subject, roles, change) in &self.role_changes {
            // A change that had been made before the issue is part of
            // `roles_at_issue`; one that begins after the call is the future.
            let past = change.span.before(&entry.history.issued) && change.acknowledged;
            if *subject != entry.subject || past || change.span.start > call.end {
                continue;
            }
            if change.deadline(self.promises.role_change, expiry) <= call.start {
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
            Judgement::Upheld(window)
        } else {
            Judgement::UpheldWithOldRoles
        }
    }
}

#[cfg(test)]
mod tests;
