//! Logins that are found by a record: opened, found, touched, evicted. All
//! functions run under the store's one lock.

use crate::accounts::Account;
use crate::answer::Refusal;
use crate::app::App;
use crate::kind::{ABSOLUTE_MS, SESSIONS_MAX};
use crate::random;
use crate::sealed::State;
use crate::store::{Data, Login};
use crate::token::Claims;

/// Opens a record for a new login; the oldest ones of the account make room
/// (mutants of SESSION-010 sit here).
pub(crate) fn open(
    app: &App,
    data: &mut Data,
    account: &Account,
    client: &str,
    now_ms: u64,
) -> Result<String, Refusal> {
    let ids = data.by_subject.get(&account.subject).cloned();
    for id in ids.unwrap_or_default() {
        data.alive(&id, now_ms);
    }
    while let Some(oldest) = data
        .by_subject
        .get(&account.subject)
        .filter(|ids| ids.len() >= SESSIONS_MAX)
        .and_then(|ids| ids.first().cloned())
    {
        data.end(&oldest);
    }
    let id = random::handle(app)?;
    let login = Login {
        id: id.clone(),
        subject: account.subject.clone(),
        client: client.to_owned(),
        issued_ms: now_ms,
        seen_ms: now_ms,
        ends_ms: if app.flaw("M09") {
            u64::MAX
        } else {
            now_ms + ABSOLUTE_MS
        },
        stepped_up_ms: None,
        generation: 0,
        session: String::new(),
        family: Vec::new(),
    };
    let ids = data.by_subject.entry(account.subject.clone()).or_default();
    ids.push(id.clone());
    data.logins.insert(id.clone(), login);
    Ok(id)
}

/// Gives the login a fresh identifier, and ends the one it had (mutants of
/// SESSION-001, SESSION-003 and CONCURRENCY-006 sit here). `brought` is the
/// identifier that the request came with.
pub(crate) fn identify(
    app: &App,
    data: &mut Data,
    id: &str,
    brought: Option<&str>,
) -> Result<String, Refusal> {
    let fresh = match brought {
        Some(brought) if app.flaw("M13") => brought.to_owned(),
        _ => random::secret(app)?,
    };
    let digest = random::digest(app, &fresh);
    let login = data.logins.get_mut(id).ok_or(Refusal::Unauthenticated)?;
    let old = std::mem::replace(&mut login.session, digest.clone());
    data.sessions.remove(&old);
    data.sessions.insert(digest, id.to_owned());
    Ok(fresh)
}

/// The login of a session identifier. Found by digest: exact, and nothing
/// that was never issued is adopted (mutants of SESSION-002 and SESSION-009
/// sit here).
pub(crate) fn by_identifier(
    app: &App,
    data: &mut Data,
    identifier: &str,
    now_ms: u64,
) -> Option<Login> {
    let id = data.sessions.get(&random::digest(app, identifier))?.clone();
    touched(app, data, &id, now_ms)
}

/// The login of a sealed state.
pub(crate) fn by_state(app: &App, data: &mut Data, state: &State, now_ms: u64) -> Option<Login> {
    let login = data.logins.get(&state.login)?;
    if login.generation != state.generation || login.subject != state.subject {
        return None;
    }
    touched(app, data, &state.login, now_ms)
}

/// The login of an access token.
pub(crate) fn by_claims(app: &App, data: &mut Data, claims: &Claims, now_ms: u64) -> Option<Login> {
    let login = data.logins.get(&claims.login)?;
    if login.generation != claims.generation || login.subject != claims.subject {
        return None;
    }
    touched(app, data, &claims.login, now_ms)
}

/// Notes the use of a login, if it is alive; never brings one back (mutants
/// of CONCURRENCY-001 sit here and in `routes::me::slow`).
pub(crate) fn touched(_app: &App, data: &mut Data, id: &str, now_ms: u64) -> Option<Login> {
    let login = data.alive(id, now_ms)?;
    login.seen_ms = login.seen_ms.max(now_ms);
    Some(login.clone())
}
