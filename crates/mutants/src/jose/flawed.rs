//! What a verifier believes that lets the token choose how it is verified. All
//! of it is switched off in a sound specimen.

use std::num::NonZeroU32;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use aws_lc_rs::pbkdf2;
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use super::Verified;
use crate::app::App;
use crate::keys::Key;
use crate::kind::ISSUER;
use crate::strict_json;

/// The claims of `token`, if a flaw that is switched on has them believed.
pub(super) fn believed(app: &App, token: &str) -> Option<Verified> {
    if app.flaw("M113") {
        unwrap_key(token);
    }
    if app.flaw("M52") && token.split('.').count() == 5 {
        return encrypted(app, token);
    }
    let (message, signature) = token.rsplit_once('.')?;
    let (header_text, claims_text) = message.split_once('.')?;
    let header = object(header_text)?;
    let alg = header.get("alg").and_then(Value::as_str)?;
    if app.flaw("M34")
        && let Some(address) = header.get("jku").and_then(Value::as_str)
    {
        fetch(address);
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let message = message.as_bytes();
    let is_believed = (app.flaw("M27") && alg.eq_ignore_ascii_case("none"))
        || (app.flaw("M30") && other_hash(app, alg, message, &signature))
        || (app.flaw("M31") && public_as_secret(app, alg, message, &signature))
        || (app.flaw("M33") && embedded(&header, message, &signature))
        || (app.flaw("M35") && from_file(&header, message, &signature));
    let claims = is_believed.then(|| object(claims_text)).flatten()?;
    Some(Verified {
        claims,
        issuer: ISSUER,
    })
}

/// base64url with padding or without, whatever its last bits are.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&URL_SAFE, lenient).decode(text).ok()
}

/// The token's `alg` picks the hash for our secret.
fn other_hash(app: &App, alg: &str, message: &[u8], signature: &[u8]) -> bool {
    let hash = match alg {
        "HS384" => hmac::HMAC_SHA384,
        "HS512" => hmac::HMAC_SHA512,
        _ => return false,
    };
    let verified = app.world.keys.signing(|key| {
        let secret = key.secret()?;
        hmac::verify(&hmac::Key::new(hash, secret), message, signature).ok()
    });
    verified.flatten().is_some()
}

/// A guard against public keys that only looks at how a text begins.
fn public_as_secret(app: &App, alg: &str, message: &[u8], signature: &[u8]) -> bool {
    let secret = app.world.keys.signing(Key::public_pem);
    let secret = secret
        .flatten()
        .filter(|text| !text.starts_with("-----BEGIN"));
    alg == "HS256" && secret.is_some_and(|text| is_hs256(text.as_bytes(), message, signature))
}

/// The token brings its own key (CVE-2018-0114).
fn embedded(header: &Map<String, Value>, message: &[u8], signature: &[u8]) -> bool {
    let coordinate = |name: &str| {
        let text = header.get("jwk")?.get(name)?.as_str()?;
        URL_SAFE_NO_PAD.decode(text).ok()
    };
    let (Some(x), Some(y)) = (coordinate("x"), coordinate("y")) else {
        return false;
    };
    let point = [vec![4], x, y].concat();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(message, signature)
        .is_ok()
}

/// The token's `kid` is a file in a folder of secrets.
fn from_file(header: &Map<String, Value>, message: &[u8], signature: &[u8]) -> bool {
    let kid = header
        .get("kid")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let file = Path::new("/etc").join(kid);
    let secret = std::fs::read(file).ok().filter(|text| text.len() < 64);
    secret.is_some_and(|secret| is_hs256(&secret, message, signature))
}

/// What can be decrypted is believed (CVE-2026-29000).
fn encrypted(app: &App, token: &str) -> Option<Verified> {
    let segments: Vec<_> = token.split('.').collect();
    let octets = |index: usize| URL_SAFE_NO_PAD.decode(segments[index]).ok();
    let der = app.world.keys.signing(Key::rsa_pkcs8)??;
    let private = PrivateDecryptingKey::from_pkcs8(&der).ok()?;
    let private = OaepPrivateDecryptingKey::new(private).ok()?;
    let mut key = vec![0; private.min_output_size()];
    let key = private
        .decrypt(&OAEP_SHA256_MGF1SHA256, &octets(1)?, &mut key, None)
        .ok()?;
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?);
    let nonce = Nonce::try_assume_unique_for_key(&octets(2)?).ok()?;
    let mut sealed = [octets(3)?, octets(4)?].concat();
    let plain = key
        .open_in_place(nonce, Aad::from(segments[0].as_bytes()), &mut sealed)
        .ok()?;
    Some(Verified {
        claims: strict_json::object(plain)?,
        issuer: ISSUER,
    })
}

/// Asks for the keys that a token links to, whatever they are.
fn fetch(address: &str) {
    let address = address.to_owned();
    tokio::spawn(async move {
        // Whether anything is there makes no difference: nothing is trusted.
        let _ = reqwest::get(address).await;
    });
}

fn is_hs256(secret: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::verify(&key, message, signature).is_ok()
}

fn object(segment: &str) -> Option<Map<String, Value>> {
    strict_json::object(&URL_SAFE_NO_PAD.decode(segment).ok()?)
}

/// Flaw M113: derives the key of an encrypted token (RFC 7518 4.8) in as many
/// steps as the token asks for.
fn unwrap_key(token: &str) -> Option<[u8; 32]> {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
    let header: Value = serde_json::from_slice(&header).ok()?;
    let alg = header.get("alg")?.as_str()?;
    let steps = u32::try_from(header.get("p2c")?.as_u64()?).ok()?;
    let mut key = [0; 32];
    let steps = NonZeroU32::new(steps)?;
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        steps,
        alg.as_bytes(),
        b"password",
        &mut key,
    );
    Some(key)
}
