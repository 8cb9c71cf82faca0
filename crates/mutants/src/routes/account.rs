//! Passwords, proof of identity, and what needs it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::json;
use tokio::time::sleep;

use super::login::{RACE_MS, prove};
use crate::accounts::PasswordHash;
use crate::answer::{self, Refusal};
use crate::app::App;
use crate::caller::Caller;
use crate::store::{Data, Reset};
use crate::{body, caller, denylist, grant, limits, random};

/// Milliseconds for which a reset may be finished.
const RESET_MS: u64 = 15 * 60_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    current: String,
    new: String,
}

/// `POST /password`: needs the current one (ASVS 5.0 6.2.3), ends every login
/// of the caller, and answers with a new one (mutants of REVOKE-005 sit here).
pub(super) async fn password(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    let caller = caller::authenticate(&app, &headers).await?;
    let asked: Change = body::read(&app, &headers, &bytes)?;
    let version = match app.flaw("M170") {
        true => version_of(&app, &caller).await?,
        false => prove_caller(&app, &caller, &asked.current).await?,
    };
    let hash = PasswordHash::new(&asked.new)?;
    let granted = app
        .store(|data| {
            caller::still(&app, data, &caller)?;
            let account = data
                .accounts
                .able(&caller.subject)
                .filter(|account| account.password_version == version)
                .ok_or(Refusal::Unauthenticated)?;
            account.password = hash;
            account.password_version += 1;
            let account = account.clone();
            let until_ms = denylist::cutoff_ends_ms(&app, app.now_ms());
            data.end_all(&caller.subject, until_ms);
            grant::open(&app, data, &account, &caller.client, None)
        })
        .await??;
    Ok(grant::answer(&app, &granted))
}

/// Flaw M170: the version of the caller's password, whatever was shown.
async fn version_of(app: &App, caller: &Caller) -> Result<u64, Refusal> {
    let version = |data: &mut Data| {
        let account = data.accounts.able(&caller.subject);
        account.map(|account| account.password_version)
    };
    app.store(version).await?.ok_or(Refusal::Unauthenticated)
}

/// The version of the caller's password, if that is it. A wrong one is no
/// reason to doubt the login: 403.
async fn prove_caller(app: &App, caller: &Caller, password: &str) -> Result<u64, Refusal> {
    let user = app
        .store(|data| {
            let account = data.accounts.able(&caller.subject);
            account.map(|account| account.user.clone())
        })
        .await?
        .ok_or(Refusal::Unauthenticated)?;
    match prove(app, &user, password).await {
        Err(Refusal::Unauthenticated) => Err(Refusal::Forbidden),
        other => other,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Forgot {
    user: String,
}

/// `POST /reset/start`: answers alike for known and unknown users. What a mail
/// would bring is shown, for this server is for tests.
pub(super) async fn reset_start(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    let asked: Forgot = body::read(&app, &headers, &bytes)?;
    let token = random::secret(&app)?;
    let digest = random::digest(&app, &token);
    let ends_ms = app.now_ms() + RESET_MS;
    app.store(|data| {
        let account = data.accounts.by_user(&asked.user);
        let subject = account
            .filter(|account| !account.disabled)
            .map(|account| account.subject.clone());
        if let Some(subject) = subject {
            data.resets.retain(|_, reset| reset.subject != subject);
            data.resets.insert(digest, Reset { subject, ends_ms });
        }
    })
    .await?;
    Ok(answer::ok(&json!({ "token": token })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Finish {
    token: String,
    new: String,
}

/// `POST /reset/finish`: once (mutants of CONCURRENCY-007 sit here). Ends
/// every login of the account, and opens none.
pub(super) async fn reset_finish(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    let asked: Finish = body::read(&app, &headers, &bytes)?;
    let hash = PasswordHash::new(&asked.new)?;
    let digest = random::digest(&app, &asked.token);
    let mut read = None;
    if app.flaw("M134") {
        read = app.store(|data| data.resets.get(&digest).cloned()).await?;
        sleep(Duration::from_millis(RACE_MS)).await;
    }
    app.store(|data| {
        let now_ms = app.now_ms();
        let reset = data
            .resets
            .remove(&digest)
            .or(read)
            .filter(|reset| now_ms < reset.ends_ms)
            .ok_or(Refusal::Unauthenticated)?;
        let account = data
            .accounts
            .able(&reset.subject)
            .ok_or(Refusal::Unauthenticated)?;
        account.password = hash;
        account.password_version += 1;
        let user = account.user.clone();
        data.accounts.knew(&user);
        if !app.flaw("M86") {
            data.end_all(&reset.subject, denylist::cutoff_ends_ms(&app, now_ms));
        }
        Ok(())
    })
    .await??;
    Ok(answer::receipt(app.now_ms()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Proof {
    password: String,
}

/// `POST /step-up`: proves the caller anew, and gives the login a fresh
/// identifier.
pub(super) async fn step_up(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    let caller = caller::authenticate(&app, &headers).await?;
    let asked: Proof = body::read(&app, &headers, &bytes)?;
    prove_caller(&app, &caller, &asked.password).await?;
    if app.flaw("M99") {
        take_away_first(&app, &caller).await?;
    }
    let granted = app
        .store(|data| {
            caller::still(&app, data, &caller)?;
            grant::step_up(&app, data, &caller)
        })
        .await??;
    Ok(grant::answer(&app, &granted))
}

/// Flaw M99: takes the old identifier away a while before there is a new one;
/// who comes with it meanwhile counts as a visitor.
async fn take_away_first(app: &App, caller: &Caller) -> Result<(), Refusal> {
    let old = app
        .store(|data| {
            let old = data.logins.get(&caller.login)?.session.clone();
            data.sessions.remove(&old);
            data.moving.insert(old.clone());
            Some(old)
        })
        .await?
        .unwrap_or_default();
    sleep(Duration::from_millis(RACE_MS)).await;
    app.store(|data| data.moving.remove(&old)).await?;
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Email {
    email: String,
}

/// `POST /me/email`: only soon after a step-up (ASVS 5.0 7.5.1).
pub(super) async fn email(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    let caller = caller::authenticate(&app, &headers).await?;
    caller.stepped_up(app.now_ms())?;
    let asked: Email = body::read(&app, &headers, &bytes)?;
    if asked.email.len() > limits::TEXT_OCTETS_MAX {
        return Err(Refusal::Malformed);
    }
    app.store(|data| {
        caller::still(&app, data, &caller)?;
        let account = data
            .accounts
            .able(&caller.subject)
            .ok_or(Refusal::Unauthenticated)?;
        account.email = asked.email;
        Ok(())
    })
    .await??;
    Ok(answer::receipt(app.now_ms()))
}
