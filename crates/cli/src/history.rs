//! Histories of metrics: what enters them, where they are kept, and how they
//! are shown.

pub(crate) mod figures;
pub(crate) mod record;
pub(crate) mod series;
pub(crate) mod show;
pub(crate) mod spark;
pub(crate) mod store;
