//! Every transport against a scripted server on raw TCP and under TLS, and
//! against a real one: the same behaviour from all.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod answers;
mod breaks;
mod real;
mod secure;
mod server;
mod sockets;
