//! The oracle: a pure model of what must be accepted, what must be refused and
//! what may be either, given a history of operations and the promises.
//!
//! Instants here are nanoseconds ([`Ns`]) on one time line that all calls
//! share, so that a driver can say which of two calls in one millisecond came
//! first. A call occupies a [`Span`] from before it was sent until after its
//! answer came: what happened inside, nobody outside can order. Hence three
//! answers: "either" spans a revocation from its start up to its deadline,
//! the expiry slack, the last part of an idle timeout, and every overlap.
//!
//! [`LoginHistory`] is the life of one credential. The [`Ledger`] keeps a whole
//! history: logins, each with the credentials that renewal gave it, with its
//! uses and its family of refresh tokens.

mod family;
mod judgement;
mod ledger;
mod limit;
mod standing;
mod uses;

use crate::guarantee::Staleness;
use crate::time::UnixMs;

pub use self::family::{RefreshAnswer, RefreshBreach, RefreshUse};
pub use self::judgement::{Judgement, Observed};
pub use self::ledger::{CredentialNo, Ending, Ledger, RefreshCall};
pub use self::standing::Standing;

const NS_PER_MS: u64 = 1_000_000;

/// Nanoseconds since 1970 on the time line of the history.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Ns(pub u64);

impl Ns {
    const fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms.saturating_mul(NS_PER_MS)))
    }

    /// The millisecond in which it lies: whole milliseconds since 1970, rounded
    /// down.
    #[must_use]
    pub const fn whole_ms(self) -> u64 {
        self.0 / NS_PER_MS
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

impl Expectation {
    /// What must happen where both of two things must be so.
    const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::MustRefuse, _) | (_, Self::MustRefuse) => Self::MustRefuse,
            (Self::Either(window), _) | (_, Self::Either(window)) => Self::Either(window),
            (Self::MustAccept, Self::MustAccept) => Self::MustAccept,
        }
    }
}

/// Why both answers are allowed: which promise an acceptance (of an idle
/// credential: a refusal) would witness.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Window {
    /// The call overlaps the issue, the revocation, or an instant of expiry.
    Overlap,
    /// Acceptance shows that an acknowledged revocation takes its time.
    Revocation,
    /// Acceptance shows that expiry has slack.
    ExpirySlack,
    /// A refusal shows that a use is not always written down, so that an idle
    /// login ends early.
    Idle,
    /// A crash may have taken the login, or the revocation of it: whatever
    /// differs from what held without the crash shows that it did.
    Crash,
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

    /// The same life without its revocation.
    const fn unrevoked(&self) -> Self {
        Self::new(self.issued, self.expires_at)
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

#[cfg(test)]
mod tests;
