//! COOKIE-005: a browser keeps what the target sets.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;

use super::tour::{IN_COOKIES, tour};
use crate::check::{Check, Cost, Eye};
use crate::jar::{ATTRIBUTE_OCTETS_MAX, Jar, SetCookie};
use crate::stop::Stop;
use crate::trial::Trial;

/// COOKIE-005.
pub(super) const COOKIE_005: Check = Check {
    id: "COOKIE-005",
    statement: "each `Set-Cookie` is one that a conforming browser keeps: the conditions of its \
                prefix are met, its grammar is valid, each attribute stands once and is short \
                enough",
    level: Level::Must,
    severity: Severity::High,
    families: IN_COOKIES,
    seen_by: &[Eye::Http, Eye::Jar],
    operations: &[Operation::Login],
    doors: &[],
    clauses: &[
        "RFC 6265bis 4.1.1",
        "RFC 6265bis 5.4",
        "RFC 6265bis 5.6",
        "RFC 6265bis 5.7",
    ],
    cwe: &[],
    mend: "Tests with a lenient client do not show it: give a `__Host-` cookie `Secure`, `Path=/` \
           and no `Domain`, quote or encode odd characters, and write each attribute once.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let tour = tour(trial).await?;
    let mut jar = Jar::default();
    let mut kept = 0;
    for (operation, answer) in &tour.answers {
        let by = operation.label();
        for (name, why) in trial.fill_jar(&mut jar, answer) {
            let detail = format!("a browser drops `{name}`, as `{by}` sets it: {why}");
            trial.fail("kept", detail, &[answer]);
        }
        for cookie in answer.set_cookies() {
            kept += 1;
            if let Some(why) = malformed(&cookie) {
                let detail = format!("`{}`, as `{by}` sets it, {why}", cookie.name);
                trial.fail("grammar", detail, &[answer]);
            }
        }
    }
    if kept == 0 {
        return Err(Stop::unclear("no answer sets a cookie"));
    }
    trial.pass("looked at", format!("{kept} times a cookie was set"));
    Ok(())
}

/// What a server must not send (RFC 6265bis 4.1.1), though some browsers bear
/// it.
fn malformed(cookie: &SetCookie) -> Option<String> {
    let is_token = |octet: u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet);
    if cookie.name.is_empty() || !cookie.name.bytes().all(is_token) {
        return Some("has a name that is no token".to_owned());
    }
    let bare = cookie
        .value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let is_octet =
        |octet: u8| matches!(octet, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e);
    if !bare.unwrap_or(&cookie.value).bytes().all(is_octet) {
        return Some("has a value with characters that no cookie may hold".to_owned());
    }
    let mut seen: Vec<&str> = Vec::new();
    for (name, value) in &cookie.attributes {
        if seen.contains(&name.as_str()) {
            return Some(format!("has `{name}` twice, and only the last one counts"));
        }
        if value.len() > ATTRIBUTE_OCTETS_MAX {
            return Some(format!(
                "has a `{name}` of more than 1024 octets, which is ignored"
            ));
        }
        seen.push(name);
    }
    None
}
