//! Both sides as one strategy.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use authbench_core::{
    AccountDirectory as _, AuthStrategy, Credentials, Decision, Guarantees, Issued, Listing,
    LoginId, Logins, OutageBehaviour, Presented, Receipt, RefreshOffer, Refreshed, Scope, Secret,
    StrategyError, Subject, SubjectId, UnixMs,
};

use tokio::sync::Mutex;

use crate::lab::{Lab, Pair};

/// The subjects of one history.
const SUBJECTS: u32 = 3;

/// A history's view of a [`Lab`]: answers as the strategy here does, if the
/// one there answers alike. Of calls that overlap each has its turn, so that
/// both sides see them in one order.
pub(crate) struct Twin {
    pub(crate) lab: Arc<Lab>,
    first_account: u32,
    turn: Mutex<()>,
}

#[derive(Debug, thiserror::Error)]
#[error("the two sides differ in {operation}: here {here}, behind the target {there}")]
struct Mismatch {
    operation: &'static str,
    here: String,
    there: String,
}

impl Twin {
    pub(crate) fn new(lab: &Arc<Lab>) -> Self {
        let first_account = lab.accounts_taken.fetch_add(SUBJECTS, Ordering::SeqCst);
        Self {
            lab: Arc::clone(lab),
            first_account,
            turn: Mutex::default(),
        }
    }

    /// The accounts of this history stand in for those of the machine.
    fn own(&self, subject: &SubjectId) -> SubjectId {
        SubjectId::new(&format!("acct-{:06}", self.first_account + number(subject)))
    }

    fn machines(&self, subject: &SubjectId) -> SubjectId {
        SubjectId::new(&format!("acct-{:06}", number(subject) - self.first_account))
    }

    fn login_there(&self, here: LoginId) -> LoginId {
        let pair = self.lab.pairs.find(|pair| pair.here.login == here);
        pair.unwrap().there.login
    }

    /// What the other side gave out together with what is presented here; what
    /// was never given out stays as it is.
    fn counterpart(&self, presented: &Presented<'_>) -> Credentials {
        let by_access = |pair: &Pair| Some(pair.here.access.expose()) == presented.access;
        let by_refresh = |pair: &Pair| refresh_of(&pair.here) == presented.refresh;
        let access = self.lab.pairs.find(by_access).map(|pair| pair.there.access);
        let refresh = presented.refresh.map(|text| {
            let pair = self.lab.pairs.find(by_refresh);
            let there = pair.and_then(|pair| pair.there.refresh);
            there.unwrap_or_else(|| Secret::new(text.to_owned()))
        });
        let unchanged = presented.access.unwrap_or_default();
        Credentials {
            access: access.unwrap_or_else(|| Secret::new(unchanged.to_owned())),
            refresh,
            login: LoginId([0; 16]),
            expires_at: UnixMs(0),
        }
    }

    /// The answer of this side, if both answer alike; both failing is alike.
    fn same<T: std::fmt::Debug>(
        &self,
        operation: &'static str,
        here: Result<T, StrategyError>,
        there: Result<T, StrategyError>,
        alike: impl Fn(&T, &T) -> bool,
    ) -> Result<T, StrategyError> {
        match (here, there) {
            (Ok(here), Ok(there)) if alike(&here, &there) => Ok(here),
            (Err(here), Err(_)) => Err(here),
            (here, there) => {
                let (here, there) = (format!("{here:?}"), format!("{there:?}"));
                let source = Mismatch {
                    operation,
                    here,
                    there,
                };
                // In an outage the machine takes every error for the outage.
                self.lab.mismatches.lock().unwrap().push(source.to_string());
                Err(StrategyError::Remote {
                    operation,
                    source: Box::new(source),
                })
            }
        }
    }

    /// The same for what the target does in somebody's name: in an outage that
    /// may fail for want of a judgement on the caller, where the strategy here
    /// needs no store, and the other way round. Whoever needed none changed
    /// nothing in it, so that the failure tells the truth.
    fn same_but_for_callers<T: std::fmt::Debug>(
        &self,
        operation: &'static str,
        here: Result<T, StrategyError>,
        there: Result<T, StrategyError>,
        alike: impl Fn(&T, &T) -> bool,
    ) -> Result<T, StrategyError> {
        let cut = self
            .lab
            .switches
            .iter()
            .any(|switch| switch.fault().is_some());
        match (here, there) {
            (Ok(_), Err(outage)) | (Err(outage), Ok(_)) if cut => Err(outage),
            (here, there) => self.same(operation, here, there, alike),
        }
    }

