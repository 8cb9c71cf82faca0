//! CSRF-004: requests that need no preflight.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::CsrfDefence;

use super::probe::{AMBIENT, FOREIGN, ambient, declares, forged, rests_on_same_site};
use crate::check::{Check, Cost, Eye};
use crate::stop::Stop;
use crate::trial::Trial;

/// CSRF-004.
pub(super) const CSRF_004: Check = Check {
    id: "CSRF-004",
    statement: "a change in a form that browsers send without a preflight (text, form, multipart, \
                no content type) is refused",
    level: Level::Must,
    severity: Severity::High,
    families: AMBIENT,
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Mutate],
    doors: &[],
    clauses: &[
        "ASVS 5.0 3.5.2",
        "OAuth browser-based apps 6.1.3.3.2",
        "OWASP CSRF Prevention",
    ],
    cwe: &[352],
    mend: "Parse JSON only where the request says `application/json`, and refuse other media types \
           with 415.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    ambient(trial)?;
    let victim = trial.login().await?;
    let only_same_site = trial.policy().csrf == [CsrfDefence::SameSite];
    if only_same_site {
        rests_on_same_site(trial, &victim);
        return Ok(());
    }
    // Where a proof of origin stands before it, the body must not even matter;
    // with the proof, the body alone decides.
    let proven = declares(trial, CsrfDefence::FetchMetadata)
        || declares(trial, CsrfDefence::Origin)
        || declares(trial, CsrfDefence::Token);
    for (case, media_type) in [
        ("text/plain", Some("text/plain")),
        ("a form", Some("application/x-www-form-urlencoded")),
        ("multipart", Some("multipart/form-data; boundary=x")),
        ("no content type", None),
    ] {
        forged(trial, case, &victim, |ask, _| {
            let ask = ask.content_type(media_type);
            // A page of the site itself sends no such request either, so it is
            // refused with the proof of origin, too.
            if proven {
                ask
            } else {
                ask.without_proof().header("origin", FOREIGN)
            }
        })
        .await?;
    }
    Ok(())
}
