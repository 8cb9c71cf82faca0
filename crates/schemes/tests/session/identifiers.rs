//! Identifiers: unique, exact, and dead when ended.

use std::collections::HashSet;
use std::sync::Arc;

use authbench_core::system::OsEntropy;
use authbench_core::{AuthStrategy, Decision, Refusal, Scope, SeededEntropy, UnixMs};
use authbench_schemes::session::{ID_CHARS, Session, Settings};
use authbench_stores::MemoryStore;
use proptest::prelude::*;

use crate::support::{AT, SETTINGS, accepts, block_on, judge, login, login_at, subject};

/// No id and no login handle repeats over logins made in parallel on two
/// nodes (ASVS 5.0 7.2.3).
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ids_never_repeat() {
    let store = Arc::new(MemoryStore::new());
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let node = Session::new(SETTINGS, Arc::clone(&store), OsEntropy);
            tokio::spawn(async move {
                let mut issued = Vec::new();
                for _ in 0..500 {
                    issued.push(login(&node, "ada").await);
                }
                issued
            })
        })
        .collect();
    let (mut ids, mut logins) = (HashSet::new(), HashSet::new());
    for task in tasks {
        for credentials in task.await.unwrap() {
            assert_eq!(credentials.access.expose().len(), ID_CHARS);
            assert!(ids.insert(credentials.access.expose().to_owned()));
            assert!(logins.insert(credentials.login));
        }
    }
    assert_eq!(
        (ids.len(), logins.len(), store.len()),
        (2_000, 2_000, 2_000)
    );
}

/// A logout beside a change of roles ends the login for good.
#[test]
fn no_change_of_roles_revives_an_ended_login() {
    let store = Arc::new(MemoryStore::new());
    for round in 0..200_u64 {
        let session = Session::new(SETTINGS, Arc::clone(&store), SeededEntropy::new(round));
        let credentials = block_on(login(&session, "ada"));
        std::thread::scope(|scope| {
            for role in ["a", "b"] {
                let session = &session;
                scope.spawn(move || {
                    for roles in [&[role][..], &[]] {
                        block_on(session.change_roles(&subject("ada", roles), AT)).unwrap();
                    }
                });
            }
            scope.spawn(|| {
                if round % 2 == 0 {
                    std::thread::yield_now();
                }
                block_on(async {
                    session
                        .revoke(&Scope::Presented(credentials.present()), AT)
                        .await
                        .unwrap();
                    assert!(!accepts(&session, &credentials).await);
                });
            });
        });
        assert!(!block_on(accepts(&session, &credentials)));
        assert!(store.is_empty());
    }
}

/// Other spellings that a lenient reader might take for `id`.
fn spellings(id: &str) -> Vec<String> {
    let encoded: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let first_encoded = format!("%{:02x}{}", id.as_bytes()[0], &id[1..]);
    let swapped_case = id.chars().map(|c| {
        if c.is_ascii_lowercase() {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        }
    });
    let mut all = vec![
        encoded,
        first_encoded,
        swapped_case.collect(),
        id.to_uppercase(),
        id.to_lowercase(),
        id.replace('-', "+").replace('_', "/"),
        format!("\"{id}\""),
        format!("{id}{id}"),
    ];
    for junk in ["=", "==", " ", "\t", "\0", "\r\n", "A", ";", "\u{200b}"] {
        all.push(format!("{id}{junk}"));
        all.push(format!("{junk}{id}"));
    }
    all.extend((0..id.len()).map(|end| id[..end].to_owned()));
    all.extend((1..id.len()).map(|start| id[start..].to_owned()));
    all.retain(|text| text != id);
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Look-up is exact (ASVS 5.0 7.2.1, check SESSION-009).
    #[test]
    fn no_other_spelling_of_an_id_is_accepted(seed: u64) {
        let session = Session::new(SETTINGS, MemoryStore::new(), SeededEntropy::new(seed));
        block_on(async {
            let credentials = login(&session, "ada").await;
            for text in spellings(credentials.access.expose()) {
                let decision = judge(&session, &text, AT).await;
                prop_assert!(matches!(decision, Decision::Refused(_)), "{text:?}");
            }
            prop_assert!(accepts(&session, &credentials).await);
            Ok(())
        })?;
    }

    /// Every position counts, to the last bit of the last character.
    #[test]
    fn no_changed_character_is_accepted(seed: u64, replacement: char) {
        let session = Session::new(SETTINGS, MemoryStore::new(), SeededEntropy::new(seed));
        let alphabet = (b'!'..=b'~').map(char::from);
        let replacements: Vec<char> = alphabet.chain([replacement]).collect();
        block_on(async {
            let credentials = login(&session, "ada").await;
            let id: Vec<char> = credentials.access.expose().chars().collect();
            for position in 0..id.len() {
                for &replacement in replacements.iter().filter(|c| **c != id[position]) {
                    let mut changed = id.clone();
                    changed[position] = replacement;
                    let text: String = changed.into_iter().collect();
                    let decision = judge(&session, &text, AT).await;
                    prop_assert!(matches!(decision, Decision::Refused(_)), "{text:?}");
                }
            }
            Ok(())
        })?;
    }

    /// `at >= expires_at` refuses (RFC 7519 4.1.4), for any lifetime.
    #[test]
    fn expiry_is_exact(begin: u64, lifetime_ms: u64, later: u64) {
        let settings = Settings { lifetime_ms, ..SETTINGS };
        let session = Session::new(settings, MemoryStore::new(), SeededEntropy::new(1));
        block_on(async {
            let begin = UnixMs(begin);
            let credentials = login_at(&session, "ada", begin).await.unwrap();
            prop_assert_eq!(credentials.expires_at, begin.plus_ms(lifetime_ms));
            let text = credentials.access.expose();
            let at = begin.plus_ms(later);
            let decision = judge(&session, text, at).await;
            prop_assert_eq!(decision.accepted().is_some(), at < credentials.expires_at);
            let decision = judge(&session, text, credentials.expires_at).await;
            prop_assert_eq!(decision, Decision::Refused(Refusal::Expired));
            Ok(())
        })?;
    }
}
