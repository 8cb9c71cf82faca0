//! Scenarios for other tools.

pub(crate) mod k6;
