//! Comparing and judging: two programs side by side, interleaved.

pub(crate) mod arm;
pub(crate) mod build;
pub(crate) mod control;
pub(crate) mod counted;
pub(crate) mod interleave;
pub(crate) mod lineup;
pub(crate) mod order;
pub(crate) mod pilot;
pub(crate) mod progress;
pub(crate) mod side;
pub(crate) mod stage;
