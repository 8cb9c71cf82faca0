//! PRIVILEGE-001: who loses a role loses its rights.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use serde_json::Value;

use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::checks::revoke::dead::everywhere;
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// PRIVILEGE-001.
pub(super) const PRIVILEGE_001: Check = Check {
    id: "PRIVILEGE-001",
    statement: "a demotion takes effect on all replicas at the next request, or within the declared \
                time",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[],
    seen_by: &[Eye::Http, Eye::TwoReplicas],
    operations: &[
        Operation::Login,
        Operation::Whoami,
        Operation::SetRoles,
        Operation::Admin,
    ],
    doors: &[],
    clauses: &["ASVS 5.0 8.3.2"],
    cwe: &[863],
    mend: "Read roles from the account at each request; where they stand in a token, keep it short \
           and declare how late a demotion is.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

const CASE: &str = "demotion";

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let admin = trial.admin().await?;
    let user = trial.user()?;
    let before = trial.login_of(&user).await?;
    let plain = roles_of(trial, &before).await?;
    let high = roles_of(trial, &admin).await?;
    set_roles(trial, &admin, &user.user, &high).await?;
    let promoted = promoted(trial, &user).await;
    let outcome = match promoted {
        Ok(login) => demoted(trial, &admin, &login, &plain).await,
        Err(stop) => Err(stop),
    };
    // Whatever happened, the account gets its roles back; time has passed, and
    // the administrator's login may have ended with it.
    let admin = trial.admin().await?;
    set_roles(trial, &admin, &user.user, &plain).await?;
    outcome
}

/// A login with the higher roles, which every replica knows.
async fn promoted(trial: &Trial<'_>, user: &authbench_wire::profile::User) -> Result<Login, Stop> {
    let login = trial.login_of(user).await?;
    for replica in everywhere(trial) {
        let answer = as_admin(trial, &login, replica).await?;
        if !trial.done(Operation::Admin, &answer) {
            return Err(Stop::unclear(format!(
                "with the administrator's roles `admin` was answered {} by replica {replica}",
                answer.status
            )));
        }
    }
    Ok(login)
}

async fn demoted(
    trial: &Trial<'_>,
    admin: &Login,
    login: &Login,
    plain: &Value,
) -> Result<(), Stop> {
    set_roles(trial, admin, &login.user.user, plain).await?;
    let Some((told, answer)) = still_high(trial, login).await? else {
        trial.pass(CASE, "the old roles are gone at the next request");
        return renewed(trial, login).await;
    };
    match trial.policy().priv_max_ms {
        None => trial.inconclusive(
            CASE,
            format!("{told}; the profile has no `policy.priv_max_ms`"),
            &[&answer],
        ),
        Some(0) => trial.fail(CASE, told, &[&answer]),
        Some(bound_ms) => {
            trial.note(format!(
                "declared: a demotion takes effect within {bound_ms} ms (`policy.priv_max_ms`); \
                 ASVS 5.0 8.3.2 asks for at once, or for means to notice and undo"
            ));
            renewed(trial, login).await?;
            trial.advance(bound_ms + 1_100).await?;
            let mut late = still_high(trial, login).await?;
            if late.is_some() && trial.wait(bound_ms + 1_100).await.is_ok() {
                late = still_high(trial, login).await?;
            }
            match late {
                None => trial.pass(CASE, format!("gone {bound_ms} ms later, as declared")),
                Some((told, answer)) => {
                    let told = format!("{bound_ms} ms later {told}");
                    trial.fail(CASE, told, &[&answer]);
                }
            }
        }
    }
    Ok(())
}

/// A renewed token does not bring the old roles along.
async fn renewed(trial: &Trial<'_>, login: &Login) -> Result<(), Stop> {
    const CASE: &str = "renewal after the demotion";
    if login.refresh.is_none() || !trial.has(Operation::Refresh) {
        return Ok(());
    }
    let (_, Some(renewed)) = trial.refresh_at(login, login.replica).await? else {
        trial.pass(CASE, "the refresh token is refused");
        return Ok(());
    };
    let late = trial.policy().priv_max_ms.is_some_and(|ms| ms > 0);
    match still_high(trial, &renewed).await? {
        None => trial.pass(CASE, "the renewed token has the new roles"),
        // Which a cache may lag behind, but not beyond the bound.
        Some(_) if late => trial.note("the renewed token still has the old roles"),
        Some((told, answer)) => trial.fail(CASE, told, &[&answer]),
    }
    Ok(())
}

/// Where the login still has the higher rights, with the answer that shows it.
async fn still_high(trial: &Trial<'_>, login: &Login) -> Result<Option<(String, Answer)>, Stop> {
    for replica in everywhere(trial) {
        let answer = as_admin(trial, login, replica).await?;
        if trial.done(Operation::Admin, &answer) {
            let told = format!(
                "`admin` was answered {} by replica {replica}",
                answer.status
            );
            return Ok(Some((told, answer)));
        }
        if answer.status >= 500 {
            let told = format!("`admin` was answered {}", answer.status);
            return Err(Stop::unclear(told));
        }
    }
    Ok(None)
}

async fn as_admin(trial: &Trial<'_>, login: &Login, replica: usize) -> Result<Answer, Stop> {
    let ask = trial.ask(Operation::Admin)?.with(login).at(replica);
    ask.send().await
}

/// The roles that `whoami` tells.
async fn roles_of(trial: &Trial<'_>, login: &Login) -> Result<Value, Stop> {
    let pointer = trial.request(Operation::Whoami)?.roles.as_ref();
    let pointer = pointer.ok_or_else(|| Stop::needs("operations.whoami.roles"))?;
    let who = trial.who(login).await?;
    let body = who.answer().json();
    let roles = body.and_then(|body| body.pointer(pointer).cloned());
    roles.ok_or_else(|| Stop::unclear("`whoami` tells no roles where the profile says"))
}

async fn set_roles(
    trial: &Trial<'_>,
    admin: &Login,
    user: &str,
    roles: &Value,
) -> Result<(), Stop> {
    let roles = roles.to_string();
    let gaps = [("subject_user", user), ("roles", roles.as_str())];
    trial
        .done_by(Operation::SetRoles, admin, &gaps)
        .await
        .map(drop)
}
