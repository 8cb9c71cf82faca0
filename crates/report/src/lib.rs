//! One result file as a person reads it: a page, a summary table, and three
//! sentences that say what the numbers mean.
//!
//! Everything is computed from the [`RunResult`] alone. The page is one HTML
//! file without script and without anything to fetch; the table is the one
//! that the command line prints.
//!
//! [`RunResult`]: authbench_results::RunResult

mod chart;
mod common;
pub mod conformance;
mod escape;
pub mod gate;
pub mod history;
mod limits;
mod page;
mod points;
mod reading;
mod sentences;
mod summary;
mod svg;
pub mod units;
mod words;

pub use limits::{faults, knees};
pub use page::page;
pub use points::{PointRow, is_varied, points};
pub use sentences::sentences;
pub use summary::{Column, Figure, Standing, SummaryRow, summary};
