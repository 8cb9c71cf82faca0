//! Signatures that are malformed as numbers.

use num_bigint::BigUint;
use serde_json::Value;

use super::{good, parts};
use crate::keys::{self, encode};
use crate::test;

pub(super) fn ecdsa() -> Vec<Value> {
    let [h, p, _] = parts(&good("ES256"));
    let input = format!("{h}.{p}");
    let right = keys::signature("ES256", input.as_bytes());
    let number = |octets: &[u8]| BigUint::from_bytes_be(octets);
    let order = BigUint::parse_bytes(
        b"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        16,
    )
    .unwrap();
    let (r, s) = (number(&right[..32]), number(&right[32..]));
    let (zero, one) = (BigUint::from(0_u8), BigUint::from(1_u8));
    let pair = |r: &BigUint, s: &BigUint| {
        let octets = [keys::fixed(r, 32), keys::fixed(s, 32)].concat();
        format!("{input}.{}", encode(octets))
    };
    let raw = |octets: Vec<u8>| format!("{input}.{}", encode(octets));
    let integer = |number: &BigUint| {
        let digits = number.to_bytes_be();
        let sign = if digits[0] & 0x80 == 0 {
            vec![]
        } else {
            vec![0]
        };
        let octets = [sign, digits].concat();
        [vec![2, u8::try_from(octets.len()).unwrap()], octets].concat()
    };
    let der = {
        let both = [integer(&r), integer(&s)].concat();
        [vec![0x30, u8::try_from(both.len()).unwrap()], both].concat()
    };
    let wide = |number: &BigUint| keys::fixed(number, 33);
    let most = (&one << 256_usize) - &one;
    let bad = [
        ("r = s = 0", pair(&zero, &zero)),
        ("r = 0", pair(&zero, &s)),
        ("s = 0", pair(&r, &zero)),
        ("r = s = 1", pair(&one, &one)),
        ("r = n", pair(&order, &s)),
        ("s = n", pair(&r, &order)),
        ("r = s = n", pair(&order, &order)),
        ("r = 0, s = n", pair(&zero, &order)),
        ("r = n, s = 0", pair(&order, &zero)),
        ("r = n + 1", pair(&(&order + &one), &s)),
        ("s = n - 1", pair(&r, &(&order - &one))),
        ("r = 2^256 - 1", pair(&most, &s)),
        ("s = 2^256 - 1", pair(&r, &most)),
        ("r negative modulo n", pair(&(&order - &r), &s)),
        ("r and s swapped", pair(&s, &r)),
        ("in DER", raw(der)),
        ("33 octets each", raw([wide(&r), wide(&s)].concat())),
        (
            "r of 33 octets",
            raw([wide(&r), keys::fixed(&s, 32)].concat()),
        ),
        (
            "r + n in 33 octets each",
            raw([wide(&(&r + &order)), wide(&s)].concat()),
        ),
        ("r short by an octet", raw(right[1..].to_vec())),
        ("s short by an octet", raw(right[..63].to_vec())),
        ("r alone", raw(right[..32].to_vec())),
        (
            "in hexadecimal digits",
            raw(right
                .iter()
                .flat_map(|octet| format!("{octet:02x}").into_bytes())
                .collect()),
        ),
    ];
    let mut tests: Vec<Value> = bad
        .into_iter()
        .map(|(comment, jws)| test(comment, jws, "invalid"))
        .collect();
    let other = pair(&r, &(&order - &s));
    tests.push(test("n - s for s, which ECDSA takes", other, "acceptable"));
    tests
}

pub(super) fn ed25519() -> Vec<Value> {
    let [h, p, _] = parts(&good("EdDSA"));
    let input = format!("{h}.{p}");
    let right = keys::signature("EdDSA", input.as_bytes());
    let order = (BigUint::from(1_u8) << 252_usize)
        + BigUint::parse_bytes(b"27742317777372353535851937790883648493", 10).unwrap();
    let s = BigUint::from_bytes_le(&right[32..]);
    let little = |number: &BigUint| {
        let mut octets = number.to_bytes_le();
        octets.resize(32, 0);
        octets
    };
    let with = |r: &[u8], s: &[u8]| format!("{input}.{}", encode([r, s].concat()));
    let (r, zeros) = (&right[..32], [0; 32]);
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut sign = [0; 32];
    sign.copy_from_slice(r);
    sign[31] ^= 0x80;
    let bad = [
        ("s = 0", with(r, &zeros)),
        ("r = 0", with(&zeros, &right[32..])),
        ("r is the neutral point, s = 0", with(&neutral, &zeros)),
        ("s = L", with(r, &little(&order))),
        ("s + L for s", with(r, &little(&(&s + &order)))),
        ("r's sign flipped", with(&sign, &right[32..])),
        ("r and s swapped", with(&right[32..], r)),
        ("r alone", with(r, &[])),
    ];
    bad.into_iter()
        .map(|(comment, jws)| test(comment, jws, "invalid"))
        .collect()
}

