//! What the scheme does while everything works.

use authbench_core::{
    AuthStrategy, Decision, Digest, Identity, Presented, RecordStore, Refreshed, Refusal, Roles,
    Scope, SubjectId, UnixMs,
};
use authbench_schemes::session::ID_CHARS;
use authbench_stores::StoreCounts;

use crate::support::{AT, LIFETIME_MS, accepts, judge, listed, login, nodes, subject};

#[tokio::test]
async fn a_login_is_accepted_until_the_instant_of_its_expiry() {
    let (session, other) = nodes();
    let credentials = login(&session, "ada").await;
    assert_eq!(credentials.expires_at, AT.plus_ms(LIFETIME_MS));
    assert!(credentials.refresh.is_none());
    let text = credentials.access.expose();
    let identity = Identity {
        subject: SubjectId::new("ada"),
        roles: ["user"].iter().collect(),
        login: credentials.login,
        expires_at: credentials.expires_at,
    };
    for node in [&session, &other] {
        for at in [AT, UnixMs(credentials.expires_at.0 - 1)] {
            assert_eq!(
                judge(node, text, at).await,
                Decision::Accepted(identity.clone())
            );
        }
        for at in [credentials.expires_at, UnixMs(u64::MAX)] {
            assert_eq!(
                judge(node, text, at).await,
                Decision::Refused(Refusal::Expired)
            );
        }
    }
    // An expired login is not listed, and purging changes no judgement.
    assert_eq!(listed(&session, "ada", AT).await, [credentials.login]);
    assert!(
        listed(&session, "ada", credentials.expires_at)
            .await
            .is_empty()
    );
    assert_eq!(
        session
            .store()
            .purge(credentials.expires_at, 10)
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        judge(&session, text, AT).await,
        Decision::Refused(Refusal::Unknown)
    );
}

#[tokio::test]
async fn nothing_presented_is_missing_and_nonsense_never_reaches_the_store() {
    let (session, _) = nodes();
    let absent = session
        .authenticate(&Presented::default(), AT)
        .await
        .unwrap();
    assert_eq!(absent, Decision::Refused(Refusal::Missing));
    let refresh_alone = Presented {
        access: None,
        refresh: Some("x"),
    };
    let absent = session.authenticate(&refresh_alone, AT).await.unwrap();
    assert_eq!(absent, Decision::Refused(Refusal::Missing));
    let long = "A".repeat(1 << 20);
    for text in [
        "",
        "A",
        &long,
        &"é".repeat(22),
        &"A".repeat(ID_CHARS - 1),
        "\0",
    ] {
        assert_eq!(
            judge(&session, text, AT).await,
            Decision::Refused(Refusal::Malformed)
        );
    }
    assert_eq!(session.store().counts(), StoreCounts::default());
    let unknown = judge(&session, &"A".repeat(ID_CHARS), AT).await;
    assert_eq!(unknown, Decision::Refused(Refusal::Unknown));
}

#[tokio::test]
async fn a_judgement_costs_one_read_and_no_write() {
    let (session, _) = nodes();
    let credentials = login(&session, "ada").await;
    let before = session.store().counts();
    assert!(accepts(&session, &credentials).await);
    let expected = StoreCounts {
        gets: before.gets + 1,
        ..before
    };
    assert_eq!(session.store().counts(), expected);
}

#[tokio::test]
async fn the_store_holds_no_credential() {
    let (session, _) = nodes();
    let credentials = login(&session, "ada").await;
    let records = session
        .store()
        .list_by_subject(&SubjectId::new("ada"))
        .await
        .unwrap();
    let text = credentials.access.expose();
    assert_eq!(records[0].0, Digest::of(text));
    assert!(!format!("{records:?} {credentials:?} {session:?}").contains(text));
}

