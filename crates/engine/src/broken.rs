//! Why an exchange has no answer.

use std::io;

use crate::http1::Malformed;

/// Why an exchange has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Broken {
    /// The connection broke or could not carry the request.
    #[error("the connection broke")]
    Connection(#[source] io::Error),
    /// The peer closed the connection before it answered, or within the answer.
    #[error("the connection was closed before the answer was whole")]
    Closed,
    /// What came is no answer.
    #[error("the answer cannot be read")]
    Malformed(#[source] Malformed),
}
