//! CRYPTO-009: an older sealed cookie does not bring the older state back.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::{Family, User};
use serde_json::Value;

use crate::check::{Check, Cost, Eye};
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::{Trial, Who};

/// CRYPTO-009.
pub(super) const CRYPTO_009: Check = Check {
    id: "CRYPTO-009",
    statement: "an older valid credential that holds state, of before a logout, a demotion or a \
                renewal, does not restore the older state",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[Family::Sealed, Family::Hybrid],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["RFC 6265bis 8.6", "ASVS 5.0 7.4.1", "ASVS 5.0 8.3.2"],
    cwe: &[294],
    mend: "Keep a generation of each login on the server, put it into the sealed state, and refuse \
           every cookie whose generation is not the present one.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

const ROLE: &str = "snapshot";

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    trial.settle("before a logout", logout(trial).await);
    trial.settle("before a renewal and a logout", renewal(trial).await);
    trial.settle("before a demotion", demotion(trial).await);
    Ok(())
}

async fn logout(trial: &Trial<'_>) -> Result<(), Stop> {
    let login = trial.login().await?;
    trial.control(&login).await?;
    trial.done_by(Operation::Logout, &login, &[]).await?;
    let who = later(trial, trial.policy().revoke_max_ms, &login).await?;
    refused(trial, "before a logout", &who);
    Ok(())
}

/// The credential of before a step-up, after a logout with the one from it.
async fn renewal(trial: &Trial<'_>) -> Result<(), Stop> {
    trial.request(Operation::StepUp)?;
    let login = trial.login().await?;
    let password = [("password", login.user.password.as_str())];
    let answer = trial.done_by(Operation::StepUp, &login, &password).await?;
    let Some(renewed) = trial.granted(&login.user, login.replica, answer, None) else {
        return Err(Stop::NotApplicable("a step-up renews nothing".to_owned()));
    };
    trial.control(&renewed).await?;
    trial.done_by(Operation::Logout, &renewed, &[]).await?;
    let who = later(trial, trial.policy().revoke_max_ms, &login).await?;
    refused(trial, "before a renewal and a logout", &who);
    Ok(())
}

async fn demotion(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "before a demotion";
    trial.request(Operation::SetRoles)?;
    let echo = trial.request(Operation::Whoami)?.roles.as_ref();
    let pointer = echo.ok_or_else(|| Stop::needs("operations.whoami.roles"))?;
    let (admin, user) = (trial.admin().await?, trial.user()?);
    let plain = trial.login_of(&user).await?;
    let before = roles(&trial.who(&plain).await?, pointer);
    set_roles(
        trial,
        &admin,
        &user,
        &[&before[..], &[ROLE.to_owned()]].concat(),
    )
    .await?;
    let snapshot = trial.login_of(&user).await?;
    let raised = roles(&trial.who(&snapshot).await?, pointer);
    set_roles(trial, &admin, &user, &before).await?;
    if !raised.iter().any(|role| role == ROLE) {
        return Err(Stop::unclear(
            "a login does not show the role that was just given",
        ));
    }
    let who = later(trial, trial.policy().priv_max_ms, &snapshot).await?;
    let shown = roles(&who, pointer);
    let detail = format!(
        "the credential of before it is {}, with {shown:?}",
        who.told()
    );
    let gone = !shown.iter().any(|role| role == ROLE);
    trial.judge(CASE, gone, detail, &[who.answer()]);
    Ok(())
}

/// Whom the target takes an old credential for when the change must be in
/// force.
async fn later(trial: &Trial<'_>, bound_ms: Option<u64>, old: &Login) -> Result<Who, Stop> {
    if let Some(bound_ms) = bound_ms.filter(|ms| *ms > 0) {
        trial.advance(bound_ms).await?;
    }
    let who = trial.who(old).await?;
    let fresh = trial.login().await?;
    trial.control(&fresh).await?;
    if bound_ms.is_none() && who.is_somebody() {
        return Err(Stop::unclear(
            "the old credential is accepted; needs `policy.revoke_max_ms` and \
             `policy.priv_max_ms` to tell how long it may be",
        ));
    }
    Ok(who)
}

fn refused(trial: &Trial<'_>, case: &str, who: &Who) {
    let detail = format!("the credential of before it was {}", who.told());
    trial.judge(case, !who.is_somebody(), detail, &[who.answer()]);
}

fn roles(who: &Who, pointer: &str) -> Vec<String> {
    let shown = who.answer().json();
    let array = shown
        .as_ref()
        .and_then(|json| json.pointer(pointer)?.as_array());
    let texts = array.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

async fn set_roles(
    trial: &Trial<'_>,
    admin: &Login,
    user: &User,
    roles: &[String],
) -> Result<(), Stop> {
    let json = Value::from(roles.to_vec()).to_string();
    let gaps = [("subject_user", user.user.as_str()), ("roles", &json)];
    trial.done_by(Operation::SetRoles, admin, &gaps).await?;
    Ok(())
}
