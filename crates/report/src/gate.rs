//! A judged change as people and their tools read it: on a terminal, as
//! Markdown, as JUnit XML, as metrics for two well-known dashboards, as
//! annotations of a GitHub workflow, and as a page of HTML; and how well the
//! machine serves as an instrument, which every report says.
//!
//! All are made of the [`GateReport`] or the [`Qualification`] alone, and show
//! the worst first. Names in it come from command lines and files: each form
//! escapes them, and what is written to a terminal holds no control character.
//!
//! [`GateReport`]: authbench_results::GateReport
//! [`Qualification`]: authbench_results::Qualification

mod annotations;
mod bmf;
mod github_benchmark;
mod headline;
mod junit;
mod legible;
mod markdown;
mod order;
mod page;
mod qualification;
mod standing;
mod text;
mod words;

pub use annotations::annotations;
pub use bmf::bmf;
pub use github_benchmark::github_benchmark;
pub use headline::headline;
pub use junit::junit;
pub use markdown::markdown;
pub use order::worst_first;
pub use page::{page, qualification_page};
pub use qualification::qualification_text;
pub use standing::standing;
pub use text::{TextOptions, text};
