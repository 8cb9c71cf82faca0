//! Encrypted tokens (RFC 7516), as anybody makes them who knows a public key.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{
    Algorithm, ECDH_P256, ECDH_P384, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral,
};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey,
    PublicKeyComponents,
};
use serde_json::{Map, Value, json};

use super::{decode, encode, text_of};

/// The content encryption that all of them use (RFC 7518 5.3).
const ENC: &str = "A256GCM";
/// As long as the key of the content encryption.
const KEY_OCTETS: usize = 32;
const NONCE_OCTETS: usize = 12;

/// Compact JWEs of `content` that the owner of the public key `jwk` can
/// decrypt, each with the name of its key management (RFC 7518 4). None for a
/// key that encrypts nothing (Ed25519).
#[must_use]
pub fn to_public_key(
    jwk: &Map<String, Value>,
    extra: &Map<String, Value>,
    content: &[u8],
) -> Vec<(&'static str, String)> {
    let word = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or_default();
    let made = match (word("kty"), word("crv")) {
        ("RSA", _) => ["RSA-OAEP-256", "RSA-OAEP"]
            .map(|alg| (alg, to_rsa(jwk, alg, extra, content)))
            .to_vec(),
        ("EC", "P-256" | "P-384") => vec![("ECDH-ES", to_curve(jwk, extra, content))],
        _ => Vec::new(),
    };
    let whole = made
        .into_iter()
        .filter_map(|(alg, text)| Some((alg, text?)));
    whole.collect()
}

/// A compact JWE of `content` directly under `key` (RFC 7518 4.5), which has 32
/// octets.
#[must_use]
pub fn under_key(key: &[u8], extra: &Map<String, Value>, content: &[u8]) -> Option<String> {
    let header = text_of(&header("dir", extra));
    seal(&header, "", key, content)
}

fn header(alg: &str, extra: &Map<String, Value>) -> Map<String, Value> {
    let mut header = Map::new();
    header.insert("alg".to_owned(), alg.into());
    header.insert("enc".to_owned(), ENC.into());
    header.extend(extra.clone());
    header
}

/// RFC 7518 4.3.
fn to_rsa(
    jwk: &Map<String, Value>,
    alg: &str,
    extra: &Map<String, Value>,
    content: &[u8],
) -> Option<String> {
    let member = |name: &str| decode(jwk.get(name)?.as_str()?);
    let (n, e) = (member("n")?, member("e")?);
    let public: PublicEncryptingKey = PublicKeyComponents { n, e }.try_into().ok()?;
    let public = OaepPublicEncryptingKey::new(public).ok()?;
    let how = match alg {
        "RSA-OAEP" => &OAEP_SHA1_MGF1SHA1,
        _ => &OAEP_SHA256_MGF1SHA256,
    };
    let key = random::<KEY_OCTETS>()?;
    let mut wrapped = vec![0; public.ciphertext_size()];
    let wrapped = public.encrypt(how, &key, &mut wrapped, None).ok()?;
    let header = text_of(&header(alg, extra));
    seal(&header, &encode(wrapped), &key, content)
}

/// RFC 7518 4.6: direct agreement.
fn to_curve(
    jwk: &Map<String, Value>,
    extra: &Map<String, Value>,
    content: &[u8],
) -> Option<String> {
    let word = |name: &str| jwk.get(name)?.as_str();
    let curve: (&'static Algorithm, &str) = match word("crv")? {
        "P-256" => (&ECDH_P256, "P-256"),
        _ => (&ECDH_P384, "P-384"),
    };
    let theirs = [vec![4], decode(word("x")?)?, decode(word("y")?)?].concat();
    let ours = EphemeralPrivateKey::generate(curve.0, &SystemRandom::new()).ok()?;
    let point = ours.compute_public_key().ok()?;
    let (x, y) = point.as_ref()[1..].split_at((point.as_ref().len() - 1) / 2);
    let mut header = header("ECDH-ES", extra);
    let epk = json!({ "kty": "EC", "crv": curve.1, "x": encode(x), "y": encode(y) });
    header.insert("epk".to_owned(), epk);
    let theirs = UnparsedPublicKey::new(curve.0, theirs);
    let key = agree_ephemeral(ours, theirs, Unspecified, |shared| {
        Ok(derived(shared, ENC, ["", ""], 32))
    })
    .ok()?;
    seal(&text_of(&header), "", &key, content)
}

/// The one round of Concat KDF that a key of at most 256 bits needs (RFC 7518
/// 4.6.2).
fn derived(shared: &[u8], enc: &str, parties: [&str; 2], octets: u8) -> Vec<u8> {
    let mut input = 1_u32.to_be_bytes().to_vec();
    input.extend(shared);
    for text in [enc, parties[0], parties[1]] {
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        input.extend(length.to_be_bytes());
        input.extend(text.as_bytes());
    }
    input.extend((u32::from(octets) * 8).to_be_bytes());
    digest(&SHA256, &input).as_ref()[..octets.into()].to_vec()
}

fn seal(header: &str, wrapped: &str, key: &[u8], content: &[u8]) -> Option<String> {
    let header = encode(header);
    let nonce = random::<NONCE_OCTETS>()?;
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?);
    let mut sealed = content.to_vec();
    let tag = key
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(header.as_bytes()),
            &mut sealed,
        )
        .ok()?;
    let (nonce, sealed, tag) = (encode(nonce), encode(sealed), encode(tag.as_ref()));
    Some(format!("{header}.{wrapped}.{nonce}.{sealed}.{tag}"))
}

fn random<const N: usize>() -> Option<[u8; N]> {
    let mut octets = [0; N];
    aws_lc_rs::rand::fill(&mut octets).ok()?;
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7518, appendix C.
    #[test]
    fn a_key_is_derived_as_in_the_example() {
        let shared = [
            158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156, 251, 49,
            110, 163, 218, 128, 106, 72, 246, 218, 167, 121, 140, 254, 144, 196,
        ];
        let key = derived(&shared, "A128GCM", ["Alice", "Bob"], 16);
        assert_eq!(encode(key), "VqqN6vgjbSBcIijNcacQGg");
    }

    #[test]
    fn a_jwe_under_a_key_opens_under_it() {
        let text = under_key(&[7; 32], &Map::new(), b"content").unwrap();
        let segments: Vec<_> = text.split('.').collect();
        let [header, wrapped, nonce, sealed, tag] = segments[..] else {
            panic!("{text}");
        };
        assert_eq!(wrapped, "");
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).unwrap());
        let nonce = Nonce::try_assume_unique_for_key(&decode(nonce).unwrap()).unwrap();
        let mut opened = [decode(sealed).unwrap(), decode(tag).unwrap()].concat();
        let opened = key
            .open_in_place(nonce, Aad::from(header.as_bytes()), &mut opened)
            .unwrap();
        assert_eq!(opened, b"content");
    }
}
