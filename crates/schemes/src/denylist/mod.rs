//! `jwt-denylist`: a token that stands by itself, and a list of those that
//! ended before their time.
//!
//! The list has an entry for each login that was ended (by the login's handle,
//! the `jti` of a JWT, never by the token's text), and for each subject at most
//! one cut-off, for "everything" and "everything but this". A request looks
//! both up in one round trip. An entry lives as long as a token that it could
//! hit, so the list is as long as the revocations of one token's life, not as
//! the logins. It cannot know which handles exist: whoever may end logins by
//! their handle can make it longer, so what offers that bounds how often.

mod keys;
mod settings;
mod state;

use authbench_core::{
    AuthStrategy, Credentials, Decision, Entropy, EntropyError, Guarantees, Identity, Inserted,
    Issued, Listing, LoginId, Logins, OutageBehaviour, Presented, Receipt, Record, RecordStore,
    RefreshOffer, Refreshed, Refusal, Roles, Scope, Staleness, StoreError, StoreFault,
    StorePromises, StrategyError, Subject, SubjectId, Swapped, UnixMs,
};

pub use settings::Settings;

use crate::records::{self, SWAP_TRIES};
use crate::token::{NewToken, Opened, TokenFormat};
use state::Listed;

/// Tokens of a format, and a list of the dead ones.
#[derive(Debug)]
pub struct Denylist<F, S, E> {
    settings: Settings,
    format: F,
    store: S,
    entropy: E,
}

