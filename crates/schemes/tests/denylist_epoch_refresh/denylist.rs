//! Revocations beside each other, beside logins, and beside the purge.

use std::sync::Arc;

use authbench_core::{
    AuthStrategy, Credentials, Decision, LoginId, OutageBehaviour, RecordStore, Refusal, Scope,
    SeededEntropy, SubjectId, UnixMs,
};
use authbench_schemes::denylist::{Denylist, Settings};
use authbench_stores::{Fault, Faulty, MemoryStore, Metered, StoreCounts, Switch};
use proptest::prelude::*;

use crate::gated::{Gated, Op, Side};
use crate::support::{AT, NOBODYS, Plain, SKEW_MS, TTL_MS, accepts, judge, log_in};

type Node<S> = Arc<Denylist<Plain, S, SeededEntropy>>;

fn node<S: RecordStore>(store: S, seed: u64) -> Node<S> {
    let settings = Settings::default();
    Arc::new(Denylist::new(
        settings,
        Plain,
        store,
        SeededEntropy::new(seed),
    ))
}

fn ada() -> SubjectId {
    SubjectId::new("ada")
}

async fn end_all<S: RecordStore>(node: &Node<S>, at: UnixMs) {
    node.revoke(&Scope::Subject(&ada()), at).await.unwrap();
}

async fn end_others<S: RecordStore>(node: &Node<S>, keep: LoginId, at: UnixMs) {
    let subject = &ada();
    let scope = Scope::Others { subject, keep };
    node.revoke(&scope, at).await.unwrap();
}

/// Two nodes, the first of which can be stopped.
struct Two {
    gate: Arc<Gated<Arc<MemoryStore>>>,
    slow: Node<Arc<Gated<Arc<MemoryStore>>>>,
    quick: Node<Arc<MemoryStore>>,
}

fn two() -> Two {
    let store = Arc::new(MemoryStore::new());
    let gate = Gated::new(Arc::clone(&store));
    Two {
        slow: node(Arc::clone(&gate), 1),
        quick: node(store, 2),
        gate,
    }
}

/// What the slow node is to revoke, and what the quick one meanwhile.
#[derive(Clone, Copy)]
enum Cut {
    All,
    But(usize),
}

impl Cut {
    async fn on<S: RecordStore>(self, node: &Node<S>, logins: &[Credentials]) {
        match self {
            Self::All => end_all(node, AT).await,
            Self::But(keep) => end_others(node, logins[keep].login, AT).await,
        }
    }

    fn spares(self, login: usize) -> bool {
        matches!(self, Self::But(keep) if keep == login)
    }
}

/// Of two cut-offs that run beside each other, none is lost: a login goes on
/// only if both, and those of before, spare it.
#[tokio::test]
async fn no_cut_off_overwrites_another() {
    let cuts = [Cut::All, Cut::But(0), Cut::But(1)];
    for before in [None, Some(Cut::But(0)), Some(Cut::But(1)), Some(Cut::All)] {
        for (first, second) in cuts.iter().flat_map(|a| cuts.iter().map(move |b| (*a, *b))) {
            for (op, side) in [
                (Op::Read, Side::After),
                (Op::Swap, Side::Before),
                (Op::Insert, Side::Before),
            ] {
                if (op == Op::Insert) == before.is_some() && op != Op::Read {
                    continue;
                }
                let two = two();
                let logins = [
                    log_in(&two.quick, "ada", AT).await,
                    log_in(&two.quick, "ada", AT).await,
                ];
                if let Some(cut) = before {
                    cut.on(&two.quick, &logins).await;
                }
                let mut stop = two.gate.stop(op, side);
                let (slow, held) = (Arc::clone(&two.slow), logins.clone());
                let running = tokio::spawn(async move { first.on(&slow, &held).await });
                stop.reached().await;
                second.on(&two.quick, &logins).await;
                stop.release();
                running.await.unwrap();
                for (n, login) in logins.iter().enumerate() {
                    let lives = before
                        .iter()
                        .chain([&first, &second])
                        .all(|cut| cut.spares(n));
                    assert_eq!(accepts(&two.quick, login, AT).await, lives);
                }
                let later = log_in(&two.slow, "ada", AT).await;
                assert!(accepts(&two.quick, &later, AT).await);
            }
        }
    }
}

