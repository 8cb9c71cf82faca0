//! Everything that keeps a request from its answer, how it is logged and what
//! the client sees of it. Logs name the cause; the client learns only the kind
//! (ASVS 5.0 16.5.1), and never sees a secret; nor do the logs (16.2.5).

use std::error::Error;

use authbench_core::{Refusal, StrategyError};
use authbench_wire::{CsrfRefusal, DeliveryError, Route};
use axum::response::Response;
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use tracing::{debug, error};

use crate::accounts::PasswordError;
use crate::answer;
use crate::keys::KeySetError;
use crate::next::NextError;

/// Goes with every 503 (RFC 9110 10.2.3): a client that its user waits for asks
/// again soon.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("1");

/// Why a request does not get what it asked for.
#[derive(Debug)]
pub(crate) enum Denial {
    /// The credential proves nothing.
    Credential(Refusal),
    /// Name or password is wrong, or the account is barred.
    Password,
    /// No proof that the site's own pages sent an unsafe request.
    CrossSite,
    /// A valid identity without the right.
    NotAllowed,
    /// The right password, but the account has as many logins as it may have
    /// (ASVS 5.0 7.1.2).
    TooManyLogins,
    /// Nothing by that name.
    NotFound,
    /// The request cannot be understood; the title says what it lacks.
    BadRequest(&'static str),
    /// The body is not declared as `application/json`.
    MediaType,
    /// The body is larger than the bound.
    TooLarge,
    /// The body did not come in time.
    TooSlow,
    /// The strategy gave no judgement: nobody is accepted (ASVS 5.0 16.5.3).
    Outage(StrategyError),
    /// Others keep changing the same thing.
    Contended,
    /// The credential does not fit its transport.
    Undeliverable(DeliveryError),
    /// A password could not be hashed.
    Hashing(PasswordError),
    /// What stands for the public keys is not to be published.
    KeySet(KeySetError),
    /// The signing key could not be changed.
    KeyRotation(Box<dyn Error + Send + Sync>),
    /// A service further down the chain refuses the credential.
    RefusedBehind,
    /// A service further down the chain gave no judgement.
    Behind(NextError),
    /// There is no store that could be broken.
    NoStore,
    /// The store could not be broken, slowed, looked into or emptied.
    StoreSwitch(Box<dyn Error + Send + Sync>),
    /// The signing key could not be read.
    SigningKey(Box<dyn Error + Send + Sync>),
    /// An answer could not be written as JSON.
    Encoding(serde_json::Error),
}

impl Denial {
    /// The answer to the client; `challenge` goes with every 401
    /// (RFC 9110 15.5.2).
    pub(crate) fn answer(&self, challenge: &HeaderValue) -> Response {
        let status = self.status();
        let title = match self {
            Self::BadRequest(title) => title,
            Self::TooManyLogins => "Too many sessions",
            Self::NoStore => "This strategy has no store",
            Self::Undeliverable(
                DeliveryError::TooLarge { .. } | DeliveryError::TooManyChunks { .. },
            ) => "The credential is too large for its cookies",
            _ => status.canonical_reason().unwrap_or("Error"),
        };
        let mut response = answer::problem(status, title);
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, challenge.clone());
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_S);
        }
        response
    }

    /// Writes the cause to the log: outages as errors, the rest, which anybody
    /// can provoke at will, only at debug level.
    pub(crate) fn log(&self, route: Route) {
        let (route, status) = (route.path(), self.status().as_u16());
        let cause: &(dyn Error + 'static) = match self {
            Self::Outage(cause) => cause,
            Self::Undeliverable(cause) => cause,
            Self::Hashing(cause) => cause,
            Self::KeySet(cause) => cause,
            Self::KeyRotation(cause) | Self::SigningKey(cause) | Self::StoreSwitch(cause) => {
                &**cause
            }
            Self::Behind(cause) => cause,
            Self::Encoding(cause) => cause,
            refused => {
                debug!(route, status, refusal = refused.label(), "refused");
                return;
            }
        };
        error!(route, status, error = cause, "failed");
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::Credential(_) | Self::Password | Self::RefusedBehind => StatusCode::UNAUTHORIZED,
            Self::CrossSite | Self::NotAllowed => StatusCode::FORBIDDEN,
            Self::TooManyLogins | Self::NoStore => StatusCode::CONFLICT,
            Self::Behind(_) => StatusCode::BAD_GATEWAY,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Outage(_) | Self::Contended => StatusCode::SERVICE_UNAVAILABLE,
            Self::Undeliverable(_)
            | Self::Hashing(_)
            | Self::KeySet(_)
            | Self::KeyRotation(_)
            | Self::SigningKey(_)
            | Self::StoreSwitch(_)
            | Self::Encoding(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    const fn label(&self) -> &'static str {
        match self {
            Self::Credential(refusal) => refusal.label(),
            Self::Password => "wrong-password",
            Self::CrossSite => "no-proof-of-origin",
            Self::NotAllowed => "not-allowed",
            Self::TooManyLogins => "too-many-logins",
            Self::NotFound => "not-found",
            Self::BadRequest(title) => title,
            Self::MediaType => "media-type",
            Self::TooLarge => "too-large",
            Self::TooSlow => "too-slow",
            Self::Outage(_) => "outage",
            Self::Contended => "contended",
            Self::Undeliverable(_) => "undeliverable",
            Self::Hashing(_) => "hashing",
            Self::KeySet(_) => "key-set",
            Self::KeyRotation(_) => "key-rotation",
            Self::RefusedBehind => "refused-behind",
            Self::Behind(_) => "behind",
            Self::NoStore => "no-store",
            Self::SigningKey(_) => "signing-key",
            Self::StoreSwitch(_) => "store-switch",
            Self::Encoding(_) => "encoding",
        }
    }
}

impl From<CsrfRefusal> for Denial {
    fn from(_: CsrfRefusal) -> Self {
        Self::CrossSite
    }
}

impl From<StrategyError> for Denial {
    fn from(cause: StrategyError) -> Self {
        Self::Outage(cause)
    }
}

impl From<DeliveryError> for Denial {
    fn from(cause: DeliveryError) -> Self {
        Self::Undeliverable(cause)
    }
}

impl From<KeySetError> for Denial {
    fn from(cause: KeySetError) -> Self {
        Self::KeySet(cause)
    }
}

impl From<PasswordError> for Denial {
    fn from(cause: PasswordError) -> Self {
        Self::Hashing(cause)
    }
}

impl From<NextError> for Denial {
    fn from(cause: NextError) -> Self {
        Self::Behind(cause)
    }
}

impl From<serde_json::Error> for Denial {
    fn from(cause: serde_json::Error) -> Self {
        Self::Encoding(cause)
    }
}
