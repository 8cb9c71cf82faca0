//! `jwt-refresh`: a short access token that nobody looks up, and a refresh
//! token that is looked up at each renewal and rotates (RFC 9700 4.14.2).
//!
//! A login is a family: one record, which holds the generation of its newest
//! refresh token. A renewal moves it on by one, in one operation of the store,
//! so of several renewals with one token exactly one succeeds; the others come
//! with a spent token, and that ends the family unless the grace of
//! [`Settings`] answers them. Whoever stole a refresh token is thus thrown out
//! as soon as both have used it, and so is the owner.
//!
//! A revocation ends all renewal at once and access when the last access token
//! has expired: their life is the promise. Access tokens are judged without
//! the store, so an outage stops renewals and logins only.

mod key;
mod settings;
#[cfg(test)]
mod tests;
mod token;

use std::sync::Arc;

use authbench_core::{
    AccountDirectory, AccountState, AuthStrategy, Credentials, Decision, Entropy, EntropyError,
    Guarantees, Inserted, Issued, Listing, LoginId, Logins, OutageBehaviour, Presented, Receipt,
    Record, RecordStore, RefreshOffer, Refreshed, Refusal, Roles, Rotated, Scope, Staleness,
    StrategyError, Subject, SubjectId, UnixMs,
};

pub use key::{MIN_KEY_OCTETS, RefreshKey, RefreshKeyError};
pub use settings::{Grace, MAX_CHAIN_MS, MAX_WINDOW_MS, Settings};
pub use token::TOKEN_CHARS;

use crate::records;
use crate::token::{NewToken, Sealed, TokenFormat};
use token::{Named, family_key};

/// Access tokens of a format, renewed by refresh tokens that rotate.
pub struct Refreshing<F, S, E> {
    settings: Settings,
    format: F,
    key: Arc<RefreshKey>,
    store: S,
    entropy: E,
    accounts: Option<Arc<dyn AccountDirectory>>,
}

impl<F: TokenFormat, S: RecordStore, E: Entropy> Refreshing<F, S, E> {
    /// A strategy whose families are in `store`. Replicas share the store, the
    /// format's keys and `key`.
    pub const fn new(
        settings: Settings,
        format: F,
        key: Arc<RefreshKey>,
        store: S,
        entropy: E,
    ) -> Self {
        Self {
            settings,
            format,
            key,
            store,
            entropy,
            accounts: None,
        }
    }

    /// The store, for what a scheme does not do: purging, counting.
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// Looks at the account at each renewal: one that is gone or barred, or
    /// whose password was changed by another login, renews nothing any more
    /// (ASVS 5.0 7.4.2, 7.4.3), and the roles are the account's of that moment.
    #[must_use]
    pub fn with_accounts(mut self, accounts: Arc<dyn AccountDirectory>) -> Self {
        self.accounts = Some(accounts);
        self
    }

    /// When the last access token that was made up to `at` has expired.
    fn receipt(&self, at: UnixMs) -> Receipt {
        Receipt {
            effective_from: at.plus_ms(self.format.ttl_ms()),
        }
    }

    fn seal(
        &self,
        subject: &Subject,
        login: LoginId,
        chain_ends_at: UnixMs,
        at: UnixMs,
    ) -> Result<Sealed, StrategyError> {
        let mut token_id = [0; 16];
        self.entropy.fill(&mut token_id)?;
        let token = NewToken {
            subject,
            login,
            token_id: Some(token_id),
            stamp: None,
            expires_by: Some(whole_second_from(chain_ends_at)),
        };
        self.format.seal(&token, at)
    }

    fn credentials(&self, access: Sealed, login: LoginId, generation: u32) -> Credentials {
        let named = Named { login, generation };
        Credentials {
            access: access.text,
            refresh: Some(named.seal(&self.key)),
            login,
            expires_at: access.expires_at,
        }
    }

