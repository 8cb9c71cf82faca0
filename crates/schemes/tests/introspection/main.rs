//! Introspection against an authorization server in the same process; over
//! HTTP it is tested where the HTTP is.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use authbench_core::{
    AuthStrategy, Credentials, Decision, Guarantees, Identity, Issued, LoginId, Logins,
    OutageBehaviour, Presented, Receipt, RefreshOffer, Refusal, Roles, Scope, SeededEntropy,
    Staleness, StrategyError, Subject, SubjectId, UnixMs,
};
use authbench_schemes::introspection::{
    AuthorizationServer, Ended, Introspection, MAX_TOKEN_OCTETS, Settings, SettingsError,
};
use authbench_schemes::session::{self, Idle, Session};
use authbench_stores::MemoryStore;

const AT: UnixMs = UnixMs(5_000);
const CACHE_MS: u64 = 100;

/// A server next door: counts what it is asked, and may be out of reach.
struct Local {
    strategy: Session<MemoryStore, SeededEntropy>,
    asked: AtomicU64,
    is_down: AtomicBool,
}

impl Local {
    fn new(settings: session::Settings) -> Arc<Self> {
        Arc::new(Self {
            strategy: Session::new(settings, MemoryStore::new(), SeededEntropy::new(1)),
            asked: AtomicU64::new(0),
            is_down: AtomicBool::new(false),
        })
    }

    fn reach(&self) -> Result<&Session<MemoryStore, SeededEntropy>, StrategyError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.is_down.load(Ordering::SeqCst) {
            return Err(StrategyError::Remote {
                operation: "anything",
                source: "down".into(),
            });
        }
        Ok(&self.strategy)
    }
}

struct Reach(Arc<Local>);

impl AuthorizationServer for Reach {
    fn guarantees(&self) -> Guarantees {
        AuthStrategy::guarantees(&self.0.strategy)
    }

    async fn issue(&self, subject: &Subject, at: UnixMs) -> Result<Issued, StrategyError> {
        self.0.reach()?.issue(subject, at).await
    }

    async fn introspect(&self, token: &str, at: UnixMs) -> Result<Option<Identity>, StrategyError> {
        let judge = self.0.reach()?;
        let presented = Presented::access(token);
        Ok(judge.authenticate(&presented, at).await?.accepted())
    }

    async fn revoke(&self, ended: &Ended<'_>, at: UnixMs) -> Result<Receipt, StrategyError> {
        let scope = match *ended {
            Ended::Token(token) => Scope::Presented(Presented::access(token)),
            Ended::Login { subject, login } => Scope::Login { subject, login },
            Ended::Subject(subject) => Scope::Subject(subject),
            Ended::Others { subject, keep } => Scope::Others { subject, keep },
        };
        self.0.reach()?.revoke(&scope, at).await
    }

    async fn logins(&self, subject: &SubjectId, at: UnixMs) -> Result<Logins, StrategyError> {
        self.0.reach()?.logins(subject, at).await
    }

    async fn change_roles(&self, subject: &Subject, at: UnixMs) -> Result<Receipt, StrategyError> {
        self.0.reach()?.change_roles(subject, at).await
    }
}

type Node = Introspection<Reach>;

/// Two resource servers that ask one authorization server.
fn nodes(cache_ms: u64) -> (Arc<Local>, Node, Node) {
    let local = Local::new(session::Settings::default());
    let settings = Settings {
        cache_ms,
        ..Settings::default()
    };
    let node = || Introspection::new(&settings, Reach(Arc::clone(&local))).unwrap();
    let (node, other) = (node(), node());
    (local, node, other)
}

fn subject(name: &str, roles: &[&str]) -> Subject {
    Subject {
        id: SubjectId::new(name),
        roles: roles.iter().collect(),
    }
}

async fn login(node: &Node, name: &str) -> Credentials {
    let issued = node.issue(&subject(name, &["user"]), AT).await.unwrap();
    issued.granted().unwrap()
}

async fn judge(node: &Node, held: &Credentials, at: UnixMs) -> Decision {
    node.authenticate(&held.present(), at).await.unwrap()
}

