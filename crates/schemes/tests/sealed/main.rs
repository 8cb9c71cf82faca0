//! Sealed cookies, with and without records in a store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod alone;
mod caches;
mod races;
mod stored;
mod support;
mod texts;
