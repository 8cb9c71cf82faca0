//! What an answer says about the profile.

use authbench_conformance::answer::Answer;
use authbench_conformance::jar::{SameSite, SetCookie};
use authbench_conformance::login::credential_cookies;
use authbench_conformance::{Stop, Trial};
use authbench_wire::Operation;
use authbench_wire::profile::Request;
use serde_json::Value;

use super::lines::Lines;
use super::{Finding, Health};

/// JSON pointers that are named as what the answer holds.
const POINTERS: usize = 12;

impl Finding {
    pub(super) fn new(operation: &str, health: Health) -> Self {
        Self {
            operation: operation.to_owned(),
            status: None,
            health,
            seen: Vec::new(),
            advice: Vec::new(),
        }
    }

    pub(super) fn untried(operation: &str, why: impl Into<String>) -> Self {
        let mut finding = Self::new(operation, Health::Untried);
        finding.seen.push(why.into());
        finding
    }

    pub(super) fn stopped(operation: &str, stop: &Stop) -> Self {
        match stop {
            Stop::NotApplicable(why) => Self::untried(operation, why),
            Stop::Inconclusive(why) => {
                let mut finding = Self::new(operation, Health::Wrong);
                finding.seen.push(why.clone());
                finding
            }
            Stop::Broken(_) | Stop::Hook(_) => {
                let mut finding = Self::new(operation, Health::Wrong);
                finding.seen.push(chain(stop));
                finding
            }
        }
    }

    /// Something does not fit, and how to mend it.
    pub(super) fn blame(&mut self, seen: impl Into<String>, advice: impl Into<String>) {
        self.health = Health::Wrong;
        self.seen.push(seen.into());
        self.advice.push(advice.into());
    }
}

/// Judges the answer to `operation`: its status, and whether every pointer
/// finds something.
pub(super) fn read(
    trial: &Trial<'_>,
    lines: &Lines,
    operation: Operation,
    answer: &Answer,
) -> Finding {
    let mut finding = Finding::new(operation.label(), Health::Fits);
    finding.status = Some(answer.status);
    let Some(request) = trial.profile().request(operation) else {
        return finding;
    };
    if !request.success.contains(&answer.status) {
        status(&mut finding, lines, operation, request, answer);
        return finding;
    }
    pointers(&mut finding, lines, operation, request, answer);
    finding
}

fn status(
    finding: &mut Finding,
    lines: &Lines,
    operation: Operation,
    request: &Request,
    answer: &Answer,
) {
    let place = |key| lines.operation(operation, key);
    let asked = format!("{} {}", request.method.as_str(), request.path.value);
    let seen = format!("{asked} was answered {}", answer.status);
    let advice = match answer.status {
        301..=308 => format!(
            "{}: the target leads on to `{}`; if that means done, list {}",
            place("success"),
            answer.header("location").unwrap_or("nowhere"),
            answer.status
        ),
        400 | 415 | 422 => format!(
            "{}: the target does not take this body as `{}`; compare its names and `content_type`",
            place("body"),
            request.content_type
        ),
        401 | 403 if operation == Operation::Login => format!(
            "{}: is the password right? Does the body hold {{user}} and {{password}} under the \
             names that the target wants?",
            place("body")
        ),
        401 | 403 => format!(
            "[carrier] or `csrf`: a fresh login was refused here; does the credential travel as \
             the target wants, and does it want an anti-forgery proof? ({})",
            place("path")
        ),
        404 => format!(
            "{}: there is nothing at that path; if the target has no such operation, say so under \
             [absent]",
            place("path")
        ),
        405 => format!("{}: the target wants another method", place("method")),
        429 => format!(
            "{}: the target slows callers down; give --rate, or lift the limit for tests",
            place("path")
        ),
        500.. => format!("{}: the target failed; read its log", place("path")),
        _ => format!(
            "{}: list {} if it means done",
            place("success"),
            answer.status
        ),
    };
    finding.blame(seen, advice);
}

