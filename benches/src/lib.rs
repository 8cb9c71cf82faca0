//! Shared pieces of the benches: which strategies there are to measure, logins
//! for them, measuring in turns, and figures for `authbench bench`.

pub mod cases;
pub mod closed_loop;
pub mod crowd;
pub mod exact;
pub mod figures;
pub mod fixed;
pub mod fresh;
pub mod ground;
pub mod logins;
pub mod options;
pub mod programs;
pub mod turns;
