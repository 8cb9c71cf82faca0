//! REFRESH-012: a refresh looks at the account anew. Also: how checks change
//! accounts.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::{Family, User};
use rand::RngExt as _;

use super::token::{Guard, Traded, holder_of, renew, trade};
use crate::check::{Check, Cost, Eye};
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// REFRESH-012.
pub(super) const REFRESH_012: Check = Check {
    id: "REFRESH-012",
    statement: "a refresh looks at the account anew: who was barred, removed or had the password \
                changed gets no token, and who was demoted gets none with the old rights",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[Family::Refresh, Family::Hybrid],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Refresh, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 7.4.2", "ASVS 5.0 8.3.2", "RFC 9700 4.14.2"],
    cwe: &[613, 863],
    mend: "At each refresh read the account: its state, when its password changed, and its roles \
           of now. End the login when it may not go on.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let mut guard = Guard::new(trial).await?;
    for case in [Case::Disabled, Case::Deleted, Case::Password, Case::Demoted] {
        let outcome = match case {
            Case::Disabled => disabled(trial, &mut guard).await,
            Case::Deleted => deleted(trial, &mut guard).await,
            Case::Password => password(trial, &mut guard).await,
            Case::Demoted => demoted(trial).await,
        };
        trial.settle(case.name(), outcome);
    }
    Ok(())
}

/// What happens to the account.
#[derive(Clone, Copy)]
enum Case {
    Disabled,
    Deleted,
    Password,
    Demoted,
}

impl Case {
    const fn name(self) -> &'static str {
        match self {
            Self::Disabled => "barred account",
            Self::Deleted => "removed account",
            Self::Password => "changed password",
            Self::Demoted => "fewer roles",
        }
    }
}

async fn disabled(trial: &Trial<'_>, guard: &mut Guard<'_>) -> Result<(), Stop> {
    let login = barred(trial).await?;
    let what = "the refresh token of a barred account";
    guard
        .must_refuse(Case::Disabled.name(), what, &login)
        .await?;
    Ok(())
}

/// A login that held a refresh token when its account was barred.
///
/// # Errors
/// [`Stop`] when the target cannot bar accounts, or there is none to spoil.
pub(super) async fn barred(trial: &Trial<'_>) -> Result<Login, Stop> {
    trial.request(Operation::Disable)?;
    let admin = trial.admin().await?;
    let login = trial.expendable().await?;
    let login = renew(trial, &login).await?;
    let user = login.user.user.clone();
    trial
        .done_by(Operation::Disable, &admin, &[("subject_user", &user)])
        .await?;
    Ok(login)
}

async fn deleted(trial: &Trial<'_>, guard: &mut Guard<'_>) -> Result<(), Stop> {
    trial.request(Operation::Delete)?;
    let admin = trial.admin().await?;
    let user = created(trial, &admin).await?;
    let login = holder_of(trial, &user, 0).await?;
    let login = renew(trial, &login).await?;
    trial
        .done_by(Operation::Delete, &admin, &[("subject_user", &user.user)])
        .await?;
    let what = "the refresh token of a removed account";
    guard
        .must_refuse(Case::Deleted.name(), what, &login)
        .await?;
    Ok(())
}

/// A new account.
async fn created(trial: &Trial<'_>, admin: &Login) -> Result<User, Stop> {
    let number: u64 = trial.random(|random| random.random());
    let user = User {
        user: format!("made-{number:016x}"),
        password: new_password(trial),
        subject: None,
    };
    let gaps = [
        ("subject_user", user.user.as_str()),
        ("new_password", user.password.as_str()),
    ];
    trial.done_by(Operation::Create, admin, &gaps).await?;
    Ok(user)
}

async fn password(trial: &Trial<'_>, guard: &mut Guard<'_>) -> Result<(), Stop> {
    trial.request(Operation::PasswordChange)?;
    let user = trial.user()?;
    let login = holder_of(trial, &user, 0).await?;
    let login = renew(trial, &login).await?;
    let changed = change_password(trial, &user).await?;
    let what = "the refresh token of a login from before another login changed the password";
    let judged = guard.must_refuse(Case::Password.name(), what, &login).await;
    restore_password(trial, &changed, &user).await?;
    judged.map(drop)
}

