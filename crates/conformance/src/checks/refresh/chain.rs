//! REFRESH-008: renewal ends.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::Family;

use super::token::{Guard, MARGIN_MS, holder, renew, terms, trade};
use crate::check::{Check, Cost, Eye};
use crate::hooks::Door;
use crate::stop::Stop;
use crate::trial::Trial;

/// Renewals of one chain, at most.
const RENEWALS_MAX: u64 = 400;

/// REFRESH-008.
pub(super) const REFRESH_008: Check = Check {
    id: "REFRESH-008",
    statement: "a chain of refreshes never outlives the absolute end that the first token had, \
                and a refresh token that nobody uses expires",
    level: Level::Must,
    severity: Severity::High,
    families: &[Family::Refresh, Family::Hybrid],
    seen_by: &[Eye::Http, Eye::Clock],
    operations: &[Operation::Login, Operation::Refresh, Operation::Whoami],
    doors: &[Door::Clock],
    clauses: &[
        "ASVS 5.0 10.4.8",
        "RFC 9700 4.14.2",
        "OAuth browser-based apps 6.3.2.3",
    ],
    cwe: &[613],
    mend: "Set the end once, at login, and carry it over to every successor.",
    cost: Cost::Slow,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let chained = chain(trial).await;
    trial.settle("end of the chain", chained);
    let unused = unused(trial).await;
    trial.settle("unused token", unused);
    Ok(())
}

/// Renews often enough to stay in use, up to the declared end and beyond.
async fn chain(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "end of the chain";
    let Some(chain_ms) = terms(trial).chain_ms else {
        holder(trial).await?;
        return Err(Stop::unclear(
            "needs `policy.refresh_ttl_ms` in the profile",
        ));
    };
    let idle_ms = [trial.policy().refresh_idle_ms, trial.policy().idle_ms];
    let idle_ms = idle_ms.into_iter().flatten().min().unwrap_or(chain_ms);
    // In use all the time, and the last use close to the end.
    let step_ms = (idle_ms / 2).min(chain_ms / 8).max(1);
    let steps = (chain_ms - 1) / step_ms;
    if steps > RENEWALS_MAX {
        return Err(Stop::NotApplicable(format!(
            "{steps} refreshes would be needed to keep a token in use to its end"
        )));
    }
    reachable(trial, chain_ms)?;
    let mut newest = holder(trial).await?;
    for _ in 0..steps {
        trial.advance(step_ms).await?;
        newest = renew(trial, &newest).await?;
    }
    trial
        .advance(chain_ms - steps * step_ms + MARGIN_MS)
        .await?;
    let mut guard = Guard::new(trial).await?;
    let what = format!("the newest token of {steps} refreshes, {chain_ms} ms after the login,");
    guard.must_refuse(CASE, &what, &newest).await?;
    Ok(())
}

/// Waiting in small steps must not take longer than waiting at once may.
fn reachable(trial: &Trial<'_>, ms: u64) -> Result<(), Stop> {
    let longest_ms = trial.options().max_wait.as_millis();
    if trial.hooks().has(Door::Clock) || u128::from(ms) <= longest_ms {
        return Ok(());
    }
    Err(Stop::no_door(Door::Clock))
}

async fn unused(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "unused token";
    let chain_ms = terms(trial).chain_ms;
    let Some(idle_ms) = trial.policy().refresh_idle_ms.or(chain_ms) else {
        return Err(Stop::unclear(
            "needs `policy.refresh_idle_ms` or `policy.refresh_ttl_ms` in the profile",
        ));
    };
    reachable(trial, idle_ms)?;
    let left = holder(trial).await?;
    // One of the same age that is used shows what use changes.
    let used = holder(trial).await?;
    trial.advance(idle_ms / 2).await?;
    let used = renew(trial, &used).await?;
    trial.advance(idle_ms - idle_ms / 2 + MARGIN_MS).await?;
    let mut guard = Guard::new(trial).await?;
    let what = format!("a token that nobody used for {idle_ms} ms");
    guard.must_refuse(CASE, &what, &left).await?;
    if chain_ms.is_none_or(|chain_ms| idle_ms + MARGIN_MS < chain_ms) {
        let traded = trade(trial, &used).await?;
        trial.note(format!(
            "a token of the same age that was used in between was {}",
            traded.told()
        ));
    }
    Ok(())
}
