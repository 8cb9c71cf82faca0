//! SESSION-002: an identifier that the server never issued is not adopted.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::{Carrier, Family};

use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::stop::Stop;
use crate::trial::Trial;

/// SESSION-002.
pub(super) const SESSION_002: Check = Check {
    id: "SESSION-002",
    statement: "a well-formed identifier that the server never issued is neither adopted nor \
                echoed, before and during login",
    level: Level::Must,
    severity: Severity::High,
    families: &[Family::Session, Family::Sealed],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["OWASP Session Management", "WSTG-SESS-03"],
    cwe: &[384],
    mend: "Accept identifiers of your own making only (PHP: `session.use_strict_mode=1`); answer \
           an unknown one as if none had come.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let control = trial.login().await?;
    before_login(trial, &trial.never_valid(&control.access)).await?;
    trial.control(&control).await?;
    during_login(trial, &trial.never_valid(&control.access)).await?;
    trial.control(&control).await
}

/// Presented twice: a server that adopts it at the first time would know it at
/// the second.
async fn before_login(trial: &Trial<'_>, never: &str) -> Result<(), Stop> {
    const CASE: &str = "before the login";
    let first = trial.who_presents(never, 0).await?;
    let second = trial.who_presents(never, 0).await?;
    let (answer, again) = (first.answer(), second.answer());
    if first.is_somebody() || second.is_somebody() {
        let detail = format!("it was {}, then {}", first.told(), second.told());
        trial.fail(CASE, detail, &[answer, again]);
    } else if echoes(trial, answer, never) || echoes(trial, again, never) {
        trial.fail(
            CASE,
            "the answer hands the same identifier out, as if it were its own",
            &[answer, again],
        );
    } else {
        trial.pass(CASE, format!("it was {} and not echoed", first.told()));
    }
    Ok(())
}

async fn during_login(trial: &Trial<'_>, never: &str) -> Result<(), Stop> {
    const CASE: &str = "during the login";
    let user = trial.user()?;
    let ask = trial.ask(Operation::Login)?.access(never);
    let answer = ask
        .gap("user", &user.user)
        .gap("password", &user.password)
        .send()
        .await?;
    let granted = match trial.done(Operation::Login, &answer) {
        true => trial.granted(&user, 0, answer.clone(), None),
        false => None,
    };
    let who = trial.who_presents(never, 0).await?;
    if who.is_somebody() {
        let detail = format!("after the login, the planted identifier is {}", who.told());
        trial.fail(CASE, detail, &[&answer, who.answer()]);
    } else if granted.as_ref().is_some_and(|it| it.access == never) {
        trial.fail(
            CASE,
            "the login hands the planted identifier out",
            &[&answer],
        );
    } else {
        if let Some(login) = &granted {
            trial.control(login).await?;
        }
        let detail = match granted {
            Some(_) => "the login brought another identifier, and the planted one is worth nothing",
            None => "the login was refused, and the planted identifier is worth nothing",
        };
        trial.pass(CASE, detail);
    }
    Ok(())
}

/// Whether an answer sets the cookie to that very value.
fn echoes(trial: &Trial<'_>, answer: &Answer, never: &str) -> bool {
    let Carrier::Cookie { name } = &trial.profile().carrier else {
        return false;
    };
    let cookies = answer.set_cookies();
    cookies
        .iter()
        .any(|cookie| cookie.name == *name && cookie.value == never)
}
