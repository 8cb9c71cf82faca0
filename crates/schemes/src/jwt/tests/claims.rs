//! Claims: what is missing, of the wrong type, or somebody else's.

use super::*;

fn verdict_of(claims: &Value) -> Result<(), Refusal> {
    let known = known(Algorithm::Hs256);
    known.verdict(&known.forge(claims))
}

/// The good claims with the raw JSON `value` for `claim`: some values (1e400)
/// are no `Value`.
fn with_raw(claim: &str, value: &str) -> Result<(), Refusal> {
    let known = known(Algorithm::Hs256);
    let mut claims = good_claims();
    claims[claim] = "\u{1}".into();
    let text = claims.to_string().replace("\"\\u0001\"", value);
    known.verdict(&known.sign(known.header(), &compact::encode(text.as_bytes())))
}

#[test]
fn the_good_claims_are_good() {
    for algorithm in Algorithm::ALL {
        let known = known(algorithm);
        assert_eq!(known.verdict(&known.forge(&good_claims())), Ok(()));
    }
}

/// RFC 9068 2.2, ASVS 5.0 9.2.1.
#[test]
fn a_missing_claim_is_refused() {
    for claim in ["iss", "sub", "aud", "exp", "iat", "jti"] {
        let mut claims = good_claims();
        claims.as_object_mut().unwrap().shift_remove(claim);
        assert_eq!(verdict_of(&claims), Err(Refusal::BadClaims), "{claim}");
    }
    let mut claims = good_claims();
    claims.as_object_mut().unwrap().shift_remove("roles");
    let known = known(Algorithm::Hs256);
    let proved = known
        .strategy
        .format()
        .verify(&known.forge(&claims), AT)
        .unwrap();
    assert!(proved.identity.roles.is_empty(), "no roles is no rights");
}

/// CVE-2026-25537, CWE-843.
#[test]
fn a_time_of_the_wrong_type_is_refused() {
    const WRONG: &str = r#""1900000000" 1900000000.5 1900000000.0 1.9e9 -1 -0 1e400 -1e400
        99999999999999999999 18446744073709551615 null [] [1900000000] {} true false """#;
    for claim in ["exp", "iat", "nbf"] {
        for value in WRONG.split_whitespace() {
            assert_eq!(
                with_raw(claim, value),
                Err(Refusal::BadClaims),
                "{claim}: {value}"
            );
        }
    }
}

/// CWE-843.
#[test]
fn a_name_of_the_wrong_type_is_refused() {
    let list = |claim: &str, values: &[&str]| {
        for value in values {
            assert_eq!(
                with_raw(claim, value),
                Err(Refusal::BadClaims),
                "{claim}: {value}"
            );
        }
    };
    for claim in ["iss", "sub", "jti"] {
        list(
            claim,
            &["1", "null", "[]", "{}", "true", "1.5", r#"["u-1"]"#],
        );
    }
    list("iss", &[&format!("[{ISSUER:?}]")]);
    list(
        "aud",
        &[
            "1",
            "null",
            "{}",
            "true",
            "[1]",
            &format!("[{AUDIENCE:?},null]"),
            "[[]]",
        ],
    );
    list(
        "roles",
        &[
            r#""admin""#,
            "null",
            "{}",
            "1",
            "true",
            "[1]",
            "[null]",
            r#"[["admin"]]"#,
        ],
    );
    let stray_bits = r#""AAECAwQFBgcICQoLDA0ODx""#;
    list(
        "jti",
        &[
            r#""""#,
            r#""x""#,
            stray_bits,
            r#""AAECAwQFBgcICQoLDA0ODw==""#,
        ],
    );
}

