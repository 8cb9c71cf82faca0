//! What the scheme does when its store or its randomness does not work.

use authbench_core::system::OsEntropy;
use authbench_core::{
    AuthStrategy, Digest, Durability, Entropy, EntropyError, Guarantees, Inserted, Listing,
    LoginId, OutageBehaviour, Presented, Record, RecordStore, RefreshOffer, Roles, Rotated, Scope,
    Staleness, StoreError, StoreFault, StorePromises, StrategyError, SubjectId, Swapped, Touch,
    UnixMs,
};
use authbench_schemes::session::{ID_CHARS, Session};
use authbench_stores::MemoryStore;

use crate::support::{AT, LIFETIME_MS, SETTINGS, judge, login, subject};

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

    async fn get_touched(
        &self,
        key: &Digest,
        _: UnixMs,
        _: Touch,
    ) -> Result<Option<Record>, StoreError> {
        self.get(key).await
    }

    async fn rotate(&self, _: &Digest, _: u32, _: UnixMs) -> Result<Rotated, StoreError> {
        Self::outage().map(|()| Rotated::Missing)
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
            outage: OutageBehaviour::Coasts,
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
            idle: None,
            login_limit: None,
            listing: Listing::Exact,
            outage: OutageBehaviour::Coasts,
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
        outage: OutageBehaviour::FailsClosed,
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
        outage: OutageBehaviour::FailsClosed,
    };
    let held = Record {
        subject: SubjectId::new("ada"),
        login: LoginId([1; 16]),
        roles: Roles::default(),
        issued_at: AT,
        expires_at: AT,
        used_at: AT,
        generation: 0,
        revision: 0,
        payload: Box::default(),
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