fn pointers(
    finding: &mut Finding,
    lines: &Lines,
    operation: Operation,
    request: &Request,
    answer: &Answer,
) {
    let body = answer.json().unwrap_or(Value::Null);
    let entry = match &request.list {
        None => None,
        Some(list) => match body.pointer(list).and_then(Value::as_array) {
            Some(entries) => {
                finding.seen.push(format!("{} entries", entries.len()));
                entries.first().cloned()
            }
            None => {
                missing(finding, &lines.operation(operation, "list"), list, &body);
                return;
            }
        },
    };
    let within = entry.as_ref().unwrap_or(&body);
    for (key, pointer) in [
        ("subject", &request.subject),
        ("roles", &request.roles),
        ("login", &request.login),
        ("expires_at_ms", &request.expires_at_ms),
        ("issued_at_ms", &request.issued_at_ms),
        ("effective_from_ms", &request.effective_from_ms),
        ("token", &request.token),
        ("value", &request.value),
    ] {
        let Some(pointer) = pointer else { continue };
        match within.pointer(pointer) {
            None | Some(Value::Null) => {
                missing(finding, &lines.operation(operation, key), pointer, within);
            }
            Some(found) if key.ends_with("_ms") && !found.is_number() => finding.blame(
                format!("`{key}` finds {found}"),
                format!(
                    "{}: a number of UTC milliseconds must stand there",
                    lines.operation(operation, key)
                ),
            ),
            Some(_) => {}
        }
    }
}

fn missing(finding: &mut Finding, place: &str, pointer: &str, body: &Value) {
    let there = known(body);
    let there = if there.is_empty() {
        "the answer is no JSON object".to_owned()
    } else {
        format!("the answer holds {}", there.join(", "))
    };
    finding.blame(
        format!("`{pointer}` finds nothing"),
        format!("{place}: {there}"),
    );
}

/// Pointers to what stands in `body`; no value is told, since it may be secret.
pub(super) fn known(body: &Value) -> Vec<String> {
    fn walk(value: &Value, at: &str, found: &mut Vec<String>) {
        if found.len() >= POINTERS {
            return;
        }
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    let name = name.replace('~', "~0").replace('/', "~1");
                    walk(member, &format!("{at}/{name}"), found);
                }
            }
            _ if at.is_empty() => {}
            _ => found.push(format!("`{at}`")),
        }
    }
    let mut found = Vec::new();
    walk(body, "", &mut found);
    found
}

/// The cookies of an answer with their attributes, without their values.
pub(super) fn cookies(trial: &Trial<'_>, answer: &Answer) -> Vec<String> {
    let credentials = credential_cookies(trial.profile());
    let told = answer.set_cookies().into_iter().map(|cookie| {
        let kind = if credentials.contains(&cookie.name.as_str()) {
            "credential"
        } else {
            "cookie"
        };
        format!("{kind} `{}`: {}", cookie.name, attributes(&cookie))
    });
    told.collect()
}

fn attributes(cookie: &SetCookie) -> String {
    let has = |is_so: bool, name: &str| {
        if is_so {
            name.to_owned()
        } else {
            format!("no {name}")
        }
    };
    let same_site = match cookie.same_site {
        Some(SameSite::Strict) => "SameSite=Strict",
        Some(SameSite::Lax) => "SameSite=Lax",
        Some(SameSite::None) => "SameSite=None",
        None => "no SameSite",
    };
    let mut parts = vec![
        has(cookie.secure, "Secure"),
        has(cookie.http_only, "HttpOnly"),
        same_site.to_owned(),
    ];
    parts.extend(cookie.path.as_ref().map(|path| format!("Path={path}")));
    parts.extend(cookie.domain.as_ref().map(|name| format!("Domain={name}")));
    parts.extend(cookie.max_age_s.map(|age| format!("Max-Age={age}")));
    if cookie.max_age_s.is_none() && cookie.expires_s.is_some() {
        parts.push("Expires".to_owned());
    }
    parts.join(", ")
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
