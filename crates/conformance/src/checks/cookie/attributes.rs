//! COOKIE-001 to COOKIE-003: the attributes that every guarding cookie has.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;

use super::tour::{IN_COOKIES, Set, tour};
use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::jar::SameSite;
use crate::stop::Stop;
use crate::trial::Trial;

/// COOKIE-001.
pub(super) const COOKIE_001: Check = Check {
    id: "COOKIE-001",
    statement: "every cookie that can authenticate, refresh or prove that a request is the site's \
                own carries `Secure`, each time that it is set",
    level: Level::Must,
    severity: Severity::High,
    families: IN_COOKIES,
    seen_by: &[Eye::Http],
    operations: &[Operation::Login],
    doors: &[],
    clauses: &[
        "ASVS 5.0 3.3.1",
        "NIST SP 800-63B-4 5.1.1",
        "RFC 6265bis 4.1.2.5",
        "WSTG-SESS-02",
    ],
    cwe: &[614],
    mend: "Set the cookie with `Secure` always; where TLS ends at a proxy, tell the framework so \
           (`trust proxy`) instead of leaving the attribute out.",
    cost: Cost::Quick,
    run: |trial| Box::pin(secure(trial)),
};

/// COOKIE-002.
pub(super) const COOKIE_002: Check = Check {
    id: "COOKIE-002",
    statement: "every cookie that can authenticate or refresh carries `HttpOnly`, and its value \
                stands nowhere else in any answer",
    level: Level::Must,
    severity: Severity::High,
    families: IN_COOKIES,
    seen_by: &[Eye::Http],
    operations: &[Operation::Login],
    doors: &[],
    clauses: &[
        "ASVS 5.0 3.3.4",
        "NIST SP 800-63B-4 5.1.1",
        "RFC 6265bis 4.1.2.6",
        "OAuth browser-based apps 6.1.3.2",
    ],
    cwe: &[1004],
    mend: "Set the cookie with `HttpOnly` and keep its value out of bodies, headers and pages.",
    cost: Cost::Quick,
    run: |trial| Box::pin(hidden(trial)),
};

/// COOKIE-003.
pub(super) const COOKIE_003: Check = Check {
    id: "COOKIE-003",
    statement: "`SameSite` is written out as `Lax` or `Strict`; `None` only where the profile \
                declares a cross-site use",
    level: Level::Must,
    severity: Severity::Medium,
    families: IN_COOKIES,
    seen_by: &[Eye::Http],
    operations: &[Operation::Login],
    doors: &[],
    clauses: &[
        "ASVS 5.0 3.3.2",
        "NIST SP 800-63B-4 5.1.1",
        "RFC 6265bis 4.1.2.7",
        "OAuth browser-based apps 6.1.3.2",
        "WSTG-SESS-02",
    ],
    cwe: &[1275],
    mend: "Write `SameSite=Strict` or `SameSite=Lax`: without it some browsers send the cookie \
           with unsafe requests of other sites for two minutes.",
    cost: Cost::Quick,
    run: |trial| Box::pin(same_site(trial)),
};

async fn secure(trial: &Trial<'_>) -> Result<(), Stop> {
    let tour = tour(trial).await?;
    each(trial, &tour.guarding(trial), |set| {
        (!set.cookie.secure).then(|| "has no `Secure`".to_owned())
    })
}

async fn hidden(trial: &Trial<'_>) -> Result<(), Stop> {
    let tour = tour(trial).await?;
    let sets = tour.credentials(trial);
    each(trial, &sets, |set| {
        (!set.cookie.http_only).then(|| "has no `HttpOnly`".to_owned())
    })?;
    let mut elsewhere = 0;
    for set in &sets {
        for (operation, answer) in &tour.answers {
            if let Some(place) = shown_in(answer, &set.cookie.value) {
                elsewhere += 1;
                let (name, by) = (&set.cookie.name, operation.label());
                let detail = format!("the value of `{name}` stands in the {place} of `{by}`");
                trial.fail("value elsewhere", detail, &[answer]);
            }
        }
    }
    if elsewhere == 0 {
        let answers = tour.answers.len();
        trial.pass("value elsewhere", format!("in none of {answers} answers"));
    }
    Ok(())
}

async fn same_site(trial: &Trial<'_>) -> Result<(), Stop> {
    let cross_site = trial.policy().cross_site;
    let tour = tour(trial).await?;
    each(trial, &tour.guarding(trial), |set| {
        match set.cookie.same_site {
            Some(SameSite::Lax | SameSite::Strict) => None,
            Some(SameSite::None) if cross_site && set.cookie.secure => None,
            Some(SameSite::None) => {
                Some("has `SameSite=None`, and no cross-site use is declared".to_owned())
            }
            None => Some("has no `SameSite` that browsers know".to_owned()),
        }
    })
}

/// One case for each cookie's name: fails with the first answer that sets it
/// wrongly.
fn each(
    trial: &Trial<'_>,
    sets: &[Set<'_>],
    wrong: impl Fn(&Set<'_>) -> Option<String>,
) -> Result<(), Stop> {
    if sets.is_empty() {
        return Err(Stop::unclear("no answer sets a credential cookie"));
    }
    let mut names: Vec<_> = sets.iter().map(|set| set.cookie.name.clone()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let of_name = || sets.iter().filter(|set| set.cookie.name == name);
        let bad = of_name().find_map(|set| Some((set, wrong(set)?)));
        match bad {
            Some((set, why)) => {
                let by = set.by.label();
                trial.fail(&name, format!("as `{by}` sets it, it {why}"), &[set.answer]);
            }
            None => trial.pass(&name, format!("set rightly {} times", of_name().count())),
        }
    }
    Ok(())
}

/// Where `value` stands in an answer beside `Set-Cookie`.
fn shown_in(answer: &Answer, value: &str) -> Option<String> {
    // Shorter values would be found by chance.
    if value.len() < 8 {
        return None;
    }
    let decoded = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
    let shows = |text: &str| text.contains(value) || text.contains(decoded.as_ref());
    if shows(&answer.text()) {
        return Some("body".to_owned());
    }
    answer.headers.iter().find_map(|(name, text)| {
        let shown =
            *name != http::header::SET_COOKIE && shows(&String::from_utf8_lossy(text.as_bytes()));
        shown.then(|| format!("header `{name}`"))
    })
}
