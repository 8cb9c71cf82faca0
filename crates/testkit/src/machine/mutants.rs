//! A small honest strategy, three honest weaker ones, and the same broken in
//! one way each. They exist to try the machine, not to be fast or secure.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use authbench_core::{
    AuthStrategy, Credentials, Decision, Digest, Durability, DynStrategy, Guarantees, Identity,
    Issued, Listing, LoginId, LoginInfo, Logins, OutageBehaviour, Presented, Receipt, RefreshOffer,
    Refreshed, Refusal, Roles, Scope, Secret, Staleness, StoreError, StoreFault, StrategyError,
    Subject, SubjectId, UnixMs,
};

use super::backing::{Backing, BoxError, Fault};

const LIFETIME_MS: u64 = 60_000;
const CACHE_MS: u64 = 5_000;
const SLACK_MS: u64 = 100;

/// In which way the strategy differs from the honest one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Variant {
    /// Honest, every promise at its strongest.
    Session,
    /// Honest: nodes remember what they read for a while, and say so.
    Cached,
    /// Honest: no state, so nothing can be ended.
    Stateless,
    /// Honest: expiry has slack, and in an outage the nodes rely on memory.
    Lax,
    AcceptsAtExpiry,
    AnswersFromCacheInOutage,
    CachesSilently,
    ChangeOfRolesRevives,
    ClaimsUntilExpiry,
    EndsTheLoginsOfOthers,
    ErrsNowAndThen,
    ForgetsToListTheFirst,
    IgnoresLogout,
    KeepsOldRoles,
    LivesLonger,
    LooksUpByPrefix,
    OffersRefresh,
    PromisesByNode,
    ReadsOutageAsRefusal,
    ReceiptTooEarly,
    ReceiptTooLate,
    RepeatsIdentifiers,
    RevokeAllMissesTheOtherNode,
    SaysSomebodyElse,
}

impl Variant {
    fn base(self) -> Self {
        match self {
            Self::Cached | Self::Stateless | Self::Lax => self,
            Self::ReceiptTooEarly => Self::Stateless,
            Self::AnswersFromCacheInOutage => Self::Lax,
            _ => Self::Session,
        }
    }

    fn guarantees(self, node: usize) -> Guarantees {
        let staleness = match self.base() {
            Self::Cached => Staleness::WithinMs(CACHE_MS),
            Self::Stateless => Staleness::UntilExpiry,
            _ => Staleness::Immediate,
        };
        let stateless = self.base() == Self::Stateless;
        let lax = self.base() == Self::Lax;
        Guarantees {
            revoke_one: if self == Self::ClaimsUntilExpiry {
                Staleness::UntilExpiry
            } else {
                staleness
            },
            revoke_all: staleness,
            role_change: staleness,
            lifetime_ms: LIFETIME_MS + u64::from(self == Self::PromisesByNode && node % 2 == 1),
            expiry_slack_ms: if lax { SLACK_MS } else { 0 },
            refresh: RefreshOffer::None,
            idle: None,
            login_limit: None,
            listing: if stateless {
                Listing::NotKept
            } else {
                Listing::Exact
            },
            outage: match self {
                Self::Stateless | Self::ReceiptTooEarly => OutageBehaviour::Unaffected,
                Self::Lax => OutageBehaviour::FailsOpen,
                _ => OutageBehaviour::FailsClosed,
            },
            durability: Durability::None,
        }
    }
}

#[derive(Clone)]
struct Session {
    subject: SubjectId,
    roles: Roles,
    login: LoginId,
    issued_at: UnixMs,
    expires_at: UnixMs,
    node: usize,
}

#[derive(Default)]
struct State {
    sessions: BTreeMap<String, Session>,
    /// Everything that ever was: a stateless node "reads" it from the
    /// credential, a lax one from memory.
    ever: BTreeMap<String, Session>,
    cut: Option<Fault>,
    issued: u64,
    calls: u64,
}

/// The state behind the nodes.
pub(super) struct Sketch {
    variant: Variant,
    seed: u64,
    cuttable: bool,
    state: Arc<std::sync::Mutex<State>>,
    nodes: AtomicUsize,
}

impl Sketch {
    pub(super) fn new(variant: Variant, seed: u64, cuttable: bool) -> Self {
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
            cache: std::sync::Mutex::default(),
        }))
    }

    fn can_be_cut(&self) -> bool {
        self.cuttable
    }

    fn cut(&self, fault: Option<Fault>) {
        self.state.lock().unwrap().cut = fault;
    }
}

