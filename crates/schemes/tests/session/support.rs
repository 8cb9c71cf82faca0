//! Two replicas over one store, and short words for what tests do with them.

use std::sync::Arc;

use authbench_core::{
    AuthStrategy, Credentials, Decision, LoginId, Logins, Presented, SeededEntropy, Subject,
    SubjectId, UnixMs,
};
use authbench_schemes::session::{Session, Settings};
use authbench_stores::{MemoryStore, Metered};

pub(crate) const LIFETIME_MS: u64 = 1_000;
pub(crate) const SETTINGS: Settings = Settings {
    lifetime_ms: LIFETIME_MS,
    idle: None,
    limit: None,
    rotation: false,
};
pub(crate) const AT: UnixMs = UnixMs(5_000);

pub(crate) type Shared = Session<Arc<Metered<MemoryStore>>, SeededEntropy>;

/// Two replicas over one store.
pub(crate) fn nodes() -> (Shared, Shared) {
    nodes_with(SETTINGS)
}

/// Two replicas with these settings over one store.
pub(crate) fn nodes_with(settings: Settings) -> (Shared, Shared) {
    let store = Arc::new(Metered::new(MemoryStore::new()));
    let node = |seed| Session::new(settings, Arc::clone(&store), SeededEntropy::new(seed));
    (node(1), node(2))
}

pub(crate) fn subject(name: &str, roles: &[&str]) -> Subject {
    Subject {
        id: SubjectId::new(name),
        roles: roles.iter().collect(),
    }
}

pub(crate) async fn login(session: &impl AuthStrategy, name: &str) -> Credentials {
    login_at(session, name, AT).await.unwrap()
}

/// A login at `at`; none if the limit is reached.
pub(crate) async fn login_at(
    session: &impl AuthStrategy,
    name: &str,
    at: UnixMs,
) -> Option<Credentials> {
    let issued = session.issue(&subject(name, &["user"]), at).await.unwrap();
    issued.granted()
}

pub(crate) async fn judge(session: &impl AuthStrategy, text: &str, at: UnixMs) -> Decision {
    session
        .authenticate(&Presented::access(text), at)
        .await
        .unwrap()
}

pub(crate) async fn accepts(session: &impl AuthStrategy, credentials: &Credentials) -> bool {
    judge(session, credentials.access.expose(), AT)
        .await
        .accepted()
        .is_some()
}

pub(crate) async fn listed(session: &impl AuthStrategy, name: &str, at: UnixMs) -> Vec<LoginId> {
    match session.logins(&SubjectId::new(name), at).await.unwrap() {
        Logins::Known(logins) => logins.iter().map(|info| info.login).collect(),
        Logins::NotKept => panic!("sessions are listed"),
    }
}

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}
