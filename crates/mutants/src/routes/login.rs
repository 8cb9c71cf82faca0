//! Logins, and their end.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;
use tokio::time::sleep;

use crate::accounts::PasswordHash;
use crate::answer::{self, Refusal};
use crate::app::App;
use crate::kind::Kind;
use crate::store::Data;
use crate::token::{self, Expiry};
use crate::{body, caller, carrier, cookies, denylist, grant, random, sealed, session};

/// Milliseconds that a try takes longer, once an account is guessed at.
const GUESS_DELAY_MS: u64 = 250;
/// Milliseconds by which flaws widen the window of a race.
pub(super) const RACE_MS: u64 = 40;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    user: String,
    password: String,
}

/// `POST /login`.
pub(super) async fn login(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    let asked: Asked = body::read(&app, &headers, &bytes)?;
    let client = carrier::client(&app, &headers)?.unwrap_or(app.world.clients[0].id);
    let brought = carrier::found(&app, &headers).ok().flatten();
    let version = prove(&app, &asked.user, &asked.password).await?;
    if app.flaw("M97") {
        sleep(Duration::from_millis(RACE_MS)).await;
    }
    let stale_index = match app.flaw("M130") {
        true => app.store(|data| index(data, &asked.user)).await?,
        false => Vec::new(),
    };
    // The password is judged again in the step that opens the login: one that
    // was changed meanwhile opens none (mutants of CONCURRENCY-002 sit here).
    let granted = app
        .store(|data| {
            let account = data
                .accounts
                .by_user(&asked.user)
                .filter(|account| !account.disabled)
                .filter(|account| account.password_version == version || app.flaw("M97"))
                .cloned()
                .ok_or(Refusal::Unauthenticated)?;
            let brought = brought.as_deref().filter(|_| app.kind.in_cookie());
            let kept = session::kept(&app, data, brought);
            if let Some(credential) = brought {
                end(&app, data, credential);
            }
            grant::open(&app, data, &account, client, kept)
        })
        .await??;
    if app.flaw("M130") {
        sleep(Duration::from_millis(RACE_MS)).await;
        let ids = [stale_index, vec![granted.login.clone()]].concat();
        let subject = granted.subject.clone();
        app.store(|data| data.by_subject.insert(subject, ids))
            .await?;
    }
    Ok(grant::answer(&app, &granted))
}

/// The ids of the user's logins.
fn index(data: &mut Data, user: &str) -> Vec<String> {
    let subject = data.accounts.by_user(user).map(|it| it.subject.clone());
    let ids = subject.and_then(|subject| data.by_subject.get(&subject));
    ids.cloned().unwrap_or_default()
}

/// The version of the user's password, if that is the password. Known and
/// unknown users cost the same (ASVS 5.0 6.3.8; mutants of PRIVILEGE-006 sit
/// here).
pub(super) async fn prove(app: &App, user: &str, password: &str) -> Result<u64, Refusal> {
    let now_ms = app.now_ms();
    let (known, guessed) = app
        .store(|data| {
            let known = data
                .accounts
                .by_user(user)
                .map(|account| (account.password.clone(), account.password_version));
            (known, data.accounts.is_guessed(user, now_ms))
        })
        .await?;
    if guessed {
        tokio::time::sleep(Duration::from_millis(GUESS_DELAY_MS)).await;
    }
    if guessed && app.flaw("M176") {
        return Err(Refusal::Unauthenticated);
    }
    if known.is_none() && app.flaw("M174") {
        return Err(Refusal::Absent);
    }
    let (hash, version) = known.unwrap_or_else(|| (PasswordHash::nobody(), u64::MAX));
    let fits = hash.fits(password);
    app.store(|data| {
        if fits {
            data.accounts.knew(user);
            Ok(version)
        } else {
            data.accounts.guessed(user, now_ms);
            Err(Refusal::Unauthenticated)
        }
    })
    .await?
}

/// `POST /logout`: ends the login of the credential, even if the access token
/// has expired; done twice, it is done. Acknowledged only when stored (mutants
/// of REVOKE-001, REVOKE-003 and FAULT-003 sit here).
pub(super) async fn logout(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if let Some(credential) = carrier::found(&app, &headers)? {
        let ended = match flawed_end(&app, &credential).await {
            Some(ended) => ended,
            None => app.store(|data| end(&app, data, &credential)).await,
        };
        match ended {
            Err(_) if app.flaw("M150") => {}
            Err(_) if app.flaw("M152") => drop(app.memory.lock().ended.insert(credential)),
            ended => ended?,
        }
    }
    let mut response = answer::receipt(app.now_ms());
    cookies::clear_all(&app, &mut response);
    Ok(response)
}

/// What flaws do in the place of a logout; `None` where there is none.
async fn flawed_end(app: &Arc<App>, credential: &str) -> Option<Result<(), Refusal>> {
    let digest = random::digest(app, credential);
    if app.flaw("M82") {
        return Some(Ok(()));
    }
    if app.flaw("M80") {
        let known = app.store(|data| data.sessions.contains_key(&digest)).await;
        return match known {
            Ok(true) => None,
            _ => Some(Err(Refusal::Unavailable)),
        };
    }
    if app.flaw("M84") {
        let all = |data: &mut Data| {
            let id = data.sessions.get(&digest);
            let login = id.and_then(|id| data.logins.get(id));
            if let Some(subject) = login.map(|login| login.subject.clone()) {
                data.end_all(&subject, 0);
            }
        };
        return Some(app.store(all).await);
    }
    if app.flaw("M88") {
        let here = |data: &mut Data| {
            data.refused_at.insert(digest, app.replica);
        };
        let refused = app.store(here).await;
        let (app, credential) = (Arc::clone(app), credential.to_owned());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            app.store(|data| end(&app, data, &credential)).await
        });
        return Some(refused);
    }
    None
}

/// Ends the login that `credential` belongs to, if any.
fn end(app: &App, data: &mut Data, credential: &str) {
    let id = match app.kind {
        Kind::SessionCookie | Kind::SessionBearer => {
            data.sessions.get(&random::digest(app, credential)).cloned()
        }
        Kind::Sealed => sealed::open(app, app.kind.access_cookie(), credential)
            .ok()
            .map(|state| state.login),
        _ => match token::read(app, credential, Expiry::Ignored) {
            Err(_) => None,
            Ok(claims) if !app.kind.keeps_logins() || app.flaw("M63") => {
                if app.flaw("M69") {
                    let until_ms = denylist::cutoff_ends_ms(app, app.now_ms());
                    let text = random::digest(app, credential);
                    data.denied.insert(text, until_ms);
                } else {
                    denylist::deny(app, data, &claims);
                }
                None
            }
            Ok(claims) => Some(claims.login),
        },
    };
    if app.flaw("M85")
        && let Some(login) = id.as_ref().and_then(|id| data.logins.get_mut(id))
        && login.generation > 0
    {
        login.generation -= 1;
        return;
    }
    match id {
        Some(id) if app.flaw("M57") => data.end_unspent(&id),
        Some(id) => {
            data.end(&id);
        }
        None => {}
    }
}

/// `POST /logout-all`: ends every login of the caller (mutants of REVOKE-004
/// sit here).
pub(super) async fn logout_all(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let caller = caller::authenticate(&app, &headers).await?;
    app.store(|data| {
        caller::still(&app, data, &caller)?;
        data.end_all(
            &caller.subject,
            denylist::cutoff_ends_ms(&app, app.now_ms()),
        );
        Ok(())
    })
    .await??;
    let mut response = answer::receipt(app.now_ms());
    cookies::clear_all(&app, &mut response);
    Ok(response)
}
