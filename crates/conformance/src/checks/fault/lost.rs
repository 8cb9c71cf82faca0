//! FAULT-005 and FAULT-008: what was revoked stays so when processes die and
//! records are lost.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::Family;

use crate::check::{Check, Cost, Eye};
use crate::checks::revoke::dead::{Relic, declared_late, everywhere, living};
use crate::hooks::Door;
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::{Trial, Who};

/// FAULT-005.
pub(super) const FAULT_005: Check = Check {
    id: "FAULT-005",
    statement: "an acknowledged revocation outlives a crash of the server and of the store, as far \
                as durability is declared",
    level: Level::Must,
    severity: Severity::High,
    families: &[Family::Session, Family::Denylist, Family::Refresh],
    seen_by: &[Eye::Fault],
    operations: &[Operation::Login, Operation::Logout, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 7.4.1", "ASVS 5.0 16.5.2"],
    cwe: &[613],
    mend: "Write revocations where they outlive the process before you acknowledge them \
           (`appendfsync`, `synchronous_commit`).",
    cost: Cost::Slow,
    run: |trial| Box::pin(crashed(trial)),
};

/// FAULT-008.
pub(super) const FAULT_008: Check = Check {
    id: "FAULT-008",
    statement: "lost records revoke, and never un-revoke: lost sessions are refused, and the loss \
                of what was denied is prevented or noticed",
    level: Level::Must,
    severity: Severity::High,
    families: &[Family::Session, Family::Denylist, Family::Refresh],
    seen_by: &[Eye::Fault],
    operations: &[Operation::Login, Operation::Logout, Operation::Whoami],
    doors: &[Door::StoreWipe],
    clauses: &["ASVS 5.0 16.5.3"],
    cwe: &[636],
    mend: "Keep a mark in the store that its loss takes along, and refuse all tokens that are \
           older than a new one; forbid eviction where denials are kept.",
    cost: Cost::Slow,
    run: |trial| Box::pin(wiped(trial)),
};

/// A login that is refused everywhere, and why it may be worth nothing to ask.
async fn dead_login(trial: &Trial<'_>) -> Result<Login, Stop> {
    let login = trial.login().await?;
    trial.control(&login).await?;
    trial.done_by(Operation::Logout, &login, &[]).await?;
    match living(trial, &relic(&login), &everywhere(trial)).await? {
        None => Ok(login),
        Some(alive) => match trial.policy().revoke_max_ms {
            Some(bound_ms @ 1..) => {
                declared_late(trial, bound_ms);
                trial.advance(bound_ms + 1_100).await?;
                match living(trial, &relic(&login), &everywhere(trial)).await? {
                    None => Ok(login),
                    Some(alive) => Err(Stop::unclear(alive.told)),
                }
            }
            _ => Err(Stop::unclear(alive.told)),
        },
    }
}

const fn relic(login: &Login) -> [Relic<'_>; 2] {
    [
        Relic::Access("the revoked login", login),
        Relic::Refresh("the revoked login", login),
    ]
}

/// Demands that the revoked login still is.
async fn still_dead(trial: &Trial<'_>, case: &str, revoked: &Login) -> Result<(), Stop> {
    let alive = living(trial, &relic(revoked), &everywhere(trial)).await?;
    let fresh = trial.login().await?;
    trial.control(&fresh).await?;
    let Some(alive) = alive else {
        trial.pass(case, "a revoked credential is refused");
        return Ok(());
    };
    match (case, trial.policy().durable) {
        (WIPE, _) | (_, Some(true)) => trial.fail(case, alive.told, &[&alive.answer]),
        (_, Some(false)) => {
            trial.note("declared: revocations do not outlive a crash (`policy.durable`)");
            trial.pass(case, format!("{}, as declared", alive.told));
        }
        (_, None) => trial.inconclusive(
            case,
            format!("{}; the profile has no `policy.durable`", alive.told),
            &[&alive.answer],
        ),
    }
    Ok(())
}

const WIPE: &str = "wiped store";

async fn crashed(trial: &Trial<'_>) -> Result<(), Stop> {
    if !trial.hooks().has(Door::Restart) && !trial.hooks().has(Door::StoreRestart) {
        return Err(Stop::no_door(Door::Restart));
    }
    let tried = server(trial).await;
    trial.settle("crash of the server", tried);
    let tried = store(trial).await;
    trial.settle("crash of the store", tried);
    Ok(())
}

async fn server(trial: &Trial<'_>) -> Result<(), Stop> {
    trial.door(Door::Restart)?;
    let revoked = dead_login(trial).await?;
    for replica in everywhere(trial) {
        trial.restart(replica).await?;
    }
    recovered(trial).await?;
    still_dead(trial, "crash of the server", &revoked).await
}

async fn store(trial: &Trial<'_>) -> Result<(), Stop> {
    trial.door(Door::StoreRestart)?;
    let revoked = dead_login(trial).await?;
    trial.hooks().restart_store().await?;
    recovered(trial).await?;
    still_dead(trial, "crash of the store", &revoked).await
}

async fn wiped(trial: &Trial<'_>) -> Result<(), Stop> {
    let (revoked, untouched) = (dead_login(trial).await?, trial.login().await?);
    trial.control(&untouched).await?;
    trial.hooks().wipe_store().await?;
    recovered(trial).await?;
    let who = trial.who(&untouched).await?;
    trial.note(format!(
        "after the loss an untouched credential is {}",
        who.told()
    ));
    still_dead(trial, WIPE, &revoked).await
}

/// Waits until a login works again, at every replica.
async fn recovered(trial: &Trial<'_>) -> Result<(), Stop> {
    let user = trial.user()?;
    for _ in 0..100 {
        if let Ok(Some(login)) = trial.try_login(&user, 0).await
            && trial.control(&login).await.is_ok()
            && serve(trial, &login).await?
        {
            return Ok(());
        }
        trial.wait(100).await?;
    }
    Err(Stop::unclear("no login works ten seconds after the crash"))
}

/// Whether every replica judges again, whatever it says.
async fn serve(trial: &Trial<'_>, login: &Login) -> Result<bool, Stop> {
    for replica in everywhere(trial) {
        if matches!(trial.who_at(login, replica).await?, Who::Unclear(_)) {
            return Ok(false);
        }
    }
    Ok(true)
}
