//! The door to a scheme's verifier inside this process: what checks by vectors
//! and in-process checks ask. It is for the code that judges tokens in
//! production; an adapter passes on and judges nothing itself.

use std::error::Error;

use serde_json::Value;

/// What a verifier says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer<T> {
    /// It accepts, and this is what it read.
    Accepted(T),
    /// It refuses.
    Refused,
    /// It is not made for such input, for this reason. Never a pass: what was
    /// not asked cannot be right.
    NotSupported(String),
}

impl<T> Answer<T> {
    /// [`Answer::NotSupported`] of this reason.
    pub fn unsupported(reason: impl Into<String>) -> Self {
        Self::NotSupported(reason.into())
    }

    /// What `result` says, its error being a refusal.
    pub fn of<E>(result: Result<T, E>) -> Self {
        result.map_or(Self::Refused, Self::Accepted)
    }
}

/// A JWS and what its verifier knows beforehand.
#[derive(Clone, Copy, Debug)]
pub struct Jws<'a> {
    /// The issuer's public JWK or JWK set, or for MACs the secret one.
    pub key: &'a Value,
    /// Headers, in base64url, that the issuer's tokens are known to have beside
    /// `{"alg":..,"kid":..}`: for verifiers that know their tokens' headers
    /// beforehand. Others have no need of them.
    pub headers: &'a [String],
    /// The token, in the compact form if it has any.
    pub token: &'a str,
}

/// A JWT with the party that judges it.
#[derive(Clone, Copy, Debug)]
pub struct Jwt<'a> {
    /// The signed token.
    pub jws: Jws<'a>,
    /// The only issuer that is believed.
    pub issuer: &'a str,
    /// Who judges.
    pub audience: &'a str,
    /// The judge's clock, in seconds since 1970.
    pub now_s: u64,
}

/// A bare signature or MAC.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// The name in JOSE (RFC 7518 3.1, RFC 8037), or, for what has none there,
    /// a description.
    pub algorithm: &'a str,
    /// The JWK, public or for MACs secret.
    pub key: &'a Value,
    /// What is signed.
    pub message: &'a [u8],
    /// By what.
    pub signature: &'a [u8],
}

/// A text that is encrypted and authenticated.
#[derive(Clone, Copy, Debug)]
pub struct Encrypted<'a> {
    /// The name in JOSE (RFC 7518 5.1), or a description.
    pub algorithm: &'a str,
    /// The octets of the key.
    pub key: &'a [u8],
    /// The nonce or initialisation vector.
    pub nonce: &'a [u8],
    /// What is authenticated beside the text.
    pub aad: &'a [u8],
    /// The encrypted text.
    pub text: &'a [u8],
    /// What proves it.
    pub tag: &'a [u8],
}

/// The key of a PASETO.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PasetoKey {
    /// For local tokens.
    Local(Vec<u8>),
    /// For public tokens: the seed of the Ed25519 key (RFC 8032 5.1.5).
    Seed(Vec<u8>),
    /// For public tokens of other versions, whose keys are no Ed25519 seeds.
    Other,
}

/// A PASETO.
#[derive(Clone, Copy, Debug)]
pub struct Paseto<'a> {
    /// The key.
    pub key: &'a PasetoKey,
    /// The token.
    pub token: &'a str,
    /// The footer that it must have.
    pub footer: &'a [u8],
    /// The implicit assertion that it must have been made with.
    pub assertion: &'a [u8],
}

/// The verifier of one scheme, or of one library. What it is not made for, it
/// says by [`Answer::NotSupported`], as every method does unless it is there.
pub trait Verifier: Send + Sync {
    /// Its name in reports.
    fn name(&self) -> &str;

    /// The payload of a JWS: its signature and its header are judged, claims
    /// are not.
    fn verify_jws(&self, _: &Jws<'_>) -> Answer<Vec<u8>> {
        Answer::unsupported("no JWS")
    }

    /// The payload of a JWS in JSON serialization (RFC 7515 7.2).
    fn verify_jws_json(&self, _: &Jws<'_>) -> Answer<Vec<u8>> {
        Answer::unsupported("no JSON serialization")
    }

    /// Judges a JWT whole, with its claims and times.
    fn verify_jwt(&self, _: &Jwt<'_>) -> Answer<()> {
        Answer::unsupported("no JWT")
    }

    /// The text of a JWE in the compact form.
    fn decrypt_jwe(&self, _key: &Value, _token: &str) -> Answer<Vec<u8>> {
        Answer::unsupported("no JWE")
    }

    /// Judges a bare signature or MAC.
    fn verify_signature(&self, _: &Signed<'_>) -> Answer<()> {
        Answer::unsupported("no signatures")
    }

    /// The text of an authenticated encryption.
    fn decrypt(&self, _: &Encrypted<'_>) -> Answer<Vec<u8>> {
        Answer::unsupported("no authenticated encryption")
    }

    /// The payload of a PASETO; its claims are not judged.
    fn open_paseto(&self, _: &Paseto<'_>) -> Answer<Vec<u8>> {
        Answer::unsupported("no PASETO")
    }

    /// Takes these octets for the secret of HS256, or refuses them.
    fn load_secret(&self, _secret: &[u8]) -> Answer<()> {
        Answer::unsupported("no MAC secrets")
    }

    /// Compares a secret that is held with one that is shown, as it is done
    /// where both have this length.
    fn compare(&self, _held: &[u8], _shown: &[u8]) -> Answer<()> {
        Answer::unsupported("no comparison of secrets")
    }

    /// What seals the state that clients hold, if the scheme has such state.
    fn sealer(&self) -> Option<&dyn Sealer> {
        None
    }
}

/// What seals state that clients hold, at an instant of its own choice.
pub trait Sealer: Send + Sync {
    /// The text of a cookie `name` that says who `subject` is.
    ///
    /// # Errors
    /// When nothing could be sealed.
    fn seal(&self, name: &str, subject: &str) -> Result<String, Box<dyn Error + Send + Sync>>;

    /// Who the cookie `name` of this text says the caller is.
    fn open(&self, name: &str, text: &str) -> Answer<String>;

    /// The nonce in a text; none for a text that is not one of this kind.
    fn nonce(&self, text: &str) -> Option<Vec<u8>>;

    /// Another node with the same keys, as after a restart of this one.
    ///
    /// # Errors
    /// When there can be none.
    fn replica(&self) -> Result<Box<dyn Sealer>, Box<dyn Error + Send + Sync>>;
}
