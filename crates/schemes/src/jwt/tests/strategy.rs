//! What the strategy promises, and does.

use std::collections::HashSet;

use authbench_core::system::OsEntropy;
use authbench_core::{
    AuthStrategy as _, Decision, EntropyError, Logins, Presented, Receipt, Refreshed, Roles, Scope,
    Staleness, StrategyError,
};
use proptest::prelude::*;

use super::super::{MAX_SKEW_MS, MAX_TTL_S};
use super::*;

#[tokio::test]
async fn a_login_is_recognised_until_its_last_millisecond() {
    for algorithm in Algorithm::ALL {
        let strategy = &known(algorithm).strategy;
        let credentials = strategy
            .issue(&subject(), AT)
            .await
            .unwrap()
            .granted()
            .unwrap();
        assert_eq!(
            credentials.expires_at,
            UnixMs((AT.whole_secs() + TTL_S) * 1000)
        );
        assert!(credentials.expires_at.since(AT) <= strategy.guarantees().lifetime_ms);
        let presented = credentials.present();
        let last = UnixMs(credentials.expires_at.0 - 1);
        for at in [AT, last] {
            let decision = strategy.authenticate(&presented, at).await.unwrap();
            let identity = decision.accepted().unwrap();
            assert_eq!(identity.subject, subject().id);
            assert_eq!(identity.roles, subject().roles);
            assert_eq!(identity.login, credentials.login);
            assert_eq!(identity.expires_at, credentials.expires_at);
        }
        let refused = strategy
            .authenticate(&presented, credentials.expires_at)
            .await
            .unwrap();
        assert_eq!(refused, Decision::Refused(Refusal::Expired));
        let nothing = strategy
            .authenticate(&Presented::default(), AT)
            .await
            .unwrap();
        assert_eq!(nothing, Decision::Refused(Refusal::Missing));
    }
}

#[tokio::test]
async fn receipts_name_the_instant_of_the_last_acceptance() {
    let strategy = &known(Algorithm::Hs256).strategy;
    let credentials = strategy
        .issue(&subject(), AT)
        .await
        .unwrap()
        .granted()
        .unwrap();
    let later = AT.plus_ms(10_000);
    let last_expiry = Receipt {
        effective_from: later.plus_ms(TTL_S * 1000),
    };
    let receipt =
        |scope: Scope<'static>| async move { strategy.revoke(&scope, later).await.unwrap() };

    let own = strategy
        .revoke(&Scope::Presented(credentials.present()), later)
        .await
        .unwrap();
    assert_eq!(
        own,
        Receipt {
            effective_from: credentials.expires_at
        }
    );
    let after = credentials.expires_at.plus_ms(1);
    let dead = strategy
        .revoke(&Scope::Presented(credentials.present()), after)
        .await
        .unwrap();
    assert_eq!(
        dead,
        Receipt {
            effective_from: after
        }
    );
    for nothing in [Presented::default(), Presented::access("no.such.token")] {
        assert_eq!(
            receipt(Scope::Presented(nothing)).await,
            Receipt {
                effective_from: later
            }
        );
    }

    let (id, login) = (&subject().id, credentials.login);
    for scope in [
        Scope::Login { subject: id, login },
        Scope::Subject(id),
        Scope::Others {
            subject: id,
            keep: login,
        },
    ] {
        assert_eq!(strategy.revoke(&scope, later).await.unwrap(), last_expiry);
    }
    assert_eq!(
        strategy.change_roles(&subject(), later).await.unwrap(),
        last_expiry
    );
    let decision = strategy
        .authenticate(&credentials.present(), later)
        .await
        .unwrap();
    assert!(
        decision.accepted().is_some(),
        "nothing can end a token early"
    );
}

/// A token of a replica whose clock runs ahead is refused today and good
/// tomorrow: a receipt that calls it dead at once would lie.
#[tokio::test]
async fn the_receipt_of_a_token_from_the_future_is_its_expiry() {
    let strategy = &known(Algorithm::Hs256).strategy;
    let ahead = AT.plus_ms(600_000);
    let credentials = strategy
        .issue(&subject(), ahead)
        .await
        .unwrap()
        .granted()
        .unwrap();
    assert_eq!(
        strategy.format().verify(credentials.access.expose(), AT),
        Err(Refusal::NotYetValid)
    );
    let receipt = strategy
        .revoke(&Scope::Presented(credentials.present()), AT)
        .await
        .unwrap();
    assert_eq!(receipt.effective_from, credentials.expires_at);
}

#[tokio::test]
async fn promises_nothing_that_needs_a_store() {
    let strategy = &known(Algorithm::Hs256).strategy;
    let promised = strategy.guarantees();
    assert_eq!(promised.revoke_one, Staleness::UntilExpiry);
    assert_eq!(promised.expiry_slack_ms, 0);
    assert_eq!(promised.lifetime_ms, TTL_S * 1000);
    let credentials = strategy
        .issue(&subject(), AT)
        .await
        .unwrap()
        .granted()
        .unwrap();
    let refreshed = strategy.refresh(&credentials.present(), AT).await.unwrap();
    assert!(matches!(refreshed, Refreshed::NotOffered));
    assert_eq!(
        strategy.logins(&subject().id, AT).await.unwrap(),
        Logins::NotKept
    );
}

