//! LIMITS-003: nobody fills the store.

use authbench_core::RefreshOffer;
use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::Family;

use crate::check::{Check, Cost, Eye};
use crate::hooks::Door;
use crate::stop::Stop;
use crate::trial::Trial;

/// LIMITS-003.
pub(super) const LIMITS_003: Check = Check {
    id: "LIMITS-003",
    statement: "anonymous or failed requests do not store sessions without bound, and expired \
                records leave the store in bounded time",
    level: Level::Should,
    severity: Severity::Medium,
    families: &[Family::Session, Family::Denylist, Family::Refresh],
    seen_by: &[Eye::Http, Eye::Store],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[Door::StoreCount],
    clauses: &["ASVS 5.0 15.2.2"],
    cwe: &[770],
    mend: "Store a session when somebody has logged in (`saveUninitialized: false`), and let the \
           store expire its records, or sweep them.",
    cost: Cost::Slow,
    run: |trial| Box::pin(run(trial)),
};

/// Requests of each kind that should leave nothing behind.
const REQUESTS: u64 = 60;
/// Records that may come from elsewhere meanwhile.
const STRAY_MAX: u64 = REQUESTS / 4;
/// Logins whose records are to leave.
const LOGINS: u64 = 20;

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    anonymous(trial).await?;
    trial.settle("expired records", expired(trial).await);
    Ok(())
}

async fn anonymous(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "anonymous and failed requests";
    let control = trial.login().await?;
    let before = trial.hooks().count_store().await?;
    for _ in 0..REQUESTS {
        trial.ask(Operation::Whoami)?.send().await?;
        let never = trial.never_valid(&control.access);
        trial.who_presents(&never, 0).await?;
        let number: u64 = trial.random(rand::Rng::next_u64);
        let ask = trial.ask(Operation::Login)?;
        ask.gap("user", format!("nobody-{number:016x}"))
            .gap("password", "not-the-password-of-anybody")
            .send()
            .await?;
    }
    let after = trial.hooks().count_store().await?;
    let grown = after.saturating_sub(before);
    trial.control(&control).await?;
    trial.judge(
        CASE,
        grown <= STRAY_MAX,
        format!("{grown} records more after {} requests", 3 * REQUESTS),
        &[],
    );
    Ok(())
}

async fn expired(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "expired records";
    let purge_ms = trial.policy().purge_ms;
    let purge_ms = purge_ms.ok_or_else(|| Stop::needs("policy.purge_ms"))?;
    let promised = trial.profile().guarantees;
    let chain_ms = match promised.refresh {
        RefreshOffer::RotatingKillsFamily { chain_ms, .. } => chain_ms,
        RefreshOffer::None | RefreshOffer::SwapsAccess => 0,
    };
    let declared_ms = trial.policy().absolute_ms.unwrap_or(0);
    let life_ms = declared_ms.max(chain_ms).max(promised.lifetime_ms);
    let before = trial.hooks().count_store().await?;
    for _ in 0..LOGINS {
        let login = trial.login().await?;
        // What only remembers ended logins has a record now.
        if trial.profile().families.contains(&Family::Denylist) && trial.has(Operation::Logout) {
            trial.perform(Operation::Logout, &login, &[]).await?;
        }
    }
    let full = trial.hooks().count_store().await?;
    if full < before + LOGINS / 2 {
        return Err(Stop::NotApplicable(
            "the store holds no record for each login".to_owned(),
        ));
    }
    trial
        .advance(life_ms + promised.expiry_slack_ms + purge_ms + 2_000)
        .await?;
    let count = swept(trial, before).await?;
    let login = trial.login().await?;
    trial.control(&login).await?;
    trial.judge(
        CASE,
        count <= before + STRAY_MAX.min(LOGINS / 4),
        format!("{before} records before, {full} with {LOGINS} logins, {count} after their end"),
        &[],
    );
    Ok(())
}

/// The count once a sweeper that runs by its own real time had its chance.
async fn swept(trial: &Trial<'_>, before: u64) -> Result<u64, Stop> {
    const LOOKS: u32 = 40;
    const PAUSE_MS: u64 = 250;
    let mut count = trial.hooks().count_store().await?;
    for _ in 0..LOOKS {
        if count <= before + LOGINS / 4 {
            break;
        }
        trial.wait(PAUSE_MS).await?;
        count = trial.hooks().count_store().await?;
    }
    Ok(count)
}
