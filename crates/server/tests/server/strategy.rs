//! A strategy for tests: remembers everything, tells every cause of a refusal
//! apart, and can be broken, held up and made to issue huge credentials.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use authbench_core::{
    AuthStrategy, Credentials, Decision, Durability, Guarantees, Identity, Issued, LimitPolicy,
    Listing, LoginId, LoginInfo, LoginLimit, Logins, OutageBehaviour, Presented, Receipt,
    RefreshOffer, Refreshed, Refusal, Roles, Scope, Secret, Staleness, StoreError, StoreFault,
    StrategyError, Subject, SubjectId, UnixMs,
};
use tokio::sync::{Notify, oneshot};

pub(crate) const LIFETIME_MS: u64 = 3_600_000;

#[derive(Default)]
pub(crate) struct Fake {
    logins: Mutex<BTreeMap<String, Login>>,
    issued: AtomicUsize,
    /// Fails at everything.
    pub(crate) broken: AtomicBool,
    /// Octets that each credential is longer.
    pub(crate) padding: AtomicUsize,
    /// Rung by each judgement.
    pub(crate) judged: Notify,
    /// Holds the next issue or change of roles up.
    pub(crate) gate: Mutex<Option<Gate>>,
    offer: Option<RefreshOffer>,
    logins_max: Option<u32>,
    lists_nothing: bool,
}

/// Says when somebody has come, and lets them pass when told to.
pub(crate) struct Gate {
    pub(crate) entered: oneshot::Sender<()>,
    pub(crate) proceed: oneshot::Receiver<()>,
}

impl Gate {
    /// A gate, its bell and its key.
    pub(crate) fn new() -> (Self, oneshot::Receiver<()>, oneshot::Sender<()>) {
        let (entered, bell) = oneshot::channel();
        let (key, proceed) = oneshot::channel();
        (Self { entered, proceed }, bell, key)
    }
}

#[derive(Clone)]
struct Login {
    subject: SubjectId,
    roles: Roles,
    login: LoginId,
    issued_at: UnixMs,
    expires_at: UnixMs,
    ended: bool,
}

impl Fake {
    /// One that has refresh tokens.
    pub(crate) fn refreshing() -> Self {
        Self {
            offer: Some(RefreshOffer::RotatingKillsFamily {
                grace_ms: 0,
                chain_ms: LIFETIME_MS,
            }),
            ..Self::default()
        }
    }

    /// One that swaps access credentials.
    pub(crate) fn swapping() -> Self {
        Self {
            offer: Some(RefreshOffer::SwapsAccess),
            ..Self::default()
        }
    }

    /// One that refuses more than so many logins of a subject.
    pub(crate) fn limited(logins_max: u32) -> Self {
        Self {
            logins_max: Some(logins_max),
            ..Self::default()
        }
    }

    /// One that does not say which logins there are.
    pub(crate) fn listing_nothing() -> Self {
        Self {
            lists_nothing: true,
            ..Self::default()
        }
    }

    /// How many logins of the subject work, if the clock stands still.
    pub(crate) fn living(&self, subject: &str) -> usize {
        let logins = self.logins.lock().unwrap();
        logins
            .values()
            .filter(|login| login.subject.as_str() == subject && !login.ended)
            .count()
    }

    fn check(&self) -> Result<(), StrategyError> {
        if !self.broken.load(SeqCst) {
            return Ok(());
        }
        Err(StrategyError::Store(StoreError {
            store: "fake",
            operation: "do anything",
            fault: StoreFault::Unreachable,
            source: Some("somebody cut the wire".into()),
        }))
    }

    async fn pass(&self) {
        let gate = self.gate.lock().unwrap().take();
        if let Some(gate) = gate {
            gate.entered.send(()).unwrap();
            gate.proceed.await.unwrap();
        }
    }

    /// A credential for a login that may have begun with another one.
    fn hold(&self, mut held: Login) -> Credentials {
        let n = self.issued.fetch_add(1, SeqCst);
        let text = format!(
            "secret-token-{n:03}{}",
            "x".repeat(self.padding.load(SeqCst))
        );
        held.ended = false;
        let (login, expires_at) = (held.login, held.expires_at);
        self.logins.lock().unwrap().insert(text.clone(), held);
        let rotates = matches!(self.offer, Some(RefreshOffer::RotatingKillsFamily { .. }));
        Credentials {
            refresh: rotates.then(|| Secret::new(format!("refresh-{text}"))),
            access: Secret::new(text),
            login,
            expires_at,
        }
    }

    fn end(&self, which: impl Fn(&str, &Login) -> bool) {
        for (text, login) in self.logins.lock().unwrap().iter_mut() {
            login.ended |= which(text, login);
        }
    }
}