/// Also if the cut-off before it is purged in the middle of it.
#[tokio::test]
async fn a_cut_off_survives_the_purge_of_its_predecessor() {
    let two = two();
    end_all(&two.quick, AT).await;
    let later = AT.plus_ms(10 * TTL_MS);
    let login = log_in(&two.quick, "ada", later).await;
    let mut stop = two.gate.stop(Op::Swap, Side::Before);
    let slow = Arc::clone(&two.slow);
    let running = tokio::spawn(async move { end_all(&slow, later).await });
    stop.reached().await;
    assert_eq!(two.quick.store().purge(later, 10).await.unwrap(), 1);
    stop.release();
    running.await.unwrap();
    assert!(!accepts(&two.quick, &login, later).await);
}

/// A login that has read the cut-off before a revocation and is handed out
/// after it began before it, and is ended by it. The next one is not.
#[tokio::test]
async fn a_login_that_overlaps_a_revocation_is_ended_by_it() {
    let two = two();
    let mut stop = two.gate.stop(Op::Read, Side::After);
    let slow = Arc::clone(&two.slow);
    let running = tokio::spawn(async move { log_in(&slow, "ada", AT).await });
    stop.reached().await;
    end_all(&two.quick, AT).await;
    stop.release();
    let overlapping = running.await.unwrap();
    assert!(!accepts(&two.quick, &overlapping, AT).await);
    let next = log_in(&two.slow, "ada", AT).await;
    assert!(accepts(&two.quick, &next, AT).await);
}

