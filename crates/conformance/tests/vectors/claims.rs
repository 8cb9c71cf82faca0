//! Rightly signed tokens whose claims are wrong, wrongly typed or doubled.

use serde_json::{Value, json};

use crate::keys::{self, header, jwk, token};
use crate::test;

const NOW_S: u64 = 1_800_000_000;
const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "https://api.example";

pub(crate) fn groups() -> Vec<Value> {
    let mut tests = good();
    tests.extend(times());
    tests.extend(names());
    tests.extend(payloads());
    let comment = "claims, rightly signed".to_owned();
    let mut group = keys::group("JsonWebToken", comment, &jwk("HS256"), tests);
    group["issuer"] = ISSUER.into();
    group["audience"] = AUDIENCE.into();
    group["now_s"] = NOW_S.into();
    vec![group]
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "ada", "aud": AUDIENCE, "exp": NOW_S + 600, "iat": NOW_S - 60,
        "jti": "AAECAwQFBgcICQoLDA0ODw", "roles": ["user"],
    })
}

fn of(text: &str) -> String {
    token("HS256", &header("HS256"), text)
}

fn with(name: &str, value: Value) -> String {
    let mut claims = claims();
    claims[name] = value;
    of(&claims.to_string())
}

fn without(name: &str) -> String {
    let mut claims = claims();
    claims.as_object_mut().unwrap().shift_remove(name);
    of(&claims.to_string())
}

/// The claims' text with a piece written by hand.
fn hand(name: &str, value: &str) -> String {
    let mut text = claims();
    text[name] = "HERE".into();
    of(&text.to_string().replace("\"HERE\"", value))
}

fn good() -> Vec<Value> {
    vec![
        test("good", of(&claims().to_string()), "valid"),
        test("good, with `nbf`", with("nbf", json!(NOW_S - 5)), "valid"),
        test(
            "good, `aud` a list with us",
            with("aud", json!(["https://b.example", AUDIENCE])),
            "valid",
        ),
        test(
            "good, with a claim of nobody",
            with("x", json!({ "exp": 1 })),
            "valid",
        ),
        test(
            "good, indented",
            of(&serde_json::to_string_pretty(&claims()).unwrap()),
            "valid",
        ),
    ]
}

fn times() -> Vec<Value> {
    let year = 31_536_000;
    let mut tests = vec![
        test("expired", with("exp", json!(NOW_S - 600)), "invalid"),
        test(
            "expired this second",
            with("exp", json!(NOW_S)),
            "acceptable",
        ),
        test("no `exp`", without("exp"), "invalid"),
        test(
            "not yet, by `nbf`",
            with("nbf", json!(NOW_S + year)),
            "invalid",
        ),
        test(
            "`iat` in a year",
            with("iat", json!(NOW_S + year)),
            "acceptable",
        ),
        test(
            "`exp` with a fraction",
            with("exp", json!(1_800_000_600.5)),
            "acceptable",
        ),
        test(
            "`exp` as 1.8000006e9",
            hand("exp", "1.8000006e9"),
            "acceptable",
        ),
        test(
            "`exp` twice, the last one over",
            hand("exp", &format!("{},\"exp\":1", NOW_S + 600)),
            "invalid",
        ),
        test(
            "`exp` twice, the first one over",
            hand("exp", &format!("1,\"exp\":{}", NOW_S + 600)),
            "acceptable",
        ),
        test(
            "`exp` twice, once escaped, the last one over",
            hand("exp", &format!("{},\"\\u0065xp\":1", NOW_S + 600)),
            "invalid",
        ),
    ];
    for name in ["exp", "nbf", "iat"] {
        let far = format!("{}", NOW_S + 600);
        for value in [
            json!(far),
            json!(""),
            json!("99999999999"),
            json!(null),
            json!([NOW_S + 600]),
            json!({ "exp": NOW_S + 600 }),
            json!(true),
            json!(false),
            json!([]),
            json!({}),
            json!("2099-01-01T00:00:00Z"),
        ] {
            tests.push(test(
                format!("`{name}` {value}"),
                with(name, value),
                "invalid",
            ));
        }
        for text in [
            "1e400",
            "-1e400",
            "NaN",
            "Infinity",
            "0x7fffffff",
            "+1",
            "01",
        ] {
            tests.push(test(
                format!("`{name}` {text}"),
                hand(name, text),
                "invalid",
            ));
        }
    }
    for text in ["-1", "0", "-9223372036854775808"] {
        tests.push(test(format!("`exp` {text}"), hand("exp", text), "invalid"));
    }
    for text in ["18446744073709551615", "1e300", "99999999999999999999999"] {
        tests.push(test(format!("`nbf` {text}"), hand("nbf", text), "invalid"));
    }
    tests
}

