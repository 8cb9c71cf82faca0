//! SESSION-001: an identifier from before the login is worth nothing after it.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::{Carrier, Family};

use crate::check::{Check, Cost, Eye};
use crate::jose::Token;
use crate::login::{Login, cookie_pairs};
use crate::stop::Stop;
use crate::trial::Trial;

/// SESSION-001.
pub(super) const SESSION_001: Check = Check {
    id: "SESSION-001",
    statement: "login issues a fresh identifier, and one from before the login, kept in a frozen \
                jar, does not authenticate afterwards",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[Family::Session, Family::Hybrid, Family::Sealed],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &[
        "ASVS 5.0 7.2.4",
        "RFC 6265bis 8.4",
        "NIST SP 800-63B-4 5.1",
        "WSTG-SESS-03",
    ],
    cwe: &[384],
    mend: "Make a new identifier at every login, and end the one that came with the request \
           (`req.session.regenerate()`, `request.session.cycle_key()`).",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    anonymous(trial).await?;
    earlier_login(trial).await
}

/// What the target hands out before any login.
async fn anonymous(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "anonymous identifier";
    let Carrier::Cookie { name } = &trial.profile().carrier else {
        trial.not_applicable(CASE, "nothing is handed out before the login over bearer");
        return Ok(());
    };
    let before = trial.ask(Operation::Whoami)?.send().await?;
    let cookies = before.set_cookies();
    let Some(handed) = cookies.iter().find(|cookie| cookie.name == *name) else {
        trial.pass(CASE, "no identifier is handed out before the login");
        return Ok(());
    };
    let user = trial.user()?;
    let ask = trial.ask(Operation::Login)?;
    let answer = ask
        .gap("user", &user.user)
        .gap("password", &user.password)
        .cookie(cookie_pairs(name, &handed.value).join("; "))
        .send()
        .await?;
    let who = trial.who_presents(&handed.value, 0).await?;
    let detail = format!(
        "after the login, the identifier from before it is {}",
        who.told()
    );
    trial.judge(
        CASE,
        !who.is_somebody(),
        detail,
        &[&before, &answer, who.answer()],
    );
    Ok(())
}

/// A second login with the first one's credential in the request.
async fn earlier_login(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "identifier of an earlier login";
    let user = trial.user()?;
    let first = trial.login_of(&user).await?;
    trial.control(&first).await?;
    let ask = trial.ask(Operation::Login)?.with(&first);
    let answer = ask
        .gap("user", &user.user)
        .gap("password", &user.password)
        .send()
        .await?;
    let Some(second) = trial.granted(&user, 0, answer.clone(), None) else {
        trial.fail(
            CASE,
            "a login that presents a credential brings no new one: the old one goes on",
            &[&answer],
        );
        return Ok(());
    };
    trial.control(&second).await?;
    if second.access == first.access && Token::parse(&first.access).is_some() {
        return within_a_second(trial, &first).await;
    }
    let detail = match second.access == first.access {
        true => "the identifier stayed the same over a login",
        false => "the login brought a fresh identifier",
    };
    trial.judge(CASE, second.access != first.access, detail, &[&answer]);
    Ok(())
}

/// A token that says nothing but who and until when is the same for two logins
/// within a second: it was made anew all the same.
async fn within_a_second(trial: &Trial<'_>, first: &Login) -> Result<(), Stop> {
    const CASE: &str = "identifier of an earlier login";
    trial.wait(1_100).await?;
    let later = trial.login_of(&first.user).await?;
    trial.note("two logins within one second get the same token: it has no identifier (`jti`)");
    let fresh = later.access != first.access;
    let detail = match fresh {
        true => "a second later a login brings another token",
        false => "the token stayed the same over a login",
    };
    trial.judge(CASE, fresh, detail, &[&later.answer]);
    Ok(())
}
