//! `jwt`: a signed access token (RFC 7519, in the shape of RFC 9068) says who,
//! with which roles and until when. [`JwtFormat`] makes and judges them; [`Jwt`]
//! is the scheme that remembers nothing beside them.
//!
//! Left out of RFC 9068 is `client_id`: a login here is a user's at the one
//! application, there are no OAuth clients to tell apart.
//!
//! The file of each reason to change: [`Settings`] (`settings`), keys and
//! their names (`keys`, `verifying_key`, `jwk`), keys of other issuers
//! (`trusted`), the spelling (`compact`), the
//! making (`sign`) and the judging (`verify`). The claims are those of every
//! format that is JSON inside ([`crate::token`]).

mod algorithm;
mod compact;
mod disguise;
pub(crate) mod jwk;
mod keys;
mod private_jwk;
mod roca;
mod settings;
mod sign;
#[cfg(test)]
mod tests;
mod trusted;
mod verify;
mod verifying_key;

use std::sync::Arc;

use authbench_core::{LoginId, Refusal, Secret, StrategyError, UnixMs};

pub use algorithm::Algorithm;
pub use disguise::Disguise;
pub use keys::{KeyError, MIN_SECRET_OCTETS, RSA_BITS, SigningKey};
pub use settings::Settings;
pub use trusted::{TrustError, TrustedKeys};
pub use verifying_key::{TOKEN_TYPE, VerifyingKey};

use crate::keyring::{KeyRing, Snapshot};
use crate::stateless::Stateless;
pub use crate::token::Verified;
use crate::token::claims::Issued;
use crate::token::policy::{Policy, not_over};
pub use crate::token::terms::{MAX_SKEW_MS, MAX_TTL_S, SettingsError};
use crate::token::{NewToken, Opened, Sealed, TokenFormat};

/// JWTs that stand by themselves.
pub type Jwt<E> = Stateless<JwtFormat, E>;

/// The format: settings and keys.
#[derive(Debug)]
pub struct JwtFormat {
    settings: Settings,
    ring: Arc<KeyRing<SigningKey>>,
    policy: Policy,
}

impl JwtFormat {
    /// A format whose tokens are signed by the keys of `ring`. Replicas share a
    /// ring: give each an `Arc` of it. One [`SigningKey`] makes a ring that
    /// does not change.
    ///
    /// # Errors
    /// [`SettingsError`] when a setting is out of range, or the ring is of
    /// another algorithm or for other settings.
    pub fn new(
        settings: Settings,
        ring: impl Into<Arc<KeyRing<SigningKey>>>,
    ) -> Result<Self, SettingsError> {
        let ring = ring.into();
        settings.check(&ring)?;
        let policy = settings.terms().policy();
        Ok(Self {
            settings,
            ring,
            policy,
        })
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The keys.
    #[must_use]
    pub const fn ring(&self) -> &Arc<KeyRing<SigningKey>> {
        &self.ring
    }

    /// What `text` proves at `at`, in the words of a JWT. Nothing is tolerated
    /// after `exp` (RFC 7519 4.1.4).
    ///
    /// # Errors
    /// Why it proves nothing.
    pub fn verify(&self, text: &str, at: UnixMs) -> Result<Verified, Refusal> {
        self.policy.in_time(self.proved(text, at)?, at)
    }

    /// What `text` proves at some time or other, by a key that is good at `at`.
    fn proved(&self, text: &str, at: UnixMs) -> Result<Verified, Refusal> {
        let keys = self.ring.keys();
        verify::open(&self.policy, text, |header| find(&keys, header, at))
    }
}

impl TokenFormat for JwtFormat {
    fn label(&self) -> &'static str {
        "jwt"
    }

    fn ttl_ms(&self) -> u64 {
        self.settings.ttl_ms()
    }

    fn skew_ms(&self) -> u64 {
        self.settings.skew_ms
    }

    /// It expires `ttl_s` seconds after the whole second of `at`. Fails also
    /// when the roles do not fit in a token of 16 KiB.
    fn seal(&self, token: &NewToken<'_>, at: UnixMs) -> Result<Sealed, StrategyError> {
        let failed = |source| StrategyError::Sealing {
            format: "jwt",
            source,
        };
        let key = self.ring.signer(at).map_err(|error| failed(error.into()))?;
        let (iat, exp) = token.life_s(at, self.settings.ttl_s);
        let claims = Issued {
            iss: &self.settings.issuer,
            sub: &token.subject.id,
            aud: &self.settings.audience,
            exp,
            iat,
            jti: token.token_id.map_or(token.login, LoginId),
            roles: &token.subject.roles,
            sid: token.token_id.map(|_| token.login),
            stamp: token.stamp,
        };
        let text = sign::seal(&key, &claims).map_err(|error| failed(error.into()))?;
        Ok(Sealed {
            text: Secret::new(text),
            expires_at: UnixMs(exp.saturating_mul(1000)),
        })
    }

    fn open(&self, text: &str, at: UnixMs) -> Result<Opened, Refusal> {
        self.verify(text, at).map(Opened::from)
    }

    fn open_early(&self, text: &str, at: UnixMs) -> Result<Opened, Refusal> {
        not_over(self.proved(text, at)?, at)
    }

    /// Public members only (RFC 7517 9.2), for `/.well-known/jwks.json`; none
    /// for HS256, whose keys nobody may see.
    fn jwks(&self, at: UnixMs) -> Option<serde_json::Value> {
        if self.settings.algorithm == Algorithm::Hs256 {
            return None;
        }
        let keys = self.ring.keys();
        let jwks = keys
            .verifying(at)
            .filter_map(|key| key.verifying_key().jwk());
        Some(serde_json::json!({ "keys": Vec::from_iter(jwks) }))
    }
}

impl From<SigningKey> for Arc<KeyRing<SigningKey>> {
    fn from(key: SigningKey) -> Self {
        Self::new(KeyRing::fixed(key))
    }
}

/// The key whose tokens begin with `header`.
fn find<'k>(keys: &'k Snapshot<SigningKey>, header: &str, at: UnixMs) -> Option<&'k VerifyingKey> {
    let key = keys.find(at, |key| key.verifying_key().header_segment() == header);
    key.map(SigningKey::verifying_key)
}
