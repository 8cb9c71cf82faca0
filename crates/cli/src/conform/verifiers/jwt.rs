//! The verifier of the schemes `jwt`, `jwt-denylist`, `jwt-epoch` and
//! `jwt-refresh`.

use authbench_conformance::verifier::{Answer, Jws, Jwt, Signed, Verifier};
use authbench_core::UnixMs;
use authbench_schemes::jwt::{
    Algorithm, MIN_SECRET_OCTETS, Settings, SigningKey, TrustError, TrustedKeys,
};
use serde_json::Value;

/// The verifier of every JWT of ours.
pub(super) struct Jwts;

impl Verifier for Jwts {
    fn name(&self) -> &str {
        "jwt"
    }

    fn verify_jws(&self, jws: &Jws<'_>) -> Answer<Vec<u8>> {
        match trust(jws.key, jws.headers) {
            Ok(keys) => Answer::of(keys.payload(jws.token)),
            Err(answer) => answer.or(),
        }
    }

    fn verify_jwt(&self, jwt: &Jwt<'_>) -> Answer<()> {
        let keys = match trust(jwt.jws.key, jwt.jws.headers) {
            Ok(keys) => keys,
            Err(answer) => return answer.or(),
        };
        let algorithm = Algorithm::Hs256; // Only a signer looks at it.
        let settings = Settings::new(algorithm, jwt.issuer, jwt.audience, 3600);
        let at = UnixMs(jwt.now_s.saturating_mul(1000));
        Answer::of(keys.verify(&settings, jwt.jws.token, at).map(drop))
    }

    fn verify_signature(&self, signed: &Signed<'_>) -> Answer<()> {
        let is_short = |k: &str| k.len() * 3 / 4 < MIN_SECRET_OCTETS;
        if signed.key["k"].as_str().is_some_and(is_short) {
            return Answer::unsupported("secrets shorter than the hash are not loaded");
        }
        if signed.algorithm.starts_with("HMAC") {
            return Answer::unsupported("MACs are not cut");
        }
        match trust(signed.key, &[]) {
            Ok(keys) if keys.verifies(signed.message, signed.signature) => Answer::Accepted(()),
            Ok(_) => Answer::Refused,
            Err(answer) => answer.or(),
        }
    }

    fn load_secret(&self, secret: &[u8]) -> Answer<()> {
        Answer::of(SigningKey::from_secret(secret).map(drop))
    }
}

/// Why there are no keys.
enum Untrusted {
    Refused,
    NotSupported(String),
}

impl Untrusted {
    fn or<T>(self) -> Answer<T> {
        match self {
            Self::Refused => Answer::Refused,
            Self::NotSupported(reason) => Answer::NotSupported(reason),
        }
    }
}

/// Names that are registered for signatures and that we do not offer; any
/// other name is one of nobody, and to be refused.
const NOT_OFFERED: [&str; 10] = [
    "HS384", "HS512", "RS384", "RS512", "PS256", "PS384", "PS512", "ES384", "ES512", "ES256K",
];

fn trust(key: &Value, headers: &[String]) -> Result<TrustedKeys, Untrusted> {
    TrustedKeys::read(key, headers).map_err(|error| match error {
        TrustError::Algorithm(name) if name.is_empty() => {
            Untrusted::NotSupported("a key that names no algorithm".to_owned())
        }
        TrustError::Algorithm(name) if NOT_OFFERED.contains(&name.as_str()) => {
            Untrusted::NotSupported(format!("{name} is not on offer"))
        }
        _ => Untrusted::Refused,
    })
}