#[test]
fn settings_have_bounds() {
    let of = |change: fn(&mut Settings)| {
        let mut settings = Settings::new(Algorithm::Hs256, ISSUER, AUDIENCE, TTL_S);
        change(&mut settings);
        let key = SigningKey::from_secret(SECRET).unwrap();
        jwt(settings, key, OsEntropy).map(drop)
    };
    assert_eq!(of(|it| it.ttl_s = 1), Ok(()));
    assert_eq!(of(|it| it.ttl_s = MAX_TTL_S), Ok(()));
    assert_eq!(of(|it| it.ttl_s = 0), Err(SettingsError::Ttl { ttl_s: 0 }));
    let ttl_s = MAX_TTL_S + 1;
    assert_eq!(
        of(|it| it.ttl_s = MAX_TTL_S + 1),
        Err(SettingsError::Ttl { ttl_s })
    );
    assert_eq!(of(|it| it.skew_ms = MAX_SKEW_MS), Ok(()));
    assert!(matches!(
        of(|it| it.skew_ms = MAX_SKEW_MS + 1),
        Err(SettingsError::Skew { .. })
    ));
    assert_eq!(of(|it| it.issuer.clear()), Err(SettingsError::Nameless));
    assert_eq!(of(|it| it.audience.clear()), Err(SettingsError::Nameless));
    let other = of(|it| it.algorithm = Algorithm::Es256);
    assert!(matches!(other, Err(SettingsError::Key { .. })));

    let read = |text: &str| serde_json::from_str::<Settings>(text);
    let whole = r#"{"algorithm":"ES256","issuer":"i","audience":"a","ttl_s":5}"#;
    assert_eq!(
        read(whole).unwrap(),
        Settings::new(Algorithm::Es256, "i", "a", 5)
    );
    assert!(read(&whole.replace("ttl_s", "ttl")).is_err());
    assert!(read(&whole.replace("ES256", "none")).is_err());
}

/// RFC 7519 4.1.7, CWE-330.
#[test]
fn no_login_id_comes_twice() {
    let key = SigningKey::from_secret(SECRET).unwrap();
    let settings = Settings::new(Algorithm::Hs256, ISSUER, AUDIENCE, TTL_S);
    let strategy = jwt(settings, key, OsEntropy).unwrap();
    let mut seen = HashSet::new();
    for _ in 0..4_000 {
        assert!(seen.insert(strategy.seal(&subject(), AT).unwrap().login));
    }
}

#[test]
fn no_entropy_no_token() {
    struct Dry;
    impl Entropy for Dry {
        fn fill(&self, _: &mut [u8]) -> Result<(), EntropyError> {
            Err(EntropyError {
                source: "dry".into(),
            })
        }
    }
    let key = SigningKey::from_secret(SECRET).unwrap();
    let settings = Settings::new(Algorithm::Hs256, ISSUER, AUDIENCE, TTL_S);
    let strategy = jwt(settings, key, Dry).unwrap();
    assert!(matches!(
        strategy.seal(&subject(), AT),
        Err(StrategyError::Entropy(_))
    ));
}

#[test]
fn a_token_that_no_verifier_would_read_is_not_made() {
    let strategy = &known(Algorithm::EdDsa).strategy;
    let with_roles = |count: usize| {
        let roles: Roles = (0..count).map(|role| format!("role-{role:05}")).collect();
        strategy.seal(
            &Subject {
                id: subject().id,
                roles,
            },
            AT,
        )
    };
    let most = (1..2_000)
        .rev()
        .find_map(|count| with_roles(count).ok())
        .unwrap();
    assert!(most.access.expose().len() > compact::MAX_TOKEN_OCTETS - 20);
    assert!(strategy.format().verify(most.access.expose(), AT).is_ok());
    assert!(matches!(
        with_roles(2_000),
        Err(StrategyError::Sealing { format: "jwt", .. })
    ));
}

proptest! {
    /// `at == exp` is dead, one millisecond earlier is alive (RFC 7519 4.1.4),
    /// whatever the tolerance for clocks.
    #[test]
    fn expiry_is_exact(
        at in 1_000_000_000_000..4_000_000_000_000_u64,
        ttl_s in 1..=MAX_TTL_S,
        skew_ms in 0..=MAX_SKEW_MS,
    ) {
        let key = SigningKey::from_secret(SECRET).unwrap();
        let settings = Settings {
            skew_ms,
            ..Settings::new(Algorithm::Hs256, ISSUER, AUDIENCE, ttl_s)
        };
        let strategy = jwt(settings, key, SeededEntropy::new(at)).unwrap();
        let credentials = strategy.seal(&subject(), UnixMs(at)).unwrap();
        let (text, end) = (credentials.access.expose(), credentials.expires_at);
        prop_assert_eq!(end.0, (at / 1000 + ttl_s) * 1000);
        prop_assert!(strategy.format().verify(text, UnixMs(at)).is_ok());
        prop_assert!(strategy.format().verify(text, UnixMs(end.0 - 1)).is_ok());
        prop_assert_eq!(strategy.format().verify(text, end), Err(Refusal::Expired));
        let begin = UnixMs(at / 1000 * 1000 - skew_ms);
        prop_assert!(strategy.format().verify(text, begin).is_ok());
        let before = UnixMs(begin.0 - 1);
        prop_assert_eq!(strategy.format().verify(text, before), Err(Refusal::NotYetValid));
    }
}
