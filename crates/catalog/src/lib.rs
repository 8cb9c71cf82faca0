//! From a recipe (a TOML file) to a strategy with its transport.
//!
//! A recipe names one scheme, one store (where the scheme keeps state) and one
//! transport: `session.sqlite.cookie`. The three are axes; what makes no sense
//! together is refused with the reason. [`registry`] is the one table of what
//! there is.

pub mod backing;
pub mod find;
pub mod probe;
pub mod recipe;
pub mod registry;
pub mod share;

pub use backing::{Backing, BackingOptions, BuildError, Node, ServiceUrls};
pub use find::{RecipeError, available, find, shipped};
pub use probe::{Probe, ProbeError, probe};
pub use recipe::Recipe;
pub use share::{ShareError, ShareFolder};
