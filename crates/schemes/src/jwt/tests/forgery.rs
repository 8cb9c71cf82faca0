//! Forgeries: headers that talk the verifier into something, and signatures
//! made with what everybody knows.

use aws_lc_rs::hmac;

use super::super::TOKEN_TYPE;
use super::*;

/// The segment of this header text.
fn segment(header: &str) -> String {
    compact::encode(header.as_bytes())
}

/// ASVS 5.0 9.1.2, RFC 8725 3.2, CVE-2015-2951.
#[test]
fn no_algorithm_is_no_signature() {
    let spellings = [
        "\"none\"",
        "\"None\"",
        "\"NONE\"",
        "\"nOnE\"",
        "\"none \"",
        "\" none\"",
        "\"none\\u0000\"",
        "\"n\\u006fne\"",
        "\"n\u{43e}ne\"",
        "\"\u{ff4e}one\"",
        "\"\"",
        "null",
        "false",
        "0",
        "[]",
        "[\"none\"]",
        "{}",
    ];
    for algorithm in Algorithm::ALL {
        let known = known(algorithm);
        let credentials = known.issue();
        let [header, payload, leftover] = segments(credentials.access.expose());
        let kid = &known.kid;
        let mut headers = vec![header.to_owned(), segment("{}"), String::new()];
        for alg in spellings {
            headers.push(segment(&format!("{{\"alg\":{alg}}}")));
            headers.push(segment(&format!(
                "{{\"typ\":\"at+jwt\",\"alg\":{alg},\"kid\":\"{kid}\"}}"
            )));
        }
        for header in headers {
            for token in [
                format!("{header}.{payload}."),
                format!("{header}.{payload}"),
                format!("{header}.{payload}.{}", segment("null")),
                format!("{header}.{payload}.{}", "A".repeat(leftover.len())),
            ] {
                assert!(known.verdict(&token).is_err(), "{algorithm}: {token}");
            }
            let with_leftover = format!("{header}.{payload}.{leftover}");
            let own = header == known.header();
            assert_eq!(
                known.verdict(&with_leftover).is_ok(),
                own,
                "{algorithm}: {header}"
            );
        }
    }
}

/// RFC 8725 2.1, 3.1; CVE-2015-9235: a public key is no secret. The forger
/// tries every form in which servers publish one, under every header.
#[test]
fn a_public_key_is_no_secret() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        let known = known(algorithm);
        let pem = pem_text("PUBLIC KEY", &known.spki);
        let crlf = pem.replace("\r\n", "\n").replace('\n', "\r\n");
        let jwks = known.jwks();
        let jwk = &jwks["keys"][0];
        let mut secrets: Vec<Vec<u8>> = vec![
            known.spki.clone(),
            known.raw.clone(),
            pem_text("RSA PUBLIC KEY", &known.raw).into_bytes(),
            crlf.trim_end().as_bytes().to_vec(),
            crlf.clone().into_bytes(),
            crlf.replace('\r', "").into_bytes(),
            crlf.replace('\r', "").trim_end().as_bytes().to_vec(),
            format!("\n{crlf}").into_bytes(),
            format!(" {crlf}").into_bytes(),
            jwk.to_string().into_bytes(),
            jwks.to_string().into_bytes(),
            Vec::new(),
            vec![0],
        ];
        for member in ["n", "x", "y", "kid"] {
            if let Some(text) = jwk[member].as_str() {
                secrets.push(text.as_bytes().to_vec());
                secrets.push(compact::decode(text).unwrap());
            }
        }
        let kid = &known.kid;
        let headers = [
            known.header().to_owned(),
            segment(&format!(
                "{{\"typ\":\"at+jwt\",\"alg\":\"HS256\",\"kid\":\"{kid}\"}}"
            )),
            segment("{\"typ\":\"JWT\",\"alg\":\"HS256\"}"),
        ];
        let payload = compact::encode(good_claims().to_string().as_bytes());
        for secret in &secrets {
            for header in &headers {
                let message = format!("{header}.{payload}");
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                let tag = compact::encode(hmac::sign(&key, message.as_bytes()).as_ref());
                assert!(
                    known.verdict(&format!("{message}.{tag}")).is_err(),
                    "{algorithm}"
                );
            }
        }
    }
}

/// Signs good claims with the right key under each header: all are refused.
fn refuses_headers(known: &Known, headers: impl IntoIterator<Item = String>) {
    let payload = compact::encode(good_claims().to_string().as_bytes());
    for header in headers {
        let token = known.sign(&segment(&header), &payload);
        assert_eq!(
            known.verdict(&token),
            Err(Refusal::WrongKind),
            "{header:.300}"
        );
    }
}

