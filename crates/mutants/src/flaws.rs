//! The flaws, one file for each group of checks.

pub(crate) mod concurrency;
pub(crate) mod cookie;
pub(crate) mod crypto;
pub(crate) mod csrf;
pub(crate) mod fault;
pub(crate) mod jwt;
pub(crate) mod limits;
pub(crate) mod privilege;
pub(crate) mod refresh;
pub(crate) mod revoke;
pub(crate) mod session;
pub(crate) mod transport;