struct Node {
    variant: Variant,
    seed: u64,
    number: usize,
    state: Arc<std::sync::Mutex<State>>,
    cache: std::sync::Mutex<HashMap<String, (UnixMs, Option<Session>)>>,
}

fn unreachable_store() -> StrategyError {
    StrategyError::Store(StoreError {
        store: "sketch",
        operation: "answer",
        fault: StoreFault::Unreachable,
        source: None,
    })
}

impl Node {
    /// One operation on the state, as the present fault lets it happen.
    fn on_state<T>(&self, operation: impl FnOnce(&mut State) -> T) -> Result<T, StrategyError> {
        let mut state = self.state.lock().unwrap();
        state.calls += 1;
        if self.variant == Variant::ErrsNowAndThen && state.calls.is_multiple_of(50) {
            return Err(unreachable_store());
        }
        match state.cut {
            _ if self.variant.base() == Variant::Stateless => Ok(operation(&mut state)),
            None => Ok(operation(&mut state)),
            Some(Fault::Refuse) => Err(unreachable_store()),
            Some(Fault::LoseAnswer) => {
                operation(&mut state);
                Err(unreachable_store())
            }
        }
    }

    fn find(&self, text: &str, at: UnixMs) -> Result<Option<Session>, StrategyError> {
        let caches = matches!(self.variant, Variant::Cached | Variant::CachesSilently);
        if caches
            && let Some((read_at, session)) = self.cache.lock().unwrap().get(text)
            && at.since(*read_at) < CACHE_MS
            && self.state.lock().unwrap().cut.is_none()
        {
            return Ok(session.clone());
        }
        let found = self.on_state(|state| match self.variant {
            Variant::Stateless | Variant::ReceiptTooEarly => state.ever.get(text).cloned(),
            Variant::LooksUpByPrefix => state
                .sessions
                .iter()
                .find(|(key, _)| text.len() >= 40 && key.starts_with(&text[..40]))
                .map(|(_, session)| session.clone()),
            _ => state.sessions.get(text).cloned(),
        });
        let found = match found {
            Err(_) if self.variant.base() == Variant::Lax => {
                self.state.lock().unwrap().ever.get(text).cloned()
            }
            Err(_) if self.variant == Variant::ReadsOutageAsRefusal => None,
            found => found?,
        };
        if caches {
            self.cache
                .lock()
                .unwrap()
                .insert(text.to_owned(), (at, found.clone()));
        }
        Ok(found)
    }

    fn receipt(&self, at: UnixMs) -> Receipt {
        let later_ms = match (self.variant, self.variant.base()) {
            (Variant::ReceiptTooEarly, _) => 0,
            (Variant::ReceiptTooLate, _) => 1,
            (_, Variant::Stateless) => LIFETIME_MS,
            (_, Variant::Cached) => CACHE_MS,
            _ => 0,
        };
        Receipt {
            effective_from: at.plus_ms(later_ms),
        }
    }

    fn credentials(&self, subject: &Subject, at: UnixMs) -> (Credentials, Session) {
        let mut state = self.state.lock().unwrap();
        state.issued += 1;
        let repeats =
            self.variant == Variant::RepeatsIdentifiers && state.issued.is_multiple_of(10);
        let number = if repeats {
            state.issued - 1
        } else {
            state.issued
        };
        let text = format!(
            "{:?}",
            Digest::of(&format!("{} {number} text", self.seed)).0
        );
        let text: String = text
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(64)
            .collect();
        let mut login = [0; 16];
        login.copy_from_slice(&Digest::of(&format!("{} {number} login", self.seed)).0[..16]);
        let longer = u64::from(self.variant == Variant::LivesLonger);
        let session = Session {
            subject: subject.id.clone(),
            roles: subject.roles.clone(),
            login: LoginId(login),
            issued_at: at,
            expires_at: at.plus_ms(LIFETIME_MS + longer),
            node: self.number,
        };
        let credentials = Credentials {
            access: Secret::new(text),
            refresh: None,
            login: session.login,
            expires_at: session.expires_at,
        };
        (credentials, session)
    }
}

impl AuthStrategy for Node {
    fn guarantees(&self) -> Guarantees {
        self.variant.guarantees(self.number)
    }

