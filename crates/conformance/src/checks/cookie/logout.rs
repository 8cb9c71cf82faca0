//! COOKIE-008: logging out leaves an empty jar.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;

use super::tour::{IN_COOKIES, in_cookies};
use crate::check::{Check, Cost, Eye};
use crate::login::is_credential;
use crate::stop::Stop;
use crate::trial::Trial;

/// COOKIE-008.
pub(super) const COOKIE_008: Check = Check {
    id: "COOKIE-008",
    statement: "logging out clears every credential cookie with the name, domain and path that it \
                was set with, so that a browser's jar ends without any",
    level: Level::Must,
    severity: Severity::Medium,
    families: IN_COOKIES,
    seen_by: &[Eye::Http, Eye::Jar],
    operations: &[Operation::Login, Operation::Logout],
    doors: &[],
    clauses: &[
        "ASVS 5.0 7.4.1",
        "ASVS 5.0 14.3.1",
        "RFC 6265bis 5.7",
        "WSTG-SESS-06",
    ],
    cwe: &[],
    mend: "Clear the cookie with the same `Domain` and `Path` as it was set with; a cookie with \
           another path is another cookie.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    in_cookies(trial)?;
    for operation in [Operation::Logout, Operation::LogoutAll] {
        let tried = cleared_by(trial, operation).await;
        trial.settle(operation.label(), tried);
    }
    Ok(())
}

async fn cleared_by(trial: &Trial<'_>, operation: Operation) -> Result<(), Stop> {
    let login = trial.login().await?;
    let answer = trial.done_by(operation, &login, &[]).await?;
    let mut jar = login.jar.clone();
    trial.fill_jar(&mut jar, &answer);
    let left: Vec<_> = jar
        .all()
        .iter()
        .filter(|cookie| is_credential(trial.profile(), &cookie.name) && !cookie.value.is_empty())
        .map(|cookie| format!("`{}` (path {})", cookie.name, cookie.path))
        .collect();
    let detail = match left.is_empty() {
        true => "the jar ends without a credential".to_owned(),
        false => format!("the jar still holds {}", left.join(" and ")),
    };
    trial.judge(
        operation.label(),
        left.is_empty(),
        detail,
        &[&login.answer, &answer],
    );
    Ok(())
}
