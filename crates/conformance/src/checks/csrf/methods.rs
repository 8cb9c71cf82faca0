//! CSRF-003: safe methods are safe.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use http::Method;

use super::probe::{AMBIENT, FOREIGN, ambient, forged};
use crate::check::{Check, Cost, Eye};
use crate::stop::Stop;
use crate::trial::Trial;

/// CSRF-003.
pub(super) const CSRF_003: Check = Check {
    id: "CSRF-003",
    statement: "safe methods change nothing, and no header or field turns a safe or a form request \
                into an unsafe one",
    level: Level::Must,
    severity: Severity::High,
    families: AMBIENT,
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Mutate],
    doors: &[],
    clauses: &["ASVS 5.0 3.5.3", "RFC 9110 9.2.1"],
    cwe: &[352],
    mend: "Route changes to POST, PUT, PATCH and DELETE only, and switch method overrides off.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

/// Headers by which frameworks let a client say another method.
const OVERRIDES: [&str; 3] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
];

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    ambient(trial)?;
    let victim = trial.login().await?;
    let request = trial.request(Operation::Mutate)?;
    let path = request.path.value.to_string();
    let method = request.method.as_str();
    let sep = if path.contains('?') { '&' } else { '?' };
    forged(
        trial,
        "GET with the values in the query",
        &victim,
        |ask, mark| {
            ask.method(Method::GET)
                .body(Vec::new())
                .path(format!(
                    "{path}{sep}note={mark}&value={mark}&_method={method}"
                ))
                .header("sec-fetch-site", "cross-site")
                .header("referer", FOREIGN)
        },
    )
    .await?;
    forged(
        trial,
        "GET with the body of the change",
        &victim,
        |ask, _| {
            ask.method(Method::GET)
                .header("sec-fetch-site", "cross-site")
        },
    )
    .await?;
    for header in OVERRIDES {
        let case = format!("GET with {header}");
        forged(trial, &case, &victim, |ask, mark| {
            ask.method(Method::GET)
                .path(format!("{path}{sep}note={mark}&value={mark}"))
                .header(header, method)
                .header("sec-fetch-site", "cross-site")
        })
        .await?;
    }
    forged(trial, "a form with `_method`", &victim, |ask, mark| {
        ask.method(Method::POST)
            .without_proof()
            .content_type(Some("application/x-www-form-urlencoded"))
            .body(format!("_method={method}&note={mark}&value={mark}"))
    })
    .await
}