/// RFC 7515 4.1.2 to 4.1.11, RFC 7797, RFC 8725 3.10, ASVS 5.0 9.1.3.
#[test]
fn carried_keys_and_extensions_are_refused_though_signed() {
    for algorithm in Algorithm::ALL {
        let known = known(algorithm);
        let kid = &known.kid;
        let jwks = known.jwks();
        let jwk = jwks["keys"]
            .get(0)
            .cloned()
            .unwrap_or_else(|| json!({"kty": "oct", "k": "AA"}));
        let own = format!(r#"{{"typ":"at+jwt","alg":"{algorithm}","kid":"{kid}""#);
        assert_eq!(segment(&format!("{own}}}")), known.header());
        let members = [
            format!(r#""jwk":{jwk}"#),
            r#""x5c":["MIIB"]"#.to_owned(),
            r#""jku":"https://forger.example/jwks.json""#.to_owned(),
            r#""x5u":"https://forger.example/cert.pem""#.to_owned(),
            r#""crit":[]"#.to_owned(),
            r#""crit":["exp"]"#.to_owned(),
            r#""crit":["b64"],"b64":false"#.to_owned(),
            r#""b64":false"#.to_owned(),
            r#""zip":"DEF""#.to_owned(),
            r#""cty":"JWT""#.to_owned(),
            format!(r#""kid":"{kid}""#),
            r#""alg":"none""#.to_owned(),
        ];
        refuses_headers(known, members.map(|member| format!("{own},{member}}}")));
        let spaced = [
            format!("{own}}} "),
            format!(" {own}}}"),
            own.clone(),
            "{}".to_owned(),
        ];
        refuses_headers(known, spaced);
        let payload = compact::encode(good_claims().to_string().as_bytes());
        for header in [known.header().to_uppercase(), known.header().to_lowercase()] {
            assert_eq!(
                known.verdict(&known.sign(&header, &payload)),
                Err(Refusal::WrongKind)
            );
        }
    }
}

/// RFC 8725 3.1, 3.10, 3.11.
#[test]
fn another_algorithm_kind_or_name_is_refused_though_signed() {
    const ALGORITHMS: [&str; 10] = [
        "HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
    ];
    const KINDS: [&str; 7] = [
        "JWT",
        "jwt",
        "AT+JWT",
        "application/at+jwt",
        "rt+jwt",
        "logout+jwt",
        "",
    ];
    for algorithm in Algorithm::ALL {
        let known = known(algorithm);
        let kid = &known.kid;
        let alg = algorithm.label();
        let header = |typ: &str, alg: &str, kid: &str| {
            format!(r#"{{"typ":"{typ}","alg":"{alg}","kid":"{kid}"}}"#)
        };
        assert_eq!(segment(&header(TOKEN_TYPE, alg, kid)), known.header());
        let others = ALGORITHMS.into_iter().filter(|&other| other != alg);
        refuses_headers(known, others.map(|other| header(TOKEN_TYPE, other, kid)));
        refuses_headers(known, KINDS.map(|kind| header(kind, alg, kid)));
        let long = "k".repeat(6_000);
        let names = [
            "",
            "0",
            "../../../../dev/null",
            "' OR 1=1 --",
            "\\u0000",
            &long,
        ];
        refuses_headers(known, names.map(|name| header(TOKEN_TYPE, alg, name)));
        let reordered = format!(r#"{{"alg":"{alg}","typ":"{TOKEN_TYPE}","kid":"{kid}"}}"#);
        refuses_headers(known, [reordered, format!(r#"{{"alg":"{alg}"}}"#)]);
    }
}

/// RFC 7518 3.4, CVE-2022-21449.
#[test]
fn degenerate_ecdsa_signatures_are_refused() {
    let known = known(Algorithm::Es256);
    let credentials = known.issue();
    let [header, payload, signature] = segments(credentials.access.expose());
    let good = compact::decode(signature).unwrap();
    let order = [
        [0xff; 4],
        [0x00; 4],
        [0xff; 4],
        [0xff; 4],
        [0xbc, 0xe6, 0xfa, 0xad],
        [0xa7, 0x17, 0x9e, 0x84],
        [0xf3, 0xb9, 0xca, 0xc2],
        [0xfc, 0x63, 0x25, 0x51],
    ]
    .concat();
    let zero = vec![0; 32];
    let one = [vec![0; 31], vec![1]].concat();
    let (r, s) = good.split_at(32);
    let der = [&[0x30, 0x44, 0x02, 0x20][..], r, &[0x02, 0x20], s].concat();
    let forged = [
        [&zero[..], &zero].concat(),
        [&zero[..], &one].concat(),
        [&one[..], &zero].concat(),
        [&order[..], &order].concat(),
        [&order[..], s].concat(),
        [r, &order[..]].concat(),
        [r, &[0xff; 32]].concat(),
        [r, &zero[..]].concat(),
        [s, r].concat(),
        good[..63].to_vec(),
        [&good[..], &[0]].concat(),
        [&[0], &good[..]].concat(),
        der,
        Vec::new(),
    ];
    for signature in forged {
        let token = format!("{header}.{payload}.{}", compact::encode(&signature));
        assert_eq!(
            known.verdict(&token),
            Err(Refusal::BadSignature),
            "{signature:02x?}"
        );
    }
}

/// Segments of two good tokens do not make a third.
#[test]
fn tokens_cannot_be_spliced() {
    for algorithm in Algorithm::ALL {
        let known = known(algorithm);
        let (one, two) = (known.issue(), known.issue());
        let [header, payload, signature] = segments(one.access.expose());
        let [_, other_payload, other_signature] = segments(two.access.expose());
        for token in [
            format!("{header}.{other_payload}.{signature}"),
            format!("{header}.{payload}.{other_signature}"),
        ] {
            assert_eq!(
                known.verdict(&token),
                Err(Refusal::BadSignature),
                "{algorithm}"
            );
        }
    }
}
