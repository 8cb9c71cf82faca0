//! Whole keys as JWKs, for tests that forge what is correctly signed but wrong.
//! Beside `jwk`, which knows public octets alone and must not learn of others.

use aws_lc_rs::encoding::{AsBigEndian as _, AsDer as _, Pkcs8V1Der};
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use serde_json::{Map, Value, json};
use simple_asn1::ASN1Block;

use super::compact::encode;
use super::keys::KeyError;
use super::verifying_key::VerifyingKey;

pub(super) fn ed25519(public: &VerifyingKey, pair: &Ed25519KeyPair) -> Result<Value, KeyError> {
    let seed = pair.seed().map_err(withheld)?;
    let octets = seed.as_be_bytes().map_err(withheld)?;
    Ok(with(public, [("d", encode(octets.as_ref()))]))
}

pub(super) fn p256(public: &VerifyingKey, pair: &EcdsaKeyPair) -> Result<Value, KeyError> {
    let octets = pair.private_key().as_be_bytes().map_err(withheld)?;
    Ok(with(public, [("d", encode(octets.as_ref()))]))
}

pub(super) fn rsa(public: &VerifyingKey, pair: &RsaKeyPair) -> Result<Value, KeyError> {
    let document: Pkcs8V1Der<'_> = pair.as_der().map_err(withheld)?;
    let numbers = rsa_numbers(document.as_ref())?;
    let names = ["d", "p", "q", "dp", "dq", "qi"];
    let members = names.into_iter().zip(numbers);
    Ok(with(public, members.map(|(name, n)| (name, encode(&n)))))
}

pub(super) fn hs256(public: &VerifyingKey, secret: &[u8]) -> Value {
    json!({
        "kty": "oct",
        "use": "sig",
        "alg": public.algorithm().label(),
        "kid": public.kid(),
        "k": encode(secret),
    })
}

/// The public JWK with more members.
fn with(public: &VerifyingKey, more: impl IntoIterator<Item = (&'static str, String)>) -> Value {
    let mut members: Map<String, Value> = public
        .jwk()
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    members.extend(
        more.into_iter()
            .map(|(name, text)| (name.into(), text.into())),
    );
    Value::Object(members)
}

/// The numbers of an RSA private key after its public exponent (RFC 8017
/// A.1.2), from its PKCS#8 document (RFC 5208 5).
fn rsa_numbers(document: &[u8]) -> Result<[Vec<u8>; 6], KeyError> {
    let outer = sequence(document)?;
    let Some(ASN1Block::OctetString(_, inner)) = outer.get(2) else {
        return Err(withheld(Shape));
    };
    let numbers = sequence(inner)?;
    let numbers = numbers.iter().skip(3).map(|block| match block {
        ASN1Block::Integer(_, number) => Ok(number.to_bytes_be().1),
        _ => Err(withheld(Shape)),
    });
    let numbers: Vec<_> = numbers.collect::<Result<_, _>>()?;
    numbers.try_into().map_err(|_| withheld(Shape))
}

fn sequence(der: &[u8]) -> Result<Vec<ASN1Block>, KeyError> {
    match simple_asn1::from_der(der).map_err(withheld)?.pop() {
        Some(ASN1Block::Sequence(_, blocks)) => Ok(blocks),
        _ => Err(withheld(Shape)),
    }
}

/// The library's own document has another shape than its standard gives it.
#[derive(Debug, thiserror::Error)]
#[error("the key's document is no PKCS#8 with an RSA key of two primes")]
struct Shape;

fn withheld(source: impl std::error::Error + Send + Sync + 'static) -> KeyError {
    KeyError::PrivateForm(Box::new(source))
}
