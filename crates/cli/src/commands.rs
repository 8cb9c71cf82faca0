//! The commands, one file each.

pub(crate) mod bench;
pub(crate) mod compare;
pub(crate) mod conform;
pub(crate) mod control;
pub(crate) mod export;
pub(crate) mod gate;
pub(crate) mod interleave;
pub(crate) mod list;
pub(crate) mod load;
pub(crate) mod merge;
pub(crate) mod report;
pub(crate) mod results;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod selfcheck;
pub(crate) mod serve;
