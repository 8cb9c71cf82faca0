//! Nothing is remembered: the login is in the token. Whoever has the key can
//! check it, and nothing is stored. So nothing can be taken back either: a
//! revocation, like a change of roles, takes effect when the last token that
//! contradicts it has expired.

use authbench_core::{
    AuthStrategy, Credentials, Decision, Durability, Entropy, Guarantees, Issued, Listing, LoginId,
    Logins, OutageBehaviour, Presented, Receipt, RefreshOffer, Refreshed, Refusal, Scope,
    Staleness, StrategyError, Subject, SubjectId, UnixMs,
};

use crate::token::{NewToken, TokenFormat};

/// Access tokens that stand by themselves.
#[derive(Debug)]
pub struct Stateless<F, E> {
    format: F,
    entropy: E,
}

impl<F: TokenFormat, E: Entropy> Stateless<F, E> {
    /// A strategy that makes tokens of `format` and takes its login ids from
    /// `entropy`. Replicas share the format's keys.
    pub const fn new(format: F, entropy: E) -> Self {
        Self { format, entropy }
    }

    /// The format.
    pub const fn format(&self) -> &F {
        &self.format
    }

    /// The token of a new login, made at `at`.
    ///
    /// # Errors
    /// [`StrategyError::Entropy`] when there is no login id, and what
    /// [`TokenFormat::seal`] says.
    pub fn seal(&self, subject: &Subject, at: UnixMs) -> Result<Credentials, StrategyError> {
        let mut login = LoginId([0; 16]);
        self.entropy.fill(&mut login.0)?;
        let token = NewToken {
            subject,
            login,
            token_id: None,
            stamp: None,
            expires_by: None,
        };
        let sealed = self.format.seal(&token, at)?;
        Ok(Credentials {
            access: sealed.text,
            refresh: None,
            login,
            expires_at: sealed.expires_at,
        })
    }

    /// When the last token that was made up to `at` has expired.
    fn last_expiry(&self, at: UnixMs) -> Receipt {
        Receipt {
            effective_from: at.plus_ms(self.format.ttl_ms()),
        }
    }
}

impl<F: TokenFormat, E: Entropy> AuthStrategy for Stateless<F, E> {
    fn guarantees(&self) -> Guarantees {
        Guarantees {
            revoke_one: Staleness::UntilExpiry,
            revoke_all: Staleness::UntilExpiry,
            role_change: Staleness::UntilExpiry,
            lifetime_ms: self.format.ttl_ms(),
            expiry_slack_ms: 0,
            refresh: RefreshOffer::None,
            idle: None,
            login_limit: None,
            listing: Listing::NotKept,
            outage: OutageBehaviour::Unaffected,
            durability: Durability::Stateless,
        }
    }

    async fn issue(&self, subject: &Subject, at: UnixMs) -> Result<Issued, StrategyError> {
        self.seal(subject, at).map(Issued::Granted)
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

    async fn refresh(&self, _: &Presented<'_>, _: UnixMs) -> Result<Refreshed, StrategyError> {
        Ok(Refreshed::NotOffered)
    }

    /// Ends nothing and says when what is named will have ended by itself: a
    /// presented token at its expiry (at once, if that has passed or it proves
    /// nothing), anything else when the youngest token has expired.
    async fn revoke(&self, scope: &Scope<'_>, at: UnixMs) -> Result<Receipt, StrategyError> {
        Ok(match scope {
            Scope::Presented(presented) => {
                let open = |text| self.format.open_early(text, at).ok();
                let opened = presented.access.and_then(open);
                Receipt {
                    effective_from: opened.map_or(at, |it| it.identity.expires_at),
                }
            }
            Scope::Login { .. } | Scope::Subject(_) | Scope::Others { .. } => self.last_expiry(at),
        })
    }

    async fn logins(&self, _: &SubjectId, _: UnixMs) -> Result<Logins, StrategyError> {
        Ok(Logins::NotKept)
    }

    async fn change_roles(&self, _: &Subject, at: UnixMs) -> Result<Receipt, StrategyError> {
        Ok(self.last_expiry(at))
    }
}