    /// Whether new credentials are alike; from now on they are a pair.
    fn paired(&self, subject: &SubjectId, here: &Credentials, there: &Credentials) -> bool {
        let known = self.lab.pairs.find(|pair| pair.here.login == here.login);
        let alike = here.expires_at == there.expires_at
            && here.refresh.is_some() == there.refresh.is_some()
            && known.is_none_or(|pair| pair.there.login == there.login);
        self.lab.pairs.push(Pair {
            subject: subject.clone(),
            here: here.clone(),
            there: there.clone(),
        });
        alike
    }

    /// Uses here what the target used there to get its way.
    async fn use_alike(&self, at: UnixMs) {
        let shown = std::mem::take(&mut *self.lab.shown.lock().unwrap());
        for text in shown {
            let by_access = |pair: &Pair| pair.there.access.expose() == text;
            if let Some(pair) = self.lab.pairs.find(by_access) {
                let presented = Presented::access(pair.here.access.expose());
                // What comes of it shows in the operations that are compared.
                drop(self.lab.here.authenticate(&presented, at).await);
            }
        }
    }

    /// The server changes the account before it tells the logins; if that
    /// failed, the machine holds the old roles to be the account's.
    async fn settle_roles(&self, subject: &Subject, at: UnixMs) -> Result<(), StrategyError> {
        let account = self.lab.accounts.account(&subject.id).await.unwrap();
        if account.unwrap().roles != subject.roles {
            self.change_both(subject, at).await?;
        }
        Ok(())
    }

    async fn change_both(&self, own: &Subject, at: UnixMs) -> Result<Receipt, StrategyError> {
        let here = self.lab.here.change_roles(own, at).await;
        let there = AuthStrategy::change_roles(&self.lab.there, own, at).await;
        self.use_alike(at).await;
        self.same_but_for_callers("change-roles", here, there, |here, there| here == there)
    }

    /// Ends a login on both sides by what each side's client holds.
    async fn revoke_pair(&self, pair: &Pair, at: UnixMs) -> Result<Receipt, StrategyError> {
        let here = Scope::Presented(pair.here.present());
        let here = self.lab.here.revoke(&here, at).await;
        let there = Scope::Presented(pair.there.present());
        let there = AuthStrategy::revoke(&self.lab.there, &there, at).await;
        self.use_alike(at).await;
        self.same("revoke", here, there, |here, there| here == there)
    }

    /// Without a list the target ends others in the name of the one that stays,
    /// and has only refresh tokens to renew an access credential that is over,
    /// which are not its own to spend. Then each is ended by itself.
    async fn end_one_by_one(
        &self,
        subject: &SubjectId,
        keep: LoginId,
        at: UnixMs,
    ) -> Result<Receipt, StrategyError> {
        let mut receipt = Receipt { effective_from: at };
        for pair in self.lab.pairs.of(subject) {
            if pair.here.login != keep {
                let ended = self.revoke_pair(&pair, at).await?;
                receipt.effective_from = receipt.effective_from.max(ended.effective_from);
            }
        }
        Ok(receipt)
    }
}

impl AuthStrategy for Twin {
    fn guarantees(&self) -> Guarantees {
        self.lab.here.guarantees()
    }

    async fn issue(&self, subject: &Subject, at: UnixMs) -> Result<Issued, StrategyError> {
        let _turn = self.turn.lock().await;
        self.lab.clock.set(at);
        let subject = Subject {
            id: self.own(&subject.id),
            roles: subject.roles.clone(),
        };
        self.settle_roles(&subject, at).await?;
        let here = self.lab.here.issue(&subject, at).await;
        let there = AuthStrategy::issue(&self.lab.there, &subject, at).await;
        self.same("issue", here, there, |here, there| match (here, there) {
            (Issued::Granted(here), Issued::Granted(there)) => {
                self.paired(&subject.id, here, there)
            }
            (
                Issued::LimitReached { logins_max: here },
                Issued::LimitReached { logins_max: there },
            ) => here == there,
            _ => false,
        })
    }

