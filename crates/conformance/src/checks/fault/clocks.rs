//! FAULT-007: clocks that are wrong.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;

use crate::check::{Check, Cost, Eye};
use crate::checks::revoke::dead::{Relic, everywhere, living};
use crate::hooks::Door;
use crate::stop::Stop;
use crate::trial::Trial;

/// FAULT-007.
pub(super) const FAULT_007: Check = Check {
    id: "FAULT-007",
    statement: "a clock that is set back revives nothing; one that is ahead issues nothing that \
                lives longer; and replicas bear the declared difference of their clocks",
    level: Level::Must,
    severity: Severity::High,
    families: &[],
    seen_by: &[Eye::TwoReplicas, Eye::Clock],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["RFC 7519 4.1.4", "ASVS 5.0 9.2.1", "ASVS 5.0 7.3.2"],
    cwe: &[613],
    mend: "End what has expired for good when it is seen, and judge time by one clock: the store's, \
           or the latest that was seen.",
    cost: Cost::Slow,
    run: |trial| Box::pin(run(trial)),
};

/// How far one clock goes ahead.
const AHEAD_MS: i64 = 10 * 60_000;

/// What a lifetime may seem longer for reading two clocks one after the other.
const MARGIN_MS: u64 = 2_000;

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    // Waiting moves all clocks alike, which is no difference.
    trial.door(Door::Clock)?;
    trial.settle("ahead within the skew", skewed(trial).await);
    trial.settle("lifetimes ahead", ahead(trial).await);
    trial.settle("set back", back(trial).await);
    Ok(())
}

/// Steps the clock of one replica, and then all others as far.
async fn level(trial: &Trial<'_>, ahead: usize, step_ms: i64) -> Result<(), Stop> {
    for replica in everywhere(trial).into_iter().filter(|it| *it != ahead) {
        trial.hooks().step_clock(replica, step_ms).await?;
    }
    Ok(())
}

async fn skewed(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "ahead within the skew";
    let other = trial.second_replica()?;
    let skew_ms = trial.policy().skew_ms;
    let skew_ms = skew_ms.ok_or_else(|| Stop::needs("policy.skew_ms"))?;
    if skew_ms < 4_000 {
        return Err(Stop::NotApplicable(format!(
            "a skew of {skew_ms} ms is too small to be stepped into"
        )));
    }
    let step_ms = i64::try_from(skew_ms / 2).unwrap_or(i64::MAX);
    let user = trial.user()?;
    trial.hooks().step_clock(other, step_ms).await?;
    let tried = async {
        let login = trial.login_at(&user, other).await?;
        Ok::<_, Stop>((trial.who_at(&login, 0).await?, login))
    }
    .await;
    level(trial, other, step_ms).await?;
    let (who, login) = tried?;
    trial.judge(
        CASE,
        who.is(&login.subject),
        format!(
            "what a replica {step_ms} ms ahead issued was {} by the other",
            who.told()
        ),
        &[&login.answer, who.answer()],
    );
    Ok(())
}

async fn ahead(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "lifetimes ahead";
    let other = trial.second_replica()?;
    let ttl_ms = trial.policy().access_ttl_ms;
    let ttl_ms = ttl_ms.ok_or_else(|| Stop::needs("policy.access_ttl_ms"))?;
    let user = trial.user()?;
    trial.hooks().step_clock(other, AHEAD_MS).await?;
    let tried = async {
        let login = trial.login_at(&user, other).await?;
        Ok::<_, Stop>((trial.now_ms_at(other).await?, login))
    }
    .await;
    level(trial, other, AHEAD_MS).await?;
    let (now_ms, login) = tried?;
    let ends_ms = login.expires_at_ms;
    let ends_ms = ends_ms.ok_or_else(|| Stop::needs("operations.login.expires_at_ms"))?;
    let life_ms = ends_ms.saturating_sub(now_ms);
    trial.judge(
        CASE,
        life_ms <= ttl_ms + MARGIN_MS,
        format!("a clock ahead issued a credential for {life_ms} ms; {ttl_ms} ms are declared"),
        &[&login.answer],
    );
    trial.control(&login).await
}

async fn back(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "set back";
    trial.door(Door::ClockBack)?;
    let policy = trial.policy();
    let ttl_ms = policy.access_ttl_ms;
    let ttl_ms = ttl_ms.ok_or_else(|| Stop::needs("policy.access_ttl_ms"))?;
    let (expiring, revoked) = (trial.login().await?, trial.login().await?);
    trial.control(&expiring).await?;
    let mut relics = vec![Relic::Access("an expired login", &expiring)];
    if trial.has(Operation::Logout) {
        trial.done_by(Operation::Logout, &revoked, &[]).await?;
        relics.push(Relic::Access("a revoked login", &revoked));
    }
    let past_ms = ttl_ms + policy.skew_ms.unwrap_or(0) + 2_000;
    trial.advance(past_ms).await?;
    if let Some(alive) = living(trial, &relics, &everywhere(trial)).await? {
        return Err(Stop::unclear(format!("past its lifetime {}", alive.told)));
    }
    let step_ms = i64::try_from(past_ms).unwrap_or(i64::MAX);
    trial.hooks().step_clock(0, -step_ms).await?;
    let found = living(trial, &relics, &everywhere(trial)).await;
    trial.hooks().step_clock(0, step_ms).await?;
    match found? {
        None => trial.pass(CASE, "what had expired or was revoked is still refused"),
        Some(alive) => trial.fail(
            CASE,
            format!("with one clock set back {}", alive.told),
            &[&alive.answer],
        ),
    }
    Ok(())
}
