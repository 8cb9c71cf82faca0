//! REVOKE-005 and REVOKE-006: what a change of the account ends.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;

use super::dead::{both, everywhere, must_die};
use crate::check::{Check, Cost, Eye};
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// REVOKE-005.
pub(super) const REVOKE_005: Check = Check {
    id: "REVOKE-005",
    statement: "a change or a reset of the password ends all other logins of the account, and the \
                old password opens no more",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 7.4.3", "RFC 9700 4.14.2"],
    cwe: &[613],
    mend: "End all logins in the same transaction that writes the new password, and open a new one \
           for who asked.",
    cost: Cost::Quick,
    run: |trial| Box::pin(password(trial)),
};

/// REVOKE-006.
pub(super) const REVOKE_006: Check = Check {
    id: "REVOKE-006",
    statement: "barring or deleting an account ends all of its credentials, and none can be got",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 7.4.2"],
    cwe: &[613],
    mend: "Look the account up at every request, or end all of its logins when it is barred or \
           deleted.",
    cost: Cost::Quick,
    run: |trial| Box::pin(gone(trial)),
};

/// What the accounts of this check get as their new password.
const NEW_PASSWORD: &str = "Conformance-2-new-password";

/// An account with three logins; the first acts.
async fn three(trial: &Trial<'_>) -> Result<[Login; 3], Stop> {
    let acting = trial.expendable().await?;
    let second = trial.login_of(&acting.user).await?;
    let third = trial.login_at(&acting.user, trial.replicas() - 1).await?;
    for login in [&acting, &second, &third] {
        trial.control(login).await?;
    }
    Ok([acting, second, third])
}

async fn password(trial: &Trial<'_>) -> Result<(), Stop> {
    let changed = changed(trial).await;
    trial.settle("password change", changed);
    let reset = reset(trial).await;
    trial.settle("password reset", reset);
    trial.not_applicable(
        "change of factors",
        "no operation of a profile changes authentication factors",
    );
    Ok(())
}

async fn changed(trial: &Trial<'_>) -> Result<(), Stop> {
    trial.request(Operation::PasswordChange)?;
    let (stranger, [acting, second, third]) = (trial.login().await?, three(trial).await?);
    let gaps = [
        ("password", &*acting.user.password),
        ("new_password", NEW_PASSWORD),
    ];
    let answer = trial
        .done_by(Operation::PasswordChange, &acting, &gaps)
        .await?;
    let renewed = trial.granted(&acting.user, acting.replica, answer, Some(&acting));
    let goes_on = match &renewed {
        Some(login) => trial.who(login).await?.is(&login.subject),
        None => false,
    };
    trial.note(match goes_on {
        true => "the login that changes the password goes on",
        false => "the login that changes the password ends",
    });
    let relics = [
        both("another login", &second),
        both("another login", &third),
    ]
    .concat();
    let all = everywhere(trial);
    must_die(trial, "password change", &relics, Some(&stranger), &all).await?;
    passwords(trial, "password change", &acting).await
}

async fn reset(trial: &Trial<'_>) -> Result<(), Stop> {
    let pointer = trial.request(Operation::ResetStart)?.token.as_ref();
    trial.request(Operation::ResetFinish)?;
    let pointer = pointer.ok_or_else(|| Stop::needs("operations.reset-start.token"))?;
    let (stranger, logins) = (trial.login().await?, three(trial).await?);
    let user = &logins[0].user;
    let started = trial.ask(Operation::ResetStart)?.gap("user", &user.user);
    let started = started.send().await?;
    let token = started.pointed(pointer);
    let token = token
        .ok_or_else(|| Stop::unclear("`reset-start` shows no artefact where the profile says"))?;
    trial.hide(&token);
    let finish = trial.ask(Operation::ResetFinish)?;
    let finished = finish
        .gap("token", &token)
        .gap("new_password", NEW_PASSWORD)
        .send()
        .await?;
    if !trial.done(Operation::ResetFinish, &finished) {
        return Err(Stop::unclear(format!(
            "`reset-finish` was answered {}",
            finished.status
        )));
    }
    let relics: Vec<_> = logins
        .iter()
        .flat_map(|login| both("a login from before", login))
        .collect();
    let all = everywhere(trial);
    must_die(trial, "password reset", &relics, Some(&stranger), &all).await?;
    passwords(trial, "password reset", &logins[0]).await
}

/// The old password opens nothing, the new one does.
async fn passwords(trial: &Trial<'_>, case: &str, login: &Login) -> Result<(), Stop> {
    let mut user = login.user.clone();
    let old = trial.login_answer(&user, 0).await?;
    let opens = trial.done(Operation::Login, &old);
    let detail = format!("the old password was answered {}", old.status);
    trial.judge(case, !opens, detail, &[&old]);
    NEW_PASSWORD.clone_into(&mut user.password);
    let new = trial.login_of(&user).await?;
    trial.control(&new).await
}

async fn gone(trial: &Trial<'_>) -> Result<(), Stop> {
    for (case, operation) in [
        ("barred account", Operation::Disable),
        ("deleted account", Operation::Delete),
    ] {
        let tried = gone_by(trial, case, operation).await;
        trial.settle(case, tried);
    }
    Ok(())
}

async fn gone_by(trial: &Trial<'_>, case: &str, operation: Operation) -> Result<(), Stop> {
    trial.request(operation)?;
    let admin = trial.admin().await?;
    let (stranger, logins) = (trial.login().await?, three(trial).await?);
    let user = &logins[0].user;
    let gaps = [("subject_user", &*user.user)];
    trial.done_by(operation, &admin, &gaps).await?;
    let again = trial.login_answer(user, 0).await?;
    let opens = trial.done(Operation::Login, &again);
    let detail = format!("its password was answered {}", again.status);
    trial.judge(case, !opens, detail, &[&again]);
    let relics: Vec<_> = logins
        .iter()
        .flat_map(|login| both("the account", login))
        .collect();
    must_die(trial, case, &relics, Some(&stranger), &everywhere(trial)).await
}
