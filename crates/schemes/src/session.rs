//! Server-side sessions: the credential is a random name for a record in a
//! store, and says nothing by itself.
//!
//! Each judgement costs one read. A revocation deletes the record, so it is
//! seen as soon as the store lets it be seen; nothing here writes a record
//! that is not there, so none comes back.

use authbench_core::{
    AuthStrategy, Credentials, Decision, Digest, Entropy, EntropyError, Guarantees, Identity,
    Inserted, Listing, LoginId, LoginInfo, Logins, OutageBehaviour, Presented, Receipt, Record,
    RecordStore, RefreshOffer, Refreshed, Refusal, Scope, Secret, Staleness, StoreError,
    StoreFault, StorePromises, StrategyError, Subject, SubjectId, Swapped, UnixMs,
};
use base64_simd::URL_SAFE_NO_PAD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroizing;

/// Characters of a session id: 256 bits in base64url (ASVS 5.0 7.2.3 asks for
/// 128 bits).
pub const ID_CHARS: usize = 43;

/// The longest life of a session: 400 days, as long as a browser keeps a
/// cookie (RFC 6265bis 5.5).
pub const MAX_LIFETIME_MS: u64 = 400 * 24 * 60 * 60 * 1000;

/// Ids that are tried before a login fails. That even the first is taken has
/// probability 2^-224 with four billion logins: a second repeat means that the
/// source of randomness is broken.
const ISSUE_TRIES: usize = 3;

/// Rounds of reading and swapping one record before a change of roles fails.
/// Only other changes of the same login's roles can spoil a round.
const SWAP_TRIES: usize = 16;

/// The settings of [`Session`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Milliseconds from login to the end of the session, whatever its use
    /// (ASVS 5.0 7.3.2). NIST SP 800-63B-4 allows 30 days at AAL1, 24 hours
    /// at AAL2 and 12 hours at AAL3. From 1 to [`MAX_LIFETIME_MS`].
    #[serde(deserialize_with = "lifetime_ms")]
    pub lifetime_ms: u64,
}

impl Default for Settings {
    /// One hour.
    fn default() -> Self {
        Self {
            lifetime_ms: 60 * 60 * 1000,
        }
    }
}

/// Checked where it is read, so that the error can name the line and the
/// column.
fn lifetime_ms<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let lifetime_ms = u64::deserialize(from)?;
    if (1..=MAX_LIFETIME_MS).contains(&lifetime_ms) {
        Ok(lifetime_ms)
    } else {
        Err(D::Error::custom(format_args!(
            "lifetime_ms is {lifetime_ms}, allowed are 1 to {MAX_LIFETIME_MS} (400 days)"
        )))
    }
}

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
        let effective_from = match self.store.promises().staleness {
            Staleness::Immediate => at,
            Staleness::WithinMs(ms) => at.plus_ms(ms),
            Staleness::UntilExpiry => at.plus_ms(self.settings.lifetime_ms),
        };
        Receipt { effective_from }
    }

    /// Gives one running login the roles of `subject`.
    async fn change_roles_of(
        &self,
        key: &Digest,
        mut held: Record,
        subject: &Subject,
    ) -> Result<(), StrategyError> {
        for _ in 0..SWAP_TRIES {
            if held.roles == subject.roles {
                return Ok(());
            }
            let new = Record {
                roles: subject.roles.clone(),
                ..held.clone()
            };
            match self
                .store
                .compare_and_swap(key, held.revision, &new)
                .await?
            {
                // A login that has ended has no roles to change.
                Swapped::Done | Swapped::Missing => return Ok(()),
                Swapped::Stale => match self.store.get(key).await? {
                    Some(read) => held = read,
                    None => return Ok(()),
                },
            }
        }
        Err(StrategyError::Store(StoreError {
            store: "session",
            operation: "change the roles of a login that others keep changing",
            fault: StoreFault::Rejected,
            source: None,
        }))
    }
}

/// The source of randomness gave an id that was given before.
#[derive(Debug, thiserror::Error)]
#[error("{ISSUE_TRIES} session ids in a row were taken")]
struct IdsRepeat;

