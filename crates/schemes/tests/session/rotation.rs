//! A session that gets a new identifier.

use std::sync::Arc;

use authbench_core::{
    AuthStrategy, Credentials, Decision, Digest, Presented, RecordStore, RefreshOffer, Refreshed,
    Refusal, Scope, SubjectId, UnixMs,
};
use authbench_schemes::session::{Idle, ROTATING_ID_CHARS, Session, Settings};
use authbench_stores::{Fault, Faulty, MemoryStore, Switch};
use proptest::prelude::*;

use crate::support::{
    AT, SETTINGS, Shared, accepts, block_on, judge, listed, login, nodes_with, subject,
};

const ROTATING: Settings = Settings {
    rotation: true,
    ..SETTINGS
};

async fn rotate(session: &impl AuthStrategy, old: &Credentials, at: UnixMs) -> Option<Credentials> {
    match session.refresh(&old.present(), at).await.unwrap() {
        Refreshed::Renewed(credentials) => Some(credentials),
        Refreshed::Refused(_) => None,
        Refreshed::NotOffered => panic!("rotation is offered"),
    }
}

#[tokio::test]
async fn a_new_id_opens_the_same_login_and_the_old_one_opens_nothing() {
    let (session, other) = nodes_with(ROTATING);
    let offer = AuthStrategy::guarantees(&session).refresh;
    assert_eq!(offer, RefreshOffer::SwapsAccess);
    let mut held = login(&session, "ada").await;
    let bystander = login(&session, "ada").await;
    let mut spent = Vec::new();
    for n in 0..5 {
        let node = if n % 2 == 0 { &session } else { &other };
        let next = rotate(node, &held, AT.plus_ms(n)).await.unwrap();
        assert_eq!(next.access.expose().len(), ROTATING_ID_CHARS);
        assert_eq!((next.login, next.expires_at), (held.login, held.expires_at));
        spent.push(std::mem::replace(&mut held, next));
        for old in &spent {
            assert!(!accepts(&session, old).await && !accepts(&other, old).await);
            assert!(rotate(node, old, AT).await.is_none());
            // What proves no login ends none, either.
            let scope = Scope::Presented(old.present());
            session.revoke(&scope, AT).await.unwrap();
        }
        assert!(accepts(&session, &held).await && accepts(&other, &held).await);
        assert!(accepts(&session, &bystander).await);
        assert_eq!(listed(&session, "ada", AT).await.len(), 2);
    }
    let scope = Scope::Presented(held.present());
    other.revoke(&scope, AT).await.unwrap();
    assert!(!accepts(&session, &held).await);
    assert!(rotate(&session, &held, AT).await.is_none());
    assert_eq!(listed(&session, "ada", AT).await, [bystander.login]);
}

#[tokio::test]
async fn nothing_dead_is_rotated_back_to_life() {
    let idle = Some(Idle::new(100, Some(10)).unwrap());
    let (session, _) = nodes_with(Settings { idle, ..ROTATING });
    let held = login(&session, "ada").await;
    for ms in [100, 101, 5_000] {
        let refused = session.refresh(&held.present(), AT.plus_ms(ms)).await;
        let Refreshed::Refused(Refusal::Expired) = refused.unwrap() else {
            panic!("the session has idled out")
        };
        let judged = judge(&session, held.access.expose(), AT.plus_ms(ms)).await;
        assert_eq!(judged, Decision::Refused(Refusal::Expired));
    }
    for (text, refusal) in [
        (None, Refusal::Missing),
        (Some("x"), Refusal::Malformed),
        (Some(&*"A".repeat(ROTATING_ID_CHARS)), Refusal::Unknown),
    ] {
        let presented = Presented {
            access: text,
            refresh: None,
        };
        match session.refresh(&presented, AT).await.unwrap() {
            Refreshed::Refused(why) => assert_eq!(why, refusal),
            refreshed => panic!("{refreshed:?}"),
        }
    }
}

/// A rotation is a use; showing an id that was rotated away is none.
#[tokio::test]
async fn only_the_id_that_counts_keeps_a_session_alive() {
    let idle = Some(Idle::new(100, Some(10)).unwrap());
    let (session, _) = nodes_with(Settings { idle, ..ROTATING });
    let old = login(&session, "ada").await;
    let new = rotate(&session, &old, AT.plus_ms(90)).await.unwrap();
    let text = new.access.expose();
    assert!(
        judge(&session, text, AT.plus_ms(189))
            .await
            .accepted()
            .is_some()
    );
    for ms in [190, 240, 280] {
        let stale = judge(&session, old.access.expose(), AT.plus_ms(ms)).await;
        assert_eq!(stale, Decision::Refused(Refusal::Unknown));
    }
    let judged = judge(&session, text, AT.plus_ms(289)).await;
    assert_eq!(judged, Decision::Refused(Refusal::Expired));
}