/// A password that nobody has.
pub(in crate::checks) fn new_password(trial: &Trial<'_>) -> String {
    let number: u64 = trial.random(|random| random.random());
    let password = format!("Changed-{number:016x}");
    trial.hide(&password);
    password
}

/// Changes the password of `user` in a login of its own; the account with its
/// new password.
///
/// # Errors
/// [`Stop`] when the target does not.
pub(in crate::checks) async fn change_password(
    trial: &Trial<'_>,
    user: &User,
) -> Result<User, Stop> {
    let changed = User {
        password: new_password(trial),
        ..user.clone()
    };
    restore_password(trial, user, &changed).await?;
    Ok(changed)
}

/// Gives the account that is known as `now` the password of `wanted`.
///
/// # Errors
/// [`Stop`] when the target does not.
pub(in crate::checks) async fn restore_password(
    trial: &Trial<'_>,
    now: &User,
    wanted: &User,
) -> Result<(), Stop> {
    let login = trial.login_of(now).await?;
    let gaps = [
        ("password", now.password.as_str()),
        ("new_password", wanted.password.as_str()),
    ];
    trial
        .done_by(Operation::PasswordChange, &login, &gaps)
        .await?;
    Ok(())
}

/// A role that is taken away between login and refresh.
async fn demoted(trial: &Trial<'_>) -> Result<(), Stop> {
    const ROLE: &str = "auditor";
    let case = Case::Demoted.name();
    trial.request(Operation::SetRoles)?;
    let echo = trial.request(Operation::Whoami)?;
    let pointer = echo.roles.as_ref();
    let pointer = pointer.ok_or_else(|| Stop::needs("operations.whoami.roles"))?;
    let admin = trial.admin().await?;
    let user = trial.user()?;
    let plain = trial.login_of(&user).await?;
    let before = roles(trial, &plain, pointer).await?;
    set_roles(
        trial,
        &admin,
        &user,
        &[&before[..], &[ROLE.to_owned()]].concat(),
    )
    .await?;
    let login = holder_of(trial, &user, 0).await?;
    let raised = roles(trial, &login, pointer).await?;
    set_roles(trial, &admin, &user, &before).await?;
    if !raised.iter().any(|role| role == ROLE) {
        return Err(Stop::unclear(format!(
            "a login after the role `{ROLE}` was given does not show it: {raised:?}"
        )));
    }
    let traded = trade(trial, &login).await?;
    let Traded::Renewed(renewed, answer) = &traded else {
        let detail = format!("after a demotion the refresh token was {}", traded.told());
        trial.pass(case, detail);
        return Ok(());
    };
    let after = roles(trial, renewed, pointer).await?;
    let gone = !after.iter().any(|role| role == ROLE);
    let detail = format!("the access credential of a refresh after the demotion has {after:?}");
    trial.judge(case, gone, detail, &[answer]);
    Ok(())
}

async fn set_roles(
    trial: &Trial<'_>,
    admin: &Login,
    user: &User,
    roles: &[String],
) -> Result<(), Stop> {
    let json = serde_json::Value::from(roles.to_vec()).to_string();
    let gaps = [("subject_user", user.user.as_str()), ("roles", &json)];
    trial.done_by(Operation::SetRoles, admin, &gaps).await?;
    Ok(())
}

/// The roles that the identity echo shows.
async fn roles(trial: &Trial<'_>, login: &Login, pointer: &str) -> Result<Vec<String>, Stop> {
    trial.control(login).await?;
    let who = trial.who(login).await?;
    let shown = who.answer().json();
    let array = shown
        .as_ref()
        .and_then(|body| body.pointer(pointer)?.as_array());
    let array = array.ok_or_else(|| Stop::unclear("`whoami` shows no array of roles"))?;
    let texts = array.iter().filter_map(|role| role.as_str());
    Ok(texts.map(str::to_owned).collect())
}
