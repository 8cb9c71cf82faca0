//! The server over real sockets, with a strategy made for the purpose.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

mod account;
mod bounds;
mod burn;
mod chain;
mod client;
mod contract;
mod http2;
mod lab;
mod login;
mod logs;
mod refusals;
mod renew;
mod roles;
mod shutdown;
mod site;
mod strategy;
mod tls;
