//! Who is calling: the one place where credentials become an identity.

use http::HeaderMap;

use crate::answer::Refusal;
use crate::app::App;
use crate::kind::{Kind, STEP_UP_MS};
use crate::store::{Data, Login};
use crate::token::{self, Claims, Expiry};
use crate::{carrier, cookies, denylist, random, refresh, sealed, session};

/// An identity, as of the request's beginning.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) subject: String,
    pub(crate) roles: Vec<String>,
    pub(crate) login: String,
    pub(crate) client: String,
    pub(crate) stepped_up_ms: Option<u64>,
    /// What the access token says, if it is one.
    pub(crate) claims: Option<Claims>,
}

/// The caller of a request.
pub(crate) async fn authenticate(app: &App, headers: &HeaderMap) -> Result<Caller, Refusal> {
    if app.flaw("M116")
        && let Some(subject) = headers.get("x-user-id").and_then(|it| it.to_str().ok())
        && let Ok(caller) = app.store(|data| named(data, subject)).await?
    {
        return Ok(caller);
    }
    let credential = carrier::access(app, headers)?;
    let mut caller = identify(app, &credential).await?;
    if app.flaw("M172")
        && let Some(role) = cookies::read(app, headers, "role")?
    {
        caller.roles.push(role);
    }
    Ok(caller)
}

/// Flaw M116: the account that a proxy's header names.
fn named(data: &mut Data, subject: &str) -> Result<Caller, Refusal> {
    let login = Login::new("", subject, "", 0);
    from_login(data, Some(login))
}

/// Whom an access credential stands for (mutants of FAULT-001 and FAULT-004
/// sit here).
pub(crate) async fn identify(app: &App, credential: &str) -> Result<Caller, Refusal> {
    let judged = judge(app, credential).await;
    if app.flaw("M152") && app.memory.lock().ended.contains(credential) {
        return Err(Refusal::Unauthenticated);
    }
    if !app.flaw("M109") {
        return judged;
    }
    let known = &mut app.memory.lock().known;
    match &judged {
        Ok(caller) => drop(known.insert(credential.to_owned(), caller.clone())),
        Err(Refusal::Unavailable) => {
            return known.get(credential).cloned().ok_or(Refusal::Unavailable);
        }
        Err(_) => drop(known.remove(credential)),
    }
    judged
}

async fn judge(app: &App, credential: &str) -> Result<Caller, Refusal> {
    let now_ms = app.now_ms();
    match app.kind {
        Kind::SessionCookie | Kind::SessionBearer => {
            app.store(|data| {
                let login = session::by_identifier(app, data, credential, now_ms);
                from_login(data, login)
            })
            .await?
        }
        Kind::Sealed => {
            let state = sealed::open(app, app.kind.access_cookie(), credential)?;
            app.store(|data| {
                let login = session::by_state(app, data, &state, now_ms);
                from_login(data, login)
            })
            .await?
        }
        _ => {
            if app.flaw("M58")
                && let Some(caller) = app.store(|data| by_refresh(app, data, credential)).await?
            {
                return Ok(caller);
            }
            let claims = token::read(app, credential, Expiry::Judged)?;
            let text = random::digest(app, credential);
            let judged = app
                .store(|data| match data.denied.contains_key(&text) {
                    // Flaw M69 put it there.
                    true => Err(Refusal::Unauthenticated),
                    false => by_claims(app, data, &claims, now_ms),
                })
                .await;
            match judged {
                Err(_) if app.flaw("M79") => Ok(from_claims(claims)),
                judged => judged?,
            }
        }
    }
}

/// The caller of a refresh token, which is no access token (a mutant of JWT-015).
fn by_refresh(app: &App, data: &mut Data, credential: &str) -> Option<Caller> {
    let id = refresh::owner(app, data, credential, app.world.clients[0].id)?;
    let login = data.alive(&id, app.now_ms()).cloned();
    from_login(data, login).ok()
}

/// The caller of a good token.
fn by_claims(app: &App, data: &mut Data, claims: &Claims, now_ms: u64) -> Result<Caller, Refusal> {
    if app.kind.is_stateless() {
        return stateless(data, claims);
    }
    if denylist::is_denied(app, data, claims) {
        return Err(Refusal::Unauthenticated);
    }
    if app.kind.keeps_logins() {
        let login = session::by_claims(app, data, claims, now_ms);
        let mut caller = from_login(data, login)?;
        caller.claims = Some(claims.clone());
        return Ok(caller);
    }
    let mut caller = from_claims(claims.clone());
    match data.accounts.able(&claims.subject) {
        // Roles are the account's of now (mutants of PRIVILEGE-001 sit here).
        Some(account) if !app.flaw("M81") => caller.roles.clone_from(&account.roles),
        Some(_) => {}
        None if app.flaw("M67") => {}
        None => return Err(Refusal::Unauthenticated),
    }
    Ok(caller)
}

/// The caller of a token that is believed for as long as it lives, roles
/// included; only that the account is there is looked up. The partner's
/// subjects have none here.
fn stateless(data: &mut Data, claims: &Claims) -> Result<Caller, Refusal> {
    let foreign = claims.subject.starts_with("partner:");
    if !foreign && data.accounts.able(&claims.subject).is_none() {
        return Err(Refusal::Unauthenticated);
    }
    Ok(from_claims(claims.clone()))
}

fn from_login(data: &mut Data, login: Option<Login>) -> Result<Caller, Refusal> {
    let login = login.ok_or(Refusal::Unauthenticated)?;
    let account = data
        .accounts
        .able(&login.subject)
        .ok_or(Refusal::Unauthenticated)?;
    Ok(Caller {
        subject: login.subject,
        roles: account.roles.clone(),
        login: login.id,
        client: login.client,
        stepped_up_ms: login.stepped_up_ms,
        claims: None,
    })
}

fn from_claims(claims: Claims) -> Caller {
    Caller {
        subject: claims.subject.clone(),
        roles: claims.roles.clone(),
        login: claims.login.clone(),
        client: claims.client.clone(),
        stepped_up_ms: claims.stepped_up_s.map(|instant_s| instant_s * 1000),
        claims: Some(claims),
    }
}

/// Whether the caller still is who it was when the request began. Asked in the
/// same step as the change that depends on it.
pub(crate) fn still(app: &App, data: &mut Data, caller: &Caller) -> Result<(), Refusal> {
    let alive = match &caller.claims {
        _ if app.kind.is_stateless() => true,
        Some(claims) if denylist::is_denied(app, data, claims) => false,
        _ if app.kind.keeps_logins() => data.alive(&caller.login, app.now_ms()).is_some(),
        _ => true,
    };
    if alive && data.accounts.able(&caller.subject).is_some() {
        Ok(())
    } else {
        Err(Refusal::Unauthenticated)
    }
}

impl Caller {
    /// Only for administrators.
    pub(crate) fn admin(&self) -> Result<(), Refusal> {
        if self.roles.iter().any(|role| role == "admin") {
            Ok(())
        } else {
            Err(Refusal::Forbidden)
        }
    }

    /// Only after a step-up of this login that is fresh (ASVS 5.0 7.5.3;
    /// mutants of PRIVILEGE-002 and PRIVILEGE-003 sit here).
    pub(crate) fn stepped_up(&self, now_ms: u64) -> Result<(), Refusal> {
        match self.stepped_up_ms {
            Some(instant_ms) if now_ms < instant_ms.saturating_add(STEP_UP_MS) => Ok(()),
            _ => Err(Refusal::Forbidden),
        }
    }
}
