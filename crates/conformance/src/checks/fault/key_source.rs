//! FAULT-006: without a source of keys, old keys serve for their age, and then
//! nothing does.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::Family;

use crate::check::{Check, Cost, Eye};
use crate::hooks::{Door, KeyFault};
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// FAULT-006.
pub(super) const FAULT_006: Check = Check {
    id: "FAULT-006",
    statement: "while the source of keys is out of reach, fetched keys serve up to their declared \
                age and then tokens are refused; no failure of it means that nothing is verified",
    level: Level::Must,
    severity: Severity::High,
    families: &[Family::Jwt, Family::Denylist, Family::Refresh],
    seen_by: &[Eye::Fault, Eye::Clock],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[Door::KeySource],
    clauses: &["ASVS 5.0 16.5.3", "ASVS 5.0 9.1.3", "RFC 8725 3.8"],
    cwe: &[636],
    mend: "Give fetched keys an age; when it has passed and no others can be had, refuse.",
    cost: Cost::Slow,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    for (case, fault) in [
        ("source out of reach", KeyFault::Stopped),
        ("empty key set", KeyFault::Shrunk),
    ] {
        let tried = without_keys(trial, case, fault).await;
        trial.hooks().set_key_source(KeyFault::None).await?;
        trial.settle(case, tried);
        let tried = recovered(trial).await;
        trial.judge(
            case,
            tried.is_ok(),
            match &tried {
                Ok(()) => "a new login works after the repair".to_owned(),
                Err(stop) => format!("after the repair: {stop}"),
            },
            &[],
        );
    }
    Ok(())
}

async fn without_keys(trial: &Trial<'_>, case: &str, fault: KeyFault) -> Result<(), Stop> {
    let login = trial.login().await?;
    trial.control(&login).await?;
    trial.hooks().set_key_source(fault).await?;
    let cached = trial.who(&login).await?;
    trial.note(format!(
        "{case}: with fetched keys a good token is {}",
        cached.told()
    ));
    forged(trial, case, &login).await?;
    let age_ms = trial.policy().keys_cache_ms;
    let age_ms = age_ms.ok_or_else(|| Stop::needs("policy.keys_cache_ms"))?;
    let ttl_ms = trial.policy().access_ttl_ms.unwrap_or(u64::MAX);
    if age_ms >= ttl_ms {
        return Err(Stop::NotApplicable(
            "tokens expire before fetched keys do".to_owned(),
        ));
    }
    trial.advance(age_ms + 1_000).await?;
    let late = trial.who(&login).await?;
    let detail = format!("{age_ms} ms later a good token was {}", late.told());
    trial.judge(case, !late.is_somebody(), detail, &[late.answer()]);
    forged(trial, case, &login).await
}

/// A token that nobody signed.
async fn forged(trial: &Trial<'_>, case: &str, login: &Login) -> Result<(), Stop> {
    let never = trial.never_valid(&login.access);
    let who = trial.who_presents(&never, login.replica).await?;
    let detail = format!("a forged token was {}", who.told());
    trial.judge(case, !who.is_somebody(), detail, &[who.answer()]);
    Ok(())
}

/// Waits until a new login works.
async fn recovered(trial: &Trial<'_>) -> Result<(), Stop> {
    let pause_ms = trial.policy().keys_fetch_interval_ms.unwrap_or(0);
    let mut last = Err(Stop::unclear("no login was tried"));
    for round in 0..20 {
        let login = trial.login().await?;
        last = trial.control(&login).await;
        if last.is_ok() {
            break;
        }
        match round {
            0 if pause_ms > 0 => trial.advance(pause_ms + 1).await?,
            _ => trial.wait(100).await?,
        }
    }
    last
}
