//! The laws by name.

use std::fmt;

use authbench_core::{Durability, Guarantees, OutageBehaviour, RefreshOffer, Staleness};
use serde::{Serialize, Serializer};

/// A law that every strategy must obey under the guarantees that it declares.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Law {
    /// A credential whose end was acknowledged is refused from the promised
    /// instant on (`Guarantees::revoke_one`; ASVS 5.0 7.4.1).
    RevokeOne,
    /// The same for "everything of a subject" and "all others"
    /// (`Guarantees::revoke_all`; ASVS 5.0 7.4.2, 7.4.3).
    RevokeAll,
    /// New roles are seen from the promised instant on, and no roles that the
    /// subject never had (`Guarantees::role_change`; ASVS 5.0 8.3.2).
    RoleChange,
    /// `at >= expires_at` (and the promised slack) refuses (RFC 7519 4.1.4),
    /// and nothing is renewed after the end of the chain.
    Expiry,
    /// A credential ends no later than promised, and not before it begins
    /// (`Guarantees::lifetime_ms`).
    Lifetime,
    /// A login that nobody uses ends when promised, for good, and no earlier
    /// (`Guarantees::idle`; ASVS 5.0 7.3.1).
    Idle,
    /// No more logins work at once than promised: one more is refused, or ends
    /// the oldest, and no other (`Guarantees::login_limit`; ASVS 5.0 7.1.2).
    LoginLimit,
    /// The list is that of the logins that work, in ascending order
    /// (`Guarantees::listing`; ASVS 5.0 7.5.2).
    Listing,
    /// A cut store has the promised effect (`Guarantees::outage`; ASVS 5.0
    /// 16.5.3).
    Outage,
    /// What was acknowledged before a crash holds after it, as far as promised
    /// (`Guarantees::durability`).
    Durability,
    /// What is offered renews, for the same login, and what is not offered is
    /// answered as not offered (`Guarantees::refresh`).
    Refresh,
    /// A spent refresh token renews nothing, but is answered with the same
    /// successor within its grace; otherwise it ends the family (RFC 9700
    /// 4.14.2).
    Reuse,
    /// Of a credential and that for which it was swapped only the newer works
    /// (`RefreshOffer::SwapsAccess`).
    Swap,
    /// Whoever renews looks at the account again: barred accounts, and logins
    /// from before a new password, get nothing (ASVS 5.0 7.4.2, 7.4.3).
    Account,
    /// A credential outlives a change of keys.
    Keys,
    /// A good credential is accepted; a revocation ends nobody else's login.
    Acceptance,
    /// Whoever is accepted is who logged in: subject, login and expiry.
    Identity,
    /// A receipt names an instant that the guarantee allows, and from it on
    /// every node acts on the change.
    Receipt,
    /// No credential and no login handle is given out twice (ASVS 5.0 7.2.4).
    Freshness,
    /// A credential with any change in its text, or in the place of one of
    /// another kind, is refused (ASVS 5.0 7.2.1, 9.2.2).
    Integrity,
    /// A change of roles brings no dead credential back to life.
    Revival,
    /// Without an outage there is no error.
    Availability,
    /// Every node of a backing promises the same, at all times.
    Constancy,
}

impl Law {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::RevokeOne,
        Self::RevokeAll,
        Self::RoleChange,
        Self::Expiry,
        Self::Lifetime,
        Self::Idle,
        Self::LoginLimit,
        Self::Listing,
        Self::Outage,
        Self::Durability,
        Self::Refresh,
        Self::Reuse,
        Self::Swap,
        Self::Account,
        Self::Keys,
        Self::Acceptance,
        Self::Identity,
        Self::Receipt,
        Self::Freshness,
        Self::Integrity,
        Self::Revival,
        Self::Availability,
        Self::Constancy,
    ];

    /// The name in reports.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::RevokeOne => "revoke-one",
            Self::RevokeAll => "revoke-all",
            Self::RoleChange => "role-change",
            Self::Expiry => "expiry",
            Self::Lifetime => "lifetime",
            Self::Idle => "idle",
            Self::LoginLimit => "login-limit",
            Self::Listing => "listing",
            Self::Outage => "outage",
            Self::Durability => "durability",
            Self::Refresh => "refresh",
            Self::Reuse => "reuse",
            Self::Swap => "swap",
            Self::Account => "account",
            Self::Keys => "keys",
            Self::Acceptance => "acceptance",
            Self::Identity => "identity",
            Self::Receipt => "receipt",
            Self::Freshness => "freshness",
            Self::Integrity => "integrity",
            Self::Revival => "revival",
            Self::Availability => "availability",
            Self::Constancy => "constancy",
        }
    }

    /// Whether these promises say anything that the law is about. Whether
    /// there are keys, they do not tell: see
    /// [`Verdict::NotPromised`](super::Verdict::NotPromised).
    #[must_use]
    pub const fn applies(self, promises: &Guarantees) -> bool {
        let rotates = matches!(promises.refresh, RefreshOffer::RotatingKillsFamily { .. });
        match self {
            Self::Idle => promises.idle.is_some(),
            Self::LoginLimit => promises.login_limit.is_some(),
            Self::Reuse | Self::Account => rotates,
            Self::Swap => matches!(promises.refresh, RefreshOffer::SwapsAccess),
            _ => true,
        }
    }

    /// Whether the law leaves room under these promises, so that it must be
    /// witnessed that the room is used: a delay, slack, grace or early end
    /// above zero, acceptance during an outage, or loss in a crash.
    #[must_use]
    pub fn leaves_room(self, promises: &Guarantees) -> bool {
        let delayed =
            |staleness| !matches!(staleness, Staleness::Immediate | Staleness::WithinMs(0));
        match self {
            Self::RevokeOne => delayed(promises.revoke_one),
            Self::RevokeAll => delayed(promises.revoke_all),
            Self::RoleChange => delayed(promises.role_change),
            Self::Expiry => promises.expiry_slack_ms > 0,
            // A use one millisecond after a written one cannot be told from it.
            Self::Idle => promises.idle.is_some_and(|idle| idle.early_ms > 1),
            Self::Outage => promises.outage != OutageBehaviour::FailsClosed,
            Self::Durability => promises.durability == Durability::None,
            Self::Reuse => matches!(
                promises.refresh,
                RefreshOffer::RotatingKillsFamily { grace_ms: 1.., .. }
            ),
            _ => false,
        }
    }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

impl Serialize for Law {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.label())
    }
}
