//! Keys of an issuer who is not us, as a JWK or a JWK set says them (RFC 7517
//! 4 and 5). What is doubtful about a key is refused when it is loaded, not
//! when the first token comes.

use std::collections::BTreeSet;

use authbench_core::{Refusal, UnixMs};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents,
};
use serde::Deserialize;
use serde_json::Value;

use super::algorithm::Algorithm;
use super::keys::{KeyError, RSA_BITS, SigningKey};
use super::settings::Settings;
use super::verifying_key::VerifyingKey;
use super::{compact, roca, verify};
use crate::token::policy::Verified;

/// A key of somebody else, or a set of them, is not trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// Neither a JWK nor a JWK set, or a member that is not of its type.
    #[error("this is no JWK and no JWK set")]
    Form(#[source] serde_json::Error),
    /// The key says no algorithm, or one that is not on offer here.
    #[error("the algorithm {0:?} is not on offer")]
    Algorithm(String),
    /// The key is not for checking signatures (RFC 7517 4.2 and 4.3).
    #[error("the key is for another use")]
    Use,
    /// The key's type, curve or members do not suit its algorithm (RFC 8725
    /// 3.1).
    #[error("the key's `{0}` does not suit its algorithm")]
    Member(&'static str),
    /// Two keys of the set have one name.
    #[error("two keys are called {0:?}")]
    DuplicateKid(String),
    /// The set has secrets beside public keys: who publishes such a set has
    /// published the secrets.
    #[error("the set mixes secrets and public keys")]
    Mixed,
    /// The set has no key.
    #[error("there is no key")]
    Empty,
    /// The exponent makes every message its own signature, or is even.
    #[error("the RSA exponent is 1 or even")]
    Exponent,
    /// The modulus has the mark of a generator whose keys can be factored
    /// (CVE-2017-15361).
    #[error("the RSA modulus was made by a generator that is broken")]
    Roca,
    /// A header that was announced says more than how its tokens are signed.
    #[error("the header {0:?} is not one that tokens of this key may have")]
    Header(String),
    /// The key itself is not acceptable.
    #[error("the key is not acceptable")]
    Key(#[from] KeyError),
}

/// The keys of one issuer, and the headers that his tokens have. A token finds
/// its key by the whole text of its header, as one of ours does.
#[derive(Clone, Debug)]
pub struct TrustedKeys(Vec<VerifyingKey>);

impl TrustedKeys {
    /// Reads a JWK or a JWK set. Tokens of a key begin with the header
    /// `{"alg":..,"kid":..}`, or with one of `headers` (base64url) that names
    /// the key: those may have `alg`, `kid` and `typ` and nothing else, so that
    /// no token of this issuer can bring a key, a link or a `crit` along.
    ///
    /// # Errors
    /// [`TrustError`] for the first key or header that is not acceptable.
    pub fn read(jwk_or_set: &Value, headers: &[String]) -> Result<Self, TrustError> {
        let jwks = match jwk_or_set.get("keys") {
            None => vec![Jwk::deserialize(jwk_or_set).map_err(TrustError::Form)?],
            Some(keys) => Vec::<Jwk>::deserialize(keys).map_err(TrustError::Form)?,
        };
        check_set(&jwks)?;
        let mut keys = Vec::new();
        for jwk in &jwks {
            let key = jwk.load()?;
            for header in jwk.headers(headers, jwks.len() == 1)? {
                keys.push(key.clone().beginning_with(header));
            }
        }
        Ok(Self(keys))
    }

    /// The payload of `text`, if one of the keys signed it. Its claims, if it
    /// has any, are not judged.
    ///
    /// # Errors
    /// Why it proves nothing.
    pub fn payload(&self, text: &str) -> Result<Vec<u8>, Refusal> {
        verify::payload(text, |header| self.find(header))
    }

    /// What `text` proves at `at` to the audience of `settings`, as a token of
    /// our own is judged; the issuer is the one that `settings` names.
    ///
    /// # Errors
    /// Why it proves nothing.
    pub fn verify(&self, settings: &Settings, text: &str, at: UnixMs) -> Result<Verified, Refusal> {
        let policy = settings.terms().policy();
        let proved = verify::open(&policy, text, |header| self.find(header))?;
        policy.in_time(proved, at)
    }

    /// Whether `signature` is one of `message` by the first key, as it is
    /// judged inside a token.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = self.0.first();
        key.is_some_and(|key| key.accepts(message, signature))
    }

    fn find(&self, header: &str) -> Option<&VerifyingKey> {
        self.0.iter().find(|key| key.header_segment() == header)
    }
}

/// The members of a JWK that say what it is. A private half is no harm, and
/// ignored.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default, rename = "use")]
    purpose: Option<String>,
    #[serde(default)]
    key_ops: Option<Vec<String>>,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    k: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
}

/// A header that a token may have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default, rename = "typ")]
    _typ: Option<String>,
}

fn check_set(jwks: &[Jwk]) -> Result<(), TrustError> {
    if jwks.is_empty() {
        return Err(TrustError::Empty);
    }
    let secrets = jwks.iter().filter(|jwk| jwk.kty == "oct").count();
    if secrets != 0 && secrets != jwks.len() {
        return Err(TrustError::Mixed);
    }
    let mut kids = BTreeSet::new();
    for kid in jwks.iter().map(|jwk| jwk.kid.as_deref().unwrap_or("")) {
        if !kids.insert(kid) {
            return Err(TrustError::DuplicateKid(kid.to_owned()));
        }
    }
    Ok(())
}

