//! Cookies with a record beside them.

use std::sync::Arc;

use authbench_core::{
    AuthStrategy, Decision, Digest, Listing, RecordStore, RefreshOffer, Refusal, Roles, Scope,
    SeededEntropy, Staleness, SubjectId, UnixMs,
};
use authbench_schemes::sealed::Sealed;
use authbench_stores::{Fault, Faulty, MemoryStore, StoreCounts, Switch};

use crate::support::{
    AT, LIFETIME_MS, NAME, accepts, fixed, judge, listed, login, nodes, refresh, roles, settings,
    subject,
};

#[tokio::test]
async fn promises_are_those_of_the_store() {
    let promised = AuthStrategy::guarantees(&nodes().0);
    assert_eq!(promised.revoke_all, Staleness::Immediate);
    assert_eq!(promised.role_change, Staleness::Immediate);
    assert_eq!(promised.refresh, RefreshOffer::SwapsAccess);
    assert_eq!(promised.listing, Listing::Exact);
    assert_eq!(promised.lifetime_ms, LIFETIME_MS);
}

#[tokio::test]
async fn a_judgement_costs_one_read_and_nonsense_none() {
    let (node, other) = nodes();
    let held = login(&node, "ada", AT).await;
    let before = node.store().counts();
    assert!(accepts(&other, &held).await);
    assert!(judge(&other, "nonsense", AT).await.accepted().is_none());
    let late = judge(&other, held.access.expose(), held.expires_at).await;
    assert_eq!(late, Decision::Refused(Refusal::Expired));
    let gets = before.gets + 1;
    assert_eq!(node.store().counts(), StoreCounts { gets, ..before });
}

#[tokio::test]
async fn a_deleted_record_ends_the_login_at_once_and_everywhere() {
    let (node, other) = nodes();
    let (ada, bob) = (SubjectId::new("ada"), SubjectId::new("bob"));
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(login(&node, "ada", AT).await);
    }
    let bystander = login(&node, "bob", AT).await;
    let foreign = Scope::Login {
        subject: &bob,
        login: held[0].login,
    };
    node.revoke(&foreign, AT).await.unwrap();
    assert!(accepts(&other, &held[0]).await);
    let ends = [
        (Scope::Presented(held[0].present()), 4),
        (Scope::Presented(held[0].present()), 4),
        (
            Scope::Login {
                subject: &ada,
                login: held[1].login,
            },
            3,
        ),
        (
            Scope::Others {
                subject: &ada,
                keep: held[2].login,
            },
            1,
        ),
        (Scope::Subject(&ada), 0),
    ];
    for (scope, left) in ends {
        let receipt = other.revoke(&scope, AT).await.unwrap();
        assert_eq!(receipt.effective_from, AT);
        let mut accepted = Vec::new();
        for credentials in &held {
            if accepts(&node, credentials).await {
                accepted.push(credentials.login);
            } else {
                let why = judge(&node, credentials.access.expose(), AT).await;
                assert_eq!(why, Decision::Refused(Refusal::Revoked));
                assert_eq!(
                    refresh(&node, credentials, AT).await.unwrap_err(),
                    Refusal::Revoked
                );
            }
        }
        accepted.sort_unstable();
        assert_eq!(
            (listed(&node, "ada").await, accepted.len()),
            (accepted, left)
        );
    }
    assert!(accepts(&other, &bystander).await);
}

#[tokio::test]
async fn roles_come_from_the_record() {
    let (node, other) = nodes();
    let held = login(&node, "ada", AT).await;
    assert_eq!(
        roles(&other, &held).await,
        ["user"].iter().collect::<Roles>()
    );
    let admin = subject("ada", &["admin"]);
    other.change_roles(&admin, AT).await.unwrap();
    assert_eq!(roles(&node, &held).await, admin.roles);
    let renewed = refresh(&node, &held, AT).await.unwrap();
    assert_eq!(roles(&node, &renewed).await, admin.roles);
}

#[tokio::test]
async fn a_refresh_ends_every_older_cookie_and_lengthens_nothing() {
    let (node, other) = nodes();
    let mut held = login(&node, "ada", AT).await;
    let mut spent = Vec::new();
    for n in 0..5 {
        let node = if n % 2 == 0 { &node } else { &other };
        let next = refresh(node, &held, AT.plus_ms(n)).await.unwrap();
        assert_eq!((next.login, next.expires_at), (held.login, held.expires_at));
        spent.push(std::mem::replace(&mut held, next));
        for old in &spent {
            let rolled_back = judge(&other, old.access.expose(), AT).await;
            assert_eq!(rolled_back, Decision::Refused(Refusal::Revoked));
            assert_eq!(refresh(node, old, AT).await.unwrap_err(), Refusal::Revoked);
            // What proves no login ends none, either.
            let scope = Scope::Presented(old.present());
            other.revoke(&scope, AT).await.unwrap();
        }
        assert!(accepts(&other, &held).await);
        assert_eq!(listed(&other, "ada").await, [held.login]);
    }
    assert_eq!(
        refresh(&node, &held, held.expires_at).await.unwrap_err(),
        Refusal::Expired
    );
    let scope = Scope::Presented(held.present());
    node.revoke(&scope, UnixMs(AT.0 - 60_000)).await.unwrap();
    assert!(
        !accepts(&other, &held).await,
        "also by a clock that is behind"
    );
}

#[tokio::test]
async fn the_store_holds_no_credential_and_opens_nothing_by_itself() {
    let (node, _) = nodes();
    let held = login(&node, "ada", AT).await;
    let records = node.store().list_by_subject(&SubjectId::new("ada")).await;
    let (key, record) = records.unwrap().remove(0);
    assert!(record.payload.is_empty());
    let text = held.access.expose();
    assert_ne!(key, Digest::of(text));
    assert_ne!(
        key,
        Digest::of(&held.login.to_string()),
        "handles are public"
    );
    let handle = judge(&node, &held.login.to_string(), AT).await;
    assert!(handle.accepted().is_none());
}

#[tokio::test]
async fn an_outage_is_an_error_and_a_lost_answer_never_leaves_two_cookies() {
    let switch = Switch::default();
    let store = Faulty::new(MemoryStore::new(), switch.clone());
    let entropy = Arc::new(SeededEntropy::new(3));
    let node = Sealed::new(&settings(), NAME, fixed(1), store, entropy).unwrap();
    let held = login(&node, "ada", AT).await;
    let ada = subject("ada", &["admin"]);
    for fault in [Fault::Refuse, Fault::LoseAnswer] {
        switch.set(Some(fault));
        assert!(node.issue(&ada, AT).await.is_err());
        assert!(node.authenticate(&held.present(), AT).await.is_err());
        assert!(node.refresh(&held.present(), AT).await.is_err());
        assert!(node.logins(&ada.id, AT).await.is_err());
        assert!(node.change_roles(&ada, AT).await.is_err());
        let scope = Scope::Presented(held.present());
        assert!(node.revoke(&scope, AT).await.is_err());
        switch.set(None);
        // Refused: nothing happened. Lost: the record has moved on.
        assert_eq!(accepts(&node, &held).await, fault == Fault::Refuse);
    }
}
