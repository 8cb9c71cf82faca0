//! The forms of a judged change: complete, in the right order, with the same
//! words everywhere, and safe whatever the names in it are.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod fixture;
#[path = "../markup/mod.rs"]
mod markup;

mod machines;
mod pages;
mod people;
