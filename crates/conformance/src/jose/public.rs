//! Public keys in all the forms in which one might be mistaken for a secret.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::decode;
use super::key::{integer, length};

/// What stands before the point of a P-256 key in a `SubjectPublicKeyInfo`
/// (RFC 5480 2).
const SPKI_P256: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// The same of P-384.
const SPKI_P384: &[u8] = &[
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
];
/// The same of Ed25519 (RFC 8410 4).
const SPKI_ED25519: &[u8] = &[
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
/// The algorithm of RSA keys, within a `SubjectPublicKeyInfo` (RFC 3279 2.3.1).
const RSA_ENCRYPTION: &[u8] = &[
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];
/// The members of a JWK that nobody but its owner may see (RFC 7518 6.2.2,
/// 6.3.2, 6.4.1; RFC 8037 2).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Every form in which the public key `jwk` might lie in a file or a setting,
/// each with its name: PEM, DER, the JWK's text, and the bare numbers.
#[must_use]
pub fn disguises(jwk: &Map<String, Value>) -> Vec<(String, Vec<u8>)> {
    let mut forms = Vec::new();
    let mut add = |name: String, octets: Vec<u8>| {
        if !octets.is_empty() && forms.iter().all(|(_, known)| *known != octets) {
            forms.push((name, octets));
        }
    };
    for (label, der) in documents(jwk) {
        let kind = if label == "CERTIFICATE" { "x5c" } else { label };
        for (how, text) in spellings(&pem(label, &der)) {
            add(format!("PEM `{kind}`, {how}"), text.into_bytes());
        }
        add(
            format!("base64 of the DER `{kind}`"),
            STANDARD.encode(&der).into_bytes(),
        );
        add(format!("DER `{kind}`"), der);
    }
    for (how, text) in jwk_texts(jwk) {
        add(format!("JWK, {how}"), text.into_bytes());
    }
    for name in ["n", "x", "y"] {
        if let Some(text) = jwk.get(name).and_then(Value::as_str) {
            add(
                format!("octets of `{name}`"),
                decode(text).unwrap_or_default(),
            );
            add(format!("text of `{name}`"), text.as_bytes().to_vec());
        }
    }
    if let Some(point) = point(jwk) {
        add("both coordinates".to_owned(), point[1..].to_vec());
        add("the point".to_owned(), point);
    }
    forms
}

/// The members of a published key that should not have been published.
#[must_use]
pub fn private_members(jwk: &Map<String, Value>) -> Vec<&'static str> {
    let present = PRIVATE.into_iter().filter(|name| jwk.contains_key(*name));
    present.collect()
}

/// The DER documents that hold the key, by their PEM labels.
fn documents(jwk: &Map<String, Value>) -> Vec<(&'static str, Vec<u8>)> {
    let member = |name: &str| decode(jwk.get(name)?.as_str()?);
    let word = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut found = Vec::new();
    match (word("kty"), word("crv")) {
        ("RSA", _) => {
            if let (Some(n), Some(e)) = (member("n"), member("e")) {
                let pkcs1 = sequence(&[integer(&n), integer(&e)].concat());
                let mut bits = vec![0x03];
                bits.extend(length(pkcs1.len() + 1));
                bits.push(0);
                bits.extend(&pkcs1);
                found.push(("PUBLIC KEY", sequence(&[RSA_ENCRYPTION, &bits].concat())));
                found.push(("RSA PUBLIC KEY", pkcs1));
            }
        }
        ("EC", curve @ ("P-256" | "P-384")) => {
            let prefix = if curve == "P-256" {
                SPKI_P256
            } else {
                SPKI_P384
            };
            let der = point(jwk).map(|point| [prefix, &point].concat());
            found.extend(der.map(|der| ("PUBLIC KEY", der)));
        }
        ("OKP", "Ed25519") => {
            let der = member("x").map(|x| [SPKI_ED25519, &x].concat());
            found.extend(der.map(|der| ("PUBLIC KEY", der)));
        }
        _ => {}
    }
    let chain = jwk.get("x5c").and_then(Value::as_array);
    let first = chain.and_then(|chain| chain.first()?.as_str());
    let certificate = first.and_then(|text| STANDARD.decode(text).ok());
    found.extend(certificate.map(|der| ("CERTIFICATE", der)));
    found
}

