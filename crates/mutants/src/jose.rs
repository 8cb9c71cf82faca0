//! Compact JWS, strictly: one key has one algorithm, every part is canonical
//! base64url, members are not repeated, and nothing that the token carries
//! picks a key (RFC 7515 5.2, RFC 8725 3.1 and 3.10).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::answer::Refusal;
use crate::app::App;
use crate::{key_source, strict_json};

/// `typ` of access tokens (RFC 9068 2.1).
pub(crate) const TYP: &str = "at+jwt";
/// Header members that would pick a key, or change what is signed.
const REFUSED: [&str; 9] = [
    "crit", "jwk", "jku", "x5u", "x5c", "x5t", "b64", "enc", "zip",
];

/// A token whose signature is good.
pub(crate) struct Verified {
    pub(crate) claims: Map<String, Value>,
    /// Whom its key belongs to.
    pub(crate) issuer: &'static str,
}

/// Signs `claims` with the key that signs now.
pub(crate) fn sign(app: &App, claims: &Value) -> Result<String, Refusal> {
    app.world
        .keys
        .signing(|key| {
            let header = json!({ "alg": key.alg(), "kid": key.kid, "typ": TYP });
            let mut token = format!(
                "{}.{}",
                URL_SAFE_NO_PAD.encode(header.to_string()),
                URL_SAFE_NO_PAD.encode(claims.to_string())
            );
            let signature = key.sign(token.as_bytes())?;
            token.push('.');
            token.push_str(&URL_SAFE_NO_PAD.encode(signature));
            Ok(token)
        })
        .ok_or(Refusal::Unavailable)?
}

/// The claims of `token`, if one of our keys signed it. Time, audience and all
/// other claims are judged elsewhere (`token`).
pub(crate) fn verify(app: &App, token: &str) -> Option<Verified> {
    let (message, signature) = token.rsplit_once('.')?;
    let (header_text, claims_text) = message.split_once('.')?;
    let header = strict_json::object(&decode(app, header_text)?)?;
    if app.flaw("M27")
        && header
            .get("alg")
            .and_then(Value::as_str)
            .is_some_and(is_none)
    {
        let claims = strict_json::object(&decode(app, claims_text)?)?;
        let issuer = crate::kind::ISSUER;
        return Some(Verified { claims, issuer });
    }
    let signature = decode(app, signature)?;
    let (alg, kid) = judged(app, &header)?;
    if !key_source::knows(app, kid) {
        return None;
    }
    // Which key: by `kid` in our own ring, and no other way (mutants of
    // JWT-003 to JWT-007 sit here).
    let issuer = app.world.keys.by_kid(app, kid, |key| {
        (key.alg() == alg && key.verifies(app, message.as_bytes(), &signature))
            .then_some(key.issuer)
    })??;
    let claims = strict_json::object(&decode(app, claims_text)?)?;
    Some(Verified { claims, issuer })
}

/// Algorithm and key of a header that is as it must be (mutants of JWT-015,
/// JWT-016 and JWT-019 sit here).
fn judged<'h>(_app: &App, header: &'h Map<String, Value>) -> Option<(&'h str, &'h str)> {
    if REFUSED.iter().any(|member| header.contains_key(*member)) {
        return None;
    }
    if header.get("typ")?.as_str()? != TYP {
        return None;
    }
    Some((header.get("alg")?.as_str()?, header.get("kid")?.as_str()?))
}

/// Canonical base64url only: no padding, no other alphabet, no stray bits
/// (RFC 7515 2; mutants of JWT-018 sit here).
fn decode(_app: &App, text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn is_none(alg: &str) -> bool {
    alg.eq_ignore_ascii_case("none")
}
