//! Tokens that say themselves who the caller is, whatever their format: JWT,
//! PASETO, Biscuit. A format seals and opens; what is remembered beside the
//! token (nothing, a denylist, an epoch, a family of refresh tokens) is the
//! business of the schemes that are generic over it.

pub(crate) mod claims;
pub mod keys;
pub(crate) mod policy;
pub mod terms;
#[cfg(test)]
pub(crate) mod tests;

pub use policy::Verified;

use authbench_core::{Identity, LoginId, Refusal, Secret, StrategyError, Subject, UnixMs};

/// Longer texts are refused unread, and never made. Twice what common servers
/// accept as a whole header section (ASVS 5.0 4.2.5).
pub const MAX_TOKEN_OCTETS: usize = 16 * 1024;

/// What a format is asked to seal.
#[derive(Clone, Copy, Debug)]
pub struct NewToken<'a> {
    /// Who logs in, with the roles that the token will say.
    pub subject: &'a Subject,
    /// The login that the token belongs to.
    pub login: LoginId,
    /// The token's own name, 128 random bits, where a login has several tokens
    /// one after the other: no two tokens share a `jti` (RFC 7519 4.1.7). None
    /// where the login has this one only; the token then goes by the login's.
    pub token_id: Option<[u8; 16]>,
    /// A number that a scheme with server-side state compares with that state;
    /// none leaves it out of the token.
    pub stamp: Option<u64>,
    /// The token expires no later than this, whatever the format's own life;
    /// none for no such bound. A token keeps whole seconds, so it may end up to
    /// a second earlier, and one that is bound to end within the second of its
    /// making is dead at birth.
    pub expires_by: Option<UnixMs>,
}

impl NewToken<'_> {
    /// The whole seconds since 1970 of the token's making at `at` and of its
    /// expiry, `ttl_s` later at most.
    pub(crate) fn life_s(&self, at: UnixMs, ttl_s: u64) -> (u64, u64) {
        let iat = at.whole_secs();
        let bound = self.expires_by.map_or(u64::MAX, UnixMs::whole_secs);
        (iat, (iat + ttl_s).min(bound))
    }
}

/// No verifier would read the token.
#[derive(Debug, thiserror::Error)]
#[error("the token has {octets} octets, more than the {MAX_TOKEN_OCTETS} that are accepted")]
pub(crate) struct TooLong {
    pub(crate) octets: usize,
}

/// A token that was made.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// Its text.
    pub text: Secret,
    /// From this instant on it is refused (RFC 7519 4.1.4).
    pub expires_at: UnixMs,
}

/// What a token proves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Opened {
    /// Who presents it.
    pub identity: Identity,
    /// The stamp that it was made with.
    pub stamp: Option<u64>,
}

/// A format of self-contained tokens with its keys.
pub trait TokenFormat: Send + Sync + 'static {
    /// The name in errors and reports, e.g. `jwt`.
    fn label(&self) -> &'static str;

    /// Milliseconds from issue to expiry, at most; at least 1.
    fn ttl_ms(&self) -> u64;

    /// Milliseconds by which the clocks of two replicas may differ.
    fn skew_ms(&self) -> u64;

    /// Makes a token at `at`.
    ///
    /// # Errors
    /// [`StrategyError::Sealing`] when the cryptography fails or the claims are
    /// too large for a token.
    fn seal(&self, token: &NewToken<'_>, at: UnixMs) -> Result<Sealed, StrategyError>;

    /// What `text` proves at `at`: made by a key that we trust at this instant,
    /// of this kind, for us, not expired, not before its time.
    ///
    /// # Errors
    /// Why it proves nothing.
    fn open(&self, text: &str, at: UnixMs) -> Result<Opened, Refusal>;

    /// What `text` proves at `at` or will prove later: as [`TokenFormat::open`],
    /// but a token before its time is read, too. For revocations only: what a
    /// replica made whose clock runs ahead must be ended as well.
    ///
    /// # Errors
    /// Why it proves nothing and never will.
    fn open_early(&self, text: &str, at: UnixMs) -> Result<Opened, Refusal>;

    /// The public keys as a JWK set (RFC 7517 5) at `at`; none for a format or
    /// an algorithm without public keys.
    fn jwks(&self, at: UnixMs) -> Option<serde_json::Value>;
}
