//! Credentials of a login: made at login, made anew at step-up and refresh.
//! All functions run under the store's one lock.

use axum::response::Response;
use serde_json::json;

use crate::accounts::Account;
use crate::answer::{self, Refusal};
use crate::app::App;
use crate::caller::Caller;
use crate::kind::{ABSOLUTE_MS, Kind};
use crate::sealed::{self, State};
use crate::store::Data;
use crate::{cookies, denylist, random, refresh, session, token};

/// The credentials of a login.
#[derive(Debug)]
pub(crate) struct Granted {
    pub(crate) subject: String,
    pub(crate) login: String,
    pub(crate) expires_at_ms: u64,
    pub(crate) access: String,
    pub(crate) refresh: Option<String>,
    /// The second cookie of the sealed kind.
    pub(crate) prefs: Option<String>,
}

/// Whom and what credentials are for.
struct Holder<'a> {
    account: &'a Account,
    login: &'a str,
    client: &'a str,
    stepped_up_ms: Option<u64>,
    now_ms: u64,
}

/// Opens a new login. `kept` is an identifier that it gets by a flaw.
pub(crate) fn open(
    app: &App,
    data: &mut Data,
    account: &Account,
    client: &str,
    kept: Option<&str>,
) -> Result<Granted, Refusal> {
    let now_ms = app.now_ms();
    let login = if app.kind.keeps_logins() {
        session::open(app, data, account, client, now_ms)?
    } else {
        random::handle(app)?
    };
    let holder = Holder {
        account,
        login: &login,
        client,
        stepped_up_ms: None,
        now_ms,
    };
    let refresh = app
        .kind
        .refreshes()
        .then(|| refresh::start(app, data, &login))
        .transpose()?;
    grant(app, data, &holder, kept, refresh)
}

/// Fresh identifiers for the caller's login, which has just proved itself
/// anew; the old ones die (mutants of SESSION-003 and PRIVILEGE-003 sit here).
pub(crate) fn step_up(app: &App, data: &mut Data, caller: &Caller) -> Result<Granted, Refusal> {
    let now_ms = app.now_ms();
    let account = data
        .accounts
        .able(&caller.subject)
        .cloned()
        .ok_or(Refusal::Unauthenticated)?;
    if let Some(login) = data.logins.get_mut(&caller.login) {
        login.generation += 1;
        login.stepped_up_ms = Some(now_ms);
    }
    if app.flaw("M117") {
        let logins = data.logins.values_mut();
        for login in logins.filter(|login| login.subject == caller.subject) {
            login.stepped_up_ms = Some(u64::MAX);
        }
    }
    if let Some(claims) = &caller.claims {
        denylist::deny(app, data, claims);
    }
    let holder = Holder {
        account: &account,
        login: &caller.login,
        client: &caller.client,
        stepped_up_ms: Some(now_ms),
        now_ms,
    };
    let refresh = app
        .kind
        .refreshes()
        .then(|| refresh::start(app, data, &caller.login))
        .transpose()?;
    grant(app, data, &holder, None, refresh)
}

/// A new access token beside a refresh token that was traded.
pub(crate) fn renew(
    app: &App,
    data: &mut Data,
    traded: refresh::Traded,
) -> Result<Granted, Refusal> {
    let login = data
        .logins
        .get(&traded.login)
        .cloned()
        .ok_or(Refusal::Unauthenticated)?;
    let account = data
        .accounts
        .by_subject(&login.subject)
        .filter(|account| !account.disabled || app.flaw("M61"))
        .cloned()
        .ok_or(Refusal::Unauthenticated)?;
    let holder = Holder {
        account: &account,
        login: &login.id,
        client: &login.client,
        stepped_up_ms: login.stepped_up_ms,
        now_ms: app.now_ms(),
    };
    grant(app, data, &holder, None, Some(traded.token))
}

fn grant(
    app: &App,
    data: &mut Data,
    holder: &Holder<'_>,
    kept: Option<&str>,
    refresh: Option<String>,
) -> Result<Granted, Refusal> {
    let login = data.logins.get(holder.login);
    let ends_ms = login.map_or(holder.now_ms + ABSOLUTE_MS, |login| login.ends_ms);
    let generation = login.map_or(0, |login| login.generation);
    let mut prefs = None;
    let mut expires_at_ms = ends_ms;
    let access = match app.kind {
        Kind::SessionCookie | Kind::SessionBearer => {
            session::identify(app, data, holder.login, kept)?
        }
        Kind::Sealed => {
            let state = State {
                subject: holder.account.subject.clone(),
                login: holder.login.to_owned(),
                generation,
                groups: embedded(app, &holder.account.groups),
                ends_ms,
            };
            prefs = Some(sealed::seal(app, cookies::PREFS, &state)?);
            sealed::seal(app, app.kind.access_cookie(), &state)?
        }
        _ => {
            let mut claims =
                token::fresh(app, &holder.account.subject, holder.login, holder.client)?;
            let ttl_ends_ms = holder.now_ms + app.kind.access_ttl_ms();
            claims.roles = holder.account.roles.clone();
            if app.flaw("M11") {
                claims.roles.push(holder.account.email.clone());
            }
            claims.issued_s = holder.now_ms / 1000;
            claims.expires_s = ttl_ends_ms.min(ends_ms) / 1000;
            claims.stepped_up_s = holder.stepped_up_ms.map(|instant_ms| instant_ms / 1000);
            claims.number = data.accounts.next_number();
            claims.generation = generation;
            expires_at_ms = claims.expires_s * 1000;
            token::issue(app, &claims)?
        }
    };
    Ok(Granted {
        subject: holder.account.subject.clone(),
        login: holder.login.to_owned(),
        expires_at_ms,
        access,
        refresh,
        prefs,
    })
}

/// The groups that the sealed state holds.
fn embedded(app: &App, groups: &[String]) -> Vec<String> {
    let times = if app.flaw("M07") { 8 } else { 1 };
    vec![groups; times].concat()
}

/// The answer that hands credentials over: in cookies, or in the body, never
/// in both (mutants of COOKIE-002 and REFRESH-011 sit here).
pub(crate) fn answer(app: &App, granted: &Granted) -> Response {
    let mut body = json!({
        "subject": granted.subject,
        "login": granted.login,
        "expires_at_ms": granted.expires_at_ms,
        "effective_from_ms": app.now_ms(),
    });
    if app.kind.in_cookie() {
        if app.flaw("M03") {
            body["session"] = granted.access.as_str().into();
        }
        let mut response = answer::ok(&body);
        cookies::set_all(app, granted, &mut response);
        return response;
    }
    body["access_token"] = granted.access.as_str().into();
    body["token_type"] = "Bearer".into();
    if let Some(refresh) = &granted.refresh {
        body["refresh_token"] = refresh.as_str().into();
    }
    answer::ok(&body)
}
