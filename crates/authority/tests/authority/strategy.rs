//! The strategy over HTTP does what the one behind it does.

use authbench_core::{
    AuthStrategy, Decision, Issued, LimitPolicy, LoginLimit, Logins, Presented, Refusal, Scope,
    SubjectId, UnixMs,
};
use authbench_schemes::session::{self, Idle};
use proptest::prelude::*;

use crate::support::{AT, Node, World, judge, login, subject};

async fn known(node: &Node, name: &str) -> Logins {
    node.logins(&SubjectId::new(name), AT).await.unwrap()
}

#[tokio::test]
async fn every_operation_goes_through() {
    let world = World::new(session::Settings::default(), true);
    let (node, other) = (world.node(0), world.node(0));
    assert_eq!(
        AuthStrategy::guarantees(&node),
        AuthStrategy::guarantees(&*world.behind)
    );
    let ada = subject("ada", &["admin", "user"]);
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(login(&node, "ada").await);
    }
    let bob = login(&other, "bob").await;
    let direct = judge(&*world.behind, &held[0], AT).await;
    assert_eq!(judge(&other, &held[0], AT).await, direct);
    let direct = world.behind.logins(&ada.id, AT).await.unwrap();
    assert_eq!(known(&other, "ada").await, direct);

    let receipt = node.change_roles(&ada, AT).await.unwrap();
    assert_eq!(receipt.effective_from, AT);
    let identity = judge(&other, &held[3], AT).await.accepted().unwrap();
    assert_eq!(identity.roles, ada.roles);

    let ends = [
        (Scope::Presented(held[0].present()), 3),
        (
            Scope::Login {
                subject: &ada.id,
                login: held[1].login,
            },
            2,
        ),
        (
            Scope::Others {
                subject: &ada.id,
                keep: held[2].login,
            },
            1,
        ),
        (Scope::Subject(&ada.id), 0),
    ];
    for (scope, left) in ends {
        let receipt = node.revoke(&scope, AT.plus_ms(3)).await.unwrap();
        assert_eq!(receipt.effective_from, AT.plus_ms(3));
        let mut accepted = 0;
        for credentials in &held {
            match judge(&other, credentials, AT).await {
                Decision::Accepted(_) => accepted += 1,
                refused => assert_eq!(refused, Decision::Refused(Refusal::Unknown)),
            }
        }
        assert_eq!(accepted, left);
        let direct = world.behind.logins(&ada.id, AT).await.unwrap();
        assert_eq!(known(&other, "ada").await, direct);
    }
    assert!(judge(&node, &bob, AT).await.accepted().is_some());
}

#[tokio::test]
async fn stepped_time_goes_through() {
    let world = World::new(session::Settings::default(), true);
    let node = world.node(0);
    let held = login(&node, "ada").await;
    assert_eq!(held.expires_at, AT.plus_ms(3_600_000));
    let last = UnixMs(held.expires_at.0 - 1);
    assert!(judge(&node, &held, last).await.accepted().is_some());
    assert!(
        judge(&node, &held, held.expires_at)
            .await
            .accepted()
            .is_none()
    );
    // By the server's own clock no time has passed.
    let blind = World::new(session::Settings::default(), false);
    let node = blind.node(0);
    let held = login(&node, "ada").await;
    let refused = judge(&node, &held, held.expires_at).await;
    assert_eq!(refused, Decision::Refused(Refusal::Expired), "ours has");
    blind.clock.set(held.expires_at);
    let refused = judge(&node, &held, AT).await;
    assert_eq!(refused, Decision::Refused(Refusal::Unknown), "theirs has");
}

#[tokio::test]
async fn limits_and_idle_ends_are_the_servers() {
    let limit = LoginLimit {
        logins_max: 1,
        policy: LimitPolicy::Reject,
    };
    let tokens = session::Settings {
        idle: Some(Idle::new(100, Some(10)).unwrap()),
        limit: Some(limit),
        ..session::Settings::default()
    };
    let world = World::new(tokens, true);
    let node = world.node(0);
    assert_eq!(AuthStrategy::guarantees(&node).login_limit, Some(limit));
    let held = login(&node, "ada").await;
    let second = node.issue(&subject("ada", &[]), AT).await.unwrap();
    assert!(matches!(second, Issued::LimitReached { logins_max: 1 }));
    for (ms, accepted) in [(99, true), (198, true), (298, false), (299, false)] {
        let decision = judge(&node, &held, AT.plus_ms(ms)).await;
        assert_eq!(decision.accepted().is_some(), accepted, "{ms}");
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever the names are: they arrive as they were sent, and what nobody
    /// issued is nobody's.
    #[test]
    fn names_and_tokens_survive_the_way(
        name in "\\PC{1,30}",
        roles in prop::collection::vec("\\PC{0,12}", 0..5),
        tokens in prop::collection::vec("[ -~]{1,60}", 1..4),
    ) {
        block_on(async {
            let world = World::new(session::Settings::default(), true);
            let node = world.node(0);
            let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
            let subject = subject(&name, &roles);
            let held = node.issue(&subject, AT).await.unwrap().granted().unwrap();
            let identity = judge(&node, &held, AT).await.accepted().unwrap();
            prop_assert_eq!((&identity.subject, &identity.roles), (&subject.id, &subject.roles));
            let listed = node.logins(&subject.id, AT).await.unwrap();
            prop_assert_eq!(listed, world.behind.logins(&subject.id, AT).await.unwrap());
            for token in &tokens {
                let presented = Presented::access(token);
                let decision = node.authenticate(&presented, AT).await.unwrap();
                prop_assert_eq!(decision, Decision::Refused(Refusal::Unknown));
            }
            Ok(())
        })?;
    }
}
