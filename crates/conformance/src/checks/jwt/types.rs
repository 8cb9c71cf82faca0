//! JWT-012: a claim of the wrong type is no missing claim.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use serde_json::Value;

use super::ground::{Forger, Forgery, TOKENS};
use crate::check::{Check, Cost, Eye};
use crate::jose::text_with_raw;
use crate::stop::Stop;
use crate::trial::Trial;

/// JWT-012.
pub(super) const JWT_012: Check = Check {
    id: "JWT-012",
    statement: "time claims and other standard claims of the wrong JSON type are refused, and \
                never read as absent",
    level: Level::Must,
    severity: Severity::High,
    families: TOKENS,
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 15.3.5", "RFC 7519 4.1.4", "RFC 7519 4.1.5"],
    cwe: &[843],
    mend: "Read claims into typed fields and let the whole token fail where one does not fit \
           (CVE-2026-25537).",
    cost: Cost::Quick,
    run: |trial| Box::pin(types(trial)),
};

/// Seconds since 1970 that are long over.
const PAST_S: u64 = 1_000_000_000;
/// Seconds since 1970 that are far away.
const FUTURE_S: u64 = 4_102_444_800;
/// No numbers at all.
const NO_NUMBERS: [&str; 9] = [
    "null",
    "true",
    "false",
    "\"\"",
    "\"never\"",
    "[]",
    "{}",
    "[[]]",
    "{\"value\":1}",
];
/// No texts at all.
const NO_TEXTS: [&str; 9] = [
    "null",
    "true",
    "false",
    "0",
    "1",
    "1.5",
    "[]",
    "{}",
    "{\"value\":\"a\"}",
];

async fn types(trial: &Trial<'_>) -> Result<(), Stop> {
    let forger = Forger::new(trial).await?;
    for (claim, values) in times() {
        let in_use = forger.claims().contains_key(claim);
        // A verifier has to know `exp` and `nbf` in any case.
        if !in_use && claim == "iat" {
            trial.not_applicable("`iat`", "its tokens have no `iat`");
            continue;
        }
        one(&forger, claim, values).await?;
    }
    for claim in ["iss", "sub", "aud", "jti"] {
        match forger.claims().get(claim).cloned() {
            None => {
                let why = format!("its tokens have no `{claim}`");
                trial.not_applicable(&format!("`{claim}`"), why);
            }
            Some(real) => one(&forger, claim, names(claim, &real)).await?,
        }
    }
    forger.honest_copy().await
}

async fn one(forger: &Forger<'_>, claim: &str, values: Vec<String>) -> Result<(), Stop> {
    let mut forged = Vec::new();
    for raw in values {
        let claims = text_with_raw(forger.claims(), claim, &raw);
        forged.push(Forgery::new(raw, forger.claiming(&claims)?));
    }
    let case = format!("`{claim}`");
    forger.ground.refuse_each(&case, forged).await
}

/// Values of times that are of no use, whether they are refused or read: those
/// that are numbers all the same (RFC 7519 2 allows fractions) say that the
/// token is out of time.
fn times() -> Vec<(&'static str, Vec<String>)> {
    let no_numbers = || NO_NUMBERS.iter().map(|text| (*text).to_owned());
    let of = |wrong: &[String]| no_numbers().chain(wrong.iter().cloned()).collect();
    vec![
        (
            "exp",
            of(&[
                format!("\"{PAST_S}\""),
                format!("\"{FUTURE_S}\""),
                format!("[{FUTURE_S}]"),
                format!("{PAST_S}.5"),
                "-1".to_owned(),
                "-1e400".to_owned(),
                "1e400".to_owned(),
                "0".to_owned(),
            ]),
        ),
        (
            "nbf",
            of(&[
                format!("\"{PAST_S}\""),
                format!("\"{FUTURE_S}\""),
                "\"99999999999999999999\"".to_owned(),
                format!("[{PAST_S}]"),
                format!("{FUTURE_S}.5"),
                "1e400".to_owned(),
            ]),
        ),
        (
            "iat",
            of(&[
                format!("\"{PAST_S}\""),
                format!("[{PAST_S}]"),
                "1e400".to_owned(),
            ]),
        ),
    ]
}

/// Values of a name that are no text, and the real one within another type.
fn names(claim: &str, real: &Value) -> Vec<String> {
    let mut values: Vec<_> = NO_TEXTS.iter().map(|text| (*text).to_owned()).collect();
    // RFC 7519 4.1.3: only an audience may be an array of texts.
    if claim == "aud" {
        values.extend(["[1]", "[null]", "[[]]", "[{}]"].map(str::to_owned));
        values.push(serde_json::json!([[real]]).to_string());
    } else {
        values.push(serde_json::json!([real]).to_string());
    }
    values.push(serde_json::json!({ "value": real }).to_string());
    values
}