pub(super) fn rsa() -> Vec<Value> {
    let [h, p, _] = parts(&good("RS256"));
    let input = format!("{h}.{p}");
    let message = input.as_bytes();
    let right = keys::signature("RS256", message);
    let of = |encoded: Vec<u8>| format!("{input}.{}", encode(keys::rsa_sign(&encoded)));
    let raw = |octets: Vec<u8>| format!("{input}.{}", encode(octets));
    let info = keys::digest_info(message);
    let full = [0xFF; 202];
    let mut holed = full;
    holed[100] = 0xFE;
    let changed = |at: usize, value: u8| {
        let mut encoded = keys::pkcs1(message);
        encoded[at] = value;
        encoded
    };
    let behind = |octets: usize| {
        let mut encoded = keys::padded(&vec![0xFF; 202 - octets], &info);
        encoded.extend(vec![0xAA; octets]);
        encoded
    };
    let unnamed = {
        let hash = keys::sha256(message);
        keys::padded(&[0xFF; 221], &hash)
    };
    let sha1 = {
        let other = [
            &[
                0x30, 0x2d, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04,
                0x20,
            ][..],
            &keys::sha256(message),
        ]
        .concat();
        keys::padded(&vec![0xFF; 253 - other.len()], &other)
    };
    let long_length = {
        let mut long = vec![0x30, 0x81, 0x31];
        long.extend_from_slice(&info[2..]);
        keys::padded(&[0xFF; 201], &long)
    };
    let parameters = {
        let mut long = info.clone();
        long[1] += 2;
        long[3] += 2;
        long.splice(15..17, [0x05, 0x02, 0xAA, 0xBB]);
        keys::padded(&[0xFF; 200], &long)
    };
    let modulus = BigUint::from_bytes_be(&keys::decode(keys::RSA_N));
    let more = BigUint::from_bytes_be(&right) + &modulus;
    let one = BigUint::from(1_u8);
    let mut bad = vec![
        (
            "8 octets behind the hash, so much less padding",
            of(behind(8)),
        ),
        (
            "64 octets behind the hash, so much less padding",
            of(behind(64)),
        ),
        ("194 octets behind the hash, 8 of padding", of(behind(194))),
        ("202 octets behind the hash, no padding", of(behind(202))),
        (
            "an octet of the padding is not FF",
            of(keys::padded(&holed, &info)),
        ),
        ("the padding is zeros", of(keys::padded(&[0; 202], &info))),
        ("the first octet is 1", of(changed(0, 1))),
        ("block type 2", of(changed(1, 2))),
        ("block type 0", of(changed(1, 0))),
        ("no zero behind the padding", of(changed(204, 0xFF))),
        ("the hash's name is another one's", of(changed(219, 2))),
        ("the hash named SHA-1", of(sha1)),
        ("the hash not named", of(unnamed)),
        ("a length in two octets", of(long_length)),
        ("parameters with something in them", of(parameters)),
        ("another hash", of(changed(255, 0xAA ^ info[50]))),
        ("s = 0", raw(vec![0; 256])),
        ("s = 1", raw(keys::fixed(&one, 256))),
        ("s = n - 1", raw(keys::fixed(&(&modulus - &one), 256))),
        ("s = n", raw(keys::fixed(&modulus, 256))),
        (
            "the encoded message for a signature",
            raw(keys::pkcs1(message)),
        ),
        ("a zero octet before s", raw([vec![0], right].concat())),
    ];
    if more.bits() <= 2048 {
        bad.push(("s + n", raw(keys::fixed(&more, 256))));
    }
    let mut tests: Vec<Value> = bad
        .into_iter()
        .map(|(comment, jws)| test(comment, jws, "invalid"))
        .collect();
    let no_null = {
        let mut short = info.clone();
        short[1] -= 2;
        short[3] -= 2;
        short.drain(15..17);
        keys::padded(&[0xFF; 204], &short)
    };
    tests.push(test(
        "the hash's parameters absent instead of null",
        of(no_null),
        "acceptable",
    ));
    tests
}
