//! The store that all replicas share: in memory, under one lock, with faults
//! that can be switched on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use authbench_conformance::hooks::StoreFault;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::accounts::Accounts;
use crate::kind::{ABSOLUTE_MS, IDLE_MS};

/// Milliseconds after which a request gives the store up.
const PATIENCE_MS: u64 = 500;

/// A login that is alive.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Login {
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) client: String,
    pub(crate) issued_ms: u64,
    pub(crate) seen_ms: u64,
    /// The absolute end: set once, at login.
    pub(crate) ends_ms: u64,
    pub(crate) stepped_up_ms: Option<u64>,
    /// Grows when the identifier changes: what bears an older number is dead.
    pub(crate) generation: u64,
    /// Digest of the session identifier; empty for kinds without one.
    pub(crate) session: String,
    /// Digests of all refresh tokens of the login.
    pub(crate) family: Vec<String>,
}

impl Login {
    /// A login that begins now.
    pub(crate) fn new(id: &str, subject: &str, client: &str, now_ms: u64) -> Self {
        Self {
            id: id.to_owned(),
            subject: subject.to_owned(),
            client: client.to_owned(),
            issued_ms: now_ms,
            seen_ms: now_ms,
            ends_ms: now_ms + ABSOLUTE_MS,
            stepped_up_ms: None,
            generation: 0,
            session: String::new(),
            family: Vec::new(),
        }
    }

    /// Whether it works at `now_ms` (mutants of SESSION-006 and SESSION-007
    /// sit here).
    pub(crate) const fn is_alive(&self, now_ms: u64) -> bool {
        now_ms < self.ends_ms && now_ms < self.seen_ms.saturating_add(IDLE_MS)
    }
}

/// A refresh token, spent or not.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct RefreshRecord {
    pub(crate) login: String,
    pub(crate) spent_ms: Option<u64>,
    /// The replica that took it.
    pub(crate) spent_at: Option<usize>,
    pub(crate) replays: u32,
    /// Digest of the token that it was traded for.
    pub(crate) successor: Option<String>,
}

/// A one-time permission to set a new password.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Reset {
    pub(crate) subject: String,
    pub(crate) ends_ms: u64,
}

/// Everything that is kept. No presentable credential is: only digests.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Data {
    pub(crate) accounts: Accounts,
    pub(crate) logins: BTreeMap<String, Login>,
    /// Ids of the logins of each subject, oldest first.
    pub(crate) by_subject: BTreeMap<String, Vec<String>>,
    /// Session digest to login id.
    pub(crate) sessions: BTreeMap<String, String>,
    pub(crate) refresh: BTreeMap<String, RefreshRecord>,
    /// `jti` of denied tokens, and until when they must be remembered.
    pub(crate) denied: BTreeMap<String, u64>,
    /// For each subject, the last number whose token is refused, and until
    /// when that must be remembered.
    pub(crate) cutoffs: BTreeMap<String, (u64, u64)>,
    /// Flaw M99: digests of identifiers that are being replaced.
    pub(crate) moving: BTreeSet<String>,
    /// By digest of the artefact.
    pub(crate) resets: BTreeMap<String, Reset>,
    /// Tokens up to this number are refused, for what was denied of them is
    /// lost; `None` in a store that was found empty.
    pub(crate) floor: Option<u64>,
    purged_ms: u64,
    /// Flaw M88: sessions that one replica refuses, and the others not yet.
    #[serde(default)]
    pub(crate) refused_at: BTreeMap<String, usize>,
    /// Flaw M123: logins that the list leaves out, though they work.
    #[serde(default)]
    pub(crate) hidden: BTreeSet<String>,
}

impl Data {
    /// Ends a login, with all of its credentials (mutants of REVOKE-002 and
    /// REVOKE-007 sit here).
    pub(crate) fn end(&mut self, id: &str) -> bool {
        let Some(login) = self.logins.remove(id) else {
            return false;
        };
        self.sessions.remove(&login.session);
        for digest in &login.family {
            self.refresh.remove(digest);
        }
        if let Some(ids) = self.by_subject.get_mut(&login.subject) {
            ids.retain(|other| other != id);
            if ids.is_empty() {
                self.by_subject.remove(&login.subject);
            }
        }
        true
    }

    /// Flaw M57: ends a login but for its spent refresh tokens.
    pub(crate) fn end_unspent(&mut self, id: &str) {
        let Some(login) = self.logins.get_mut(id) else {
            return;
        };
        login.generation += 1;
        for digest in &login.family {
            let unspent = |record: &RefreshRecord| record.spent_ms.is_none();
            if self.refresh.get(digest).is_some_and(unspent) {
                self.refresh.remove(digest);
            }
        }
        if let Some(ids) = self.by_subject.get_mut(&login.subject) {
            ids.retain(|other| other != id);
        }
    }

