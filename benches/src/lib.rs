//! Shared pieces of the benches: a closed-loop client for comparing servers by
//! their CPU per request.

pub mod closed_loop;
pub mod logins;