/// RFC 7519 4.1.1, 4.1.3; RFC 8725 3.8, 3.9.
#[test]
fn somebody_elses_token_is_refused() {
    let near = |name: &str| {
        [
            String::new(),
            name[..name.len() - 1].to_owned(),
            format!("{name}/"),
            format!("{name} "),
            format!(" {name}"),
            name.to_uppercase(),
            format!("{name},other"),
            format!("{name}\0"),
        ]
    };
    for other in near(ISSUER) {
        let mut claims = good_claims();
        claims["iss"] = other.clone().into();
        assert_eq!(verdict_of(&claims), Err(Refusal::WrongIssuer), "{other:?}");
    }
    for other in near(AUDIENCE) {
        let mut claims = good_claims();
        claims["aud"] = other.clone().into();
        assert_eq!(
            verdict_of(&claims),
            Err(Refusal::WrongAudience),
            "{other:?}"
        );
        claims["aud"] = json!([other, "x"]);
        assert_eq!(
            verdict_of(&claims),
            Err(Refusal::WrongAudience),
            "[{other:?}]"
        );
        claims["aud"] = json!([other, AUDIENCE]);
        assert_eq!(verdict_of(&claims), Ok(()));
    }
    let mut claims = good_claims();
    claims["aud"] = json!([]);
    assert_eq!(verdict_of(&claims), Err(Refusal::WrongAudience));
}

/// RFC 7519 4.1.5, with the declared tolerance to the millisecond.
#[test]
fn the_future_is_refused() {
    let known = known(Algorithm::Hs256);
    for claim in ["iat", "nbf"] {
        let mut claims = good_claims();
        let begin_s = AT.whole_secs() + 10;
        claims[claim] = begin_s.into();
        let token = known.forge(&claims);
        let first = UnixMs(begin_s * 1000 - known.strategy.format().settings().skew_ms);
        assert!(known.strategy.format().verify(&token, first).is_ok());
        let before = known.strategy.format().verify(&token, UnixMs(first.0 - 1));
        assert_eq!(before, Err(Refusal::NotYetValid));
    }
}

/// RFC 7519 4, JSON: a name counts once, however it is spelt.
#[test]
fn duplicate_members_are_refused() {
    let known = known(Algorithm::Hs256);
    let text = good_claims().to_string();
    for (name, value) in [
        ("exp", "1900000000"),
        ("\\u0065xp", "1900000000"),
        ("sub", "\"u-2\""),
        ("aud", "\"x\""),
        ("iss", "\"x\""),
        ("iat", "1"),
        ("jti", "\"AAECAwQFBgcICQoLDA0ODw\""),
        ("roles", "[\"admin\"]"),
    ] {
        for twice in [
            format!("{{\"{name}\":{value},{}", &text[1..]),
            format!("{},\"{name}\":{value}}}", &text[..text.len() - 1]),
        ] {
            let token = known.sign(known.header(), &compact::encode(twice.as_bytes()));
            assert_eq!(known.verdict(&token), Err(Refusal::BadClaims), "{twice}");
        }
    }
}

#[test]
fn a_payload_that_is_no_object_is_refused() {
    let known = known(Algorithm::Hs256);
    let whole = good_claims().to_string();
    let nested = format!("[{whole}]");
    let values: Vec<Value> = good_claims()
        .as_object()
        .unwrap()
        .values()
        .cloned()
        .collect();
    let array = Value::Array(values).to_string();
    let deep = format!("{{\"x\":{}", "[".repeat(4_000));
    for text in [
        "",
        "null",
        "\"\"",
        "{}",
        &nested,
        &array,
        &deep,
        &format!("{whole} {whole}"),
    ] {
        let token = known.sign(known.header(), &compact::encode(text.as_bytes()));
        assert_eq!(known.verdict(&token), Err(Refusal::BadClaims), "{text:.80}");
    }
    let mut claims = good_claims();
    claims["other"] = json!({"exp": 1, "deep": [[[null]]], "e\u{301}": "\u{1F600}\\"});
    assert_eq!(verdict_of(&claims), Ok(()), "unknown claims are ignored");
}
