//! TRANSPORT-003: credentials stay out of URLs.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::Carrier;

use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// TRANSPORT-003.
pub(super) const TRANSPORT_003: Check = Check {
    id: "TRANSPORT-003",
    statement: "credentials are not accepted from the query string, and never appear in URLs that \
                the server makes",
    level: Level::Must,
    severity: Severity::High,
    families: &[],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &[
        "ASVS 5.0 14.2.1",
        "RFC 6750 2.3",
        "RFC 9700 4.3.2",
        "WSTG-SESS-04",
    ],
    cwe: &[598],
    mend: "Read credentials from `Authorization` or `Cookie` only: URLs end up in logs, histories \
           and `Referer`.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

/// Names under which servers have been seen to look.
const NAMES: [&str; 12] = [
    "access_token",
    "token",
    "jwt",
    "id_token",
    "auth",
    "auth_token",
    "bearer",
    "session",
    "session_id",
    "sid",
    "PHPSESSID",
    "api_key",
];

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let login = trial.login().await?;
    trial.control(&login).await?;
    let whoami = trial.request(Operation::Whoami)?.path.value.to_string();
    let mut names: Vec<&str> = NAMES.to_vec();
    if let Carrier::Cookie { name } = &trial.profile().carrier {
        names.push(name);
    }
    let separator = if whoami.contains('?') { '&' } else { '?' };
    let mut ways: Vec<(String, String)> = names
        .iter()
        .map(|name| {
            let query = format!("{whoami}{separator}{name}={}", login.access);
            (format!("the query's `{name}`"), query)
        })
        .collect();
    ways.push((
        "a path parameter".to_owned(),
        format!("{whoami};jsessionid={}", login.access),
    ));
    let mut taken = Vec::new();
    for (way, path) in &ways {
        let answer = trial.ask(Operation::Whoami)?.path(path).send().await?;
        let who = trial.identity(answer);
        if who.is_somebody() {
            taken.push((way, who.answer().clone()));
        }
    }
    trial.control(&login).await?;
    match taken.first() {
        Some((way, answer)) => {
            trial.fail("in the query", format!("it is taken from {way}"), &[answer]);
        }
        None => trial.pass("in the query", format!("refused in {} places", ways.len())),
    }
    made_urls(trial, &login).await
}

/// The URLs that answers hold.
async fn made_urls(trial: &Trial<'_>, login: &Login) -> Result<(), Stop> {
    const CASE: &str = "in URLs that the server makes";
    let who = trial.who(login).await?;
    let mut answers = vec![login.answer.clone(), who.answer().clone()];
    let mut secrets = vec![login.access.clone()];
    secrets.extend(login.refresh.clone());
    if trial.has(Operation::Refresh) {
        let renewed = trial.refresh(login).await?;
        secrets.push(renewed.access.clone());
        secrets.extend(renewed.refresh.clone());
        answers.push(renewed.answer);
    }
    if trial.has(Operation::Logout) {
        answers.push(trial.perform(Operation::Logout, login, &[]).await?);
    }
    let leak = answers
        .iter()
        .find(|answer| secrets.iter().any(|secret| is_in_url(answer, secret)));
    match leak {
        Some(answer) => trial.fail(CASE, "a URL holds a whole credential", &[answer]),
        None => trial.pass(CASE, format!("none in {} answers", answers.len())),
    }
    Ok(())
}

fn is_in_url(answer: &Answer, secret: &str) -> bool {
    const HEADERS: [&str; 4] = ["location", "content-location", "link", "refresh"];
    let in_header = HEADERS
        .iter()
        .any(|name| answer.header_list(name).contains(secret));
    let text = answer.text();
    let in_body = ["=", "/", "%3D"]
        .iter()
        .any(|before| text.contains(&format!("{before}{secret}")));
    in_header || in_body
}
