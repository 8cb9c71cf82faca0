//! Every transport against a scripted server on raw TCP: the same behaviour
//! from all.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod answers;
mod breaks;
mod server;
mod sockets;
