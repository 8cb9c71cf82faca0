//! JWKs of other issuers, loaded strictly: each names its one algorithm, and
//! has the members of its kind and no others (RFC 8725 3.1 and 3.5).

use aws_lc_rs::hmac;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::app::App;

/// Members that any key may have (RFC 7517 4).
const COMMON: [&str; 5] = ["kty", "use", "key_ops", "alg", "kid"];
/// Registered algorithms that are not on offer (RFC 7518 3.1, RFC 8812 3.2).
/// Any other name is nobody's.
const NOT_OFFERED: [&str; 10] = [
    "HS384", "HS512", "RS384", "RS512", "PS256", "PS384", "PS512", "ES384", "ES512", "ES256K",
];
/// Octets of a secret for HS256, at least (RFC 7518 3.2).
pub(super) const SECRET_OCTETS_MIN: usize = 32;
/// Bits of a modulus, from and to (RFC 7518 3.3; the most bounds the work).
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// What a key is to be used for.
#[derive(Clone, Copy)]
pub(super) struct Purpose {
    /// What `use` says, if it is there.
    pub(super) used_for: &'static str,
    /// What `key_ops` has, if it is there.
    pub(super) operation: &'static str,
}

/// To verify signatures.
const VERIFYING: Purpose = Purpose {
    used_for: "sig",
    operation: "verify",
};

/// Why there is no key.
pub(super) enum Unloaded {
    Refused,
    NotOffered(String),
}

/// A key that verifies.
pub(super) struct Key {
    pub(super) alg: String,
    pub(super) kid: Option<String>,
    material: Material,
}

enum Material {
    Secret(Box<hmac::Key>),
    Public(ParsedPublicKey),
    Rsa(PublicKeyComponents<Vec<u8>>),
}

impl Key {
    /// Whether the key made this signature, or MAC, of the message.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Secret(key) => hmac::verify(key, message, signature).is_ok(),
            Material::Public(key) => key.verify_sig(message, signature).is_ok(),
            Material::Rsa(key) => key
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
        }
    }

    /// The first half of the right MAC, for keys that make MACs.
    pub(super) fn half_mac(&self, message: &[u8]) -> Option<Vec<u8>> {
        match &self.material {
            Material::Secret(key) => Some(hmac::sign(key, message).as_ref()[..16].to_vec()),
            _ => None,
        }
    }
}

/// The keys of a JWK or a JWK set. A set with one doubtful key is refused
/// whole: without keys, with two of one name, or with secrets beside public
/// keys.
pub(super) fn load(app: &App, value: &Value) -> Result<Vec<Key>, Unloaded> {
    let Some(set) = value.get("keys") else {
        return Ok(vec![load_one(app, value)?]);
    };
    let jwks = set.as_array().filter(|jwks| !jwks.is_empty());
    let jwks = jwks.ok_or(Unloaded::Refused)?.iter();
    let keys = jwks
        .map(|jwk| load_one(app, jwk))
        .collect::<Result<Vec<_>, _>>()?;
    let is_secret = |key: &Key| matches!(key.material, Material::Secret(_));
    let is_mixed = keys.iter().any(|key| is_secret(key) != is_secret(&keys[0]));
    let mut kids: Vec<_> = keys.iter().map(|key| &key.kid).collect();
    kids.sort();
    let is_twice = kids.windows(2).any(|pair| pair[0] == pair[1]);
    match is_mixed || is_twice {
        true => Err(Unloaded::Refused),
        false => Ok(keys),
    }
}

fn load_one(app: &App, jwk: &Value) -> Result<Key, Unloaded> {
    let jwk = jwk.as_object().ok_or(Unloaded::Refused)?;
    let alg = text(jwk, "alg").ok_or(Unloaded::Refused)?;
    if NOT_OFFERED.contains(&alg) {
        return Err(Unloaded::NotOffered(format!("{alg} is not on offer")));
    }
    let load = || {
        let kid = name(jwk)?;
        let is_for = fits(jwk, VERIFYING) || (app.flaw("M204") && fits_but_for_use(jwk));
        let material = is_for.then(|| material(jwk, alg)).flatten()?;
        Some(Key {
            alg: alg.to_owned(),
            kid,
            material,
        })
    };
    load().ok_or(Unloaded::Refused)
}

