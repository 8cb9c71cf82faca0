//! CONCURRENCY-004 and CONCURRENCY-005: refreshes that race a logout, and each
//! other on several replicas.

use std::time::Duration;

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::Family;
use tokio::time::sleep;

use super::aftermath::Aftermath;
use super::logins::replicas;
use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::checks::refresh::race::one_lineage;
use crate::checks::refresh::token::{Traded, holder, holder_of, presenting, renew, sorted};
use crate::login::Login;
use crate::race::warm;
use crate::stop::Stop;
use crate::trial::Trial;

/// CONCURRENCY-004.
pub(super) const CONCURRENCY_004: Check = Check {
    id: "CONCURRENCY-004",
    statement: "once a logout or a revocation is acknowledged, no refresh that was in flight \
                leaves a live credential behind",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[Family::Refresh, Family::Hybrid],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Refresh, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 7.4.1", "ASVS 5.0 15.4.2"],
    cwe: &[362, 367],
    mend: "Let the successor be stored only if the login is still there, in the same step (a \
           conditional write), or tie every token to the login's record and delete that.",
    cost: Cost::Quick,
    run: |trial| Box::pin(after_logout(trial)),
};

/// CONCURRENCY-005.
pub(super) const CONCURRENCY_005: Check = Check {
    id: "CONCURRENCY-005",
    statement: "simultaneous refreshes with one token on different replicas end in one lineage as \
                well (REFRESH-003)",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[Family::Refresh, Family::Hybrid],
    seen_by: &[Eye::Http, Eye::TwoReplicas],
    operations: &[Operation::Login, Operation::Refresh, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 15.4.2"],
    cwe: &[362],
    mend: "Spend the token by an atomic operation of the store that all replicas share; a lock or \
           a memory within one process does not reach the others.",
    cost: Cost::Quick,
    run: |trial| Box::pin(on_replicas(trial)),
};

async fn on_replicas(trial: &Trial<'_>) -> Result<(), Stop> {
    let second = trial.second_replica()?;
    // What one replica issues, the other must take.
    let first = holder(trial).await?;
    let moved = Login {
        replica: second,
        ..first
    };
    renew(trial, &moved).await?;
    one_lineage(trial, &[0, second]).await
}

async fn after_logout(trial: &Trial<'_>) -> Result<(), Stop> {
    let replicas = replicas(trial);
    // Requests that wait for a handshake do not race.
    warm(trial, &replicas, 2).await?;
    for (case, operation) in [("logout", Operation::Logout), ("revoke", Operation::Revoke)] {
        let outcome = match trial.request(operation) {
            Ok(_) => raced(trial, case, operation, &replicas).await,
            Err(stop) => Err(stop),
        };
        trial.settle(case, outcome);
    }
    Ok(())
}

/// Milliseconds by which the logout follows the refresh, round by round; a
/// negative number stands for a refresh that follows.
const LEADS_MS: [i64; 6] = [0, 1, -1, 3, 10, -3];

async fn raced(
    trial: &Trial<'_>,
    case: &str,
    operation: Operation,
    replicas: &[usize],
) -> Result<(), Stop> {
    let mut left = Aftermath::new(trial);
    let rounds = usize::try_from(trial.options().rounds.max(1)).unwrap_or(1);
    let (mut renewals, mut last) = (0, String::new());
    for round in 0..rounds {
        let lead_ms = LEADS_MS[round % LEADS_MS.len()];
        let other = replicas[round % replicas.len()];
        let login = holder_of(trial, &trial.user()?, 0).await?;
        let (traded, ended) = at_once(trial, &login, operation, lead_ms, other).await?;
        if !trial.done(operation, &ended) {
            return Err(Stop::unclear(format!(
                "round {round}: `{}` was answered {}",
                operation.label(),
                ended.status
            )));
        }
        last = format!(
            "{} {lead_ms} ms after the refresh, which was {}",
            operation.label(),
            traded.told()
        );
        let how = format!("round {round}, {last}");
        if let Some(renewed) = traded.renewed() {
            renewals += 1;
            left.look(&format!("{how}; what it brought"), renewed)
                .await?;
        }
        left.look(&format!("{how}; what was there before"), &login)
            .await?;
    }
    let detail = format!("{rounds} rounds, {renewals} refreshes were first; the last: {last}");
    left.judge(case, &detail).await
}

async fn at_once(
    trial: &Trial<'_>,
    login: &Login,
    operation: Operation,
    lead_ms: i64,
    replica: usize,
) -> Result<(Traded, Answer), Stop> {
    let wait = |ms: i64| sleep(Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
    let refresh = presenting(trial, login, replica)?;
    let refresh = async {
        if lead_ms < 0 {
            wait(-lead_ms).await;
        }
        refresh.send().await
    };
    let end = trial.ask(operation)?.with(login);
    let end = async {
        if lead_ms > 0 {
            wait(lead_ms).await;
        }
        end.send().await
    };
    let (answer, ended) = tokio::join!(refresh, end);
    Ok((sorted(trial, login, replica, answer?), ended?))
}
