//! Malformed JWE in the simplest mode, `dir` with A256GCM, under a key of our
//! own.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde_json::{Value, json};

use crate::keys::encode;

const KEY: [u8; 32] = *b"a key of test vectors, published";
const NONCE: [u8; 12] = *b"a nonce here";
const TEXT: &str = "what the JWE says";
const HEADER: &str = r#"{"alg":"dir","enc":"A256GCM","kid":"key-dir"}"#;

pub(crate) fn groups() -> Vec<Value> {
    let key =
        json!({ "kty": "oct", "alg": "dir", "use": "enc", "kid": "key-dir", "k": encode(KEY) });
    let mut tests = vec![test("good", &good(), "valid")];
    for case in structure().into_iter().chain(octets()).chain(headers()) {
        tests.push(test(case.0, &case.1, "invalid"));
    }
    let comment = "malformed JWE under a key for `dir` with A256GCM";
    vec![json!({ "type": "JsonWebEncryption", "comment": comment, "private": key, "tests": tests })]
}

type Cases = Vec<(&'static str, String)>;

fn test(comment: &str, jwe: &str, result: &str) -> Value {
    let mut test = json!({ "tcId": 0, "comment": comment, "jwe": jwe, "result": result });
    if result == "valid" {
        let hex = TEXT.bytes().map(|octet| format!("{octet:02x}"));
        test["pt"] = hex.collect::<String>().into();
    }
    test
}

/// Ciphertext and tag of the text under a header.
fn sealed(header: &str) -> (Vec<u8>, Vec<u8>) {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &KEY).unwrap());
    let nonce = Nonce::assume_unique_for_key(NONCE);
    let mut text = TEXT.as_bytes().to_vec();
    let aad = Aad::from(encode(header).into_bytes());
    let tag = key
        .seal_in_place_separate_tag(nonce, aad, &mut text)
        .unwrap();
    (text, tag.as_ref().to_vec())
}

fn joined(header: &str, key: &str, nonce: &[u8], text: &[u8], tag: &[u8]) -> String {
    [
        encode(header),
        key.to_owned(),
        encode(nonce),
        encode(text),
        encode(tag),
    ]
    .join(".")
}

fn under(header: &str) -> String {
    let (text, tag) = sealed(header);
    joined(header, "", &NONCE, &text, &tag)
}

fn good() -> String {
    under(HEADER)
}

fn structure() -> Cases {
    let good = good();
    let parts: Vec<&str> = good.split('.').collect();
    vec![
        ("nothing", String::new()),
        ("four dots", "....".to_owned()),
        ("no tag", parts[..4].join(".")),
        ("a sixth segment", format!("{good}.{}", parts[4])),
        ("three segments, as a JWS has", parts[2..].join(".")),
        ("the tag padded", format!("{good}==")),
        ("a space behind", format!("{good} ")),
        (
            "a line's end in the text",
            good.replacen(parts[3], &format!("{}\n", parts[3]), 1),
        ),
        (
            "an encrypted key, which `dir` has not",
            good.replacen("..", ".AAAA.", 1),
        ),
        (
            "an unsigned JWS",
            format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(TEXT)),
        ),
    ]
}

