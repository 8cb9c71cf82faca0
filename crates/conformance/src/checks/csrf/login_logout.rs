//! CSRF-006: nobody else logs a user in or out.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use http::Method;

use super::probe::{AMBIENT, FOREIGN, ambient, visible_defence};
use crate::check::{Check, Cost, Eye};
use crate::stop::Stop;
use crate::trial::Trial;

/// CSRF-006.
pub(super) const CSRF_006: Check = Check {
    id: "CSRF-006",
    statement: "another site can forge neither a login nor a logout, and a GET logs nobody out",
    level: Level::Must,
    severity: Severity::Medium,
    families: AMBIENT,
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Logout],
    doors: &[],
    clauses: &["ASVS 5.0 3.5.1", "ASVS 5.0 3.5.3", "WSTG-SESS-05"],
    cwe: &[352],
    mend: "Ask for the same proof at login and logout as at every other change, and let only POST \
           log out.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    ambient(trial)?;
    get_logs_out(trial).await?;
    if !visible_defence(trial) {
        let why = "declared: `SameSite` is the only defence, which does not keep other sites from \
                   logging a browser in (ASVS 5.0 3.5.1 is not met there)";
        trial.note(why);
        return Ok(());
    }
    forged_login(trial).await?;
    forged_logout(trial).await
}

async fn get_logs_out(trial: &Trial<'_>) -> Result<(), Stop> {
    let victim = trial.login().await?;
    trial.control(&victim).await?;
    let ask = trial.ask(Operation::Logout)?.with(&victim);
    let answer = ask
        .method(Method::GET)
        .body(Vec::new())
        .header("sec-fetch-site", "cross-site")
        .send()
        .await?;
    let who = trial.who(&victim).await?;
    let alive = who.is(&victim.subject);
    let detail = match alive {
        true => format!(
            "a GET was answered {}, and the login goes on",
            answer.status
        ),
        false => "a GET of the logout's path ended the login".to_owned(),
    };
    trial.judge("GET", alive, detail, &[&answer, who.answer()]);
    Ok(())
}

async fn forged_login(trial: &Trial<'_>) -> Result<(), Stop> {
    let attacker = trial.user()?;
    let ask = trial.ask(Operation::Login)?;
    let answer = ask
        .gap("user", &attacker.user)
        .gap("password", &attacker.password)
        .without_proof()
        .header("origin", FOREIGN)
        .header("sec-fetch-site", "cross-site")
        .send()
        .await?;
    trial.login_of(&attacker).await?;
    let granted = trial.done(Operation::Login, &answer)
        && trial.granted(&attacker, 0, answer.clone(), None).is_some();
    let detail = format!("a login from another site was answered {}", answer.status);
    trial.judge("login", !granted, detail, &[&answer]);
    Ok(())
}

async fn forged_logout(trial: &Trial<'_>) -> Result<(), Stop> {
    let victim = trial.login().await?;
    trial.control(&victim).await?;
    let ask = trial.ask(Operation::Logout)?.with(&victim);
    let answer = ask
        .without_proof()
        .header("origin", FOREIGN)
        .header("sec-fetch-site", "cross-site")
        .send()
        .await?;
    let who = trial.who(&victim).await?;
    let alive = who.is(&victim.subject);
    let detail = match alive {
        true => format!("a logout from another site was answered {}", answer.status),
        false => "a logout from another site ended the login".to_owned(),
    };
    trial.judge("logout", alive, detail, &[&answer, who.answer()]);
    Ok(())
}
