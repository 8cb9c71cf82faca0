//! FAULT-003: what is acknowledged is done, whatever was broken.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;

use super::mode::{FAULTS, WITH_STORE, mended};
use crate::check::{Check, Cost, Eye};
use crate::checks::revoke::dead::{Relic, both, declared_late, living};
use crate::hooks::{Door, StoreFault};
use crate::stop::Stop;
use crate::trial::Trial;

/// FAULT-003.
pub(super) const FAULT_003: Check = Check {
    id: "FAULT-003",
    statement: "an end of logins that could not be stored is not acknowledged: after the repair \
                the credential is dead, or the client was told of a failure",
    level: Level::Must,
    severity: Severity::Critical,
    families: WITH_STORE,
    seen_by: &[Eye::Fault],
    operations: &[Operation::Login, Operation::Logout, Operation::Whoami],
    doors: &[Door::StoreStop],
    clauses: &["ASVS 5.0 16.5.3", "ASVS 5.0 7.4.1"],
    cwe: &[636, 613],
    mend: "Answer 5xx when the end of a login could not be stored; never swallow the store's \
           failure in a logout.",
    cost: Cost::Slow,
    run: |trial| Box::pin(run(trial)),
};

/// How long what was acknowledged may take to be done after the repair.
const LATER_MS: u64 = 3_000;

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    for (fault_name, door, fault) in FAULTS {
        if let Err(stop) = trial.door(door) {
            trial.settle(fault_name, Err(stop));
            continue;
        }
        for operation in [Operation::Logout, Operation::LogoutAll, Operation::Revoke] {
            if !trial.has(operation) {
                continue;
            }
            let case = format!("{}, {fault_name}", operation.label());
            let tried = ended(trial, &case, operation, fault).await;
            trial.hooks().set_store(StoreFault::None).await?;
            trial.settle(&case, tried);
        }
    }
    Ok(())
}

async fn ended(
    trial: &Trial<'_>,
    case: &str,
    operation: Operation,
    fault: StoreFault,
) -> Result<(), Stop> {
    let (login, healthy) = (trial.login().await?, trial.login().await?);
    trial.control(&login).await?;
    trial.hooks().set_store(fault).await?;
    let answer = trial.perform(operation, &login, &[]).await?;
    mended(trial, &healthy).await?;
    if !trial.done(operation, &answer) {
        trial.judge(
            case,
            answer.status >= 400,
            format!("answered {}: not done", answer.status),
            &[&answer],
        );
        return Ok(());
    }
    let mut relics = both("the login", &login).to_vec();
    if operation == Operation::Revoke {
        // What it means for access tokens is REVOKE-012's.
        relics = vec![Relic::Refresh("the login", &login)];
    }
    let mut waited_ms = 0;
    let alive = loop {
        let alive = living(trial, &relics, &[0]).await?;
        if alive.is_none() || waited_ms >= LATER_MS {
            break alive;
        }
        trial.wait(100).await?;
        waited_ms += 100;
    };
    match (alive, trial.policy().revoke_max_ms) {
        (None, _) => trial.pass(case, "acknowledged, and dead after the repair"),
        (Some(alive), Some(bound_ms)) if bound_ms > 0 => {
            declared_late(trial, bound_ms);
            let why = format!("{}, within the declared bound", alive.told);
            trial.not_applicable(case, why);
        }
        (Some(alive), _) => trial.fail(
            case,
            format!(
                "acknowledged with {}; after the repair {}",
                answer.status, alive.told
            ),
            &[&answer, &alive.answer],
        ),
    }
    Ok(())
}
