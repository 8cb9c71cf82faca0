//! REVOKE-012: the endpoints of RFC 7009 and RFC 7662.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::{Client, Family};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::dead::{Relic, living};
use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// REVOKE-012.
pub(super) const REVOKE_012: Check = Check {
    id: "REVOKE-012",
    statement: "revocation answers alike for unknown tokens and touches no other client's; \
                introspection is for authenticated clients, and of a dead token it says nothing \
                but that",
    level: Level::Must,
    severity: Severity::High,
    families: &[Family::Refresh, Family::Denylist],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &[
        "RFC 7009 2.1",
        "RFC 7009 2.2",
        "RFC 7662 2.1",
        "RFC 7662 2.2",
        "RFC 7662 4",
        "ASVS 5.0 10.4.9",
        "ASVS 5.0 10.4.10",
    ],
    cwe: &[],
    mend: "Authenticate the client first, compare it with the one that the token was issued to, \
           and answer `{\"active\": false}` for all that is not alive.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    if !trial.has(Operation::Revoke) && !trial.has(Operation::Introspect) {
        return Err(Stop::NotApplicable(
            "needs [operations.revoke] or [operations.introspect] in the profile".to_owned(),
        ));
    }
    trial.settle("revoke: unknown token", unknown(trial).await);
    trial.settle("revoke: another client", foreign(trial).await);
    trial.settle("revoke: wrong secret", wrong_secret(trial).await);
    trial.settle("revoke: what it ends", ends(trial).await);
    trial.settle("introspect: callers", callers(trial).await);
    trial.settle("introspect: dead token", inactive(trial).await);
    Ok(())
}

/// RFC 6749 2.3.1.
fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

fn client<'t>(trial: &Trial<'t>, number: usize) -> Result<&'t Client, Stop> {
    let client = trial.profile().clients.get(number);
    let client = client.ok_or_else(|| Stop::needs("clients"))?;
    trial.hide(&basic(&client.id, &client.secret)["Basic ".len()..]);
    Ok(client)
}

/// Revokes the refresh token of a login as a client; as none if `None`.
async fn revoke(
    trial: &Trial<'_>,
    login: &Login,
    token: &str,
    shown: Option<String>,
) -> Result<Answer, Stop> {
    let mut ask = trial.ask(Operation::Revoke)?.with(login).refresh(token);
    // A client that shows itself has no place left for a bearer token.
    ask = ask.without_access();
    if let Some(shown) = shown {
        ask = ask.header("authorization", shown);
    }
    ask.send().await
}

/// The client that logins are issued to, if the target knows any.
fn own_client(trial: &Trial<'_>) -> Option<String> {
    let client = client(trial, 0).ok()?;
    Some(basic(&client.id, &client.secret))
}

async fn refreshing(trial: &Trial<'_>) -> Result<(Login, String), Stop> {
    trial.request(Operation::Revoke)?;
    let login = trial.login().await?;
    let token = login.refresh.clone();
    let token =
        token.ok_or_else(|| Stop::NotApplicable("there are no refresh tokens".to_owned()))?;
    Ok((login, token))
}

async fn unknown(trial: &Trial<'_>) -> Result<(), Stop> {
    let (login, token) = refreshing(trial).await?;
    let never = trial.never_valid(&token);
    let answer = revoke(trial, &login, &never, own_client(trial)).await?;
    let detail = format!(
        "a token that was never issued was answered {}",
        answer.status
    );
    trial.judge(
        "revoke: unknown token",
        answer.status == 200,
        detail,
        &[&answer],
    );
    trial.refresh(&login).await.map(drop)
}

async fn foreign(trial: &Trial<'_>) -> Result<(), Stop> {
    let other = client(trial, 1)?;
    let (login, token) = refreshing(trial).await?;
    let shown = basic(&other.id, &other.secret);
    let answer = revoke(trial, &login, &token, Some(shown)).await?;
    let (after, renewed) = trial.refresh_at(&login, login.replica).await?;
    trial.judge(
        "revoke: another client",
        renewed.is_some(),
        format!(
            "another client's try was answered {}, and then the token {}",
            answer.status, after.status
        ),
        &[&answer, &after],
    );
    Ok(())
}