    /// Ends all logins of a subject, and all that was issued up to now.
    pub(crate) fn end_all(&mut self, subject: &str, remember_until_ms: u64) {
        for id in self.by_subject.get(subject).cloned().unwrap_or_default() {
            self.end(&id);
        }
        self.resets.retain(|_, reset| reset.subject != subject);
        let number = self.accounts.next_number();
        self.cutoffs
            .insert(subject.to_owned(), (number, remember_until_ms));
    }

    /// The login, if it is alive; one found expired is ended for good, so that
    /// no clock brings it back.
    pub(crate) fn alive(&mut self, id: &str, now_ms: u64) -> Option<&mut Login> {
        if !self.logins.get(id)?.is_alive(now_ms) {
            self.end(id);
        }
        self.logins.get_mut(id)
    }

    fn purge(&mut self, now_ms: u64) {
        if self.floor.is_none() {
            self.floor = Some(self.accounts.next_number());
        }
        if now_ms < self.purged_ms.saturating_add(1_000) {
            return;
        }
        self.purged_ms = now_ms;
        let dead: Vec<String> = self
            .logins
            .values()
            .filter(|login| !login.is_alive(now_ms))
            .map(|login| login.id.clone())
            .collect();
        for id in dead {
            self.end(&id);
        }
        self.denied.retain(|_, until_ms| now_ms < *until_ms);
        self.cutoffs.retain(|_, (_, until_ms)| now_ms < *until_ms);
        self.resets.retain(|_, reset| now_ms < reset.ends_ms);
    }

    fn wipe(&mut self) {
        let accounts = std::mem::take(&mut self.accounts);
        *self = Self {
            accounts,
            ..Self::default()
        };
    }

    fn count(&self) -> usize {
        self.logins.len()
            + self.sessions.len()
            + self.refresh.len()
            + self.denied.len()
            + self.cutoffs.len()
            + self.resets.len()
    }
}

/// The store did not answer as it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("the store cannot be reached")]
    Stopped,
    #[error("the store took too long")]
    Slow,
    #[error("the store's answer cannot be read")]
    Garbled(#[source] serde_json::Error),
}

/// The shared store.
pub(crate) struct Store {
    data: Mutex<Data>,
    fault: Mutex<StoreFault>,
    /// Whether requests depend on it: stateless kinds only have accounts,
    /// which no fault here touches.
    asked: bool,
}

impl Store {
    pub(crate) fn new(asked: bool) -> Self {
        Self {
            data: Mutex::default(),
            fault: Mutex::new(StoreFault::None),
            asked,
        }
    }

    /// Does something with the contents, as one step.
    pub(crate) async fn with<T>(
        &self,
        now_ms: u64,
        act: impl FnOnce(&mut Data) -> T,
    ) -> Result<T, StoreError> {
        if self.asked {
            self.reach().await?;
        }
        let mut data = self.data.lock();
        data.purge(now_ms);
        Ok(act(&mut data))
    }

    async fn reach(&self) -> Result<(), StoreError> {
        let fault = *self.fault.lock();
        match fault {
            StoreFault::None => Ok(()),
            StoreFault::Stopped => Err(StoreError::Stopped),
            StoreFault::Slow(delay) => {
                let patience = Duration::from_millis(PATIENCE_MS);
                tokio::time::sleep(delay.min(patience)).await;
                if delay < patience {
                    Ok(())
                } else {
                    Err(StoreError::Slow)
                }
            }
            StoreFault::Garbled => {
                let cut = "{\"id\":\"gar";
                serde_json::from_str::<Login>(cut)
                    .map(|_| ())
                    .map_err(StoreError::Garbled)
            }
        }
    }

    pub(crate) fn set_fault(&self, fault: StoreFault) {
        *self.fault.lock() = fault;
    }

    /// Loses everything but the accounts.
    pub(crate) fn wipe(&self) {
        self.data.lock().wipe();
    }

    /// Comes back with what was made durable, which is everything.
    pub(crate) fn restart(&self) -> Result<(), serde_json::Error> {
        let mut data = self.data.lock();
        *data = serde_json::from_slice(&serde_json::to_vec(&*data)?)?;
        Ok(())
    }

    /// Flaw M154: what was denied had not been made durable.
    pub(crate) fn forget_denied(&self) {
        self.data.lock().denied.clear();
    }

    /// Everything that it holds.
    pub(crate) fn peek(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&*self.data.lock())
    }

    /// How many records it holds, accounts not counted.
    pub(crate) fn count(&self, now_ms: u64) -> u64 {
        let mut data = self.data.lock();
        data.purge(now_ms);
        u64::try_from(data.count()).unwrap_or(u64::MAX)
    }
}
