//! What a strategy promises, as data. A whole's promise is computed from its
//! parts, never typed by hand; the oracle tests it in both directions.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How long a change (a revocation, a new role) may go unseen by some replica,
/// strongest first. A whole promises the `max` of its parts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Staleness {
    /// Seen by every request that begins after the acknowledgement.
    Immediate,
    /// Seen by every request that begins this many milliseconds after the
    /// acknowledgement.
    WithinMs(u64),
    /// Seen when the credential expires by itself.
    UntilExpiry,
}

impl fmt::Display for Staleness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Immediate => f.write_str("immediate"),
            Self::WithinMs(ms) => write!(f, "within {ms} ms"),
            Self::UntilExpiry => f.write_str("at expiry"),
        }
    }
}

/// What survives, strongest first.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// There is nothing to lose: no state is kept.
    Stateless,
    /// An acknowledged change survives loss of power.
    Disk,
    /// An acknowledged change survives a crash of the process, but the last
    /// ones may be lost with the power.
    ProcessCrash,
    /// All is lost when the process ends.
    None,
}

/// What happens to requests while the store cannot be reached, strongest
/// first.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutageBehaviour {
    /// No store is asked, so none can fail.
    Unaffected,
    /// Nobody is accepted (ASVS 5.0 16.5.3).
    FailsClosed,
    /// Whoever a cache knows is accepted for as long as the promised staleness
    /// allows without an outage, and nobody else: a revoked credential no
    /// longer than that, either.
    Coasts,
    /// Revoked credentials may pass.
    FailsOpen,
}

/// Whether, and how, credentials can be renewed without logging in.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefreshOffer {
    /// Not at all.
    None,
    /// The refresh token is swapped for a new one and a new access credential.
    /// A spent refresh token ends the whole family, that is the login: nothing
    /// of it is renewed any more (RFC 9700 4.14.2). Only the predecessor of the
    /// newest one, presented less than `grace_ms` after its use, is answered
    /// with that same successor again; 0 means never. Older access credentials
    /// of the login live on until they expire.
    RotatingKillsFamily {
        /// Milliseconds for which a spent token is still answered.
        grace_ms: u64,
        /// Milliseconds from login to the end of all renewal.
        chain_ms: u64,
    },
    /// The access credential is swapped for one of another spelling, for the
    /// same login and with the same expiry; the old one is refused from the
    /// acknowledgement on as after a revocation.
    SwapsAccess,
}

/// What a login over the limit meets (ASVS 5.0 7.1.2).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitPolicy {
    /// The new login is refused.
    Reject,
    /// The oldest logins end, as if revoked.
    Evict,
}

/// How many logins a subject may have at once.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LoginLimit {
    /// The most that work at once; at least 1.
    pub logins_max: u32,
    /// What becomes of one more.
    pub policy: LimitPolicy,
}

/// The end of a login that nobody uses (ASVS 5.0 7.3.1).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IdlePromise {
    /// Refused for good from this many milliseconds after the latest use (or
    /// the login) on.
    pub timeout_ms: u64,
    /// Milliseconds by which that may come early, because not every use is
    /// written down.
    pub early_ms: u64,
}

/// Whether a subject's logins can be listed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Listing {
    /// The list equals the set of logins that work (ASVS 5.0 7.5.2).
    Exact,
    /// Nobody remembers which logins there are.
    NotKept,
}

/// Everything that a strategy promises.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Guarantees {
    /// How long an ended login may still be accepted.
    pub revoke_one: Staleness,
    /// The same after "log out everywhere".
    pub revoke_all: Staleness,
    /// How long old roles may still be seen (ASVS 5.0 8.3.2).
    pub role_change: Staleness,
    /// Milliseconds from issue to expiry, at most.
    pub lifetime_ms: u64,
    /// Milliseconds after `expires_at` for which a credential may still pass.
    pub expiry_slack_ms: u64,
    /// Renewal of credentials.
    pub refresh: RefreshOffer,
    /// The end of logins that are not used; none if use does not matter.
    pub idle: Option<IdlePromise>,
    /// The most logins of one subject; none if there is no limit.
    pub login_limit: Option<LoginLimit>,
    /// Whether logins can be listed.
    pub listing: Listing,
    /// Behaviour while the store is out of reach.
    pub outage: OutageBehaviour,
    /// What happens to logins and revocations in a crash.
    pub durability: Durability,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_is_as_weak_as_its_weakest_part() {
        use Staleness::{Immediate, UntilExpiry, WithinMs};
        assert_eq!(Immediate.max(WithinMs(5)), WithinMs(5));
        assert_eq!(WithinMs(9).max(WithinMs(5)), WithinMs(9));
        assert_eq!(UntilExpiry.max(WithinMs(u64::MAX)), UntilExpiry);
    }
}