#[tokio::test]
async fn logout_ends_one_login_on_every_node_and_may_be_repeated() {
    let (session, other) = nodes();
    let (mine, second) = (login(&session, "ada").await, login(&session, "ada").await);
    for _ in 0..2 {
        let receipt = other
            .revoke(&Scope::Presented(mine.present()), AT)
            .await
            .unwrap();
        assert_eq!(receipt.effective_from, AT);
        assert!(!accepts(&session, &mine).await && accepts(&session, &second).await);
    }
    for nothing in [Presented::default(), Presented::access("nonsense")] {
        session
            .revoke(&Scope::Presented(nothing), AT)
            .await
            .unwrap();
    }
    assert_eq!(listed(&session, "ada", AT).await, [second.login]);
}

#[tokio::test]
async fn a_listed_login_is_ended_only_for_its_own_subject() {
    let (session, other) = nodes();
    let (ada, bob) = (login(&session, "ada").await, login(&session, "bob").await);
    let (id, foreign) = (SubjectId::new("ada"), SubjectId::new("bob"));
    let scope = Scope::Login {
        subject: &foreign,
        login: ada.login,
    };
    session.revoke(&scope, AT).await.unwrap();
    assert!(accepts(&other, &ada).await && accepts(&other, &bob).await);
    for _ in 0..2 {
        let scope = Scope::Login {
            subject: &id,
            login: ada.login,
        };
        session.revoke(&scope, AT).await.unwrap();
        assert!(!accepts(&other, &ada).await && accepts(&other, &bob).await);
    }
}

#[tokio::test]
async fn everywhere_means_everywhere_but_the_one_to_keep() {
    let (session, other) = nodes();
    let mut mine = Vec::new();
    for _ in 0..4 {
        mine.push(login(&session, "ada").await);
    }
    let bob = login(&session, "bob").await;
    let id = SubjectId::new("ada");
    session
        .revoke(
            &Scope::Others {
                subject: &id,
                keep: mine[1].login,
            },
            AT,
        )
        .await
        .unwrap();
    for (n, credentials) in mine.iter().enumerate() {
        assert_eq!(accepts(&other, credentials).await, n == 1);
    }
    assert_eq!(listed(&other, "ada", AT).await, [mine[1].login]);
    session.revoke(&Scope::Subject(&id), AT).await.unwrap();
    assert!(!accepts(&other, &mine[1]).await && accepts(&other, &bob).await);
    assert!(listed(&other, "ada", AT).await.is_empty());
}

#[tokio::test]
async fn lists_are_in_the_order_of_handles() {
    let (session, _) = nodes();
    for _ in 0..20 {
        login(&session, "ada").await;
    }
    let logins = listed(&session, "ada", AT).await;
    assert!(logins.len() == 20 && logins.is_sorted());
}

#[tokio::test]
async fn new_roles_reach_running_logins_and_nobody_elses() {
    let (session, other) = nodes();
    let (first, second) = (login(&session, "ada").await, login(&other, "ada").await);
    let bob = login(&session, "bob").await;
    let receipt = session
        .change_roles(&subject("ada", &["admin"]), AT)
        .await
        .unwrap();
    assert_eq!(receipt.effective_from, AT);
    for (credentials, role) in [(&first, "admin"), (&second, "admin"), (&bob, "user")] {
        let decision = judge(&other, credentials.access.expose(), AT).await;
        let identity = decision.accepted().unwrap();
        assert_eq!(identity.roles, [role].iter().collect::<Roles>());
    }
    let before = session.store().counts();
    session
        .change_roles(&subject("ada", &["admin"]), AT)
        .await
        .unwrap();
    let expected = StoreCounts {
        lists: before.lists + 1,
        ..before
    };
    assert_eq!(session.store().counts(), expected, "nothing to change");
}

#[tokio::test]
async fn there_is_no_refresh() {
    let (session, _) = nodes();
    let credentials = login(&session, "ada").await;
    let refreshed = session.refresh(&credentials.present(), AT).await.unwrap();
    assert!(matches!(refreshed, Refreshed::NotOffered));
    assert!(accepts(&session, &credentials).await);
}
