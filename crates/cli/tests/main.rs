//! The command as a user meets it: as a process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod conform;
mod conform_ours;
mod errors;
mod gate;
mod history;
mod interleave;
mod k6;
mod run;
mod serve;
mod shards;
mod strangers;
mod support;
mod validate;
mod verdicts;
