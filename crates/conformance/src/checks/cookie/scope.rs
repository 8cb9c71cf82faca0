//! COOKIE-004: to which hosts and paths the cookie goes.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;

use super::tour::{IN_COOKIES, Set, tour};
use crate::check::{Check, Cost, Eye};
use crate::stop::Stop;
use crate::trial::Trial;

/// COOKIE-004.
pub(super) const COOKIE_004: Check = Check {
    id: "COOKIE-004",
    statement: "credential cookies belong to one host: no `Domain`, and a `__Host-` name, or \
                `__Secure-` where the path is narrowed or sharing with siblings is declared",
    level: Level::Should,
    severity: Severity::Medium,
    families: IN_COOKIES,
    seen_by: &[Eye::Http],
    operations: &[Operation::Login],
    doors: &[],
    clauses: &[
        "ASVS 5.0 3.3.1",
        "ASVS 5.0 3.3.3",
        "NIST SP 800-63B-4 5.1.1",
        "RFC 6265bis 4.1.2.3",
        "RFC 6265bis 4.1.3.1",
        "RFC 6265bis 4.1.3.2",
        "RFC 6265bis-layered 4.1.3.4",
        "OAuth browser-based apps 6.1.3.2",
    ],
    cwe: &[],
    mend: "Name the cookie `__Host-...` and leave `Domain` out: siblings can then neither read nor \
           plant it.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let shared = trial.policy().trusted_siblings;
    let tour = tour(trial).await?;
    let sets = tour.credentials(trial);
    if sets.is_empty() {
        return Err(Stop::unclear("no answer sets a credential cookie"));
    }
    let bad_domain = sets
        .iter()
        .find(|set| !shared && set.cookie.domain.as_ref().is_some_and(|it| !it.is_empty()));
    match bad_domain {
        Some(set) => {
            let (name, by) = (&set.cookie.name, set.by.label());
            let detail =
                format!("`{name}`, as `{by}` sets it, goes to every host below its `Domain`");
            trial.fail("Domain", detail, &[set.answer]);
        }
        None => trial.pass(
            "Domain",
            "no credential cookie names one beyond what is declared",
        ),
    }
    match sets.iter().find(|set| !prefixed(set, shared)) {
        Some(set) => {
            let detail = format!(
                "`{}` has no prefix, so nothing in the browser holds it to its host and to TLS",
                set.cookie.name
            );
            trial.fail("prefix", detail, &[set.answer]);
        }
        None => trial.pass("prefix", "each name has the prefix that its scope allows"),
    }
    if sets.iter().any(|set| begins(set, "__Host-Http-")) {
        trial.note("`__Host-Http-` keeps scripts from planting the cookie, too");
    }
    Ok(())
}

/// `__Host-` demands `Path=/`, so a narrower cookie can only be `__Secure-`.
fn prefixed(set: &Set<'_>, shared: bool) -> bool {
    let narrowed = set.cookie.path.as_deref().is_some_and(|path| path != "/");
    begins(set, "__Host-") || ((shared || narrowed) && begins(set, "__Secure-"))
}

fn begins(set: &Set<'_>, prefix: &str) -> bool {
    let head = set.cookie.name.get(..prefix.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(prefix))
}
