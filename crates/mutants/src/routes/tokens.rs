//! Refresh, revocation, introspection, public keys.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::login::RACE_MS;
use crate::answer::{self, Refusal};
use crate::app::App;
use crate::kind::ISSUER;
use crate::{body, caller, carrier, cookies, grant, keys, limits, random, refresh};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Presented {
    refresh_token: String,
}

/// The refresh token of a request: in its cookie, or in the body.
fn presented(app: &App, headers: &HeaderMap, bytes: &[u8]) -> Result<String, Refusal> {
    let token = if app.kind.in_cookie() {
        cookies::read(app, headers, cookies::REFRESH)?.ok_or(Refusal::Unauthenticated)?
    } else {
        body::read::<Presented>(app, headers, bytes)?.refresh_token
    };
    if token.len() > limits::CREDENTIAL_OCTETS_MAX {
        return Err(Refusal::Unauthenticated);
    }
    Ok(token)
}

/// `POST /refresh`. A refusal never touches cookies, so that who lost a race
/// keeps what the winner got (mutants of REFRESH-006, REFRESH-010 and
/// CONCURRENCY-004 sit here).
pub(super) async fn refresh(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    let client = carrier::client(&app, &headers)?.unwrap_or(app.world.clients[0].id);
    let token = presented(&app, &headers, &bytes)?;
    if app.flaw("M89") {
        slowly(&app, &token).await?;
    }
    let (granted, replays) = app
        .store(|data| {
            let record = data.refresh.get(&random::digest(&app, &token));
            let replays = record.map_or(0, |record| record.replays);
            let traded = refresh::trade(&app, data, &token, client, app.now_ms())?;
            Ok((grant::renew(&app, data, traded)?, replays))
        })
        .await??;
    let mut response = grant::answer(&app, &granted);
    if app.flaw("M62") && replays > 0 {
        cookies::clear_access(&app, &mut response);
    }
    Ok(response)
}

/// Flaw M89: takes its time between reading the login and writing it, and then
/// writes it even if it was ended meanwhile.
async fn slowly(app: &App, token: &str) -> Result<(), Refusal> {
    let digest = random::digest(app, token);
    let read = app
        .store(|data| {
            let record = data.refresh.get(&digest).cloned()?;
            let login = data.logins.get(&record.login).cloned()?;
            Some((record, login))
        })
        .await?;
    sleep(Duration::from_millis(RACE_MS)).await;
    let Some((record, login)) = read else {
        return Ok(());
    };
    app.store(|data| {
        if data.logins.contains_key(&login.id) {
            return;
        }
        let ids = data.by_subject.entry(login.subject.clone()).or_default();
        ids.push(login.id.clone());
        data.logins.insert(login.id.clone(), login);
        data.refresh.insert(digest, record);
    })
    .await
}

/// `POST /refresh/revoke` (RFC 7009): ends the login of a refresh token;
/// unknown tokens, and those of other clients, are answered the same (mutants
/// of REVOKE-012 sit here).
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    let client = carrier::client(&app, &headers)?.unwrap_or(app.world.clients[0].id);
    let mut response = answer::receipt(app.now_ms());
    let token = match presented(&app, &headers, &bytes) {
        Ok(token) => token,
        Err(Refusal::Unauthenticated) => return Ok(response),
        Err(refusal) => return Err(refusal),
    };
    let ended = app
        .store(|data| {
            let owner = refresh::owner(&app, data, &token, client);
            owner.is_some_and(|id| data.end(&id))
        })
        .await?;
    if ended {
        cookies::clear_all(&app, &mut response);
    }
    Ok(response)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    token: String,
}

/// `POST /introspect` (RFC 7662): for clients only; of a dead token it says
/// nothing but that.
pub(super) async fn introspect(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    let shown = carrier::client(&app, &headers)?;
    let client = match app.flaw("M92") {
        true => shown.unwrap_or(app.world.clients[0].id),
        false => shown.ok_or(Refusal::UnknownClient)?,
    };
    let asked: Asked = body::read(&app, &headers, &bytes)?;
    let inactive = json!({ "active": false });
    let body: Value = match caller::identify(&app, &asked.token).await {
        Ok(caller) if caller.client == client => {
            let mut body = json!({
                "active": true,
                "sub": caller.subject,
                "client_id": caller.client,
                "token_type": "Bearer",
            });
            if let Some(claims) = &caller.claims {
                body["exp"] = claims.expires_s.into();
                body["iat"] = claims.issued_s.into();
            }
            body
        }
        Ok(_) | Err(Refusal::Unauthenticated) => inactive,
        Err(refusal) => return Err(refusal),
    };
    Ok(answer::ok(&body))
}

/// `GET /.well-known/jwks.json` (RFC 7517; a mutant of JWT-020 sits here).
pub(super) async fn jwks(State(app): State<Arc<App>>) -> Response {
    let mut set = app.world.keys.jwks(app.now_ms());
    if app.flaw("M142")
        && let Some(keys) = set["keys"].as_array_mut()
    {
        keys.push(keys::forgotten());
    }
    if app.flaw("M54")
        && let Some(private) = app.world.keys.private_jwk(ISSUER)
    {
        set["keys"][0] = private;
    }
    answer::ok(&set)
}
