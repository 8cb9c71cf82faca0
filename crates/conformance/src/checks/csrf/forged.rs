//! CSRF-001: a change without the proof that the target's own page sends.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;

use super::probe::{AMBIENT, FOREIGN, ambient, forged, rests_on_same_site, visible_defence};
use crate::check::{Check, Cost, Eye};
use crate::stop::Stop;
use crate::trial::Trial;

/// CSRF-001.
pub(super) const CSRF_001: Check = Check {
    id: "CSRF-001",
    statement: "a change of state that an ambient cookie authorizes is refused without the \
                declared proof and from a foreign, `null` or unknown origin, and changes nothing",
    level: Level::Must,
    severity: Severity::Critical,
    families: AMBIENT,
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Mutate],
    doors: &[],
    clauses: &[
        "ASVS 5.0 3.5.1",
        "NIST SP 800-63B-4 5.1",
        "OAuth browser-based apps 6.1.3.3",
        "WSTG-SESS-05",
    ],
    cwe: &[352],
    mend: "Refuse unsafe requests unless `Sec-Fetch-Site` is `same-origin`, or, where that is \
           missing, `Origin` is your own; or demand a token that is bound to the session.",
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
    forged(trial, "no proof", &victim, |ask, _| ask.without_proof()).await?;
    for origin in [FOREIGN, "null"] {
        let case = format!("origin {origin}");
        forged(trial, &case, &victim, |ask, _| {
            ask.without_proof().header("origin", origin)
        })
        .await?;
        let case = format!("origin {origin}, cross-site");
        forged(trial, &case, &victim, |ask, _| {
            ask.without_proof()
                .header("origin", origin)
                .header("sec-fetch-site", "cross-site")
        })
        .await?;
    }
    Ok(())
}
