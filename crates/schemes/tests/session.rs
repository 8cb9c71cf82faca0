//! The session scheme over the memory store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::HashSet;
use std::sync::Arc;

use authbench_core::system::OsEntropy;
use authbench_core::{
    AuthStrategy, Credentials, Decision, Digest, Durability, Entropy, EntropyError, Guarantees,
    Identity, Inserted, Listing, LoginId, Logins, OutageBehaviour, Presented, Record, RecordStore,
    RefreshOffer, Refreshed, Refusal, Roles, Scope, SeededEntropy, Staleness, StoreError,
    StoreFault, StorePromises, StrategyError, Subject, SubjectId, Swapped, UnixMs,
};
use authbench_schemes::session::{ID_CHARS, Session, Settings};
use authbench_stores::{MemoryStore, Metered, StoreCounts};
use proptest::prelude::*;

const LIFETIME_MS: u64 = 1_000;
const SETTINGS: Settings = Settings {
    lifetime_ms: LIFETIME_MS,
};
const AT: UnixMs = UnixMs(5_000);

type Shared = Session<Arc<Metered<MemoryStore>>, SeededEntropy>;

/// Two replicas over one store.
fn nodes() -> (Shared, Shared) {
    let store = Arc::new(Metered::new(MemoryStore::new()));
    let node = |seed| Session::new(SETTINGS, Arc::clone(&store), SeededEntropy::new(seed));
    (node(1), node(2))
}

fn subject(name: &str, roles: &[&str]) -> Subject {
    Subject {
        id: SubjectId::new(name),
        roles: roles.iter().collect(),
    }
}

async fn login(session: &impl AuthStrategy, name: &str) -> Credentials {
    session.issue(&subject(name, &["user"]), AT).await.unwrap()
}

async fn judge(session: &impl AuthStrategy, text: &str, at: UnixMs) -> Decision {
    session
        .authenticate(&Presented::access(text), at)
        .await
        .unwrap()
}

async fn accepts(session: &impl AuthStrategy, credentials: &Credentials) -> bool {
    judge(session, credentials.access.expose(), AT)
        .await
        .accepted()
        .is_some()
}