async fn wrong_secret(trial: &Trial<'_>) -> Result<(), Stop> {
    let own = client(trial, 0)?;
    let (login, token) = refreshing(trial).await?;
    let shown = basic(&own.id, "not-the-secret");
    let answer = revoke(trial, &login, &token, Some(shown)).await?;
    let (after, renewed) = trial.refresh_at(&login, login.replica).await?;
    trial.judge(
        "revoke: wrong secret",
        answer.refused() && renewed.is_some(),
        format!(
            "a client with a wrong secret was answered {}, and then the token {}",
            answer.status, after.status
        ),
        &[&answer, &after],
    );
    Ok(())
}

async fn ends(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "revoke: what it ends";
    let (login, token) = refreshing(trial).await?;
    trial.control(&login).await?;
    let answer = revoke(trial, &login, &token, own_client(trial)).await?;
    let relic = [Relic::Refresh("the login", &login)];
    match living(trial, &relic, &[0]).await? {
        Some(alive) if trial.policy().revoke_max_ms.is_none_or(|ms| ms == 0) => {
            trial.fail(CASE, alive.told, &[&answer, &alive.answer]);
            return Ok(());
        }
        Some(_) => trial.note("declared: a revoked refresh token is accepted for a while"),
        None => {}
    }
    let who = trial.who(&login).await?;
    trial.pass(
        CASE,
        format!(
            "the refresh token is dead; its access token was {}",
            who.told()
        ),
    );
    if who.is_somebody() {
        trial.note(
            "revoking a refresh token leaves its access tokens alive; RFC 7009 2.1 says that it \
             should end them",
        );
    }
    Ok(())
}

async fn introspect(trial: &Trial<'_>, token: &str, shown: Option<String>) -> Result<Answer, Stop> {
    let mut ask = trial.ask(Operation::Introspect)?.gap("token", token);
    if let Some(shown) = shown {
        ask = ask.header("authorization", shown);
    }
    ask.send().await
}

fn is_active(answer: &Answer) -> bool {
    let active = answer.json().and_then(|body| body.get("active").cloned());
    active == Some(Value::Bool(true))
}

async fn callers(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "introspect: callers";
    trial.request(Operation::Introspect)?;
    let own = client(trial, 0)?;
    let login = trial.login().await?;
    let right = basic(&own.id, &own.secret);
    let known = introspect(trial, &login.access, Some(right)).await?;
    if !is_active(&known) {
        return Err(Stop::unclear(
            "introspection of a live token says that it is not",
        ));
    }
    let wrong = basic(&own.id, "not-the-secret");
    for (who, shown) in [
        ("nobody", None),
        ("a client with a wrong secret", Some(wrong)),
    ] {
        let answer = introspect(trial, &login.access, shown).await?;
        let tells = answer.ok()
            && answer
                .json()
                .is_some_and(|body| body.get("active").is_some());
        let detail = format!("{who} was answered {}", answer.status);
        trial.judge(CASE, !tells, detail, &[&answer]);
    }
    let cached = known.header_list("cache-control").to_ascii_lowercase();
    let kept = cached.contains("max-age") && !cached.contains("max-age=0");
    let kept = kept && !cached.contains("no-store");
    let detail = format!("the answer about a live token has `Cache-Control: {cached}`");
    trial.judge("introspect: not kept", !kept, detail, &[&known]);
    Ok(())
}

async fn inactive(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "introspect: dead token";
    trial.request(Operation::Introspect)?;
    let own = client(trial, 0)?;
    let login = trial.login().await?;
    trial.done_by(Operation::Logout, &login, &[]).await?;
    let never = trial.never_valid(&login.access);
    for (which, token) in [
        ("a revoked token", &login.access),
        ("a forged token", &never),
    ] {
        let shown = basic(&own.id, &own.secret);
        let answer = introspect(trial, token, Some(shown)).await?;
        let late = trial.policy().revoke_max_ms.is_none_or(|ms| ms > 0);
        if is_active(&answer) && token == &login.access && late {
            trial.not_applicable(CASE, "the token lives on until the declared bound");
            continue;
        }
        let body = answer.json();
        let only = body == Some(serde_json::json!({ "active": false }));
        let detail = format!("{which} was answered {}: {}", answer.status, answer.text());
        trial.judge(CASE, answer.ok() && only, detail, &[&answer]);
    }
    Ok(())
}
