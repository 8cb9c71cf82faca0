//! Malformed tokens under good keys.

mod edges;

use serde_json::{Value, json};

use crate::keys::{self, ALGORITHMS, encode, header, kid, signed, token};
use crate::{shape, test};

const PAYLOAD: &str = r#"{"sub":"ada","exp":1900000000}"#;

pub(crate) fn groups() -> Vec<Value> {
    let group = |algorithm: &str| {
        let mut tests = vec![
            test("good", good(algorithm), "valid"),
            test(
                "good, of another payload",
                token(algorithm, &header(algorithm), "?>?>~~"),
                "valid",
            ),
        ];
        tests.extend(structure(algorithm));
        tests.extend(spelling(algorithm));
        tests.extend(signatures(algorithm));
        tests.extend(algorithms(algorithm));
        tests.extend(headers(algorithm));
        match algorithm {
            "HS256" => {}
            "ES256" => tests.extend(edges::ecdsa()),
            "EdDSA" => tests.extend(edges::ed25519()),
            _ => tests.extend(edges::rsa()),
        }
        tests.extend(confusion(algorithm));
        let comment = format!("malformed JWS under a key for {algorithm}");
        keys::group("JsonWebSignature", comment, &keys::jwk(algorithm), tests)
    };
    ALGORITHMS.into_iter().map(group).collect()
}

fn good(algorithm: &str) -> String {
    token(algorithm, &header(algorithm), PAYLOAD)
}

fn parts(token: &str) -> [String; 3] {
    let parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    parts.try_into().unwrap()
}

fn structure(algorithm: &str) -> Vec<Value> {
    let good = good(algorithm);
    let [h, p, s] = parts(&good);
    let json = json!({ "payload": &p, "protected": &h, "signature": &s });
    let general = json!({ "payload": &p, "signatures": [{ "protected": &h, "signature": &s }] });
    let bad = [
        ("nothing", String::new()),
        ("one dot", ".".to_owned()),
        ("two dots", "..".to_owned()),
        ("header alone", h.clone()),
        ("no signature and no dot before it", format!("{h}.{p}")),
        ("no header", format!(".{p}.{s}")),
        ("no header and no dot", format!("{p}.{s}")),
        ("no payload", format!("{h}..{s}")),
        ("payload and header swapped", format!("{p}.{h}.{s}")),
        ("a dot behind", format!("{good}.")),
        ("a fourth segment", format!("{good}.{s}")),
        ("a dot before", format!(".{good}")),
        (
            "five segments, as a JWE has",
            format!("{h}.{p}.{s}.{p}.{s}"),
        ),
        ("two tokens", format!("{good},{good}")),
        ("flattened JSON serialization", json.to_string()),
        ("general JSON serialization", general.to_string()),
        ("behind `Bearer`", format!("Bearer {good}")),
        ("in quotes", format!("\"{good}\"")),
    ];
    bad.into_iter()
        .map(|(comment, jws)| test(comment, jws, "invalid"))
        .collect()
}

/// Other spellings of the same octets, signed as they are spelt where the
/// signature is over the spelling (RFC 7515 2, RFC 4648 3.5 and 12).
fn spelling(algorithm: &str) -> Vec<Value> {
    let good = good(algorithm);
    let [h, p, s] = parts(&good);
    let mut bad = vec![
        ("a space before", format!(" {good}")),
        ("a space behind", format!("{good} ")),
        ("a line's end behind", format!("{good}\n")),
        ("a NUL behind", format!("{good}\0")),
        ("a BOM before", format!("\u{feff}{good}")),
        ("percent-encoded dots", good.replace('.', "%2E")),
        (
            "a space in the signature",
            format!("{h}.{p}.{} {}", &s[..4], &s[4..]),
        ),
        (
            "a line's end in the signature",
            format!("{h}.{p}.{}\r\n{}", &s[..4], &s[4..]),
        ),
        (
            "a `?` in the signature",
            format!("{h}.{p}.{}?{}", &s[..4], &s[4..]),
        ),
        ("a padded signature", format!("{good}=")),
        ("a doubly padded signature", format!("{good}==")),
        (
            "a padded payload, signed so",
            signed(algorithm, &format!("{h}.{p}=")),
        ),
        (
            "a doubly padded payload, signed so",
            signed(algorithm, &format!("{h}.{p}==")),
        ),
        (
            "a padded header, signed so",
            signed(algorithm, &format!("{h}=.{p}")),
        ),
        (
            "a space in the payload, signed so",
            signed(algorithm, &format!("{h}.{} {}", &p[..4], &p[4..])),
        ),
        (
            "a space in the header, signed so",
            signed(algorithm, &format!("{} {}.{p}", &h[..4], &h[4..])),
        ),
        (
            "a line's end in the payload, signed so",
            signed(algorithm, &format!("{h}.{}\n{}", &p[..4], &p[4..])),
        ),
        ("`+` and `/` in the payload, signed so", plus(algorithm)),
        (
            "stray bits in the payload's last character, signed so",
            stray_payload(algorithm),
        ),
        (
            "one character too many in the payload, signed so",
            signed(algorithm, &format!("{h}.{}A", four(&p))),
        ),
    ];
    let swapped = s.replace('-', "+").replace('_', "/");
    if swapped != s {
        bad.push(("`+` and `/` in the signature", format!("{h}.{p}.{swapped}")));
    }
    if s.len() % 4 != 0 {
        bad.push((
            "stray bits in the signature's last character",
            format!("{h}.{p}.{}", stray(&s)),
        ));
    }
    bad.into_iter()
        .map(|(comment, jws)| test(comment, jws, "invalid"))
        .collect()
}

