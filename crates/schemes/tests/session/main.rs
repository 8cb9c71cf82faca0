//! The session scheme over the memory store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod behaviour;
mod caches;
mod failures;
mod identifiers;
mod idle;
mod limits;
mod rotation;
mod support;