async fn accepts(node: &Node, held: &Credentials, at: UnixMs) -> bool {
    judge(node, held, at).await.accepted().is_some()
}

#[test]
fn promises_are_the_authoritys_and_the_caches_together() {
    let (local, asking, _) = nodes(0);
    let behind = AuthStrategy::guarantees(&local.strategy);
    assert_eq!(AuthStrategy::guarantees(&asking), behind);
    let (_, keeping, _) = nodes(CACHE_MS);
    let within = Staleness::WithinMs(CACHE_MS);
    let expected = Guarantees {
        revoke_one: within,
        revoke_all: within,
        role_change: within,
        outage: OutageBehaviour::Coasts,
        ..behind
    };
    assert_eq!(AuthStrategy::guarantees(&keeping), expected);
    assert_eq!(expected.refresh, RefreshOffer::None);
}

#[test]
fn settings_that_cannot_be_kept_are_refused() {
    let build = |settings: &Settings, idle| {
        let tokens = session::Settings {
            idle,
            ..session::Settings::default()
        };
        Introspection::new(settings, Reach(Local::new(tokens))).err()
    };
    let good = Settings::default();
    let idle = Some(Idle::new(1_000, None).unwrap());
    let keeping = Settings {
        cache_ms: 1,
        ..good
    };
    assert_eq!(build(&good, idle), None);
    assert_eq!(build(&keeping, None), None);
    assert_eq!(build(&keeping, idle), Some(SettingsError::CacheWithIdle));
    for wrong in [
        Settings {
            cache_ms: 3_600_001,
            ..good
        },
        Settings {
            cache_entries: 0,
            ..good
        },
        Settings {
            cache_entries: usize::MAX,
            ..good
        },
    ] {
        let error = build(&wrong, None);
        assert!(matches!(error, Some(SettingsError::Range { .. })));
    }
}

#[tokio::test]
async fn without_a_cache_each_request_asks_and_sees_each_change_at_once() {
    let (local, node, other) = nodes(0);
    let held = login(&node, "ada").await;
    let asked = local.asked.load(Ordering::SeqCst);
    for _ in 0..3 {
        assert!(accepts(&other, &held, AT).await);
    }
    assert_eq!(local.asked.load(Ordering::SeqCst), asked + 3);
    let scope = Scope::Presented(held.present());
    let receipt = node.revoke(&scope, AT).await.unwrap();
    assert_eq!(receipt.effective_from, AT);
    let decision = judge(&other, &held, AT).await;
    assert_eq!(decision, Decision::Refused(Refusal::Unknown));
}

#[tokio::test]
async fn a_kept_answer_saves_the_question_and_passes_for_as_long_as_promised() {
    let (local, node, other) = nodes(CACHE_MS);
    let held = login(&node, "ada").await;
    assert!(accepts(&node, &held, AT).await && accepts(&other, &held, AT).await);
    let asked = local.asked.load(Ordering::SeqCst);
    assert!(accepts(&node, &held, AT.plus_ms(CACHE_MS - 1)).await);
    assert_eq!(local.asked.load(Ordering::SeqCst), asked);
    let scope = Scope::Presented(held.present());
    let receipt = node.revoke(&scope, AT.plus_ms(1)).await.unwrap();
    assert_eq!(receipt.effective_from, AT.plus_ms(1 + CACHE_MS));
    // The node that ended it knows at once, the other one in time.
    assert!(!accepts(&node, &held, AT.plus_ms(2)).await);
    assert!(accepts(&other, &held, AT.plus_ms(CACHE_MS - 1)).await);
    assert!(!accepts(&other, &held, AT.plus_ms(CACHE_MS)).await);
    assert!(!accepts(&other, &held, AT.plus_ms(CACHE_MS - 1)).await);
}

