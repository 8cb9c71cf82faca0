//! What a node remembers of a subject, beside writes of its own and of others.

use std::num::NonZeroU32;
use std::sync::Arc;

use authbench_core::{
    AuthStrategy, Credentials, Decision, LoginId, OutageBehaviour, RecordStore, Refusal, Scope,
    SeededEntropy, Staleness, SubjectId, UnixMs,
};
use authbench_schemes::epoch::{Epoch, Settings};
use authbench_stores::{Fault, Faulty, MemoryStore, Metered, StoreCounts, Switch};
use proptest::prelude::*;

use crate::gated::{Gated, Op, Side};
use crate::support::{AT, Plain, SKEW_MS, TTL_MS, accepts, judge, log_in, roles, subject};

const STALE_MS: u64 = 1_000;

type Node<S> = Arc<Epoch<Plain, S, SeededEntropy>>;

fn node<S: RecordStore>(store: S, max_stale_ms: u64, seed: u64) -> Node<S> {
    let settings = Settings {
        max_stale_ms,
        cache_entries: NonZeroU32::new(1_000).unwrap(),
    };
    Arc::new(Epoch::new(settings, Plain, store, SeededEntropy::new(seed)))
}

fn ada() -> SubjectId {
    SubjectId::new("ada")
}

async fn end_all<S: RecordStore>(node: &Node<S>, at: UnixMs) {
    node.revoke(&Scope::Subject(&ada()), at).await.unwrap();
}

async fn end_others<S: RecordStore>(node: &Node<S>, keep: LoginId, at: UnixMs) {
    let subject = &ada();
    node.revoke(&Scope::Others { subject, keep }, at)
        .await
        .unwrap();
}

struct Two {
    gate: Arc<Gated<Arc<MemoryStore>>>,
    slow: Node<Arc<Gated<Arc<MemoryStore>>>>,
    other: Node<Arc<MemoryStore>>,
}

fn two() -> Two {
    let store = Arc::new(MemoryStore::new());
    let gate = Gated::new(Arc::clone(&store));
    Two {
        slow: node(Arc::clone(&gate), STALE_MS, 1),
        other: node(store, 0, 2),
        gate,
    }
}

/// A read that began before a revocation of the same node, and ends after it,
/// does not bring the old state back.
#[tokio::test]
async fn a_late_read_does_not_undo_an_own_write() {
    let two = two();
    let held = log_in(&two.other, "ada", AT).await;
    let mut stop = two.gate.stop(Op::Read, Side::After);
    let (slow, token) = (Arc::clone(&two.slow), held.clone());
    let running = tokio::spawn(async move { accepts(&slow, &token, AT).await });
    stop.reached().await;
    end_all(&two.slow, AT).await;
    stop.release();
    running.await.unwrap();
    assert!(!accepts(&two.slow, &held, AT).await);
}

/// Of two reads beside a foreign write the one that saw the newer state counts,
/// whichever ends first.
#[tokio::test]
async fn an_older_read_never_follows_a_newer_one() {
    for other_first in [false, true] {
        let two = two();
        let held = log_in(&two.other, "ada", AT).await;
        let bob = log_in(&two.other, "bob", AT).await;
        let mut stop = two.gate.stop(Op::Read, Side::After);
        let (slow, token) = (Arc::clone(&two.slow), held.clone());
        let running = tokio::spawn(async move { accepts(&slow, &token, AT).await });
        stop.reached().await;
        end_all(&two.other, AT).await;
        if other_first {
            assert!(accepts(&two.slow, &bob, AT).await);
        }
        // This one begins after the acknowledgement and asks the store.
        assert!(!accepts(&two.slow, &held, AT).await);
        stop.release();
        running.await.unwrap();
        assert!(!accepts(&two.slow, &held, AT).await);
    }
}

/// The node that answered by a newer state forgets the older one that another
/// read has put there meanwhile.
#[tokio::test]
async fn a_newer_answer_displaces_an_older_entry() {
    let two = two();
    let held = log_in(&two.other, "ada", AT).await;
    // Stopped before it reads: it will see what comes.
    let mut stop = two.gate.stop(Op::Read, Side::Before);
    let (slow, token) = (Arc::clone(&two.slow), held.clone());
    let running = tokio::spawn(async move { accepts(&slow, &token, AT).await });
    stop.reached().await;
    assert!(accepts(&two.slow, &held, AT).await);
    end_all(&two.other, AT).await;
    // Writes of the slow node, so that no read of before is kept.
    for n in 0..64 {
        let name = format!("user-{n}");
        let _ = log_in(&two.slow, &name, AT).await;
    }
    stop.release();
    assert!(!running.await.unwrap());
    assert!(!accepts(&two.slow, &held, AT).await);
}

