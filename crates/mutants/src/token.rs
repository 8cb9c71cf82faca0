//! Access tokens: what they say, and which of them are good.

use serde_json::{Map, Value, json};

use crate::answer::Refusal;
use crate::app::App;
use crate::jose;
use crate::kind::{AUDIENCE, ISSUER, SKEW_MS};
use crate::random;

/// The claims of an access token (RFC 9068 2.2).
#[derive(Clone, Debug)]
pub(crate) struct Claims {
    pub(crate) subject: String,
    pub(crate) id: String,
    /// Handle of the login.
    pub(crate) login: String,
    pub(crate) client: String,
    pub(crate) roles: Vec<String>,
    pub(crate) issued_s: u64,
    pub(crate) expires_s: u64,
    /// When the step-up was, if there was one, UTC seconds.
    pub(crate) stepped_up_s: Option<u64>,
    /// Its place in the one order of tokens and cut-offs.
    pub(crate) number: u64,
    /// The generation of the login's identifier.
    pub(crate) generation: u64,
}

/// Whether the expiry counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Expiry {
    /// It does.
    Judged,
    /// It does not: an expired token still names the login that it ends.
    Ignored,
}

/// Issues the token that says `claims`; nothing private is in it.
pub(crate) fn issue(app: &App, claims: &Claims) -> Result<String, Refusal> {
    let mut said = json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": claims.subject,
        "jti": claims.id,
        "sid": claims.login,
        "client_id": claims.client,
        "iat": claims.issued_s,
        "nbf": claims.issued_s,
        "exp": claims.expires_s,
        "seq": claims.number,
        "gen": claims.generation,
    });
    if let Some(instant) = claims.stepped_up_s {
        said["acr"] = "step-up".into();
        said["auth_time"] = instant.into();
    }
    // A server that keeps accounts at hand has no use for roles in tokens.
    if app.kind.is_stateless() || app.flaw("M81") {
        said["roles"] = claims.roles.clone().into();
    }
    jose::sign(app, &said)
}

/// The claims for a new token of that login.
pub(crate) fn fresh(
    app: &App,
    subject: &str,
    login: &str,
    client: &str,
) -> Result<Claims, Refusal> {
    Ok(Claims {
        subject: subject.to_owned(),
        id: match app.flaw("M17") {
            true => random::seeded(app),
            false => random::handle(app)?,
        },
        login: login.to_owned(),
        client: client.to_owned(),
        roles: Vec::new(),
        issued_s: 0,
        expires_s: 0,
        stepped_up_s: None,
        number: 0,
        generation: 0,
    })
}

/// What a good token says.
pub(crate) fn read(app: &App, token: &str, expiry: Expiry) -> Result<Claims, Refusal> {
    let verified = jose::verify(app, token).ok_or(match app.flaw("M127") {
        true => Refusal::Forged,
        false => Refusal::Unauthenticated,
    })?;
    judged(app, &verified, expiry).ok_or(Refusal::Unauthenticated)
}

/// Every claim has its type, and none is optional that decides anything
/// (mutants of JWT-010 to JWT-014 sit here).
fn judged(app: &App, verified: &jose::Verified, expiry: Expiry) -> Option<Claims> {
    let claims = &verified.claims;
    let now_ms = app.now_ms();
    let issuer = match app.flaw("M45") {
        true => text(claims, "iss")?,
        false => verified.issuer,
    };
    if text(claims, "iss")? != issuer || !is_audience(app, claims.get("aud")?) {
        return None;
    }
    let subject = text(claims, "sub")?;
    // Each issuer speaks for its own subjects (RFC 8725 3.8).
    if (issuer == ISSUER) == subject.starts_with("partner:") {
        return None;
    }
    let issued_s = seconds(claims, "iat")?;
    let from_s = match seconds(claims, "nbf") {
        Some(_) if app.flaw("M42") => 0,
        None if app.flaw("M43") => 0,
        from_s => from_s?,
    };
    let latest_ms = now_ms.saturating_add(SKEW_MS);
    if from_s.saturating_mul(1000) > latest_ms || issued_s.saturating_mul(1000) > latest_ms {
        return None;
    }
    let expires_s = match claims.get("exp") {
        None if app.flaw("M41") => u64::MAX,
        _ => seconds(claims, "exp")?,
    };
    let ends_ms = expires_s.saturating_mul(1000).saturating_add(SKEW_MS);
    if expiry == Expiry::Judged && now_ms >= ends_ms {
        return None;
    }
    Some(Claims {
        subject: subject.to_owned(),
        id: text(claims, "jti")?.to_owned(),
        login: text(claims, "sid")?.to_owned(),
        client: text(claims, "client_id")?.to_owned(),
        roles: roles(claims)?,
        issued_s,
        expires_s,
        stepped_up_s: match claims.get("auth_time") {
            None => None,
            Some(_) => Some(seconds(claims, "auth_time")?),
        },
        number: seconds(claims, "seq")?,
        generation: seconds(claims, "gen")?,
    })
}

fn text<'c>(claims: &'c Map<String, Value>, name: &str) -> Option<&'c str> {
    claims.get(name)?.as_str()
}

/// A whole number that is not negative (RFC 7519 2 allows fractions; this
/// server issues none, and takes none).
fn seconds(claims: &Map<String, Value>, name: &str) -> Option<u64> {
    claims.get(name)?.as_u64()
}

/// RFC 7519 4.1.3: one audience, or a set.
fn is_audience(app: &App, claim: &Value) -> bool {
    match claim {
        Value::String(one) if app.flaw("M44") => one.starts_with(AUDIENCE),
        Value::String(one) => one == AUDIENCE,
        Value::Array(set) => {
            set.iter().all(Value::is_string) && set.iter().any(|one| one == AUDIENCE)
        }
        _ => false,
    }
}

fn roles(claims: &Map<String, Value>) -> Option<Vec<String>> {
    match claims.get("roles") {
        None => Some(Vec::new()),
        Some(Value::Array(roles)) => roles
            .iter()
            .map(|role| role.as_str().map(str::to_owned))
            .collect(),
        Some(_) => None,
    }
}