fn point(jwk: &Map<String, Value>) -> Option<Vec<u8>> {
    let member = |name: &str| decode(jwk.get(name)?.as_str()?);
    Some([vec![4], member("x")?, member("y")?].concat())
}

fn sequence(body: &[u8]) -> Vec<u8> {
    let mut der = vec![0x30];
    der.extend(length(body.len()));
    der.extend(body);
    der
}

/// RFC 7468 2: lines of 64 characters, without a last line end.
fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----",
        lines.join("\n")
    )
}

/// A guard that only looks at the beginning of a text, or strips its end, takes
/// one of these for a secret (CVE-2022-29217, CVE-2026-34950).
fn spellings(pem: &str) -> Vec<(&'static str, String)> {
    let crlf = pem.replace('\n', "\r\n");
    vec![
        ("as it stands in a file", format!("{pem}\n")),
        ("without its last line end", pem.to_owned()),
        ("with two line ends", format!("{pem}\n\n")),
        ("behind an empty line", format!("\n{pem}\n")),
        ("behind an empty line, stripped", format!("\n{pem}")),
        ("behind a space", format!(" {pem}\n")),
        ("behind a tab", format!("\t{pem}\n")),
        ("with CR and LF", format!("{crlf}\r\n")),
        ("with CR and LF, stripped", crlf),
        ("behind CR and LF", format!("\r\n{pem}\n")),
        ("in one line", pem.replace('\n', "")),
    ]
}

fn jwk_texts(jwk: &Map<String, Value>) -> Vec<(&'static str, String)> {
    let mut needed = Map::new();
    // RFC 7638 3.2, 3.3: the members that make the key, in this order.
    for name in ["crv", "e", "kty", "n", "x", "y"] {
        if let Some(value) = jwk.get(name) {
            needed.insert(name.to_owned(), value.clone());
        }
    }
    let whole = Value::Object(jwk.clone());
    let pretty = serde_json::to_string_pretty(&whole).unwrap_or_default();
    vec![
        ("as it is published", whole.to_string()),
        ("in several lines", pretty),
        (
            "the members of its thumbprint",
            Value::Object(needed).to_string(),
        ),
        ("in a set", json!({ "keys": [whole] }).to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
    use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    };

    use super::*;
    use crate::jose::encode;

    fn spki(jwk: Value) -> Vec<u8> {
        let Value::Object(jwk) = jwk else { panic!() };
        let found = documents(&jwk);
        let spki = found.into_iter().find(|(label, _)| *label == "PUBLIC KEY");
        spki.unwrap().1
    }

    /// Against the documents that the library writes.
    #[test]
    fn public_keys_are_written_as_others_write_them() {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let public = pair.public_key();
        let theirs: PublicKeyX509Der<'_> = public.as_der().unwrap();
        let n = encode(public.modulus().big_endian_without_leading_zero());
        let e = encode(public.exponent().big_endian_without_leading_zero());
        let jwk = json!({ "kty": "RSA", "n": n, "e": e });
        assert_eq!(spki(jwk), theirs.as_ref());

        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let theirs: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let point = pair.public_key().as_ref();
        let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
        assert_eq!(spki(jwk), theirs.as_ref());

        let pair = Ed25519KeyPair::generate().unwrap();
        let theirs: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let x = encode(pair.public_key().as_ref());
        assert_eq!(
            spki(json!({ "kty": "OKP", "crv": "Ed25519", "x": x })),
            theirs.as_ref()
        );
    }

    #[test]
    fn forms_differ_and_private_members_are_found() {
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": encode([7; 32]), "d": "AA" });
        let Value::Object(jwk) = jwk else { panic!() };
        let forms = disguises(&jwk);
        for (index, (_, octets)) in forms.iter().enumerate() {
            assert!(!octets.is_empty());
            assert!(forms[..index].iter().all(|(_, other)| other != octets));
        }
        assert!(forms.iter().any(|(_, it)| it.starts_with(b"\n-----BEGIN")));
        assert_eq!(private_members(&jwk), ["d"]);
    }
}