    async fn authenticate(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> Result<Decision, StrategyError> {
        let _turn = self.turn.lock().await;
        self.lab.clock.set(at);
        let here = self.lab.here.authenticate(presented, at).await;
        let counterpart = self.counterpart(presented);
        let there = AuthStrategy::authenticate(&self.lab.there, &counterpart.present(), at).await;
        self.lab.shown.lock().unwrap().clear();
        let alike = |here: &Decision, there: &Decision| match (here, there) {
            (Decision::Accepted(here), Decision::Accepted(there)) => {
                here.subject == there.subject
                    && here.roles == there.roles
                    && here.expires_at == there.expires_at
                    && self.login_there(here.login) == there.login
            }
            (Decision::Refused(_), Decision::Refused(_)) => true,
            _ => false,
        };
        // What a cache still knows in an outage depends on when it was asked
        // for other things.
        let decision = match self.lab.here.guarantees().outage {
            OutageBehaviour::Coasts => {
                self.same_but_for_callers("authenticate", here, there, alike)
            }
            _ => self.same("authenticate", here, there, alike),
        }?;
        Ok(match decision {
            Decision::Accepted(mut identity) => {
                identity.subject = self.machines(&identity.subject);
                Decision::Accepted(identity)
            }
            refused => refused,
        })
    }

    async fn refresh(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> Result<Refreshed, StrategyError> {
        let _turn = self.turn.lock().await;
        self.lab.clock.set(at);
        let here = self.lab.here.refresh(presented, at).await;
        let counterpart = self.counterpart(presented);
        let there = AuthStrategy::refresh(&self.lab.there, &counterpart.present(), at).await;
        self.use_alike(at).await;
        self.same("refresh", here, there, |here, there| match (here, there) {
            (Refreshed::Renewed(here), Refreshed::Renewed(there)) => {
                let known = self.lab.pairs.find(|pair| pair.here.login == here.login);
                known.is_some_and(|known| self.paired(&known.subject, here, there))
            }
            (Refreshed::Refused(_), Refreshed::Refused(_))
            | (Refreshed::NotOffered, Refreshed::NotOffered) => true,
            _ => false,
        })
    }

    async fn revoke(&self, scope: &Scope<'_>, at: UnixMs) -> Result<Receipt, StrategyError> {
        let _turn = self.turn.lock().await;
        self.lab.clock.set(at);
        let promises = self.lab.here.guarantees();
        let listed = promises.listing == Listing::Exact;
        let rotates = matches!(promises.refresh, RefreshOffer::RotatingKillsFamily { .. });
        let own;
        let counterpart;
        let (here, there, exact) = match *scope {
            Scope::Presented(presented) => {
                counterpart = self.counterpart(&presented);
                (*scope, Scope::Presented(counterpart.present()), true)
            }
            Scope::Subject(subject) => {
                own = self.own(subject);
                (Scope::Subject(&own), Scope::Subject(&own), true)
            }
            // Without a list the target ends them by other means, whose
            // receipt may be better than that of a strategy that knows nothing.
            Scope::Login { subject, login } => {
                own = self.own(subject);
                let there = self.login_there(login);
                let scope = |login| Scope::Login {
                    subject: &own,
                    login,
                };
                (scope(login), scope(there), listed)
            }
            Scope::Others { subject, keep } if rotates && !listed => {
                return self.end_one_by_one(&self.own(subject), keep, at).await;
            }
            Scope::Others { subject, keep } => {
                own = self.own(subject);
                let there = self.login_there(keep);
                let scope = |keep| Scope::Others {
                    subject: &own,
                    keep,
                };
                (scope(keep), scope(there), listed)
            }
        };
        let here = self.lab.here.revoke(&here, at).await;
        let there = AuthStrategy::revoke(&self.lab.there, &there, at).await;
        self.use_alike(at).await;
        let alike = |here: &Receipt, there: &Receipt| {
            here == there || (!exact && there.effective_from <= here.effective_from)
        };
        match scope {
            Scope::Presented(_) => self.same("revoke", here, there, alike),
            _ => self.same_but_for_callers("revoke", here, there, alike),
        }
    }

    async fn logins(&self, subject: &SubjectId, at: UnixMs) -> Result<Logins, StrategyError> {
        let _turn = self.turn.lock().await;
        self.lab.clock.set(at);
        let own = self.own(subject);
        let here = self.lab.here.logins(&own, at).await;
        let there = AuthStrategy::logins(&self.lab.there, &own, at).await;
        self.use_alike(at).await;
        self.same_but_for_callers("logins", here, there, |here, there| match (here, there) {
            (Logins::Known(here), Logins::Known(there)) => {
                let mut here = here.clone();
                here.iter_mut()
                    .for_each(|info| info.login = self.login_there(info.login));
                here.sort_unstable_by_key(|info| info.login);
                here == *there
            }
            (here, there) => here == there,
        })
    }

    async fn change_roles(&self, subject: &Subject, at: UnixMs) -> Result<Receipt, StrategyError> {
        let _turn = self.turn.lock().await;
        self.lab.clock.set(at);
        let own = Subject {
            id: self.own(&subject.id),
            roles: subject.roles.clone(),
        };
        self.change_both(&own, at).await
    }
}

fn number(subject: &SubjectId) -> u32 {
    let digits = subject.as_str().trim_start_matches("acct-");
    digits.parse().unwrap()
}

fn refresh_of(credentials: &Credentials) -> Option<&str> {
    credentials.refresh.as_ref().map(Secret::expose)
}
