//! `jwt-epoch`: a token that stands by itself, and a number for each subject
//! that it must agree with.
//!
//! The store has one record for each subject that logged in lately: the number
//! of its latest "log out everywhere", and its roles. A request reads that
//! record, or what the node has read of it within `max_stale_ms`: so look-ups
//! are traded for the delay of a revocation, and the trade is a setting.
//!
//! A number for a subject cannot end one login among several: that promise is
//! the token's expiry. A store that has lost a subject's record refuses all
//! its tokens, the revoked ones with them.

mod cache;
mod settings;
mod state;

use authbench_core::{
    AuthStrategy, Credentials, Decision, Entropy, Guarantees, Identity, Inserted, Issued, Listing,
    LoginId, Logins, OutageBehaviour, Presented, Receipt, Record, RecordStore, RefreshOffer,
    Refreshed, Refusal, Roles, Scope, Staleness, StoreError, StoreFault, StorePromises,
    StrategyError, Subject, SubjectId, Swapped, UnixMs,
};

pub use settings::{MAX_STALE_MS, Settings};

use crate::records::{self, SWAP_TRIES};
use crate::token::{NewToken, Opened, TokenFormat};
use cache::Cache;
use state::{Change, State};

/// Tokens of a format that must agree with their subject's number.
pub struct Epoch<F, S, E> {
    settings: Settings,
    format: F,
    store: S,
    entropy: E,
    cache: Option<Cache>,
}

impl<F: TokenFormat, S: RecordStore, E: Entropy> Epoch<F, S, E> {
    /// A strategy whose numbers are in `store`. Replicas share the store and
    /// the format's keys; each has a cache of its own.
    pub fn new(settings: Settings, format: F, store: S, entropy: E) -> Self {
        Self {
            cache: Cache::new(&settings),
            settings,
            format,
            store,
            entropy,
        }
    }

    /// The store, for what a scheme does not do: purging, counting.
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// How long a change may go unseen: a read of the store may be as old as
    /// the store promises, and what was read then is used for as long as the
    /// settings say.
    fn staleness(&self) -> Staleness {
        match (self.store.promises().staleness, self.settings.max_stale_ms) {
            (own, 0) => own,
            (Staleness::Immediate, ms) => Staleness::WithinMs(ms),
            (Staleness::WithinMs(own), ms) => Staleness::WithinMs(own.saturating_add(ms)),
            (Staleness::UntilExpiry, _) => Staleness::UntilExpiry,
        }
    }

    fn receipt(&self, at: UnixMs) -> Receipt {
        let effective_from = match self.staleness() {
            Staleness::Immediate => at,
            Staleness::WithinMs(ms) => at.plus_ms(ms),
            Staleness::UntilExpiry => return self.last_expiry(at),
        };
        Receipt { effective_from }
    }

    fn last_expiry(&self, at: UnixMs) -> Receipt {
        Receipt {
            effective_from: at.plus_ms(self.format.ttl_ms()),
        }
    }

    /// Until when the record of a subject that logs in at `at` must be kept: as
    /// long as the token lives on the slowest clock.
    fn needed_until(&self, at: UnixMs) -> UnixMs {
        at.plus_ms(self.format.ttl_ms())
            .plus_ms(self.format.skew_ms().saturating_mul(2))
    }

