//! PRIVILEGE-002 and PRIVILEGE-003: what needs a fresh proof of identity.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;

use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// PRIVILEGE-002.
pub(super) const PRIVILEGE_002: Check = Check {
    id: "PRIVILEGE-002",
    statement: "a change of password, address or factors needs a fresh proof of identity: for the \
                password, the current one",
    level: Level::Must,
    severity: Severity::High,
    families: &[],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 7.5.1", "ASVS 5.0 6.2.3", "NIST SP 800-63B-4 5.2"],
    cwe: &[620],
    mend: "Ask for the current password, or for a step-up, before the change, not only before the \
           page that offers it.",
    cost: Cost::Quick,
    run: |trial| Box::pin(proved(trial)),
};

/// PRIVILEGE-003.
pub(super) const PRIVILEGE_003: Check = Check {
    id: "PRIVILEGE-003",
    statement: "a step-up counts only while it is fresh, and for its own login; renewing a token \
                does not renew it",
    level: Level::Should,
    severity: Severity::High,
    families: &[],
    seen_by: &[Eye::Http, Eye::Clock],
    operations: &[
        Operation::Login,
        Operation::Whoami,
        Operation::StepUp,
        Operation::Sensitive,
    ],
    doors: &[],
    clauses: &["ASVS 5.0 7.5.3", "ASVS 5.0 10.3.4", "NIST SP 800-63B-4 5.1"],
    cwe: &[],
    mend: "Keep the instant of the step-up with the login (`auth_time`, `acr`), carry it over \
           unchanged at renewal, and compare its age at each use.",
    cost: Cost::Quick,
    run: |trial| Box::pin(fresh(trial)),
};

const VALUE: &str = "changed@conformance.example";

async fn proved(trial: &Trial<'_>) -> Result<(), Stop> {
    trial.settle("password", password(trial).await);
    trial.settle("sensitive operation", sensitive(trial).await);
    Ok(())
}

async fn password(trial: &Trial<'_>) -> Result<(), Stop> {
    trial.request(Operation::PasswordChange)?;
    let login = trial.expendable().await?;
    let new = "Conformance-2-unproved-password";
    for (shown, what) in [
        ("", "no password"),
        ("not-the-current-one", "a wrong password"),
    ] {
        trial.control(&login).await?;
        let gaps = [("password", shown), ("new_password", new)];
        let answer = trial
            .perform(Operation::PasswordChange, &login, &gaps)
            .await?;
        let changed = trial.done(Operation::PasswordChange, &answer);
        let detail = format!(
            "with {what} shown, the change was answered {}",
            answer.status
        );
        trial.judge("password", !changed, detail, &[&answer]);
        if changed {
            return Ok(());
        }
    }
    let after = trial.try_login(&login.user, 0).await?;
    trial.judge(
        "password",
        after.is_some(),
        "the old password still opens: nothing was changed",
        &[],
    );
    // That it can be changed at all shows that it was the proof that lacked.
    let right = [("password", &*login.user.password), ("new_password", new)];
    trial
        .done_by(Operation::PasswordChange, &login, &right)
        .await
        .map(drop)
}

async fn sensitive(trial: &Trial<'_>) -> Result<(), Stop> {
    trial.request(Operation::Sensitive)?;
    trial.request(Operation::StepUp)?;
    let login = trial.login().await?;
    trial.control(&login).await?;
    let without = act(trial, &login).await?;
    let done = trial.done(Operation::Sensitive, &without);
    let detail = format!("without a step-up it was answered {}", without.status);
    trial.judge("sensitive operation", !done, detail, &[&without]);
    let lifted = step_up(trial, &login).await?;
    trial
        .done_by(Operation::Sensitive, &lifted, &[("value", VALUE)])
        .await?;
    Ok(())
}

async fn act(trial: &Trial<'_>, login: &Login) -> Result<Answer, Stop> {
    let gaps = [("value", VALUE)];
    trial.perform(Operation::Sensitive, login, &gaps).await
}

/// Steps up; the login with whatever new credentials that brings.
async fn step_up(trial: &Trial<'_>, login: &Login) -> Result<Login, Stop> {
    let gaps = [("password", &*login.user.password)];
    let answer = trial.done_by(Operation::StepUp, login, &gaps).await?;
    let lifted = trial.granted(&login.user, login.replica, answer, Some(login));
    lifted.ok_or_else(|| Stop::unclear("no credential is known after the step-up"))
}

async fn fresh(trial: &Trial<'_>) -> Result<(), Stop> {
    let user = trial.user()?;
    let (login, other) = (trial.login_of(&user).await?, trial.login_of(&user).await?);
    let lifted = step_up(trial, &login).await?;
    trial
        .done_by(Operation::Sensitive, &lifted, &[("value", VALUE)])
        .await?;
    refused(trial, "another login", &other).await?;
    let later = trial.login_of(&user).await?;
    refused(trial, "a later login", &later).await?;
    trial.settle("its age", ages(trial, lifted).await);
    Ok(())
}

/// Demands that the operation is refused; the credential itself is good.
async fn refused(trial: &Trial<'_>, case: &str, login: &Login) -> Result<(), Stop> {
    trial.control(login).await?;
    let answer = act(trial, login).await?;
    let done = trial.done(Operation::Sensitive, &answer);
    let detail = format!("the operation was answered {}", answer.status);
    trial.judge(case, !done, detail, &[&answer]);
    Ok(())
}

async fn ages(trial: &Trial<'_>, mut lifted: Login) -> Result<(), Stop> {
    let ttl_ms = trial.policy().step_up_ttl_ms;
    let ttl_ms = ttl_ms.ok_or_else(|| Stop::needs("policy.step_up_ttl_ms"))?;
    let renews = lifted.refresh.is_some() && trial.has(Operation::Refresh);
    trial.advance(ttl_ms / 2).await?;
    if renews {
        lifted = trial.refresh(&lifted).await?;
    }
    trial
        .done_by(Operation::Sensitive, &lifted, &[("value", VALUE)])
        .await?;
    trial.advance(ttl_ms - ttl_ms / 2 + 1_100).await?;
    if renews {
        lifted = trial.refresh(&lifted).await?;
    }
    let case = match renews {
        true => "its age, over two renewals",
        false => "its age",
    };
    if trial.who(&lifted).await?.is_somebody() {
        return refused(trial, case, &lifted).await;
    }
    Err(Stop::NotApplicable(
        "the credential expires before the step-up does".to_owned(),
    ))
}
