//! One conformance report as people and their tools read it: on a terminal, as
//! Markdown, as JUnit XML for test runners, as SARIF 2.1.0 for code scanning,
//! and as a page of HTML.
//!
//! All are made of the [`ConformanceReport`] alone, and show the worst first.
//! Every text in it comes from a stranger's server: each form escapes it, and
//! what is written to a terminal holds no control character.
//!
//! [`ConformanceReport`]: authbench_results::ConformanceReport

mod junit;
mod markdown;
mod page;
mod sarif;
mod standing;
mod text;
mod words;

pub use junit::{Open, junit};
pub use markdown::markdown;
pub use page::page;
pub use sarif::sarif;
pub use standing::{Standing, Totals, worst_first};
pub use text::{TextOptions, text};
