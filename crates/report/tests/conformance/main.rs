//! The forms of a conformance report: complete, in the right order, and safe
//! whatever a stranger's server answered.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod fixture;
#[path = "../markup/mod.rs"]
mod markup;

mod machines;
mod people;
