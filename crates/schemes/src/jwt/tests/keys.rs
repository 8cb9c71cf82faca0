//! Keys: known answers, what is refused, what is shown.

use authbench_core::system::OsEntropy;

use super::super::{Disguise, KeyError};
use super::*;
use crate::keyring::RingKey as _;

/// The secret of RFC 7515 A.1.
const RFC7515_A1_SECRET: &str =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
const RFC7515_A1_MESSAGE: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
    eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const RFC7515_A1_SIGNATURE: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// An RSA key of 1024 bits, which must be refused (RFC 7518 3.3).
const RSA_1024: &str = include_str!("rsa_1024.pem");

/// An RSA key of 4100 bits, slower than we want to serve.
const RSA_4100: &str = include_str!("rsa_4100.pem");

/// The key of RFC 8037 A.1 as PKCS#8 (RFC 8410 7).
fn rfc8037_pem() -> String {
    let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
    der.extend(compact::decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap());
    pem_text("PRIVATE KEY", &der)
}

#[test]
fn known_answers() {
    let key = SigningKey::from_secret(&compact::decode(RFC7515_A1_SECRET).unwrap()).unwrap();
    let mut token = RFC7515_A1_MESSAGE.to_owned();
    key.sign_onto(&mut token).unwrap();
    assert_eq!(
        token,
        format!("{RFC7515_A1_MESSAGE}.{RFC7515_A1_SIGNATURE}")
    );

    let key = SigningKey::from_pem(Algorithm::EdDsa, &rfc8037_pem()).unwrap();
    assert_eq!(
        key.verifying_key().kid(),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );
    let mut token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc".to_owned();
    key.sign_onto(&mut token).unwrap();
    assert!(token.ends_with(
        ".hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    ));
}

/// RFC 7518 3.2, ASVS 5.0 11.2.3.
#[test]
fn short_secrets_are_refused() {
    for octets in [0, 1, 31] {
        let refused = SigningKey::from_secret(&SECRET[..octets]);
        assert!(
            matches!(refused, Err(KeyError::SecretTooShort { octets: said }) if said == octets)
        );
    }
    assert!(SigningKey::from_secret(&[1; 32]).is_ok());
    assert!(SigningKey::from_secret(&[1; 100]).is_ok());
}

#[test]
fn pem_texts_of_other_things_are_refused() {
    let es256 = known(Algorithm::Es256);
    let public = pem_text("PUBLIC KEY", &es256.spki);
    let refused = SigningKey::from_pem(Algorithm::Es256, &public);
    assert!(matches!(refused, Err(KeyError::PemLabel { label }) if label == "PUBLIC KEY"));
    let mislabelled = pem_text("PRIVATE KEY", &es256.spki);
    for text in ["", "-----BEGIN PRIVATE KEY-----", "secret"] {
        let refused = SigningKey::from_pem(Algorithm::Es256, text);
        assert!(matches!(refused, Err(KeyError::Pem(_))), "{text:?}");
    }
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        let refused = SigningKey::from_pem(algorithm, &mislabelled);
        assert!(matches!(refused, Err(KeyError::Rejected { .. })));
        if algorithm != Algorithm::EdDsa {
            let refused = SigningKey::from_pem(algorithm, &rfc8037_pem());
            assert!(
                matches!(refused, Err(KeyError::Rejected { .. })),
                "{algorithm}"
            );
        }
    }
    let secret = SigningKey::from_pem(Algorithm::Hs256, &rfc8037_pem());
    assert!(matches!(
        secret,
        Err(KeyError::NotASecret {
            found: Disguise::Pem
        })
    ));
}

/// RFC 7518 3.3.
#[test]
fn rsa_keys_of_other_sizes_are_refused() {
    let refused = SigningKey::from_pem(Algorithm::Rs256, RSA_1024);
    assert!(matches!(refused, Err(KeyError::Rejected { .. })));
    let refused = SigningKey::from_pem(Algorithm::Rs256, RSA_4100);
    assert!(matches!(refused, Err(KeyError::RsaBits { bits: 4100 })));
}

#[test]
fn generated_keys_sign_for_themselves_alone() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Hs256] {
        let [ours, theirs] = [(); 2].map(|()| {
            strategy(
                algorithm,
                SigningKey::generate(algorithm, &OsEntropy).unwrap(),
            )
        });
        let token = ours.seal(&subject(), AT).unwrap();
        assert!(ours.format().verify(token.access.expose(), AT).is_ok());
        assert_eq!(
            theirs.format().verify(token.access.expose(), AT),
            Err(Refusal::WrongKind)
        );
    }
    let [ours, again] =
        [(); 2].map(|()| SigningKey::generate(Algorithm::Hs256, &SeededEntropy::new(3)).unwrap());
    assert_eq!(ours.verifying_key().kid(), again.verifying_key().kid());
}

