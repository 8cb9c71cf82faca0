//! An authorization server over HTTP, and the client that asks it.
//!
//! [`routes`] serves any strategy as an authorization server: tokens are
//! looked at by RFC 7662 and ended by RFC 7009; what those standards leave out
//! (issuing without a browser, lists of logins, changes of roles) has routes
//! of our own beside them, for resource servers that are trusted with them.
//! [`spawn`] runs that on a loopback port, and [`HttpAuthority`] is the other
//! end: the port that `authbench_schemes::introspection` asks.

mod bodies;
mod caller;
mod client;
mod error;
mod routes;
mod serve;

pub use caller::{CLIENT_ID, CallerSecret};
pub use client::{ClientOptions, HttpAuthority, MAX_ANSWER_OCTETS};
pub use error::{AuthorityError, Fault};
pub use routes::{AuthorityOptions, LAB_TIME_HEADER, MAX_BODY_OCTETS, routes};
pub use serve::{Running, spawn};
