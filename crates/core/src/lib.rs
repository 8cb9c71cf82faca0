//! What an authentication strategy is, what it promises, and the oracle that
//! judges it.
//!
//! This crate knows no socket, runtime, database or wire format. Everything
//! that would make two runs differ (the time, randomness) is passed in; the
//! two doors to the outside, the system clock and the operating system's
//! random generator, stand in [`system`] and nowhere else in the project.

pub mod account;
pub mod credentials;
pub mod decision;
pub mod dyn_store;
pub mod entropy;
pub mod error;
pub mod guarantee;
pub mod ids;
pub mod oracle;
pub mod store;
pub mod strategy;
pub mod subject;
pub mod system;
pub mod time;

pub use account::{AccountDirectory, AccountState};
pub use credentials::{Credentials, Presented, Secret};
pub use decision::{Decision, Identity, Issued, Refreshed, Refusal};
pub use dyn_store::AnyStore;
pub use entropy::{Entropy, EntropyError, SeededEntropy};
pub use error::{StoreError, StoreFault, StrategyError};
pub use guarantee::{
    Durability, Guarantees, IdlePromise, LimitPolicy, Listing, LoginLimit, OutageBehaviour,
    RefreshOffer, Staleness,
};
pub use ids::{Digest, LoginId};
pub use oracle::Ledger;
pub use store::{
    Inserted, PAYLOAD_OCTETS_MAX, Record, RecordStore, Rotated, StorePromises, Swapped, Touch,
};
pub use strategy::{AuthStrategy, DynStrategy, LoginInfo, Logins, Receipt, Scope};
pub use subject::{Roles, Subject, SubjectId};
pub use time::{Clock, ManualClock, SteppedClock, UnixMs};