#[tokio::test]
async fn the_store_holds_neither_half_of_an_id() {
    let (session, _) = nodes_with(ROTATING);
    let held = login(&session, "ada").await;
    let text = held.access.expose();
    let ada = SubjectId::new("ada");
    let records = session.store().list_by_subject(&ada).await.unwrap();
    assert_eq!(records[0].1.payload[..], Digest::of(text).0);
    let shown = format!("{records:?} {held:?} {session:?}");
    let (first, second) = text.split_at(ROTATING_ID_CHARS / 2);
    assert!(!shown.contains(first) && !shown.contains(second));
}

/// A rotation whose answer is lost leaves at most one id that opens, and never
/// the old one beside a new one.
#[tokio::test]
async fn a_lost_answer_never_leaves_two_ids() {
    let switch = Switch::default();
    let store = Arc::new(Faulty::new(MemoryStore::new(), switch.clone()));
    let session = Session::new(ROTATING, store, authbench_core::SeededEntropy::new(1));
    let held = login(&session, "ada").await;
    switch.set(Some(Fault::Refuse));
    assert!(session.refresh(&held.present(), AT).await.is_err());
    switch.set(None);
    assert!(accepts(&session, &held).await, "nothing has happened");
    assert!(rotate(&session, &held, AT).await.is_some());
    assert!(!accepts(&session, &held).await);
}

fn spawn_rotations<'s>(
    scope: &'s std::thread::Scope<'s, '_>,
    nodes: &'s (Shared, Shared),
    held: &'s Credentials,
) -> Vec<std::thread::ScopedJoinHandle<'s, Option<Credentials>>> {
    [&nodes.0, &nodes.1, &nodes.0, &nodes.1]
        .map(|node| scope.spawn(move || block_on(rotate(node, held, AT))))
        .into_iter()
        .collect()
}

#[test]
fn of_rotations_beside_each_other_and_beside_new_roles_exactly_one_wins() {
    for _ in 0..100 {
        let nodes = nodes_with(ROTATING);
        let held = block_on(login(&nodes.0, "ada"));
        let winners: Vec<Credentials> = std::thread::scope(|scope| {
            let rotations = spawn_rotations(scope, &nodes, &held);
            scope.spawn(|| {
                for role in ["a", "b", "c"] {
                    let ada = subject("ada", &[role]);
                    block_on(nodes.1.change_roles(&ada, AT)).unwrap();
                }
            });
            let done = rotations.into_iter().map(|thread| thread.join().unwrap());
            done.flatten().collect()
        });
        assert_eq!(winners.len(), 1);
        let judged = block_on(judge(&nodes.0, winners[0].access.expose(), AT));
        let identity = judged.accepted().unwrap();
        assert!(identity.roles.contains("c"), "no change of roles is lost");
        assert!(!block_on(accepts(&nodes.1, &held)));
    }
}

#[test]
fn no_rotation_outlives_a_revocation_that_it_runs_beside() {
    for round in 0..200_u64 {
        let nodes = nodes_with(ROTATING);
        let held = block_on(login(&nodes.0, "ada"));
        let ada = SubjectId::new("ada");
        let renewed: Vec<Credentials> = std::thread::scope(|scope| {
            let rotations = spawn_rotations(scope, &nodes, &held);
            scope.spawn(|| {
                let one = Scope::Login {
                    subject: &ada,
                    login: held.login,
                };
                let all = Scope::Subject(&ada);
                let scope = if round % 2 == 0 { &one } else { &all };
                block_on(nodes.1.revoke(scope, AT)).unwrap();
            });
            let done = rotations.into_iter().map(|thread| thread.join().unwrap());
            done.flatten().collect()
        });
        for credentials in renewed.iter().chain([&held]) {
            assert!(!block_on(accepts(&nodes.0, credentials)));
        }
        assert!(block_on(listed(&nodes.0, "ada", AT)).is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Every position of both halves counts.
    #[test]
    fn no_changed_character_is_accepted(position in 0..ROTATING_ID_CHARS, replacement: char) {
        let (session, _) = nodes_with(ROTATING);
        block_on(async {
            let held = login(&session, "ada").await;
            let mut changed: Vec<char> = held.access.expose().chars().collect();
            prop_assume!(changed[position] != replacement);
            for replacement in [replacement, if changed[position] == 'A' { 'B' } else { 'A' }] {
                changed[position] = replacement;
                let text: String = changed.iter().collect();
                let decision = judge(&session, &text, AT).await;
                prop_assert!(matches!(decision, Decision::Refused(_)), "{text:?}");
            }
            prop_assert!(accepts(&session, &held).await);
            Ok(())
        })?;
    }
}
