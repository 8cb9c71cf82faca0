//! One node: what it answers, apart from logins and renewal.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use authbench_core::{
    AuthStrategy, Decision, Guarantees, Identity, Issued, LoginInfo, Logins, Presented, Receipt,
    Refreshed, Refusal, Scope, StoreError, StoreFault, StrategyError, Subject, SubjectId, UnixMs,
};
use tokio::task::yield_now;

use super::sketch::{Session, State};
use super::{CACHE_MS, CHAIN_MS, IDLE_MS, LIFETIME_MS, SLACK_MS, TOUCH_MS, Variant};
use crate::machine::backing::Fault;

pub(super) struct Node {
    pub(super) variant: Variant,
    pub(super) seed: u64,
    pub(super) number: usize,
    pub(super) state: Arc<Mutex<State>>,
    pub(super) cache: Mutex<HashMap<String, (UnixMs, Option<Session>)>>,
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
    pub(super) fn on_state<T>(
        &self,
        operation: impl FnOnce(&mut State) -> T,
    ) -> Result<T, StrategyError> {
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

    /// What the node remembers of a text, if it may rely on it.
    fn remembered(&self, text: &str, at: UnixMs) -> Option<Option<Session>> {
        if !self.variant.caches() {
            return None;
        }
        let cut = self.state.lock().unwrap().cut.is_some();
        let coasts = self.variant.base() == Variant::Coasting;
        let cache = self.cache.lock().unwrap();
        let (read_at, session) = cache.get(text)?;
        let recent = at.since(*read_at) < CACHE_MS;
        let relied_on = match (cut, coasts) {
            (false, _) => recent,
            (true, true) => recent || self.variant == Variant::CoastsForEver,
            (true, false) => false,
        };
        relied_on.then(|| session.clone())
    }

    fn find(&self, text: &str, at: UnixMs) -> Result<Option<Session>, StrategyError> {
        if let Some(session) = self.remembered(text, at) {
            return Ok(session);
        }
        if self.variant.is_stateless() {
            return Ok(self.state.lock().unwrap().ever.get(text).cloned());
        }
        let variant = self.variant;
        let found = self.on_state(|state| match variant {
            Variant::LooksUpByPrefix => state
                .sessions
                .iter()
                .find(|(key, _)| text.len() >= 40 && key.starts_with(&text[..40]))
                .map(|(_, session)| session.clone()),
            _ => {
                let found = state.sessions.get(text).cloned();
                if let (Some(session), Variant::Idle) =
                    (state.sessions.get_mut(text), variant.base())
                {
                    touch(variant, session, at);
                }
                found
            }
        });
        let found = match found {
            Err(_) if self.variant.base() == Variant::Lax => {
                self.state.lock().unwrap().ever.get(text).cloned()
            }
            Err(_) if self.variant == Variant::ReadsOutageAsRefusal => None,
            found => found?,
        };
        if self.variant.caches() {
            let mut cache = self.cache.lock().unwrap();
            cache.insert(text.to_owned(), (at, found.clone()));
        }
        Ok(found)
    }

    /// Whether a session lives, as lists and limits see it.
    pub(super) fn runs(&self, session: &Session, at: UnixMs) -> bool {
        let slack_ms = match self.variant.base() {
            Variant::Lax => SLACK_MS,
            _ => 0,
        };
        let idle_ms = match self.variant {
            Variant::IdlesLate => IDLE_MS + 1,
            Variant::IdlesEarly => IDLE_MS - 2 * TOUCH_MS,
            _ => IDLE_MS,
        };
        let idle = self.variant.base() == Variant::Idle && at.since(session.used_at) >= idle_ms;
        at < session.expires_at.plus_ms(slack_ms) && !idle
    }

    pub(super) fn receipt(&self, at: UnixMs) -> Receipt {
        let later_ms = match (self.variant, self.variant.base()) {
            (Variant::ReceiptTooEarly, _) => 0,
            (Variant::ReceiptTooLate, _) => 1,
            (_, Variant::Cached | Variant::Coasting) => CACHE_MS,
            _ if self.variant.is_stateless() => LIFETIME_MS,
            _ => 0,
        };
        Receipt {
            effective_from: at.plus_ms(later_ms),
        }
    }

    /// Whether a revocation passes a login by.
    fn spares(&self, scope: &Scope<'_>, text: Option<&str>, session: &Session) -> bool {
        let (variant, here) = (self.variant, self.number % 2);
        match *scope {
            Scope::Presented(presented) => {
                presented.access.is_none()
                    || presented.access != text
                    || variant == Variant::IgnoresLogout
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
            Scope::Others { subject, keep } => session.subject != *subject || session.login == keep,
        }
    }
}

/// Notes a use, if it is due.
fn touch(variant: Variant, session: &mut Session, at: UnixMs) {
    let unused_ms = at.since(session.used_at);
    let late = unused_ms >= IDLE_MS && variant != Variant::TouchRevives;
    if unused_ms >= TOUCH_MS && !late {
        session.used_at = at;
    }
}

impl AuthStrategy for Node {
    fn guarantees(&self) -> Guarantees {
        self.variant.guarantees(self.number)
    }

    async fn issue(&self, subject: &Subject, at: UnixMs) -> Result<Issued, StrategyError> {
        yield_now().await;
        self.log_in(subject, at)
    }

    async fn authenticate(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> Result<Decision, StrategyError> {
        yield_now().await;
        let Some(text) = presented.access else {
            return Ok(Decision::Refused(Refusal::Missing));
        };
        let mut found = self.find(text, at)?;
        if self.variant == Variant::RefreshOpens && found.is_none() {
            let state = self.state.lock().unwrap();
            let family = state
                .families
                .iter()
                .find(|family| family.tokens.iter().any(|token| token == text));
            let login = family.map(|family| family.login);
            let theirs = state.ever.values().find(|held| Some(held.login) == login);
            found = theirs.cloned();
        }
        let Some(session) = found else {
            return Ok(Decision::Refused(Refusal::Unknown));
        };
        let key = self.state.lock().unwrap().key;
        if self.variant == Variant::RetiresKeysAtOnce && session.key != key {
            return Ok(Decision::Refused(Refusal::BadSignature));
        }
        let late = self.variant == Variant::AcceptsAtExpiry && at == session.expires_at;
        if !self.runs(&session, at) && !late {
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

    async fn refresh(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> Result<Refreshed, StrategyError> {
        yield_now().await;
        match self.variant {
            Variant::OffersRefresh => Ok(Refreshed::Refused(Refusal::Unknown)),
            _ if self.variant.base() == Variant::Swapping => self.swap(presented, at).await,
            _ if self.variant.rotates() => self.rotate(presented, at).await,
            _ => Ok(Refreshed::NotOffered),
        }
    }

    async fn revoke(&self, scope: &Scope<'_>, at: UnixMs) -> Result<Receipt, StrategyError> {
        yield_now().await;
        self.on_state(|state| {
            let dead: Vec<_> = state
                .sessions
                .iter()
                .filter(|(text, session)| !self.spares(scope, Some(text), session))
                .map(|(text, session)| (text.clone(), session.login))
                .collect();
            if self.variant.rotates() {
                // Access goes on; what ends is its renewal.
                self.end_families(state, scope, &dead);
            } else {
                state
                    .sessions
                    .retain(|text, _| dead.iter().all(|(dead, _)| dead != text));
            }
        })?;
        Ok(self.receipt(at))
    }

    async fn logins(&self, subject: &SubjectId, at: UnixMs) -> Result<Logins, StrategyError> {
        yield_now().await;
        if self.variant.base() == Variant::Stateless {
            return Ok(Logins::NotKept);
        }
        let mut logins: Vec<_> = self.on_state(|state| {
            if self.variant.rotates() {
                let families = state.families.iter();
                let live = families.filter(|family| {
                    let ends_at = family.began_at.plus_ms(CHAIN_MS);
                    family.subject == *subject && at < ends_at && !family.lingers
                });
                return live
                    .map(|family| LoginInfo {
                        login: family.login,
                        issued_at: family.began_at,
                        expires_at: family.began_at.plus_ms(CHAIN_MS),
                    })
                    .collect();
            }
            let sessions = state.sessions.values();
            let of_subject =
                sessions.filter(|session| session.subject == *subject && self.runs(session, at));
            of_subject
                .map(|session| LoginInfo {
                    login: session.login,
                    issued_at: session.issued_at,
                    expires_at: session.expires_at,
                })
                .collect::<Vec<_>>()
        })?;
        logins.sort_by_key(|info| info.login);
        if self.variant == Variant::ForgetsToListTheFirst && logins.len() > 1 {
            logins.remove(0);
        }
        Ok(Logins::Known(logins))
    }

    async fn change_roles(&self, subject: &Subject, at: UnixMs) -> Result<Receipt, StrategyError> {
        yield_now().await;
        let variant = self.variant;
        self.on_state(|state| {
            if variant.is_stateless() {
                return;
            }
            if variant == Variant::ChangeOfRolesRevives {
                let ever = state
                    .ever
                    .iter()
                    .filter(|(_, session)| session.subject == subject.id);
                state
                    .sessions
                    .extend(ever.map(|(text, session)| (text.clone(), session.clone())));
            }
            let remembered = state.ever.values_mut().filter(|_| {
                let base = variant.base();
                matches!(base, Variant::Lax | Variant::Forgetful)
            });
            for session in state.sessions.values_mut().chain(remembered) {
                if session.subject == subject.id && variant != Variant::KeepsOldRoles {
                    session.roles = subject.roles.clone();
                }
            }
        })?;
        Ok(self.receipt(at))
    }
}
