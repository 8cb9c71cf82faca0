//! SESSION-008: nothing short of a whole login lets anybody in.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::Carrier;

use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::login::brought;
use crate::stop::Stop;
use crate::trial::Trial;

/// SESSION-008.
pub(super) const SESSION_008: Check = Check {
    id: "SESSION-008",
    statement: "no step short of full authentication yields an authenticated credential, and a \
                failed login leaves an existing one as it was",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["WSTG-SESS-08", "ASVS 5.0 6.3.4"],
    cwe: &[287],
    mend: "Write the identity into the session in one place, after every factor was proved; keep \
           what an unfinished step needs under a key that nothing else reads.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

/// No account has it.
const WRONG: &str = "not-the-password-of-anybody";

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    failed_login(trial).await?;
    failed_within(trial).await?;
    trial.settle("request for a new password", reset(trial).await);
    trial.settle("account creation", creation(trial).await);
    trial.settle("failed step-up", failed_step_up(trial).await);
    Ok(())
}

async fn failed_login(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "failed login";
    let user = trial.user()?;
    let ask = trial.ask(Operation::Login)?;
    let answer = ask
        .gap("user", &user.user)
        .gap("password", WRONG)
        .send()
        .await?;
    if trial.done(Operation::Login, &answer) {
        trial.fail(CASE, "a wrong password was accepted", &[&answer]);
        return Ok(());
    }
    worthless(trial, CASE, &answer).await?;
    let login = trial.login_of(&user).await?;
    trial.control(&login).await
}

/// A failed login of somebody else, in a browser that is logged in.
async fn failed_within(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "failed login within a login";
    let (first, other) = (trial.login().await?, trial.user()?);
    trial.control(&first).await?;
    let ask = trial.ask(Operation::Login)?.with(&first);
    let answer = ask
        .gap("user", &other.user)
        .gap("password", WRONG)
        .send()
        .await?;
    let who = trial.who(&first).await?;
    let new = brought(trial.profile(), &answer).access;
    let stolen = match &new {
        Some(access) => trial.who_presents(access, 0).await?.is_somebody(),
        None => false,
    };
    let detail = format!("afterwards the login is {}", who.told());
    let holds = who.is(&first.subject) && !stolen;
    trial.judge(CASE, holds, detail, &[&answer, who.answer()]);
    Ok(())
}

async fn reset(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "request for a new password";
    let ask = trial.ask(Operation::ResetStart)?;
    let user = trial.user()?;
    let answer = ask.gap("user", &user.user).send().await?;
    worthless(trial, CASE, &answer).await?;
    let pointer = trial.request(Operation::ResetStart)?.token.as_ref();
    let Some(token) = pointer.and_then(|pointer| answer.pointed(pointer)) else {
        return Ok(());
    };
    trial.hide(&token);
    let who = trial.who_presents(&token, 0).await?;
    let detail = format!("as an access credential, it is {}", who.told());
    trial.judge(
        "artefact of a new password",
        !who.is_somebody(),
        detail,
        &[&answer, who.answer()],
    );
    Ok(())
}

async fn creation(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "account creation";
    trial.request(Operation::Create)?;
    let admin = trial.admin().await?;
    let number: u64 = trial.random(rand::Rng::next_u64);
    let name = format!("conform-{number:016x}");
    let gaps = [
        ("subject_user", name.as_str()),
        ("new_password", "a-fresh-Passw0rd-of-nobody"),
    ];
    let answer = trial.done_by(Operation::Create, &admin, &gaps).await?;
    let outcome = worthless(trial, CASE, &answer).await;
    if trial.has(Operation::Delete) {
        trial
            .perform(Operation::Delete, &admin, &[("subject_user", &name)])
            .await?;
    }
    outcome
}

async fn failed_step_up(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "failed step-up";
    trial.request(Operation::StepUp)?;
    let login = trial.login().await?;
    let gaps = [("password", WRONG)];
    let answer = trial.perform(Operation::StepUp, &login, &gaps).await?;
    if trial.done(Operation::StepUp, &answer) {
        trial.fail(CASE, "a wrong password was accepted", &[&answer]);
        return Ok(());
    }
    worthless(trial, CASE, &answer).await?;
    if trial.has(Operation::Sensitive) {
        let gaps = [("value", "nobody@private.example")];
        let done = trial.perform(Operation::Sensitive, &login, &gaps).await?;
        trial.judge(
            "what needs a step-up, after a failed one",
            !trial.done(Operation::Sensitive, &done),
            format!("it was answered {}", done.status),
            &[&answer, &done],
        );
    }
    trial.control(&login).await
}

/// Whatever the answer hands out authenticates nobody.
async fn worthless(trial: &Trial<'_>, case: &str, answer: &Answer) -> Result<(), Stop> {
    let Some(access) = brought(trial.profile(), answer).access else {
        let what = match trial.profile().carrier {
            Carrier::Cookie { .. } => "cookie",
            Carrier::Bearer { .. } => "token",
        };
        trial.pass(
            case,
            format!("it was answered {} without a {what}", answer.status),
        );
        return Ok(());
    };
    trial.hide(&access);
    let who = trial.who_presents(&access, 0).await?;
    let detail = format!("what it hands out is {}", who.told());
    trial.judge(case, !who.is_somebody(), detail, &[answer, who.answer()]);
    Ok(())
}