/// More at once than one of them has tries, each of which spoils those of all
/// the others.
#[tokio::test]
async fn many_revocations_at_once_are_all_acknowledged() {
    let node = node(Gated::new(MemoryStore::new()), 1);
    let logins = [
        log_in(&node, "ada", AT).await,
        log_in(&node, "ada", AT).await,
    ];
    for keep in [Some(logins[0].login), None] {
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let node = Arc::clone(&node);
                tokio::spawn(async move {
                    match keep {
                        Some(keep) => end_others(&node, keep, AT).await,
                        None => end_all(&node, AT).await,
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(accepts(&node, &logins[0], AT).await, keep.is_some());
        assert!(!accepts(&node, &logins[1], AT).await);
    }
}

#[tokio::test]
async fn a_stranger_neither_ends_a_login_nor_stands_in_the_way() {
    for owner in ["ada", "an-identifier-of-more-than-fifteen-octets"] {
        let node = node(MemoryStore::new(), 1);
        let held = log_in(&node, owner, AT).await;
        for stranger in ["bob", "", "an-identifier-of-more-than-fifteen-octet"] {
            let subject = &SubjectId::new(stranger);
            let login = held.login;
            for scope in [
                Scope::Login { subject, login },
                Scope::Subject(subject),
                Scope::Others {
                    subject,
                    keep: NOBODYS,
                },
            ] {
                node.revoke(&scope, AT).await.unwrap();
            }
            assert!(accepts(&node, &held, AT).await, "{stranger}");
        }
        let scope = Scope::Presented(held.present());
        node.revoke(&scope, AT).await.unwrap();
        assert_eq!(
            judge(&node, &held, AT).await,
            Decision::Refused(Refusal::Revoked)
        );
    }
}

/// What was revoked stays so until it has expired on every replica, and then
/// nothing of it is left.
#[tokio::test]
async fn entries_live_as_long_as_what_they_end() {
    for case in 0..4 {
        let node = node(MemoryStore::new(), 1);
        // Made by a replica whose clock is ahead, purged by another one of
        // that kind, and presented to one that is behind.
        let made_at = AT.plus_ms(SKEW_MS);
        let held = log_in(&node, "ada", made_at).await;
        let subject = &ada();
        let login = held.login;
        let scope = match case {
            0 => Scope::Presented(held.present()),
            1 => Scope::Login { subject, login },
            2 => Scope::Subject(subject),
            _ => Scope::Others {
                subject,
                keep: NOBODYS,
            },
        };
        node.revoke(&scope, AT).await.unwrap();
        let last = UnixMs(held.expires_at.0 - 1);
        let purged = node.store().purge(last.plus_ms(SKEW_MS), 10).await.unwrap();
        assert_eq!(purged, 0, "case {case}");
        assert!(!accepts(&node, &held, last).await);
        let gone_by = held.expires_at.plus_ms(4 * SKEW_MS);
        assert_eq!(node.store().purge(gone_by, 10).await.unwrap(), 1);
        assert!(node.store().is_empty());
    }
}

#[tokio::test]
async fn a_request_costs_one_round_trip_and_a_bad_one_none() {
    let node = node(Metered::new(MemoryStore::new()), 1);
    let held = log_in(&node, "ada", AT).await;
    let before = node.store().counts();
    assert!(accepts(&node, &held, AT).await);
    let spent = StoreCounts {
        gets_many: before.gets_many + 1,
        ..before
    };
    assert_eq!(node.store().counts(), spent);
    assert!(!accepts(&node, &held, held.expires_at).await);
    // Ending what has expired, or proves nothing, writes nothing.
    let scope = Scope::Presented(held.present());
    let receipt = node.revoke(&scope, held.expires_at).await.unwrap();
    assert_eq!(receipt.effective_from, held.expires_at);
    assert_eq!(node.store().counts(), spent);
}

#[tokio::test]
async fn an_outage_refuses_unless_the_settings_say_otherwise() {
    for fail_open in [false, true] {
        let switch = Switch::default();
        let store = Faulty::new(MemoryStore::new(), switch.clone());
        let settings = Settings { fail_open };
        let node = Arc::new(Denylist::new(settings, Plain, store, SeededEntropy::new(1)));
        let open = node.guarantees().outage == OutageBehaviour::FailsOpen;
        assert_eq!(open, fail_open);
        let dead = log_in(&node, "ada", AT).await;
        let scope = Scope::Presented(dead.present());
        node.revoke(&scope, AT).await.unwrap();
        for (fault, reachable) in [
            (Fault::Refuse, false),
            (Fault::LoseAnswer, false),
            (Fault::Hang { give_up_ms: 1 }, false),
            (Fault::Truncate, true),
        ] {
            switch.set(Some(fault));
            let answer = node.authenticate(&dead.present(), AT).await;
            if fail_open && !reachable {
                assert!(answer.unwrap().accepted().is_some(), "{fault:?}");
            } else {
                assert!(answer.is_err(), "{fault:?}");
            }
            // Nobody is told that something has ended which may not have.
            assert!(node.revoke(&scope, AT).await.is_err(), "{fault:?}");
        }
        switch.set(None);
        assert!(!accepts(&node, &dead, AT).await);
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Login,
    EndAll,
    EndOthers(usize),
    EndPresented(usize),
    EndHandle(usize),
    Wait(u64),
    Purge,
}

fn step() -> impl Strategy<Value = (Step, usize)> {
    let step = prop_oneof![
        4 => Just(Step::Login),
        1 => Just(Step::EndAll),
        3 => (0..8_usize).prop_map(Step::EndOthers),
        1 => (0..8_usize).prop_map(Step::EndPresented),
        1 => (0..8_usize).prop_map(Step::EndHandle),
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
            let nodes = [1, 2].map(|seed| node(Arc::clone(&store), seed));
            let mut now = AT;
            let mut logins: Vec<(Credentials, bool)> = Vec::new();
            let subject = &ada();
            for (step, at_node) in steps {
                let shown = |now: UnixMs, node: usize| now.plus_ms([0, ahead_ms][node]);
                let (node, here) = (&nodes[at_node], shown(now, at_node));
                let pick = |n: usize| logins.len().checked_sub(1).map(|last| n.min(last));
                match step {
                    Step::Login => logins.push((log_in(node, "ada", here).await, false)),
                    Step::EndAll => {
                        end_all(node, here).await;
                        logins.iter_mut().for_each(|login| login.1 = true);
                    }
                    Step::EndOthers(n) => {
                        let Some(keep) = pick(n) else { continue };
                        end_others(node, logins[keep].0.login, here).await;
                        for (n, login) in logins.iter_mut().enumerate() {
                            login.1 |= n != keep;
                        }
                    }
                    Step::EndPresented(n) => {
                        let Some(n) = pick(n) else { continue };
                        let scope = Scope::Presented(logins[n].0.present());
                        node.revoke(&scope, here).await.unwrap();
                        // What has expired here is not ended by it.
                        logins[n].1 |= here < logins[n].0.expires_at;
                    }
                    Step::EndHandle(n) => {
                        let Some(n) = pick(n) else { continue };
                        let login = logins[n].0.login;
                        node.revoke(&Scope::Login { subject, login }, here).await.unwrap();
                        logins[n].1 = true;
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
