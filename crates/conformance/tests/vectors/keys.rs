//! Published keys, in our hands so that every header and every signature can
//! be made: the secrets of RFC 7515 A.1 to A.3 and RFC 8037 A.1.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use num_bigint::BigUint;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};

const SECRET: &str =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
const P256_D: &str = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";
const ED_SEED: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
pub(crate) const RSA_N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const RSA_D: &str = "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ";

pub(crate) const ALGORITHMS: [&str; 4] = ["HS256", "ES256", "EdDSA", "RS256"];

pub(crate) fn encode(octets: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

pub(crate) fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// The name of an algorithm's key.
pub(crate) fn kid(algorithm: &str) -> String {
    format!("key-{}", algorithm.to_lowercase())
}

/// The header of good tokens.
pub(crate) fn header(algorithm: &str) -> String {
    json!({ "alg": algorithm, "kid": kid(algorithm) }).to_string()
}

/// The key that checks, as a JWK.
pub(crate) fn jwk(algorithm: &str) -> Value {
    let mut key = match algorithm {
        "HS256" => json!({ "kty": "oct", "k": SECRET }),
        "ES256" => {
            let point = p256_point();
            let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
            json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y })
        }
        "EdDSA" => json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(ed_public()) }),
        _ => json!({ "kty": "RSA", "n": RSA_N, "e": "AQAB" }),
    };
    key["alg"] = algorithm.into();
    key["use"] = "sig".into();
    key["kid"] = kid(algorithm).into();
    key
}

/// A group of tests under an algorithm's key.
pub(crate) fn group(kind: &str, comment: String, key: &Value, tests: Vec<Value>) -> Value {
    let half = if key.to_string().contains("\"oct\"") {
        "private"
    } else {
        "public"
    };
    json!({ "type": kind, "comment": comment, half: key, "tests": tests })
}

/// A token of this header text and payload, rightly signed.
pub(crate) fn token(algorithm: &str, header: &str, payload: &str) -> String {
    signed(
        algorithm,
        &format!("{}.{}", encode(header), encode(payload)),
    )
}

/// The token whose first two segments are `input`.
pub(crate) fn signed(algorithm: &str, input: &str) -> String {
    format!("{input}.{}", encode(signature(algorithm, input.as_bytes())))
}

pub(crate) fn signature(algorithm: &str, input: &[u8]) -> Vec<u8> {
    match algorithm {
        "HS256" => mac(&decode(SECRET), input),
        "ES256" => ecdsa(&decode(P256_D), input),
        "EdDSA" => ed_pair().sign(input).as_ref().to_vec(),
        _ => rsa_sign(&pkcs1(input)),
    }
}

pub(crate) fn mac(secret: &[u8], input: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::sign(&key, input).as_ref().to_vec()
}

/// A key of nobody who is trusted, as a JWK and in use.
pub(crate) fn stranger(input: &str) -> Vec<u8> {
    ecdsa(&[0x22; 32], input.as_bytes())
}

pub(crate) fn stranger_jwk() -> Value {
    let point = point_of(&[0x22; 32]);
    json!({
        "kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..]),
    })
}

fn ecdsa(secret: &[u8], input: &[u8]) -> Vec<u8> {
    let signature: Signature = SigningKey::from_slice(secret).unwrap().sign(input);
    signature.to_bytes().to_vec()
}

fn point_of(secret: &[u8]) -> Vec<u8> {
    let key = SigningKey::from_slice(secret).unwrap();
    key.verifying_key()
        .to_encoded_point(false)
        .as_bytes()
        .to_vec()
}

pub(crate) fn p256_point() -> Vec<u8> {
    point_of(&decode(P256_D))
}

fn ed_pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&decode(ED_SEED)).unwrap()
}

pub(crate) fn ed_public() -> Vec<u8> {
    ed_pair().public_key().as_ref().to_vec()
}

/// What an RSA signature of `input` encrypts (RFC 8017 9.2).
pub(crate) fn pkcs1(input: &[u8]) -> Vec<u8> {
    padded(&[0xFF; 202], &digest_info(input))
}

/// The octets around a hash (RFC 8017 9.2, the note).
pub(crate) const SHA256_INFO: &[u8] = &[
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

pub(crate) fn sha256(input: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, input).as_ref().to_vec()
}

pub(crate) fn digest_info(input: &[u8]) -> Vec<u8> {
    [SHA256_INFO, &sha256(input)].concat()
}

pub(crate) fn padded(padding: &[u8], info: &[u8]) -> Vec<u8> {
    [&[0, 1][..], padding, &[0], info].concat()
}

/// The private operation on any 256 octets.
pub(crate) fn rsa_sign(encoded: &[u8]) -> Vec<u8> {
    assert_eq!(encoded.len(), 256);
    let number = |text: &str| BigUint::from_bytes_be(&decode(text));
    let message = BigUint::from_bytes_be(encoded);
    fixed(&message.modpow(&number(RSA_D), &number(RSA_N)), 256)
}

/// A number in so many octets.
pub(crate) fn fixed(number: &BigUint, octets: usize) -> Vec<u8> {
    let digits = number.to_bytes_be();
    [vec![0; octets - digits.len()], digits].concat()
}
