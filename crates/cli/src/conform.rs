//! Conformance runs: which target, which checks, and what becomes of what they
//! find.

pub(crate) mod baseline;
pub(crate) mod choice;
pub(crate) mod doctor;
pub(crate) mod expectation;
pub(crate) mod init;
pub(crate) mod listing;
pub(crate) mod ours;
pub(crate) mod output;
pub(crate) mod progress;
pub(crate) mod subject;
pub(crate) mod vectors;
pub(crate) mod verifiers;
