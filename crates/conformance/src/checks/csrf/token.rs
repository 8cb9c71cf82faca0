//! CSRF-002: an anti-forgery token is bound to its session.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::CsrfProof;

use super::probe::{AMBIENT, ambient, forged, own_change};
use crate::check::{Check, Cost, Eye};
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// CSRF-002.
pub(super) const CSRF_002: Check = Check {
    id: "CSRF-002",
    statement: "an anti-forgery token counts with its own session only: not with another user's, \
                not from before the login, and not as a pair that an attacker writes",
    level: Level::Must,
    severity: Severity::High,
    families: AMBIENT,
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Mutate],
    doors: &[],
    clauses: &["OWASP CSRF Prevention", "RFC 6265bis 8.6", "ASVS 5.0 3.5.1"],
    cwe: &[352],
    mend: "Make the token an HMAC over the session's identifier (signed double submit), or keep it \
           in the session.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    ambient(trial)?;
    let CsrfProof::Token { cookie, header } = &trial.profile().csrf else {
        return Err(Stop::NotApplicable(
            "the profile's `csrf` names no token that the target's pages send".to_owned(),
        ));
    };
    let users = trial.users(2)?;
    let (victim, attacker) = (
        trial.login_of(&users[0]).await?,
        trial.login_of(&users[1]).await?,
    );
    own_change(trial, &victim).await?;
    let stranger = token_of(&attacker, cookie)?;
    let pair = |token: &str| (format!("{cookie}={token}"), token.to_owned());
    let before = before_login(trial, cookie).await?;
    let mut tries = vec![
        ("another user's token", pair(&stranger)),
        (
            "a pair that an attacker wrote",
            pair("0123456789abcdef0123456789abcdef"),
        ),
    ];
    match &before {
        Some(token) => tries.push(("a token from before the login", pair(token))),
        None => trial.not_applicable(
            "a token from before the login",
            "the target gives none before the login",
        ),
    }
    for (case, (cookie, token)) in &tries {
        forged(trial, case, &victim, |ask, _| {
            ask.only_cookie(cookie).header(header, token)
        })
        .await?;
    }
    // The victim's own cookie with the attacker's header.
    forged(
        trial,
        "another user's token in the header",
        &victim,
        |ask, _| ask.header(header, &stranger),
    )
    .await
}

async fn before_login(trial: &Trial<'_>, cookie: &str) -> Result<Option<String>, Stop> {
    let answer = trial.ask(Operation::Whoami)?.send().await?;
    let set = answer
        .set_cookies()
        .into_iter()
        .find(|set| set.name == cookie);
    Ok(set.map(|set| set.value))
}

fn token_of(login: &Login, cookie: &str) -> Result<String, Stop> {
    let token = login.jar.value(cookie).map(str::to_owned);
    token.ok_or_else(|| Stop::unclear(format!("no login sets the cookie `{cookie}`")))
}
