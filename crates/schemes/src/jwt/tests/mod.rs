//! The scheme as a whole: against the plain crate (`differential`), against
//! forgers (`forgery`, `claims`, `spelling`), its keys (`keys`, `rotation`) and its
//! promises (`strategy`).

mod claims;
mod differential;
mod forgery;
mod keys;
mod rotation;
mod spelling;
mod strategy;
mod trusted;

use std::sync::OnceLock;

use authbench_core::{Credentials, Entropy, Refusal, SeededEntropy, Subject, SubjectId, UnixMs};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde_json::{Value, json};

use super::{Algorithm, Jwt, JwtFormat, Settings, SettingsError, SigningKey, compact};
use crate::keyring::KeyRing;
use crate::token::TokenFormat as _;

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "https://api.example";
const TTL_S: u64 = 900;
const SECRET: &[u8] = b"thirty-two octets, not a secret!";

/// Some instant that is no whole second.
const AT: UnixMs = UnixMs(1_800_000_000_250);

/// One key in our hands and in the plain crate's.
struct Known {
    strategy: Jwt<SeededEntropy>,
    algorithm: Algorithm,
    kid: String,
    header: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    /// The public key as a SubjectPublicKeyInfo; empty for HS256.
    spki: Vec<u8>,
    /// The public octets as aws-lc-rs gives them; empty for HS256.
    raw: Vec<u8>,
}

/// The one key of this process for `algorithm`: making RSA keys is slow.
fn known(algorithm: Algorithm) -> &'static Known {
    static KNOWN: [OnceLock<Known>; 4] = [const { OnceLock::new() }; 4];
    KNOWN[algorithm as usize].get_or_init(|| Known::new(algorithm))
}

impl Known {
    fn new(algorithm: Algorithm) -> Self {
        let random = SystemRandom::new();
        let (pkcs8, spki, raw) = match algorithm {
            Algorithm::EdDsa => {
                let pkcs8 = Ed25519KeyPair::generate_pkcs8v1(&random).unwrap();
                let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
                let public = pair.public_key();
                let spki = public.as_der().unwrap().as_ref().to_vec();
                (pkcs8.as_ref().to_vec(), spki, public.as_ref().to_vec())
            }
            Algorithm::Es256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
                let public = pair.public_key();
                let spki = public.as_der().unwrap().as_ref().to_vec();
                (
                    pair.to_pkcs8v1().unwrap().as_ref().to_vec(),
                    spki,
                    public.as_ref().to_vec(),
                )
            }
            Algorithm::Hs256 => {
                let key = SigningKey::from_secret(SECRET).unwrap();
                return Self {
                    algorithm,
                    kid: key.verifying_key().kid().to_owned(),
                    header: key.verifying_key().header_segment().to_owned(),
                    strategy: strategy(algorithm, key),
                    encoding: EncodingKey::from_secret(SECRET),
                    decoding: DecodingKey::from_secret(SECRET),
                    spki: Vec::new(),
                    raw: Vec::new(),
                };
            }
            Algorithm::Rs256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
                let public = pair.public_key();
                let spki = public.as_der().unwrap().as_ref().to_vec();
                (
                    pair.as_der().unwrap().as_ref().to_vec(),
                    spki,
                    public.as_ref().to_vec(),
                )
            }
        };
        let text = pem_text("PRIVATE KEY", &pkcs8);
        let key = SigningKey::from_pem(algorithm, &text).unwrap();
        let kid = key.verifying_key().kid().to_owned();
        let header = key.verifying_key().header_segment().to_owned();
        let strategy = strategy(algorithm, key);
        let encoding = match algorithm {
            Algorithm::EdDsa => EncodingKey::from_ed_pem(text.as_bytes()),
            Algorithm::Es256 => EncodingKey::from_ec_pem(text.as_bytes()),
            _ => EncodingKey::from_rsa_pem(text.as_bytes()),
        };
        let jwk =
            serde_json::from_value(strategy.format().jwks(AT).unwrap()["keys"][0].clone()).unwrap();
        let decoding = DecodingKey::from_jwk(&jwk).unwrap();
        Self {
            strategy,
            algorithm,
            kid,
            header,
            encoding: encoding.unwrap(),
            decoding,
            spki,
            raw,
        }
    }

    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn header(&self) -> &str {
        &self.header
    }

    fn jwks(&self) -> Value {
        let published = self.strategy.format().jwks(AT);
        published.unwrap_or_else(|| json!({ "keys": [] }))
    }

    fn issue(&self) -> Credentials {
        self.strategy.seal(&subject(), AT).unwrap()
    }

    /// A token of these claims, as the key's owner would sign it.
    fn forge(&self, claims: &Value) -> String {
        self.sign(
            self.header(),
            &compact::encode(claims.to_string().as_bytes()),
        )
    }

    /// A token of these segments, as the key's owner would sign it.
    fn sign(&self, header: &str, payload: &str) -> String {
        let message = format!("{header}.{payload}");
        let algorithm = self.algorithm().into();
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &self.encoding, algorithm).unwrap();
        format!("{message}.{signature}")
    }

    fn verdict(&self, token: &str) -> Result<(), Refusal> {
        self.strategy.format().verify(token, AT).map(drop)
    }
}

fn strategy(algorithm: Algorithm, key: SigningKey) -> Jwt<SeededEntropy> {
    let settings = Settings::new(algorithm, ISSUER, AUDIENCE, TTL_S);
    jwt(settings, key, SeededEntropy::new(7)).unwrap()
}

/// A strategy whose one key stays.
fn jwt<E: Entropy>(
    settings: Settings,
    key: SigningKey,
    entropy: E,
) -> Result<Jwt<E>, SettingsError> {
    let format = JwtFormat::new(settings, KeyRing::fixed(key))?;
    Ok(Jwt::new(format, entropy))
}

fn subject() -> Subject {
    Subject {
        id: SubjectId::new("u-1"),
        roles: ["user", "admin"].into_iter().collect(),
    }
}

/// Claims that are accepted at [`AT`].
fn good_claims() -> Value {
    let now = AT.whole_secs();
    json!({
        "iss": ISSUER, "sub": "u-1", "aud": AUDIENCE, "exp": now + 60, "iat": now,
        "jti": "AAECAwQFBgcICQoLDA0ODw", "roles": ["user"],
    })
}

fn pem_text(label: &str, der: &[u8]) -> String {
    pem::encode(&pem::Pem::new(label, der))
}

/// The three segments of a token.
fn segments(token: &str) -> [&str; 3] {
    let parts: Vec<&str> = token.split('.').collect();
    parts.try_into().unwrap()
}