fn names() -> Vec<Value> {
    let aud = |value: Value| with("aud", value);
    let iss = |value: Value| with("iss", value);
    let bad = [
        ("no `aud`", without("aud")),
        ("`aud` of another", aud(json!("https://b.example"))),
        ("`aud` a prefix of ours", aud(json!("https://api"))),
        (
            "`aud` beginning with ours",
            aud(json!(format!("{AUDIENCE}.evil.example"))),
        ),
        (
            "`aud` ours with a slash",
            aud(json!(format!("{AUDIENCE}/"))),
        ),
        ("`aud` in capitals", aud(json!(AUDIENCE.to_uppercase()))),
        ("`aud` with a space", aud(json!(format!("{AUDIENCE} ")))),
        ("`aud` empty", aud(json!(""))),
        ("`aud` an empty list", aud(json!([]))),
        (
            "`aud` a list of others",
            aud(json!(["https://b.example", "https://c.example"])),
        ),
        ("`aud` a list in a list", aud(json!([[AUDIENCE]]))),
        (
            "`aud` a list with ours and a number",
            aud(json!([AUDIENCE, 1])),
        ),
        ("`aud` an object", aud(json!({ "0": AUDIENCE }))),
        ("`aud` null", aud(json!(null))),
        ("`aud` true", aud(json!(true))),
        (
            "`aud` all in one text",
            aud(json!(format!("https://b.example {AUDIENCE}"))),
        ),
        ("no `iss`", without("iss")),
        ("`iss` of another", iss(json!("https://evil.example"))),
        (
            "`iss` beginning with ours",
            iss(json!(format!("{ISSUER}.evil.example"))),
        ),
        ("`iss` ours with a slash", iss(json!(format!("{ISSUER}/")))),
        ("`iss` in capitals", iss(json!(ISSUER.to_uppercase()))),
        ("`iss` a list with ours", iss(json!([ISSUER]))),
        ("`iss` null", iss(json!(null))),
        (
            "`iss` twice, the last one of another",
            hand(
                "iss",
                &format!("\"{ISSUER}\",\"iss\":\"https://evil.example\""),
            ),
        ),
        ("`sub` a number", with("sub", json!(1))),
        ("`sub` null", with("sub", json!(null))),
        ("`sub` a list", with("sub", json!(["ada"]))),
    ];
    bad.into_iter()
        .map(|(comment, jws)| test(comment, jws, "invalid"))
        .collect()
}

fn payloads() -> Vec<Value> {
    let text = claims().to_string();
    let values: Vec<Value> = claims().as_object().unwrap().values().cloned().collect();
    let raw = |octets: &[u8]| {
        let input = format!("{}.{}", keys::encode(header("HS256")), keys::encode(octets));
        keys::signed("HS256", &input)
    };
    let bad = [
        ("an empty payload", of("")),
        ("null", of("null")),
        ("a number", of("1800000600")),
        ("a text", of(&json!(text).to_string())),
        ("a list of the claims", of(&json!([claims()]).to_string())),
        (
            "a list of the claims' values",
            of(&json!(values).to_string()),
        ),
        ("an empty object", of("{}")),
        ("the claims twice", of(&text.repeat(2))),
        ("text behind the claims", of(&format!("{text}x"))),
        ("cut short", of(text.trim_end_matches('}'))),
        ("behind a BOM", of(&format!("\u{feff}{text}"))),
        ("in quotes of one stroke", of(&text.replace('"', "'"))),
        ("a comma too many", of(&text.replace('}', ",}"))),
        ("a comment", of(&text.replace('{', "{/**/"))),
        (
            "not UTF-8",
            raw(&[text.replace("ada", "").as_bytes(), &[0xFF, 0xFE]].concat()),
        ),
        ("octets that are no UTF-8 in `sub`", raw(&latin(&text))),
        (
            "nested a thousand times",
            of(&format!("{}{}", "[".repeat(1000), "]".repeat(1000))),
        ),
        (
            "half of a surrogate pair in `sub`",
            hand("sub", "\"\\ud800\""),
        ),
    ];
    bad.into_iter()
        .map(|(comment, jws)| test(comment, jws, "invalid"))
        .collect()
}

/// The text with a letter of ISO 8859-1 in it.
fn latin(text: &str) -> Vec<u8> {
    let mut octets = text.as_bytes().to_vec();
    let at = text.find("ada").unwrap();
    octets[at] = 0xE4;
    octets
}
