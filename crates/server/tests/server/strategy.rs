//! A strategy for tests: remembers everything, tells every cause of a refusal
//! apart, and can be broken, held up and made to issue huge credentials.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use authbench_core::{
    AuthStrategy, Credentials, Decision, Durability, Guarantees, Identity, Listing, LoginId,
    LoginInfo, Logins, OutageBehaviour, Presented, Receipt, RefreshOffer, Refreshed, Refusal,
    Roles, Scope, Secret, Staleness, StoreError, StoreFault, StrategyError, Subject, SubjectId,
    UnixMs,
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
    refreshes: bool,
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
            refreshes: true,
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
            refresh: if self.refreshes {
                RefreshOffer::RotatingKillsFamily { grace_ms: 0 }
            } else {
                RefreshOffer::None
            },
            listing: if self.lists_nothing {
                Listing::NotKept
            } else {
                Listing::Exact
            },
            outage: OutageBehaviour::FailsClosed,
            durability: Durability::None,
        }
    }

    async fn issue(&self, subject: &Subject, at: UnixMs) -> Result<Credentials, StrategyError> {
        self.check()?;
        self.pass().await;
        let n = self.issued.fetch_add(1, SeqCst);
        let text = format!(
            "secret-token-{n:03}{}",
            "x".repeat(self.padding.load(SeqCst))
        );
        let login = LoginId([u8::try_from(n).unwrap(); 16]);
        let expires_at = at.plus_ms(LIFETIME_MS);
        let made = Login {
            subject: subject.id.clone(),
            roles: subject.roles.clone(),
            login,
            issued_at: at,
            expires_at,
            ended: false,
        };
        self.logins.lock().unwrap().insert(text.clone(), made);
        let refresh = self
            .refreshes
            .then(|| Secret::new(format!("refresh-{text}")));
        Ok(Credentials {
            access: Secret::new(text),
            refresh,
            login,
            expires_at,
        })
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
        let old = presented
            .refresh
            .and_then(|text| text.strip_prefix("refresh-"));
        let Some(old) = old.map(str::to_owned) else {
            return Ok(Refreshed::Refused(Refusal::Malformed));
        };
        let subject = {
            let mut logins = self.logins.lock().unwrap();
            match logins.get_mut(&old).filter(|login| !login.ended) {
                None => return Ok(Refreshed::Refused(Refusal::Unknown)),
                Some(login) => {
                    login.ended = true;
                    Subject {
                        id: login.subject.clone(),
                        roles: login.roles.clone(),
                    }
                }
            }
        };
        self.issue(&subject, at).await.map(Refreshed::Renewed)
    }

    async fn revoke(&self, scope: &Scope<'_>, at: UnixMs) -> Result<Receipt, StrategyError> {
        self.check()?;
        match *scope {
            Scope::Presented(presented) => self.end(|text, _| presented.access == Some(text)),
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
