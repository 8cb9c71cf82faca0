//! JWT-016: what a token calls critical is understood, or the token refused.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use serde_json::{Map, Value, json};

use super::ground::{Forger, Forgery, TOKENS};
use crate::check::{Check, Cost, Eye};
use crate::jose::{text_of, with};
use crate::stop::Stop;
use crate::trial::Trial;

/// JWT-016.
pub(super) const JWT_016: Check = Check {
    id: "JWT-016",
    statement: "a `crit` that names anything not understood, is empty, malformed or names absent \
                members is refused, and so is an unencoded payload (`b64`)",
    level: Level::Must,
    severity: Severity::High,
    families: TOKENS,
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["RFC 7515 4.1.11"],
    cwe: &[345],
    mend: "Refuse every token that has `crit`, unless you implement what it names \
           (CVE-2025-59420, CVE-2026-32597).",
    cost: Cost::Quick,
    run: |trial| Box::pin(critical(trial)),
};

async fn critical(trial: &Trial<'_>) -> Result<(), Stop> {
    let forger = Forger::new(trial).await?;
    let header = &forger.ground.token.header;
    let crit = |value: Value| with(header, "crit", value);
    let known = with(header, "authbench", true);
    let present = |value: Value| with(&known, "crit", value);
    let cases: [(&str, Vec<Map<String, Value>>); 4] = [
        (
            "not understood",
            vec![
                present(json!(["authbench"])),
                present(json!(["alg", "authbench"])),
                with(&crit(json!(["exp"])), "exp", 4_102_444_800_u64),
                with(
                    &crit(json!(["http://example.invalid/UNDEFINED"])),
                    "http://example.invalid/UNDEFINED",
                    true,
                ),
                with(&crit(json!(["bork"])), "bork", "taz"),
            ],
        ),
        (
            "absent members",
            vec![
                crit(json!(["authbench"])),
                crit(json!(["b64"])),
                crit(json!([""])),
                present(json!(["authbench", "other"])),
            ],
        ),
        (
            "empty, malformed or of registered names",
            vec![
                crit(json!([])),
                crit(json!(null)),
                crit(json!("authbench")),
                crit(json!(true)),
                crit(json!({})),
                crit(json!([1])),
                crit(json!([null])),
                crit(json!(["alg"])),
                crit(json!(["crit"])),
                present(json!(["authbench", "authbench"])),
            ],
        ),
        (
            "unencoded payload",
            vec![
                with(header, "b64", false),
                with(&crit(json!(["b64"])), "b64", false),
                with(&crit(json!(["b64"])), "b64", true),
            ],
        ),
    ];
    for (case, headers) in cases {
        let mut forged = Vec::new();
        for header in headers {
            let what = text_of(&extra(&header, &forger.ground.token.header));
            forged.push(Forgery::new(what, forger.headed(&text_of(&header))?));
        }
        forger.ground.refuse_each(case, forged).await?;
    }
    forger.honest_copy().await
}

/// What `header` has more than the real one.
fn extra(header: &Map<String, Value>, real: &Map<String, Value>) -> Map<String, Value> {
    let more = header.iter().filter(|(name, _)| !real.contains_key(*name));
    more.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
