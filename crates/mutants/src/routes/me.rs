//! What belongs to the caller.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::json;
use tokio::time::sleep;

use crate::answer::{self, Refusal};
use crate::app::App;
use crate::caller::Caller;
use crate::grant::{self, Granted};
use crate::store::{Data, Login};
use crate::{body, caller, carrier, limits, random, session};

/// `GET /me`.
pub(super) async fn me(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if app.flaw("M136") {
        return coalesced(&app, &headers).await;
    }
    let caller = caller::authenticate(&app, &headers).await;
    if app.flaw("M99") && caller.is_err() && is_moving(&app, &headers).await? {
        return Ok(answer::ok(&json!({ "subject": null, "roles": [] })));
    }
    Ok(echo(&caller?))
}

/// Flaw M136: whoever asks while another's answer is under way gets that one.
async fn coalesced(app: &App, headers: &HeaderMap) -> Result<Response, Refusal> {
    let under_way = app.under_way.lock().clone();
    if let Some(caller) = under_way {
        return Ok(echo(&caller));
    }
    let caller = caller::authenticate(app, headers).await?;
    *app.under_way.lock() = Some(caller.clone());
    sleep(Duration::from_millis(5)).await;
    *app.under_way.lock() = None;
    Ok(echo(&caller))
}

/// Flaw M99: whether the identifier is being replaced just now.
async fn is_moving(app: &App, headers: &HeaderMap) -> Result<bool, Refusal> {
    let identifier = carrier::found(app, headers)?.unwrap_or_default();
    let digest = random::digest(app, &identifier);
    app.store(|data| data.moving.contains(&digest)).await
}

/// The identity echo.
fn echo(caller: &Caller) -> Response {
    answer::ok(&json!({
        "subject": caller.subject,
        "roles": caller.roles,
        "login": caller.login,
    }))
}

#[derive(Deserialize)]
pub(super) struct Wait {
    ms: u64,
}

/// `GET /slow?ms=`: like `/me`, after a while. What it notes of the login at
/// the end it notes only if the login is still there.
pub(super) async fn slow(
    State(app): State<Arc<App>>,
    Query(wait): Query<Wait>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let caller = caller::authenticate(&app, &headers).await?;
    let read = app.store(|data| data.logins.get(&caller.login).cloned());
    let read = read.await?.filter(|_| app.flaw("M77"));
    sleep(Duration::from_millis(wait.ms.min(limits::SLOW_MS_MAX))).await;
    if app.flaw("M138")
        && let Some(granted) = app.store(|data| anew(&app, data, &caller)).await?
    {
        return Ok(grant::answer(&app, &granted));
    }
    if let Some(login) = read {
        app.store(|data| upsert(data, login)).await?;
    } else if app.kind.keeps_logins() {
        app.store(|data| session::touched(&app, data, &caller.login, app.now_ms()))
            .await?;
    }
    Ok(echo(&caller))
}

/// Flaw M138: renews a login that is gone, with a cookie that works.
fn anew(app: &App, data: &mut Data, caller: &Caller) -> Option<Granted> {
    if data.logins.contains_key(&caller.login) {
        return None;
    }
    let account = data.accounts.able(&caller.subject).cloned()?;
    grant::open(app, data, &account, &caller.client, None).ok()
}

/// Flaw M77: saves the session as it was read, whether or not it is there.
fn upsert(data: &mut Data, login: Login) {
    let ids = data.by_subject.entry(login.subject.clone()).or_default();
    if !ids.contains(&login.id) {
        ids.push(login.id.clone());
    }
    data.sessions
        .insert(login.session.clone(), login.id.clone());
    data.logins.insert(login.id.clone(), login);
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Note {
    note: String,
}

/// `PUT /me/note`.
pub(super) async fn set_note(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    let caller = caller::authenticate(&app, &headers).await?;
    let asked: Note = body::read(&app, &headers, &bytes)?;
    if asked.note.len() > limits::TEXT_OCTETS_MAX {
        return Err(Refusal::Malformed);
    }
    app.store(|data| {
        caller::still(&app, data, &caller)?;
        let account = data
            .accounts
            .able(&caller.subject)
            .ok_or(Refusal::Unauthenticated)?;
        account.note.clone_from(&asked.note);
        Ok(())
    })
    .await??;
    Ok(answer::ok(
        &json!({ "subject": caller.subject, "note": asked.note }),
    ))
}

/// What the flaw of CSRF-003 takes from the query.
#[derive(Deserialize)]
pub(super) struct Override {
    note: Option<String>,
    #[serde(rename = "_method")]
    method: Option<String>,
}

/// `GET /me/note`.
pub(super) async fn note(
    State(app): State<Arc<App>>,
    Query(asked): Query<Override>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let caller = caller::authenticate(&app, &headers).await?;
    if let (true, Some(note), Some("PUT")) =
        (app.flaw("M104"), &asked.note, asked.method.as_deref())
    {
        app.store(|data| {
            if let Some(account) = data.accounts.able(&caller.subject) {
                account.note.clone_from(note);
            }
        })
        .await?;
    }
    let note = app
        .store(|data| {
            data.accounts
                .able(&caller.subject)
                .map(|account| account.note.clone())
        })
        .await?
        .ok_or(Refusal::Unauthenticated)?;
    Ok(answer::ok(
        &json!({ "subject": caller.subject, "note": note }),
    ))
}

/// `GET /users/{user}/note`: one's own only (ASVS 5.0 8.2.2).
pub(super) async fn note_of(
    State(app): State<Arc<App>>,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let caller = caller::authenticate(&app, &headers).await?;
    let note = app
        .store(|data| {
            data.accounts
                .by_user(&user)
                .filter(|account| account.subject == caller.subject || app.flaw("M178"))
                .map(|account| account.note.clone())
        })
        .await?
        .ok_or(Refusal::Forbidden)?;
    Ok(answer::ok(
        &json!({ "subject": caller.subject, "note": note }),
    ))
}
