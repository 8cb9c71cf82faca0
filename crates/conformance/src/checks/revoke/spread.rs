//! REVOKE-008: how long a revoked credential lives, as a distribution.

use std::time::Duration;

use authbench_core::system::monotonic_ns;
use authbench_results::{Level, Severity};
use authbench_wire::Operation;

use super::dead::{Relic, declared_late, must_die};
use crate::check::{Check, Cost, Eye};
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// REVOKE-008.
pub(super) const REVOKE_008: Check = Check {
    id: "REVOKE-008",
    statement: "from the acknowledgement of a revocation to the last acceptance no more time passes \
                than is declared, on the same replica and on every other",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[],
    seen_by: &[Eye::Http, Eye::TwoReplicas],
    operations: &[Operation::Login, Operation::Logout, Operation::Whoami],
    doors: &[],
    clauses: &["RFC 7009 2.1", "RFC 7662 4", "ASVS 5.0 7.4.1"],
    cwe: &[613],
    mend: "Acknowledge a revocation when every replica acts on it, or declare how long a cache may \
           lag behind.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

/// The longest that all rounds of one replica may take.
const BUDGET: Duration = Duration::from_secs(8);

/// A bound that is too long for waiting round after round, milliseconds.
const LONG_MS: u64 = 2_000;

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let bound_ms = trial.policy().revoke_max_ms;
    let mut measured = distribution(trial, "same replica", 0, bound_ms).await;
    trial.settle("same replica", measured);
    measured = match trial.second_replica() {
        Ok(other) => distribution(trial, "other replica", other, bound_ms).await,
        Err(stop) => Err(stop),
    };
    trial.settle("other replica", measured);
    trial.not_applicable(
        "a lagging replica of the store",
        "no door of a profile holds back the replication of a store",
    );
    Ok(())
}

/// Revokes at the first replica and asks `replica` until it refuses, again and
/// again.
async fn distribution(
    trial: &Trial<'_>,
    case: &str,
    replica: usize,
    bound_ms: Option<u64>,
) -> Result<(), Stop> {
    let control = trial.login().await?;
    let began_ns = monotonic_ns();
    let rounds = trial.options().rounds * 4;
    let mut delays_ns = Vec::new();
    for _ in 0..rounds {
        let login = trial.login().await?;
        // Whatever is cached is warm.
        for replica in [0, replica] {
            if !trial.who_at(&login, replica).await?.is(&login.subject) {
                return Err(Stop::unclear("a fresh credential was refused"));
            }
        }
        trial.done_by(Operation::Logout, &login, &[]).await?;
        let acknowledged_ns = monotonic_ns();
        match until_refused(trial, &login, replica, acknowledged_ns, bound_ms).await? {
            Ended::After(delay_ns) => delays_ns.push(delay_ns),
            Ended::Not(_) if bound_ms.is_some_and(|ms| ms > LONG_MS) => {
                // The clock's door has to tell.
                let relic = [Relic::Access("the ended login", &login)];
                return must_die(trial, case, &relic, None, &[replica]).await;
            }
            Ended::Not(delay_ns) => {
                let shown = trial.who_at(&login, replica).await?;
                let late_ms = delay_ns / 1_000_000;
                let detail = match bound_ms {
                    Some(bound_ms) => format!(
                        "accepted by a request that began {late_ms} ms after the acknowledgement; \
                         declared are {bound_ms} ms"
                    ),
                    None => format!(
                        "still accepted after {late_ms} ms; the profile has no \
                         `policy.revoke_max_ms`"
                    ),
                };
                match bound_ms {
                    Some(_) => trial.fail(case, detail, &[shown.answer()]),
                    None => trial.inconclusive(case, detail, &[shown.answer()]),
                }
                return Ok(());
            }
        }
        let spent_ns = monotonic_ns() - began_ns;
        if u128::from(spent_ns) > BUDGET.as_nanos() {
            break;
        }
    }
    trial.control(&control).await?;
    report(trial, case, delays_ns, bound_ms);
    Ok(())
}

enum Ended {
    /// Refused; the last acceptance began so long after the acknowledgement.
    After(u64),
    /// Accepted beyond the bound, or for too long to go on asking.
    Not(u64),
}

async fn until_refused(
    trial: &Trial<'_>,
    login: &Login,
    replica: usize,
    acknowledged_ns: u64,
    bound_ms: Option<u64>,
) -> Result<Ended, Stop> {
    let patience_ms = bound_ms.unwrap_or(LONG_MS);
    let pause = Duration::from_millis((patience_ms / 100).clamp(1, 20));
    let mut last_ns = 0;
    loop {
        let since_ns = monotonic_ns() - acknowledged_ns;
        let who = trial.who_at(login, replica).await?;
        if !who.is_somebody() {
            return Ok(Ended::After(last_ns));
        }
        last_ns = since_ns;
        // A bound that the clock's door shows is not waited for.
        let long = bound_ms.is_some_and(|ms| ms > LONG_MS);
        if long || since_ns >= patience_ms.saturating_mul(1_000_000) {
            return Ok(Ended::Not(last_ns));
        }
        tokio::time::sleep(pause).await;
    }
}

fn report(trial: &Trial<'_>, case: &str, mut delays_ns: Vec<u64>, bound_ms: Option<u64>) {
    delays_ns.sort_unstable();
    let count = delays_ns.len();
    let at = |share: usize| delays_ns[(count * share / 100).min(count - 1)];
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of seconds fit")]
    let ms = |ns: u64| ns as f64 / 1e6;
    let name = case.replace(' ', "_");
    for (what, value_ns) in [("p50", at(50)), ("p99", at(99)), ("max", at(100))] {
        trial.measured(format!("{name}_{what}_ms"), ms(value_ns));
    }
    if let Some(bound_ms) = bound_ms.filter(|ms| *ms > 0) {
        declared_late(trial, bound_ms);
    }
    trial.pass(
        case,
        format!(
            "in {count} rounds the last acceptance began at most {:.1} ms after the \
             acknowledgement",
            ms(at(100))
        ),
    );
}
