//! What the machine needs from whoever owns a strategy.

use std::error::Error;
use std::sync::Arc;

use authbench_core::{AccountState, DynStrategy, SubjectId, UnixMs};

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

/// State that outlives the nodes that serve it. What has a default below is
/// left out of the histories where the default stays, and the law that needs
/// it then has nothing to show.
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

    /// It is `at` now, and will not be earlier again: for clocks that caches
    /// and stores have of their own. Called before the first step and after
    /// every step in time.
    fn advance(&self, at: UnixMs) {
        let _ = at;
    }

    /// Gives the nodes a new signing key at `at`; what was signed before must
    /// stay good. Says whether there are keys to change.
    fn rotate_keys(&self, at: UnixMs) -> impl Future<Output = bool> + Send {
        let _ = at;
        async { false }
    }

    /// Crashes the store, so that it loses what the declared durability allows
    /// (all of it, if that is nothing), and brings it back. Nodes from before
    /// are given up. Says whether it did; a strategy without a store has
    /// nothing to lose, and may say so at once. Where it cannot,
    /// [`Law::Durability`](super::Law::Durability) stays unwitnessed.
    fn crash_store(&self) -> impl Future<Output = bool> + Send {
        async { false }
    }

    /// The directory that strategies ask on refresh answers `account` for
    /// `subject` from now on. Says whether there is one. Called for every
    /// subject before the first step.
    fn set_account(&self, subject: &SubjectId, account: &AccountState) -> bool {
        let _ = (subject, account);
        false
    }
}
