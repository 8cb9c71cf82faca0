//! The driver against servers that misbehave in known ways: what the server
//! says that it did and what the driver says that it saw must agree.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod actions;
mod arrivals;
mod counts;
mod crosscheck;
mod failures;
mod http;
mod https;
mod in_process;
mod lanes;
mod reference;
mod revocation;
mod saturation;
mod server;
mod truth;
