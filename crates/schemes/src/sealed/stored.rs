//! Sealed cookies with a record for each login.

use std::sync::Arc;

use authbench_core::{
    AuthStrategy, Credentials, Decision, Digest, Entropy, EntropyError, Guarantees, Identity,
    Inserted, Issued, Listing, LoginId, Logins, Presented, Receipt, Record, RecordStore,
    RefreshOffer, Refreshed, Refusal, Roles, Rotated, Scope, StorePromises, StrategyError, Subject,
    SubjectId, UnixMs,
};

use super::format::Format;
use super::key::Key;
use super::settings::{Settings, SettingsError};
use crate::keyring::KeyRing;
use crate::records;
use crate::token::{Opened, TokenFormat as _};

/// Logins that are tried before one fails; see `session`.
const ISSUE_TRIES: usize = 3;

/// The scheme over a store.
///
/// The cookie says which login it is and of which generation; the record says
/// that the login runs, its roles, and the generation that counts. A refresh
/// moves the record on by one (of several at once exactly one does) and seals
/// that generation: every cookie of before is refused from then on. The text
/// alone gives no access without the record, and the record none without the
/// text.
#[derive(Debug)]
pub struct Sealed<S, E> {
    format: Format,
    store: S,
    entropy: E,
}

impl<S: RecordStore, E: Entropy + Clone + 'static> Sealed<S, E> {
    /// Sealed cookies whose records are in `store`; the rest as for
    /// [`super::stateless`]. Replicas share the store and the keys.
    ///
    /// # Errors
    /// As for [`super::stateless`].
    pub fn new(
        settings: &Settings,
        cookie_name: &str,
        keys: Arc<KeyRing<Key>>,
        store: S,
        entropy: E,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            format: Format::stored(settings, cookie_name, keys, entropy.clone())?,
            store,
            entropy,
        })
    }
}

impl<S: RecordStore, E: Entropy> Sealed<S, E> {
    /// The store, for what a scheme does not do: purging, counting.
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// The format, with its keys.
    pub const fn format(&self) -> &Format {
        &self.format
    }

    fn receipt(&self, at: UnixMs) -> Receipt {
        records::receipt(&self.store, at, self.format.ttl_ms())
    }

    /// The cookie of a login in this generation. It says no roles: those of
    /// the record count.
    fn seal(&self, record: &Record, at: UnixMs) -> Result<Credentials, StrategyError> {
        let identity = Identity {
            subject: record.subject.clone(),
            roles: Roles::default(),
            login: record.login,
            expires_at: record.expires_at,
        };
        let generation = u64::from(record.generation);
        Ok(Credentials {
            access: self.format.write(&identity, Some(generation), at)?,
            refresh: None,
            login: record.login,
            expires_at: record.expires_at,
        })
    }
}

/// No two logins share a key, and no other scheme's credential has this one:
/// none contains a NUL.
fn key_of(login: LoginId) -> Digest {
    Digest::of(&format!("sealed-cookie\0{login}"))
}

/// Whether `cookie` is of the generation that counts. It may be of a later one
/// than the record says, if a cache or a crash shows an older record: such a
/// cookie was sealed after its rotation had been acknowledged.
fn is_current(cookie: &Opened, record: &Record) -> bool {
    let generation = u64::from(record.generation);
    record.subject == cookie.identity.subject && cookie.stamp.is_some_and(|it| it >= generation)
}

/// The source of randomness gave a login that was given before.
#[derive(Debug, thiserror::Error)]
#[error("{ISSUE_TRIES} login handles in a row were taken")]
struct LoginsRepeat;

impl<S: RecordStore, E: Entropy> AuthStrategy for Sealed<S, E> {
    fn guarantees(&self) -> Guarantees {
        let StorePromises {
            staleness,
            durability,
            outage,
        } = self.store.promises();
        Guarantees {
            revoke_one: staleness,
            revoke_all: staleness,
            role_change: staleness,
            lifetime_ms: self.format.ttl_ms(),
            expiry_slack_ms: 0,
            refresh: RefreshOffer::SwapsAccess,
            idle: None,
            login_limit: None,
            listing: Listing::Exact,
            outage,
            durability,
        }
    }

