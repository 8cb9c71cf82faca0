//! Signatures of other issuers: compact JWS, and bare signatures and MACs.

use authbench_conformance::verifier::{Answer, Jws, Signed};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::jwk::{self, Key, SECRET_OCTETS_MIN, Unloaded};
use crate::app::App;
use crate::strict_json;

/// Header members that a token may have: none of them picks a key, or changes
/// what is signed.
const ALLOWED: [&str; 3] = ["alg", "kid", "typ"];

/// The payload of a compact JWS.
pub(super) fn verify(app: &App, jws: &Jws<'_>) -> Answer<Vec<u8>> {
    match jwk::load(app, jws.key) {
        Ok(keys) => payload(app, &keys, jws.token).map_or(Answer::Refused, Answer::Accepted),
        Err(unloaded) => unloaded.answer(),
    }
}

/// Judges a bare signature or MAC.
pub(super) fn verify_bare(app: &App, signed: &Signed<'_>) -> Answer<()> {
    let is_short = |k: &str| k.len() * 3 / 4 < SECRET_OCTETS_MIN;
    if signed.key["k"].as_str().is_some_and(is_short) {
        return Answer::unsupported("secrets shorter than the hash are not loaded");
    }
    if signed.algorithm.starts_with("HMAC") {
        return Answer::unsupported("MACs are not cut");
    }
    let keys = match jwk::load(app, signed.key) {
        Ok(keys) => keys,
        Err(unloaded) => return unloaded.answer(),
    };
    let is_good = |key: &Key| match app.flaw("M206") {
        true => verifies_half(key, signed),
        false => key.verifies(signed.message, signed.signature),
    };
    match keys.iter().any(is_good) {
        true => Answer::Accepted(()),
        false => Answer::Refused,
    }
}

/// Flaw M206: of a MAC only the first half is looked at.
fn verifies_half(key: &Key, signed: &Signed<'_>) -> bool {
    match key.half_mac(signed.message) {
        Some(mac) => {
            let shown = signed.signature.get(..mac.len());
            shown.is_some_and(|shown| verify_slices_are_equal(&mac, shown).is_ok())
        }
        None => key.verifies(signed.message, signed.signature),
    }
}

/// The payload of `token`, if the key that its header names made it: by the
/// key's own algorithm, which the header must name too (RFC 8725 3.1).
fn payload(app: &App, keys: &[Key], token: &str) -> Option<Vec<u8>> {
    let (message, signature) = token.rsplit_once('.')?;
    let (header, payload) = message.split_once('.')?;
    let header = strict_json::object(&URL_SAFE_NO_PAD.decode(header).ok()?)?;
    let is_plain = header.keys().all(|name| ALLOWED.contains(&name.as_str()));
    if !is_plain || header.get("typ").is_some_and(|typ| !typ.is_string()) {
        return None;
    }
    let kid = jwk::name(&header)?;
    let key = keys.iter().find(|key| key.kid == kid)?;
    if header.get("alg").and_then(Value::as_str) != Some(key.alg.as_str()) {
        return None;
    }
    let signature = signature_of(app, signature)?;
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let is_good = key.verifies(message.as_bytes(), &signature);
    is_good.then_some(payload)
}

/// The octets of a signature in canonical base64url (RFC 7515 2).
fn signature_of(app: &App, text: &str) -> Option<Vec<u8>> {
    let text = match app.flaw("M101") {
        true => text.trim_end_matches('='),
        false => text,
    };
    URL_SAFE_NO_PAD.decode(text).ok()
}

impl Unloaded {
    fn answer<T>(self) -> Answer<T> {
        match self {
            Self::Refused => Answer::Refused,
            Self::NotOffered(reason) => Answer::NotSupported(reason),
        }
    }
}
