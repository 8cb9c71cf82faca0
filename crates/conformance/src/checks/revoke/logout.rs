//! REVOKE-001 to REVOKE-003: what a logout ends, and what it does not.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::{Family, RefreshCarrier};

use super::dead::{Relic, everywhere, must_die};
use crate::check::{Check, Cost, Eye};
use crate::login::{Login, cookie_pairs};
use crate::stop::Stop;
use crate::trial::Trial;

/// REVOKE-001.
pub(super) const REVOKE_001: Check = Check {
    id: "REVOKE-001",
    statement: "after a logout the server refuses the credential; a second logout does no harm; \
                and a login whose access token has expired can still be ended",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[],
    seen_by: &[Eye::Http, Eye::Clock],
    operations: &[Operation::Login, Operation::Logout, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 7.4.1", "WSTG-SESS-06"],
    cwe: &[613],
    mend: "End the login where it is looked up, not only in the browser; let a logout take an \
           expired access token, or the refresh token, as proof of which login it is about.",
    cost: Cost::Quick,
    run: |trial| Box::pin(ended(trial)),
};

/// REVOKE-002.
pub(super) const REVOKE_002: Check = Check {
    id: "REVOKE-002",
    statement: "a logout ends every credential of its login: access and refresh tokens, those that \
                were renewed before, and whatever else the browser keeps",
    level: Level::Must,
    severity: Severity::High,
    families: &[
        Family::Session,
        Family::Refresh,
        Family::Hybrid,
        Family::Denylist,
    ],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Logout, Operation::Whoami],
    doors: &[],
    clauses: &[
        "ASVS 5.0 7.4.1",
        "RFC 9700 4.14.2",
        "RFC 7009 2.1",
        "WSTG-SESS-06",
    ],
    cwe: &[613],
    mend: "Hang every credential on one record of the login, and end that record.",
    cost: Cost::Quick,
    run: |trial| Box::pin(every_credential(trial)),
};

/// REVOKE-003.
pub(super) const REVOKE_003: Check = Check {
    id: "REVOKE-003",
    statement: "a logout ends its own login only: the user's other devices and other users go on",
    level: Level::Must,
    severity: Severity::Medium,
    families: &[],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Logout, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 7.5.2", "WSTG-SESS-11"],
    cwe: &[],
    mend: "Revoke by the login's own identifier, not by the user's; offer \"log out everywhere\" \
           beside it.",
    cost: Cost::Quick,
    run: |trial| Box::pin(alone(trial)),
};

async fn ended(trial: &Trial<'_>) -> Result<(), Stop> {
    let (login, other) = (trial.login().await?, trial.login().await?);
    trial.control(&login).await?;
    trial.negative_control(&login).await?;
    trial.done_by(Operation::Logout, &login, &[]).await?;
    let again = trial.perform(Operation::Logout, &login, &[]).await?;
    trial.judge(
        "second logout",
        again.status < 500,
        format!(
            "a logout of the same login again was answered {}",
            again.status
        ),
        &[&again],
    );
    let relic = [Relic::Access("the ended login", &login)];
    must_die(trial, "captured credential", &relic, Some(&other), &[0]).await?;
    const CASE: &str = "expired access token";
    trial.settle(CASE, after_expiry(trial, CASE).await);
    Ok(())
}

/// The user comes back when the access token has expired, and logs out.
async fn after_expiry(trial: &Trial<'_>, case: &str) -> Result<(), Stop> {
    trial.request(Operation::Refresh)?;
    let policy = trial.policy();
    let ttl_ms = policy.access_ttl_ms;
    let ttl_ms = ttl_ms.ok_or_else(|| Stop::needs("policy.access_ttl_ms"))?;
    let (login, other) = (trial.login().await?, trial.login().await?);
    if login.refresh.is_none() {
        return Err(Stop::NotApplicable(
            "there are no refresh tokens".to_owned(),
        ));
    }
    trial
        .advance(ttl_ms + policy.skew_ms.unwrap_or(0) + 2_000)
        .await?;
    if trial.who(&login).await?.is_somebody() {
        return Err(Stop::unclear(
            "the access token works past `policy.access_ttl_ms` and the skew",
        ));
    }
    let ways = ways(trial, &login).await?;
    let (_, renewed) = trial.refresh_at(&login, login.replica).await?;
    // The other one shows that only the logout ended this one.
    trial.refresh(&other).await?;
    let shown: Vec<_> = ways.iter().collect();
    let detail = match renewed {
        None => "the refresh token is dead after the logout".to_owned(),
        Some(_) => format!(
            "nothing ends a login whose access token has expired: {} tries, and its refresh token \
             still works",
            ways.len()
        ),
    };
    trial.judge(case, renewed.is_none(), detail, &shown);
    Ok(())
}