    /// The state of a subject that logs in, made or kept for longer if need
    /// be.
    async fn state_for_login(&self, subject: &Subject, at: UnixMs) -> Result<State, StrategyError> {
        let key = state::key(&subject.id);
        let needed_until = self.needed_until(at);
        // As much again, so that not every login has to write.
        let kept_until = needed_until.plus_ms(self.format.ttl_ms());
        let mut found = records::latest(&self.store, &key, &subject.id).await?;
        for _ in 0..SWAP_TRIES {
            let Some(held) = found else {
                let mut random = [0; 4];
                self.entropy.fill(&mut random)?;
                let random = u32::from_be_bytes(random);
                let state = State::new(&subject.roles, random, at, self.format.skew_ms());
                let record = Record {
                    subject: subject.id.clone(),
                    login: LoginId([0; 16]),
                    roles: state.roles.clone(),
                    issued_at: at,
                    expires_at: kept_until,
                    used_at: at,
                    generation: 0,
                    revision: 0,
                    payload: state.payload(),
                };
                match self.store.insert_new(&key, &record).await? {
                    Inserted::New => return Ok(state),
                    Inserted::Taken => {
                        found = records::latest(&self.store, &key, &subject.id).await?;
                        continue;
                    }
                }
            };
            let state = state_in(&held)?;
            if held.expires_at >= needed_until {
                return Ok(state);
            }
            let new = Record {
                expires_at: kept_until,
                ..held.clone()
            };
            match self
                .store
                .compare_and_swap(&key, held.revision, &new)
                .await?
            {
                Swapped::Done => return Ok(state),
                Swapped::Missing => found = None,
                Swapped::Stale => {
                    found = records::latest(&self.store, &key, &subject.id).await?;
                }
            }
        }
        let operation = "begin a login of a subject that others keep changing";
        Err(records::contended(operation).into())
    }

    /// Changes the state of `subject`. Where there is none, no token is good
    /// and there is nothing to change.
    async fn change(
        &self,
        subject: &SubjectId,
        change: Change<'_>,
        at: UnixMs,
    ) -> Result<(), StoreError> {
        let changed = self.change_in_store(subject, change, at).await;
        // Also when it is not known whether it was changed.
        if let Some(cache) = &self.cache {
            cache.forget(subject);
        }
        changed
    }

    async fn change_in_store(
        &self,
        subject: &SubjectId,
        change: Change<'_>,
        at: UnixMs,
    ) -> Result<(), StoreError> {
        let key = state::key(subject);
        let mut found = records::latest(&self.store, &key, subject).await?;
        let mut wanted: Option<State> = None;
        for _ in 0..SWAP_TRIES {
            let Some(held) = found else {
                return Ok(());
            };
            let old = state_in(&held)?;
            if wanted
                .as_ref()
                .is_some_and(|wanted| old.covers(change, wanted))
            {
                return Ok(());
            }
            let state = old.changed(change, at, self.format.skew_ms());
            wanted.get_or_insert_with(|| state.clone());
            let new = Record {
                payload: state.payload(),
                roles: state.roles,
                ..held.clone()
            };
            match self
                .store
                .compare_and_swap(&key, held.revision, &new)
                .await?
            {
                Swapped::Done | Swapped::Missing => return Ok(()),
                Swapped::Stale => found = records::latest(&self.store, &key, subject).await?,
            }
        }
        Err(records::contended(
            "change a subject that others keep changing",
        ))
    }

    /// The roles of whoever presents this token; none if it is no good, or the
    /// subject is not known. What a node or a cache before the store remembers
    /// may accept, but only the store itself refuses: it may know of a login
    /// that began later.
    async fn roles_of(
        &self,
        opened: &Opened,
        number: u64,
        at: UnixMs,
    ) -> Result<Option<Roles>, StoreError> {
        let subject = &opened.identity.subject;
        let cached = self.cache.as_ref().map(|cache| cache.get(subject, at));
        if let Some((Some(state), _)) = &cached
            && let Some(roles) = state.admit(opened, number)
        {
            return Ok(Some(roles));
        }
        let key = state::key(subject);
        let read = |record: Option<Record>| record.as_ref().map(state_in).transpose();
        let judge = |state: &Option<State>| state.as_ref()?.admit(opened, number);
        let mut state = read(self.store.get(&key).await?)?;
        let mut roles = judge(&state);
        if roles.is_none() && self.store.promises().staleness != Staleness::Immediate {
            state = read(records::latest(&self.store, &key, subject).await?)?;
            roles = judge(&state);
        }
        if let (Some(cache), Some((_, ticket))) = (&self.cache, cached) {
            match &state {
                Some(state) => cache.put(subject, ticket, at, state),
                None => cache.forget(subject),
            }
        }
        Ok(roles)
    }
}

