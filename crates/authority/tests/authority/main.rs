//! Both ends of the HTTP between a resource server and its authorization
//! server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod client;
mod faults;
mod routes;
mod strategy;
mod support;
