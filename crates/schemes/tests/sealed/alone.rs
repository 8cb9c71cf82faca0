//! Cookies that stand by themselves.

use std::sync::Arc;

use authbench_core::{
    AuthStrategy, Decision, Identity, Logins, OutageBehaviour, Refreshed, Refusal, Scope,
    SeededEntropy, Staleness, SubjectId, UnixMs,
};
use authbench_schemes::keyring::KeyRing;
use authbench_schemes::sealed::{Key, Settings, SettingsError, stateless};

use crate::support::{AT, LIFETIME_MS, NAME, alone, fixed, judge, key, login, settings, subject};

#[tokio::test]
async fn a_cookie_holds_everywhere_until_the_instant_of_its_expiry() {
    let (node, other) = (alone(NAME, fixed(1), 2), alone(NAME, fixed(1), 3));
    let credentials = login(&node, "ada", AT).await;
    let identity = Identity {
        subject: SubjectId::new("ada"),
        roles: ["user"].iter().collect(),
        login: credentials.login,
        expires_at: AT.plus_ms(LIFETIME_MS),
    };
    assert_eq!(credentials.expires_at, identity.expires_at);
    let text = credentials.access.expose();
    for at in [AT, UnixMs(AT.0 - 2_000), AT.plus_ms(LIFETIME_MS - 1)] {
        let accepted = Decision::Accepted(identity.clone());
        assert_eq!(judge(&other, text, at).await, accepted);
    }
    for (at, refusal) in [
        (UnixMs(AT.0 - 2_001), Refusal::NotYetValid),
        (AT.plus_ms(LIFETIME_MS), Refusal::Expired),
        (UnixMs(u64::MAX), Refusal::Expired),
    ] {
        assert_eq!(judge(&other, text, at).await, Decision::Refused(refusal));
    }
}

#[tokio::test]
async fn nothing_is_remembered_and_that_is_promised() {
    let node = alone(NAME, fixed(1), 2);
    let promised = AuthStrategy::guarantees(&node);
    assert_eq!(promised.revoke_one, Staleness::UntilExpiry);
    assert_eq!(promised.lifetime_ms, LIFETIME_MS);
    assert_eq!(promised.outage, OutageBehaviour::Unaffected);
    let held = login(&node, "ada", AT).await;
    let presented = Scope::Presented(held.present());
    let receipt = node.revoke(&presented, AT.plus_ms(7)).await.unwrap();
    assert_eq!(receipt.effective_from, held.expires_at);
    let decision = judge(&node, held.access.expose(), AT.plus_ms(8)).await;
    assert!(decision.accepted().is_some());
    let ada = subject("ada", &[]);
    assert_eq!(node.logins(&ada.id, AT).await.unwrap(), Logins::NotKept);
    let refreshed = node.refresh(&held.present(), AT).await.unwrap();
    assert!(matches!(refreshed, Refreshed::NotOffered));
}

/// The name of the cookie, the key and the kind of strategy are bound to it.
#[tokio::test]
async fn a_cookie_opens_nowhere_but_where_it_belongs() {
    let held = login(&alone(NAME, fixed(1), 2), "ada", AT).await;
    let text = held.access.expose();
    for elsewhere in [
        alone("__Host-other", fixed(1), 2),
        alone("", fixed(1), 2),
        alone(NAME, fixed(9), 2),
    ] {
        let decision = judge(&elsewhere, text, AT).await;
        assert_eq!(decision, Decision::Refused(Refusal::BadSignature));
    }
    let (stored, _) = crate::support::nodes();
    let decision = judge(&stored, text, AT).await;
    assert_eq!(decision, Decision::Refused(Refusal::BadSignature));
    let held = login(&stored, "ada", AT).await;
    let decision = judge(&alone(NAME, fixed(1), 2), held.access.expose(), AT).await;
    assert_eq!(decision, Decision::Refused(Refusal::BadSignature));
}

#[tokio::test]
async fn an_older_key_opens_until_its_last_cookie_has_expired_and_seals_no_more() {
    let settings = Settings {
        rotate_every_s: Some(10),
        ..settings()
    };
    let entropy = Arc::new(SeededEntropy::new(5));
    let rotation = settings.rotation();
    let keys = Arc::new(KeyRing::rotating(key(1), rotation, Arc::clone(&entropy)));
    let node = stateless(&settings, NAME, Arc::clone(&keys), entropy).unwrap();
    login(&node, "ada", AT).await;
    let last = login(&node, "ada", AT.plus_ms(9_999)).await;
    let new = login(&node, "ada", AT.plus_ms(10_000)).await;
    assert_ne!(last.access.expose()[..5], new.access.expose()[..5]);
    for held in [&last, &new] {
        let before = UnixMs(held.expires_at.0 - 1);
        for at in [AT.plus_ms(10_000), before] {
            let decision = judge(&node, held.access.expose(), at).await;
            assert!(decision.accepted().is_some(), "{at}");
        }
    }
    // The key is gone when it is of no use to anybody.
    let gone = AT.plus_ms(10_000 + rotation.overlap_ms);
    let decision = judge(&node, last.access.expose(), gone).await;
    assert_eq!(decision, Decision::Refused(Refusal::BadSignature));
    // One that was stolen is gone at once.
    let kid = keys.keys().newest().to_owned_kid();
    assert!(keys.withdraw(&kid, AT.plus_ms(10_001)).unwrap());
    let decision = judge(&node, new.access.expose(), AT.plus_ms(10_002)).await;
    assert_eq!(decision, Decision::Refused(Refusal::BadSignature));
}

trait OwnedKid {
    fn to_owned_kid(&self) -> String;
}

impl OwnedKid for Key {
    fn to_owned_kid(&self) -> String {
        authbench_schemes::keyring::RingKey::kid(self).to_owned()
    }
}

#[test]
fn settings_that_lose_cookies_are_refused() {
    let entropy = || Arc::new(SeededEntropy::new(5));
    let build = |settings: &Settings, keys| stateless(settings, NAME, keys, entropy()).err();
    let rotating =
        |settings: &Settings| Arc::new(KeyRing::rotating(key(1), settings.rotation(), entropy()));
    let good = Settings {
        rotate_every_s: Some(3),
        ..settings()
    };
    assert_eq!(build(&good, rotating(&good)), None);
    assert_eq!(build(&good, fixed(1)), Some(SettingsError::Ring));
    let longer = Settings {
        lifetime_ms: LIFETIME_MS + 1,
        ..good.clone()
    };
    assert_eq!(build(&longer, rotating(&good)), Some(SettingsError::Ring));
    let hasty = Settings {
        rotate_every_s: Some(2),
        ..good
    };
    let error = build(&hasty, rotating(&hasty));
    let (rotate_every_s, least_s) = (2, 3);
    let expected = SettingsError::RotateEvery {
        rotate_every_s,
        least_s,
    };
    assert_eq!(error, Some(expected));
    for wrong in [
        Settings {
            lifetime_ms: 0,
            ..settings()
        },
        Settings {
            lifetime_ms: u64::MAX,
            ..settings()
        },
        Settings {
            skew_ms: 60_001,
            ..settings()
        },
    ] {
        let error = build(&wrong, fixed(1));
        assert!(matches!(error, Some(SettingsError::Range { .. })));
    }
    assert!(Key::from_octets(&[7; 31]).is_err());
}
