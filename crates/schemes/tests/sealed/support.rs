//! Keys, replicas, and short words for what tests do with them.

use std::sync::Arc;

use authbench_core::{
    AuthStrategy, Credentials, Decision, LoginId, Logins, Presented, Refreshed, Refusal, Roles,
    SeededEntropy, Subject, SubjectId, UnixMs,
};
use authbench_schemes::keyring::KeyRing;
use authbench_schemes::sealed::{Format, Key, Sealed, Settings, stateless};
use authbench_schemes::stateless::Stateless;
use authbench_stores::{MemoryStore, Metered};

pub(crate) const LIFETIME_MS: u64 = 10_000;
pub(crate) const AT: UnixMs = UnixMs(5_000_000);
pub(crate) const NAME: &str = "__Host-auth";

pub(crate) type Alone = Stateless<Format, Arc<SeededEntropy>>;
pub(crate) type Stored = Sealed<Arc<Metered<MemoryStore>>, Arc<SeededEntropy>>;

pub(crate) fn settings() -> Settings {
    Settings {
        lifetime_ms: LIFETIME_MS,
        ..Settings::default()
    }
}

pub(crate) fn key(seed: u64) -> Key {
    Key::generate(&SeededEntropy::new(seed)).unwrap()
}

pub(crate) fn fixed(seed: u64) -> Arc<KeyRing<Key>> {
    Arc::new(KeyRing::fixed(key(seed)))
}

pub(crate) fn alone(name: &str, keys: Arc<KeyRing<Key>>, seed: u64) -> Alone {
    stateless(&settings(), name, keys, Arc::new(SeededEntropy::new(seed))).unwrap()
}

/// Two replicas with one key over one store.
pub(crate) fn nodes() -> (Stored, Stored) {
    let (keys, store) = (fixed(1), Arc::new(Metered::new(MemoryStore::new())));
    let node = |seed| {
        let entropy = Arc::new(SeededEntropy::new(seed));
        Sealed::new(
            &settings(),
            NAME,
            Arc::clone(&keys),
            Arc::clone(&store),
            entropy,
        )
        .unwrap()
    };
    (node(11), node(12))
}

pub(crate) fn subject(name: &str, roles: &[&str]) -> Subject {
    Subject {
        id: SubjectId::new(name),
        roles: roles.iter().collect(),
    }
}

pub(crate) async fn login(strategy: &impl AuthStrategy, name: &str, at: UnixMs) -> Credentials {
    let issued = strategy.issue(&subject(name, &["user"]), at).await.unwrap();
    issued.granted().unwrap()
}

pub(crate) async fn judge(strategy: &impl AuthStrategy, text: &str, at: UnixMs) -> Decision {
    strategy
        .authenticate(&Presented::access(text), at)
        .await
        .unwrap()
}

pub(crate) async fn accepts(strategy: &impl AuthStrategy, credentials: &Credentials) -> bool {
    let decision = judge(strategy, credentials.access.expose(), AT).await;
    decision.accepted().is_some()
}

pub(crate) async fn roles(strategy: &impl AuthStrategy, credentials: &Credentials) -> Roles {
    let decision = judge(strategy, credentials.access.expose(), AT).await;
    decision.accepted().unwrap().roles
}

pub(crate) async fn refresh(
    strategy: &impl AuthStrategy,
    credentials: &Credentials,
    at: UnixMs,
) -> Result<Credentials, Refusal> {
    match strategy.refresh(&credentials.present(), at).await.unwrap() {
        Refreshed::Renewed(credentials) => Ok(credentials),
        Refreshed::Refused(refusal) => Err(refusal),
        Refreshed::NotOffered => panic!("refresh is offered"),
    }
}

pub(crate) async fn listed(strategy: &impl AuthStrategy, name: &str) -> Vec<LoginId> {
    match strategy.logins(&SubjectId::new(name), AT).await.unwrap() {
        Logins::Known(logins) => logins.iter().map(|info| info.login).collect(),
        Logins::NotKept => panic!("logins are listed"),
    }
}

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}
