//! The rules of rotation, against a small model, and under real races.

use std::collections::HashMap;
use std::error::Error;

use authbench_core::account::AccountFuture;
use authbench_core::{Credentials, SeededEntropy};
use authbench_stores::{Fault, Faulty, MemoryStore, Switch};
use parking_lot::Mutex;
use proptest::prelude::*;

use super::*;
use crate::jwt::{Algorithm, JwtFormat, SigningKey};

const AT: UnixMs = UnixMs(1_800_000_000_250);
const TTL_S: u64 = 60;
const CHAIN_MS: u64 = 600_000;
const WINDOW_MS: u64 = 5_000;

type OverStore<S> = Refreshing<JwtFormat, S, SeededEntropy>;

fn strategy<S: RecordStore>(store: S, grace: Grace) -> OverStore<S> {
    let jwt = crate::jwt::Settings::new(Algorithm::Hs256, "i", "a", TTL_S);
    let key = SigningKey::from_secret(&[7; 32]).unwrap();
    let settings = Settings {
        chain_ms: CHAIN_MS,
        grace,
    };
    let format = JwtFormat::new(jwt, key).unwrap();
    let key = RefreshKey::from_bytes(&[8; 32]).unwrap();
    Refreshing::new(
        settings,
        format,
        Arc::new(key),
        store,
        SeededEntropy::new(3),
    )
}

const GRACE: Grace = Grace::ReplaySuccessor {
    window_ms: WINDOW_MS,
};

fn subject() -> Subject {
    Subject {
        id: SubjectId::new("u-1"),
        roles: ["user"].into_iter().collect(),
    }
}

async fn log_in<S: RecordStore>(strategy: &OverStore<S>, at: UnixMs) -> Credentials {
    let issued = strategy.issue(&subject(), at).await.unwrap();
    issued.granted().unwrap()
}

/// What a refresh token alone is answered.
async fn renew<S: RecordStore>(
    strategy: &OverStore<S>,
    refresh: &str,
    at: UnixMs,
) -> Result<Credentials, Refusal> {
    let presented = Presented {
        access: None,
        refresh: Some(refresh),
    };
    match strategy.refresh(&presented, at).await.unwrap() {
        Refreshed::Renewed(credentials) => Ok(credentials),
        Refreshed::Refused(refusal) => Err(refusal),
        Refreshed::NotOffered => panic!("refresh is offered"),
    }
}

fn token(credentials: &Credentials) -> &str {
    credentials.refresh.as_ref().unwrap().expose()
}

#[tokio::test]
async fn a_renewal_gives_new_tokens_of_the_same_login() {
    let strategy = strategy(MemoryStore::new(), Grace::Strict);
    let first = log_in(&strategy, AT).await;
    let later = AT.plus_ms(10_000);
    let second = renew(&strategy, token(&first), later).await.unwrap();
    assert_eq!(first.login, second.login);
    assert_ne!(first.access, second.access);
    assert_ne!(token(&first), token(&second));
    for access in [&first.access, &second.access] {
        let presented = Presented::access(access.expose());
        let decision = strategy.authenticate(&presented, later).await.unwrap();
        let identity = decision.accepted().unwrap();
        assert_eq!(
            (identity.login, identity.roles),
            (first.login, subject().roles)
        );
    }
    let nothing = strategy.refresh(&Presented::default(), AT).await.unwrap();
    assert!(matches!(nothing, Refreshed::Refused(Refusal::Missing)));
}

#[tokio::test]
async fn reuse_ends_the_family() {
    let strategy = strategy(MemoryStore::new(), Grace::Strict);
    let first = log_in(&strategy, AT).await;
    let second = renew(&strategy, token(&first), AT).await.unwrap();
    let reuse = renew(&strategy, token(&first), AT).await;
    assert_eq!(reuse.unwrap_err(), Refusal::Revoked);
    let newest = renew(&strategy, token(&second), AT).await;
    assert_eq!(newest.unwrap_err(), Refusal::Unknown);
    assert_eq!(
        strategy.logins(&subject().id, AT).await.unwrap(),
        Logins::Known(Vec::new())
    );
}

