//! Keys that change: RFC 7517 5, RFC 8725 3.1, ASVS 5.0 11.1.1.

use std::sync::Arc;

use authbench_core::LoginId;
use proptest::prelude::*;

use super::super::{JwtFormat, SettingsError, sign};
use super::*;
use crate::keyring::{KeyRing, MAX_KEYS, RotateError};
use crate::token::claims::Issued;
use crate::token::{NewToken, TokenFormat as _};

/// One ring of `algorithm` and a format over it, as every replica has it.
fn rotating(algorithm: Algorithm, change: impl FnOnce(&mut Settings)) -> JwtFormat {
    let mut settings = Settings::new(algorithm, ISSUER, AUDIENCE, TTL_S);
    change(&mut settings);
    let first = SigningKey::generate(algorithm, &SeededEntropy::new(5)).unwrap();
    let ring = settings.ring(first, SeededEntropy::new(6)).unwrap();
    JwtFormat::new(settings, Arc::new(ring)).unwrap()
}

fn seal(format: &JwtFormat, at: UnixMs) -> (String, UnixMs) {
    let subject = subject();
    let token = NewToken {
        subject: &subject,
        login: LoginId([9; 16]),
        token_id: None,
        stamp: None,
        expires_by: None,
    };
    let sealed = format.seal(&token, at).unwrap();
    (sealed.text.expose().to_owned(), sealed.expires_at)
}

fn kids(format: &JwtFormat, at: UnixMs) -> Vec<String> {
    let jwks = format.jwks(at).unwrap();
    let keys = jwks["keys"].as_array().unwrap();
    let kid = |key: &Value| key["kid"].as_str().unwrap().to_owned();
    keys.iter().map(kid).collect()
}

fn kid_of(token: &str) -> String {
    jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
}

#[test]
fn tokens_outlive_the_signing_of_their_key_and_the_set_lists_it_as_long() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
        let format = rotating(algorithm, |it| it.announce_s = 60);
        let (old, expires_at) = seal(&format, AT);
        format.ring().rotate(AT).unwrap();
        assert_eq!(kids(&format, AT).len(), 2, "shown before it signs");
        let (between, _) = seal(&format, AT.plus_ms(59_999));
        assert_eq!(kid_of(&old), kid_of(&between));
        let signs_from = AT.plus_ms(60_000);
        let (new, _) = seal(&format, signs_from);
        assert_eq!(kids(&format, signs_from), [kid_of(&new), kid_of(&old)]);
        let last = UnixMs(expires_at.0 - 1);
        for token in [&old, &between] {
            assert!(format.verify(token, last).is_ok());
        }
        assert_eq!(format.verify(&old, expires_at), Err(Refusal::Expired));
        let gone = signs_from.plus_ms(TTL_S * 1000 + 2 * format.skew_ms());
        assert_eq!(kids(&format, UnixMs(gone.0 - 1)).len(), 2);
        assert_eq!(kids(&format, gone), [kid_of(&new)]);
    }
}

/// Somebody who stole a retired key can make tokens of any life: they die with
/// the key.
#[test]
fn a_key_that_is_gone_proves_nothing() {
    let format = rotating(Algorithm::Hs256, |_| ());
    let stolen = format.ring().signer(AT).unwrap();
    let subject = subject();
    let forged = Issued {
        iss: ISSUER,
        sub: &subject.id,
        aud: AUDIENCE,
        exp: AT.whole_secs() * 2,
        iat: AT.whole_secs(),
        jti: LoginId([1; 16]),
        roles: &subject.roles,
        sid: None,
        stamp: None,
    };
    let forged = sign::seal(&stolen, &forged).unwrap();
    format.ring().rotate(AT).unwrap();
    let gone = AT.plus_ms(TTL_S * 1000 + 2 * format.skew_ms());
    assert!(format.verify(&forged, UnixMs(gone.0 - 1)).is_ok());
    assert_eq!(format.verify(&forged, gone), Err(Refusal::WrongKind));
}

/// ASVS 5.0 11.1.2.
#[test]
fn a_withdrawn_key_takes_its_tokens_with_it() {
    let format = rotating(Algorithm::EdDsa, |_| ());
    let (before, _) = seal(&format, AT);
    format.ring().rotate(AT).unwrap();
    let (compromised, _) = seal(&format, AT);
    assert!(format.ring().withdraw(&kid_of(&compromised), AT).unwrap());
    assert_eq!(format.verify(&compromised, AT), Err(Refusal::WrongKind));
    assert_eq!(format.open_early(&compromised, AT), Err(Refusal::WrongKind));
    assert!(!kids(&format, AT).contains(&kid_of(&compromised)));
    assert!(format.verify(&before, AT).is_ok());
    let (after, _) = seal(&format, AT);
    assert!(format.verify(&after, AT).is_ok());
}

