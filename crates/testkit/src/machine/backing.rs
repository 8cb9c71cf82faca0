//! What the machine needs from whoever owns a strategy.

use std::error::Error;
use std::sync::Arc;

use authbench_core::DynStrategy;

/// Why a node could not be made.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// How a cut store behaves.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Fault {
    /// The operation does not happen, and its answer is an error.
    Refuse,
    /// The operation happens, and its answer is an error.
    LoseAnswer,
}

/// State that outlives the nodes that serve it.
pub trait Backing: Send + Sync {
    /// A fresh node over the state: what a restart, or a second replica, has.
    ///
    /// # Errors
    /// Whatever kept the node from starting; it ends the campaign.
    fn node(&self) -> impl Future<Output = Result<Arc<dyn DynStrategy>, BoxError>> + Send;

    /// Whether [`Backing::cut`] does anything. Where it does not, the machine
    /// leaves outages out and [`Law::Outage`](super::Law::Outage) stays
    /// unwitnessed.
    fn can_be_cut(&self) -> bool;

    /// Cuts the store off from every node, or mends it (`None`).
    fn cut(&self, fault: Option<Fault>);
}
