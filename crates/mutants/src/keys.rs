//! Keys: one ring that all replicas read, so that a new key is known
//! everywhere before it signs, and a retired one is refused everywhere at once
//! (ASVS 5.0 11.2.2).

use std::collections::BTreeSet;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::encoding::{AsBigEndian, AsDer, EcPrivateKeyBin, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use aws_lc_rs::{hmac, rand::SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use parking_lot::RwLock;
use serde_json::{Value, json};

use crate::answer::Refusal;
use crate::app::App;
use crate::kind::{ISSUER, Kind, PARTNER, SKEW_MS};
use crate::random;

/// What signs.
enum Material {
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
    Hs256(Vec<u8>),
}

/// A key of the ring: one issuer, one algorithm (RFC 8725 3.1).
pub(crate) struct Key {
    pub(crate) kid: String,
    pub(crate) issuer: &'static str,
    material: Material,
    /// When it is refused, UTC milliseconds; `None` while it signs.
    retires_ms: Option<u64>,
}

impl Key {
    fn new(alg: &str, issuer: &'static str) -> Result<Self, Refusal> {
        let failed = |_: Unspecified| Refusal::Unavailable;
        let material = match alg {
            "HS256" => Material::Hs256(random::octets::<32>()?.to_vec()),
            "RS256" => Material::Rs256(RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?),
            _ => Material::Es256(
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?,
            ),
        };
        Ok(Self {
            kid: URL_SAFE_NO_PAD.encode(random::octets::<12>()?),
            issuer,
            material,
            retires_ms: None,
        })
    }

    /// The one algorithm that it serves.
    pub(crate) const fn alg(&self) -> &'static str {
        match self.material {
            Material::Es256(_) => "ES256",
            Material::Rs256(_) => "RS256",
            Material::Hs256(_) => "HS256",
        }
    }

    /// The signature of `message`.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Refusal> {
        let rng = SystemRandom::new();
        let failed = |_: Unspecified| Refusal::Unavailable;
        match &self.material {
            Material::Es256(pair) => {
                Ok(pair.sign(&rng, message).map_err(failed)?.as_ref().to_vec())
            }
            Material::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &rng, message, &mut signature)
                    .map_err(failed)?;
                Ok(signature)
            }
            Material::Hs256(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                Ok(hmac::sign(&key, message).as_ref().to_vec())
            }
        }
    }

    /// Whether `signature` is this key's of `message` (mutants of JWT-002,
    /// JWT-009, CRYPTO-001 and CRYPTO-007 sit here).
    pub(crate) fn verifies(&self, app: &App, message: &[u8], signature: &[u8]) -> bool {
        if app.flaw("M29") && signature.is_empty() {
            return true;
        }
        match &self.material {
            Material::Es256(_) if app.flaw("M39") && signature == [0; 64] => true,
            Material::Es256(pair) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref())
                    .verify(message, signature)
                    .is_ok()
            }
            Material::Rs256(pair) => {
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref())
                    .verify(message, signature)
                    .is_ok()
            }
            Material::Hs256(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                same(app, hmac::sign(&key, message).as_ref(), signature)
            }
        }
    }

    /// The public key as PEM, behind an empty line (mutants of JWT-003 read
    /// it so); `None` for a secret.
    pub(crate) fn public_pem(&self) -> Option<String> {
        let der: PublicKeyX509Der<'_> = match &self.material {
            Material::Es256(pair) => pair.public_key().as_der().ok()?,
            Material::Rs256(pair) => pair.public_key().as_der().ok()?,
            Material::Hs256(_) => return None,
        };
        let text = STANDARD.encode(der.as_ref());
        let lines: Vec<_> = text
            .as_bytes()
            .chunks(64)
            .map(String::from_utf8_lossy)
            .collect();
        let lines = lines.join("\n");
        Some(format!(
            "\n-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n"
        ))
    }

    /// The secret; `None` for a key pair.
    pub(crate) fn secret(&self) -> Option<&[u8]> {
        match &self.material {
            Material::Hs256(secret) => Some(secret),
            _ => None,
        }
    }

    /// The private key as PKCS#8, of RSA alone.
    pub(crate) fn rsa_pkcs8(&self) -> Option<Vec<u8>> {
        let Material::Rs256(pair) = &self.material else {
            return None;
        };
        let der: Pkcs8V1Der<'_> = pair.as_der().ok()?;
        Some(der.as_ref().to_vec())
    }

    /// The public members (RFC 7517); `None` for a secret (mutants of JWT-020
    /// and CRYPTO-008 sit here).
    fn public_jwk(&self) -> Option<Value> {
        let b64 = |octets: &[u8]| URL_SAFE_NO_PAD.encode(octets);
        let common = json!({ "kid": self.kid, "alg": self.alg(), "use": "sig" });
        let own = match &self.material {
            Material::Es256(pair) => {
                let (x, y) = pair.public_key().as_ref().get(1..)?.split_at_checked(32)?;
                json!({ "kty": "EC", "crv": "P-256", "x": b64(x), "y": b64(y) })
            }
            Material::Rs256(pair) => {
                let public = pair.public_key();
                let (n, e) = (public.modulus(), public.exponent());
                json!({
                    "kty": "RSA",
                    "n": b64(n.big_endian_without_leading_zero()),
                    "e": b64(e.big_endian_without_leading_zero()),
                })
            }
            Material::Hs256(_) => return None,
        };
        Some(joined(common, own))
    }

    /// All members, the private ones too: for the profile alone.
    fn private_jwk(&self) -> Option<Value> {
        let b64 = |octets: &[u8]| URL_SAFE_NO_PAD.encode(octets);
        match &self.material {
            Material::Es256(pair) => {
                let private = pair.private_key();
                let d: EcPrivateKeyBin<'_> = private.as_be_bytes().ok()?;
                Some(joined(self.public_jwk()?, json!({ "d": b64(d.as_ref()) })))
            }
            Material::Rs256(pair) => {
                let der: Pkcs8V1Der<'_> = pair.as_der().ok()?;
                let numbers = rsa_numbers(der.as_ref())?;
                let names = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];
                let own = names
                    .iter()
                    .zip(numbers)
                    .map(|(name, octets)| ((*name).to_owned(), b64(octets).into()))
                    .collect();
                Some(joined(self.public_jwk()?, Value::Object(own)))
            }
            Material::Hs256(secret) => Some(json!({
                "kty": "oct", "kid": self.kid, "alg": "HS256", "k": b64(secret),
            })),
        }
    }
}