#[tokio::test]
async fn grace_is_bounded_and_does_not_chain() {
    let strategy = strategy(MemoryStore::new(), GRACE);
    let first = log_in(&strategy, AT).await;
    let second = renew(&strategy, token(&first), AT).await.unwrap();
    // Being answered does not move the window.
    for after_ms in [0, 3_000, WINDOW_MS - 1] {
        let again = renew(&strategy, token(&first), AT.plus_ms(after_ms))
            .await
            .unwrap();
        assert_eq!(token(&again), token(&second));
        assert_ne!(again.access, second.access);
    }
    let late = renew(&strategy, token(&first), AT.plus_ms(WINDOW_MS)).await;
    assert_eq!(late.unwrap_err(), Refusal::Revoked);
    assert!(renew(&strategy, token(&second), AT).await.is_err());

    let first = log_in(&strategy, AT).await;
    let second = renew(&strategy, token(&first), AT).await.unwrap();
    renew(&strategy, token(&second), AT).await.unwrap();
    let grandparent = renew(&strategy, token(&first), AT).await;
    assert_eq!(grandparent.unwrap_err(), Refusal::Revoked);
}

#[tokio::test]
async fn grace_does_not_outlive_a_revocation() {
    let strategy = strategy(MemoryStore::new(), GRACE);
    for scope in 0..3 {
        let first = log_in(&strategy, AT).await;
        renew(&strategy, token(&first), AT).await.unwrap();
        let id = subject().id;
        let scope = match scope {
            0 => Scope::Presented(first.present()),
            1 => Scope::Login {
                subject: &id,
                login: first.login,
            },
            _ => Scope::Subject(&id),
        };
        let receipt = strategy.revoke(&scope, AT).await.unwrap();
        assert_eq!(receipt.effective_from, AT.plus_ms(TTL_S * 1000));
        let refused = renew(&strategy, token(&first), AT).await;
        assert_eq!(refused.unwrap_err(), Refusal::Unknown);
    }
}

#[tokio::test]
async fn a_refresh_token_alone_logs_out() {
    let strategy = strategy(MemoryStore::new(), Grace::Strict);
    let login = log_in(&strategy, AT).await;
    let after = AT.plus_ms(TTL_S * 1000);
    let stale = Presented::access(login.access.expose());
    strategy
        .revoke(&Scope::Presented(stale), after)
        .await
        .unwrap();
    let both = login.present();
    strategy
        .revoke(&Scope::Presented(both), after)
        .await
        .unwrap();
    assert!(renew(&strategy, token(&login), after).await.is_err());
}

/// The usual state of a client that comes back after a while.
#[tokio::test]
async fn an_expired_access_token_alone_logs_out() {
    let strategy = strategy(MemoryStore::new(), Grace::Strict);
    let login = log_in(&strategy, AT).await;
    let other = log_in(&strategy, AT).await;
    let after = AT.plus_ms(TTL_S * 1000 + 5);
    let stale = Presented::access(login.access.expose());
    strategy
        .revoke(&Scope::Presented(stale), after)
        .await
        .unwrap();
    let refused = renew(&strategy, token(&login), after).await;
    assert_eq!(refused.unwrap_err(), Refusal::Unknown);
    assert!(renew(&strategy, token(&other), after).await.is_ok());
}