/// Logs out in every way that a client with an expired access token has, until
/// one is answered as done.
async fn ways(trial: &Trial<'_>, login: &Login) -> Result<Vec<crate::answer::Answer>, Stop> {
    let mut answers = vec![trial.perform(Operation::Logout, login, &[]).await?];
    if let (Some(RefreshCarrier::Cookie { name }), Some(token)) =
        (&trial.profile().refresh, &login.refresh)
    {
        let mut ask = trial.ask(Operation::Logout)?.with(login);
        for pair in cookie_pairs(name, token) {
            ask = ask.cookie(pair);
        }
        answers.push(ask.send().await?);
    }
    if trial.has(Operation::Revoke) {
        answers.push(trial.perform(Operation::Revoke, login, &[]).await?);
    }
    Ok(answers)
}

async fn every_credential(trial: &Trial<'_>) -> Result<(), Stop> {
    let (first, other) = (trial.login().await?, trial.login().await?);
    let renews = first.refresh.is_some() && trial.has(Operation::Refresh);
    let latest = match renews {
        true => trial.refresh(&first).await?,
        false => first.clone(),
    };
    trial.control(&latest).await?;
    trial.done_by(Operation::Logout, &latest, &[]).await?;
    let mut relics = vec![Relic::Access("the ended login", &latest)];
    if renews {
        relics.push(Relic::Access("the same login before its renewal", &first));
        relics.push(Relic::Refresh("the ended login", &latest));
    }
    must_die(trial, "all tokens", &relics, Some(&other), &[0]).await?;
    whole_jar(trial, &latest).await
}

/// Everything that the browser holds, in one request.
async fn whole_jar(trial: &Trial<'_>, login: &Login) -> Result<(), Stop> {
    const CASE: &str = "the whole jar";
    let pairs: Vec<_> = login
        .jar
        .all()
        .iter()
        .map(|cookie| format!("{}={}", cookie.name, cookie.value))
        .collect();
    if pairs.is_empty() {
        trial.not_applicable(CASE, "the login set no cookie");
        return Ok(());
    }
    let ask = trial.ask(Operation::Whoami)?;
    let who = trial.identity(ask.cookie(pairs.join("; ")).send().await?);
    if who.is_somebody() && trial.policy().revoke_max_ms.is_none_or(|ms| ms > 0) {
        trial.not_applicable(
            CASE,
            "what is declared of the credential holds for its cookies",
        );
        return Ok(());
    }
    let detail = format!(
        "all cookies of the ended login together were {}",
        who.told()
    );
    trial.judge(CASE, !who.is_somebody(), detail, &[who.answer()]);
    Ok(())
}

async fn alone(trial: &Trial<'_>) -> Result<(), Stop> {
    let users = trial.users(2)?;
    let ended = trial.login_of(&users[0]).await?;
    let device = trial.login_of(&users[0]).await?;
    let stranger = trial.login_of(&users[1]).await?;
    for login in [&ended, &device, &stranger] {
        trial.control(login).await?;
    }
    let logout = trial.done_by(Operation::Logout, &ended, &[]).await?;
    for (case, login) in [("another device", &device), ("another user", &stranger)] {
        for replica in everywhere(trial) {
            let who = trial.who_at(login, replica).await?;
            trial.judge(
                case,
                who.is(&login.subject),
                format!("its credential was {} by replica {replica}", who.told()),
                &[&logout, who.answer()],
            );
        }
        if login.refresh.is_some() && trial.has(Operation::Refresh) {
            let (answer, renewed) = trial.refresh_at(login, login.replica).await?;
            let detail = format!("its refresh token was answered {}", answer.status);
            trial.judge(case, renewed.is_some(), detail, &[&logout, &answer]);
        }
    }
    Ok(())
}
