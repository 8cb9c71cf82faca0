//! Renewals beside each other, beside revocations and beside new roles, in
//! orders that are set by hand.

use std::sync::Arc;

use authbench_core::{
    AuthStrategy, Credentials, LoginId, Logins, Presented, RecordStore, Refreshed, Refusal, Scope,
    SeededEntropy, SubjectId, UnixMs,
};
use authbench_schemes::refresh::{Grace, RefreshKey, Refreshing, Settings};
use authbench_stores::{MemoryStore, Metered, StoreCounts};

use crate::gated::{Gated, Op, Side};
use crate::support::{AT, Plain, TTL_MS, accepts, log_in, roles, subject};

const CHAIN_MS: u64 = 600_000;
const GRACE: Grace = Grace::ReplaySuccessor { window_ms: 5_000 };

type Node<S> = Arc<Refreshing<Plain, S, SeededEntropy>>;

fn node<S: RecordStore>(store: S, grace: Grace, seed: u64) -> Node<S> {
    let key = RefreshKey::from_bytes(&[8; 32]).unwrap();
    let settings = Settings {
        chain_ms: CHAIN_MS,
        grace,
    };
    let entropy = SeededEntropy::new(seed);
    Arc::new(Refreshing::new(
        settings,
        Plain,
        Arc::new(key),
        store,
        entropy,
    ))
}

/// Two nodes, the first of which can be stopped.
struct Two {
    gate: Arc<Gated<Arc<MemoryStore>>>,
    slow: Node<Arc<Gated<Arc<MemoryStore>>>>,
    quick: Node<Arc<MemoryStore>>,
}

fn two(grace: Grace) -> Two {
    let store = Arc::new(MemoryStore::new());
    let gate = Gated::new(Arc::clone(&store));
    Two {
        slow: node(Arc::clone(&gate), grace, 1),
        quick: node(store, grace, 2),
        gate,
    }
}

async fn renew<S: RecordStore>(
    node: &Node<S>,
    held: &Credentials,
    at: UnixMs,
) -> Result<Credentials, Refusal> {
    let presented = Presented {
        access: None,
        refresh: held.present().refresh,
    };
    match node.refresh(&presented, at).await.unwrap() {
        Refreshed::Renewed(credentials) => Ok(credentials),
        Refreshed::Refused(refusal) => Err(refusal),
        Refreshed::NotOffered => panic!("refresh is offered"),
    }
}

async fn listed<S: RecordStore>(node: &Node<S>) -> Vec<LoginId> {
    match node.logins(&SubjectId::new("ada"), AT).await.unwrap() {
        Logins::Known(logins) => logins.iter().map(|info| info.login).collect(),
        Logins::NotKept => panic!("families are listed"),
    }
}

/// Every way to end the login `held` of ada.
async fn end<S: RecordStore>(node: &Node<S>, held: &Credentials, way: usize) {
    let subject = &SubjectId::new("ada");
    let login = held.login;
    let scope = match way {
        0 => Scope::Presented(held.present()),
        1 => Scope::Login { subject, login },
        2 => Scope::Subject(subject),
        _ => Scope::Others {
            subject,
            keep: LoginId([0xEE; 16]),
        },
    };
    let receipt = node.revoke(&scope, AT).await.unwrap();
    assert_eq!(receipt.effective_from, AT.plus_ms(TTL_MS));
}

/// A renewal, first or repeated, that the store has answered when the login is
/// ended hands tokens out that renew nothing, and whose access is over when
/// the receipt said.
#[tokio::test]
async fn a_renewal_that_a_revocation_overtakes_leads_nowhere() {
    for (spent, way) in [false, true]
        .into_iter()
        .flat_map(|spent| (0..4).map(move |way| (spent, way)))
    {
        let two = two(GRACE);
        let held = log_in(&two.quick, "ada", AT).await;
        if spent {
            renew(&two.quick, &held, AT).await.unwrap();
        }
        let mut stop = two.gate.stop(Op::Rotate, Side::After);
        let (slow, old) = (Arc::clone(&two.slow), held.clone());
        let running = tokio::spawn(async move { renew(&slow, &old, AT).await });
        stop.reached().await;
        end(&two.quick, &held, way).await;
        stop.release();
        let late = running.await.unwrap().unwrap();
        for node in [&two.quick, &node(Arc::clone(two.quick.store()), GRACE, 3)] {
            for token in [&late, &held] {
                assert_eq!(renew(node, token, AT).await.unwrap_err(), Refusal::Unknown);
            }
            assert!(!accepts(node, &late, AT.plus_ms(TTL_MS)).await);
        }
        assert!(listed(&two.quick).await.is_empty());
    }
}

