//! CONCURRENCY-001: a slow request in flight during a logout.

use std::time::Duration;

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::Family;
use tokio::time::sleep;

use super::aftermath::Aftermath;
use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::login::{Login, brought};
use crate::stop::Stop;
use crate::trial::Trial;

/// Milliseconds that the slow request is asked to take at first; twice as many
/// whenever the logout was slower than that.
const SLOW_MS: u64 = 100;
/// The most tries for a logout that ends before the slow request does.
const TRIES_MAX: u32 = 6;

/// CONCURRENCY-001.
pub(super) const CONCURRENCY_001: Check = Check {
    id: "CONCURRENCY-001",
    statement: "a slow request in flight during a logout does not bring the login back, neither \
                in the store nor by a late Set-Cookie",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[Family::Session, Family::Hybrid, Family::Sealed],
    seen_by: &[Eye::Http],
    operations: &[
        Operation::Login,
        Operation::Logout,
        Operation::Slow,
        Operation::Whoami,
    ],
    doors: &[],
    clauses: &["ASVS 5.0 15.4.2", "ASVS 5.0 7.4.1"],
    cwe: &[362, 367],
    mend: "At the end of a request change the session's record only if it is still there (no \
           upsert), and set the cookie again only if the login still lives.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    alone(trial).await?;
    let mut stored = Aftermath::new(trial);
    let mut handed = Aftermath::new(trial);
    let (mut overlaps, mut cookies, mut tries) = (0, 0, 0);
    let mut slow_ms = SLOW_MS;
    let wanted = trial.options().rounds.clamp(1, 3);
    while overlaps < wanted && tries < wanted.max(TRIES_MAX) {
        let login = trial.login().await?;
        trial.control(&login).await?;
        // Soon after its begin, and shortly before its end.
        let wait_ms = match tries % 2 {
            0 => slow_ms / 5,
            _ => slow_ms / 2,
        };
        tries += 1;
        let (slow, logout) = overlapped(trial, &login, slow_ms, wait_ms).await?;
        if !trial.done(Operation::Logout, &logout) {
            return Err(Stop::unclear(format!(
                "the logout was answered {}",
                logout.status
            )));
        }
        match logout.began_ms + millis(logout.took) < slow.began_ms + millis(slow.took) {
            true => overlaps += 1,
            false => slow_ms *= 2,
        }
        let how = format!(
            "try {tries}: logout {wait_ms} ms into a request of {} ms (answered {})",
            slow.took.as_millis(),
            slow.status
        );
        stored.look(&how, &login).await?;
        if let Some(late) = late_cookie(trial, &login, &slow) {
            cookies += 1;
            handed.look_at_access(&how, &late).await?;
        }
    }
    if overlaps == 0 {
        return Err(Stop::unclear(
            "no slow request outlasted the logout: `slow` does not take the time that it is asked \
             to take",
        ));
    }
    let detail = format!("{overlaps} of {tries} requests outlasted the logout");
    stored.judge("credential of the login", &detail).await?;
    let detail = format!("{cookies} late cookies with a credential");
    handed.judge("late Set-Cookie", &detail).await
}

/// Without anything in flight a logout must end the login, or nothing follows.
async fn alone(trial: &Trial<'_>) -> Result<(), Stop> {
    let login = trial.login().await?;
    trial.control(&login).await?;
    trial.done_by(Operation::Logout, &login, &[]).await?;
    let who = trial.who(&login).await?;
    if who.is_somebody() && trial.policy().revoke_max_ms == Some(0) {
        return Err(Stop::unclear(
            "a logout does not end the login even without a request in flight (REVOKE-001)",
        ));
    }
    Ok(())
}

async fn overlapped(
    trial: &Trial<'_>,
    login: &Login,
    slow_ms: u64,
    wait_ms: u64,
) -> Result<(Answer, Answer), Stop> {
    let slow = trial.ask(Operation::Slow)?.with(login);
    let slow = slow.gap("ms", slow_ms.to_string()).send();
    let logout = async {
        sleep(Duration::from_millis(wait_ms)).await;
        trial.perform(Operation::Logout, login, &[]).await
    };
    let (slow, logout) = tokio::join!(slow, logout);
    Ok((slow?, logout?))
}

/// What a browser would hold after the late answer.
fn late_cookie(trial: &Trial<'_>, login: &Login, slow: &Answer) -> Option<Login> {
    let access = brought(trial.profile(), slow).access?;
    (!slow.set_cookies().is_empty()).then(|| Login {
        access,
        ..login.clone()
    })
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
