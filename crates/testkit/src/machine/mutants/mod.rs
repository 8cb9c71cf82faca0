//! A small honest strategy, some honest others, and the same broken in one way
//! each. They exist to try the machine, not to be fast or secure.

mod login;
mod node;
mod renewal;
mod sketch;

use authbench_core::{
    Durability, Guarantees, IdlePromise, LimitPolicy, Listing, LoginLimit, OutageBehaviour,
    RefreshOffer, Staleness,
};

use super::law::Law;
pub(super) use sketch::Sketch;

const LIFETIME_MS: u64 = 60_000;
const CACHE_MS: u64 = 5_000;
const SLACK_MS: u64 = 100;
const IDLE_MS: u64 = 20_000;
const TOUCH_MS: u64 = 1_000;
const LOGINS_MAX: u32 = 2;
const GRACE_MS: u64 = 5_000;
const CHAIN_MS: u64 = 200_000;

/// What the strategy is, and in which way it differs from the honest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Variant {
    /// Honest, every promise at its strongest.
    Session,
    /// Honest: nodes remember what they read for a while, and say so.
    Cached,
    /// Honest: the same, and they go on so while the store is cut off.
    Coasting,
    /// Honest: no state, so nothing can be ended.
    Stateless,
    /// Honest: expiry has slack, and in an outage the nodes rely on memory.
    Lax,
    /// Honest: unused sessions end, a little early now and then.
    Idle,
    /// Honest: two logins, no more.
    Rejecting,
    /// Honest: two logins, the newest.
    Evicting,
    /// Honest: sessions change their names.
    Swapping,
    /// Honest: rotating refresh tokens over stateless access, with grace.
    Family,
    /// Honest: the same without grace.
    Strict,
    /// Honest: a crash takes nothing.
    Durable,
    /// Honest: a crash takes the list of revoked sessions, and nothing else.
    Forgetful,
    AcceptsAtExpiry,
    AcceptsSpentTokens,
    AccessRenews,
    AnswersFromCacheInOutage,
    CachesSilently,
    ChainsItsGrace,
    ChangeOfRolesRevives,
    ClaimsUntilExpiry,
    CoastsForEver,
    CountsTheDead,
    CrashTakesLogins,
    CrashTakesRevocations,
    EndsTheLoginsOfOthers,
    ErrsNowAndThen,
    EvictsNobody,
    EvictsTheNewest,
    ForgetsToListTheFirst,
    GraceIsTooLong,
    GraceOutlivesLogout,
    GrantsOneMore,
    IdlesEarly,
    IdlesLate,
    IgnoresLogout,
    IgnoresTheAccount,
    KeepsOldRoles,
    KeepsTheFamily,
    KillsTheLoser,
    LivesLonger,
    LooksUpByPrefix,
    OffersRefresh,
    PromisesByNode,
    ReadsOutageAsRefusal,
    ReceiptTooEarly,
    ReceiptTooLate,
    RefreshKeepsRoles,
    RefreshOpens,
    RefusesTheNewest,
    RejectsOneEarly,
    RenewsAfterLogout,
    RepeatsIdentifiers,
    RestartsTheChain,
    RetiresKeysAtOnce,
    RevokeAllMissesTheOtherNode,
    SaysSomebodyElse,
    SwapKeepsTheOld,
    SwapsForTwo,
    TouchRevives,
    TwoSuccessors,
}

/// Each mutant and the laws that it breaks.
pub(super) const MUTANTS: [(Variant, &[Law]); 46] = [
    (Variant::AcceptsAtExpiry, &[Law::Expiry]),
    (Variant::AcceptsSpentTokens, &[Law::Reuse]),
    (Variant::AccessRenews, &[Law::Integrity]),
    (Variant::AnswersFromCacheInOutage, &[Law::Outage]),
    (
        Variant::CachesSilently,
        &[Law::RevokeOne, Law::RevokeAll, Law::RoleChange],
    ),
    (Variant::ChainsItsGrace, &[Law::Reuse]),
    (Variant::CoastsForEver, &[Law::Outage]),
    (Variant::CountsTheDead, &[Law::LoginLimit]),
    (Variant::CrashTakesLogins, &[Law::Durability]),
    (Variant::CrashTakesRevocations, &[Law::Durability]),
    (Variant::EndsTheLoginsOfOthers, &[Law::Acceptance]),
    (Variant::ErrsNowAndThen, &[Law::Availability]),
    (Variant::EvictsNobody, &[Law::LoginLimit]),
    (Variant::EvictsTheNewest, &[Law::LoginLimit]),
    (Variant::ForgetsToListTheFirst, &[Law::Listing]),
    (Variant::GraceIsTooLong, &[Law::Reuse]),
    (
        Variant::GraceOutlivesLogout,
        &[Law::RevokeOne, Law::RevokeAll],
    ),
    (Variant::GrantsOneMore, &[Law::LoginLimit]),
    (Variant::IdlesEarly, &[Law::Idle]),
    (Variant::IdlesLate, &[Law::Idle]),
    (Variant::IgnoresLogout, &[Law::RevokeOne]),
    (Variant::IgnoresTheAccount, &[Law::Account]),
    (Variant::KeepsOldRoles, &[Law::RoleChange]),
    (Variant::KeepsTheFamily, &[Law::Reuse]),
    (Variant::KillsTheLoser, &[Law::Refresh]),
    (Variant::LivesLonger, &[Law::Lifetime]),
    (Variant::LooksUpByPrefix, &[Law::Integrity]),
    (Variant::OffersRefresh, &[Law::Refresh]),
    (Variant::PromisesByNode, &[Law::Constancy]),
    (Variant::ReadsOutageAsRefusal, &[Law::Acceptance]),
    (Variant::ReceiptTooEarly, &[Law::Receipt]),
    (Variant::ReceiptTooLate, &[Law::Receipt]),
    (Variant::RefreshKeepsRoles, &[Law::RoleChange]),
    (Variant::RefreshOpens, &[Law::Integrity]),
    (Variant::RefusesTheNewest, &[Law::Refresh]),
    (Variant::RejectsOneEarly, &[Law::LoginLimit]),
    (
        Variant::RenewsAfterLogout,
        &[Law::RevokeOne, Law::RevokeAll],
    ),
    (Variant::RepeatsIdentifiers, &[Law::Freshness]),
    (Variant::RestartsTheChain, &[Law::Expiry]),
    (Variant::RetiresKeysAtOnce, &[Law::Keys]),
    (Variant::RevokeAllMissesTheOtherNode, &[Law::RevokeAll]),
    (Variant::SaysSomebodyElse, &[Law::Identity]),
    (Variant::SwapKeepsTheOld, &[Law::Swap]),
    (Variant::SwapsForTwo, &[Law::Swap]),
    (Variant::TouchRevives, &[Law::Idle]),
    (Variant::TwoSuccessors, &[Law::Reuse]),
];

