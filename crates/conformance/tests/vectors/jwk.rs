//! Doubtful keys with tokens that they would check.

use serde_json::{Value, json};

use crate::keys::{self, decode, encode, header, jwk, token};
use crate::{shape, test};

pub(crate) fn groups() -> Vec<Value> {
    let mut groups = Vec::new();
    let mut add = |comment: &str, key: Value, jws: &str, result: &str| {
        // A name of an algorithm stands for a token that its good key signed.
        let made = keys::ALGORITHMS
            .contains(&jws)
            .then(|| token(jws, &header(jws), "foo"));
        let jws = made.unwrap_or_else(|| jws.to_owned());
        let tests = vec![test(comment, jws, result)];
        groups.push(keys::group("JsonWebKey", comment.to_owned(), &key, tests));
    };
    for algorithm in keys::ALGORITHMS {
        add(
            &format!("good, {algorithm}"),
            jwk(algorithm),
            algorithm,
            "valid",
        );
        add(
            &format!("good, a set of one, {algorithm}"),
            json!({ "keys": [jwk(algorithm)] }),
            algorithm,
            "valid",
        );
        let with = |name: &str, value: Value| {
            let mut key = jwk(algorithm);
            key[name] = value;
            key
        };
        add(
            "for encryption",
            with("use", json!("enc")),
            algorithm,
            "invalid",
        );
        add(
            "`key_ops` without verify",
            with("key_ops", json!(["encrypt"])),
            algorithm,
            "invalid",
        );
        add(
            "`alg` none",
            with("alg", json!("none")),
            algorithm,
            "invalid",
        );
        add(
            "`alg` of nobody",
            with("alg", json!("ES521")),
            algorithm,
            "invalid",
        );
        add(
            "`alg` as a number",
            with("alg", json!(256)),
            algorithm,
            "invalid",
        );
        let other = if algorithm == "ES256" {
            "RS256"
        } else {
            "ES256"
        };
        add(
            "`alg` of another kind of key",
            with("alg", json!(other)),
            algorithm,
            "invalid",
        );
        add(
            "`kty` of another kind of key",
            with("kty", jwk(other)["kty"].clone()),
            algorithm,
            "invalid",
        );
        add("no `kty`", with("kty", Value::Null), algorithm, "invalid");
        let twice = json!({ "keys": [jwk(algorithm), jwk(algorithm)] });
        add("a name twice in a set", twice, algorithm, "invalid");
        for (member, value) in jwk(algorithm).as_object().unwrap() {
            if ["k", "n", "x", "y"].contains(&member.as_str()) {
                let text = value.as_str().unwrap();
                add(
                    &format!("`{member}` padded"),
                    with(member, json!(format!("{text}="))),
                    algorithm,
                    "invalid",
                );
                add(
                    &format!("`{member}` empty"),
                    with(member, json!("")),
                    algorithm,
                    "invalid",
                );
                add(
                    &format!("`{member}` with a space"),
                    with(member, json!(format!(" {text}"))),
                    algorithm,
                    "invalid",
                );
                add(
                    &format!("`{member}` a number"),
                    with(member, json!(7)),
                    algorithm,
                    "invalid",
                );
            }
        }
    }
    let mixed = json!({ "keys": [jwk("HS256"), jwk("ES256")] });
    add("a secret beside a public key", mixed, "HS256", "invalid");
    add("a set of none", json!({ "keys": [] }), "HS256", "invalid");
    secrets(&mut add);
    curves(&mut add);
    numbers(&mut add);
    groups
}

type Add<'a> = dyn FnMut(&str, Value, &str, &str) + 'a;

/// Secrets that are too short or none at all, each with a token of its own.
fn secrets(add: &mut Add<'_>) {
    for octets in [0, 1, 16, 31] {
        let secret = vec![7; octets];
        add(
            &format!("a secret of {octets} octets"),
            secret_key(&secret),
            &maced(&secret),
            "invalid",
        );
    }
    for (form, secret) in shape::disguises("RS256") {
        if form.contains("PEM") || form.contains("DER") || form.contains("JWK") {
            add(
                &format!("a secret that is {form} of a public key"),
                secret_key(&secret),
                &maced(&secret),
                "invalid",
            );
        }
    }
    let mut both = jwk("HS256");
    both["n"] = keys::RSA_N.into();
    add("a secret with a modulus", both, "HS256", "invalid");
}

