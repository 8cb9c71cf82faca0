//! Compact JWS, strictly: one key has one algorithm, every part is canonical
//! base64url, members are not repeated, and nothing that the token carries
//! picks a key (RFC 7515 5.2, RFC 8725 3.1 and 3.10).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::answer::Refusal;
use crate::app::App;
use crate::{key_source, strict_json};

mod flawed;

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
    if let Some(verified) = flawed::believed(app, token) {
        return Some(verified);
    }
    let (message, signature) = token.rsplit_once('.')?;
    let (header_text, claims_text) = message.split_once('.')?;
    let header = strict_json::object(&decode(app, header_text)?)?;
    let signature = decode(app, signature)?;
    let (alg, kid) = judged(app, &header)?;
    if !key_source::knows(app, kid) {
        return None;
    }
    // Which key: by `kid` in our own ring, and no other way.
    let issuer = app.world.keys.by_kid(app, kid, |key| {
        (key.alg() == alg && key.verifies(app, message.as_bytes(), &signature))
            .then_some(key.issuer)
    })??;
    let claims = read_claims(app, &decode(app, claims_text)?)?;
    Some(Verified { claims, issuer })
}

/// Claims without repeated members (mutants of JWT-017 sit here).
fn read_claims(app: &App, text: &[u8]) -> Option<Map<String, Value>> {
    if app.flaw("M48") {
        return strict_json::first_of_two(text);
    }
    if app.flaw("M50") && app.replica == 1 {
        return strict_json::last_of_two(text);
    }
    strict_json::object(text)
}

/// Algorithm and key of a header that is as it must be (mutants of JWT-015 and
/// JWT-016 sit here).
fn judged<'h>(app: &App, header: &'h Map<String, Value>) -> Option<(&'h str, &'h str)> {
    let is_refused = |member: &&str| match *member {
        "crit" if app.flaw("M47") => false,
        member => header.contains_key(member),
    };
    if REFUSED.iter().any(is_refused) {
        return None;
    }
    if header.get("typ")?.as_str()? != TYP && !app.flaw("M46") {
        return None;
    }
    Some((header.get("alg")?.as_str()?, header.get("kid")?.as_str()?))
}

/// Canonical base64url only: no padding, no other alphabet, no stray bits
/// (RFC 7515 2; mutants of JWT-018 sit here).
fn decode(app: &App, text: &str) -> Option<Vec<u8>> {
    if app.flaw("M49") {
        return flawed::decode(text);
    }
    URL_SAFE_NO_PAD.decode(text).ok()
}
