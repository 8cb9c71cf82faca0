//! The format: the laws of every format, and what is its own.

use authbench_core::SeededEntropy;
use authbench_core::system::OsEntropy;
use pasetors::keys::{AsymmetricPublicKey, AsymmetricSecretKey, SymmetricKey};
use pasetors::token::UntrustedToken;
use pasetors::version4::{LocalToken, PublicToken, V4};
use serde_json::{Value, json};

use super::*;
use crate::keyring::RingKey as _;
use crate::token::keys::KeyOctets;
use crate::token::tests::{
    self as laws, AT, AUDIENCE, ISSUER, SKEW_MS, TTL_S, has_a_longest_token, has_one_spelling,
    refuses_other_parties, round_trips, seal,
};

const SECRETS: [[u8; 32]; 2] = [[0x5c; 32], [0x5d; 32]];

fn format_of(purpose: Purpose, issuer: &str, audience: &str, key: usize) -> PasetoFormat {
    let settings = Settings {
        skew_ms: SKEW_MS,
        ..Settings::new(purpose, issuer, audience, TTL_S)
    };
    PasetoFormat::new(settings, key_of(purpose, key)).unwrap()
}

fn key_of(purpose: Purpose, key: usize) -> Key {
    Key::from_bytes(purpose, &SECRETS[key]).unwrap()
}

fn local(issuer: &str, audience: &str, key: usize) -> PasetoFormat {
    format_of(Purpose::Local, issuer, audience, key)
}

fn public(issuer: &str, audience: &str, key: usize) -> PasetoFormat {
    format_of(Purpose::Public, issuer, audience, key)
}

#[test]
fn what_goes_in_comes_out() {
    round_trips(local, 64);
    round_trips(public, 64);
}

#[test]
fn somebody_elses_token_is_refused() {
    refuses_other_parties(local);
    refuses_other_parties(public);
}

#[test]
fn a_local_token_has_one_spelling() {
    has_one_spelling(local);
}

#[test]
fn a_public_token_has_one_spelling() {
    has_one_spelling(public);
}

#[test]
fn a_token_that_no_verifier_would_read_is_not_made() {
    has_a_longest_token(local);
    has_a_longest_token(public);
}

/// A token of these claims and parts, as the key's owner could make it.
fn forge(purpose: Purpose, claims: &str, footer: Option<&str>, kind: Option<&[u8]>) -> String {
    let footer = footer.map(str::as_bytes);
    match purpose {
        Purpose::Local => {
            let key = SymmetricKey::<V4>::from(&SECRETS[0]).unwrap();
            LocalToken::encrypt(&key, claims.as_bytes(), footer, kind)
        }
        Purpose::Public => {
            let octets = [SECRETS[0], public_octets()].concat();
            let key = AsymmetricSecretKey::<V4>::from(&octets).unwrap();
            PublicToken::sign(&key, claims.as_bytes(), footer, kind)
        }
    }
    .unwrap()
}

fn public_octets() -> [u8; 32] {
    let octets = KeyOctets::from_bytes(&SECRETS[0]).unwrap();
    octets.ed25519_public().unwrap()
}

fn footer(purpose: Purpose) -> String {
    json!({ "kid": key_of(purpose, 0).kid() }).to_string()
}

fn good_claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "u-1", "aud": AUDIENCE, "exp": "2027-01-15T08:15:00Z",
        "iat": "2027-01-15T08:00:00Z", "jti": "AAECAwQFBgcICQoLDA0ODw", "roles": ["user"],
    })
}

fn verdict(purpose: Purpose, claims: &Value) -> Result<(), Refusal> {
    let token = forge(
        purpose,
        &claims.to_string(),
        Some(&footer(purpose)),
        Some(KIND),
    );
    format_of(purpose, ISSUER, AUDIENCE, 0)
        .open(&token, AT)
        .map(drop)
}

/// PASETO's implicit assertion, RFC 8725 3.11: same key, other kind.
#[test]
fn a_token_of_another_kind_is_refused() {
    for purpose in Purpose::ALL {
        let format = format_of(purpose, ISSUER, AUDIENCE, 0);
        let claims = good_claims().to_string();
        let (foot, own) = (footer(purpose), Some(KIND));
        let of = |footer: Option<&str>, kind| {
            let token = forge(purpose, &claims, footer, kind);
            format.open(&token, AT).map(drop)
        };
        assert_eq!(of(Some(&foot), own), Ok(()));
        for kind in [None, Some(&b""[..]), Some(b"authbench refresh token")] {
            assert_eq!(of(Some(&foot), kind), Err(Refusal::BadSignature));
        }
        assert_eq!(of(None, own), Err(Refusal::WrongKind));
        assert_eq!(of(Some("{}"), own), Err(Refusal::WrongKind));
        let spaced = foot.replace(':', ": ");
        assert_eq!(of(Some(&spaced), own), Err(Refusal::WrongKind));
    }
    let (local, public) = (local(ISSUER, AUDIENCE, 0), public(ISSUER, AUDIENCE, 0));
    let (theirs, ours) = (seal(&local, AT), seal(&public, AT));
    assert_eq!(
        public.open(theirs.text.expose(), AT),
        Err(Refusal::WrongKind)
    );
    assert_eq!(local.open(ours.text.expose(), AT), Err(Refusal::WrongKind));
    let respelt = ours.text.expose().replacen("v4.public.", "v4.local.", 1);
    assert!(local.open(&respelt, AT).is_err() && public.open(&respelt, AT).is_err());
    let older = ours.text.expose().replacen("v4", "v2", 1);
    assert_eq!(public.open(&older, AT), Err(Refusal::WrongKind));
}