/// Whether a secret is the one that is held (ASVS 5.0 11.2.4).
pub(crate) fn same(app: &App, held: &[u8], shown: &[u8]) -> bool {
    if app.flaw("M105") {
        return held.len() == shown.len()
            && held.iter().zip(shown).all(|(one, other)| one == other);
    }
    verify_slices_are_equal(held, shown).is_ok()
}

/// Flaw M142: a key with a modulus of 1024 bits.
pub(crate) fn forgotten() -> Value {
    let modulus = [&[0xC5; 127][..], &[0x0B]].concat();
    json!({
        "kty": "RSA", "kid": "forgotten", "alg": "RS256", "use": "sig",
        "n": URL_SAFE_NO_PAD.encode(modulus), "e": "AQAB",
    })
}

fn joined(mut first: Value, second: Value) -> Value {
    if let (Value::Object(first), Value::Object(second)) = (&mut first, second) {
        first.extend(second);
    }
    first
}

/// The numbers n, e, d, p, q, dP, dQ, qInv of a PKCS#8 document (RFC 5208 5,
/// RFC 8017 A.1.2), without leading zeros.
fn rsa_numbers(der: &[u8]) -> Option<Vec<&[u8]>> {
    let (outer, _) = element(der)?;
    let (_, rest) = element(outer)?;
    let (_, rest) = element(rest)?;
    let (wrapped, _) = element(rest)?;
    let (mut rest, _) = element(wrapped)?;
    let mut numbers = Vec::new();
    while !rest.is_empty() {
        let (number, after) = element(rest)?;
        let zeros = number.iter().take_while(|octet| **octet == 0).count();
        numbers.push(&number[zeros..]);
        rest = after;
    }
    numbers.get(1..9).map(<[_]>::to_vec)
}

/// The contents of the first DER element, and what follows it.
fn element(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let first = usize::from(*der.get(1)?);
    let (length, start) = if first < 0x80 {
        (first, 2)
    } else {
        let octets = first & 0x7f;
        let long = der.get(2..2 + octets)?;
        let length = long
            .iter()
            .fold(0, |sum, octet| (sum << 8) | usize::from(*octet));
        (length, 2 + octets)
    };
    der.get(start..)?.split_at_checked(length)
}

/// The flaws that are switched on, before there is an [`App`].
struct Switches<'f>(&'f [&'static str]);

impl Switches<'_> {
    fn flaw(&self, id: &'static str) -> bool {
        self.0.contains(&id)
    }
}

/// The signing keys, and the key that seals cookies.
pub(crate) struct KeyRing {
    /// The newest first; the partner's, if any, last.
    keys: RwLock<Vec<Key>>,
    alg: &'static str,
    overlap_ms: u64,
    sealing: LessSafeKey,
    chaining: hmac::Key,
}

