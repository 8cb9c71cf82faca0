//! Server-side sessions: the credential is a random name for a record in a
//! store, and says nothing by itself.
//!
//! Each judgement costs one read, also where use keeps a session alive: the
//! store notes the use in the same round trip. A revocation deletes the
//! record, so it is seen as soon as the store lets it be seen; nothing here
//! writes a record that is not there, so none comes back. Neither does one
//! that idled out: the store writes no use down that comes too late (see
//! `authbench_core::store::Touch`), so the instant at which a session idles
//! out depends on uses before it and on nothing that comes after.

mod id;
mod limit;
mod settings;

use authbench_core::{
    AuthStrategy, Credentials, Decision, Digest, Entropy, EntropyError, Guarantees, Identity,
    Inserted, Issued, Listing, LoginId, Logins, Presented, Receipt, Record, RecordStore,
    RefreshOffer, Refreshed, Refusal, Scope, Staleness, StoreError, StorePromises, StrategyError,
    Subject, SubjectId, Swapped, UnixMs,
};

pub use self::id::{ID_CHARS, ROTATING_ID_CHARS};
use self::id::{Name, fresh, successor};
use self::limit::Room;
pub use self::settings::{Idle, MAX_LIFETIME_MS, MAX_LOGINS, Settings, SettingsError};
pub(crate) use self::settings::{default_lifetime_ms, lifetime_ms};
use crate::records::{self, SWAP_TRIES};

/// Ids that are tried before a login fails. That even the first is taken has
/// probability 2^-112 or less with four billion logins: a second repeat means
/// that the source of randomness is broken.
const ISSUE_TRIES: usize = 3;

/// The session scheme over a store.
#[derive(Debug)]
pub struct Session<S, E> {
    settings: Settings,
    store: S,
    entropy: E,
}

impl<S: RecordStore, E: Entropy> Session<S, E> {
    /// Sessions whose records are in `store` and whose ids come from
    /// `entropy`. Replicas share a store: give each an `Arc` of it.
    pub const fn new(settings: Settings, store: S, entropy: E) -> Self {
        Self {
            settings,
            store,
            entropy,
        }
    }

    /// The store, for what a scheme does not do: purging, counting.
    pub const fn store(&self) -> &S {
        &self.store
    }

    fn receipt(&self, at: UnixMs) -> Receipt {
        records::receipt(&self.store, at, self.settings.lifetime_ms)
    }

    fn name(&self, presented: &Presented<'_>) -> Result<Name, Refusal> {
        Name::read(presented.access, self.settings.rotation)
    }

    /// Whether the session of `record` has ended neither by age nor by disuse.
    fn runs(&self, record: &Record, at: UnixMs) -> bool {
        at < record.expires_at && !self.has_idled_out(record, at)
    }

    fn has_idled_out(&self, record: &Record, at: UnixMs) -> bool {
        let idled_out = |idle: Idle| at.since(record.used_at) >= idle.promise().timeout_ms;
        self.settings.idle.is_some_and(idled_out)
    }

    /// The record that `name` opens, running or not. A cache may still show the
    /// record of before a rotation or a use: what it says against the caller is
    /// asked again.
    async fn find(&self, name: &Name, at: UnixMs) -> Result<Option<Record>, StoreError> {
        let Some(mut record) = self.store.get(&name.key).await? else {
            return Ok(None);
        };
        let speaks_against = !name.opens(&record) || self.has_idled_out(&record, at);
        if speaks_against && self.store.promises().staleness != Staleness::Immediate {
            match records::reread(&self.store, &name.key, &record).await? {
                Some(latest) => record = latest,
                None => return Ok(None),
            }
        }
        Ok(Some(record).filter(|record| name.opens(record)))
    }

    /// As `find`, for a use at `at`: if use counts, it is written down.
    async fn find_used(&self, name: &Name, at: UnixMs) -> Result<Option<Record>, StoreError> {
        let Some(touch) = self.settings.idle.map(Idle::touch) else {
            return self.find(name, at).await;
        };
        if !self.settings.rotation {
            let found = self.store.get_touched(&name.key, at, touch).await?;
            return Ok(found.filter(|record| name.opens(record)));
        }
        // An id that was rotated away finds the record but does not open it:
        // it must not keep it alive, so it is compared before the touch.
        match self.find(name, at).await? {
            Some(record) if touch.is_due(record.used_at, at) => {
                let touched = self.store.get_touched(&name.key, at, touch).await?;
                Ok(touched.filter(|record| name.opens(record)))
            }
            found => Ok(found),
        }
    }

    /// Writes the record of a new login; `number` is for the limit.
    async fn begin(
        &self,
        subject: &Subject,
        number: u32,
        at: UnixMs,
    ) -> Result<(Digest, Credentials), StrategyError> {
        for _ in 0..ISSUE_TRIES {
            let (access, name) = fresh(&self.entropy, self.settings.rotation)?;
            let mut login = LoginId([0; 16]);
            self.entropy.fill(&mut login.0)?;
            let record = Record {
                subject: subject.id.clone(),
                login,
                roles: subject.roles.clone(),
                issued_at: at,
                expires_at: at.plus_ms(self.settings.lifetime_ms),
                used_at: at,
                generation: number,
                revision: 0,
                payload: name.payload(),
            };
            match self.store.insert_new(&name.key, &record).await? {
                Inserted::New => {
                    let credentials = Credentials {
                        access,
                        refresh: None,
                        login,
                        expires_at: record.expires_at,
                    };
                    return Ok((name.key, credentials));
                }
                Inserted::Taken => {}
            }
        }
        Err(StrategyError::Entropy(EntropyError {
            source: Box::new(IdsRepeat),
        }))
    }
}

