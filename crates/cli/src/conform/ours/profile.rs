//! What a recipe and its guarantees are in the words of a target profile:
//! nothing is typed by hand that can be computed.

use std::collections::BTreeMap;

use anyhow::Result;
use authbench_catalog::Recipe;
use authbench_catalog::registry::{Scheme, Store};
use authbench_core::{
    Durability, Guarantees, LimitPolicy, Listing, OutageBehaviour, RefreshOffer, Staleness,
};
use authbench_wire::profile::{
    Carrier, CsrfDefence, FailMode, Family, GraceMode, Keys, Overflow, Policy, Profile,
};
use authbench_wire::{Operation, Transport};

use super::fleet::SWEEP_EVERY_MS;
use crate::commands::serve::Ready;
use crate::run::library;
use crate::run::served::pattern;

/// Milliseconds within which a request ends while the store is broken: the
/// longest wait for a connection and an answer that a store's settings have by
/// default, twice.
const OUTAGE_ANSWER_MS: u64 = 20_000;

/// The profile of the servers at `origins`, which serve `recipe`.
pub(super) fn of(
    recipe: &Recipe,
    ready: &Ready,
    keys: Keys,
    origins: &[String],
    accounts: u32,
) -> Result<Profile> {
    let mut profile = library::target(&format!("authbench-{}", recipe.transport.label()))?;
    let promised = ready.guarantees;
    profile.name.clone_from(&recipe.name);
    profile.base_url = origins.first().cloned();
    profile.replicas = origins.iter().skip(1).cloned().collect();
    profile.guarantees = promised;
    profile.users.pattern = Some(pattern("user-{n}", "acct-{n}", accounts));
    if let (Transport::Cookie(cookie), Carrier::Cookie { name }) =
        (&recipe.transport, &mut profile.carrier)
    {
        cookie.name().clone_into(name);
    }
    profile.families = families(recipe);
    profile.policy = policy(recipe, &promised);
    profile.keys = keys;
    leave_out(&mut profile, &promised);
    Ok(profile)
}

/// Moves what this strategy does not have to what is absent.
fn leave_out(profile: &mut Profile, promised: &Guarantees) {
    let mut absent = |operation, reason: &str| {
        if profile.operations.remove(&operation).is_some() {
            profile.absent.insert(operation, reason.to_owned());
        }
    };
    match promised.refresh {
        RefreshOffer::None => {
            absent(Operation::Refresh, "the strategy renews nothing");
            absent(Operation::Revoke, "there are no refresh tokens");
        }
        RefreshOffer::SwapsAccess => absent(Operation::Revoke, "there are no refresh tokens"),
        RefreshOffer::RotatingKillsFamily { .. } => {}
    }
    if promised.listing == Listing::NotKept {
        let reason = "nobody remembers which logins there are";
        absent(Operation::Sessions, reason);
        absent(Operation::EndSession, reason);
    }
    if !matches!(promised.refresh, RefreshOffer::RotatingKillsFamily { .. }) {
        profile.refresh = None;
    }
}

/// Of which kinds the strategy is.
fn families(recipe: &Recipe) -> Vec<Family> {
    let own = match &recipe.scheme {
        Scheme::Session(_) | Scheme::Introspection(_) => return vec![Family::Session],
        Scheme::SealedCookie(_) => return vec![Family::Sealed],
        Scheme::Biscuit(_) | Scheme::Jwt(_) | Scheme::Paseto(_) => Family::Jwt,
        Scheme::JwtDenylist(_) | Scheme::JwtEpoch(_) => Family::Denylist,
        Scheme::JwtRefresh(_) => Family::Refresh,
    };
    match recipe.transport {
        Transport::Cookie(_) => vec![own, Family::Hybrid],
        Transport::Bearer => vec![own],
    }
}

