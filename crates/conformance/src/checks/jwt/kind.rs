//! JWT-015: a token of one kind is no token of another.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use serde_json::{Value, json};

use super::ground::{Forger, Forgery, Ground, TOKENS};
use crate::check::{Check, Cost, Eye};
use crate::jose::{Token, text_of, without};
use crate::login::is_credential;
use crate::stop::Stop;
use crate::trial::Trial;

/// JWT-015.
pub(super) const JWT_015: Check = Check {
    id: "JWT-015",
    statement: "a token of another kind (refresh, ID, reset, logout, CSRF) is no access token, nor \
                the reverse, and where `typ` is in use, any other value is refused",
    level: Level::Must,
    severity: Severity::Critical,
    families: TOKENS,
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &[
        "RFC 8725 2.8",
        "RFC 8725 3.11",
        "RFC 8725 3.12",
        "RFC 9068 2.1",
        "RFC 9068 4",
        "ASVS 5.0 9.2.2",
    ],
    cwe: &[345],
    mend: "Type tokens explicitly (`typ: at+jwt`) and compare the type exactly, or give each kind \
           its own key.",
    cost: Cost::Quick,
    run: |trial| Box::pin(kinds(trial)),
};

/// Types of other tokens (RFC 8417 2.3, RFC 9449 4.2, OpenID Connect
/// Back-Channel Logout 2.4), and texts that are nearly the right one.
const TYPES: [&str; 16] = [
    "JWT",
    "jwt",
    "refresh+jwt",
    "rt+jwt",
    "id+jwt",
    "logout+jwt",
    "secevent+jwt",
    "dpop+jwt",
    "token-introspection+jwt",
    "reset+jwt",
    "at",
    "at+jwt2",
    "at+jwt ",
    "xat+jwt",
    "application/jwt",
    "",
];
/// Claims that say of what kind a token is, where they are in use.
const KIND_CLAIMS: [&str; 6] = ["typ", "type", "token_type", "token_use", "use", "purpose"];

async fn kinds(trial: &Trial<'_>) -> Result<(), Stop> {
    let ground = Ground::new(trial).await?;
    others_as_access(&ground).await?;
    trial.settle(ACCESS_AS_REFRESH, access_as_refresh(&ground).await);
    trial.settle(RESET, reset(trial).await);
    trial.settle("`typ`", typed(trial).await);
    trial.control(&ground.login).await
}

const ACCESS_AS_REFRESH: &str = "the access token to refresh with";
const RESET: &str = "the artefact of a password reset";

/// Whatever else a login brings.
async fn others_as_access(ground: &Ground<'_>) -> Result<(), Stop> {
    let (trial, login) = (ground.trial, &ground.login);
    match &login.refresh {
        None => trial.not_applicable("refresh token", "a login brings none"),
        Some(refresh) => {
            let forged = vec![Forgery::new("the refresh token", refresh)];
            ground.refuse_each("refresh token", forged).await?;
        }
    }
    let cookies = login.jar.all().iter();
    let cookies: Vec<_> = cookies
        .filter(|cookie| !is_credential(trial.profile(), &cookie.name) && !cookie.value.is_empty())
        .map(|cookie| Forgery::new(format!("the cookie `{}`", cookie.name), &cookie.value))
        .collect();
    match cookies.is_empty() {
        true => trial.not_applicable("other cookies", "a login sets no others"),
        false => ground.refuse_each("other cookies", cookies).await?,
    }
    let mut texts = Vec::new();
    if let Some(body) = login.answer.json() {
        tokens_in(&body, &mut texts);
    }
    let known = [Some(&login.access), login.refresh.as_ref()];
    texts.retain(|text| !known.contains(&Some(text)));
    match texts.is_empty() {
        true => trial.not_applicable("other tokens", "a login brings no others"),
        false => {
            let forged = texts
                .iter()
                .map(|text| Forgery::new("a token of the body", text));
            ground.refuse_each("other tokens", forged.collect()).await?;
        }
    }
    Ok(())
}