/// A token of this secret.
fn maced(secret: &[u8]) -> String {
    let input = format!("{}.{}", encode(header("HS256")), encode("foo"));
    format!("{input}.{}", encode(keys::mac(secret, input.as_bytes())))
}

fn secret_key(secret: &[u8]) -> Value {
    let mut key = jwk("HS256");
    key["k"] = encode(secret).into();
    key
}

fn curves(add: &mut Add<'_>) {
    let with = |algorithm: &str, name: &str, value: Value| {
        let mut key = jwk(algorithm);
        key[name] = value;
        key
    };
    let point = keys::p256_point();
    let mut off = point.clone();
    off[64] ^= 1;
    add(
        "a point off the curve",
        with("ES256", "y", json!(encode(&off[33..]))),
        "ES256",
        "invalid",
    );
    add(
        "a point at zero",
        {
            let mut key = with("ES256", "x", json!(encode([0; 32])));
            key["y"] = encode([0; 32]).into();
            key
        },
        "ES256",
        "invalid",
    );
    add(
        "x of 31 octets",
        with("ES256", "x", json!(encode(&point[2..33]))),
        "ES256",
        "invalid",
    );
    let wide = [&[0], &point[1..33]].concat();
    add(
        "x of 33 octets",
        with("ES256", "x", json!(encode(wide))),
        "ES256",
        "invalid",
    );
    for curve in ["P-384", "P-521", "secp256k1", "p-256", ""] {
        add(
            &format!("`crv` {curve:?}"),
            with("ES256", "crv", json!(curve)),
            "ES256",
            "invalid",
        );
    }
    for curve in ["X25519", "Ed448", "ed25519"] {
        add(
            &format!("`crv` {curve:?}"),
            with("EdDSA", "crv", json!(curve)),
            "EdDSA",
            "invalid",
        );
    }
    let short = &keys::ed_public()[..31];
    add(
        "x of 31 octets",
        with("EdDSA", "x", json!(encode(short))),
        "EdDSA",
        "invalid",
    );
}

fn numbers(add: &mut Add<'_>) {
    let with = |name: &str, octets: &[u8]| {
        let mut key = jwk("RS256");
        key[name] = encode(octets).into();
        key
    };
    let n = decode(keys::RSA_N);
    let mut odd = n[..128].to_vec();
    odd[127] |= 1;
    add(
        "a modulus of 1024 bits",
        with("n", &odd),
        "RS256",
        "invalid",
    );
    let mut even = n.clone();
    even[255] &= 0xFE;
    add("an even modulus", with("n", &even), "RS256", "invalid");
    let mut below = n.clone();
    below[0] &= 0x7F;
    add(
        "a modulus of 2047 bits",
        with("n", &below),
        "RS256",
        "invalid",
    );
    for (what, e) in [("0", &[0][..]), ("2", &[2]), ("65536", &[1, 0, 0])] {
        add(
            &format!("the exponent {what}"),
            with("e", e),
            "RS256",
            "invalid",
        );
    }
    // Here what should be signed is its own signature.
    let input = format!("{}.{}", encode(header("RS256")), encode("foo"));
    let jws = format!("{input}.{}", encode(keys::pkcs1(input.as_bytes())));
    add("the exponent 1", with("e", &[1]), &jws, "invalid");
    let zero = [&[0][..], &n].concat();
    add(
        "a zero octet before the modulus",
        with("n", &zero),
        "RS256",
        "acceptable",
    );
    let huge = [&n[..], &n, &n, &n, &n, &n, &n, &n, &n].concat();
    add(
        "a modulus of 18432 bits",
        with("n", &huge),
        "RS256",
        "invalid",
    );
}
