//! COOKIE-006: the largest credential still fits.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::{Carrier, Family};

use super::tour::in_cookies;
use crate::check::{Check, Cost, Eye};
use crate::jar::{COOKIE_OCTETS_MAX, Jar, Kept};
use crate::login::{Login, is_credential};
use crate::stop::Stop;
use crate::trial::Trial;

/// COOKIE-006.
pub(super) const COOKIE_006: Check = Check {
    id: "COOKIE-006",
    statement: "name and value of a credential cookie stay within 4096 octets for the user with \
                the largest claims; where it is split, every piece does, stale pieces are expired, \
                and pieces of different logins are refused together",
    level: Level::Must,
    severity: Severity::High,
    families: &[Family::Hybrid, Family::Sealed, Family::Jwt, Family::Refresh],
    seen_by: &[Eye::Http, Eye::Jar],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 3.3.5", "RFC 6265bis 5.6", "RFC 6265bis 5.7"],
    cwe: &[],
    mend: "Keep claims out of the cookie (a reference, or roles read from the account), or split \
           it into pieces that are bound to each other.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    in_cookies(trial)?;
    let large = trial.profile().users.large.clone();
    let Some(large) = large else {
        // The usual account still shows what is far too large, and nothing else.
        let login = trial.login().await?;
        if largest(&login) > COOKIE_OCTETS_MAX {
            sizes(trial, "usual account", &login);
        }
        return Err(Stop::needs("users.large"));
    };
    let login = trial.login_of(&large).await?;
    if !sizes(trial, "largest account", &login) {
        return Ok(());
    }
    let sent = sent_by(&login.jar, trial, &login)?;
    let who = trial
        .ask(Operation::Whoami)?
        .cookie(pairs(&sent))
        .send()
        .await?;
    let who = trial.identity(who);
    let detail = format!(
        "with what a browser kept, the largest account is {}",
        who.told()
    );
    trial.judge(
        "largest account is let in",
        who.is(&login.subject),
        detail,
        &[who.answer()],
    );
    if pieces(&login.jar, trial).len() < 2 {
        trial.not_applicable("pieces", "the largest credential fits one cookie");
        return Ok(());
    }
    stale(trial, &login).await?;
    mixed(trial, &login).await
}

/// Whether every cookie of the login is small enough for a browser.
fn sizes(trial: &Trial<'_>, case: &str, login: &Login) -> bool {
    let largest = largest(login);
    let holds = largest <= COOKIE_OCTETS_MAX;
    trial.measured("largest_cookie_octets", largest as f64);
    let detail = format!("the largest cookie has {largest} of {COOKIE_OCTETS_MAX} octets");
    trial.judge(case, holds, detail, &[&login.answer]);
    holds
}

/// Octets of name and value of the largest cookie.
fn largest(login: &Login) -> usize {
    let cookies = login.answer.set_cookies();
    let octets = cookies
        .iter()
        .map(|cookie| cookie.name.len() + cookie.value.len());
    octets.max().unwrap_or(0)
}

/// After a small login in the same browser, no piece of the large one is left.
async fn stale(trial: &Trial<'_>, large: &Login) -> Result<(), Stop> {
    let small = trial.user()?;
    let sent = sent_by(&large.jar, trial, large)?;
    let ask = trial.ask(Operation::Login)?.cookie(pairs(&sent));
    let answer = ask
        .gap("user", &small.user)
        .gap("password", &small.password)
        .send()
        .await?;
    let mut jar = large.jar.clone();
    trial.fill_jar(&mut jar, &answer);
    let old: Vec<_> = pieces(&jar, trial)
        .into_iter()
        .filter(|piece| large.jar.value(&piece.name) == Some(piece.value.as_str()))
        .map(|piece| piece.name.clone())
        .collect();
    let detail = match old.is_empty() {
        true => "a later, smaller login expires them".to_owned(),
        false => format!("a later login leaves {} behind", old.join(", ")),
    };
    trial.judge("stale pieces", old.is_empty(), detail, &[&answer]);
    Ok(())
}

/// Pieces of two logins of the same account are no credential.
async fn mixed(trial: &Trial<'_>, first: &Login) -> Result<(), Stop> {
    let second = trial.login_of(&first.user).await?;
    let (mine, other) = (pieces(&first.jar, trial), pieces(&second.jar, trial));
    if mine.len() != other.len() {
        trial.inconclusive(
            "mixed pieces",
            "two logins have different numbers of pieces",
            &[],
        );
        return Ok(());
    }
    let pairwise = mine.iter().zip(&other).enumerate();
    let mix: Vec<_> = pairwise
        .map(|(index, (mine, other))| if index % 2 == 0 { *mine } else { *other })
        .collect();
    let ask = trial.ask(Operation::Whoami)?.cookie(pairs(&mix));
    let who = trial.identity(ask.send().await?);
    trial.control(&second).await?;
    let detail = format!("pieces of two logins together were {}", who.told());
    trial.judge("mixed pieces", !who.is_somebody(), detail, &[who.answer()]);
    Ok(())
}

fn sent_by<'j>(jar: &'j Jar, trial: &Trial<'_>, login: &Login) -> Result<Vec<&'j Kept>, Stop> {
    let origin = trial.origin(login.replica)?;
    let host = origin.split("://").nth(1).unwrap_or(origin);
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let path = trial.request(Operation::Whoami)?.path.value.to_string();
    Ok(jar.sent(host, &path, login.answer.began_ms))
}

/// The pieces of the access credential, by their number.
fn pieces<'j>(jar: &'j Jar, trial: &Trial<'_>) -> Vec<&'j Kept> {
    let Carrier::Cookie { name } = &trial.profile().carrier else {
        return Vec::new();
    };
    let mut found: Vec<_> = jar
        .all()
        .iter()
        .filter(|cookie| cookie.name != *name && is_credential(trial.profile(), &cookie.name))
        .filter(|cookie| cookie.name.starts_with(name.as_str()))
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn pairs(cookies: &[&Kept]) -> String {
    let pairs: Vec<_> = cookies
        .iter()
        .map(|cookie| format!("{}={}", cookie.name, cookie.value))
        .collect();
    pairs.join("; ")
}
