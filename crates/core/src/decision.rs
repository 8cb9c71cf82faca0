//! What a strategy answers. Refusal is a value; an outage is an error.

use serde::{Deserialize, Serialize};

use crate::credentials::Credentials;
use crate::ids::LoginId;
use crate::subject::{Roles, SubjectId};
use crate::time::UnixMs;

/// The caller, as far as the credential proves it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    /// Whose login it is.
    pub subject: SubjectId,
    /// The roles as the strategy knows them; may lag by the promised
    /// staleness of role changes.
    pub roles: Roles,
    /// Which login.
    pub login: LoginId,
    /// When this credential ends.
    pub expires_at: UnixMs,
}

/// The answer to a login whose proof was good.
#[derive(Clone, Debug)]
pub enum Issued {
    /// The login runs.
    Granted(Credentials),
    /// The subject has as many logins as it may have (ASVS 5.0 7.1.2), and the
    /// policy is to keep those.
    LimitReached {
        /// How many that is.
        logins_max: u32,
    },
}

impl Issued {
    /// The credentials, if there are any.
    #[must_use]
    pub fn granted(self) -> Option<Credentials> {
        match self {
            Self::Granted(credentials) => Some(credentials),
            Self::LimitReached { .. } => None,
        }
    }
}

/// The judgement on a presented credential.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Decision {
    /// It proves this identity.
    Accepted(Identity),
    /// It proves nothing.
    Refused(Refusal),
}

impl Decision {
    /// The identity, if accepted.
    #[must_use]
    pub fn accepted(self) -> Option<Identity> {
        match self {
            Self::Accepted(identity) => Some(identity),
            Self::Refused(_) => None,
        }
    }
}

/// Why a credential was refused. For logs and tests only: towards the client
/// every cause looks alike (RFC 9110 15.5.2, ASVS 5.0 16.5.1).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Refusal {
    /// The signature does not fit (RFC 7515 5.2).
    BadSignature,
    /// A claim that must be there is not, or has the wrong type.
    BadClaims,
    /// `at >= expires_at` (RFC 7519 4.1.4).
    Expired,
    /// The text cannot be such a credential.
    Malformed,
    /// Nothing was presented.
    Missing,
    /// Not valid before a later instant (RFC 7519 4.1.5).
    NotYetValid,
    /// Ended before its time.
    Revoked,
    /// No login answers to it: never issued, or ended and forgotten.
    Unknown,
    /// Made for somebody else (RFC 7519 4.1.3).
    WrongAudience,
    /// Made by somebody else (RFC 7519 4.1.1, RFC 8725 3.8).
    WrongIssuer,
    /// A credential of another kind or algorithm (RFC 8725 3.11, 3.12).
    WrongKind,
}

impl Refusal {
    /// The name that logs and results use.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::BadSignature => "bad-signature",
            Self::BadClaims => "bad-claims",
            Self::Expired => "expired",
            Self::Malformed => "malformed",
            Self::Missing => "missing",
            Self::NotYetValid => "not-yet-valid",
            Self::Revoked => "revoked",
            Self::Unknown => "unknown",
            Self::WrongAudience => "wrong-audience",
            Self::WrongIssuer => "wrong-issuer",
            Self::WrongKind => "wrong-kind",
        }
    }
}

/// The answer to a refresh.
#[derive(Clone, Debug)]
pub enum Refreshed {
    /// New credentials in place of the old ones.
    Renewed(Credentials),
    /// The presented credentials renew nothing.
    Refused(Refusal),
    /// This strategy has no refresh: log in again.
    NotOffered,
}
