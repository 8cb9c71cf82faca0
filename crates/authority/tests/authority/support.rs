//! An authorization server over a store that can be cut off, and resource
//! servers that ask it.

use std::sync::Arc;

use authbench_authority::{AuthorityOptions, CallerSecret, HttpAuthority, Running, spawn};
use authbench_core::{
    AuthStrategy, Credentials, Decision, ManualClock, SeededEntropy, Subject, SubjectId, UnixMs,
};
use authbench_schemes::introspection::{Introspection, Settings};
use authbench_schemes::session::{self, Session};
use authbench_stores::{Faulty, MemoryStore, Switch};

pub(crate) const AT: UnixMs = UnixMs(5_000);
pub(crate) const TIMEOUT_MS: u64 = 5_000;

pub(crate) type Behind = Session<Faulty<MemoryStore>, SeededEntropy>;
pub(crate) type Node = Introspection<HttpAuthority>;

/// The server with what stands behind it.
pub(crate) struct World {
    pub(crate) running: Running,
    pub(crate) behind: Arc<Behind>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Switch,
}

impl World {
    pub(crate) fn new(tokens: session::Settings, lab_time: bool) -> Self {
        let store = Switch::default();
        let records = Faulty::new(MemoryStore::new(), store.clone());
        let behind = Arc::new(Session::new(tokens, records, SeededEntropy::new(1)));
        let clock = Arc::new(ManualClock::at(AT));
        let options = AuthorityOptions {
            secret: CallerSecret::generate(&SeededEntropy::new(2)).unwrap(),
            clock: Arc::clone(&clock) as _,
            lab_time,
        };
        let running = spawn(Arc::clone(&behind) as _, options).unwrap();
        Self {
            running,
            behind,
            clock,
            store,
        }
    }

    pub(crate) fn node(&self, cache_ms: u64) -> Node {
        let settings = Settings {
            cache_ms,
            ..Settings::default()
        };
        Introspection::new(&settings, self.running.client(TIMEOUT_MS).unwrap()).unwrap()
    }
}

pub(crate) fn subject(name: &str, roles: &[&str]) -> Subject {
    Subject {
        id: SubjectId::new(name),
        roles: roles.iter().collect(),
    }
}

pub(crate) async fn login(strategy: &impl AuthStrategy, name: &str) -> Credentials {
    let issued = strategy.issue(&subject(name, &["user"]), AT).await.unwrap();
    issued.granted().unwrap()
}

pub(crate) async fn judge(
    strategy: &impl AuthStrategy,
    held: &Credentials,
    at: UnixMs,
) -> Decision {
    strategy.authenticate(&held.present(), at).await.unwrap()
}
