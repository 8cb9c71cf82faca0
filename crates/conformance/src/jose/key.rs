//! Keys that sign forged tokens.

use std::path::{Path, PathBuf};

use authbench_wire::profile::SigningKey;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey, VerificationAlgorithm,
};
use serde_json::{Value, json};

use super::{decode, encode, signing_input};

/// A key that signs forged tokens.
pub struct SignKey {
    /// The `alg` that the target uses it with.
    pub alg: String,
    /// The `kid`, if it has one.
    pub kid: Option<String>,
    kind: Kind,
}

enum Kind {
    Secret(Vec<u8>),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

/// The key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It is no JWK (RFC 7517).
    #[error("the signing key is no JSON Web Key")]
    Json(#[source] serde_json::Error),
    /// The file cannot be read.
    #[error("{}: the signing key cannot be read", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A member is missing or malformed.
    #[error("the signing key has no usable `{member}`")]
    Member {
        /// Which member.
        member: &'static str,
    },
    /// Its kind is not known.
    #[error("signing keys are oct, EC (P-256, P-384), OKP (Ed25519) or RSA, not {kind}")]
    Kind {
        /// Which kind it says it is.
        kind: String,
    },
    /// Its numbers make no key.
    #[error("the signing key is refused: {0}")]
    Rejected(#[from] aws_lc_rs::error::KeyRejected),
}

impl SignKey {
    /// The key of a profile; files are sought beside `profile_file`.
    ///
    /// # Errors
    /// [`KeyError`] when it cannot be read or makes no key.
    pub fn load(key: &SigningKey, profile_file: Option<&Path>) -> Result<Self, KeyError> {
        match key {
            SigningKey::Secret(secret) => Ok(Self::secret("HS256", secret.as_bytes())),
            SigningKey::Jwk(text) => Self::from_jwk(text),
            SigningKey::JwkFile(file) => {
                let folder = profile_file.map(|file| match file.is_dir() {
                    true => file,
                    false => file.parent().unwrap_or(Path::new(".")),
                });
                let path = folder.unwrap_or(Path::new(".")).join(file);
                let text = std::fs::read_to_string(&path);
                Self::from_jwk(&text.map_err(|source| KeyError::File { path, source })?)
            }
        }
    }

    /// A secret for HMAC.
    #[must_use]
    pub fn secret(alg: &str, secret: &[u8]) -> Self {
        Self {
            alg: alg.to_owned(),
            kid: None,
            kind: Kind::Secret(secret.to_vec()),
        }
    }

    /// A private or symmetric JWK (RFC 7517, RFC 7518 6, RFC 8037 2).
    ///
    /// # Errors
    /// [`KeyError`] when it is none, or of a kind that nobody signs with here.
    pub fn from_jwk(text: &str) -> Result<Self, KeyError> {
        let jwk: Value = serde_json::from_str(text).map_err(KeyError::Json)?;
        let member = |member: &'static str| {
            let text = jwk.get(member).and_then(Value::as_str);
            let octets = text.and_then(decode);
            octets.ok_or(KeyError::Member { member })
        };
        let word = |name: &str| jwk.get(name).and_then(Value::as_str).map(str::to_owned);
        let kty = word("kty").ok_or(KeyError::Member { member: "kty" })?;
        let (kind, default_alg) = match (kty.as_str(), word("crv").as_deref()) {
            ("oct", _) => (Kind::Secret(member("k")?), "HS256"),
            ("EC", Some("P-256")) => (ec(&ECDSA_P256_SHA256_FIXED_SIGNING, &member)?, "ES256"),
            ("EC", Some("P-384")) => (ec(&ECDSA_P384_SHA384_FIXED_SIGNING, &member)?, "ES384"),
            ("OKP", Some("Ed25519")) => {
                let pair = Ed25519KeyPair::from_seed_and_public_key(&member("d")?, &member("x")?)?;
                (Kind::Ed(pair), "EdDSA")
            }
            ("RSA", _) => (Kind::Rsa(rsa(&member)?), "RS256"),
            (kty, crv) => {
                let kind = format!("{kty} {}", crv.unwrap_or_default());
                return Err(KeyError::Kind { kind });
            }
        };
        Ok(Self {
            alg: word("alg").unwrap_or_else(|| default_alg.to_owned()),
            kid: word("kid"),
            kind,
        })
    }

    /// A new key of the kind that `alg` needs (HS*, ES256, ES384, EdDSA, RS*,
    /// PS*); what an attacker would make.
    ///
    /// # Errors
    /// [`KeyError::Kind`] for any other `alg`.
    pub fn generate(alg: &str) -> Result<Self, KeyError> {
        let made = |alg: &'static EcdsaSigningAlgorithm| EcdsaKeyPair::generate(alg);
        let failed = |_| KeyError::Kind {
            kind: alg.to_owned(),
        };
        let kind = match alg {
            "HS256" | "HS384" | "HS512" => {
                let mut secret = vec![0; 64];
                aws_lc_rs::rand::fill(&mut secret).map_err(failed)?;
                Kind::Secret(secret)
            }
            "ES256" => Kind::Ec(made(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?),
            "ES384" => Kind::Ec(made(&ECDSA_P384_SHA384_FIXED_SIGNING).map_err(failed)?),
            "EdDSA" => Kind::Ed(Ed25519KeyPair::generate().map_err(failed)?),
            "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" => {
                Kind::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?)
            }
            other => {
                return Err(KeyError::Kind {
                    kind: other.to_owned(),
                });
            }
        };
        Ok(Self {
            alg: alg.to_owned(),
            kid: None,
            kind,
        })
    }

    /// An ES256 key in an unencrypted PKCS#8 document.
    ///
    /// # Errors
    /// [`KeyError::Rejected`] when it is none.
    pub fn es256_from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der)?;
        Ok(Self {
            alg: "ES256".to_owned(),
            kid: None,
            kind: Kind::Ec(pair),
        })
    }

    /// Whether this key made `signature` over `input` by `alg`.
    #[must_use]
    pub fn made(&self, alg: &str, input: &[u8], signature: &[u8]) -> bool {
        let checked = |how: &'static dyn VerificationAlgorithm, public: &[u8]| {
            UnparsedPublicKey::new(how, public)
                .verify(input, signature)
                .is_ok()
        };
        match (&self.kind, alg) {
            (Kind::Secret(_) | Kind::Ed(_), _) => {
                self.sign(alg, input).is_some_and(|own| own == signature)
            }
            (Kind::Ec(pair), "ES256") => checked(
                &signature::ECDSA_P256_SHA256_FIXED,
                pair.public_key().as_ref(),
            ),
            (Kind::Ec(pair), "ES384") => checked(
                &signature::ECDSA_P384_SHA384_FIXED,
                pair.public_key().as_ref(),
            ),
            (Kind::Rsa(pair), "PS256" | "PS384" | "PS512") => {
                let how = match alg {
                    "PS256" => &signature::RSA_PSS_2048_8192_SHA256,
                    "PS384" => &signature::RSA_PSS_2048_8192_SHA384,
                    _ => &signature::RSA_PSS_2048_8192_SHA512,
                };
                checked(how, pair.public_key().as_ref())
            }
            (Kind::Rsa(_), _) => self.sign(alg, input).is_some_and(|own| own == signature),
            (Kind::Ec(_), _) => false,
        }
    }

    /// The public JWK; `None` for a secret.
    #[must_use]
    pub fn public_jwk(&self) -> Option<Value> {
        match &self.kind {
            Kind::Secret(_) => None,
            Kind::Ec(pair) => {
                let point = pair.public_key().as_ref();
                let half = (point.len() - 1) / 2;
                let curve = if half == 32 { "P-256" } else { "P-384" };
                Some(json!({
                    "kty": "EC", "crv": curve,
                    "x": encode(&point[1..=half]), "y": encode(&point[half + 1..]),
                }))
            }
            Kind::Ed(pair) => Some(json!({
                "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref()),
            })),
            Kind::Rsa(pair) => {
                let public = pair.public_key();
                Some(json!({
                    "kty": "RSA",
                    "n": encode(public.modulus().big_endian_without_leading_zero()),
                    "e": encode(public.exponent().big_endian_without_leading_zero()),
                }))
            }
        }
    }

    /// The octets of a secret; `None` for a key pair.
    #[must_use]
    pub fn secret_octets(&self) -> Option<&[u8]> {
        match &self.kind {
            Kind::Secret(secret) => Some(secret),
            _ => None,
        }
    }

    /// Signs `input` by `alg`, or by the closest one that the key can: HS256 to
    /// HS512, ES256, ES384, EdDSA, RS256 to RS512, PS256 to PS512. `None` if
    /// the key can make no such signature.
    #[must_use]
    pub fn sign(&self, alg: &str, input: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match &self.kind {
            Kind::Secret(secret) => hmac_of(alg, secret, input),
            Kind::Ec(pair) => {
                let signature = pair.sign(&random, input).ok()?;
                Some(signature.as_ref().to_vec())
            }
            Kind::Ed(pair) => Some(pair.sign(input).as_ref().to_vec()),
            Kind::Rsa(pair) => {
                let how: &'static dyn signature::RsaEncoding = match alg {
                    "RS256" => &signature::RSA_PKCS1_SHA256,
                    "RS384" => &signature::RSA_PKCS1_SHA384,
                    "RS512" => &signature::RSA_PKCS1_SHA512,
                    "PS256" => &signature::RSA_PSS_SHA256,
                    "PS384" => &signature::RSA_PSS_SHA384,
                    "PS512" => &signature::RSA_PSS_SHA512,
                    _ => return None,
                };
                let mut made = vec![0; pair.public_modulus_len()];
                pair.sign(how, &random, input, &mut made).ok()?;
                Some(made)
            }
        }
    }

    /// A compact token of header and claims as texts, signed by `alg`.
    #[must_use]
    pub fn token(&self, alg: &str, header: &str, claims: &str) -> Option<String> {
        let input = signing_input(header, claims);
        let made = self.sign(alg, input.as_bytes())?;
        Some(format!("{input}.{}", encode(made)))
    }
}