/// The store's key for what was presented, if it can be an id at all. The text
/// is hashed as it is, so another spelling of an id finds nothing (ASVS 5.0
/// 7.2.1).
fn key_of(presented: &Presented<'_>) -> Result<Digest, Refusal> {
    let text = presented.access.ok_or(Refusal::Missing)?;
    if text.len() == ID_CHARS && URL_SAFE_NO_PAD.check(text.as_bytes()).is_ok() {
        Ok(Digest::of(text))
    } else {
        Err(Refusal::Malformed)
    }
}

impl<S: RecordStore, E: Entropy> AuthStrategy for Session<S, E> {
    fn guarantees(&self) -> Guarantees {
        let StorePromises {
            staleness,
            durability,
        } = self.store.promises();
        let Settings { lifetime_ms } = self.settings;
        Guarantees {
            revoke_one: staleness,
            revoke_all: staleness,
            role_change: staleness,
            lifetime_ms,
            expiry_slack_ms: 0,
            refresh: RefreshOffer::None,
            listing: Listing::Exact,
            // A store that cannot fail keeps this promise, too.
            outage: OutageBehaviour::FailsClosed,
            durability,
        }
    }

    async fn issue(&self, subject: &Subject, at: UnixMs) -> Result<Credentials, StrategyError> {
        for _ in 0..ISSUE_TRIES {
            let (mut id, mut login) = (Zeroizing::new([0; 32]), LoginId([0; 16]));
            self.entropy.fill(id.as_mut_slice())?;
            self.entropy.fill(&mut login.0)?;
            let access = Secret::new(URL_SAFE_NO_PAD.encode_to_string(id.as_slice()));
            let record = Record {
                subject: subject.id.clone(),
                login,
                roles: subject.roles.clone(),
                issued_at: at,
                expires_at: at.plus_ms(self.settings.lifetime_ms),
                revision: 0,
            };
            match self
                .store
                .insert_new(&Digest::of(access.expose()), &record)
                .await?
            {
                Inserted::New => {
                    let expires_at = record.expires_at;
                    return Ok(Credentials {
                        access,
                        refresh: None,
                        login,
                        expires_at,
                    });
                }
                Inserted::Taken => {}
            }
        }
        Err(StrategyError::Entropy(EntropyError {
            source: Box::new(IdsRepeat),
        }))
    }

    async fn authenticate(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> Result<Decision, StrategyError> {
        let key = match key_of(presented) {
            Ok(key) => key,
            Err(refusal) => return Ok(Decision::Refused(refusal)),
        };
        let Some(record) = self.store.get(&key).await? else {
            return Ok(Decision::Refused(Refusal::Unknown));
        };
        let Record {
            subject,
            login,
            roles,
            expires_at,
            issued_at: _,
            revision: _,
        } = record;
        if at >= expires_at {
            return Ok(Decision::Refused(Refusal::Expired));
        }
        Ok(Decision::Accepted(Identity {
            subject,
            roles,
            login,
            expires_at,
        }))
    }

    async fn refresh(
        &self,
        _presented: &Presented<'_>,
        _at: UnixMs,
    ) -> Result<Refreshed, StrategyError> {
        Ok(Refreshed::NotOffered)
    }

    async fn revoke(&self, scope: &Scope<'_>, at: UnixMs) -> Result<Receipt, StrategyError> {
        match *scope {
            Scope::Presented(presented) => {
                if let Ok(key) = key_of(&presented) {
                    self.store.delete(&key).await?;
                }
            }
            Scope::Login { subject, login } => {
                for (key, record) in self.store.list_by_subject(subject).await? {
                    if record.login == login {
                        self.store.delete(&key).await?;
                    }
                }
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
        let records = self.store.list_by_subject(subject).await?;
        let running = records.iter().filter(|(_, record)| at < record.expires_at);
        let info = |(_, record): &(Digest, Record)| LoginInfo {
            login: record.login,
            issued_at: record.issued_at,
            expires_at: record.expires_at,
        };
        let mut logins: Vec<LoginInfo> = running.map(info).collect();
        logins.sort_unstable_by_key(|info| info.login);
        Ok(Logins::Known(logins))
    }

    /// Reaches the logins that are in the store when it begins. A login that
    /// is issued meanwhile has the roles that its `issue` was given: callers
    /// read the account's roles after they have changed them.
    async fn change_roles(&self, subject: &Subject, at: UnixMs) -> Result<Receipt, StrategyError> {
        for (key, record) in self.store.list_by_subject(&subject.id).await? {
            self.change_roles_of(&key, record, subject).await?;
        }
        Ok(self.receipt(at))
    }
}
