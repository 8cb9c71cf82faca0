//! Laws that every implementation of a core trait must obey.
//!
//! A law is a function that takes an implementation and looks for a breach. A
//! macro beside the laws makes one test of each, so that a crate with an
//! implementation names it once and gets all laws, later ones included.

use authbench_core::{EntropyError, StoreError};

pub mod store;

/// What came of trying to break a law.
pub type Verdict = Result<(), Broken>;

/// Why a law does not hold, or could not be tried.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Broken {
    /// The implementation did what the law forbids.
    #[error("{0}")]
    Finding(String),
    /// The store failed where it must not.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// A task of the law died: the store panicked, or the law did.
    #[error("a task died")]
    Task(#[from] tokio::task::JoinError),
    /// No randomness to make a plan from.
    #[error("no plan could be made")]
    Plan(#[from] EntropyError),
    /// No runtime to try the law in.
    #[error("no runtime could be built")]
    Runtime(#[source] std::io::Error),
}

/// A breach with this finding unless `holds`.
pub(crate) fn ensure(holds: bool, finding: impl FnOnce() -> String) -> Verdict {
    if holds {
        Ok(())
    } else {
        Err(Broken::Finding(finding()))
    }
}
