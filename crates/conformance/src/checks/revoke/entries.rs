//! REVOKE-011: what is denied is remembered for as long as it would live, and
//! not much longer.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::Family;

use super::dead::{Relic, declared_late, everywhere, living};
use crate::check::{Check, Cost, Eye};
use crate::hooks::Door;
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// REVOKE-011.
pub(super) const REVOKE_011: Check = Check {
    id: "REVOKE-011",
    statement: "what denies a token lasts until the token is dead by itself, the leeway included; \
                and it should be gone soon after",
    level: Level::Must,
    severity: Severity::High,
    families: &[Family::Denylist],
    seen_by: &[Eye::Clock, Eye::Store],
    operations: &[Operation::Login, Operation::Logout, Operation::Whoami],
    doors: &[Door::Clock],
    clauses: &["ASVS 5.0 7.4.1", "OWASP JWT"],
    cwe: &[613],
    mend: "Keep an entry until `exp` of its token plus the leeway, not for a time of its own.",
    cost: Cost::Slow,
    run: |trial| Box::pin(run(trial)),
};

/// Revocations whose entries are counted.
const COUNTED: u64 = 12;

/// The longest that a sweep by a timer is waited for, milliseconds.
const SWEEP_MS: u64 = 10_000;

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let policy = trial.policy();
    let ttl_ms = policy.access_ttl_ms;
    let ttl_ms = ttl_ms.ok_or_else(|| Stop::needs("policy.access_ttl_ms"))?;
    let life_ms = ttl_ms + policy.skew_ms.unwrap_or(0);
    lasts(trial, ttl_ms, life_ms).await?;
    trial.settle("gone afterwards", goes(trial, life_ms).await);
    Ok(())
}

/// Looks again and again until the token is dead by itself.
async fn lasts(trial: &Trial<'_>, ttl_ms: u64, life_ms: u64) -> Result<(), Stop> {
    const CASE: &str = "lasts as long as the token";
    let (revoked, untouched) = (trial.login().await?, trial.login().await?);
    trial.control(&revoked).await?;
    trial.done_by(Operation::Logout, &revoked, &[]).await?;
    let relics = [Relic::Access("the revoked login", &revoked)];
    if let Some(alive) = living(trial, &relics, &[0]).await? {
        return match trial.policy().revoke_max_ms {
            Some(bound_ms @ 1..) => {
                declared_late(trial, bound_ms);
                let why = format!("{}, as declared", alive.told);
                Err(Stop::NotApplicable(why))
            }
            _ => Err(Stop::unclear(alive.told)),
        };
    }
    let mut passed_ms = 0;
    let parts = [20, 40, 60, 80, 95].map(|percent| ttl_ms * percent / 100);
    let within_leeway = ttl_ms + (life_ms - ttl_ms) / 2;
    for at_ms in parts.into_iter().chain([within_leeway]) {
        trial.advance(at_ms - passed_ms).await?;
        passed_ms = at_ms;
        if let Some(alive) = living(trial, &relics, &everywhere(trial)).await? {
            let detail = format!("{at_ms} ms after the revocation {}", alive.told);
            trial.fail(CASE, detail, &[&alive.answer]);
            return Ok(());
        }
        // Until its end an untouched token of the same age shows that it is
        // not its age that is refused.
        if at_ms < ttl_ms && !idles_away(trial, at_ms) {
            trial.control(&untouched).await?;
        }
    }
    trial.pass(
        CASE,
        format!("refused for {passed_ms} ms, at each of six looks"),
    );
    Ok(())
}

/// Whether a login ends for want of use before `at_ms`.
fn idles_away(trial: &Trial<'_>, at_ms: u64) -> bool {
    trial
        .policy()
        .idle_ms
        .is_some_and(|idle_ms| idle_ms <= at_ms)
}

async fn goes(trial: &Trial<'_>, life_ms: u64) -> Result<(), Stop> {
    const CASE: &str = "gone afterwards";
    trial.door(Door::StoreCount)?;
    let before = trial.hooks().count_store().await?;
    for _ in 0..COUNTED {
        let login: Login = trial.login().await?;
        trial.done_by(Operation::Logout, &login, &[]).await?;
    }
    let full = trial.hooks().count_store().await?;
    let purge_ms = trial.policy().purge_ms;
    trial
        .advance(life_ms + purge_ms.unwrap_or(60_000) + 2_000)
        .await?;
    // Some sweep when they are asked, some by a timer that no door steps.
    let toucher = trial.login().await?;
    let patience_ms = purge_ms.unwrap_or(0).min(SWEEP_MS);
    let mut waited_ms = 0;
    let left = loop {
        trial.control(&toucher).await?;
        let left = trial.hooks().count_store().await?;
        if left <= before + COUNTED / 2 || waited_ms >= patience_ms {
            break left;
        }
        trial.wait(250).await?;
        waited_ms += 250;
    };
    #[expect(clippy::cast_precision_loss, reason = "few records")]
    for (name, count) in [("before", before), ("revoked", full), ("purged", left)] {
        trial.measured(format!("store_{name}_records"), count as f64);
    }
    let detail = format!(
        "{before} records before, {full} after {COUNTED} revocations, {left} when their tokens \
         had expired"
    );
    match (left <= before + COUNTED / 2, purge_ms) {
        (true, _) => trial.pass(CASE, detail),
        (false, Some(_)) => trial.fail(CASE, format!("{detail} (`policy.purge_ms`)"), &[]),
        (false, None) => {
            trial.not_applicable(CASE, format!("{detail}; needs `policy.purge_ms` to judge"));
        }
    }
    Ok(())
}