/// The source of randomness gave an id that was given before.
#[derive(Debug, thiserror::Error)]
#[error("{ISSUE_TRIES} session ids in a row were taken")]
struct IdsRepeat;

impl<S: RecordStore, E: Entropy> AuthStrategy for Session<S, E> {
    fn guarantees(&self) -> Guarantees {
        let StorePromises {
            staleness,
            durability,
            outage,
        } = self.store.promises();
        let Settings {
            lifetime_ms,
            idle,
            limit,
            rotation,
        } = self.settings;
        Guarantees {
            revoke_one: staleness,
            revoke_all: staleness,
            role_change: staleness,
            lifetime_ms,
            expiry_slack_ms: 0,
            refresh: if rotation {
                RefreshOffer::SwapsAccess
            } else {
                RefreshOffer::None
            },
            idle: idle.map(Idle::promise),
            login_limit: limit,
            listing: Listing::Exact,
            outage,
            durability,
        }
    }

    async fn issue(&self, subject: &Subject, at: UnixMs) -> Result<Issued, StrategyError> {
        let Some(limit) = self.settings.limit else {
            let (_, credentials) = self.begin(subject, 0, at).await?;
            return Ok(Issued::Granted(credentials));
        };
        let logins_max = limit.logins_max;
        let number = match self.room(limit, &subject.id, at).await? {
            Room::For(number) => number,
            Room::None => return Ok(Issued::LimitReached { logins_max }),
        };
        let (key, credentials) = self.begin(subject, number, at).await?;
        match self.settle(limit, &subject.id, &key, at).await {
            Ok(true) => Ok(Issued::Granted(credentials)),
            Ok(false) => {
                self.store.delete(&key).await?;
                Ok(Issued::LimitReached { logins_max })
            }
            Err(error) => {
                // The client gets nothing, so nobody holds this id: its record
                // only takes room. If it cannot be deleted either, it stays
                // until it expires.
                let _: Result<bool, StoreError> = self.store.delete(&key).await;
                Err(error.into())
            }
        }
    }

    async fn authenticate(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> Result<Decision, StrategyError> {
        let name = match self.name(presented) {
            Ok(name) => name,
            Err(refusal) => return Ok(Decision::Refused(refusal)),
        };
        let Some(record) = self.find_used(&name, at).await? else {
            return Ok(Decision::Refused(Refusal::Unknown));
        };
        if !self.runs(&record, at) {
            return Ok(Decision::Refused(Refusal::Expired));
        }
        Ok(Decision::Accepted(Identity {
            subject: record.subject,
            roles: record.roles,
            login: record.login,
            expires_at: record.expires_at,
        }))
    }

    /// With `rotation` a new id for the same login, which ends when it would
    /// have ended. Of several rotations of one id exactly one succeeds, and
    /// from then on only its id opens the session. If its answer is lost, the
    /// session is lost to its owner: it is refused rather than left open to
    /// two ids.
    async fn refresh(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> Result<Refreshed, StrategyError> {
        if !self.settings.rotation {
            return Ok(Refreshed::NotOffered);
        }
        let Some(old) = presented.access else {
            return Ok(Refreshed::Refused(Refusal::Missing));
        };
        let name = match self.name(presented) {
            Ok(name) => name,
            Err(refusal) => return Ok(Refreshed::Refused(refusal)),
        };
        let mut found = self.find(&name, at).await?;
        for _ in 0..SWAP_TRIES {
            let Some(held) = found.filter(|record| name.opens(record)) else {
                return Ok(Refreshed::Refused(Refusal::Unknown));
            };
            if !self.runs(&held, at) {
                return Ok(Refreshed::Refused(Refusal::Expired));
            }
            let (access, next) = successor(&self.entropy, old)?;
            let new = Record {
                used_at: held.used_at.max(at),
                payload: next.payload(),
                ..held.clone()
            };
            match self
                .store
                .compare_and_swap(&name.key, held.revision, &new)
                .await?
            {
                Swapped::Done => {
                    return Ok(Refreshed::Renewed(Credentials {
                        access,
                        refresh: None,
                        login: held.login,
                        expires_at: held.expires_at,
                    }));
                }
                Swapped::Missing => return Ok(Refreshed::Refused(Refusal::Unknown)),
                Swapped::Stale => found = records::reread(&self.store, &name.key, &held).await?,
            }
        }
        Err(records::contended("rotate the id of a login that others keep changing").into())
    }

    async fn revoke(&self, scope: &Scope<'_>, at: UnixMs) -> Result<Receipt, StrategyError> {
        match *scope {
            Scope::Presented(presented) => {
                if let Ok(name) = self.name(&presented) {
                    // An id that was rotated away proves no login.
                    if !self.settings.rotation || self.find(&name, at).await?.is_some() {
                        self.store.delete(&name.key).await?;
                    }
                }
            }
            Scope::Login { subject, login } => {
                records::end_login(&self.store, subject, login).await?;
            }
            Scope::Subject(subject) => {
                self.store.delete_by_subject(subject, None).await?;
            }
            Scope::Others { subject, keep } => {
                self.store.delete_by_subject(subject, Some(keep)).await?;
            }
        }
        Ok(self.receipt(at))
    }

    /// Exact, also where sessions idle out: what counts is the use that was
    /// written down, here and in a judgement alike.
    async fn logins(&self, subject: &SubjectId, at: UnixMs) -> Result<Logins, StrategyError> {
        let runs = |record: &Record| self.runs(record, at);
        Ok(records::logins(&self.store, subject, runs).await?)
    }

    async fn change_roles(&self, subject: &Subject, at: UnixMs) -> Result<Receipt, StrategyError> {
        records::change_roles(&self.store, subject).await?;
        Ok(self.receipt(at))
    }
}
