//! PASETO version 4, signed (`v4.public`) or encrypted (`v4.local`), by the
//! crate `pasetors`: the claims of our JWTs in a token that names neither an
//! algorithm nor a type, so nobody can be talked into another one.
//!
//! The crate's own checks of claims read the system's clock, so they are left
//! aside: claims and instants are judged here, as in a JWT. The nonce of a
//! local token comes from the operating system, for the crate takes no other;
//! no two such tokens are equal, whatever the entropy of a run.

mod keys;
mod settings;
#[cfg(test)]
mod tests;
mod time;

use std::sync::Arc;

use authbench_core::{LoginId, Refusal, Secret, StrategyError, UnixMs};

pub use keys::{KIND, Key, Purpose};
pub use settings::Settings;

use crate::keyring::KeyRing;
use crate::stateless::Stateless;
use crate::token::claims::{Claims, Issued};
pub use crate::token::keys::KeyError;
use crate::token::policy::{Policy, not_over};
pub use crate::token::terms::SettingsError;
use crate::token::{MAX_TOKEN_OCTETS, NewToken, Opened, Sealed, TokenFormat, TooLong, Verified};
use time::DateTime;

/// PASETOs that stand by themselves.
pub type Paseto<E> = Stateless<PasetoFormat, E>;

/// The format: settings and keys.
#[derive(Debug)]
pub struct PasetoFormat {
    settings: Settings,
    ring: Arc<KeyRing<Key>>,
    policy: Policy,
}

impl PasetoFormat {
    /// A format whose tokens are made with the keys of `ring`. Replicas share a
    /// ring: give each an `Arc` of it. One [`Key`] makes a ring that does not
    /// change.
    ///
    /// # Errors
    /// [`SettingsError`] when a setting is out of range, or the ring is of
    /// another purpose or for other settings.
    pub fn new(
        settings: Settings,
        ring: impl Into<Arc<KeyRing<Key>>>,
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
    pub const fn ring(&self) -> &Arc<KeyRing<Key>> {
        &self.ring
    }

    /// What `text` proves at `at`, with the instants that it says.
    ///
    /// # Errors
    /// Why it proves nothing.
    pub fn verify(&self, text: &str, at: UnixMs) -> Result<Verified, Refusal> {
        self.policy.in_time(self.proved(text, at)?, at)
    }

    /// What `text` proves at some time or other, by a key that is good at `at`.
    /// As with a JWT's header the whole footer, which names the key, is
    /// compared as text: the token has no other say in how it is judged.
    fn proved(&self, text: &str, at: UnixMs) -> Result<Verified, Refusal> {
        let footer = footer_of(text, self.settings.purpose)?;
        let keys = self.ring.keys();
        let key = keys.find(at, |key| key.footer_segment() == footer);
        let key = key.ok_or(Refusal::WrongKind)?;
        let opened = key.open(text);
        let opened = opened.map_err(|error| keys::refusal(&error))?;
        let claims = Claims::<DateTime>::read_text(opened.payload()).ok_or(Refusal::BadClaims)?;
        self.policy.check_claims(claims)
    }
}

impl TokenFormat for PasetoFormat {
    fn label(&self) -> &'static str {
        "paseto"
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
            format: "paseto",
            source,
        };
        let key = self.ring.signer(at).map_err(|error| failed(error.into()))?;
        let (iat, exp) = token.life_s(at, self.settings.ttl_s);
        let claims = Issued {
            iss: &self.settings.issuer,
            sub: &token.subject.id,
            aud: &self.settings.audience,
            exp: DateTime::of_s(exp),
            iat: DateTime::of_s(iat),
            jti: token.token_id.map_or(token.login, LoginId),
            roles: &token.subject.roles,
            sid: token.token_id.map(|_| token.login),
            stamp: token.stamp,
        };
        let payload = serde_json::to_vec(&claims).map_err(|error| failed(error.into()))?;
        let text = key.seal(&payload).map_err(|error| failed(error.into()))?;
        let octets = text.len();
        if octets > MAX_TOKEN_OCTETS {
            return Err(failed(TooLong { octets }.into()));
        }
        Ok(Sealed {
            text: Secret::new(text),
            expires_at: claims.exp.0,
        })
    }

    fn open(&self, text: &str, at: UnixMs) -> Result<Opened, Refusal> {
        self.verify(text, at).map(Opened::from)
    }

    fn open_early(&self, text: &str, at: UnixMs) -> Result<Opened, Refusal> {
        not_over(self.proved(text, at)?, at)
    }

    /// The Ed25519 keys under their PASERK ids, without `alg`; none for local
    /// tokens, whose keys nobody may see.
    fn jwks(&self, at: UnixMs) -> Option<serde_json::Value> {
        if self.settings.purpose == Purpose::Local {
            return None;
        }
        let keys = self.ring.keys();
        let jwks = keys.verifying(at).filter_map(Key::jwk);
        Some(serde_json::json!({ "keys": Vec::from_iter(jwks) }))
    }
}

impl From<Key> for Arc<KeyRing<Key>> {
    fn from(key: Key) -> Self {
        Self::new(KeyRing::fixed(key))
    }
}

/// The footer of a text that has the shape of a token of `purpose`, in
/// base64url. A token has four segments; ours always have a footer.
fn footer_of(text: &str, purpose: Purpose) -> Result<&str, Refusal> {
    if text.len() > MAX_TOKEN_OCTETS || text.bytes().filter(|&octet| octet == b'.').count() > 3 {
        return Err(Refusal::Malformed);
    }
    let mut segments = text.split('.');
    let (Some(_), Some(_), Some(_)) = (segments.next(), segments.next(), segments.next()) else {
        return Err(Refusal::Malformed);
    };
    if !text.starts_with(purpose.header()) {
        return Err(Refusal::WrongKind);
    }
    segments.next().ok_or(Refusal::WrongKind)
}