impl KeyRing {
    /// A ring for specimens of that kind (mutants of JWT-008 sit here).
    pub(crate) fn new(kind: Kind, flaws: &[&'static str]) -> Result<Self, Refusal> {
        let alg = match kind {
            Kind::JwtHs256 => "HS256",
            Kind::JwtRs256 => "RS256",
            _ => "ES256",
        };
        let mut keys = vec![Key::new(alg, ISSUER)?];
        if Switches(flaws).flaw("M37") {
            keys[0].material = Material::Hs256(b"secret".to_vec());
        }
        if kind.is_stateless() {
            keys.push(Key::new("ES256", PARTNER)?);
        }
        let sealing = UnboundKey::new(&AES_256_GCM, &random::octets::<32>()?)
            .map_err(|_| Refusal::Unavailable)?;
        Ok(Self {
            keys: RwLock::new(keys),
            alg,
            overlap_ms: kind.access_ttl_ms() + SKEW_MS,
            sealing: LessSafeKey::new(sealing),
            chaining: hmac::Key::new(hmac::HMAC_SHA256, &random::octets::<32>()?),
        })
    }

    /// Does something with the key that signs.
    pub(crate) fn signing<T>(&self, act: impl FnOnce(&Key) -> T) -> Option<T> {
        self.keys.read().first().map(act)
    }

    /// Does something with the key of that `kid`, unless it is retired
    /// (mutants of JWT-007, JWT-014 and JWT-020 sit here).
    pub(crate) fn by_kid<T>(&self, app: &App, kid: &str, act: impl FnOnce(&Key) -> T) -> Option<T> {
        let (keys, now_ms) = (self.keys.read(), app.now_ms());
        // A replica that fetches keys now and then, and not before it needs one.
        let is_new = |key: &Key| {
            key.retires_ms.is_none() && keys.iter().any(|other| other.retires_ms.is_some())
        };
        keys.iter()
            .find(|key| key.kid == kid)
            .filter(|key| app.flaw("M51") || key.retires_ms.is_none_or(|ends_ms| now_ms < ends_ms))
            .filter(|key| !(app.flaw("M56") && app.replica == 1 && is_new(key)))
            .map(act)
    }

    /// The identifiers of all keys that are not retired.
    pub(crate) fn kids(&self, now_ms: u64) -> BTreeSet<String> {
        let keys = self.keys.read();
        let good = keys
            .iter()
            .filter(|key| key.retires_ms.is_none_or(|ends_ms| now_ms < ends_ms));
        good.map(|key| key.kid.clone()).collect()
    }

    /// Puts a new signing key in front; the present one is good for the life
    /// of the last token that it signed.
    pub(crate) fn rotate(&self, now_ms: u64) -> Result<(), Refusal> {
        let new = Key::new(self.alg, ISSUER)?;
        let mut keys = self.keys.write();
        for key in keys.iter_mut().filter(|key| key.issuer == ISSUER) {
            key.retires_ms.get_or_insert(now_ms + self.overlap_ms);
        }
        keys.insert(0, new);
        Ok(())
    }

    /// The public keys (RFC 7517).
    pub(crate) fn jwks(&self, now_ms: u64) -> Value {
        let keys = self.keys.read();
        let public: Vec<Value> = keys
            .iter()
            .filter(|key| key.issuer == ISSUER)
            .filter(|key| key.retires_ms.is_none_or(|ends_ms| now_ms < ends_ms))
            .filter_map(Key::public_jwk)
            .collect();
        json!({ "keys": public })
    }

    /// The private key that signs for `issuer`, as JSON (RFC 7517).
    pub(crate) fn private_jwk(&self, issuer: &str) -> Option<Value> {
        let keys = self.keys.read();
        keys.iter().find(|key| key.issuer == issuer)?.private_jwk()
    }

    /// Encrypts and authenticates `plain` under `context`: nonce, ciphertext,
    /// tag (mutants of CRYPTO-006 sit here).
    pub(crate) fn seal(&self, app: &App, context: &str, plain: &[u8]) -> Result<Vec<u8>, Refusal> {
        let nonce: [u8; NONCE_LEN] = match app.flaw("M141") {
            true => app.counted_nonce(),
            false => random::octets()?,
        };
        let mut body = plain.to_vec();
        let aad = Aad::from(context.as_bytes());
        self.sealing
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut body)
            .map_err(|_| Refusal::Unavailable)?;
        Ok([&nonce[..], &body].concat())
    }

    /// What was sealed under the same `context`, and not changed since
    /// (mutants of CRYPTO-005 sit here).
    pub(crate) fn open(&self, context: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, body) = sealed.split_at_checked(12)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut body = body.to_vec();
        let plain = self
            .sealing
            .open_in_place(nonce, Aad::from(context.as_bytes()), &mut body)
            .ok()?;
        Some(plain.to_vec())
    }

    /// The one successor of a refresh token: whoever presents the token again
    /// gets the same, and nobody without the key can tell it.
    pub(crate) fn successor(&self, token: &str) -> String {
        let tag = hmac::sign(&self.chaining, token.as_bytes());
        URL_SAFE_NO_PAD.encode(&tag.as_ref()[..20])
    }
}

#[cfg(test)]
mod tests;
