//! What callers see and change of their own.

use std::sync::Arc;
use std::time::Duration;

use authbench_core::{LoginId, LoginInfo, Logins, Scope, SubjectId};
use authbench_wire::bodies::{
    NoteRequest, NoteResponse, PasswordRequest, SessionEntry, SessionsResponse,
};
use axum::RequestExt as _;
use axum::extract::{Path, Query, Request};
use axum::response::Response;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::login::{acknowledged, cleared};
use super::renew::own_change;
use crate::accounts::{PASSWORD_CHARS, ProofChange};
use crate::app::App;
use crate::denial::Denial;
use crate::{answer, body};

/// The longest delay of [`slow`], milliseconds.
const SLOW_MS_MAX: u64 = 10_000;
/// The longest note, octets.
const NOTE_OCTETS_MAX: usize = 256;

/// Who the caller is, as far as the credential says; asks no account.
pub(super) async fn me(app: Arc<App>, request: Request) -> Result<Response, Denial> {
    answer::me(app.caller(request.headers()).await?)
}

/// The same after a delay. The caller is judged when the request arrives, so
/// a logout meanwhile finds it in flight.
pub(super) async fn slow(app: Arc<App>, mut request: Request) -> Result<Response, Denial> {
    // What else is in the query counts nowhere, and so not here.
    #[derive(Deserialize)]
    struct Delay {
        ms: u64,
    }
    let identity = app.caller(request.headers()).await?;
    let delay = request.extract_parts::<Query<Delay>>().await;
    let ms = delay
        .ok()
        .map(|Query(delay)| delay.ms)
        .filter(|ms| *ms <= SLOW_MS_MAX);
    let ms = ms.ok_or(Denial::BadRequest("the query must be ms=0 to ms=10000"))?;
    tokio::time::sleep(Duration::from_millis(ms)).await;
    answer::me(identity)
}

/// Replaces the caller's note.
pub(super) async fn note(app: Arc<App>, request: Request) -> Result<Response, Denial> {
    let (parts, body) = request.into_parts();
    let identity = app.caller(&parts.headers).await?;
    let asked: NoteRequest = body::json(&parts.headers, body, &app.limits).await?;
    if asked.note.len() > NOTE_OCTETS_MAX {
        return Err(Denial::BadRequest("a note has at most 256 octets"));
    }
    if !app.accounts.set_note(&identity.subject, &asked.note) {
        return Err(Denial::Contended);
    }
    answer::json(&NoteResponse {
        subject: identity.subject,
        note: asked.note,
    })
}

/// The caller's note, empty if none was written.
pub(super) async fn read_note(app: Arc<App>, request: Request) -> Result<Response, Denial> {
    let identity = app.caller(request.headers()).await?;
    note_of(&app, identity.subject)
}

/// The note of the account in the path, for its owner. Whoever else asks does
/// not learn whether there is such an account (ASVS 5.0 8.2.2).
pub(super) async fn user_note(app: Arc<App>, mut request: Request) -> Result<Response, Denial> {
    let identity = app.caller(request.headers()).await?;
    let path = request.extract_parts::<Path<String>>().await;
    let Path(name) = path.map_err(|_| Denial::NotFound)?;
    let owner = app.accounts.find(&name).map(|account| account.subject().id);
    if owner.as_ref() != Some(&identity.subject) {
        return Err(Denial::NotAllowed);
    }
    note_of(&app, identity.subject)
}

fn note_of(app: &App, subject: SubjectId) -> Result<Response, Denial> {
    let note = app.accounts.note(&subject).unwrap_or_default();
    answer::json(&NoteResponse { subject, note })
}

/// Changes the caller's password, which must be shown again, and ends all of
/// the caller's other logins (ASVS 5.0 6.2.3, 7.4.3). This one goes on, under
/// another identifier if the strategy can do that (7.2.4).
pub(super) async fn password(app: Arc<App>, request: Request) -> Result<Response, Denial> {
    let (parts, body) = request.into_parts();
    let identity = app.caller(&parts.headers).await?;
    let asked: PasswordRequest = body::json(&parts.headers, body, &app.limits).await?;
    let (current, new) = (Zeroizing::new(asked.current), Zeroizing::new(asked.new));
    if !PASSWORD_CHARS.contains(&new.chars().count()) {
        return Err(Denial::BadRequest("a password has 8 to 128 characters"));
    }
    let name = app
        .accounts
        .name_of(&identity.subject)
        .ok_or(Denial::Password)?;
    let proved = app.accounts.prove(&name, current).await?;
    let account = proved.ok_or(Denial::Password)?;
    let verifier = app.accounts.hash_for(&account, new, &*app.entropy).await?;
    let change = ProofChange {
        at: app.now(),
        kept: identity.login,
    };
    if !app
        .accounts
        .change_password(&name, &account, verifier, change)
    {
        return Err(Denial::Password);
    }
    let others = Scope::Others {
        subject: &identity.subject,
        keep: identity.login,
    };
    let receipt = app.strategy.revoke(&others, app.now()).await?;
    own_change(&app, receipt, &parts.headers).await
}

/// Lists the caller's logins (ASVS 5.0 7.5.2).
pub(super) async fn sessions(app: Arc<App>, request: Request) -> Result<Response, Denial> {
    let identity = app.caller(request.headers()).await?;
    let known = logins(&app, &identity.subject).await?;
    let sessions = known.into_iter().map(|info| SessionEntry {
        id: info.login,
        issued_at_ms: info.issued_at,
        expires_at_ms: info.expires_at,
        current: info.login == identity.login,
    });
    answer::json(&SessionsResponse {
        sessions: sessions.collect(),
    })
}

/// Ends one of the caller's logins (ASVS 5.0 7.5.2). Another subject's login
/// is as unknown as one that never was.
pub(super) async fn end_session(app: Arc<App>, mut request: Request) -> Result<Response, Denial> {
    let identity = app.caller(request.headers()).await?;
    let path = request.extract_parts::<Path<String>>().await;
    let login: LoginId = path
        .ok()
        .and_then(|Path(text)| text.parse().ok())
        .ok_or(Denial::NotFound)?;
    let known = logins(&app, &identity.subject).await?;
    if known.iter().all(|info| info.login != login) {
        return Err(Denial::NotFound);
    }
    let scope = Scope::Login {
        subject: &identity.subject,
        login,
    };
    let receipt = app.strategy.revoke(&scope, app.now()).await?;
    if login == identity.login {
        cleared(&app, receipt, request.headers())
    } else {
        acknowledged(receipt)
    }
}

async fn logins(app: &App, subject: &SubjectId) -> Result<Vec<LoginInfo>, Denial> {
    match app.strategy.logins(subject, app.now()).await? {
        Logins::Known(known) => Ok(known),
        Logins::NotKept => Err(Denial::NotFound),
    }
}
