//! Schemes: how a credential encodes and proves a login. Each is an
//! `authbench_core::AuthStrategy`; a scheme with server-side state is generic
//! over the store that keeps it.

pub mod biscuit;
mod cutoff;
pub mod denylist;
pub mod epoch;
pub mod introspection;
pub mod jwt;
pub mod keyring;
pub mod paseto;
mod records;
pub mod refresh;
pub mod sealed;
pub mod session;
pub mod stateless;
pub mod token;