#[tokio::test]
async fn what_a_node_changes_itself_it_sees_at_once() {
    let (_, node, _) = nodes(CACHE_MS);
    let ada = SubjectId::new("ada");
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(login(&node, "ada").await);
    }
    let bob = login(&node, "bob").await;
    let admin = subject("ada", &["admin"]);
    assert!(accepts(&node, &held[0], AT).await);
    node.change_roles(&admin, AT).await.unwrap();
    let identity = judge(&node, &held[0], AT).await.accepted().unwrap();
    assert_eq!(identity.roles, ["admin"].iter().collect::<Roles>());
    let ends = [
        (
            Scope::Login {
                subject: &ada,
                login: held[0].login,
            },
            3,
        ),
        (
            Scope::Others {
                subject: &ada,
                keep: held[1].login,
            },
            1,
        ),
        (Scope::Subject(&ada), 0),
    ];
    for (scope, left) in ends {
        for credentials in &held {
            accepts(&node, credentials, AT).await;
        }
        node.revoke(&scope, AT).await.unwrap();
        let mut accepted = Vec::new();
        for credentials in &held {
            if accepts(&node, credentials, AT).await {
                accepted.push(credentials.login);
            }
        }
        accepted.sort_unstable();
        assert_eq!((ids(&node, "ada").await, accepted.len()), (accepted, left));
    }
    assert!(accepts(&node, &bob, AT).await);
}

async fn ids(node: &Node, name: &str) -> Vec<LoginId> {
    match node.logins(&SubjectId::new(name), AT).await.unwrap() {
        Logins::Known(logins) => logins.iter().map(|info| info.login).collect(),
        Logins::NotKept => panic!("sessions are listed"),
    }
}

#[tokio::test]
async fn a_kept_answer_expires_and_a_refusal_is_never_kept() {
    let (local, node, _) = nodes(CACHE_MS);
    let held = login(&node, "ada").await;
    let late = UnixMs(held.expires_at.0 - 1);
    assert!(accepts(&node, &held, late).await);
    let asked = local.asked.load(Ordering::SeqCst);
    let decision = judge(&node, &held, held.expires_at).await;
    assert_eq!(decision, Decision::Refused(Refusal::Expired));
    assert_eq!(local.asked.load(Ordering::SeqCst), asked, "from the cache");
    let unknown = Presented::access("somebody else's");
    for n in 1..4 {
        let decision = node.authenticate(&unknown, AT).await.unwrap();
        assert_eq!(decision, Decision::Refused(Refusal::Unknown));
        assert_eq!(local.asked.load(Ordering::SeqCst), asked + n);
    }
}

#[tokio::test]
async fn what_cannot_be_a_token_is_asked_of_nobody() {
    let (local, node, _) = nodes(CACHE_MS);
    let long = "A".repeat(MAX_TOKEN_OCTETS + 1);
    for (text, refusal) in [
        (None, Refusal::Missing),
        (Some(""), Refusal::Malformed),
        (Some("é"), Refusal::Malformed),
        (Some("a\nb"), Refusal::Malformed),
        (Some(&*long), Refusal::Malformed),
    ] {
        let presented = Presented {
            access: text,
            refresh: None,
        };
        let decision = node.authenticate(&presented, AT).await.unwrap();
        assert_eq!(decision, Decision::Refused(refusal));
        node.revoke(&Scope::Presented(presented), AT).await.unwrap();
    }
    assert_eq!(local.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_outage_is_an_error_and_accepts_only_whom_the_cache_knows() {
    let (local, node, other) = nodes(CACHE_MS);
    let (known, unknown) = (login(&node, "ada").await, login(&node, "ada").await);
    assert!(accepts(&node, &known, AT).await);
    local.is_down.store(true, Ordering::SeqCst);
    assert!(accepts(&node, &known, AT.plus_ms(CACHE_MS - 1)).await);
    for (node, held, at) in [
        (&node, &known, AT.plus_ms(CACHE_MS)),
        (&node, &unknown, AT),
        (&other, &known, AT),
    ] {
        assert!(node.authenticate(&held.present(), at).await.is_err());
    }
    let ada = subject("ada", &[]);
    assert!(node.issue(&ada, AT).await.is_err());
    assert!(node.logins(&ada.id, AT).await.is_err());
    assert!(node.change_roles(&ada, AT).await.is_err());
    // A revocation that failed may have happened: the answer is not kept on.
    assert!(node.revoke(&Scope::Subject(&ada.id), AT).await.is_err());
    assert!(node.authenticate(&known.present(), AT).await.is_err());
}