async fn listed(session: &impl AuthStrategy, name: &str, at: UnixMs) -> Vec<LoginId> {
    match session.logins(&SubjectId::new(name), at).await.unwrap() {
        Logins::Known(logins) => logins.iter().map(|info| info.login).collect(),
        Logins::NotKept => panic!("sessions are listed"),
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

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
    let cost = session.store().counts() - before;
    assert_eq!(
        cost,
        StoreCounts {
            gets: 1,
            ..StoreCounts::default()
        }
    );
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
    assert_eq!(
        (session.store().counts() - before).writes(),
        0,
        "nothing to change"
    );
}

#[tokio::test]
async fn there_is_no_refresh() {
    let (session, _) = nodes();
    let credentials = login(&session, "ada").await;
    let refreshed = session.refresh(&credentials.present(), AT).await.unwrap();
    assert!(matches!(refreshed, Refreshed::NotOffered));
    assert!(accepts(&session, &credentials).await);
}

/// Gives the same octets for ever.
struct Stuck;

impl Entropy for Stuck {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> {
        out.fill(7);
        Ok(())
    }
}

/// Gives nothing.
struct Dry;

impl Entropy for Dry {
    fn fill(&self, _: &mut [u8]) -> Result<(), EntropyError> {
        Err(EntropyError {
            source: "dry".into(),
        })
    }
}

#[tokio::test]
async fn without_randomness_nobody_logs_in() {
    let stuck = Session::new(SETTINGS, MemoryStore::new(), Stuck);
    let first = login(&stuck, "ada").await;
    let error = stuck.issue(&subject("bob", &[]), AT).await.unwrap_err();
    assert!(matches!(error, StrategyError::Entropy(_)), "{error}");
    // The login whose id was drawn again is still its owner's.
    let identity = judge(&stuck, first.access.expose(), AT)
        .await
        .accepted()
        .unwrap();
    assert_eq!(identity.subject, SubjectId::new("ada"));

    let dry = Session::new(SETTINGS, MemoryStore::new(), Dry);
    let error = dry.issue(&subject("ada", &[]), AT).await.unwrap_err();
    assert!(matches!(error, StrategyError::Entropy(_)), "{error}");
    assert!(dry.store().is_empty());
}

/// A store that promises what it is told and does nothing but fail, or get in
/// the way of swaps.
struct Lame {
    promises: StorePromises,
    held: Option<Record>,
}

impl Lame {
    fn outage() -> Result<(), StoreError> {
        let fault = StoreFault::Unreachable;
        Err(StoreError {
            store: "lame",
            operation: "do anything",
            fault,
            source: None,
        })
    }
}

impl RecordStore for Lame {
    fn promises(&self) -> StorePromises {
        self.promises
    }

    async fn insert_new(&self, _: &Digest, _: &Record) -> Result<Inserted, StoreError> {
        Self::outage().map(|()| Inserted::New)
    }

    async fn get(&self, _: &Digest) -> Result<Option<Record>, StoreError> {
        self.held
            .clone()
            .map_or_else(|| Self::outage().map(|()| None), |held| Ok(Some(held)))
    }

    async fn compare_and_swap(
        &self,
        _: &Digest,
        _: u32,
        _: &Record,
    ) -> Result<Swapped, StoreError> {
        if self.held.is_some() {
            Ok(Swapped::Stale)
        } else {
            Self::outage().map(|()| Swapped::Done)
        }
    }

    async fn delete(&self, _: &Digest) -> Result<bool, StoreError> {
        Self::outage().map(|()| false)
    }

    async fn delete_by_subject(
        &self,
        _: &SubjectId,
        _: Option<LoginId>,
    ) -> Result<u64, StoreError> {
        Self::outage().map(|()| 0)
    }

    async fn list_by_subject(&self, _: &SubjectId) -> Result<Vec<(Digest, Record)>, StoreError> {
        match &self.held {
            Some(held) => Ok(vec![(Digest::of("x"), held.clone())]),
            None => Self::outage().map(|()| Vec::new()),
        }
    }

    async fn purge(&self, _: UnixMs, _: u64) -> Result<u64, StoreError> {
        Self::outage().map(|()| 0)
    }
}

#[tokio::test]
async fn promises_are_those_of_the_store() {
    for (staleness, effective_from) in [
        (Staleness::Immediate, AT),
        (Staleness::WithinMs(7), AT.plus_ms(7)),
        (Staleness::UntilExpiry, AT.plus_ms(LIFETIME_MS)),
    ] {
        let promises = StorePromises {
            staleness,
            durability: Durability::Disk,
        };
        let session = Session::new(
            SETTINGS,
            Lame {
                promises,
                held: None,
            },
            OsEntropy,
        );
        let expected = Guarantees {
            revoke_one: staleness,
            revoke_all: staleness,
            role_change: staleness,
            lifetime_ms: LIFETIME_MS,
            expiry_slack_ms: 0,
            refresh: RefreshOffer::None,
            listing: Listing::Exact,
            outage: OutageBehaviour::FailsClosed,
            durability: Durability::Disk,
        };
        assert_eq!(AuthStrategy::guarantees(&session), expected);
        // What presents nothing needs no store, and has a receipt all the same.
        let receipt = session
            .revoke(&Scope::Presented(Presented::default()), AT)
            .await
            .unwrap();
        assert_eq!(receipt.effective_from, effective_from);
    }
}

#[tokio::test]
async fn an_outage_is_an_error_and_never_a_judgement() {
    let promises = StorePromises {
        staleness: Staleness::Immediate,
        durability: Durability::None,
    };
    let session = Session::new(
        SETTINGS,
        Lame {
            promises,
            held: None,
        },
        OsEntropy,
    );
    let (id, text) = (SubjectId::new("ada"), "A".repeat(ID_CHARS));
    let login = LoginId([0; 16]);
    let presented = Presented::access(&text);
    assert!(session.issue(&subject("ada", &[]), AT).await.is_err());
    assert!(session.authenticate(&presented, AT).await.is_err());
    assert!(session.logins(&id, AT).await.is_err());
    assert!(
        session
            .change_roles(&subject("ada", &[]), AT)
            .await
            .is_err()
    );
    for scope in [
        Scope::Presented(presented),
        Scope::Login {
            subject: &id,
            login,
        },
        Scope::Subject(&id),
        Scope::Others {
            subject: &id,
            keep: login,
        },
    ] {
        assert!(session.revoke(&scope, AT).await.is_err(), "{scope:?}");
    }
}

#[tokio::test]
async fn a_change_of_roles_that_never_succeeds_is_an_error() {
    let promises = StorePromises {
        staleness: Staleness::Immediate,
        durability: Durability::None,
    };
    let held = Record {
        subject: SubjectId::new("ada"),
        login: LoginId([1; 16]),
        roles: Roles::default(),
        issued_at: AT,
        expires_at: AT,
        revision: 0,
    };
    let session = Session::new(
        SETTINGS,
        Lame {
            promises,
            held: Some(held),
        },
        OsEntropy,
    );
    let error = session
        .change_roles(&subject("ada", &["admin"]), AT)
        .await
        .unwrap_err();
    let StrategyError::Store(error) = error else {
        panic!("{error}")
    };
    assert_eq!(error.fault, StoreFault::Rejected);
}

/// No id and no login handle repeats over logins made in parallel on two
/// nodes (ASVS 5.0 7.2.3).
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ids_never_repeat() {
    let store = Arc::new(MemoryStore::new());
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let node = Session::new(SETTINGS, Arc::clone(&store), OsEntropy);
            tokio::spawn(async move {
                let mut issued = Vec::new();
                for _ in 0..500 {
                    issued.push(login(&node, "ada").await);
                }
                issued
            })
        })
        .collect();
    let (mut ids, mut logins) = (HashSet::new(), HashSet::new());
    for task in tasks {
        for credentials in task.await.unwrap() {
            assert_eq!(credentials.access.expose().len(), ID_CHARS);
            assert!(ids.insert(credentials.access.expose().to_owned()));
            assert!(logins.insert(credentials.login));
        }
    }
    assert_eq!(
        (ids.len(), logins.len(), store.len()),
        (2_000, 2_000, 2_000)
    );
}