    /// The answer to a renewal that moved the family on to `record`, or that is
    /// answered once more.
    async fn renewed(&self, record: Record, at: UnixMs) -> Result<Refreshed, StrategyError> {
        let Some(roles) = self.roles_now(&record).await? else {
            return self.end_family(record.login, Refusal::Revoked).await;
        };
        let subject = Subject {
            id: record.subject,
            roles,
        };
        let access = self.seal(&subject, record.login, record.expires_at, at)?;
        let credentials = self.credentials(access, record.login, record.generation);
        Ok(Refreshed::Renewed(credentials))
    }

    /// The roles for the next access token; none if the account may not renew
    /// this login. Asked after the rotation, so that a change which was made
    /// before the renewal began is seen.
    async fn roles_now(&self, record: &Record) -> Result<Option<Roles>, StrategyError> {
        let Some(accounts) = &self.accounts else {
            return Ok(Some(record.roles.clone()));
        };
        let account = accounts.account(&record.subject).await;
        let account = account.map_err(|source| StrategyError::Remote {
            operation: "account",
            source,
        })?;
        Ok(account
            .filter(|account| may_renew(account, record))
            .map(|account| account.roles))
    }

    async fn end_family(
        &self,
        login: LoginId,
        refusal: Refusal,
    ) -> Result<Refreshed, StrategyError> {
        self.store.delete(&family_key(login)).await?;
        Ok(Refreshed::Refused(refusal))
    }

    /// Whether the spent token of the generation before `record` is still
    /// answered. The window begins with the use of that token; being answered
    /// does not move it.
    fn in_grace(&self, record: &Record, presented: u32, at: UnixMs) -> bool {
        presented.checked_add(1) == Some(record.generation)
            && at.since(record.used_at) < self.settings.grace.window_ms()
    }

    /// The logins that `presented` proves, by either of its tokens; a spent one
    /// proves it as well (RFC 7009 2.1). They are one unless a client mixes
    /// them up.
    fn logins_of(&self, presented: &Presented<'_>, at: UnixMs) -> Vec<LoginId> {
        // An access token that has expired still says whose login it was, and
        // logging out is when clients come with one: so it is also read as of
        // the beginning of time, before which nothing expires.
        let access = |text| {
            let now = self.format.open_early(text, at);
            now.or_else(|_| self.format.open_early(text, UnixMs(0)))
                .ok()
        };
        let access = presented.access.and_then(access);
        let refresh = |text| Named::open(text, &self.key).ok();
        let refresh = presented.refresh.and_then(refresh);
        let both = [
            access.map(|opened| opened.identity.login),
            refresh.map(|named| named.login),
        ];
        let mut logins: Vec<_> = both.into_iter().flatten().collect();
        logins.dedup();
        logins
    }
}

/// Tokens keep whole seconds. So that one renewed in the last second of a chain
/// lives at all, the last one may outlive the chain by less than a second.
fn whole_second_from(at: UnixMs) -> UnixMs {
    UnixMs(at.0.div_ceil(1000).saturating_mul(1000))
}

fn may_renew(account: &AccountState, record: &Record) -> bool {
    let proved_before = account.proof_changed_at > record.issued_at;
    account.active && (!proved_before || account.kept == Some(record.login))
}

/// The source of randomness gave a login's handle that was given before.
#[derive(Debug, thiserror::Error)]
#[error("the handle of a new login was taken")]
struct HandleRepeats;

impl<F: TokenFormat, S: RecordStore, E: Entropy> AuthStrategy for Refreshing<F, S, E> {
    fn guarantees(&self) -> Guarantees {
        Guarantees {
            revoke_one: Staleness::UntilExpiry,
            revoke_all: Staleness::UntilExpiry,
            role_change: Staleness::UntilExpiry,
            lifetime_ms: self.format.ttl_ms(),
            expiry_slack_ms: 0,
            refresh: RefreshOffer::RotatingKillsFamily {
                grace_ms: self.settings.grace.window_ms(),
                chain_ms: self.settings.chain_ms,
            },
            idle: None,
            login_limit: None,
            listing: Listing::Exact,
            // Access tokens pass, for as long as they would have passed.
            outage: self.store.promises().outage.max(OutageBehaviour::Coasts),
            durability: self.store.promises().durability,
        }
    }