fn material(jwk: &Map<String, Value>, alg: &str) -> Option<Material> {
    match alg {
        "HS256" => {
            let secret = octets(jwk, "oct", None, &["k"])?.remove(0);
            let is_good = secret.len() >= SECRET_OCTETS_MIN && !is_public_key(&secret);
            is_good.then(|| Material::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, &secret))))
        }
        "ES256" => {
            let numbers = octets(jwk, "EC", Some("P-256"), &["x", "y"])?;
            if numbers.iter().any(|number| number.len() != 32) {
                return None;
            }
            let point = [&[4], numbers.concat().as_slice()].concat();
            let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
            key.ok().map(Material::Public)
        }
        "EdDSA" => {
            let point = octets(jwk, "OKP", Some("Ed25519"), &["x"])?.remove(0);
            let key = ParsedPublicKey::new(&ED25519, point);
            key.ok().map(Material::Public)
        }
        "RS256" => {
            let mut numbers = octets(jwk, "RSA", None, &["n", "e"])?;
            let (e, n) = (numbers.pop()?, numbers.pop()?);
            is_rsa(&n, &e).then(|| Material::Rsa(PublicKeyComponents { n, e }))
        }
        _ => None,
    }
}

/// The octets of the members that a key of this `kty` and `crv` consists of;
/// nothing for other keys, and none with more members.
fn octets(
    jwk: &Map<String, Value>,
    kty: &str,
    crv: Option<&str>,
    members: &[&str],
) -> Option<Vec<Vec<u8>>> {
    let is_known = |name: &String| {
        let name = name.as_str();
        COMMON.contains(&name) || members.contains(&name) || (name == "crv" && crv.is_some())
    };
    let is_kind = text(jwk, "kty") == Some(kty) && text(jwk, "crv") == crv;
    if !is_kind || !jwk.keys().all(is_known) {
        return None;
    }
    let decoded = |name: &&str| URL_SAFE_NO_PAD.decode(text(jwk, name)?).ok();
    members.iter().map(decoded).collect()
}

/// The octets of the secret of a JWK for this algorithm and purpose.
pub(super) fn secret(jwk: &Map<String, Value>, alg: &str, purpose: Purpose) -> Option<Vec<u8>> {
    if text(jwk, "alg") != Some(alg) || !fits(jwk, purpose) {
        return None;
    }
    Some(octets(jwk, "oct", None, &["k"])?.remove(0))
}

/// `kid`, if there is one; nothing if it is no text.
pub(super) fn name(members: &Map<String, Value>) -> Option<Option<String>> {
    match members.get("kid") {
        None => Some(None),
        Some(kid) => Some(Some(kid.as_str()?.to_owned())),
    }
}

/// Whether `use` and `key_ops` allow the purpose (RFC 7517 4.2 and 4.3;
/// a mutant of CRYPTO-002 sits at the caller).
fn fits(jwk: &Map<String, Value>, purpose: Purpose) -> bool {
    let is_used = jwk
        .get("use")
        .is_none_or(|value| value.as_str() == Some(purpose.used_for));
    is_used && has_operation(jwk, purpose)
}

/// Flaw M204: nobody looks at `use`.
fn fits_but_for_use(jwk: &Map<String, Value>) -> bool {
    has_operation(jwk, VERIFYING)
}

fn has_operation(jwk: &Map<String, Value>, purpose: Purpose) -> bool {
    let wanted = Value::from(purpose.operation);
    jwk.get("key_ops").is_none_or(|value| {
        let operations = value.as_array();
        operations.is_some_and(|operations| operations.contains(&wanted))
    })
}

/// A public key in one of its spellings is no secret (RFC 8725 2.1).
fn is_public_key(secret: &[u8]) -> bool {
    let is_pem = secret.windows(10).any(|part| part == b"-----BEGIN");
    let is_json = secret.trim_ascii_start().starts_with(b"{");
    // A SEQUENCE in DER with a length of one or two octets.
    let is_der = matches!(secret, [0x30, 0x81 | 0x82, ..] | [0x30, 0x59, 0x30, ..]);
    is_pem || is_json || is_der
}

/// Whether these are the numbers of a public key for RS256: the modulus odd,
/// its size within bounds and spelt without zeros before it, the exponent odd,
/// more than 1, and of at most 33 bits.
fn is_rsa(n: &[u8], e: &[u8]) -> bool {
    let is_odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    let bits = |number: &[u8]| {
        let unused = number.first().map_or(0, |first| first.leading_zeros());
        number.len() * 8 - unused as usize
    };
    let is_plain = n.first() != Some(&0) && e.first() != Some(&0);
    is_plain
        && is_odd(n)
        && is_odd(e)
        && MODULUS_BITS.contains(&bits(n))
        && (2..=33).contains(&bits(e))
}

fn text<'m>(members: &'m Map<String, Value>, name: &str) -> Option<&'m str> {
    members.get(name)?.as_str()
}
