//! The stores on real servers, under what happens to real servers: several nodes at work on one
//! store, crashes, restarts, and networks that fail. Where there is no server a test fails, and
//! says what to install.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod crash;
mod faults;
mod linear;
mod nodes;
mod place;
