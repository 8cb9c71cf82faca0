//! Comparing and judging: two programs side by side, interleaved.

pub(crate) mod arm;
pub(crate) mod build;
pub(crate) mod compare;
pub(crate) mod control;
pub(crate) mod counted;
pub(crate) mod interleave;
pub(crate) mod judgement;
pub(crate) mod lineup;
pub(crate) mod order;
pub(crate) mod outputs;
pub(crate) mod pilot;
pub(crate) mod progress;
pub(crate) mod qualify;
pub(crate) mod rounds;
pub(crate) mod settings;
pub(crate) mod side;
pub(crate) mod stage;
