//! What administrators do.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::json;

use crate::accounts::PasswordHash;
use crate::answer::{self, Refusal};
use crate::app::App;
use crate::caller::Caller;
use crate::{body, caller, denylist, limits};

/// Most roles of one account.
const ROLES_MAX: usize = 32;

async fn administrator(app: &App, headers: &HeaderMap) -> Result<Caller, Refusal> {
    let caller = caller::authenticate(app, headers).await?;
    caller.admin()?;
    Ok(caller)
}

/// `GET /admin`.
pub(super) async fn admin(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let caller = administrator(&app, &headers).await?;
    Ok(answer::ok(&json!({ "subject": caller.subject })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    user: String,
    password: String,
}

/// `POST /admin/users`.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    administrator(&app, &headers).await?;
    let asked: New = body::read(&app, &headers, &bytes)?;
    if asked.user.is_empty() || asked.user.len() > limits::TEXT_OCTETS_MAX {
        return Err(Refusal::Malformed);
    }
    let hash = PasswordHash::new(&asked.password)?;
    let subject = app
        .store(|data| data.accounts.create(&app, &asked.user, hash))
        .await??;
    Ok(answer::ok(&json!({ "subject": subject })))
}

/// `DELETE /admin/users/{user}`: the account and all of its logins (mutants
/// of REVOKE-006 sit here).
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    administrator(&app, &headers).await?;
    app.store(|data| {
        let subject = data.accounts.delete(&user).ok_or(Refusal::Absent)?;
        if app.kind.keeps_logins() {
            data.end_all(&subject, denylist::cutoff_ends_ms(&app, app.now_ms()));
        }
        Ok(())
    })
    .await??;
    Ok(answer::receipt(app.now_ms()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Roles {
    roles: Vec<String>,
}

/// `POST /admin/users/{user}/roles`: in force at the next request.
pub(super) async fn roles(
    State(app): State<Arc<App>>,
    Path(user): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    administrator(&app, &headers).await?;
    let asked: Roles = body::read(&app, &headers, &bytes)?;
    if asked.roles.len() > ROLES_MAX || asked.roles.iter().any(|role| role.len() > 64) {
        return Err(Refusal::Malformed);
    }
    app.store(|data| {
        let account = data.accounts.by_user(&user).ok_or(Refusal::Absent)?;
        account.roles = asked.roles;
        Ok(())
    })
    .await??;
    Ok(answer::receipt(app.now_ms()))
}

/// `POST /admin/users/{user}/disable`: bars the account, and ends all of its
/// logins.
pub(super) async fn disable(
    State(app): State<Arc<App>>,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    administrator(&app, &headers).await?;
    app.store(|data| {
        let account = data.accounts.by_user(&user).ok_or(Refusal::Absent)?;
        account.disabled = true;
        if app.flaw("M61") {
            return Ok(());
        }
        let subject = account.subject.clone();
        data.end_all(&subject, denylist::cutoff_ends_ms(&app, app.now_ms()));
        Ok(())
    })
    .await??;
    Ok(answer::receipt(app.now_ms()))
}
