//! CONCURRENCY-008: many users at once over shared connections.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use rand::RngExt as _;

use super::logins::replicas;
use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::login::{Login, brought};
use crate::race::warm;
use crate::stop::Stop;
use crate::trial::{Trial, Who};

/// The users that mix.
const USERS: u32 = 50;
/// Requests at once; each reuses a connection that another user just had.
const AT_ONCE: usize = 24;
/// Requests, at most.
const REQUESTS_MAX: u32 = 6_000;
/// Every so many requests one comes without a credential.
const ANONYMOUS_EVERY: u32 = 8;

/// CONCURRENCY-008.
pub(super) const CONCURRENCY_008: Check = Check {
    id: "CONCURRENCY-008",
    statement: "with many users over shared connections no answer ever carries another user's \
                identity, cookie or page",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 15.4.1", "ASVS 5.0 14.2.2"],
    cwe: &[362, 488, 524],
    mend: "Keep identities in the request, never in statics, pooled objects or per-connection \
           state; key every cache and every coalescing of requests by the caller.",
    cost: Cost::Slow,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let users = trial.users(USERS)?;
    let logging_in = users.iter().map(|user| trial.login_of(user));
    let logins: Vec<Login> = stream::iter(logging_in.collect::<Vec<_>>())
        .buffered(8)
        .try_collect()
        .await?;
    warm(trial, &replicas(trial), AT_ONCE).await?;
    let count = trial.options().samples.clamp(500, REQUESTS_MAX);
    let turns = (0..count).map(|turn| {
        let index = trial.random(|random| random.random_range(0..logins.len()));
        asked(trial, turn, &logins[index])
    });
    let found: Vec<Found> = stream::iter(turns.collect::<Vec<_>>())
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    tell(trial, count, &found);
    Ok(())
}

/// What one request shows.
enum Found {
    Right,
    /// Another's identity, cookie or page.
    Wrong(Box<(String, Answer)>),
    /// The owner was refused.
    Refused(u16),
    /// The target failed.
    Failed(u16),
}

fn wrong(detail: String, answer: Answer) -> Found {
    Found::Wrong(Box::new((detail, answer)))
}

async fn asked(trial: &Trial<'_>, turn: u32, login: &Login) -> Result<Found, Stop> {
    let replica = usize::try_from(turn).unwrap_or(0) % replicas(trial).len().max(1);
    if turn.is_multiple_of(ANONYMOUS_EVERY) {
        let answer = trial.ask(Operation::Whoami)?.at(replica).send().await?;
        return Ok(match trial.identity(answer) {
            Who::Is(subject, answer) => wrong(format!("without a credential: `{subject}`"), answer),
            who if who.answer().status >= 500 => Found::Failed(who.answer().status),
            _ => Found::Right,
        });
    }
    let who = trial.who_at(login, replica).await?;
    if let Some(found) = foreign_cookie(trial, login, who.answer()).await? {
        return Ok(found);
    }
    Ok(match who {
        Who::Is(subject, _) if subject == login.subject => Found::Right,
        Who::Is(subject, answer) => wrong(format!("`{}` was `{subject}`", login.subject), answer),
        Who::Refused(answer) | Who::Nobody(answer) => Found::Refused(answer.status),
        Who::Unclear(answer) => Found::Failed(answer.status),
    })
}

/// A credential that came with an answer must be the caller's own.
async fn foreign_cookie(
    trial: &Trial<'_>,
    login: &Login,
    answer: &Answer,
) -> Result<Option<Found>, Stop> {
    if answer.set_cookies().is_empty() {
        return Ok(None);
    }
    let Some(access) = brought(trial.profile(), answer).access else {
        return Ok(None);
    };
    let who = trial.who_presents(&access, login.replica).await?;
    if who.is_somebody() && !who.is(&login.subject) {
        let detail = format!("`{}` got a cookie that is {}", login.subject, who.told());
        return Ok(Some(wrong(detail, answer.clone())));
    }
    Ok(None)
}

fn tell(trial: &Trial<'_>, count: u32, found: &[Found]) {
    const CASE: &str = "whose answer it is";
    let wrong: Vec<_> = found
        .iter()
        .filter_map(|it| match it {
            Found::Wrong(wrong) => Some((&wrong.0, &wrong.1)),
            Found::Right | Found::Refused(_) | Found::Failed(_) => None,
        })
        .collect();
    let other = |pick: fn(&Found) -> Option<u16>| {
        let statuses: Vec<_> = found.iter().filter_map(pick).collect();
        (
            statuses.len(),
            statuses.first().copied().unwrap_or_default(),
        )
    };
    let (refused, refusal) = other(|it| match it {
        Found::Refused(status) => Some(*status),
        _ => None,
    });
    let (failed, failure) = other(|it| match it {
        Found::Failed(status) => Some(*status),
        _ => None,
    });
    trial.measured("requests", f64::from(count));
    trial.note("over HTTP/1.1 connections that users share one after another");
    if let Some((first, _)) = wrong.first() {
        let shown: Vec<_> = wrong.iter().map(|(_, answer)| *answer).take(2).collect();
        let detail = format!("{} of {count} answers were another's: {first}", wrong.len());
        trial.fail(CASE, detail, &shown);
    } else if refused + failed > 0 {
        let detail = format!(
            "{refused} of {count} owners were refused (as {refusal}), {failed} requests failed \
             (as {failure}): no answer was another's"
        );
        trial.inconclusive(CASE, detail, &[]);
    } else {
        let detail = format!("{count} requests of {USERS} users, each answer its own user's");
        trial.pass(CASE, detail);
    }
}
