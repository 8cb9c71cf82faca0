//! What can go wrong between the two ends.

use std::error::Error;
use std::io;

/// An authorization server could not be started, or its client not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// No loopback port could be had.
    #[error("no loopback port for the authorization server")]
    Bind(#[source] io::Error),
    /// The HTTP client could not be made.
    #[error("no HTTP client")]
    Client(#[source] reqwest::Error),
    /// Tokens would travel in the clear (RFC 7662 4 demands TLS).
    #[error("`{url}` is neither https nor this machine")]
    InTheClear {
        /// What was given.
        url: String,
    },
    /// Nothing runs futures here.
    #[error("an authorization server needs a tokio runtime")]
    NoRuntime(#[source] tokio::runtime::TryCurrentError),
    /// The secret cannot stand in a header.
    #[error("the caller's secret has characters that no header can hold")]
    Secret(#[source] http::header::InvalidHeaderValue),
    /// The address is no URL.
    #[error("`{url}` is not the URL of a server")]
    Url {
        /// What was given.
        url: String,
        /// Why it is none.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
}

/// Why an authorization server gave no judgement. Stands as the source of
/// `StrategyError::Remote`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// No connection, or it broke, or there was no answer in time.
    #[error("no answer")]
    Http(#[source] reqwest::Error),
    /// The answer is not what it should be.
    #[error("the answer makes no sense")]
    Malformed(#[source] Box<dyn Error + Send + Sync>),
    /// The answer is no JSON object.
    #[error("the answer is no JSON object")]
    NotAnObject,
    /// The answer has another status.
    #[error("the answer has status {status}")]
    Status {
        /// Which.
        status: u16,
    },
    /// The answer is longer than any answer may be.
    #[error("the answer is too long")]
    TooLong,
}