/// A foreign write is seen when the time is over, and not before the time is
/// over where the clock stepped back.
#[tokio::test]
async fn an_entry_ends_in_time() {
    let two = two();
    let held = log_in(&two.other, "ada", AT).await;
    assert!(accepts(&two.slow, &held, AT).await);
    end_all(&two.other, AT).await;
    assert!(
        accepts(&two.slow, &held, AT.plus_ms(STALE_MS - 1)).await,
        "the delay is real"
    );
    assert!(!accepts(&two.slow, &held, AT.plus_ms(STALE_MS)).await);

    let held = log_in(&two.other, "ada", AT).await;
    assert!(accepts(&two.slow, &held, AT.plus_ms(10 * STALE_MS)).await);
    end_all(&two.other, AT).await;
    assert!(!accepts(&two.slow, &held, AT.plus_ms(STALE_MS)).await);
}

/// Whoever logs in after a change is judged by a state that has the change,
/// on every node.
#[tokio::test]
async fn a_new_login_is_never_judged_by_what_was_before_it() {
    let two = two();
    let first = log_in(&two.other, "ada", AT).await;
    assert!(accepts(&two.slow, &first, AT).await);
    let auditor = subject("ada", &["auditor"]);
    two.other.change_roles(&auditor, AT).await.unwrap();
    let issued = two.other.issue(&auditor, AT).await.unwrap();
    let second = issued.granted().unwrap();
    assert_eq!(roles(&two.slow, &second, AT).await, auditor.roles);
    end_all(&two.other, AT).await;
    let third = two
        .other
        .issue(&auditor, AT)
        .await
        .unwrap()
        .granted()
        .unwrap();
    assert_eq!(roles(&two.slow, &third, AT).await, auditor.roles);
    let later = AT.plus_ms(STALE_MS);
    assert!(!accepts(&two.slow, &first, later).await && !accepts(&two.slow, &second, later).await);
    assert_eq!(roles(&two.slow, &third, later).await, auditor.roles);
}

/// Cut-offs and new roles of one subject, beside each other: none is lost.
#[tokio::test]
async fn no_change_overwrites_another() {
    for (op, side) in [(Op::Read, Side::After), (Op::Swap, Side::Before)] {
        let two = two();
        let logins = [
            log_in(&two.other, "ada", AT).await,
            log_in(&two.other, "ada", AT).await,
        ];
        let mut stop = two.gate.stop(op, side);
        let (slow, keep) = (Arc::clone(&two.slow), logins[0].login);
        let running = tokio::spawn(async move { end_others(&slow, keep, AT).await });
        stop.reached().await;
        let auditor = subject("ada", &["auditor"]);
        two.other.change_roles(&auditor, AT).await.unwrap();
        stop.release();
        running.await.unwrap();
        assert_eq!(roles(&two.other, &logins[0], AT).await, auditor.roles);
        assert!(!accepts(&two.other, &logins[1], AT).await);

        let mut stop = two.gate.stop(op, side);
        let (slow, keep) = (Arc::clone(&two.slow), logins[0].login);
        let running = tokio::spawn(async move { end_others(&slow, keep, AT).await });
        stop.reached().await;
        end_all(&two.other, AT).await;
        stop.release();
        running.await.unwrap();
        assert!(!accepts(&two.other, &logins[0], AT).await);
    }
}