/// The payload of the second good token has both characters.
fn plus(algorithm: &str) -> String {
    let input = format!("{}.{}", encode(header(algorithm)), encode("?>?>~~"));
    let swapped = input.replace('-', "+").replace('_', "/");
    assert_ne!(input, swapped);
    signed(algorithm, &swapped)
}

/// A payload whose length leaves bits over, with one of them set.
fn stray_payload(algorithm: &str) -> String {
    let payload = encode(r#"{"sub":"ada1","exp":1900000000}"#);
    assert_ne!(payload.len() % 4, 0);
    signed(
        algorithm,
        &format!("{}.{}", encode(header(algorithm)), stray(&payload)),
    )
}

/// The same octets with a bit set that stands for none.
fn stray(text: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (rest, last) = text.split_at(text.len() - 1);
    let value = DIGITS
        .iter()
        .position(|digit| last.as_bytes() == [*digit])
        .unwrap();
    format!("{rest}{}", DIGITS[value + 1] as char)
}

/// The longest start of whole groups of four characters.
fn four(text: &str) -> &str {
    &text[..text.len() / 4 * 4]
}

fn signatures(algorithm: &str) -> Vec<Value> {
    let good = good(algorithm);
    let [h, p, s] = parts(&good);
    let input = format!("{h}.{p}");
    let right = keys::signature(algorithm, input.as_bytes());
    let with = |octets: &[u8]| format!("{input}.{}", encode(octets));
    let flipped = |at: usize, bit: u8| {
        let mut octets = right.clone();
        octets[at] ^= bit;
        with(&octets)
    };
    let last = right.len() - 1;
    let [_, other, _] = parts(&token(algorithm, &header(algorithm), "other"));
    let bad = [
        ("no signature", format!("{input}.")),
        ("one octet for a signature", with(&[0])),
        ("`null` for a signature", format!("{input}.null")),
        ("a signature of zeros", with(&vec![0; right.len()])),
        ("a signature of ones", with(&vec![0xFF; right.len()])),
        ("the first bit flipped", flipped(0, 0x80)),
        ("a middle bit flipped", flipped(right.len() / 2, 0x10)),
        ("the last bit flipped", flipped(last, 1)),
        ("the last octet cut off", with(&right[..last])),
        ("the first octet cut off", with(&right[1..])),
        ("half of the signature", with(&right[..right.len() / 2])),
        (
            "an octet behind the signature",
            with(&[&right[..], &[0]].concat()),
        ),
        (
            "an octet before the signature",
            with(&[&[0], &right[..]].concat()),
        ),
        ("the signature twice", with(&[&right[..], &right].concat())),
        (
            "the signature of the other payload",
            format!("{h}.{other}.{s}"),
        ),
        (
            "the signature of the payload alone",
            format!(
                "{input}.{}",
                encode(keys::signature(algorithm, p.as_bytes()))
            ),
        ),
        (
            "the signature of the decoded text",
            format!(
                "{input}.{}",
                encode(keys::signature(algorithm, PAYLOAD.as_bytes()))
            ),
        ),
    ];
    bad.into_iter()
        .map(|(comment, jws)| test(comment, jws, "invalid"))
        .collect()
}

/// Other names of algorithms, unsigned, with what was the signature, and
/// rightly signed.
fn algorithms(algorithm: &str) -> Vec<Value> {
    let kid = kid(algorithm);
    let [_, p, s] = parts(&good(algorithm));
    let mut tests = Vec::new();
    let nones = [
        "none",
        "None",
        "NONE",
        "nOnE",
        "none ",
        " none",
        "none\0",
        "nоne",
        "ｎｏｎｅ",
        "",
    ];
    for none in nones {
        let header = json!({ "alg": none, "kid": &kid }).to_string();
        let input = format!("{}.{p}", encode(&header));
        let mut bad = |what: &str, jws: String| {
            tests.push(test(format!("`alg` {none:?}, {what}"), jws, "invalid"));
        };
        bad("no signature", format!("{input}."));
        bad("no signature and no dot", input.clone());
        bad("the good token's signature", format!("{input}.{s}"));
        bad("rightly signed", signed(algorithm, &input));
    }
    let lower = algorithm.to_lowercase();
    let spaced = format!("{algorithm} ");
    let others = [
        "HS256", "HS384", "HS512", "RS256", "RS512", "PS256", "ES256", "ES384", "EdDSA", "Ed448",
        "dir",
    ];
    for other in others.into_iter().chain([lower.as_str(), spaced.as_str()]) {
        if other != algorithm {
            let jws = token(
                algorithm,
                &json!({ "alg": other, "kid": &kid }).to_string(),
                PAYLOAD,
            );
            tests.push(test(
                format!("`alg` {other:?}, signed for {algorithm}"),
                jws,
                "invalid",
            ));
        }
    }
    for alg in [
        json!(null),
        json!([algorithm]),
        json!({ "alg": algorithm }),
        json!(1),
        json!(true),
    ] {
        let jws = token(
            algorithm,
            &json!({ "alg": &alg, "kid": &kid }).to_string(),
            PAYLOAD,
        );
        tests.push(test(format!("`alg` {alg}, rightly signed"), jws, "invalid"));
    }
    let texts = [
        ("no `alg`", format!(r#"{{"kid":"{kid}"}}"#)),
        ("`Alg`", format!(r#"{{"Alg":"{algorithm}","kid":"{kid}"}}"#)),
        (
            "`alg` twice, none first",
            format!(r#"{{"alg":"none","alg":"{algorithm}","kid":"{kid}"}}"#),
        ),
        (
            "`alg` twice, none last",
            format!(r#"{{"alg":"{algorithm}","alg":"none","kid":"{kid}"}}"#),
        ),
        (
            "`alg` twice, the second name escaped",
            format!(r#"{{"alg":"{algorithm}","\u0061lg":"none","kid":"{kid}"}}"#),
        ),
    ];
    tests.extend(texts.map(|(comment, text)| {
        test(
            format!("{comment}, rightly signed"),
            token(algorithm, &text, PAYLOAD),
            "invalid",
        )
    }));
    tests
}

/// Headers that say more, all rightly signed but where it is said.
fn headers(algorithm: &str) -> Vec<Value> {
    let kid = kid(algorithm);
    let with = |members: Value| {
        let mut header = json!({ "alg": algorithm, "kid": &kid });
        for (name, value) in members.as_object().unwrap() {
            header[name] = value.clone();
        }
        token(algorithm, &header.to_string(), PAYLOAD)
    };
    let plain = |text: &str| token(algorithm, text, PAYLOAD);
    let detached = {
        let text =
            json!({ "alg": algorithm, "kid": &kid, "b64": false, "crit": ["b64"] }).to_string();
        let input = format!("{}.ada", encode(&text));
        signed(algorithm, &input)
    };
    let embedded = |member: &str, value: Value| {
        let header = json!({ "alg": "ES256", "kid": &kid, member: value }).to_string();
        let input = format!("{}.{}", encode(header), encode(PAYLOAD));
        format!("{input}.{}", encode(keys::stranger(&input)))
    };
    let bad = [
        (
            "`crit` with an unknown name",
            with(json!({ "crit": ["x"], "x": 1 })),
        ),
        ("`crit` with an absent name", with(json!({ "crit": ["x"] }))),
        ("an empty `crit`", with(json!({ "crit": [] }))),
        ("`crit` with `alg`", with(json!({ "crit": ["alg"] }))),
        ("`crit` as a text", with(json!({ "crit": "x", "x": 1 }))),
        ("`crit` null", with(json!({ "crit": null }))),
        ("`crit` with a number", with(json!({ "crit": [1] }))),
        (
            "`crit` with a name twice",
            with(json!({ "crit": ["x", "x"], "x": 1 })),
        ),
        (
            "`b64` false and not critical",
            with(json!({ "b64": false })),
        ),
        ("`b64` false (RFC 7797)", detached),
        (
            "a stranger's key in `jwk`",
            embedded("jwk", keys::stranger_jwk()),
        ),
        (
            "a stranger's key in `jku`, as data",
            embedded(
                "jku",
                json!(format!(
                    "data:application/json,{}",
                    json!({ "keys": [keys::stranger_jwk()] })
                )),
            ),
        ),
        ("no `kid` and `jwk` of a stranger", {
            let header = json!({ "alg": "ES256", "jwk": keys::stranger_jwk() }).to_string();
            let input = format!("{}.{}", encode(header), encode(PAYLOAD));
            format!("{input}.{}", encode(keys::stranger(&input)))
        }),
        (
            "a compressed payload is said",
            with(json!({ "zip": "DEF" })),
        ),
        ("`enc` is said", with(json!({ "enc": "A256GCM" }))),
        (
            "a header that is an array",
            plain(&json!([algorithm, &kid]).to_string()),
        ),
        (
            "a header that is a text",
            plain(&json!(algorithm).to_string()),
        ),
        ("a header that is null", plain("null")),
        ("a header that is no JSON", plain("alg")),
        (
            "a header with a comma too many",
            plain(&format!(r#"{{"alg":"{algorithm}","kid":"{kid}",}}"#)),
        ),
        ("two headers", plain(&header(algorithm).repeat(2))),
        (
            "a header cut short",
            plain(header(algorithm).trim_end_matches('}')),
        ),
        (
            "`kid` twice",
            plain(&format!(
                r#"{{"alg":"{algorithm}","kid":"x","kid":"{kid}"}}"#
            )),
        ),
        (
            "`kid` of nobody",
            plain(&json!({ "alg": algorithm, "kid": "key-of-nobody" }).to_string()),
        ),
        (
            "`kid` as an array",
            plain(&json!({ "alg": algorithm, "kid": [&kid] }).to_string()),
        ),
        (
            "`kid` as an object",
            plain(&json!({ "alg": algorithm, "kid": { "$ne": "" } }).to_string()),
        ),
        (
            "`kid` as SQL",
            plain(&json!({ "alg": algorithm, "kid": "x' OR '1'='1" }).to_string()),
        ),
        (
            "`kid` with a NUL",
            plain(&json!({ "alg": algorithm, "kid": format!("{kid}\0") }).to_string()),
        ),
        (
            "`kid` of 64 KiB",
            plain(&json!({ "alg": algorithm, "kid": "k".repeat(65_536) }).to_string()),
        ),
    ];
    let mut tests: Vec<Value> = bad
        .into_iter()
        .map(|(comment, jws)| test(comment, jws, "invalid"))
        .collect();
    // A verifier may ignore a link (RFC 7515 4.1.2); that it does not follow
    // it is another check's matter.
    for link in ["jku", "x5u"] {
        let jws = with(json!({ link: "https://127.0.0.1:1/keys" }));
        tests.push(test(
            format!("rightly signed, with `{link}`"),
            jws,
            "acceptable",
        ));
    }
    tests
}

/// MACs whose secret is public, and other kinds of token.
fn confusion(algorithm: &str) -> Vec<Value> {
    let mut tests = Vec::new();
    if algorithm != "HS256" {
        let header = json!({ "alg": "HS256", "kid": kid(algorithm) }).to_string();
        let input = format!("{}.{}", encode(header), encode(PAYLOAD));
        for (form, secret) in shape::disguises(algorithm) {
            let jws = format!("{input}.{}", encode(keys::mac(&secret, input.as_bytes())));
            tests.push(test(
                format!("HS256, and the secret is {form}"),
                jws,
                "invalid",
            ));
        }
    }
    for path in ["../../../../dev/null", "/dev/null", "file:///dev/null"] {
        let header = json!({ "alg": "HS256", "kid": path }).to_string();
        let input = format!("{}.{}", encode(header), encode(PAYLOAD));
        for (what, secret) in [("empty", &b""[..]), ("one zero", &[0])] {
            let jws = format!("{input}.{}", encode(keys::mac(secret, input.as_bytes())));
            tests.push(test(
                format!("`kid` {path}, and the secret is {what}"),
                jws,
                "invalid",
            ));
        }
    }
    let jwe = json!({ "alg": "dir", "enc": "A256GCM", "kid": kid(algorithm), "cty": "JWT" });
    let unsigned = format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(PAYLOAD));
    let jws = format!(
        "{}..{}.{}.{}",
        encode(jwe.to_string()),
        encode([0; 12]),
        encode(&unsigned),
        encode([0; 16])
    );
    tests.push(test("a JWE around an unsigned token", jws, "invalid"));
    tests.push(test("an unsigned token", unsigned, "invalid"));
    tests
}
