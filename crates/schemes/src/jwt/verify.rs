//! From the text of a token to the login that it proves.

use authbench_core::{Identity, Refusal, UnixMs};

use super::claims::Claims;
use super::compact::{self, Compact, MAX_SIGNATURE_OCTETS, SignatureForm};
use super::verifying_key::VerifyingKey;
use crate::token::terms::check_times;

/// What a token proves.
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

/// What a token must say to be meant for us, apart from its key.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    /// The only issuer that is believed, compared exactly (RFC 8725 3.8).
    pub(super) issuer: String,
    /// Who we are (RFC 8725 3.9).
    pub(super) audience: String,
    /// Milliseconds by which `nbf` and `iat` may lie in the future. Never
    /// lengthens a life.
    pub(super) skew_ms: u64,
}

impl Policy {
    /// Judges `text` at `at`; see [`Policy::open`].
    pub(super) fn judge<'k>(
        &self,
        text: &str,
        at: UnixMs,
        find: impl FnOnce(&str) -> Option<&'k VerifyingKey>,
    ) -> Result<Verified, Refusal> {
        let verified = self.open(text, find)?;
        let expires_at = verified.identity.expires_at;
        check_times(verified.not_before, expires_at, at, self.skew_ms)?;
        Ok(verified)
    }

    /// What `text` proves at some time or other.
    ///
    /// `find` gives the key whose whole header segment is the token's, octet
    /// by octet. So the token chooses among the keys we hold and has no other
    /// say: algorithm, type, `crit`, embedded and linked keys (`jwk`, `x5c`,
    /// `jku`, `x5u`) stand or fall with the comparison, before any
    /// cryptography (RFC 8725 3.1, 3.10, 3.11; ASVS 5.0 9.1.2, 9.1.3).
    pub(super) fn open<'k>(
        &self,
        text: &str,
        find: impl FnOnce(&str) -> Option<&'k VerifyingKey>,
    ) -> Result<Verified, Refusal> {
        let token = Compact::cut(text).ok_or(Refusal::Malformed)?;
        let key = find(token.header).ok_or(Refusal::WrongKind)?;
        check_signature(&token, key)?;
        let payload = compact::decode(token.payload).ok_or(Refusal::Malformed)?;
        let claims = Claims::read(&payload).ok_or(Refusal::BadClaims)?;
        self.check_claims(claims)
    }

    fn check_claims(&self, claims: Claims<'_>) -> Result<Verified, Refusal> {
        if claims.iss != self.issuer {
            return Err(Refusal::WrongIssuer);
        }
        if !claims.aud.contains(&self.audience) {
            return Err(Refusal::WrongAudience);
        }
        let jti = claims.jti.parse().map_err(|_| Refusal::BadClaims)?;
        let login = match claims.sid {
            None => jti,
            Some(sid) => sid.parse().map_err(|_| Refusal::BadClaims)?,
        };
        let issued_at = instant(claims.iat)?;
        let not_before = instant(claims.nbf.unwrap_or_default())?.max(issued_at);
        let expires_at = instant(claims.exp)?;
        let identity = Identity {
            subject: claims.sub,
            roles: claims.roles,
            login,
            expires_at,
        };
        Ok(Verified {
            identity,
            issued_at,
            not_before,
            stamp: claims.stamp,
        })
    }
}

/// The instant of a claim in whole seconds, if milliseconds can hold it.
fn instant(seconds: u64) -> Result<UnixMs, Refusal> {
    seconds
        .checked_mul(1000)
        .map(UnixMs)
        .ok_or(Refusal::BadClaims)
}

fn check_signature(token: &Compact<'_>, key: &VerifyingKey) -> Result<(), Refusal> {
    let mut buffer = [0; MAX_SIGNATURE_OCTETS];
    let signature = compact::decode_signature(token.signature, key.signature_octets(), &mut buffer)
        .map_err(|form| match form {
            SignatureForm::NotBase64Url => Refusal::Malformed,
            SignatureForm::WrongLength => Refusal::BadSignature,
        })?;
    if key.accepts(token.signed.as_bytes(), signature) {
        Ok(())
    } else {
        Err(Refusal::BadSignature)
    }
}