#[tokio::test]
async fn the_chain_has_an_end_that_no_access_token_outlives_by_a_second() {
    let strategy = strategy(MemoryStore::new(), Grace::Strict);
    let login = log_in(&strategy, AT).await;
    let end = AT.plus_ms(CHAIN_MS);
    let near = UnixMs(end.0 - 5_000);
    let short = renew(&strategy, token(&login), near).await.unwrap();
    assert!(short.expires_at.since(end) < 1000 && short.expires_at > near);
    let last = renew(&strategy, token(&short), UnixMs(end.0 - 1)).await;
    let last = last.unwrap();
    assert!(last.expires_at.since(end) < 1000 && last.expires_at >= end);
    let login = log_in(&strategy, AT).await;
    assert_eq!(
        renew(&strategy, token(&login), end).await.unwrap_err(),
        Refusal::Expired
    );
}

/// One account, as the test says it is.
struct Told(Mutex<Option<AccountState>>);

impl AccountDirectory for Told {
    fn account<'a>(&'a self, _: &'a SubjectId) -> AccountFuture<'a> {
        let state = self.0.lock().clone();
        Box::pin(async move { Ok(state) })
    }
}

struct Silent;

impl AccountDirectory for Silent {
    fn account<'a>(&'a self, _: &'a SubjectId) -> AccountFuture<'a> {
        Box::pin(async { Err::<_, Box<dyn Error + Send + Sync>>("no answer".into()) })
    }
}

#[tokio::test]
async fn each_renewal_looks_at_the_account() {
    let good = AccountState {
        roles: ["auditor"].into_iter().collect(),
        active: true,
        proof_changed_at: AT,
        kept: None,
    };
    let later = AT.plus_ms(1);
    let changed = AccountState {
        proof_changed_at: later,
        ..good.clone()
    };
    let barred = AccountState {
        active: false,
        ..good.clone()
    };
    let told = Arc::new(Told(Mutex::new(None)));
    let strategy = strategy(MemoryStore::new(), Grace::Strict).with_accounts(told.clone());
    for (state, renews) in [
        (Some(good.clone()), true),
        (Some(changed.clone()), false),
        (Some(barred), false),
        (None, false),
    ] {
        let login = log_in(&strategy, AT).await;
        *told.0.lock() = state;
        let renewed = renew(&strategy, token(&login), later).await;
        assert_eq!(renewed.is_ok(), renews);
        if let Ok(renewed) = renewed {
            let decision = strategy
                .authenticate(&renewed.present(), later)
                .await
                .unwrap();
            assert_eq!(decision.accepted().unwrap().roles, good.roles);
        } else {
            *told.0.lock() = Some(good.clone());
            let again = renew(&strategy, token(&login), later).await;
            assert_eq!(again.unwrap_err(), Refusal::Unknown, "the family is gone");
        }
    }
    let login = log_in(&strategy, AT).await;
    *told.0.lock() = Some(AccountState {
        kept: Some(login.login),
        ..changed
    });
    assert!(renew(&strategy, token(&login), later).await.is_ok());
}

#[tokio::test]
async fn an_account_that_cannot_be_asked_is_an_outage() {
    let strategy = strategy(MemoryStore::new(), Grace::Strict).with_accounts(Arc::new(Silent));
    let login = log_in(&strategy, AT).await;
    let answer = strategy.refresh(&login.present(), AT).await;
    assert!(matches!(answer, Err(StrategyError::Remote { .. })));
}