    async fn issue(&self, subject: &Subject, at: UnixMs) -> Result<Issued, StrategyError> {
        for _ in 0..ISSUE_TRIES {
            let mut login = LoginId([0; 16]);
            self.entropy.fill(&mut login.0)?;
            let record = Record {
                subject: subject.id.clone(),
                login,
                roles: subject.roles.clone(),
                issued_at: at,
                expires_at: at.plus_ms(self.format.ttl_ms()),
                used_at: at,
                generation: 0,
                revision: 0,
                payload: Box::default(),
            };
            // Sealed first: a record whose cookie cannot be made helps nobody.
            let credentials = self.seal(&record, at)?;
            match self.store.insert_new(&key_of(login), &record).await? {
                Inserted::New => return Ok(Issued::Granted(credentials)),
                Inserted::Taken => {}
            }
        }
        Err(StrategyError::Entropy(EntropyError {
            source: Box::new(LoginsRepeat),
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
        let cookie = match opened {
            Ok(cookie) => cookie,
            Err(refusal) => return Ok(Decision::Refused(refusal)),
        };
        let record = self.store.get(&key_of(cookie.identity.login)).await?;
        Ok(match record {
            Some(record) if is_current(&cookie, &record) => {
                if at >= record.expires_at {
                    return Ok(Decision::Refused(Refusal::Expired));
                }
                Decision::Accepted(Identity {
                    subject: record.subject,
                    roles: record.roles,
                    login: record.login,
                    expires_at: record.expires_at,
                })
            }
            Some(_) | None => Decision::Refused(Refusal::Revoked),
        })
    }

    /// If the answer is lost after the record has moved on, the login is lost
    /// to its owner: it is refused rather than left open to two cookies.
    async fn refresh(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> Result<Refreshed, StrategyError> {
        let opened = presented
            .access
            .ok_or(Refusal::Missing)
            .and_then(|text| self.format.open(text, at));
        let cookie = match opened {
            Ok(cookie) => cookie,
            Err(refusal) => return Ok(Refreshed::Refused(refusal)),
        };
        let generation = cookie.stamp.and_then(|stamp| u32::try_from(stamp).ok());
        let Some(generation) = generation else {
            return Ok(Refreshed::Refused(Refusal::BadClaims));
        };
        let key = key_of(cookie.identity.login);
        match self.store.rotate(&key, generation, at).await? {
            Rotated::Done(record) => self.seal(&record, at).map(Refreshed::Renewed),
            Rotated::Stale(_) | Rotated::Missing => Ok(Refreshed::Refused(Refusal::Revoked)),
        }
    }

    async fn revoke(&self, scope: &Scope<'_>, at: UnixMs) -> Result<Receipt, StrategyError> {
        match *scope {
            Scope::Presented(presented) => {
                let open = |text| self.format.open_early(text, at).ok();
                if let Some(cookie) = presented.access.and_then(open) {
                    let key = key_of(cookie.identity.login);
                    // A cookie of an older generation proves no login.
                    let record = self.store.get(&key).await?;
                    if record.is_some_and(|record| is_current(&cookie, &record)) {
                        self.store.delete(&key).await?;
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

    async fn logins(&self, subject: &SubjectId, at: UnixMs) -> Result<Logins, StrategyError> {
        let runs = |record: &Record| at < record.expires_at;
        Ok(records::logins(&self.store, subject, runs).await?)
    }

    async fn change_roles(&self, subject: &Subject, at: UnixMs) -> Result<Receipt, StrategyError> {
        records::change_roles(&self.store, subject).await?;
        Ok(self.receipt(at))
    }
}
