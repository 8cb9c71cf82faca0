//! How many sessions a subject may have.

use std::collections::BTreeSet;

use authbench_core::{
    AuthStrategy, Credentials, Issued, LimitPolicy, LoginLimit, RecordStore, Scope, SeededEntropy,
    SubjectId,
};
use authbench_schemes::session::{Idle, Session, Settings};
use authbench_stores::{Fault, Faulty, MemoryStore, Switch};

use crate::support::{AT, SETTINGS, accepts, block_on, listed, login_at, nodes_with, subject};

fn settings(logins_max: u32, policy: LimitPolicy) -> Settings {
    Settings {
        limit: Some(LoginLimit { logins_max, policy }),
        ..SETTINGS
    }
}

#[tokio::test]
async fn reject_keeps_those_that_are_there() {
    let (session, other) = nodes_with(settings(2, LimitPolicy::Reject));
    let first = login_at(&session, "ada", AT).await.unwrap();
    let second = login_at(&other, "ada", AT).await.unwrap();
    for node in [&session, &other] {
        let issued = node.issue(&subject("ada", &[]), AT).await.unwrap();
        assert!(matches!(issued, Issued::LimitReached { logins_max: 2 }));
    }
    assert!(
        login_at(&session, "bob", AT).await.is_some(),
        "bob has none"
    );
    assert!(accepts(&other, &first).await && accepts(&session, &second).await);
    // What ends makes room at once.
    let scope = Scope::Presented(first.present());
    other.revoke(&scope, AT).await.unwrap();
    assert!(login_at(&session, "ada", AT).await.is_some());
    assert!(login_at(&session, "ada", AT).await.is_none());
}

/// Logins one after the other, all in one millisecond or with a clock that
/// goes back: the oldest is the one that was first, not the one whose clock
/// said the least.
#[tokio::test]
async fn evict_ends_the_oldest_whatever_the_clocks_say() {
    for step_ms in [0, 1] {
        let (session, other) = nodes_with(settings(3, LimitPolicy::Evict));
        let mut logins: Vec<Credentials> = Vec::new();
        for n in 0..12 {
            let node = if n % 2 == 0 { &session } else { &other };
            let at = AT.plus_ms(20 - n * step_ms);
            logins.push(login_at(node, "ada", at).await.unwrap());
            let newest = logins.iter().rev().take(3).map(|held| held.login);
            let expected: BTreeSet<_> = newest.collect();
            let listed = listed(node, "ada", AT.plus_ms(20)).await;
            assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), expected);
        }
        for (n, credentials) in logins.iter().enumerate() {
            assert_eq!(accepts(&session, credentials).await, n >= 9);
        }
    }
}

#[tokio::test]
async fn what_has_ended_by_itself_does_not_count() {
    let idle = Some(Idle::new(100, Some(1)).unwrap());
    for policy in [LimitPolicy::Reject, LimitPolicy::Evict] {
        let settings = Settings {
            idle,
            ..settings(1, policy)
        };
        let (session, _) = nodes_with(settings);
        assert!(login_at(&session, "ada", AT).await.is_some());
        let idled_out = AT.plus_ms(100);
        let second = login_at(&session, "ada", idled_out).await.unwrap();
        assert_eq!(listed(&session, "ada", idled_out).await, [second.login]);
        let expired = idled_out.plus_ms(settings.lifetime_ms);
        assert!(login_at(&session, "ada", expired).await.is_some());
        // Nobody has to end what is dead.
        assert_eq!(session.store().counts().deletes, 0);
    }
}

/// Logins on eight threads and two nodes: when all are done, as many run as
/// may, no more; and with `reject` those are exactly the granted ones.
#[test]
fn logins_that_overlap_never_exceed_the_limit() {
    for (round, policy) in (0..60_u64).zip([LimitPolicy::Reject, LimitPolicy::Evict].iter().cycle())
    {
        let logins_max = u32::try_from(round % 3 + 1).unwrap();
        let nodes = nodes_with(settings(logins_max, *policy));
        let granted: BTreeSet<_> = std::thread::scope(|scope| {
            let login = |n: u64| {
                let node = if n.is_multiple_of(2) {
                    &nodes.0
                } else {
                    &nodes.1
                };
                scope.spawn(move || block_on(login_at(node, "ada", AT.plus_ms(n))))
            };
            let threads: Vec<_> = (0..8).map(login).collect();
            let done = threads
                .into_iter()
                .filter_map(|thread| thread.join().unwrap());
            done.map(|credentials| credentials.login).collect()
        });
        let running: BTreeSet<_> = block_on(listed(&nodes.0, "ada", AT.plus_ms(8)))
            .into_iter()
            .collect();
        let allowed = usize::try_from(logins_max).unwrap();
        match policy {
            LimitPolicy::Evict => {
                assert_eq!((granted.len(), running.len()), (8, allowed));
                assert!(running.is_subset(&granted));
            }
            LimitPolicy::Reject => {
                assert_eq!(running, granted);
                assert!(running.len() <= allowed);
                // If all overlapped and all gave up, the next one gets in.
                let next = block_on(login_at(&nodes.1, "ada", AT.plus_ms(8)));
                assert_eq!(next.is_some(), running.len() < allowed);
            }
        }
    }
}

/// A login that was not confirmed leaves nothing that takes room, where the
/// store lets it clean up.
#[tokio::test]
async fn an_outage_grants_nothing() {
    for policy in [LimitPolicy::Reject, LimitPolicy::Evict] {
        for fault in [Fault::Refuse, Fault::LoseAnswer] {
            let switch = Switch::default();
            let store = Faulty::new(MemoryStore::new(), switch.clone());
            let session = Session::new(settings(1, policy), store, SeededEntropy::new(1));
            switch.set(Some(fault));
            assert!(session.issue(&subject("ada", &[]), AT).await.is_err());
            switch.set(None);
            assert!(listed(&session, "ada", AT).await.is_empty());
            assert!(login_at(&session, "ada", AT).await.is_some());
        }
    }
}

#[tokio::test]
async fn a_limit_is_promised() {
    let settings = settings(4, LimitPolicy::Evict);
    let (session, _) = nodes_with(settings);
    assert_eq!(
        AuthStrategy::guarantees(&session).login_limit,
        settings.limit
    );
    let ada = SubjectId::new("ada");
    assert!(
        session
            .store()
            .list_by_subject(&ada)
            .await
            .unwrap()
            .is_empty()
    );
}