/// More at once than one of them has tries, each of which spoils those of all
/// the others.
#[tokio::test]
async fn many_changes_at_once_are_all_acknowledged() {
    let node = node(Gated::new(MemoryStore::new()), 0, 1);
    let held = log_in(&node, "ada", AT).await;
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let node = Arc::clone(&node);
            tokio::spawn(async move {
                if n % 2 == 0 {
                    end_all(&node, AT).await;
                } else {
                    let auditor = subject("ada", &["auditor"]);
                    node.change_roles(&auditor, AT).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!(!accepts(&node, &held, AT).await);
}

/// The record of a subject is kept for as long as its newest token lives, and
/// is gone with it.
#[tokio::test]
async fn a_record_lives_as_long_as_tokens_do() {
    let node = node(MemoryStore::new(), 0, 1);
    let mut last = log_in(&node, "ada", AT).await;
    for n in 1..8 {
        let at = AT.plus_ms(n * TTL_MS / 2);
        assert_eq!(
            node.store().purge(at.plus_ms(SKEW_MS), 10).await.unwrap(),
            0
        );
        last = log_in(&node, "ada", at).await;
        let end = UnixMs(last.expires_at.0 - 1);
        assert_eq!(
            node.store().purge(end.plus_ms(SKEW_MS), 10).await.unwrap(),
            0
        );
        assert!(accepts(&node, &last, end).await);
    }
    let gone_by = last.expires_at.plus_ms(2 * TTL_MS + 4 * SKEW_MS);
    assert_eq!(node.store().purge(gone_by, 10).await.unwrap(), 1);
    assert!(node.store().is_empty());
}

/// A record that is purged between the look and the write is made anew.
#[tokio::test]
async fn a_login_survives_the_purge_of_its_record() {
    let two = two();
    let old = log_in(&two.other, "ada", AT).await;
    let later = AT.plus_ms(100 * TTL_MS);
    let mut stop = two.gate.stop(Op::Swap, Side::Before);
    let slow = Arc::clone(&two.slow);
    let running = tokio::spawn(async move { log_in(&slow, "ada", later).await });
    stop.reached().await;
    assert_eq!(two.other.store().purge(later, 10).await.unwrap(), 1);
    stop.release();
    let held = running.await.unwrap();
    assert!(accepts(&two.other, &held, later).await);
    assert!(!accepts(&two.other, &old, later).await);
}

/// A store that lost everything, or its latest changes, refuses what it cannot
/// know; and a later revocation ends that, too.
#[tokio::test]
async fn a_store_that_lost_a_subject_refuses() {
    let node = node(MemoryStore::new(), 0, 1);
    let old = log_in(&node, "ada", AT).await;
    end_all(&node, AT).await;
    let held = log_in(&node, "ada", AT).await;
    let all = node.store().purge(UnixMs(u64::MAX), 10).await.unwrap();
    assert_eq!(all, 1);
    assert_eq!(
        judge(&node, &held, AT).await,
        Decision::Refused(Refusal::Revoked)
    );
    // Its clock is behind the one that made the tokens.
    for at in [UnixMs(AT.0 - SKEW_MS), AT, AT.plus_ms(1)] {
        let _ = node.store().purge(UnixMs(u64::MAX), 10).await.unwrap();
        let new = log_in(&node, "ada", at).await;
        assert!(accepts(&node, &new, at).await);
        for dead in [&old, &held] {
            assert!(!accepts(&node, dead, AT).await, "lost at {}", at.0);
        }
    }
}

#[tokio::test]
async fn a_store_that_went_back_cuts_off_what_it_lost() {
    let node = node(MemoryStore::new(), 0, 1);
    let _ = log_in(&node, "ada", AT).await;
    let (key, before) = node
        .store()
        .list_by_subject(&ada())
        .await
        .unwrap()
        .remove(0);
    end_all(&node, AT).await;
    let held = log_in(&node, "ada", AT).await;
    assert!(node.store().delete(&key).await.unwrap());
    let _ = node.store().insert_new(&key, &before).await.unwrap();
    // Stamps are at most one ahead of time for each change that was lost.
    let later = AT.plus_ms(3);
    end_all(&node, later).await;
    assert!(!accepts(&node, &held, later).await);
}

#[tokio::test]
async fn what_a_request_costs() {
    for max_stale_ms in [0, STALE_MS] {
        let node = node(Metered::new(MemoryStore::new()), max_stale_ms, 1);
        let held = log_in(&node, "ada", AT).await;
        let before = node.store().counts();
        for _ in 0..10 {
            assert!(accepts(&node, &held, AT).await);
        }
        let reads = if max_stale_ms == 0 { 10 } else { 1 };
        let spent = StoreCounts {
            gets: before.gets + reads,
            ..before
        };
        assert_eq!(node.store().counts(), spent);
        // A second login only reads.
        let _ = log_in(&node, "ada", AT).await;
        assert_eq!(
            node.store().counts(),
            StoreCounts {
                gets: spent.gets + 1,
                ..spent
            }
        );
    }
}

#[tokio::test]
async fn promises_follow_from_the_settings_and_an_outage() {
    let strict = node(MemoryStore::new(), 0, 1).guarantees();
    let lax = node(MemoryStore::new(), STALE_MS, 1).guarantees();
    assert_eq!(
        (strict.revoke_all, strict.role_change),
        (Staleness::Immediate, Staleness::Immediate)
    );
    let within = Staleness::WithinMs(STALE_MS);
    assert_eq!((lax.revoke_all, lax.role_change), (within, within));
    assert_eq!(
        (strict.outage, lax.outage),
        (OutageBehaviour::FailsClosed, OutageBehaviour::Coasts)
    );

    let switch = Switch::default();
    let node = node(Faulty::new(MemoryStore::new(), switch.clone()), STALE_MS, 1);
    let held = log_in(&node, "ada", AT).await;
    assert!(accepts(&node, &held, AT).await);
    switch.set(Some(Fault::Refuse));
    let presented = held.present();
    let coasting = node
        .authenticate(&presented, AT.plus_ms(STALE_MS - 1))
        .await;
    assert!(coasting.unwrap().accepted().is_some());
    assert!(
        node.authenticate(&presented, AT.plus_ms(STALE_MS))
            .await
            .is_err()
    );
    // A revocation that may have happened is not hidden by the cache.
    switch.set(None);
    let later = AT.plus_ms(STALE_MS);
    assert!(accepts(&node, &held, later).await);
    switch.set(Some(Fault::LoseAnswer));
    assert!(node.revoke(&Scope::Subject(&ada()), later).await.is_err());
    assert!(node.authenticate(&presented, later).await.is_err());
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Login,
    EndAll,
    EndOthers(usize),
    Wait(u64),
    Purge,
}

fn step() -> impl Strategy<Value = (Step, usize)> {
    let step = prop_oneof![
        4 => Just(Step::Login),
        1 => Just(Step::EndAll),
        3 => (0..8_usize).prop_map(Step::EndOthers),
        3 => prop_oneof![0..3_u64, 0..TTL_MS].prop_map(Step::Wait),
        1 => Just(Step::Purge),
    ];
    (step, 0..2_usize)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// On two nodes whose clocks differ, against the list of all that was
    /// revoked.
    #[test]
    fn agrees_with_the_list_of_revocations(
        steps in prop::collection::vec(step(), 1..60),
        ahead_ms in 0..=SKEW_MS,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = Arc::new(MemoryStore::new());
            let nodes = [1, 2].map(|seed| node(Arc::clone(&store), 0, seed));
            let mut now = AT;
            let mut logins: Vec<(Credentials, bool)> = Vec::new();
            for (step, at_node) in steps {
                let shown = |now: UnixMs, node: usize| now.plus_ms([0, ahead_ms][node]);
                let (node, here) = (&nodes[at_node], shown(now, at_node));
                match step {
                    Step::Login => logins.push((log_in(node, "ada", here).await, false)),
                    Step::EndAll => {
                        end_all(node, here).await;
                        logins.iter_mut().for_each(|login| login.1 = true);
                    }
                    Step::EndOthers(n) => {
                        let Some(last) = logins.len().checked_sub(1) else { continue };
                        let keep = n.min(last);
                        end_others(node, logins[keep].0.login, here).await;
                        for (n, login) in logins.iter_mut().enumerate() {
                            login.1 |= n != keep;
                        }
                    }
                    Step::Wait(ms) => now = now.plus_ms(ms),
                    Step::Purge => {
                        store.purge(here, u64::MAX).await.unwrap();
                    }
                }
                for (n, (held, ended)) in logins.iter().enumerate() {
                    for (place, node) in nodes.iter().enumerate() {
                        let at = shown(now, place);
                        let good = !ended && at < held.expires_at;
                        prop_assert_eq!(accepts(node, held, at).await, good, "login {}", n);
                    }
                }
            }
            Ok(())
        })?;
    }
}