    async fn issue(&self, subject: &Subject, at: UnixMs) -> Result<Issued, StrategyError> {
        let mut login = LoginId([0; 16]);
        self.entropy.fill(&mut login.0)?;
        let chain_ends_at = at.plus_ms(self.settings.chain_ms);
        let access = self.seal(subject, login, chain_ends_at, at)?;
        let record = Record {
            subject: subject.id.clone(),
            login,
            roles: subject.roles.clone(),
            issued_at: at,
            expires_at: chain_ends_at,
            used_at: at,
            generation: 0,
            revision: 0,
            payload: Box::default(),
        };
        match self.store.insert_new(&family_key(login), &record).await? {
            Inserted::New => Ok(Issued::Granted(self.credentials(access, login, 0))),
            Inserted::Taken => Err(StrategyError::Entropy(EntropyError {
                source: Box::new(HandleRepeats),
            })),
        }
    }

    async fn authenticate(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> Result<Decision, StrategyError> {
        let verdict = presented
            .access
            .ok_or(Refusal::Missing)
            .and_then(|text| self.format.open(text, at));
        Ok(match verdict {
            Ok(opened) => Decision::Accepted(opened.identity),
            Err(refusal) => Decision::Refused(refusal),
        })
    }

    /// Looks at the refresh token alone: the access token is usually dead by
    /// then. One operation of the store, and a second one that ends the family
    /// if the token was spent.
    ///
    /// If the answer to a renewal is lost, the client holds a spent token. With
    /// [`Grace::Strict`] its next try ends the login, with
    /// [`Grace::ReplaySuccessor`] it gets the same successor.
    async fn refresh(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> Result<Refreshed, StrategyError> {
        let Some(text) = presented.refresh else {
            return Ok(Refreshed::Refused(Refusal::Missing));
        };
        let Named { login, generation } = match Named::open(text, &self.key) {
            Ok(named) => named,
            Err(refusal) => return Ok(Refreshed::Refused(refusal)),
        };
        match self
            .store
            .rotate(&family_key(login), generation, at)
            .await?
        {
            Rotated::Done(record) => self.renewed(record, at).await,
            Rotated::Missing => Ok(Refreshed::Refused(Refusal::Unknown)),
            Rotated::Stale(record) if at >= record.expires_at => {
                Ok(Refreshed::Refused(Refusal::Expired))
            }
            Rotated::Stale(record) if self.in_grace(&record, generation, at) => {
                self.renewed(record, at).await
            }
            // Spent, or newer than what the store remembers: somebody else has
            // the token, or the store has gone back in time.
            Rotated::Stale(_) => self.end_family(login, Refusal::Revoked).await,
        }
    }

    async fn revoke(&self, scope: &Scope<'_>, at: UnixMs) -> Result<Receipt, StrategyError> {
        match *scope {
            Scope::Presented(presented) => {
                let logins = self.logins_of(&presented, at);
                if logins.is_empty() {
                    return Ok(Receipt { effective_from: at });
                }
                for login in logins {
                    self.store.delete(&family_key(login)).await?;
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

    /// The logins that can be renewed, each until the end of its chain. The
    /// last access token of one that was ended may outlive its entry.
    async fn logins(&self, subject: &SubjectId, at: UnixMs) -> Result<Logins, StrategyError> {
        let runs = |record: &Record| at < record.expires_at;
        Ok(records::logins(&self.store, subject, runs).await?)
    }

    /// The next renewal of each login has the new roles.
    async fn change_roles(&self, subject: &Subject, at: UnixMs) -> Result<Receipt, StrategyError> {
        records::change_roles(&self.store, subject).await?;
        Ok(self.receipt(at))
    }
}
