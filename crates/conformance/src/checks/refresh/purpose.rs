//! REFRESH-010 and REFRESH-011: what a refresh token is good for, and where it
//! travels.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::{Family, RefreshCarrier};

use super::token::{Guard, holder, presenting, renew};
use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::jar::SetCookie;
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// REFRESH-010.
pub(super) const REFRESH_010: Check = Check {
    id: "REFRESH-010",
    statement: "a refresh token opens no resource, and an access token does not refresh",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[Family::Refresh, Family::Hybrid],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Refresh, Operation::Whoami],
    doors: &[],
    clauses: &["RFC 8725 3.12", "ASVS 5.0 9.2.2"],
    cwe: &[287],
    mend: "Tell the kinds of tokens apart by `typ`, audience or key, and check the kind wherever \
           one is presented.",
    cost: Cost::Quick,
    run: |trial| Box::pin(kinds(trial)),
};

/// REFRESH-011.
pub(super) const REFRESH_011: Check = Check {
    id: "REFRESH-011",
    statement: "beside cookies, the refresh token travels in an HttpOnly cookie that is narrowed \
                to the refresh path, or stays on the server; it is in no body that a script reads",
    level: Level::Must,
    severity: Severity::High,
    families: &[Family::Hybrid],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Refresh, Operation::Whoami],
    doors: &[],
    clauses: &[
        "ASVS 5.0 3.3.4",
        "ASVS 5.0 10.1.1",
        "OAuth browser-based apps 6.1.3.2",
        "NIST SP 800-63B-4 5.1",
    ],
    cwe: &[522, 1004],
    mend: "Set it with `HttpOnly` and the path of the refresh endpoint, and leave it out of every \
           body.",
    cost: Cost::Quick,
    run: |trial| Box::pin(travels(trial)),
};

async fn kinds(trial: &Trial<'_>) -> Result<(), Stop> {
    let mut guard = Guard::new(trial).await?;
    let login = holder(trial).await?;
    let token = login.refresh.clone().unwrap_or_default();
    trial.negative_control(&login).await?;
    trial
        .must_refuse("refresh token at a resource", &login, &token)
        .await?;
    let posing = Login {
        refresh: Some(login.access.clone()),
        ..login.clone()
    };
    let what = "an access token in the place of a refresh token";
    guard
        .must_refuse("access token at the refresh", what, &posing)
        .await?;
    // Alone, where access tokens belong: there is no refresh token in it.
    let ask = presenting(trial, &login, login.replica)?;
    let ask = ask.without_refresh().access(login.access.clone());
    let what = "an access token alone, in its own place,";
    guard
        .must_refuse_ask("access token alone at the refresh", what, &login, ask)
        .await?;
    Ok(())
}

async fn travels(trial: &Trial<'_>) -> Result<(), Stop> {
    let login = holder(trial).await?;
    let renewed = renew(trial, &login).await?;
    let Some(RefreshCarrier::Cookie { name }) = &trial.profile().refresh else {
        trial.fail(
            "in a cookie",
            "the refresh token stands in the body of the answer",
            &[&login.answer],
        );
        return Ok(());
    };
    for (case, login) in [("login", &login), ("refresh", &renewed)] {
        let token = login.refresh.as_deref().unwrap_or_default();
        let set = login.answer.set_cookies();
        let set = set.iter().rev().find(|cookie| cookie.name == *name);
        let flaws = flaws(trial, set, token, &login.answer)?;
        let detail = match flaws.is_empty() {
            true => "HttpOnly, narrowed, and in no body".to_owned(),
            false => flaws.join("; "),
        };
        trial.judge(case, flaws.is_empty(), detail, &[&login.answer]);
    }
    Ok(())
}

/// What is wrong with how the token came.
fn flaws(
    trial: &Trial<'_>,
    set: Option<&SetCookie>,
    token: &str,
    answer: &Answer,
) -> Result<Vec<String>, Stop> {
    let mut flaws = Vec::new();
    if !token.is_empty() && answer.text().contains(token) {
        flaws.push("the token stands in the body as well".to_owned());
    }
    // A refresh may leave the cookie as it is.
    let Some(cookie) = set else { return Ok(flaws) };
    if !cookie.http_only {
        flaws.push("the cookie is not HttpOnly".to_owned());
    }
    let path = cookie.path.as_deref().unwrap_or("/");
    let whoami = trial.ask(Operation::Whoami)?.wire()?.url;
    let whoami = reqwest::Url::parse(&whoami).map(|url| url.path().to_owned());
    let covers_all = path == "/" || whoami.is_ok_and(|whoami| whoami.starts_with(path));
    if covers_all {
        flaws.push(format!(
            "the cookie's path `{path}` sends it with requests that do not refresh"
        ));
    }
    Ok(flaws)
}
