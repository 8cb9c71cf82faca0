use aws_lc_rs::rsa::{KeyPairComponents, PublicKeyComponents};

use super::*;

fn member(jwk: &Value, name: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap()
}

#[test]
fn the_private_key_of_the_profile_is_the_key_that_signs() {
    let ring = KeyRing::new(Kind::JwtRs256, &[]).unwrap();
    let jwk = ring.private_jwk(ISSUER).unwrap();
    let given = |name| member(&jwk, name);
    let pair = RsaKeyPair::from_components(&KeyPairComponents {
        public_key: PublicKeyComponents {
            n: given("n"),
            e: given("e"),
        },
        d: given("d"),
        p: given("p"),
        q: given("q"),
        dP: given("dp"),
        dQ: given("dq"),
        qInv: given("qi"),
    })
    .unwrap();
    let ours = ring.jwks(0);
    assert_eq!(ours["keys"][0]["n"], jwk["n"]);
    assert_eq!(
        pair.public_key()
            .modulus()
            .big_endian_without_leading_zero(),
        given("n")
    );

    let ring = KeyRing::new(Kind::JwtEs256, &[]).unwrap();
    let jwk = ring.private_jwk(ISSUER).unwrap();
    let mut point = vec![4];
    point.extend(member(&jwk, "x"));
    point.extend(member(&jwk, "y"));
    EcdsaKeyPair::from_private_key_and_public_key(
        &ECDSA_P256_SHA256_FIXED_SIGNING,
        &member(&jwk, "d"),
        &point,
    )
    .unwrap();
}

#[test]
fn a_rotated_ring_publishes_both_keys_until_the_overlap_ends() {
    let ring = KeyRing::new(Kind::JwtEs256, &[]).unwrap();
    let old = ring.signing(|key| key.kid.clone()).unwrap();
    ring.rotate(1_000).unwrap();
    assert_ne!(ring.signing(|key| key.kid.clone()).unwrap(), old);
    let published = |now_ms| ring.jwks(now_ms)["keys"].as_array().unwrap().len();
    assert_eq!(published(1_000), 2);
    assert_eq!(published(1_000 + ring.overlap_ms), 1);
    let text = ring.jwks(1_000).to_string();
    assert!(!text.contains("\"d\""), "{text}");
}