fn octets() -> Cases {
    let (text, tag) = sealed(HEADER);
    let with = |nonce: &[u8], text: &[u8], tag: &[u8]| joined(HEADER, "", nonce, text, tag);
    let flip = |octets: &[u8], at: usize| {
        let mut flipped = octets.to_vec();
        flipped[at] ^= 1;
        flipped
    };
    vec![
        ("a tag of 15 octets", with(&NONCE, &text, &tag[..15])),
        ("a tag of 12 octets", with(&NONCE, &text, &tag[..12])),
        ("a tag of 8 octets", with(&NONCE, &text, &tag[..8])),
        ("a tag of 4 octets", with(&NONCE, &text, &tag[..4])),
        ("a tag of 1 octet", with(&NONCE, &text, &tag[..1])),
        ("an empty tag", with(&NONCE, &text, &[])),
        (
            "a tag of 17 octets",
            with(&NONCE, &text, &[&tag[..], &[0]].concat()),
        ),
        ("a tag of zeros", with(&NONCE, &text, &[0; 16])),
        (
            "a tag with its first bit flipped",
            with(&NONCE, &text, &flip(&tag, 0)),
        ),
        (
            "a tag with its last bit flipped",
            with(&NONCE, &text, &flip(&tag, 15)),
        ),
        (
            "the text's first bit flipped",
            with(&NONCE, &flip(&text, 0), &tag),
        ),
        (
            "the text's last bit flipped",
            with(&NONCE, &flip(&text, text.len() - 1), &tag),
        ),
        ("the text cut", with(&NONCE, &text[..text.len() - 1], &tag)),
        ("no text", with(&NONCE, &[], &tag)),
        (
            "a tag that begins in the text",
            with(&NONCE, &text[..4], &[&text[4..], &tag].concat()),
        ),
        ("another nonce", with(&flip(&NONCE, 11), &text, &tag)),
        ("a nonce of 11 octets", with(&NONCE[..11], &text, &tag)),
        (
            "a nonce of 16 octets",
            with(&[&NONCE[..], &[0; 4]].concat(), &text, &tag),
        ),
        ("no nonce", with(&[], &text, &tag)),
    ]
}

/// Other headers, and under each the text rightly sealed.
fn headers() -> Cases {
    let (text, tag) = sealed(HEADER);
    let swapped = r#"{"alg":"dir","enc":"A256GCM","kid":"key-dir" }"#;
    vec![
        (
            "another spelling of the header than what was sealed",
            joined(swapped, "", &NONCE, &text, &tag),
        ),
        (
            "`alg` RSA1_5",
            under(r#"{"alg":"RSA1_5","enc":"A256GCM","kid":"key-dir"}"#),
        ),
        (
            "`alg` RSA-OAEP",
            under(r#"{"alg":"RSA-OAEP","enc":"A256GCM","kid":"key-dir"}"#),
        ),
        (
            "`alg` A256KW",
            under(r#"{"alg":"A256KW","enc":"A256GCM","kid":"key-dir"}"#),
        ),
        (
            "`alg` PBES2 with ten million rounds",
            under(
                r#"{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","kid":"key-dir","p2c":10000000,"p2s":"AAAA"}"#,
            ),
        ),
        (
            "`alg` none",
            under(r#"{"alg":"none","enc":"A256GCM","kid":"key-dir"}"#),
        ),
        ("no `alg`", under(r#"{"enc":"A256GCM","kid":"key-dir"}"#)),
        (
            "`enc` A128GCM",
            under(r#"{"alg":"dir","enc":"A128GCM","kid":"key-dir"}"#),
        ),
        (
            "`enc` A128CBC-HS256",
            under(r#"{"alg":"dir","enc":"A128CBC-HS256","kid":"key-dir"}"#),
        ),
        (
            "`enc` none",
            under(r#"{"alg":"dir","enc":"none","kid":"key-dir"}"#),
        ),
        ("no `enc`", under(r#"{"alg":"dir","kid":"key-dir"}"#)),
        (
            "`zip` is said",
            under(r#"{"alg":"dir","enc":"A256GCM","kid":"key-dir","zip":"DEF"}"#),
        ),
        (
            "`crit` with an unknown name",
            under(r#"{"alg":"dir","enc":"A256GCM","kid":"key-dir","crit":["x"],"x":1}"#),
        ),
        (
            "`enc` twice",
            under(r#"{"alg":"dir","enc":"A128GCM","enc":"A256GCM","kid":"key-dir"}"#),
        ),
        (
            "`kid` of nobody",
            under(r#"{"alg":"dir","enc":"A256GCM","kid":"key-of-nobody"}"#),
        ),
        ("a header that is an array", under(r#"["dir","A256GCM"]"#)),
        ("a header that is no JSON", under("dir")),
    ]
}
