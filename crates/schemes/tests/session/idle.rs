//! A session that nobody uses ends, and stays dead.

use authbench_core::{AuthStrategy, Decision, Digest, RecordStore, Refusal, SeededEntropy, UnixMs};
use authbench_schemes::session::{Idle, Session, Settings};
use authbench_stores::{Fault, Faulty, MemoryStore, StoreCounts, Switch};
use proptest::prelude::*;

use crate::support::{AT, SETTINGS, block_on, judge, listed, login, login_at, nodes_with};

const IDLE_MS: u64 = 100;
const TOUCH_AFTER_MS: u64 = 10;

fn settings() -> Settings {
    Settings {
        idle: Some(Idle::new(IDLE_MS, Some(TOUCH_AFTER_MS)).unwrap()),
        ..SETTINGS
    }
}

#[tokio::test]
async fn use_keeps_a_session_alive_and_disuse_ends_it_for_good() {
    let (session, other) = nodes_with(settings());
    let credentials = login(&session, "ada").await;
    let text = credentials.access.expose();
    let refused = Decision::Refused(Refusal::Expired);
    for (node, at) in [(&session, AT.plus_ms(99)), (&other, AT.plus_ms(198))] {
        assert!(judge(node, text, at).await.accepted().is_some());
        assert_eq!(listed(node, "ada", at).await, [credentials.login]);
    }
    // The first look after the timeout is refused, and so is the next one: the
    // first has not brought the session back.
    for ms in [298, 299, 300, 390, 999] {
        assert_eq!(judge(&other, text, AT.plus_ms(ms)).await, refused);
        assert!(listed(&session, "ada", AT.plus_ms(ms)).await.is_empty());
    }
}

#[tokio::test]
async fn a_judgement_costs_one_operation_touch_or_no_touch() {
    let (session, _) = nodes_with(settings());
    let credentials = login(&session, "ada").await;
    for ms in [1, 9, 10, 11] {
        let before = session.store().counts();
        judge(&session, credentials.access.expose(), AT.plus_ms(ms)).await;
        let expected = StoreCounts {
            touches: before.touches + 1,
            ..before
        };
        assert_eq!(session.store().counts(), expected);
    }
}

#[tokio::test]
async fn uses_that_are_near_each_other_are_not_written_down() {
    let (session, _) = nodes_with(settings());
    let credentials = login(&session, "ada").await;
    let text = credentials.access.expose();
    for (ms, written_ms) in [(9, 0), (10, 10), (19, 10), (25, 25), (12, 25)] {
        judge(&session, text, AT.plus_ms(ms)).await;
        let record = session.store().get(&Digest::of(text)).await.unwrap();
        assert_eq!(record.unwrap().used_at, AT.plus_ms(written_ms));
    }
}

#[tokio::test]
async fn no_use_outlives_the_lifetime() {
    let (session, _) = nodes_with(settings());
    let credentials = login(&session, "ada").await;
    let text = credentials.access.expose();
    let mut at = AT;
    while at < credentials.expires_at {
        assert!(judge(&session, text, at).await.accepted().is_some(), "{at}");
        at = at.plus_ms(50);
    }
    assert_eq!(
        judge(&session, text, credentials.expires_at).await,
        Decision::Refused(Refusal::Expired)
    );
}

#[tokio::test]
async fn new_roles_are_no_use() {
    let (session, _) = nodes_with(settings());
    let credentials = login(&session, "ada").await;
    let text = credentials.access.expose();
    let admin = crate::support::subject("ada", &["admin"]);
    for ms in [99, 100, 150] {
        session.change_roles(&admin, AT.plus_ms(ms)).await.unwrap();
    }
    assert_eq!(
        judge(&session, text, AT.plus_ms(100)).await,
        Decision::Refused(Refusal::Expired)
    );
}