/// A logout beside a change of roles ends the login for good.
#[test]
fn no_change_of_roles_revives_an_ended_login() {
    let store = Arc::new(MemoryStore::new());
    for round in 0..200_u64 {
        let session = Session::new(SETTINGS, Arc::clone(&store), SeededEntropy::new(round));
        let credentials = block_on(login(&session, "ada"));
        std::thread::scope(|scope| {
            for role in ["a", "b"] {
                let session = &session;
                scope.spawn(move || {
                    for roles in [&[role][..], &[]] {
                        block_on(session.change_roles(&subject("ada", roles), AT)).unwrap();
                    }
                });
            }
            scope.spawn(|| {
                if round % 2 == 0 {
                    std::thread::yield_now();
                }
                block_on(async {
                    session
                        .revoke(&Scope::Presented(credentials.present()), AT)
                        .await
                        .unwrap();
                    assert!(!accepts(&session, &credentials).await);
                });
            });
        });
        assert!(!block_on(accepts(&session, &credentials)));
        assert!(store.is_empty());
    }
}

/// Other spellings that a lenient reader might take for `id`.
fn spellings(id: &str) -> Vec<String> {
    let encoded: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let first_encoded = format!("%{:02x}{}", id.as_bytes()[0], &id[1..]);
    let swapped_case = id.chars().map(|c| {
        if c.is_ascii_lowercase() {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        }
    });
    let mut all = vec![
        encoded,
        first_encoded,
        swapped_case.collect(),
        id.to_uppercase(),
        id.to_lowercase(),
        id.replace('-', "+").replace('_', "/"),
        format!("\"{id}\""),
        format!("{id}{id}"),
    ];
    for junk in ["=", "==", " ", "\t", "\0", "\r\n", "A", ";", "\u{200b}"] {
        all.push(format!("{id}{junk}"));
        all.push(format!("{junk}{id}"));
    }
    all.extend((0..id.len()).map(|end| id[..end].to_owned()));
    all.extend((1..id.len()).map(|start| id[start..].to_owned()));
    all.retain(|text| text != id);
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Look-up is exact (ASVS 5.0 7.2.1, check SESSION-009).
    #[test]
    fn no_other_spelling_of_an_id_is_accepted(seed: u64) {
        let session = Session::new(SETTINGS, MemoryStore::new(), SeededEntropy::new(seed));
        block_on(async {
            let credentials = login(&session, "ada").await;
            for text in spellings(credentials.access.expose()) {
                let decision = judge(&session, &text, AT).await;
                prop_assert!(matches!(decision, Decision::Refused(_)), "{text:?}");
            }
            prop_assert!(accepts(&session, &credentials).await);
            Ok(())
        })?;
    }

    /// Every position counts, to the last bit of the last character.
    #[test]
    fn no_changed_character_is_accepted(seed: u64, replacement: char) {
        let session = Session::new(SETTINGS, MemoryStore::new(), SeededEntropy::new(seed));
        let alphabet = (b'!'..=b'~').map(char::from);
        let replacements: Vec<char> = alphabet.chain([replacement]).collect();
        block_on(async {
            let credentials = login(&session, "ada").await;
            let id: Vec<char> = credentials.access.expose().chars().collect();
            for position in 0..id.len() {
                for &replacement in replacements.iter().filter(|c| **c != id[position]) {
                    let mut changed = id.clone();
                    changed[position] = replacement;
                    let text: String = changed.into_iter().collect();
                    let decision = judge(&session, &text, AT).await;
                    prop_assert!(matches!(decision, Decision::Refused(_)), "{text:?}");
                }
            }
            Ok(())
        })?;
    }

    /// `at >= expires_at` refuses (RFC 7519 4.1.4), for any lifetime.
    #[test]
    fn expiry_is_exact(begin: u64, lifetime_ms: u64, later: u64) {
        let settings = Settings { lifetime_ms };
        let session = Session::new(settings, MemoryStore::new(), SeededEntropy::new(1));
        block_on(async {
            let begin = UnixMs(begin);
            let credentials = session.issue(&subject("ada", &[]), begin).await.unwrap();
            prop_assert_eq!(credentials.expires_at, begin.plus_ms(lifetime_ms));
            let text = credentials.access.expose();
            let at = begin.plus_ms(later);
            let decision = judge(&session, text, at).await;
            prop_assert_eq!(decision.accepted().is_some(), at < credentials.expires_at);
            let decision = judge(&session, text, credentials.expires_at).await;
            prop_assert_eq!(decision, Decision::Refused(Refusal::Expired));
            Ok(())
        })?;
    }
}
