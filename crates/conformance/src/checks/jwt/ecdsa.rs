//! JWT-009: ECDSA signatures that are none.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;

use super::ground::{Forgery, Ground, TOKENS};
use crate::check::{Check, Cost, Eye};
use crate::jose::{encode, text_of, with};
use crate::stop::Stop;
use crate::trial::Trial;

/// JWT-009.
pub(super) const JWT_009: Check = Check {
    id: "JWT-009",
    statement: "malformed ECDSA signatures are refused: numbers that are zero, the group's order \
                or more, the DER form, and one octet too few or too many",
    level: Level::Must,
    severity: Severity::Critical,
    families: TOKENS,
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["RFC 7518 3.4", "WSTG-SESS-10"],
    cwe: &[347],
    mend: "Use a library that checks 0 < r, s < n and the exact length before it computes \
           (CVE-2022-21449), and keep it up to date.",
    cost: Cost::Quick,
    run: |trial| Box::pin(malformed(trial)),
};

/// The order of each curve's group (SEC 2, 2.4.2, 2.5.1, 2.6.1), big end first.
const ORDERS: [(&str, &str); 3] = [
    (
        "ES256",
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    ),
    (
        "ES384",
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    ),
    (
        "ES512",
        "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
    ),
];

async fn malformed(trial: &Trial<'_>) -> Result<(), Stop> {
    let ground = Ground::new(trial).await?;
    let alg = ground.alg()?;
    let Some((_, order)) = ORDERS.iter().find(|(name, _)| *name == alg) else {
        return Err(Stop::NotApplicable(format!(
            "its tokens are signed by {alg}, not by ECDSA"
        )));
    };
    let order = octets(order);
    let numbers = numbers(&order);
    // What a verifier lets pass that does not check the range holds for any
    // claims, so that they are changed as well.
    let changed = text_of(&with(&ground.token.claims, "authbench", true));
    let changed = format!("{}.{}", ground.token.segments[0], encode(changed));
    for (case, signed) in [
        ("numbers out of range", ground.token.signed_part()),
        ("numbers out of range, changed claims", changed),
    ] {
        let mut forged = Vec::new();
        for (r_name, r) in &numbers {
            for (s_name, s) in &numbers {
                // 1 and 1 are in range: no signature, but no malformed one.
                if (*r_name, *s_name) != ("1", "1") {
                    let signature = encode([r.as_slice(), s].concat());
                    let what = format!("r = {r_name}, s = {s_name}");
                    forged.push(Forgery::new(what, format!("{signed}.{signature}")));
                }
            }
        }
        ground.refuse_each(case, forged).await?;
    }
    ground.refuse_each("other forms", forms(&ground)).await
}

/// Values for `r` and `s`; all but 1 are out of range.
fn numbers(order: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let length = order.len();
    let mut one = vec![0; length];
    one[length - 1] = 1;
    let mut above = order.to_vec();
    // No order ends in 0xff.
    above[length - 1] += 1;
    vec![
        ("0", vec![0; length]),
        ("1", one),
        ("n", order.to_vec()),
        ("n + 1", above),
        ("all ones", vec![0xff; length]),
    ]
}

/// The real signature in forms that JOSE does not have.
fn forms(ground: &Ground<'_>) -> Vec<Forgery> {
    let token = &ground.token;
    let signature = token.signature();
    let (r, s) = signature.split_at(signature.len() / 2);
    let longer = [&[0], r, &[0], s].concat();
    let mut forged = vec![
        ("DER", der(r, s, false)),
        ("DER of negative numbers", der(r, s, true)),
        (
            "one octet too few",
            signature[..signature.len() - 1].to_vec(),
        ),
        ("without its first octet", signature[1..].to_vec()),
        ("one octet too many", [signature.as_slice(), &[0]].concat()),
        ("a zero in front", [&[0], signature.as_slice()].concat()),
        ("both numbers with a zero in front", longer),
        ("r alone", r.to_vec()),
        ("s before r", [s, r].concat()),
        ("DER of zeros", der(&[0], &[0], false)),
    ];
    forged.dedup_by(|a, b| a.1 == b.1);
    let whole = forged.into_iter();
    whole
        .map(|(what, octets)| Forgery::new(what, token.with_signature(&octets)))
        .collect()
}

/// RFC 3279 2.2.3.
fn der(r: &[u8], s: &[u8], negative: bool) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let start = number.iter().position(|octet| *octet != 0);
        let bare = &number[start.unwrap_or(number.len() - 1)..];
        let signed = negative || bare[0] & 0x80 == 0;
        let mut octets = if signed { Vec::new() } else { vec![0] };
        octets.extend(bare);
        if negative {
            octets[0] |= 0x80;
        }
        [&[2, octet_count(&octets)], octets.as_slice()].concat()
    };
    let body = [integer(r), integer(s)].concat();
    let head: &[u8] = match octet_count(&body) {
        long @ 0x80.. => &[0x30, 0x81, long],
        short => &[0x30, short],
    };
    [head, &body].concat()
}

/// No signature here has more than 255 octets.
fn octet_count(octets: &[u8]) -> u8 {
    u8::try_from(octets.len()).unwrap_or(u8::MAX)
}

fn octets(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.filter_map(octet).collect()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
        UnparsedPublicKey,
    };

    use super::*;

    #[test]
    fn the_orders_are_as_long_as_the_numbers() {
        let lengths = ORDERS.map(|(_, order)| octets(order).len());
        assert_eq!(lengths, [32, 48, 66]);
    }

    #[test]
    fn the_der_form_is_the_one_that_others_read() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let random = SystemRandom::new();
        for round in 0..32_u8 {
            let made = pair.sign(&random, &[round]).unwrap();
            let (r, s) = made.as_ref().split_at(32);
            let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, pair.public_key().as_ref());
            key.verify(&[round], &der(r, s, false)).unwrap();
        }
    }
}
