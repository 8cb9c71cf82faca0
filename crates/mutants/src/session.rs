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
        .filter(|ids| ids.len() >= SESSIONS_MAX && !app.flaw("M20"))
        .and_then(|ids| ids.first().cloned())
    {
        data.end(&oldest);
    }
    let id = random::handle(app)?;
    let mut login = Login::new(&id, &account.subject, client, now_ms);
    if app.flaw("M16") {
        login.seen_ms = u64::MAX;
    }
    if app.flaw("M09") {
        login.ends_ms = u64::MAX;
    }
    let ids = data.by_subject.entry(account.subject.clone()).or_default();
    ids.push(id.clone());
    data.logins.insert(id.clone(), login);
    Ok(id)
}

/// The identifier that a flawed login keeps: M13 one that it knew, M15 one that
/// it never issued.
pub(crate) fn kept<'b>(app: &App, data: &Data, brought: Option<&'b str>) -> Option<&'b str> {
    brought.filter(|brought| {
        let is_known = data.sessions.contains_key(&random::digest(app, brought));
        app.flaw("M13") && is_known || app.flaw("M15") && !is_known
    })
}

/// Gives the login a fresh identifier, and ends the one it had (mutants of
/// SESSION-001, SESSION-003 and CONCURRENCY-006 sit here). `kept` is one that
/// it gets instead, by a flaw.
pub(crate) fn identify(
    app: &App,
    data: &mut Data,
    id: &str,
    kept: Option<&str>,
) -> Result<String, Refusal> {
    let fresh = match kept {
        Some(kept) => kept.to_owned(),
        None => random::secret(app)?,
    };
    let digest = random::digest(app, &fresh);
    let login = data.logins.get_mut(id).ok_or(Refusal::Unauthenticated)?;
    let old = std::mem::replace(&mut login.session, digest.clone());
    if !app.flaw("M14") {
        data.sessions.remove(&old);
    }
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
    let digest = random::digest(app, identifier);
    if app.flaw("M18")
        && let Some(reset) = data.resets.get(&digest)
    {
        return Some(Login::new("", &reset.subject, "", now_ms));
    }
    if data.refused_at.get(&digest) == Some(&app.replica) {
        return None;
    }
    let Some(id) = data.sessions.get(&digest).cloned() else {
        if app.flaw("M192") {
            data.denied.insert(digest, now_ms + ABSOLUTE_MS);
        }
        return None;
    };
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
pub(crate) fn touched(app: &App, data: &mut Data, id: &str, now_ms: u64) -> Option<Login> {
    let login = data.alive(id, now_ms)?;
    login.seen_ms = login.seen_ms.max(now_ms);
    if app.flaw("M21") {
        login.ends_ms = now_ms + ABSOLUTE_MS;
    }
    Some(login.clone())
}