/// The touch takes place, its answer is lost: the caller is refused nothing
/// and told nothing, and the session lives from that use on, no longer.
#[tokio::test]
async fn a_use_whose_answer_is_lost_counts_once() {
    let switch = Switch::default();
    let store = Faulty::new(MemoryStore::new(), switch.clone());
    let session = Session::new(settings(), store, SeededEntropy::new(1));
    let credentials = login(&session, "ada").await;
    let (text, presented) = (credentials.access.expose(), credentials.present());
    switch.set(Some(Fault::LoseAnswer));
    for ms in [90, 200, 300] {
        let lost = session.authenticate(&presented, AT.plus_ms(ms)).await;
        assert!(lost.is_err());
    }
    switch.set(None);
    // Of the three only the first came in time.
    let judged = judge(&session, text, AT.plus_ms(189)).await;
    assert!(judged.accepted().is_some());
    switch.set(Some(Fault::LoseAnswer));
    assert!(
        session
            .authenticate(&presented, AT.plus_ms(289))
            .await
            .is_err()
    );
    switch.set(None);
    assert_eq!(
        judge(&session, text, AT.plus_ms(290)).await,
        Decision::Refused(Refusal::Expired)
    );
}

/// Threads that use one session at instants before and after its end: whoever
/// comes too late never brings it back.
#[test]
fn late_uses_never_revive_a_session_whatever_they_run_beside() {
    for round in 0..100_u64 {
        let (session, other) = nodes_with(settings());
        let credentials = block_on(login(&session, "ada"));
        let text = credentials.access.expose();
        std::thread::scope(|scope| {
            for (node, from_ms) in [(&session, 100), (&other, 150), (&session, 50), (&other, 30)] {
                scope.spawn(move || {
                    for ms in from_ms..from_ms + 20 {
                        block_on(judge(node, text, AT.plus_ms(ms + round % 7)));
                    }
                });
            }
        });
        // The latest use in time was at 69 + 6 or before, if no use after it
        // found the session alive; from 100 on they may have.
        let record = block_on(session.store().get(&Digest::of(text)));
        let used_at = record.unwrap().unwrap().used_at;
        let end = used_at.plus_ms(IDLE_MS);
        for at in [end, end.plus_ms(1), end.plus_ms(50)] {
            let decision = block_on(judge(&session, text, at));
            assert_eq!(decision, Decision::Refused(Refusal::Expired));
        }
    }
}

proptest! {
    /// For any uses, on any of two nodes: accepted as long as the latest use
    /// lies less than the timeout less the threshold back, refused from the
    /// timeout on, and never accepted again after one refusal.
    #[test]
    fn the_promise_holds_for_any_uses(
        idle_ms in 1..500_u64,
        part in 0..100_u64,
        steps_ms in prop::collection::vec((0..300_u64, any::<bool>()), 1..40),
    ) {
        let idle = Idle::new(idle_ms, Some(part * idle_ms / 100)).unwrap();
        let settings = Settings { lifetime_ms: 100_000, idle: Some(idle), ..SETTINGS };
        let early_ms = idle.promise().early_ms;
        let nodes = nodes_with(settings);
        block_on(async {
            let credentials = login_at(&nodes.0, "ada", AT).await.unwrap();
            let (mut at, mut used_at, mut dead) = (AT, AT, false);
            for (step_ms, first) in steps_ms {
                at = at.plus_ms(step_ms);
                let node = if first { &nodes.0 } else { &nodes.1 };
                let alive = listed(node, "ada", at).await == [credentials.login];
                let accepted = judge(node, credentials.access.expose(), at).await.accepted().is_some();
                prop_assert_eq!(accepted, alive, "the list is exact");
                let unused_ms = at.since(used_at);
                if dead || unused_ms >= idle_ms {
                    prop_assert!(!accepted);
                } else if unused_ms + early_ms < idle_ms {
                    prop_assert!(accepted);
                }
                dead |= !accepted;
                used_at = if accepted { at } else { used_at };
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_clock_that_stepped_back_does_no_harm() {
    let (session, _) = nodes_with(settings());
    let credentials = login(&session, "ada").await;
    let text = credentials.access.expose();
    for at in [UnixMs(0), UnixMs(AT.0 - 1), AT] {
        assert!(judge(&session, text, at).await.accepted().is_some());
    }
    let late = judge(&session, text, AT.plus_ms(IDLE_MS)).await;
    assert_eq!(late, Decision::Refused(Refusal::Expired));
}
