//! The laws by name.

use std::fmt;

use authbench_core::{Guarantees, OutageBehaviour, Staleness};

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
    /// `at >= expires_at` (and the promised slack) refuses (RFC 7519 4.1.4).
    Expiry,
    /// A credential ends no later than promised, and not before it begins
    /// (`Guarantees::lifetime_ms`).
    Lifetime,
    /// The list is that of the logins that work, in ascending order
    /// (`Guarantees::listing`; ASVS 5.0 7.5.2).
    Listing,
    /// A cut store has the promised effect (`Guarantees::outage`; ASVS 5.0
    /// 16.5.3).
    Outage,
    /// What is not offered is answered as not offered (`Guarantees::refresh`).
    Refresh,
    /// A good credential is accepted; a revocation ends nobody else's login.
    Acceptance,
    /// Whoever is accepted is who logged in: subject, login and expiry.
    Identity,
    /// A receipt names an instant that the guarantee allows, and from it on
    /// every node acts on the change.
    Receipt,
    /// No credential and no login handle is given out twice (ASVS 5.0 7.2.4).
    Freshness,
    /// A credential with any change in its text is refused (ASVS 5.0 7.2.1).
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
    pub const ALL: [Self; 16] = [
        Self::RevokeOne,
        Self::RevokeAll,
        Self::RoleChange,
        Self::Expiry,
        Self::Lifetime,
        Self::Listing,
        Self::Outage,
        Self::Refresh,
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
            Self::Listing => "listing",
            Self::Outage => "outage",
            Self::Refresh => "refresh",
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

    /// Whether the law leaves room under these promises, so that it must be
    /// witnessed that the room is used: a delay or slack above zero, or
    /// acceptance during an outage.
    #[must_use]
    pub fn leaves_room(self, promises: &Guarantees) -> bool {
        let delayed =
            |staleness| !matches!(staleness, Staleness::Immediate | Staleness::WithinMs(0));
        match self {
            Self::RevokeOne => delayed(promises.revoke_one),
            Self::RevokeAll => delayed(promises.revoke_all),
            Self::RoleChange => delayed(promises.role_change),
            Self::Expiry => promises.expiry_slack_ms > 0,
            Self::Outage => promises.outage != OutageBehaviour::FailsClosed,
            _ => false,
        }
    }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}