/// An HMAC of the hash that `alg` names (RFC 7518 3.2).
#[must_use]
pub(crate) fn hmac_of(alg: &str, secret: &[u8], input: &[u8]) -> Option<Vec<u8>> {
    let algorithm = match alg {
        "HS256" => hmac::HMAC_SHA256,
        "HS384" => hmac::HMAC_SHA384,
        "HS512" => hmac::HMAC_SHA512,
        _ => return None,
    };
    let key = hmac::Key::new(algorithm, secret);
    Some(hmac::sign(&key, input).as_ref().to_vec())
}

fn ec(
    algorithm: &'static EcdsaSigningAlgorithm,
    member: &impl Fn(&'static str) -> Result<Vec<u8>, KeyError>,
) -> Result<Kind, KeyError> {
    let (d, mut point) = (member("d")?, vec![4]);
    point.extend(member("x")?);
    point.extend(member("y")?);
    let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &d, &point)?;
    Ok(Kind::Ec(pair))
}

/// RFC 7518 6.3.2, as PKCS#1 (RFC 8017 A.1.2), which the library reads.
fn rsa(
    member: &impl Fn(&'static str) -> Result<Vec<u8>, KeyError>,
) -> Result<RsaKeyPair, KeyError> {
    let mut body = integer(&[0]);
    for name in ["n", "e", "d", "p", "q", "dp", "dq", "qi"] {
        body.extend(integer(&member(name)?));
    }
    let mut der = vec![0x30];
    der.extend(length(body.len()));
    der.extend(body);
    Ok(RsaKeyPair::from_der(&der)?)
}

pub(super) fn integer(octets: &[u8]) -> Vec<u8> {
    let bare: Vec<u8> = octets
        .iter()
        .copied()
        .skip_while(|octet| *octet == 0)
        .collect();
    let sign = bare.first().is_none_or(|first| first & 0x80 != 0);
    let mut der = vec![0x02];
    der.extend(length(bare.len() + usize::from(sign)));
    der.extend(sign.then_some(0));
    der.extend(bare);
    der
}

pub(super) fn length(octets: usize) -> Vec<u8> {
    match u8::try_from(octets) {
        Ok(short) if short < 0x80 => vec![short],
        _ => {
            let bytes = octets.to_be_bytes();
            let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(0);
            let mut der = vec![0x80 | u8::try_from(bytes.len() - start).unwrap_or(0)];
            der.extend(&bytes[start..]);
            der
        }
    }
}
