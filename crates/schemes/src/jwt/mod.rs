//! `jwt`: the login is in the credential. A signed access token (RFC 7519, in
//! the shape of RFC 9068) says who, with which roles and until when; whoever
//! has the key can check it, and nothing is stored. So nothing can be taken
//! back either: a revocation, like a change of roles, takes effect when the
//! last token that contradicts it has expired.
//!
//! Left out of RFC 9068 is `client_id`: a login here is a user's at the one
//! application, there are no OAuth clients to tell apart.
//!
//! The file of each reason to change: [`Settings`] (`settings`), keys and
//! their names (`keys`, `verifying_key`, `jwk`), the spelling (`compact`), the
//! claims (`claims`), making (`sign`) and judging (`verify`).

mod algorithm;
mod claims;
mod compact;
mod disguise;
mod jwk;
mod keys;
mod settings;
mod sign;
#[cfg(test)]
mod tests;
mod verify;
mod verifying_key;

use std::sync::Arc;

use authbench_core::{
    AuthStrategy, Credentials, Decision, Durability, Entropy, Guarantees, Listing, LoginId, Logins,
    OutageBehaviour, Presented, Receipt, RefreshOffer, Refreshed, Refusal, Scope, Secret,
    Staleness, StrategyError, Subject, SubjectId, UnixMs,
};

pub use algorithm::Algorithm;
pub use disguise::Disguise;
pub use keys::{KeyError, MIN_SECRET_OCTETS, RSA_BITS, SigningKey};
pub use settings::{MAX_SKEW_MS, MAX_TTL_S, Settings, SettingsError};
pub use verify::Verified;
pub use verifying_key::{TOKEN_TYPE, VerifyingKey};

/// Access tokens that stand by themselves.
#[derive(Debug)]
pub struct Jwt<E> {
    settings: Settings,
    key: Arc<SigningKey>,
    policy: verify::Policy,
    entropy: E,
}

impl<E: Entropy> Jwt<E> {
    /// A strategy that signs with `key` and takes its login ids from
    /// `entropy`. Replicas share a key: give each an `Arc` of it.
    ///
    /// # Errors
    /// [`SettingsError`] when a setting is out of range or the key is of
    /// another algorithm.
    pub fn new(
        settings: Settings,
        key: impl Into<Arc<SigningKey>>,
        entropy: E,
    ) -> Result<Self, SettingsError> {
        let key = key.into();
        settings.check(key.algorithm())?;
        let policy = verify::Policy {
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            skew_ms: settings.skew_ms,
        };
        Ok(Self {
            settings,
            key,
            policy,
            entropy,
        })
    }

    /// The settings.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The key that signs.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The public keys as a JWK set (RFC 7517 5), for
    /// `/.well-known/jwks.json`. It has public members only, and is empty for
    /// HS256, whose key nobody may see.
    pub fn jwks(&self) -> serde_json::Value {
        serde_json::json!({ "keys": Vec::from_iter(self.key.verifying_key().jwk()) })
    }

    /// The token of a new login, made at `at`. It expires `ttl_s` seconds
    /// after the whole second of `at`.
    ///
    /// # Errors
    /// [`StrategyError::Entropy`] when there is no login id, and
    /// [`StrategyError::Sealing`] when the signing fails or the roles do not
    /// fit in a token of 16 KiB.
    pub fn seal(&self, subject: &Subject, at: UnixMs) -> Result<Credentials, StrategyError> {
        let mut login = LoginId([0; 16]);
        self.entropy.fill(&mut login.0)?;
        let iat = at.whole_secs();
        let exp = iat + self.settings.ttl_s;
        let claims = claims::Issued {
            iss: &self.settings.issuer,
            sub: &subject.id,
            aud: &self.settings.audience,
            exp,
            iat,
            jti: login,
            roles: &subject.roles,
        };
        let token = sign::seal(&self.key, &claims).map_err(|error| StrategyError::Sealing {
            format: "jwt",
            source: Box::new(error),
        })?;
        let expires_at = UnixMs(exp.saturating_mul(1000));
        Ok(Credentials {
            access: Secret::new(token),
            refresh: None,
            login,
            expires_at,
        })
    }

    /// What `text` proves at `at`. The strategy reads no clock and tolerates
    /// nothing after `exp` (RFC 7519 4.1.4).
    ///
    /// # Errors
    /// Why it proves nothing.
    pub fn verify(&self, text: &str, at: UnixMs) -> Result<Verified, Refusal> {
        self.policy.judge(text, at, |header| self.find(header))
    }

    /// The key whose tokens begin with `header`.
    fn find(&self, header: &str) -> Option<&VerifyingKey> {
        Some(self.key.verifying_key()).filter(|key| key.header_segment() == header)
    }

    /// When the last token that was made up to `at` has expired.
    fn last_expiry(&self, at: UnixMs) -> Receipt {
        Receipt {
            effective_from: at.plus_ms(self.settings.ttl_ms()),
        }
    }
}

impl<E: Entropy> AuthStrategy for Jwt<E> {
    fn guarantees(&self) -> Guarantees {
        Guarantees {
            revoke_one: Staleness::UntilExpiry,
            revoke_all: Staleness::UntilExpiry,
            role_change: Staleness::UntilExpiry,
            lifetime_ms: self.settings.ttl_ms(),
            expiry_slack_ms: 0,
            refresh: RefreshOffer::None,
            listing: Listing::NotKept,
            outage: OutageBehaviour::Unaffected,
            durability: Durability::Stateless,
        }
    }

    async fn issue(&self, subject: &Subject, at: UnixMs) -> Result<Credentials, StrategyError> {
        self.seal(subject, at)
    }

    async fn authenticate(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> Result<Decision, StrategyError> {
        let verdict = presented
            .access
            .ok_or(Refusal::Missing)
            .and_then(|text| self.verify(text, at));
        Ok(match verdict {
            Ok(verified) => Decision::Accepted(verified.identity),
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
                let open = |text| self.policy.open(text, |header| self.find(header)).ok();
                let expiry = presented
                    .access
                    .and_then(open)
                    .map(|it| it.identity.expires_at);
                Receipt {
                    effective_from: expiry.map_or(at, |expiry| expiry.max(at)),
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
