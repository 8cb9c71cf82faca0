//! Refresh tokens that rotate (RFC 9700 4.14.2). All functions run under the
//! store's one lock, so that of any number of simultaneous uses one is first.

use crate::answer::Refusal;
use crate::app::App;
use crate::kind::{ABSOLUTE_MS, GRACE_MS, GRACE_REPLAYS_MAX};
use crate::store::{Data, RefreshRecord};
use crate::token::{self, Expiry};
use crate::{random, session};

/// What a refresh token is traded for.
#[derive(Debug)]
pub(crate) struct Traded {
    pub(crate) login: String,
    pub(crate) token: String,
}

/// The first refresh token of a login, or one in the place of all that it has.
pub(crate) fn start(app: &App, data: &mut Data, login: &str) -> Result<String, Refusal> {
    let old = data
        .logins
        .get_mut(login)
        .map(|login| std::mem::take(&mut login.family));
    for digest in old.unwrap_or_default() {
        data.refresh.remove(&digest);
    }
    let token = random::secret(app)?;
    insert(app, data, login, &token);
    Ok(token)
}

/// Trades `token`. What is wrong with the client or the token's form burns
/// nothing; a second use outside the grace ends the login.
pub(crate) fn trade(
    app: &App,
    data: &mut Data,
    token: &str,
    client: &str,
    now_ms: u64,
) -> Result<Traded, Refusal> {
    let digest = random::digest(app, token);
    if app.flaw("M121")
        && let Ok(claims) = token::read(app, token, Expiry::Judged)
        && let Some(login) = session::by_claims(app, data, &claims, now_ms)
    {
        let token = start(app, data, &login.id)?;
        let login = login.id;
        return Ok(Traded { login, token });
    }
    let record = data.refresh.get(&digest).ok_or(Refusal::Unauthenticated)?;
    let id = record.login.clone();
    let (spent_ms, replays) = (record.spent_ms, record.replays);
    let spent_here = record.spent_at == Some(app.replica);
    let login = data.alive(&id, now_ms).ok_or(Refusal::Unauthenticated)?;
    // Whom it was issued to (mutants of REFRESH-004 and REFRESH-009 sit here).
    if login.client != client && !(spent_ms.is_some() && app.flaw("M68")) {
        if app.flaw("M66") {
            data.end(&id);
        }
        return Err(Refusal::Unauthenticated);
    }
    let subject = login.subject.clone();
    // The account is read anew (mutants of REFRESH-012 sit here).
    if data.accounts.able(&subject).is_none() && !app.flaw("M61") {
        data.end(&id);
        return Err(Refusal::Unauthenticated);
    }
    match spent_ms {
        None => first_use(app, data, &digest, token, now_ms),
        Some(spent_ms) if app.flaw("M132") && !spent_here && now_ms < spent_ms + GRACE_MS => {
            first_use(app, data, &digest, token, now_ms)
        }
        Some(spent_ms) => {
            let in_time = now_ms < spent_ms.saturating_add(grace_ms(app));
            if app.flaw("M60") && !in_time && !is_parent(app, data, &digest) {
                return Ok(left_over(data, id, token));
            }
            let in_grace = in_time && is_parent(app, data, &digest);
            again(app, data, &digest, token, in_grace, replays)
        }
    }
}

/// Milliseconds for which a spent token is no proof of theft.
fn grace_ms(app: &App) -> u64 {
    if app.flaw("M64") {
        return GRACE_MS / 2;
    }
    GRACE_MS
}

/// Flaw M60: theft ends all renewal, and is answered with an access token.
fn left_over(data: &mut Data, login: String, token: &str) -> Traded {
    let family = data.logins.get(&login).map(|login| login.family.clone());
    for digest in family.unwrap_or_default() {
        data.refresh.remove(&digest);
    }
    let token = token.to_owned();
    Traded { login, token }
}

/// The token's first use: it is spent, and has its one successor.
fn first_use(
    app: &App,
    data: &mut Data,
    digest: &str,
    token: &str,
    now_ms: u64,
) -> Result<Traded, Refusal> {
    let next = if app.kind.replays_successor() {
        app.world.keys.successor(token)
    } else {
        random::secret(app)?
    };
    let record = data
        .refresh
        .get_mut(digest)
        .ok_or(Refusal::Unauthenticated)?;
    record.spent_ms = Some(now_ms);
    record.spent_at = Some(app.replica);
    record.successor = Some(random::digest(app, &next));
    let login = record.login.clone();
    insert(app, data, &login, &next);
    if let Some(login) = data.logins.get_mut(&login) {
        login.seen_ms = login.seen_ms.max(now_ms);
        if app.flaw("M59") {
            login.ends_ms = now_ms + ABSOLUTE_MS;
        }
    }
    Ok(Traded { login, token: next })
}

/// A spent token's use: in its grace it is answered as declared; else it is
/// theft, and the family dies (mutants of REFRESH-002 to REFRESH-007 sit
/// here).
fn again(
    app: &App,
    data: &mut Data,
    digest: &str,
    token: &str,
    in_grace: bool,
    replays: u32,
) -> Result<Traded, Refusal> {
    let record = data
        .refresh
        .get_mut(digest)
        .ok_or(Refusal::Unauthenticated)?;
    let login = record.login.clone();
    if !in_grace || (app.flaw("M55") && replays > 0) {
        if !app.flaw("M53") {
            data.end(&login);
        }
        return Err(Refusal::Unauthenticated);
    }
    if !app.kind.replays_successor() || replays >= GRACE_REPLAYS_MAX {
        return Err(Refusal::Unauthenticated);
    }
    record.replays += 1;
    let token = app.world.keys.successor(token);
    Ok(Traded { login, token })
}

/// Whether the token's successor is the newest of its family.
fn is_parent(app: &App, data: &Data, digest: &str) -> bool {
    data.refresh
        .get(digest)
        .and_then(|record| record.successor.as_ref())
        .map(|next| data.refresh.get(next))
        .is_some_and(|next| match next {
            Some(next) => next.spent_ms.is_none(),
            None => app.flaw("M57"),
        })
}

/// The login of a refresh token, spent or not, issued to that client.
pub(crate) fn owner(app: &App, data: &Data, token: &str, client: &str) -> Option<String> {
    let record = data.refresh.get(&random::digest(app, token))?;
    let login = data.logins.get(&record.login)?;
    (login.client == client || app.flaw("M94")).then(|| login.id.clone())
}

fn insert(app: &App, data: &mut Data, login: &str, token: &str) {
    let digest = random::digest(app, token);
    if let Some(login) = data.logins.get_mut(login) {
        login.family.push(digest.clone());
    }
    let record = RefreshRecord {
        login: login.to_owned(),
        spent_ms: None,
        spent_at: None,
        replays: 0,
        successor: None,
    };
    data.refresh.insert(digest, record);
}