#[test]
fn keys_change_while_tokens_are_made() {
    let format = rotating(Algorithm::Hs256, |it| it.rotate_every_s = Some(600));
    let (first, _) = seal(&format, AT);
    let (last, _) = seal(&format, AT.plus_ms(599_999));
    let (next, _) = seal(&format, AT.plus_ms(600_000));
    assert_eq!(kid_of(&first), kid_of(&last));
    assert_ne!(kid_of(&last), kid_of(&next));
    assert_eq!(format.jwks(AT), None, "nobody may see these");
}

#[test]
fn a_ring_for_other_settings_is_refused() {
    let settings = Settings::new(Algorithm::Hs256, ISSUER, AUDIENCE, TTL_S);
    let key = || SigningKey::from_secret(SECRET).unwrap();
    let ring = |settings: &Settings| Arc::new(settings.ring(key(), SeededEntropy::new(1)).unwrap());
    let of = |settings: &Settings, ring: Arc<KeyRing<SigningKey>>| {
        JwtFormat::new(settings.clone(), ring).map(drop)
    };
    let longer = Settings {
        ttl_s: TTL_S + 1,
        ..settings.clone()
    };
    let scheduled = Settings {
        rotate_every_s: Some(TTL_S),
        ..settings.clone()
    };
    assert_eq!(of(&settings, ring(&settings)), Ok(()));
    assert_eq!(of(&settings, ring(&longer)), Ok(()));
    assert_eq!(of(&longer, ring(&settings)), Err(SettingsError::Ring));
    assert_eq!(of(&scheduled, ring(&settings)), Err(SettingsError::Ring));
    assert_eq!(of(&scheduled, key().into()), Err(SettingsError::Ring));
    assert_eq!(of(&scheduled, ring(&scheduled)), Ok(()));
    assert_eq!(of(&settings, key().into()), Ok(()));
}