impl Jwk {
    fn algorithm(&self) -> Result<Algorithm, TrustError> {
        let said = self.alg.as_deref().unwrap_or("");
        let found = Algorithm::ALL.into_iter().find(|it| it.label() == said);
        found.ok_or_else(|| TrustError::Algorithm(said.to_owned()))
    }

    fn load(&self) -> Result<VerifyingKey, TrustError> {
        let algorithm = self.algorithm()?;
        let verifies = |ops: &Vec<String>| ops.iter().any(|op| op == "verify");
        if self.purpose.as_deref().is_some_and(|it| it != "sig")
            || !self.key_ops.as_ref().is_none_or(verifies)
        {
            return Err(TrustError::Use);
        }
        match algorithm {
            Algorithm::EdDsa => self.ed25519(),
            Algorithm::Es256 => self.p256(),
            Algorithm::Hs256 => self.secret(),
            Algorithm::Rs256 => self.rsa(),
        }
    }

    fn ed25519(&self) -> Result<VerifyingKey, TrustError> {
        self.check_kind("OKP", Some("Ed25519"))?;
        let x = sized(self.x.as_ref(), "x")?;
        parsed(Algorithm::EdDsa, 64, ParsedPublicKey::new(&ED25519, x))
    }

    fn p256(&self) -> Result<VerifyingKey, TrustError> {
        self.check_kind("EC", Some("P-256"))?;
        let (x, y) = (sized(self.x.as_ref(), "x")?, sized(self.y.as_ref(), "y")?);
        let point = [&[4][..], &x, &y].concat();
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        parsed(Algorithm::Es256, 64, key)
    }

    fn secret(&self) -> Result<VerifyingKey, TrustError> {
        self.check_kind("oct", None)?;
        let key = SigningKey::from_secret(&octets(self.k.as_ref(), "k")?)?;
        Ok(key.verifying_key().clone())
    }

    fn rsa(&self) -> Result<VerifyingKey, TrustError> {
        self.check_kind("RSA", None)?;
        let n = octets(self.n.as_ref(), "n")?;
        let e = octets(self.e.as_ref(), "e")?;
        let unused_bits = n.first().map_or(0, |first| first.leading_zeros() as usize);
        let bits = n.len() * 8 - unused_bits;
        if !RSA_BITS.contains(&bits) {
            return Err(KeyError::RsaBits { bits }.into());
        }
        if e == [1] || e.last().is_none_or(|last| last % 2 == 0) {
            return Err(TrustError::Exponent);
        }
        if roca::has_mark(&n) {
            return Err(TrustError::Roca);
        }
        let signature_octets = n.len();
        let key = RsaPublicKeyComponents { n, e }.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256);
        parsed(Algorithm::Rs256, signature_octets, key)
    }

    /// One kind of key has the members of one kind.
    fn check_kind(&self, kty: &str, crv: Option<&str>) -> Result<(), TrustError> {
        let absent: [(&Option<String>, &str, bool); 4] = [
            (&self.k, "k", kty == "oct"),
            (&self.n, "n", kty == "RSA"),
            (&self.x, "x", kty == "EC" || kty == "OKP"),
            (&self.y, "y", kty == "EC"),
        ];
        if self.kty != kty {
            return Err(TrustError::Member("kty"));
        }
        if self.crv.as_deref() != crv {
            return Err(TrustError::Member("crv"));
        }
        let wrong = absent
            .iter()
            .find(|(member, _, due)| member.is_some() != *due);
        wrong.map_or(Ok(()), |(_, name, _)| Err(TrustError::Member(name)))
    }

    /// The headers with which tokens of this key may begin, in base64url.
    fn headers(&self, announced: &[String], only: bool) -> Result<Vec<String>, TrustError> {
        let alg = self.alg.as_deref().unwrap_or("");
        let mut plain = serde_json::Map::new();
        plain.insert("alg".to_owned(), alg.into());
        if let Some(kid) = &self.kid {
            plain.insert("kid".to_owned(), kid.as_str().into());
        }
        let mut headers = vec![compact::encode(Value::Object(plain).to_string().as_bytes())];
        for segment in announced {
            let bad = || TrustError::Header(segment.clone());
            let text = compact::decode(segment).ok_or_else(bad)?;
            // The derived reader would also take an array of the members' values.
            if !text.trim_ascii_start().starts_with(b"{") {
                return Err(bad());
            }
            let header: Plain = serde_json::from_slice(&text).map_err(|_| bad())?;
            let named = match &header.kid {
                None => only,
                Some(kid) => only || self.kid.as_ref() == Some(kid),
            };
            if named && header.alg == alg {
                headers.push(segment.clone());
            } else if named {
                return Err(bad());
            }
        }
        headers.dedup();
        Ok(headers)
    }
}

/// The octets of a member, in canonical base64url and not with a zero in front
/// (RFC 7518 2, `Base64urlUInt`), which no number and no random secret needs.
fn octets(member: Option<&String>, name: &'static str) -> Result<Vec<u8>, TrustError> {
    let decoded = member.and_then(|text| compact::decode(text));
    decoded.ok_or(TrustError::Member(name))
}

/// The same, of 32 octets.
fn sized(member: Option<&String>, name: &'static str) -> Result<Vec<u8>, TrustError> {
    let decoded = octets(member, name)?;
    if decoded.len() == 32 {
        Ok(decoded)
    } else {
        Err(TrustError::Member(name))
    }
}

fn parsed(
    algorithm: Algorithm,
    signature_octets: usize,
    key: Result<ParsedPublicKey, aws_lc_rs::error::KeyRejected>,
) -> Result<VerifyingKey, TrustError> {
    let rejected = |source| KeyError::Rejected { algorithm, source };
    let key = key.map_err(rejected)?;
    Ok(VerifyingKey::foreign(algorithm, key, signature_octets))
}