async fn access_as_refresh(ground: &Ground<'_>) -> Result<(), Stop> {
    let (trial, login) = (ground.trial, &ground.login);
    trial.request(Operation::Refresh)?;
    if trial.profile().refresh.is_none() || login.refresh.is_none() {
        return Err(Stop::NotApplicable(
            "the access token itself is renewed: there is no refresh token".to_owned(),
        ));
    }
    let ask = trial.ask(Operation::Refresh)?.with(login).without_access();
    let answer = ask.refresh(&login.access).send().await?;
    let renewed = trial.renewed(login, login.replica, &answer).is_some();
    let detail = format!(
        "the access token in its place was answered {}",
        answer.status
    );
    trial.judge(ACCESS_AS_REFRESH, !renewed, detail, &[&answer]);
    // Whatever the target made of it, the login that the case used is spent.
    trial.control(&trial.login().await?).await
}

/// An artefact of a reset is no access token, and an access token no artefact.
async fn reset(trial: &Trial<'_>) -> Result<(), Stop> {
    let pointer = trial.request(Operation::ResetStart)?.token.as_ref();
    let pointer = pointer.ok_or_else(|| Stop::needs("operations.reset-start.token"))?;
    let ground = Ground::new(trial).await?;
    let user = trial.user()?;
    let answer = trial.ask(Operation::ResetStart)?.gap("user", &user.user);
    let answer = answer.send().await?;
    let artefact = answer.pointed(pointer).ok_or_else(|| {
        let status = answer.status;
        Stop::unclear(format!(
            "`reset-start` was answered {status}, without an artefact"
        ))
    })?;
    let forged = vec![Forgery::new("the artefact", &artefact)];
    ground.refuse_each(RESET, forged).await?;
    if !trial.has(Operation::ResetFinish) {
        return Ok(());
    }
    // A password is set anew if this goes wrong.
    let spoilt = trial.expendable().await?;
    let answer = trial
        .ask(Operation::ResetFinish)?
        .gap("token", &spoilt.access)
        .gap("new_password", "Authbench-reset-1")
        .send()
        .await?;
    let done = trial.done(Operation::ResetFinish, &answer);
    let detail = format!(
        "an access token in its place was answered {}",
        answer.status
    );
    trial.judge("the access token to reset with", !done, detail, &[&answer]);
    Ok(())
}

/// Correctly signed tokens of another type.
async fn typed(trial: &Trial<'_>) -> Result<(), Stop> {
    let forger = Forger::new(trial).await?;
    let ground = &forger.ground;
    header_type(&forger).await?;
    let mut forged = Vec::new();
    for claim in KIND_CLAIMS {
        let Some(real) = forger.claims().get(claim).and_then(Value::as_str) else {
            continue;
        };
        let others = ["refresh", "id", "reset", "logout", "Refresh", ""];
        for value in others.into_iter().filter(|value| *value != real) {
            let text = forger.with_claim(claim, value)?;
            forged.push(Forgery::new(format!("`{claim}` {value:?}"), text));
        }
    }
    if !forged.is_empty() {
        ground.refuse_each("claims of another kind", forged).await?;
    }
    forger.honest_copy().await
}

async fn header_type(forger: &Forger<'_>) -> Result<(), Stop> {
    const CASE: &str = "`typ` of another kind";
    let ground = &forger.ground;
    let real = ground.token.header.get("typ").and_then(Value::as_str);
    let plain = |text: &str| {
        let text = text.to_ascii_lowercase();
        let bare = text.strip_prefix("application/");
        bare.map_or(text.clone(), str::to_owned)
    };
    let explicit = real.map(plain).filter(|real| real != "jwt");
    let Some(real) = explicit else {
        // RFC 8725 3.11: `JWT` is every token's type.
        forger
            .trial()
            .not_applicable(CASE, "its tokens are not explicitly typed");
        return Ok(());
    };
    let mut headers: Vec<_> = TYPES
        .into_iter()
        .filter(|text| plain(text) != real)
        .map(|text| (format!("`typ` {text:?}"), ground.header_text("typ", text)))
        .collect();
    for value in [Value::Null, json!(1), json!([real]), json!({})] {
        headers.push((format!("`typ` {value}"), ground.header_text("typ", value)));
    }
    let missing = text_of(&without(&ground.token.header, "typ"));
    headers.push(("no `typ`".to_owned(), missing));
    let mut forged = Vec::new();
    for (what, header) in headers {
        forged.push(Forgery::new(what, forger.headed(&header)?));
    }
    ground.refuse_each(CASE, forged).await
}

/// Every text in `value` that is a token.
fn tokens_in(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if Token::parse(text).is_some() => found.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| tokens_in(value, found)),
        Value::Object(members) => members.values().for_each(|value| tokens_in(value, found)),
        _ => {}
    }
}
