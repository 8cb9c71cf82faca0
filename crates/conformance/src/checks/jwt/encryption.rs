//! JWT-019: whoever can encrypt is nobody in particular.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::Family;
use serde_json::{Map, Value, json};

use super::ground::{Forgery, Ground, public_keys};
use crate::check::{Check, Cost, Eye};
use crate::jose::jwe::{to_public_key, under_key};
use crate::jose::{SignKey, encode, text_of};
use crate::stop::Stop;
use crate::trial::Trial;

/// JWT-019.
pub(super) const JWT_019: Check = Check {
    id: "JWT-019",
    statement: "encryption is not authentication: a token that was only encrypted to the public \
                key, or wraps an unsigned one, is refused where a signature is the rule",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[
        Family::Jwt,
        Family::Denylist,
        Family::Refresh,
        Family::Hybrid,
        Family::Sealed,
    ],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["RFC 8725 2.3", "RFC 8725 3.3", "RFC 8725bis 3.3"],
    cwe: &[347],
    mend: "Verify the signature of what was decrypted, always, and refuse five segments where you \
           expect three (CVE-2026-29000, CVE-2023-51774).",
    cost: Cost::Quick,
    run: |trial| Box::pin(encrypted(trial)),
};

/// The most published keys that are tried.
const KEYS_MAX: usize = 3;

async fn encrypted(trial: &Trial<'_>) -> Result<(), Stop> {
    let ground = Ground::new(trial).await?;
    let contents = contents(&ground);
    let mut forged = Vec::new();
    for (what, extra, content) in &contents {
        for key in [[0; 32], [1; 32]] {
            let text = under_key(&key, extra, content.as_bytes());
            forged.extend(text.map(|text| Forgery::new(what.clone(), text)));
        }
    }
    ground
        .refuse_each("under a key that everybody knows", forged)
        .await?;
    trial.settle(TO_PUBLIC, to_public(&ground, &contents).await);
    trial.control(&ground.login).await
}

const TO_PUBLIC: &str = "to the public key";

async fn to_public(ground: &Ground<'_>, contents: &[Content]) -> Result<(), Stop> {
    let keys = public_keys(ground.trial).await?;
    let mut forged = Vec::new();
    for key in keys.iter().take(KEYS_MAX) {
        for (what, extra, content) in contents {
            let mut extra = extra.clone();
            if let Some(kid) = key.get("kid") {
                extra.insert("kid".to_owned(), kid.clone());
            }
            let made = to_public_key(key, &extra, content.as_bytes());
            forged.extend(
                made.into_iter()
                    .map(|(alg, text)| Forgery::new(format!("{alg}, {what}"), text)),
            );
        }
    }
    if forged.is_empty() {
        return Err(Stop::NotApplicable(
            "its public keys encrypt nothing (Ed25519)".to_owned(),
        ));
    }
    ground.refuse_each(TO_PUBLIC, forged).await
}

type Content = (String, Map<String, Value>, String);

/// What is encrypted: bare claims, an unsigned token, and one that anybody
/// signed; with what a header says about it.
fn contents(ground: &Ground<'_>) -> Vec<Content> {
    let token = &ground.token;
    let claims = text_of(&token.claims);
    let unsigned = |alg: &str| {
        let header = encode(json!({ "alg": alg, "typ": "JWT" }).to_string());
        format!("{header}.{}.", token.segments[1])
    };
    let void = SignKey::secret("HS256", b"");
    let anybody = void.token("HS256", r#"{"alg":"HS256"}"#, &claims);
    let mut inner = vec![
        ("bare claims", claims),
        ("an unsigned token", unsigned("none")),
        ("a token without its signature", unsigned("HS256")),
    ];
    inner.extend(anybody.map(|text| ("a token of nobody's", text)));
    let typ = token
        .header
        .get("typ")
        .cloned()
        .unwrap_or_else(|| "JWT".into());
    let mut contents = Vec::new();
    for (what, content) in inner {
        for cty in [None, Some("JWT")] {
            let mut extra = Map::from_iter([("typ".to_owned(), typ.clone())]);
            if let Some(cty) = cty {
                extra.insert("cty".to_owned(), cty.into());
            }
            contents.push((what.to_owned(), extra, content.clone()));
        }
    }
    contents
}
