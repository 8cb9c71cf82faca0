//! FAULT-002 and FAULT-004: what is revoked stays revoked while the store is
//! out of reach, and on every replica.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::{FailMode, Family};

use super::mode::{FAULTS, WITH_STORE, mended};
use crate::check::{Check, Cost, Eye};
use crate::checks::revoke::dead::{Relic, declared_late, everywhere, living};
use crate::hooks::{Door, StoreFault};
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// FAULT-002.
pub(super) const FAULT_002: Check = Check {
    id: "FAULT-002",
    statement: "while what was revoked cannot be looked up, a revoked token is refused, unless \
                failing open is declared",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[Family::Denylist, Family::Hybrid],
    seen_by: &[Eye::Fault],
    operations: &[Operation::Login, Operation::Logout, Operation::Whoami],
    doors: &[Door::StoreStop],
    clauses: &["ASVS 5.0 16.5.3", "ASVS 5.0 7.4.1"],
    cwe: &[636],
    mend: "Take a failed look-up for \"revoked\", or declare that you fail open, and for how long.",
    cost: Cost::Slow,
    run: |trial| Box::pin(unreachable(trial)),
};

/// FAULT-004.
pub(super) const FAULT_004: Check = Check {
    id: "FAULT-004",
    statement: "a broken store is not replaced by a process's own memory: what one replica revoked \
                before or during the outage is alive on no other, nor after the repair",
    level: Level::Must,
    severity: Severity::High,
    families: WITH_STORE,
    seen_by: &[Eye::TwoReplicas, Eye::Fault],
    operations: &[Operation::Login, Operation::Logout, Operation::Whoami],
    doors: &[Door::StoreStop],
    clauses: &["ASVS 5.0 16.5.2"],
    cwe: &[636],
    mend: "Refuse to revoke what cannot be stored, or keep it in a queue that outlives the \
           process; never in its memory.",
    cost: Cost::Slow,
    run: |trial| Box::pin(own_memory(trial)),
};

/// A login that was revoked, and is dead on every replica.
async fn dead_login(trial: &Trial<'_>) -> Result<Login, Stop> {
    let login = trial.login().await?;
    for replica in everywhere(trial) {
        trial.who_at(&login, replica).await?;
    }
    trial.control(&login).await?;
    trial.done_by(Operation::Logout, &login, &[]).await?;
    let relic = [Relic::Access("the revoked login", &login)];
    let Some(alive) = living(trial, &relic, &everywhere(trial)).await? else {
        return Ok(login);
    };
    let why = format!("without any fault {}", alive.told);
    match trial.policy().revoke_max_ms {
        Some(bound_ms @ 1..) => {
            declared_late(trial, bound_ms);
            // A cache forgets; a token that nobody looks up lives on.
            if trial.wait(bound_ms + 100).await.is_ok()
                && living(trial, &relic, &everywhere(trial)).await?.is_none()
            {
                return Ok(login);
            }
            Err(Stop::NotApplicable(format!("{why}, as declared")))
        }
        _ => Err(Stop::unclear(why)),
    }
}

async fn unreachable(trial: &Trial<'_>) -> Result<(), Stop> {
    let revoked = dead_login(trial).await?;
    for (case, door, fault) in FAULTS {
        let tried = match trial.door(door) {
            Ok(()) => under(trial, case, fault, &revoked).await,
            Err(stop) => Err(stop),
        };
        trial.hooks().set_store(StoreFault::None).await?;
        trial.settle(case, tried);
    }
    Ok(())
}

async fn under(
    trial: &Trial<'_>,
    case: &str,
    fault: StoreFault,
    revoked: &Login,
) -> Result<(), Stop> {
    let healthy = trial.login().await?;
    trial.control(&healthy).await?;
    trial.hooks().set_store(fault).await?;
    let dead = trial.who(revoked).await?;
    let live = trial.who(&healthy).await?;
    trial.note(format!(
        "{case}: a revoked token was {}, a good one was {}",
        dead.told(),
        live.told()
    ));
    let open = trial.policy().fail_mode == Some(FailMode::Open);
    match (dead.is_somebody(), open) {
        (false, _) => trial.pass(case, format!("a revoked token was {}", dead.told())),
        (true, true) => {
            trial.note("declared: `policy.fail_mode` is `open`; ASVS 5.0 16.5.3 asks for closed");
            trial.pass(
                case,
                format!("a revoked token was {}, as declared", dead.told()),
            );
        }
        (true, false) => {
            let told = format!("a revoked token was {}", dead.told());
            trial.fail(case, told, &[dead.answer(), live.answer()]);
        }
    }
    mended(trial, &healthy).await
}

async fn own_memory(trial: &Trial<'_>) -> Result<(), Stop> {
    let other = trial.second_replica()?;
    let healthy = trial.login().await?;
    let tried = before(trial, other, &healthy).await;
    trial.hooks().set_store(StoreFault::None).await?;
    trial.settle("revoked before the outage", tried);
    let tried = during(trial, other).await;
    trial.hooks().set_store(StoreFault::None).await?;
    trial.settle("revoked during the outage", tried);
    Ok(())
}

async fn before(trial: &Trial<'_>, other: usize, healthy: &Login) -> Result<(), Stop> {
    const CASE: &str = "revoked before the outage";
    let revoked = dead_login(trial).await?;
    let open = trial.policy().fail_mode == Some(FailMode::Open);
    trial.hooks().set_store(StoreFault::Stopped).await?;
    for replica in [0, other] {
        let who = trial.who_at(&revoked, replica).await?;
        let told = format!(
            "during the outage it was {} by replica {replica}",
            who.told()
        );
        match who.is_somebody() && open {
            true => trial.note(format!("declared: {told}")),
            false => trial.judge(CASE, !who.is_somebody(), told, &[who.answer()]),
        }
    }
    mended(trial, healthy).await?;
    for replica in [0, other] {
        let who = trial.who_at(&revoked, replica).await?;
        let told = format!(
            "after the repair it was {} by replica {replica}",
            who.told()
        );
        trial.judge(CASE, !who.is_somebody(), told, &[who.answer()]);
    }
    Ok(())
}

async fn during(trial: &Trial<'_>, other: usize) -> Result<(), Stop> {
    const CASE: &str = "revoked during the outage";
    let (login, healthy) = (trial.login().await?, trial.login().await?);
    trial.control(&login).await?;
    trial.hooks().set_store(StoreFault::Stopped).await?;
    let answer = trial.perform(Operation::Logout, &login, &[]).await?;
    mended(trial, &healthy).await?;
    if !trial.done(Operation::Logout, &answer) {
        trial.pass(
            CASE,
            format!("the logout was answered {}: not done", answer.status),
        );
        return Ok(());
    }
    let mut alive = None;
    let relic = [Relic::Access("the login", &login)];
    for _ in 0..20 {
        alive = living(trial, &relic, &[other]).await?;
        if alive.is_none() {
            break;
        }
        trial.wait(100).await?;
    }
    match alive {
        None => trial.pass(CASE, "acknowledged, and dead on the other replica"),
        Some(alive) if late(trial) => {
            trial.note(format!("declared: after the outage {}", alive.told));
            trial.not_applicable(CASE, "what is revoked lives on until the declared bound");
        }
        Some(alive) => trial.fail(
            CASE,
            format!(
                "the logout was acknowledged; after the repair {}",
                alive.told
            ),
            &[&answer, &alive.answer],
        ),
    }
    Ok(())
}

fn late(trial: &Trial<'_>) -> bool {
    trial.policy().revoke_max_ms.is_some_and(|ms| ms > 0)
}