/// RFC 7517 9.2, CWE-321, ASVS 5.0 16.2.5.
#[test]
fn only_public_members_are_published() {
    for algorithm in Algorithm::ALL {
        let strategy = &known(algorithm).strategy;
        let jwks = strategy.format().jwks(AT);
        assert_eq!(jwks.is_none(), algorithm == Algorithm::Hs256);
        let Some(jwks) = jwks else { continue };
        let keys = jwks["keys"].as_array().unwrap();
        let expected: &[&str] = match algorithm {
            Algorithm::EdDsa => &["alg", "crv", "kid", "kty", "use", "x"],
            Algorithm::Es256 => &["alg", "crv", "kid", "kty", "use", "x", "y"],
            Algorithm::Hs256 => &[],
            Algorithm::Rs256 => &["alg", "e", "kid", "kty", "n", "use"],
        };
        assert_eq!(keys.len(), 1);
        let mut members: Vec<_> = keys[0].as_object().unwrap().keys().collect();
        members.sort();
        assert_eq!(members, expected);
        assert_eq!(keys[0]["alg"], algorithm.label());
        assert_eq!(
            keys[0]["kid"],
            strategy
                .format()
                .ring()
                .keys()
                .newest()
                .verifying_key()
                .kid()
        );
    }
}

#[test]
fn debug_forms_show_no_key() {
    let known = known(Algorithm::Hs256);
    let key = SigningKey::from_secret(SECRET).unwrap();
    let shown = format!("{:?} {key:?}", known.strategy);
    assert!(shown.contains("SigningKey(HS256, kid ") && shown.contains(&known.kid));
    let hex: String = SECRET.iter().map(|octet| format!("{octet:02x}")).collect();
    let list = format!("{SECRET:?}");
    let text = String::from_utf8_lossy(SECRET);
    for leak in [text.as_ref(), &hex, &list[1..20], &compact::encode(SECRET)] {
        assert!(!shown.contains(leak));
    }
    let key = SigningKey::from_pem(Algorithm::EdDsa, &rfc8037_pem()).unwrap();
    let shown = format!("{key:?} {:?}", key.verifying_key());
    assert!(!shown.to_lowercase().contains("9d61b19d") && !shown.contains("nWGx"));
}

/// The private JWK is the same key: what it holds agrees with the public half,
/// and signs like it.
#[test]
fn a_private_jwk_holds_the_whole_key() {
    use simple_asn1::BigUint;
    for algorithm in Algorithm::ALL {
        let key = SigningKey::generate(algorithm, &SeededEntropy::new(3)).unwrap();
        let jwk = key.private_jwk().unwrap();
        assert_eq!(jwk["alg"], algorithm.label());
        assert_eq!(jwk["kid"], key.kid());
        let octets = |name: &str| compact::decode(jwk[name].as_str().unwrap()).unwrap();
        let number = |name: &str| BigUint::from_bytes_be(&octets(name));
        let one = BigUint::from(1_u32);
        match algorithm {
            Algorithm::Hs256 => {
                let again = SigningKey::from_secret(&octets("k")).unwrap();
                assert_eq!(again.kid(), key.kid());
            }
            Algorithm::EdDsa => {
                let pair = Ed25519KeyPair::from_seed_unchecked(&octets("d")).unwrap();
                assert_eq!(pair.public_key().as_ref(), octets("x"));
            }
            Algorithm::Es256 => {
                let point = [&[4][..], &octets("x"), &octets("y")].concat();
                EcdsaKeyPair::from_private_key_and_public_key(
                    &ECDSA_P256_SHA256_FIXED_SIGNING,
                    &octets("d"),
                    &point,
                )
                .unwrap();
            }
            Algorithm::Rs256 => {
                assert_eq!(number("p") * number("q"), number("n"));
                let inverse = number("d") * number("e") % (number("p") - &one);
                assert_eq!(inverse, one);
                assert_eq!(number("d") % (number("p") - &one), number("dp"));
                assert_eq!(number("d") % (number("q") - &one), number("dq"));
                assert_eq!(number("qi") * number("q") % number("p"), one);
            }
        }
    }
}