/// CVE-2026-25537, CWE-843: of the wrong type is not "absent".
#[test]
fn claims_are_read_strictly() {
    for purpose in Purpose::ALL {
        assert_eq!(verdict(purpose, &good_claims()), Ok(()));
        for claim in ["iss", "sub", "aud", "exp", "iat", "jti"] {
            let mut claims = good_claims();
            claims.as_object_mut().unwrap().shift_remove(claim);
            assert_eq!(
                verdict(purpose, &claims),
                Err(Refusal::BadClaims),
                "{claim}"
            );
        }
        for claim in ["exp", "iat", "nbf"] {
            for wrong in [
                json!(null),
                json!(1_900_000_000),
                json!("1900000000"),
                json!(""),
                json!("2027-01-15"),
                json!("2027-01-15T08:15:00"),
                json!("2027-13-15T08:15:00Z"),
                json!("1969-12-31T23:59:59Z"),
                json!(["2027-01-15T08:15:00Z"]),
            ] {
                let mut claims = good_claims();
                claims[claim] = wrong;
                let verdict = verdict(purpose, &claims);
                assert_eq!(verdict, Err(Refusal::BadClaims), "{claims}");
            }
        }
        let mut claims = good_claims();
        claims["exp"] = json!("2027-01-15T09:15:00.000+01:00");
        claims["nbf"] = json!("2027-01-15T08:00:00+00:00");
        assert_eq!(
            verdict(purpose, &claims),
            Ok(()),
            "RFC 3339 has many spellings"
        );
        claims["nbf"] = json!("2027-01-15T08:00:03Z");
        assert_eq!(verdict(purpose, &claims), Err(Refusal::NotYetValid));
        let twice = good_claims()
            .to_string()
            .replacen('{', r#"{"sub":"u-2","#, 1);
        for text in ["[]", "null", "\"\"", &twice, "{} {}"] {
            let token = forge(purpose, text, Some(&footer(purpose)), Some(KIND));
            let verdict = format_of(purpose, ISSUER, AUDIENCE, 0).open(&token, AT);
            assert_eq!(verdict, Err(Refusal::BadClaims), "{text}");
        }
    }
}

/// The plain crate reads our tokens, and finds in them what it calls claims.
#[test]
fn the_plain_crate_reads_our_tokens() {
    let sealed = seal(&public(ISSUER, AUDIENCE, 0), AT);
    let key = AsymmetricPublicKey::<V4>::from(&public_octets()).unwrap();
    let token = UntrustedToken::try_from(sealed.text.expose()).unwrap();
    let footer = footer(Purpose::Public);
    let plain = PublicToken::verify(&key, &token, Some(footer.as_bytes()), Some(KIND)).unwrap();
    let claims = pasetors::claims::Claims::from_string(plain.payload()).unwrap();
    assert_eq!(
        claims.get_claim("exp"),
        Some(&json!("2027-01-15T08:15:00Z"))
    );
    assert_eq!(
        claims.get_claim("iat"),
        Some(&json!("2027-01-15T08:00:00Z"))
    );
    assert!(!plain.payload().contains("stamp") && !plain.payload().contains("sid"));
}

/// The keys of RFC 8410 10.3 and of the vector `k4.lid-2` of PASERK.
#[test]
fn keys_have_their_names_and_no_other_octets() {
    const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        -----END PRIVATE KEY-----\n";
    let key = Key::from_pem(PEM).unwrap();
    assert_eq!(key.purpose(), Purpose::Public);
    let jwk = key.jwk().unwrap();
    let mut members: Vec<_> = jwk.as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, ["crv", "kid", "kty", "use", "x"]);
    assert_eq!(jwk["kid"], key.kid());
    assert_eq!(jwk["x"], "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE");
    assert!(key.kid().starts_with("k4.pid."));
    let octets: Vec<u8> = (0x70..=0x8f).collect();
    let local = Key::from_bytes(Purpose::Local, &octets).unwrap();
    assert_eq!(
        local.kid(),
        "k4.lid.iVtYQDjr5gEijCSjJC3fQaJm7nCeQSeaty0Jixy8dbsk"
    );
    assert_eq!(local.jwk(), None);

    for octets in [0, 31, 33, 64] {
        let refused = Key::from_bytes(Purpose::Local, &vec![1; octets]);
        assert!(matches!(refused, Err(KeyError::Length { octets: said }) if said == octets));
    }
    for purpose in Purpose::ALL {
        let zero = Key::from_bytes(purpose, &[0; 32]);
        assert!(matches!(zero, Err(KeyError::Zero)));
    }
    let public = PEM.replace("PRIVATE", "PUBLIC");
    let refused = Key::from_pem(&public);
    assert!(matches!(refused, Err(KeyError::PemLabel { .. })));
    assert!(matches!(Key::from_pem(""), Err(KeyError::Pem(_))));
    let cut = PEM.replace("MC4CAQ", "MC4CAg");
    assert!(matches!(Key::from_pem(&cut), Err(KeyError::Rejected(_))));
    assert_eq!(format!("{key:?}"), format!("Key({})", key.kid()));

    let one = Key::generate(Purpose::Local, &SeededEntropy::new(1)).unwrap();
    let same = Key::generate(Purpose::Local, &SeededEntropy::new(1)).unwrap();
    let other = Key::generate(Purpose::Local, &OsEntropy).unwrap();
    assert!(one.kid() == same.kid() && one.kid() != other.kid());
}

