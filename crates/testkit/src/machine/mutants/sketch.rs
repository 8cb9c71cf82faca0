//! What outlives the nodes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use authbench_core::{AccountState, DynStrategy, LoginId, Roles, SubjectId, UnixMs};

use super::Variant;
use super::node::Node;
use crate::machine::backing::{Backing, BoxError, Fault};

#[derive(Clone)]
pub(super) struct Session {
    pub(super) subject: SubjectId,
    pub(super) roles: Roles,
    pub(super) login: LoginId,
    pub(super) issued_at: UnixMs,
    pub(super) expires_at: UnixMs,
    pub(super) used_at: UnixMs,
    pub(super) node: usize,
    pub(super) key: u32,
}

/// The refresh tokens of a login, oldest first: the last one renews.
#[derive(Clone)]
pub(super) struct Family {
    pub(super) subject: SubjectId,
    pub(super) login: LoginId,
    pub(super) began_at: UnixMs,
    pub(super) ends_at: UnixMs,
    pub(super) tokens: Vec<String>,
    pub(super) spent_at: UnixMs,
    /// It was revoked, and only its grace is left.
    pub(super) lingers: bool,
    pub(super) roles: Roles,
}

#[derive(Default)]
pub(super) struct State {
    /// What the store holds.
    pub(super) sessions: BTreeMap<String, Session>,
    pub(super) families: Vec<Family>,
    /// Everything that ever was: a stateless node "reads" it from the
    /// credential, a lax one from memory.
    pub(super) ever: BTreeMap<String, Session>,
    pub(super) accounts: BTreeMap<SubjectId, AccountState>,
    pub(super) key: u32,
    pub(super) cut: Option<Fault>,
    pub(super) issued: u64,
    pub(super) calls: u64,
    /// Logins that were counted without their end.
    pub(super) begun: BTreeMap<SubjectId, u32>,
}

/// The state behind the nodes.
pub(in crate::machine) struct Sketch {
    variant: Variant,
    seed: u64,
    cuttable: bool,
    state: Arc<Mutex<State>>,
    nodes: AtomicUsize,
}

impl Sketch {
    pub(in crate::machine) fn new(variant: Variant, seed: u64, cuttable: bool) -> Self {
        Self {
            variant,
            seed,
            cuttable,
            state: Arc::default(),
            nodes: AtomicUsize::new(0),
        }
    }
}

impl Backing for Sketch {
    async fn node(&self) -> Result<Arc<dyn DynStrategy>, BoxError> {
        Ok(Arc::new(Node {
            variant: self.variant,
            seed: self.seed,
            number: self.nodes.fetch_add(1, Ordering::SeqCst),
            state: Arc::clone(&self.state),
            cache: Mutex::default(),
        }))
    }

    fn can_be_cut(&self) -> bool {
        self.cuttable
    }

    fn cut(&self, fault: Option<Fault>) {
        self.state.lock().unwrap().cut = fault;
    }

    async fn rotate_keys(&self, _: UnixMs) -> bool {
        self.state.lock().unwrap().key += 1;
        true
    }

    async fn crash_store(&self) -> bool {
        let mut state = self.state.lock().unwrap();
        let revives = self.variant.base() == Variant::Forgetful;
        if revives || self.variant == Variant::CrashTakesRevocations {
            state.sessions = state.ever.clone();
        } else if self.variant.base() != Variant::Durable
            || self.variant == Variant::CrashTakesLogins
        {
            state.sessions.clear();
            state.families.clear();
            state.begun.clear();
        }
        true
    }

    fn set_account(&self, subject: &SubjectId, account: &AccountState) -> bool {
        let mut state = self.state.lock().unwrap();
        state.accounts.insert(subject.clone(), account.clone());
        true
    }
}