fn state_in(record: &Record) -> Result<State, StoreError> {
    State::read(record).ok_or(StoreError {
        store: "epoch",
        operation: "read the state of a subject",
        fault: StoreFault::Corrupt,
        source: None,
    })
}

impl<F: TokenFormat, S: RecordStore, E: Entropy> AuthStrategy for Epoch<F, S, E> {
    fn guarantees(&self) -> Guarantees {
        let StorePromises {
            durability, outage, ..
        } = self.store.promises();
        let staleness = self.staleness();
        Guarantees {
            revoke_one: Staleness::UntilExpiry,
            revoke_all: staleness,
            role_change: staleness,
            lifetime_ms: self.format.ttl_ms(),
            expiry_slack_ms: 0,
            refresh: RefreshOffer::None,
            idle: None,
            login_limit: None,
            listing: Listing::NotKept,
            outage: if self.cache.is_some() {
                outage.max(OutageBehaviour::Coasts)
            } else {
                outage
            },
            durability,
        }
    }

    async fn issue(&self, subject: &Subject, at: UnixMs) -> Result<Issued, StrategyError> {
        let state = self.state_for_login(subject, at).await?;
        let mut login = LoginId([0; 16]);
        self.entropy.fill(&mut login.0)?;
        let token = NewToken {
            subject,
            login,
            token_id: None,
            stamp: Some(state.number()),
            expires_by: None,
        };
        let sealed = self.format.seal(&token, at)?;
        Ok(Issued::Granted(Credentials {
            access: sealed.text,
            refresh: None,
            login,
            expires_at: sealed.expires_at,
        }))
    }

    async fn authenticate(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> Result<Decision, StrategyError> {
        let opened = presented
            .access
            .ok_or(Refusal::Missing)
            .and_then(|text| self.format.open(text, at));
        let opened = match opened {
            Ok(opened) => opened,
            Err(refusal) => return Ok(Decision::Refused(refusal)),
        };
        // Every token of this scheme has a stamp: one without was made by
        // another that shares the key.
        let Some(number) = opened.stamp else {
            return Ok(Decision::Refused(Refusal::WrongKind));
        };
        let roles = self.roles_of(&opened, number, at).await?;
        Ok(match roles {
            Some(roles) => Decision::Accepted(Identity {
                roles,
                ..opened.identity
            }),
            None => Decision::Refused(Refusal::Revoked),
        })
    }

    async fn refresh(&self, _: &Presented<'_>, _: UnixMs) -> Result<Refreshed, StrategyError> {
        Ok(Refreshed::NotOffered)
    }

    /// Ends nothing of a single login, and says when its token will have
    /// expired.
    async fn revoke(&self, scope: &Scope<'_>, at: UnixMs) -> Result<Receipt, StrategyError> {
        match *scope {
            Scope::Presented(presented) => {
                let open = |text| self.format.open_early(text, at).ok();
                let opened = presented.access.and_then(open);
                return Ok(Receipt {
                    effective_from: opened.map_or(at, |it| it.identity.expires_at),
                });
            }
            Scope::Login { .. } => return Ok(self.last_expiry(at)),
            Scope::Subject(subject) => {
                self.change(subject, Change::Cut { keep: None }, at).await?;
            }
            Scope::Others { subject, keep } => {
                let keep = Some(keep);
                self.change(subject, Change::Cut { keep }, at).await?;
            }
        }
        Ok(self.receipt(at))
    }

    async fn logins(&self, _: &SubjectId, _: UnixMs) -> Result<Logins, StrategyError> {
        Ok(Logins::NotKept)
    }

    async fn change_roles(&self, subject: &Subject, at: UnixMs) -> Result<Receipt, StrategyError> {
        self.change(&subject.id, Change::Roles(&subject.roles), at)
            .await?;
        Ok(self.receipt(at))
    }
}