#[test]
fn settings_and_rings_must_fit() {
    let of = |purpose, key: Key| {
        let settings = Settings::new(purpose, ISSUER, AUDIENCE, TTL_S);
        PasetoFormat::new(settings, key).map(drop)
    };
    let wrong = SettingsError::Key {
        wanted: "local",
        given: "public",
    };
    assert_eq!(of(Purpose::Local, key_of(Purpose::Public, 0)), Err(wrong));
    let settings = Settings {
        ttl_s: 0,
        ..Settings::new(Purpose::Local, ISSUER, AUDIENCE, TTL_S)
    };
    let refused = PasetoFormat::new(settings, key_of(Purpose::Local, 0)).map(drop);
    assert_eq!(refused, Err(SettingsError::Ttl { ttl_s: 0 }));

    let read = |text: &str| serde_json::from_str::<Settings>(text);
    let whole = r#"{"purpose":"local","issuer":"i","audience":"a","ttl_s":5}"#;
    let expected = Settings::new(Purpose::Local, "i", "a", 5);
    assert_eq!(read(whole).unwrap(), expected);
    assert!(read(&whole.replace("ttl_s", "ttl")).is_err());
    assert!(read(&whole.replace("local", "v3")).is_err());
    assert!(read(&whole.replace('5', "0")).is_err());
}

#[test]
fn keys_change_and_their_tokens_live_on() {
    for purpose in Purpose::ALL {
        let settings = Settings {
            rotate_every_s: Some(600),
            skew_ms: SKEW_MS,
            ..Settings::new(purpose, ISSUER, AUDIENCE, TTL_S)
        };
        let ring = settings
            .ring(key_of(purpose, 0), SeededEntropy::new(4))
            .unwrap();
        let format = PasetoFormat::new(settings, Arc::new(ring)).unwrap();
        let listed = |at| match format.jwks(at) {
            Some(jwks) => jwks["keys"].as_array().unwrap().len(),
            None => 0,
        };
        let (old, later) = (seal(&format, AT), AT.plus_ms(600_000));
        let new = seal(&format, later);
        let foot = |sealed: &Sealed| sealed.text.expose().rsplit_once('.').unwrap().1.to_owned();
        assert_ne!(foot(&old), foot(&new));
        for sealed in [&old, &new] {
            assert!(format.open(sealed.text.expose(), later).is_ok());
        }
        assert_eq!(
            listed(later),
            if purpose == Purpose::Public { 2 } else { 0 }
        );
        let kid = format.ring().keys().newest().kid().to_owned();
        assert!(format.ring().withdraw(&kid, later).unwrap());
        let dead = format.open(new.text.expose(), later);
        assert_eq!(dead, Err(Refusal::WrongKind));
        assert!(format.open(old.text.expose(), later).is_ok());
    }
}

/// The crate's nonces are the system's: sealing twice gives two texts. A
/// signature is a function of what it signs (RFC 8032 5.1.6).
#[test]
fn only_signatures_repeat() {
    let of = |format: &PasetoFormat| {
        let subject = laws::subject();
        let token = laws::plain(&subject);
        [(); 2].map(|()| format.seal(&token, AT).unwrap().text)
    };
    let [one, two] = of(&public(ISSUER, AUDIENCE, 0));
    assert_eq!(one, two);
    let [one, two] = of(&local(ISSUER, AUDIENCE, 0));
    assert_ne!(one, two);
}