/// A new set of roles is written over a record that a renewal has moved on
/// meanwhile: neither is lost, and the spent token stays spent.
#[tokio::test]
async fn new_roles_do_not_turn_a_rotation_back() {
    let two = two(Grace::Strict);
    let held = log_in(&two.quick, "ada", AT).await;
    let mut stop = two.gate.stop(Op::Swap, Side::Before);
    let slow = Arc::clone(&two.slow);
    let auditor = subject("ada", &["auditor"]);
    let told = auditor.clone();
    let running = tokio::spawn(async move { slow.change_roles(&told, AT).await });
    stop.reached().await;
    let second = renew(&two.quick, &held, AT).await.unwrap();
    stop.release();
    running.await.unwrap().unwrap();
    let third = renew(&two.quick, &second, AT).await.unwrap();
    assert_eq!(roles(&two.quick, &third, AT).await, auditor.roles);
    assert_eq!(
        renew(&two.quick, &held, AT).await.unwrap_err(),
        Refusal::Revoked
    );
    assert_eq!(
        renew(&two.quick, &third, AT).await.unwrap_err(),
        Refusal::Unknown
    );
}

/// New roles do not bring back a login that has ended between the list and the
/// write.
#[tokio::test]
async fn new_roles_revive_nothing() {
    let two = two(Grace::Strict);
    let held = log_in(&two.quick, "ada", AT).await;
    let mut stop = two.gate.stop(Op::Swap, Side::Before);
    let slow = Arc::clone(&two.slow);
    let auditor = subject("ada", &["auditor"]);
    let running = tokio::spawn(async move { slow.change_roles(&auditor, AT).await });
    stop.reached().await;
    end(&two.quick, &held, 2).await;
    stop.release();
    running.await.unwrap().unwrap();
    assert!(renew(&two.quick, &held, AT).await.is_err());
    assert!(two.quick.store().is_empty());
}

/// The one who was too late ends the family even if the winner has renewed
/// again before the end was written.
#[tokio::test]
async fn reuse_ends_what_was_renewed_meanwhile() {
    let two = two(Grace::Strict);
    let held = log_in(&two.quick, "ada", AT).await;
    let second = renew(&two.quick, &held, AT).await.unwrap();
    let mut stop = two.gate.stop(Op::Delete, Side::Before);
    let (slow, old) = (Arc::clone(&two.slow), held.clone());
    let running = tokio::spawn(async move { renew(&slow, &old, AT).await });
    stop.reached().await;
    let third = renew(&two.quick, &second, AT).await.unwrap();
    stop.release();
    assert_eq!(running.await.unwrap().unwrap_err(), Refusal::Revoked);
    for token in [&held, &second, &third] {
        assert_eq!(
            renew(&two.quick, token, AT).await.unwrap_err(),
            Refusal::Unknown
        );
    }
}

/// A store that lost its latest rotations meets a token that it cannot know.
#[tokio::test]
async fn a_store_that_went_back_renews_nothing() {
    for grace in [Grace::Strict, GRACE] {
        let node = node(MemoryStore::new(), grace, 1);
        let held = log_in(&node, "ada", AT).await;
        let id = SubjectId::new("ada");
        let (key, first) = node.store().list_by_subject(&id).await.unwrap().remove(0);
        let second = renew(&node, &held, AT).await.unwrap();
        let third = renew(&node, &second, AT).await.unwrap();
        assert!(node.store().delete(&key).await.unwrap());
        let _ = node.store().insert_new(&key, &first).await.unwrap();
        assert_eq!(
            renew(&node, &third, AT).await.unwrap_err(),
            Refusal::Revoked
        );
        assert!(node.store().is_empty());
    }
}

/// Logging out with the tokens of two logins ends both.
#[tokio::test]
async fn each_token_ends_its_login() {
    let node = node(MemoryStore::new(), Grace::Strict, 1);
    let logins = [
        log_in(&node, "ada", AT).await,
        log_in(&node, "ada", AT).await,
    ];
    let presented = Presented {
        access: logins[0].present().access,
        refresh: logins[1].present().refresh,
    };
    node.revoke(&Scope::Presented(presented), AT).await.unwrap();
    assert!(node.store().is_empty());
}

/// A request asks no store, a renewal asks once, and reuse once more.
#[tokio::test]
async fn what_a_renewal_costs() {
    let node = node(Metered::new(MemoryStore::new()), Grace::Strict, 1);
    let held = log_in(&node, "ada", AT).await;
    assert!(accepts(&node, &held, AT).await);
    let mut spent = StoreCounts {
        inserts: 1,
        ..StoreCounts::default()
    };
    assert_eq!(node.store().counts(), spent);
    renew(&node, &held, AT).await.unwrap();
    spent.rotations += 1;
    assert_eq!(node.store().counts(), spent);
    assert!(renew(&node, &held, AT).await.is_err());
    spent.rotations += 1;
    spent.deletes += 1;
    assert_eq!(node.store().counts(), spent);
    // What no key of ours has made asks nobody.
    let other = RefreshKey::from_bytes(&[9; 32]).unwrap();
    let settings = Settings::default();
    let entropy = SeededEntropy::new(2);
    let store = MemoryStore::new();
    let forger = Arc::new(Refreshing::new(
        settings,
        Plain,
        Arc::new(other),
        store,
        entropy,
    ));
    let forged = log_in(&forger, "ada", AT).await;
    assert_eq!(
        renew(&node, &forged, AT).await.unwrap_err(),
        Refusal::BadSignature
    );
    assert_eq!(node.store().counts(), spent);
}
