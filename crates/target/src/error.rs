//! What can go wrong on the way to a judgement.

use std::error::Error;

use authbench_core::{StrategyError, SubjectId};
use authbench_wire::Operation;
use authbench_wire::template::GapError;

/// A target could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The address is no URL.
    #[error("`{url}` is not a URL")]
    Url {
        /// What was given.
        url: String,
        /// Why it is none.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The address is more, or other, than scheme, host and port.
    #[error("`{url}` must be `http://` or `https://` with a host and perhaps a port, no more")]
    Shape {
        /// What was given.
        url: String,
    },
    /// The host is not this machine, and nobody said whose it is.
    #[error("`{host}` is not this machine; trying a server needs its owner's consent")]
    NotLoopback {
        /// The host.
        host: String,
    },
    /// The profile wants a token of its own with unsafe requests.
    #[error(
        "profile `{profile}` wants a CSRF token with unsafe requests, which this client cannot send"
    )]
    TokenProof {
        /// The profile's name.
        profile: String,
    },
    /// The certificate that is to be trusted cannot be read.
    #[error("the certificate that is to be trusted cannot be read")]
    Certificate(#[source] reqwest::Error),
    /// The HTTP client could not be made.
    #[error("no HTTP client")]
    Client(#[source] reqwest::Error),
}

/// Why a target gave no judgement. Stands as the source of
/// [`StrategyError::Remote`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The profile says that the target does not have the operation.
    #[error("`{profile}` does not have {}: {reason}", operation.label())]
    Absent {
        /// The profile's name.
        profile: String,
        /// What it lacks.
        operation: Operation,
        /// The reason that the profile gives.
        reason: String,
    },
    /// No user of the profile has this subject.
    #[error("the profile names no user for the subject `{subject}`")]
    NoSuchUser {
        /// Whose user was looked for.
        subject: SubjectId,
    },
    /// The profile names no administrator.
    #[error("the profile names no administrator, and only one may do this")]
    NoAdmin,
    /// The operation needs the credential of a login that was not issued here.
    #[error("this needs the credential of a login that this target did not issue")]
    NotHeld,
    /// The account has as many logins as it may have, and acting for it needs
    /// one more.
    #[error("the account has no room for the login that this needs")]
    NoRoom,
    /// No answer: no connection, a broken one, or too late.
    #[error("no answer")]
    Unanswered(#[source] reqwest::Error),
    /// A status that means neither yes nor no.
    #[error("status {status} means neither yes nor no")]
    Status {
        /// The status.
        status: u16,
    },
    /// The target said no where no is no judgement: to a login with the right
    /// password, say.
    #[error("status {status}: refused to somebody who may")]
    Denied {
        /// The status.
        status: u16,
    },
    /// The answer is larger than any that this project expects.
    #[error("the answer has more than {octets_max} octets")]
    TooLarge {
        /// The bound.
        octets_max: usize,
    },
    /// The answer is not JSON.
    #[error("the answer is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// The answer lacks what the profile promises.
    #[error("the answer has no {what} at `{pointer}`")]
    Missing {
        /// What should be there, e.g. `subject`.
        what: &'static str,
        /// The JSON pointer (RFC 6901) from the profile.
        pointer: String,
    },
    /// The login's answer sets no such cookie.
    #[error("the answer sets no cookie `{name}`")]
    NoCookie {
        /// The cookie's name.
        name: String,
    },
    /// A text that no header can carry.
    #[error("the credential cannot be sent in a header")]
    Uncarriable,
    /// The profile's request has a gap that this operation cannot fill.
    #[error(transparent)]
    Gap(#[from] GapError),
    /// The request's address is no URL once its gaps are filled.
    #[error("the request's path makes no URL")]
    Path(#[source] Box<dyn Error + Send + Sync>),
    /// The password was changed to end other logins, and could not be changed
    /// back. The target remembers the new one.
    #[error("the password of `{user}` was changed and could not be changed back")]
    PasswordLeft {
        /// Whose password.
        user: String,
        /// Why not.
        #[source]
        source: Box<Fault>,
    },
}

/// A fault and the operation in which it showed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) operation: Operation,
    pub(crate) fault: Fault,
}

impl From<Failure> for StrategyError {
    fn from(Failure { operation, fault }: Failure) -> Self {
        Self::Remote {
            operation: operation.label(),
            source: Box::new(fault),
        }
    }
}
