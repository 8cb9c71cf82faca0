//! The state machine: random histories on two nodes over one backing, every
//! step judged by core's [`Ledger`](authbench_core::Ledger).
//!
//! It asks two things of a strategy. **Sound**: nothing is accepted after its
//! deadline, nothing is refused before it, and every other [`Law`] holds.
//! **Tight**: where a promise allows a delay, some history makes use of it, or
//! the promise is weaker than the truth. So over a whole [`Campaign`] each law
//! comes back upheld, refuted (with the seed and the shortest history that was
//! found) or unwitnessed.
//!
//! Nothing here knows a scheme or a store: whoever has one hands it in as a
//! [`Backing`].

mod backing;
mod blame;
mod call;
mod campaign;
mod judge;
mod law;
mod listing;
mod op;
mod outcome;
mod pairs;
mod plan;
mod renewal;
mod sequences;
mod settle;
mod steps;
mod surroundings;
mod world;

pub use backing::{Backing, BoxError, Fault};
pub use campaign::{Campaign, CampaignError};
pub use law::Law;
pub use op::{Advance, Change, Mutation, Op, Pair, Sequence, Token, mutate};
pub use outcome::{Counterexample, LawSummary, Outcome, Summary, Tally, Verdict};
pub use plan::ops;

#[cfg(test)]
mod mutants;
#[cfg(test)]
mod tests;