/// What the strategy is held to.
fn policy(recipe: &Recipe, promised: &Guarantees) -> Policy {
    let lifetime_ms = promised.lifetime_ms;
    let within = |staleness| match staleness {
        Staleness::Immediate => 0,
        Staleness::WithinMs(ms) => ms,
        Staleness::UntilExpiry => lifetime_ms + promised.expiry_slack_ms,
    };
    let terms = Terms::of(&recipe.scheme);
    let mut policy = Policy {
        idle_ms: promised.idle.map(|idle| idle.timeout_ms),
        absolute_ms: Some(lifetime_ms),
        access_ttl_ms: Some(lifetime_ms),
        skew_ms: Some(promised.expiry_slack_ms.max(terms.skew_ms)),
        revoke_max_ms: Some(within(promised.revoke_one.max(promised.revoke_all))),
        priv_max_ms: Some(within(promised.role_change)),
        fail_mode: Some(match promised.outage {
            OutageBehaviour::Unaffected => FailMode::Unaffected,
            OutageBehaviour::FailsClosed => FailMode::Closed,
            OutageBehaviour::Coasts => FailMode::Coasts,
            OutageBehaviour::FailsOpen => FailMode::Open,
        }),
        outage_answer_ms: recipe.storage.is_some().then_some(OUTAGE_ANSWER_MS),
        sessions_max: promised.login_limit.map(|limit| limit.logins_max),
        overflow: promised.login_limit.map(|limit| match limit.policy {
            LimitPolicy::Reject => Overflow::Reject,
            LimitPolicy::Evict => Overflow::Evict,
        }),
        issuer: terms.issuer,
        audience: terms.audience,
        future_iat_refused: terms.is_jwt,
        purge_ms: purge_ms(recipe),
        durable: match promised.durability {
            Durability::Stateless => None,
            Durability::Disk | Durability::ProcessCrash => Some(true),
            Durability::None => Some(false),
        },
        declared: declared(recipe),
        ..Policy::default()
    };
    if recipe.transport.is_ambient() {
        policy.csrf = vec![CsrfDefence::FetchMetadata, CsrfDefence::Origin];
    }
    match promised.refresh {
        RefreshOffer::None => {}
        // The old spelling is refused from the acknowledgement on.
        RefreshOffer::SwapsAccess => policy.renewal_grace_ms = Some(0),
        RefreshOffer::RotatingKillsFamily { grace_ms, chain_ms } => {
            policy.absolute_ms = Some(chain_ms);
            policy.refresh_ttl_ms = Some(chain_ms);
            // Used or not, it ends with its chain.
            policy.refresh_idle_ms = Some(chain_ms);
            policy.rotation = Some(true);
            policy.grace_ms = Some(grace_ms);
            policy.grace_mode = Some(match grace_ms {
                0 => GraceMode::None,
                _ => GraceMode::ReplaySuccessor,
            });
        }
    }
    policy
}

/// The weaknesses that our strategies have by design, each under the check that
/// finds it.
fn declared(recipe: &Recipe) -> BTreeMap<String, String> {
    let mut declared = BTreeMap::from([(
        "PRIVILEGE-006".to_owned(),
        "the reference server bounds concurrent password hashing only; slowing guesses is left to \
         what stands in front of it"
            .to_owned(),
    )]);
    if matches!(recipe.scheme, Scheme::JwtDenylist(_)) {
        declared.insert(
            "FAULT-008".to_owned(),
            "a denylist that loses its records does not notice: what was revoked is accepted until \
             it expires, so keep it in a store that neither evicts nor forgets"
                .to_owned(),
        );
    }
    let believes_the_token = matches!(
        recipe.scheme,
        Scheme::Jwt(_) | Scheme::JwtDenylist(_) | Scheme::JwtRefresh(_)
    );
    if believes_the_token {
        declared.insert(
            "PRIVILEGE-005".to_owned(),
            "the subject of a token that is rightly signed is believed without asking for the \
             account: only who holds the signing key can name one"
                .to_owned(),
        );
    }
    declared
}

/// When an expired record has left the store; none where there is none, for
/// Redis, which forgets by its own clock, that no lab steps, and for epochs,
/// of which each account keeps one.
fn purge_ms(recipe: &Recipe) -> Option<u64> {
    if matches!(recipe.scheme, Scheme::JwtEpoch(_)) {
        return None;
    }
    match recipe.store()? {
        Store::Redis(_) => None,
        Store::Memory(_) | Store::Mysql(_) | Store::Postgres(_) | Store::Sqlite(_) => {
            Some(4 * SWEEP_EVERY_MS)
        }
    }
}

/// What a scheme's tokens say of themselves, and what is tolerated.
#[derive(Default)]
struct Terms {
    skew_ms: u64,
    issuer: Option<String>,
    audience: Option<String>,
    is_jwt: bool,
}

impl Terms {
    fn of(scheme: &Scheme) -> Self {
        let token = match scheme {
            Scheme::Jwt(token) => token,
            Scheme::JwtDenylist(choice) => &choice.token,
            Scheme::JwtEpoch(choice) => &choice.token,
            Scheme::JwtRefresh(choice) => &choice.token,
            Scheme::Biscuit(token) => return Self::skewed(token.skew_ms),
            Scheme::Paseto(token) => return Self::skewed(token.skew_ms),
            Scheme::SealedCookie(settings) => return Self::skewed(settings.skew_ms),
            Scheme::Session(_) | Scheme::Introspection(_) => return Self::default(),
        };
        Self {
            skew_ms: token.skew_ms,
            issuer: Some(token.issuer.clone()),
            audience: Some(token.audience.clone()),
            is_jwt: true,
        }
    }

    fn skewed(skew_ms: u64) -> Self {
        Self {
            skew_ms,
            ..Self::default()
        }
    }
}