#[test]
fn the_settings_of_keys_have_bounds() {
    let with = |rotate_every_s, announce_s| {
        let settings = Settings {
            rotate_every_s,
            announce_s,
            ..Settings::new(Algorithm::Hs256, ISSUER, AUDIENCE, TTL_S)
        };
        let key = SigningKey::from_secret(SECRET).unwrap();
        settings.ring(key, SeededEntropy::new(1)).map(drop)
    };
    // 904 s of overlap in six periods.
    assert_eq!(with(Some(151), 0), Ok(()));
    let refused = Err(SettingsError::RotateEvery {
        rotate_every_s: 150,
        least_s: 151,
    });
    assert_eq!(with(Some(150), 0), refused);
    assert!(with(Some(u64::MAX), 0).is_err() && with(None, u64::MAX).is_err());
    assert!(with(Some(999), 1_000).is_err() && with(Some(1_000), 1_000).is_ok());

    let read = |more: &str| {
        serde_json::from_str::<Settings>(&format!("{{\"algorithm\":\"EdDSA\"{more}}}"))
    };
    let read_well = read(r#","rotate_every_s":60,"announce_s":5"#).unwrap();
    assert_eq!(read_well.rotate_every_s, Some(60));
    assert_eq!(read("").unwrap().rotate_every_s, None);
    for wrong in [
        r#","rotate_every_s":0"#,
        r#","rotate_every_s":null"#,
        r#","rotate_every_s":34560001"#,
        r#","announce_s":34560001"#,
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    let written = serde_json::to_string(&read("").unwrap()).unwrap();
    assert!(!written.contains("rotate") && !written.contains("announce"));
}

/// The schedule alone leaves half of the ring's places for changes by hand.
#[test]
fn the_shortest_period_fills_half_a_ring() {
    let format = rotating(Algorithm::Hs256, |it| {
        it.rotate_every_s = Some(201);
        it.announce_s = 300 - 100;
        it.ttl_s = 1_000;
        it.skew_ms = 0;
    });
    for second in 0..5_000 {
        let at = AT.plus_ms(second * 1_000);
        seal(&format, at);
        let keys = format.ring().keys().verifying(at).count();
        assert!(keys <= MAX_KEYS / 2, "{keys}");
    }
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Rotate(usize),
    Seal(usize),
    Advance(u64),
    Withdraw(usize, prop::sample::Index),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => (0..3_usize).prop_map(Act::Rotate),
        4 => (0..3_usize).prop_map(Act::Seal),
        4 => prop_oneof![0..3_000_u64, 0..300_000_u64, Just(60_000)].prop_map(Act::Advance),
        1 => (0..3_usize, any::<prop::sample::Index>()).prop_map(|(node, at)| Act::Withdraw(node, at)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Three nodes whose clocks differ by up to the skew, over one ring: each
    /// accepts a token if and only if it has not expired by the node's own
    /// clock and its key was not withdrawn.
    #[test]
    fn a_token_lives_until_it_expires_or_its_key_is_withdrawn(
        acts in prop::collection::vec(act(), 1..60),
        offsets_ms in prop::array::uniform3(0..=2_000_u64),
        scheduled in any::<bool>(),
        announce_s in prop_oneof![Just(0), 0..30_u64],
    ) {
        let format = rotating(Algorithm::Hs256, |it| {
            it.ttl_s = 60;
            it.announce_s = announce_s;
            it.rotate_every_s = scheduled.then_some(40);
        });
        let ring = format.ring();
        let (mut now, mut tokens, mut withdrawn) = (AT, Vec::new(), Vec::new());
        for act in acts {
            let clock = |node: usize| now.plus_ms(offsets_ms[node]);
            match act {
                Act::Rotate(node) => match ring.rotate(clock(node)) {
                    Ok(()) | Err(RotateError::Full) => {}
                    Err(other) => return Err(TestCaseError::fail(other.to_string())),
                },
                Act::Seal(node) => tokens.push(seal(&format, clock(node))),
                Act::Advance(by_ms) => now = now.plus_ms(by_ms),
                Act::Withdraw(node, which) => {
                    let keys = ring.keys();
                    let keys: Vec<_> = keys.verifying(clock(node)).collect();
                    let kid = which.get(&keys).verifying_key().kid().to_owned();
                    prop_assert!(ring.withdraw(&kid, clock(node)).unwrap());
                    withdrawn.push(kid);
                }
            }
            for (text, expires_at) in &tokens {
                for offset_ms in offsets_ms {
                    let at = now.plus_ms(offset_ms);
                    let lives = at < *expires_at && !withdrawn.contains(&kid_of(text));
                    prop_assert_eq!(format.verify(text, at).is_ok(), lives);
                }
            }
        }
    }
}

/// A stamp and a token's own name are in the token only if they were asked for.
#[tokio::test]
async fn private_claims_are_there_when_asked_for() {
    let known = known(Algorithm::Hs256);
    let format = known.strategy.format();
    let subject = subject();
    let plain = NewToken {
        subject: &subject,
        login: LoginId([7; 16]),
        token_id: None,
        stamp: None,
        expires_by: None,
    };
    let payload = |token: &NewToken<'_>| {
        let sealed = format.seal(token, AT).unwrap();
        let [_, payload, _] = segments(sealed.text.expose());
        let claims: Value = serde_json::from_slice(&compact::decode(payload).unwrap()).unwrap();
        (claims, format.open(sealed.text.expose(), AT).unwrap())
    };
    let (claims, opened) = payload(&plain);
    let names: Vec<_> = claims.as_object().unwrap().keys().collect();
    assert_eq!(names, ["iss", "sub", "aud", "exp", "iat", "jti", "roles"]);
    assert_eq!(opened.stamp, None);

    for stamp in [0, u64::MAX] {
        let (claims, opened) = payload(&NewToken {
            token_id: Some([8; 16]),
            stamp: Some(stamp),
            ..plain
        });
        assert_eq!(opened.stamp, Some(stamp));
        assert_eq!(opened.identity.login, plain.login);
        assert_eq!(claims["jti"], LoginId([8; 16]).to_string());
        assert_eq!(claims["sid"], plain.login.to_string());
    }
    for (claim, wrong) in [
        ("stamp", json!(null)),
        ("stamp", json!("1")),
        ("stamp", json!(-1)),
        ("sid", json!(null)),
        ("sid", json!("")),
        ("sid", json!(1)),
    ] {
        let mut claims = good_claims();
        claims[claim] = wrong;
        let verdict = known.verdict(&known.forge(&claims));
        assert_eq!(verdict, Err(Refusal::BadClaims), "{claims}");
    }
}

#[test]
fn a_bound_shortens_a_life_and_never_lengthens_it() {
    let format = known(Algorithm::Hs256).strategy.format();
    let subject = subject();
    for (bound, expires_s) in [
        (AT.plus_ms(10_000), AT.whole_secs() + 10),
        (UnixMs(u64::MAX), AT.whole_secs() + TTL_S),
        (AT, AT.whole_secs()),
    ] {
        let token = NewToken {
            subject: &subject,
            login: LoginId([7; 16]),
            token_id: None,
            stamp: None,
            expires_by: Some(bound),
        };
        let sealed = format.seal(&token, AT).unwrap();
        assert_eq!(sealed.expires_at, UnixMs(expires_s * 1000));
        assert!(sealed.expires_at <= bound);
        let alive = format.open(sealed.text.expose(), AT).is_ok();
        assert_eq!(alive, sealed.expires_at > AT);
    }
}
