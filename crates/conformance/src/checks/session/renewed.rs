//! SESSION-003: whoever proves the identity anew gets a fresh identifier, and
//! the old one ends.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::{Carrier, Family};

use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::login::{Login, brought};
use crate::stop::Stop;
use crate::trial::Trial;

/// SESSION-003.
pub(super) const SESSION_003: Check = Check {
    id: "SESSION-003",
    statement: "re-authentication and step-up issue a fresh identifier and end the old one, at \
                once or within a declared renewal grace",
    level: Level::Must,
    severity: Severity::High,
    families: &[
        Family::Session,
        Family::Hybrid,
        Family::Refresh,
        Family::Sealed,
    ],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 7.2.4", "OWASP Session Management"],
    cwe: &[384],
    mend: "Make a new identifier whenever the caller proves the identity anew, and end the old one \
           in the same step.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    trial.settle("step-up", step_up(trial).await);
    trial.settle("login within a login", login_again(trial).await);
    Ok(())
}

async fn step_up(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "step-up";
    trial.request(Operation::StepUp)?;
    let old = trial.login().await?;
    trial.control(&old).await?;
    let password = old.user.password.clone();
    let gaps = [("password", password.as_str())];
    let answer = trial.done_by(Operation::StepUp, &old, &gaps).await?;
    judge(trial, CASE, &old, answer).await
}

/// Over bearer the old identifier is another client's, and goes on; the cookie
/// of a browser is replaced, and what it held must end.
async fn login_again(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "login within a login";
    if matches!(trial.profile().carrier, Carrier::Bearer { .. }) {
        return Err(Stop::NotApplicable(
            "over bearer each login is a client of its own".to_owned(),
        ));
    }
    let old = trial.login().await?;
    trial.control(&old).await?;
    let ask = trial.ask(Operation::Login)?.with(&old);
    let answer = ask
        .gap("user", &old.user.user)
        .gap("password", &old.user.password)
        .send()
        .await?;
    if !trial.done(Operation::Login, &answer) {
        trial.pass(CASE, "a login within a login is refused");
        return Ok(());
    }
    judge(trial, CASE, &old, answer).await
}

async fn judge(trial: &Trial<'_>, case: &str, old: &Login, answer: Answer) -> Result<(), Stop> {
    let fresh = brought(trial.profile(), &answer).access;
    let Some(fresh) = fresh.filter(|fresh| *fresh != old.access) else {
        trial.fail(case, "the identifier stayed as it was", &[&answer]);
        return Ok(());
    };
    trial.hide(&fresh);
    let mut who = trial.who_presents(&old.access, old.replica).await?;
    let grace_ms = trial.policy().renewal_grace_ms.unwrap_or(0);
    let late_ms = trial.policy().revoke_max_ms.unwrap_or(0);
    let allowed_ms = grace_ms.max(late_ms);
    if who.is_somebody() && allowed_ms > 0 {
        if trial
            .policy()
            .access_ttl_ms
            .is_some_and(|ttl_ms| late_ms >= ttl_ms)
        {
            trial.note(
                "declared: ended credentials are accepted until they expire, so that a renewed \
                 identifier leaves the old one alive: ASVS 5.0 7.2.4 is not met by design",
            );
            trial.pass(
                case,
                "the old identifier lives until it expires, as declared",
            );
            return Ok(());
        }
        trial.advance(allowed_ms + 1_000).await?;
        who = trial.who_presents(&old.access, old.replica).await?;
    }
    let new = trial.who_presents(&fresh, old.replica).await?;
    if !new.is(&old.subject) {
        return Err(Stop::unclear(format!(
            "the fresh identifier is {}",
            new.told()
        )));
    }
    let detail = format!("a fresh identifier came; the old one is {}", who.told());
    trial.judge(case, !who.is_somebody(), detail, &[&answer, who.answer()]);
    Ok(())
}