impl AuthStrategy for Fake {
    fn guarantees(&self) -> Guarantees {
        Guarantees {
            revoke_one: Staleness::Immediate,
            revoke_all: Staleness::Immediate,
            role_change: Staleness::Immediate,
            lifetime_ms: LIFETIME_MS,
            expiry_slack_ms: 0,
            refresh: self.offer.unwrap_or(RefreshOffer::None),
            idle: None,
            login_limit: self.logins_max.map(|logins_max| LoginLimit {
                logins_max,
                policy: LimitPolicy::Reject,
            }),
            listing: if self.lists_nothing {
                Listing::NotKept
            } else {
                Listing::Exact
            },
            outage: OutageBehaviour::FailsClosed,
            durability: Durability::None,
        }
    }

    async fn issue(&self, subject: &Subject, at: UnixMs) -> Result<Issued, StrategyError> {
        self.check()?;
        self.pass().await;
        let living = self.living(subject.id.as_str());
        if let Some(logins_max) = self.logins_max.filter(|most| living >= *most as usize) {
            return Ok(Issued::LimitReached { logins_max });
        }
        let n = u8::try_from(self.issued.load(SeqCst)).unwrap();
        Ok(Issued::Granted(self.hold(Login {
            subject: subject.id.clone(),
            roles: subject.roles.clone(),
            login: LoginId([n; 16]),
            issued_at: at,
            expires_at: at.plus_ms(LIFETIME_MS),
            ended: false,
        })))
    }

    async fn authenticate(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> Result<Decision, StrategyError> {
        self.check()?;
        self.judged.notify_one();
        let logins = self.logins.lock().unwrap();
        let refusal = match presented.access {
            None => Refusal::Missing,
            Some(text) if !text.starts_with("secret-token-") => Refusal::Malformed,
            Some(text) => match logins.get(text) {
                None => Refusal::Unknown,
                Some(login) if login.ended => Refusal::Revoked,
                Some(login) if at >= login.expires_at => Refusal::Expired,
                Some(login) => {
                    return Ok(Decision::Accepted(Identity {
                        subject: login.subject.clone(),
                        roles: login.roles.clone(),
                        login: login.login,
                        expires_at: login.expires_at,
                    }));
                }
            },
        };
        Ok(Decision::Refused(refusal))
    }

    async fn refresh(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> Result<Refreshed, StrategyError> {
        self.check()?;
        let old = match self.offer {
            Some(RefreshOffer::SwapsAccess) => presented.access,
            _ => presented
                .refresh
                .and_then(|text| text.strip_prefix("refresh-")),
        };
        let Some(old) = old else {
            return Ok(Refreshed::Refused(Refusal::Malformed));
        };
        let held = {
            let mut logins = self.logins.lock().unwrap();
            let held = logins
                .get_mut(old)
                .filter(|login| !login.ended && at < login.expires_at);
            match held {
                None => return Ok(Refreshed::Refused(Refusal::Unknown)),
                Some(login) => {
                    login.ended = true;
                    login.clone()
                }
            }
        };
        Ok(Refreshed::Renewed(self.hold(held)))
    }

    async fn revoke(&self, scope: &Scope<'_>, at: UnixMs) -> Result<Receipt, StrategyError> {
        self.check()?;
        match *scope {
            Scope::Presented(Presented { access, refresh }) => {
                let of_refresh = refresh.and_then(|text| text.strip_prefix("refresh-"));
                let named = [access, of_refresh];
                let logins: Vec<_> = {
                    let logins = self.logins.lock().unwrap();
                    let known = named.into_iter().flatten();
                    known
                        .filter_map(|text| logins.get(text).map(|held| held.login))
                        .collect()
                };
                self.end(|_, held| logins.contains(&held.login));
            }
            Scope::Login { subject, login } => {
                self.end(|_, held| held.subject == *subject && held.login == login);
            }
            Scope::Subject(subject) => self.end(|_, held| held.subject == *subject),
            Scope::Others { subject, keep } => {
                self.end(|_, held| held.subject == *subject && held.login != keep);
            }
        }
        Ok(Receipt { effective_from: at })
    }

    async fn logins(&self, subject: &SubjectId, at: UnixMs) -> Result<Logins, StrategyError> {
        self.check()?;
        let logins = self.logins.lock().unwrap();
        let living = logins
            .values()
            .filter(|held| held.subject == *subject && !held.ended && at < held.expires_at);
        Ok(Logins::Known(
            living
                .map(|held| LoginInfo {
                    login: held.login,
                    issued_at: held.issued_at,
                    expires_at: held.expires_at,
                })
                .collect(),
        ))
    }

    async fn change_roles(&self, subject: &Subject, at: UnixMs) -> Result<Receipt, StrategyError> {
        self.check()?;
        self.pass().await;
        for held in self.logins.lock().unwrap().values_mut() {
            if held.subject == subject.id {
                held.roles = subject.roles.clone();
            }
        }
        Ok(Receipt { effective_from: at })
    }
}
