//! The schemes that keep something beside a token, with the operations of two
//! nodes put in an order by hand.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod caches;
mod denylist;
mod epoch;
mod gated;
mod refresh;
mod support;
