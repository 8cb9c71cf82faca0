//! Outages: no judgement was possible. Callers fail closed.

use std::error::Error;

use crate::entropy::EntropyError;

/// A store did not do what it was asked, or did not say whether it did.
#[derive(Debug, thiserror::Error)]
#[error("the {store} store failed to {operation}: {fault}")]
pub struct StoreError {
    /// Which store, e.g. `sqlite`.
    pub store: &'static str,
    /// What it was asked to do, e.g. `insert a record`.
    pub operation: &'static str,
    /// In which way it failed.
    pub fault: StoreFault,
    /// What the layer below said.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

/// The ways in which a store fails.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreFault {
    /// A record is there but cannot be read as one.
    #[error("a record is corrupt")]
    Corrupt,
    /// No connection, or it broke before the answer.
    #[error("not reachable")]
    Unreachable,
    /// No answer in time; the operation may yet take effect.
    #[error("no answer in time")]
    TimedOut,
    /// The store understood and said no.
    #[error("the store refused")]
    Rejected,
}

/// No judgement was possible. Never to be read as "accepted".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StrategyError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No randomness for an identifier.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// A token could not be signed or encoded.
    #[error("a {format} token could not be made")]
    Sealing {
        /// The token format, e.g. `jwt`.
        format: &'static str,
        /// What the cryptography or the encoder said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The party that decides (a server behind a target) could not be asked,
    /// or answered with something that is neither yes nor no.
    #[error("the remote party gave no judgement on {operation}")]
    Remote {
        /// What it was asked, e.g. `whoami`.
        operation: &'static str,
        /// What came back instead.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}
