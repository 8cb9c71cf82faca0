//! A running HTTP server as an authentication strategy.
//!
//! A [`Target`] speaks to a server through a
//! [`Profile`](authbench_wire::Profile) and answers as an
//! [`AuthStrategy`](authbench_core::AuthStrategy), so that whatever judges a
//! strategy in the same process can judge a stranger's server: the laws, the
//! state machine and the checks cannot tell the two apart.
//!
//! What a black box cannot show, a target does not invent. A refusal has no
//! cause ([`Refusal::Unknown`](authbench_core::Refusal::Unknown)); an answer
//! that is neither yes nor no is an error, never a refusal; the instants that
//! callers pass in move no clock of the server and date only what the server
//! itself does not date.

mod answer;
mod book;
mod carry;
mod client;
mod error;
mod password;
mod revoke;
mod strategy;
mod target;

pub use error::{Fault, TargetError};
pub use target::{Target, TargetOptions};

#[cfg(test)]
mod tests;
