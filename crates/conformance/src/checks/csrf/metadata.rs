//! CSRF-005: `Sec-Fetch-Site`.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;

use super::probe::{AMBIENT, FOREIGN, ambient, forged, rests_on_same_site, visible_defence};
use crate::check::{Check, Cost, Eye};
use crate::stop::Stop;
use crate::trial::Trial;

/// CSRF-005.
pub(super) const CSRF_005: Check = Check {
    id: "CSRF-005",
    statement: "unsafe requests with `Sec-Fetch-Site: cross-site`, and `same-site` unless siblings \
                are trusted, are refused, with a check of `Origin` where the header is missing",
    level: Level::Should,
    severity: Severity::Medium,
    families: AMBIENT,
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Mutate],
    doors: &[],
    clauses: &["OWASP CSRF Prevention", "ASVS 5.0 3.5.3"],
    cwe: &[352],
    mend: "Refuse unsafe requests by `Sec-Fetch-Site`, and compare `Origin` with your own where a \
           browser does not send that header.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    ambient(trial)?;
    let victim = trial.login().await?;
    if !visible_defence(trial) {
        rests_on_same_site(trial, &victim);
        return Ok(());
    }
    let own = trial.origin(0)?.to_owned();
    let mut sites = vec!["cross-site"];
    if !trial.policy().trusted_siblings {
        sites.push("same-site");
    }
    for site in sites {
        let case = format!("Sec-Fetch-Site: {site}");
        forged(trial, &case, &victim, |ask, _| {
            ask.header("sec-fetch-site", site)
        })
        .await?;
        // A sandboxed or redirected request may even carry our own origin.
        let case = format!("Sec-Fetch-Site: {site}, own Origin");
        forged(trial, &case, &victim, |ask, _| {
            ask.header("sec-fetch-site", site).header("origin", &own)
        })
        .await?;
    }
    forged(
        trial,
        "no Sec-Fetch-Site, foreign Origin",
        &victim,
        |ask, _| ask.header("origin", FOREIGN),
    )
    .await
}
