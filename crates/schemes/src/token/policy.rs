//! What a token must say to be meant for us, whatever its format.

use authbench_core::{Identity, Refusal, UnixMs};

use super::Opened;
use super::claims::{ClaimTime, Claims};
use super::terms::check_times;

/// What a token proves, with the instants that it says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verified {
    /// Who, with which roles, by which login, until when.
    pub identity: Identity,
    /// When the token was made, to the second (RFC 7519 4.1.6).
    pub issued_at: UnixMs,
    /// From when it is good: the later of `nbf` and `iat` (RFC 7519 4.1.5).
    pub not_before: UnixMs,
    /// What the token was stamped with, if it was.
    pub stamp: Option<u64>,
}

impl From<Verified> for Opened {
    fn from(verified: Verified) -> Self {
        Self {
            identity: verified.identity,
            stamp: verified.stamp,
        }
    }
}

/// What a token must say, apart from its key.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// The only issuer that is believed, compared exactly (RFC 8725 3.8).
    pub(crate) issuer: String,
    /// Who we are (RFC 8725 3.9).
    pub(crate) audience: String,
    /// Milliseconds by which `nbf` and `iat` may lie in the future. Never
    /// lengthens a life.
    pub(crate) skew_ms: u64,
}

impl Policy {
    /// What claims prove at some time or other.
    pub(crate) fn check_claims<T: ClaimTime>(
        &self,
        claims: Claims<'_, T>,
    ) -> Result<Verified, Refusal> {
        if claims.iss != self.issuer {
            return Err(Refusal::WrongIssuer);
        }
        if !claims.aud.contains(&self.audience) {
            return Err(Refusal::WrongAudience);
        }
        // A token for nobody proves nothing (RFC 8725 3.8).
        if claims.sub.as_str().is_empty() {
            return Err(Refusal::BadClaims);
        }
        let jti = claims.jti.parse().map_err(|_| Refusal::BadClaims)?;
        let login = match claims.sid {
            None => jti,
            Some(sid) => sid.parse().map_err(|_| Refusal::BadClaims)?,
        };
        let instant = |time: &T| time.instant().ok_or(Refusal::BadClaims);
        let issued_at = instant(&claims.iat)?;
        let begins = claims.nbf.as_ref().map(instant).transpose()?;
        let expires_at = instant(&claims.exp)?;
        let identity = Identity {
            subject: claims.sub,
            roles: claims.roles,
            login,
            expires_at,
        };
        Ok(Verified {
            identity,
            issued_at,
            not_before: begins.map_or(issued_at, |begins| begins.max(issued_at)),
            stamp: claims.stamp,
        })
    }

    /// Judges what was proved at `at`.
    pub(crate) fn in_time(&self, verified: Verified, at: UnixMs) -> Result<Verified, Refusal> {
        let expires_at = verified.identity.expires_at;
        check_times(verified.not_before, expires_at, at, self.skew_ms)?;
        Ok(verified)
    }
}

/// Judges the end alone, as [`super::TokenFormat::open_early`] does.
pub(crate) fn not_over(verified: Verified, at: UnixMs) -> Result<Opened, Refusal> {
    check_times(UnixMs(0), verified.identity.expires_at, at, 0)?;
    Ok(verified.into())
}