    async fn issue(&self, subject: &Subject, at: UnixMs) -> Result<Issued, StrategyError> {
        let (credentials, session) = self.credentials(subject, at);
        self.on_state(|state| {
            let text = credentials.access.expose().to_owned();
            state.ever.insert(text.clone(), session.clone());
            state.sessions.insert(text, session);
        })?;
        Ok(Issued::Granted(credentials))
    }

    async fn authenticate(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> Result<Decision, StrategyError> {
        let Some(text) = presented.access else {
            return Ok(Decision::Refused(Refusal::Missing));
        };
        let Some(session) = self.find(text, at)? else {
            return Ok(Decision::Refused(Refusal::Unknown));
        };
        let slack_ms = match (self.variant, self.variant.base()) {
            (Variant::AcceptsAtExpiry, _) => 1,
            (_, Variant::Lax) => SLACK_MS,
            _ => 0,
        };
        if at >= session.expires_at.plus_ms(slack_ms) {
            return Ok(Decision::Refused(Refusal::Expired));
        }
        let subject = match self.variant {
            Variant::SaysSomebodyElse if at.0.is_multiple_of(7) => SubjectId::new("somebody-else"),
            _ => session.subject,
        };
        let (roles, login, expires_at) = (session.roles, session.login, session.expires_at);
        Ok(Decision::Accepted(Identity {
            subject,
            roles,
            login,
            expires_at,
        }))
    }

    async fn refresh(&self, _: &Presented<'_>, _: UnixMs) -> Result<Refreshed, StrategyError> {
        Ok(match self.variant {
            Variant::OffersRefresh => Refreshed::Refused(Refusal::Unknown),
            _ => Refreshed::NotOffered,
        })
    }

    async fn revoke(&self, scope: &Scope<'_>, at: UnixMs) -> Result<Receipt, StrategyError> {
        let variant = self.variant;
        let here = self.number % 2;
        self.on_state(|state| {
            state.sessions.retain(|text, session| match *scope {
                Scope::Presented(presented) => {
                    presented.access != Some(text) || variant == Variant::IgnoresLogout
                }
                Scope::Login { subject, login } => {
                    let foreign =
                        session.subject != *subject && variant != Variant::EndsTheLoginsOfOthers;
                    session.login != login || foreign || variant == Variant::IgnoresLogout
                }
                Scope::Subject(subject) => {
                    let missed =
                        variant == Variant::RevokeAllMissesTheOtherNode && session.node % 2 != here;
                    session.subject != *subject || missed
                }
                Scope::Others { subject, keep } => {
                    session.subject != *subject || session.login == keep
                }
            });
        })?;
        Ok(self.receipt(at))
    }

    async fn logins(&self, subject: &SubjectId, at: UnixMs) -> Result<Logins, StrategyError> {
        if self.variant.base() == Variant::Stateless {
            return Ok(Logins::NotKept);
        }
        let slack_ms = AuthStrategy::guarantees(self).expiry_slack_ms;
        let mut logins: Vec<_> = self.on_state(|state| {
            let of_subject = state.sessions.values().filter(|session| {
                session.subject == *subject && at < session.expires_at.plus_ms(slack_ms)
            });
            of_subject
                .map(|session| LoginInfo {
                    login: session.login,
                    issued_at: session.issued_at,
                    expires_at: session.expires_at,
                })
                .collect()
        })?;
        logins.sort_by_key(|info| info.login);
        if self.variant == Variant::ForgetsToListTheFirst && logins.len() > 1 {
            logins.remove(0);
        }
        Ok(Logins::Known(logins))
    }

    async fn change_roles(&self, subject: &Subject, at: UnixMs) -> Result<Receipt, StrategyError> {
        let variant = self.variant;
        self.on_state(|state| {
            if variant == Variant::ChangeOfRolesRevives {
                let ever = state
                    .ever
                    .iter()
                    .filter(|(_, session)| session.subject == subject.id);
                state
                    .sessions
                    .extend(ever.map(|(text, session)| (text.clone(), session.clone())));
            }
            let remembered = state
                .ever
                .values_mut()
                .filter(|_| variant.base() == Variant::Lax);
            for session in state.sessions.values_mut().chain(remembered) {
                if session.subject == subject.id && variant != Variant::KeepsOldRoles {
                    session.roles = subject.roles.clone();
                }
            }
        })?;
        Ok(self.receipt(at))
    }
}
