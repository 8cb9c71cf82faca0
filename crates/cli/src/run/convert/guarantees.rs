//! What a strategy promises, in the result file's words.

use authbench_core::Guarantees;
use authbench_results as results;

/// The file form of `own`.
pub(super) fn guarantees(own: &Guarantees) -> results::Guarantees {
    let Guarantees {
        revoke_one,
        revoke_all,
        role_change,
        lifetime_ms,
        expiry_slack_ms,
        refresh,
        idle,
        login_limit,
        listing,
        outage,
        durability,
    } = *own;
    results::Guarantees {
        revoke_one: staleness(revoke_one),
        revoke_all: staleness(revoke_all),
        role_change: staleness(role_change),
        lifetime_ms,
        expiry_slack_ms,
        refresh: match refresh {
            authbench_core::RefreshOffer::None => results::RefreshOffer::None,
            authbench_core::RefreshOffer::RotatingKillsFamily { grace_ms, chain_ms } => {
                results::RefreshOffer::RotatingKillsFamily { grace_ms, chain_ms }
            }
            authbench_core::RefreshOffer::SwapsAccess => results::RefreshOffer::SwapsAccess,
        },
        idle: idle.map(|idle| results::IdlePromise {
            timeout_ms: idle.timeout_ms,
            early_ms: idle.early_ms,
        }),
        login_limit: login_limit.map(|limit| results::LoginLimit {
            logins_max: limit.logins_max,
            policy: match limit.policy {
                authbench_core::LimitPolicy::Reject => results::LimitPolicy::Reject,
                authbench_core::LimitPolicy::Evict => results::LimitPolicy::Evict,
            },
        }),
        listing: match listing {
            authbench_core::Listing::Exact => results::Listing::Exact,
            authbench_core::Listing::NotKept => results::Listing::NotKept,
        },
        outage: match outage {
            authbench_core::OutageBehaviour::Unaffected => results::OutageBehaviour::Unaffected,
            authbench_core::OutageBehaviour::FailsClosed => results::OutageBehaviour::FailsClosed,
            authbench_core::OutageBehaviour::Coasts => results::OutageBehaviour::Coasts,
            authbench_core::OutageBehaviour::FailsOpen => results::OutageBehaviour::FailsOpen,
        },
        durability: match durability {
            authbench_core::Durability::Stateless => results::Durability::Stateless,
            authbench_core::Durability::Disk => results::Durability::Disk,
            authbench_core::Durability::ProcessCrash => results::Durability::ProcessCrash,
            authbench_core::Durability::None => results::Durability::None,
        },
    }
}

fn staleness(own: authbench_core::Staleness) -> results::Staleness {
    match own {
        authbench_core::Staleness::Immediate => results::Staleness::Immediate,
        authbench_core::Staleness::WithinMs(ms) => results::Staleness::WithinMs(ms),
        authbench_core::Staleness::UntilExpiry => results::Staleness::UntilExpiry,
    }
}
