//! Black-box conformance checks: what any server that remembers who its
//! callers are must, and must not, do.

pub mod hooks;