impl Variant {
    /// The honest strategies.
    pub(super) const HONEST: [Self; 13] = [
        Self::Session,
        Self::Cached,
        Self::Coasting,
        Self::Stateless,
        Self::Lax,
        Self::Idle,
        Self::Rejecting,
        Self::Evicting,
        Self::Swapping,
        Self::Family,
        Self::Strict,
        Self::Durable,
        Self::Forgetful,
    ];

    /// The honest strategy that a mutant claims to be.
    fn base(self) -> Self {
        match self {
            honest if Self::HONEST.contains(&honest) => honest,
            Self::ReceiptTooEarly => Self::Stateless,
            Self::AnswersFromCacheInOutage => Self::Lax,
            Self::CoastsForEver => Self::Coasting,
            Self::CrashTakesLogins | Self::CrashTakesRevocations => Self::Durable,
            Self::IdlesEarly | Self::IdlesLate | Self::TouchRevives => Self::Idle,
            Self::CountsTheDead | Self::GrantsOneMore | Self::RejectsOneEarly => Self::Rejecting,
            Self::EvictsNobody | Self::EvictsTheNewest => Self::Evicting,
            Self::SwapKeepsTheOld | Self::SwapsForTwo => Self::Swapping,
            Self::AccessRenews
            | Self::ChainsItsGrace
            | Self::GraceIsTooLong
            | Self::GraceOutlivesLogout
            | Self::IgnoresTheAccount
            | Self::KillsTheLoser
            | Self::RefreshKeepsRoles
            | Self::RefreshOpens
            | Self::RefusesTheNewest
            | Self::RestartsTheChain
            | Self::TwoSuccessors => Self::Family,
            Self::AcceptsSpentTokens | Self::KeepsTheFamily | Self::RenewsAfterLogout => {
                Self::Strict
            }
            _ => Self::Session,
        }
    }

    /// Whether refresh tokens renew logins, and access asks no store.
    fn rotates(self) -> bool {
        matches!(self.base(), Self::Family | Self::Strict)
    }

    /// Whether access credentials are judged without the store.
    fn is_stateless(self) -> bool {
        self.rotates() || self.base() == Self::Stateless
    }

    fn caches(self) -> bool {
        let honest = matches!(self.base(), Self::Cached | Self::Coasting);
        honest || self == Self::CachesSilently
    }

    fn guarantees(self, node: usize) -> Guarantees {
        let base = self.base();
        let staleness = match base {
            Self::Cached | Self::Coasting => Staleness::WithinMs(CACHE_MS),
            _ if self.is_stateless() => Staleness::UntilExpiry,
            _ => Staleness::Immediate,
        };
        let limit = |policy| {
            Some(LoginLimit {
                logins_max: LOGINS_MAX,
                policy,
            })
        };
        Guarantees {
            revoke_one: if self == Self::ClaimsUntilExpiry {
                Staleness::UntilExpiry
            } else {
                staleness
            },
            revoke_all: staleness,
            role_change: staleness,
            lifetime_ms: LIFETIME_MS + u64::from(self == Self::PromisesByNode && node % 2 == 1),
            expiry_slack_ms: if base == Self::Lax { SLACK_MS } else { 0 },
            refresh: match base {
                Self::Swapping => RefreshOffer::SwapsAccess,
                Self::Family => RefreshOffer::RotatingKillsFamily {
                    grace_ms: GRACE_MS,
                    chain_ms: CHAIN_MS,
                },
                Self::Strict => RefreshOffer::RotatingKillsFamily {
                    grace_ms: 0,
                    chain_ms: CHAIN_MS,
                },
                _ => RefreshOffer::None,
            },
            idle: (base == Self::Idle).then_some(IdlePromise {
                timeout_ms: IDLE_MS,
                early_ms: TOUCH_MS,
            }),
            login_limit: match base {
                Self::Rejecting => limit(LimitPolicy::Reject),
                Self::Evicting => limit(LimitPolicy::Evict),
                _ => None,
            },
            listing: if base == Self::Stateless {
                Listing::NotKept
            } else {
                Listing::Exact
            },
            outage: match base {
                // The mutant of the same base claims to fail closed.
                Self::Lax if self == Self::Lax => OutageBehaviour::FailsOpen,
                Self::Coasting => OutageBehaviour::Coasts,
                _ if self.is_stateless() => OutageBehaviour::Unaffected,
                _ => OutageBehaviour::FailsClosed,
            },
            durability: match base {
                Self::Stateless => Durability::Stateless,
                Self::Durable => Durability::ProcessCrash,
                _ => Durability::None,
            },
        }
    }
}