impl<F: TokenFormat, S: RecordStore, E: Entropy> Denylist<F, S, E> {
    /// A strategy whose list is in `store`. Replicas share the store and the
    /// format's keys.
    pub const fn new(settings: Settings, format: F, store: S, entropy: E) -> Self {
        Self {
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

    fn receipt(&self, at: UnixMs) -> Receipt {
        records::receipt(&self.store, at, self.format.ttl_ms())
    }

    /// When the last token has expired that was made up to `at` by any
    /// replica, on the slowest clock.
    fn entry_ends_at(&self, at: UnixMs) -> UnixMs {
        at.plus_ms(self.format.ttl_ms())
            .plus_ms(self.format.skew_ms().saturating_mul(2))
    }

    fn record(
        &self,
        subject: &SubjectId,
        login: LoginId,
        at: UnixMs,
        expires_at: UnixMs,
        payload: Box<[u8]>,
    ) -> Record {
        Record {
            subject: subject.clone(),
            login,
            roles: Roles::default(),
            issued_at: at,
            expires_at,
            used_at: at,
            generation: 0,
            revision: 0,
            payload,
        }
    }

    /// Lists one login. A second entry would say the same.
    async fn deny(
        &self,
        subject: &SubjectId,
        login: LoginId,
        at: UnixMs,
        expires_at: UnixMs,
    ) -> Result<(), StoreError> {
        let record = self.record(subject, login, at, expires_at, Box::default());
        let key = keys::login(subject, login);
        match self.store.insert_new(&key, &record).await? {
            Inserted::New | Inserted::Taken => Ok(()),
        }
    }

    /// Cuts off everything of `subject` but `keep`.
    async fn cut(
        &self,
        subject: &SubjectId,
        keep: Option<LoginId>,
        at: UnixMs,
    ) -> Result<(), StrategyError> {
        let key = keys::cut_off(subject);
        let skew_ms = self.format.skew_ms();
        let mut found = records::latest(&self.store, &key, subject).await?;
        let mut wanted: Option<Listed> = None;
        for _ in 0..SWAP_TRIES {
            let old = found.as_ref().map(listed_in).transpose()?;
            if let (Some(old), Some(wanted)) = (&old, &wanted)
                && old.covers(wanted)
            {
                return Ok(());
            }
            let listed = match old {
                None => Listed::first(self.random()?, keep, at, skew_ms),
                Some(old) => old.cut(keep, at, skew_ms),
            };
            wanted.get_or_insert(listed);
            let payload = listed.payload();
            let expires_at = self.entry_ends_at(listed.below());
            let Some(held) = found else {
                let record = self.record(subject, LoginId([0; 16]), at, expires_at, payload);
                match self.store.insert_new(&key, &record).await? {
                    Inserted::New => return Ok(()),
                    Inserted::Taken => {
                        found = records::latest(&self.store, &key, subject).await?;
                        continue;
                    }
                }
            };
            let new = Record {
                expires_at: held.expires_at.max(expires_at),
                payload,
                ..held.clone()
            };
            match self
                .store
                .compare_and_swap(&key, held.revision, &new)
                .await?
            {
                Swapped::Done => return Ok(()),
                Swapped::Missing => found = None,
                Swapped::Stale => found = records::latest(&self.store, &key, subject).await?,
            }
        }
        let operation = "cut off a subject that others keep cutting off";
        Err(records::contended(operation).into())
    }

    fn random(&self) -> Result<u32, EntropyError> {
        let mut octets = [0; 4];
        self.entropy.fill(&mut octets)?;
        Ok(u32::from_be_bytes(octets))
    }

    /// Why the list refuses a good token; none if it does not.
    async fn denied(&self, opened: &Opened) -> Result<Option<Refusal>, StoreError> {
        let Identity { subject, login, .. } = &opened.identity;
        // Every token of this scheme has a stamp: one without was made by
        // another that shares the key, and no cut-off could ever hit it.
        let Some(number) = opened.stamp else {
            return Ok(Some(Refusal::WrongKind));
        };
        let keys = [keys::login(subject, *login), keys::cut_off(subject)];
        let found = self.store.get_many(&keys).await?;
        let [entry, cut_off] = found.as_slice() else {
            return Err(corrupt("read an entry and a cut-off"));
        };
        let listed = cut_off.as_ref().map(listed_in).transpose()?;
        let dead = entry.is_some() || listed.is_some_and(|it| it.hits(*login, number));
        Ok(dead.then_some(Refusal::Revoked))
    }
}

/// Whether the store is out of reach. One that answers nonsense is not.
const fn is_outage(error: &StoreError) -> bool {
    matches!(error.fault, StoreFault::Unreachable | StoreFault::TimedOut)
}

fn listed_in(record: &Record) -> Result<Listed, StoreError> {
    Listed::read(record).ok_or_else(|| corrupt("read a cut-off"))
}

const fn corrupt(operation: &'static str) -> StoreError {
    StoreError {
        store: "denylist",
        operation,
        fault: StoreFault::Corrupt,
        source: None,
    }
}

impl<F: TokenFormat, S: RecordStore, E: Entropy> AuthStrategy for Denylist<F, S, E> {
    fn guarantees(&self) -> Guarantees {
        let StorePromises {
            staleness,
            durability,
            outage,
        } = self.store.promises();
        Guarantees {
            revoke_one: staleness,
            revoke_all: staleness,
            role_change: Staleness::UntilExpiry,
            lifetime_ms: self.format.ttl_ms(),
            expiry_slack_ms: 0,
            refresh: RefreshOffer::None,
            idle: None,
            login_limit: None,
            listing: Listing::NotKept,
            outage: if self.settings.fail_open {
                OutageBehaviour::FailsOpen
            } else {
                outage
            },
            durability,
        }
    }

    /// Reads the subject's cut-off, so that the new login is above it.
    async fn issue(&self, subject: &Subject, at: UnixMs) -> Result<Issued, StrategyError> {
        let key = keys::cut_off(&subject.id);
        // A cut-off that a cache does not know of yet would hit a login that
        // begins after it.
        let found = records::latest(&self.store, &key, &subject.id).await?;
        let listed = found.as_ref().map(listed_in).transpose()?;
        let mut login = LoginId([0; 16]);
        self.entropy.fill(&mut login.0)?;
        let token = NewToken {
            subject,
            login,
            token_id: None,
            stamp: Some(state::number(listed, at)),
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
        match self.denied(&opened).await {
            Ok(None) => Ok(Decision::Accepted(opened.identity)),
            Ok(Some(refusal)) => Ok(Decision::Refused(refusal)),
            Err(error) if self.settings.fail_open && is_outage(&error) => {
                Ok(Decision::Accepted(opened.identity))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn refresh(&self, _: &Presented<'_>, _: UnixMs) -> Result<Refreshed, StrategyError> {
        Ok(Refreshed::NotOffered)
    }

    async fn revoke(&self, scope: &Scope<'_>, at: UnixMs) -> Result<Receipt, StrategyError> {
        match *scope {
            Scope::Presented(presented) => {
                let open = |text| self.format.open_early(text, at).ok();
                let Some(opened) = presented.access.and_then(open) else {
                    return Ok(Receipt { effective_from: at });
                };
                let Identity {
                    subject,
                    login,
                    expires_at,
                    ..
                } = opened.identity;
                let expires_at = expires_at.plus_ms(self.format.skew_ms());
                self.deny(&subject, login, at, expires_at).await?;
            }
            Scope::Login { subject, login } => {
                self.deny(subject, login, at, self.entry_ends_at(at))
                    .await?;
            }
            Scope::Subject(subject) => self.cut(subject, None, at).await?,
            Scope::Others { subject, keep } => self.cut(subject, Some(keep), at).await?,
        }
        Ok(self.receipt(at))
    }

    async fn logins(&self, _: &SubjectId, _: UnixMs) -> Result<Logins, StrategyError> {
        Ok(Logins::NotKept)
    }

    /// The roles are in the token: old ones are seen until it expires.
    async fn change_roles(&self, _: &Subject, at: UnixMs) -> Result<Receipt, StrategyError> {
        Ok(Receipt {
            effective_from: at.plus_ms(self.format.ttl_ms()),
        })
    }
}