#[tokio::test]
async fn a_lost_answer_costs_the_login_or_is_repeated() {
    for grace in [Grace::Strict, GRACE] {
        let switch = Switch::default();
        let strategy = strategy(Faulty::new(MemoryStore::new(), switch.clone()), grace);
        let login = log_in(&strategy, AT).await;
        switch.set(Some(Fault::LoseAnswer));
        assert!(strategy.refresh(&login.present(), AT).await.is_err());
        switch.set(None);
        let again = renew(&strategy, token(&login), AT).await;
        assert_eq!(again.is_ok(), grace != Grace::Strict);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_renewals_at_once_one_succeeds() {
    for grace in [Grace::Strict, GRACE] {
        let store = Arc::new(MemoryStore::new());
        let nodes = [(); 2].map(|()| Arc::new(strategy(Arc::clone(&store), grace)));
        for _ in 0..50 {
            let login = Arc::new(log_in(&nodes[0], AT).await);
            let tasks: Vec<_> = (0..8)
                .map(|n| {
                    let (node, login) = (Arc::clone(&nodes[n % 2]), Arc::clone(&login));
                    tokio::spawn(async move { renew(&node, token(&login), AT).await })
                })
                .collect();
            let mut successors = Vec::new();
            for task in tasks {
                successors.extend(task.await.unwrap().ok());
            }
            let newest = token(&successors[0]).to_owned();
            assert!(successors.iter().all(|it| token(it) == newest));
            let lives = renew(&nodes[1], &newest, AT).await.is_ok();
            if grace == Grace::Strict {
                assert_eq!((successors.len(), lives), (1, false));
            } else {
                assert_eq!((successors.len(), lives), (8, true));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_renewed_once_a_revocation_is_acknowledged() {
    let store = Arc::new(MemoryStore::new());
    let nodes = [(); 2].map(|()| Arc::new(strategy(Arc::clone(&store), GRACE)));
    for _ in 0..100 {
        let login = Arc::new(log_in(&nodes[0], AT).await);
        let (node, held) = (Arc::clone(&nodes[1]), Arc::clone(&login));
        let racing = tokio::spawn(async move { renew(&node, token(&held), AT).await });
        let id = subject().id;
        nodes[0].revoke(&Scope::Subject(&id), AT).await.unwrap();
        let renewed = racing.await.unwrap();
        for text in renewed.iter().map(token).chain([token(&login)]) {
            let after = renew(&nodes[1], text, AT).await;
            assert_eq!(after.unwrap_err(), Refusal::Unknown);
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Renew { back: usize, node: usize },
    Revoke,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (prop_oneof![4 => Just(0), 3 => Just(1), 1 => 2..5_usize], 0..2_usize)
            .prop_map(|(back, node)| Step::Renew { back, node }),
        1 => Just(Step::Revoke),
        4 => prop_oneof![0..3_000_u64, Just(WINDOW_MS), 0..CHAIN_MS / 3].prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// The newest token renews, its predecessor is answered in the window, and
    /// anything else ends it all.
    #[test]
    fn agrees_with_the_model(
        steps in prop::collection::vec(step(), 1..40),
        lenient: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let grace = if lenient { GRACE } else { Grace::Strict };
            let store = Arc::new(MemoryStore::new());
            let nodes = [(); 2].map(|()| strategy(Arc::clone(&store), grace));
            let mut now = AT;
            let mut tokens = vec![token(&log_in(&nodes[0], now).await).to_owned()];
            let (mut alive, mut rotated_at) = (true, HashMap::new());
            for step in steps {
                match step {
                    Step::Wait(ms) => now = now.plus_ms(ms),
                    Step::Revoke => {
                        nodes[0].revoke(&Scope::Subject(&subject().id), now).await.unwrap();
                        alive = false;
                    }
                    Step::Renew { back, node } => {
                        let n = tokens.len() - 1 - back.min(tokens.len() - 1);
                        let newest = n + 1 == tokens.len();
                        let expired = now >= AT.plus_ms(CHAIN_MS);
                        let graced = lenient && n + 2 == tokens.len()
                            && rotated_at.get(&n).is_some_and(|at: &UnixMs| now.since(*at) < WINDOW_MS);
                        let answer = renew(&nodes[node], &tokens[n], now).await;
                        if newest && alive && !expired {
                            rotated_at.insert(n, now);
                            let answer = answer.unwrap();
                            tokens.push(token(&answer).to_owned());
                        } else if graced && alive && !expired {
                            let answer = answer.unwrap();
                            prop_assert_eq!(token(&answer), &tokens[n + 1]);
                        } else {
                            prop_assert!(answer.is_err());
                            alive = alive && expired;
                        }
                    }
                }
            }
            Ok(())
        })?;
    }
}
