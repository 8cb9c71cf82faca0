//! Black-box conformance checks: what any server that remembers who its
//! callers are must, and must not, do.
//!
//! A [`Target`] is a server that a profile describes, with the doors ([`hooks`])
//! that only its makers have. [`run`] logs in to it and makes the checks of the
//! [`catalogue`]. The rules of every verdict:
//!
//! 1. There are four outcomes. What could not run is never a pass.
//! 2. Around each rejection stand a positive control (an untouched credential
//!    is accepted by the same request just before and just after) and a
//!    negative one (a credential that was never valid is refused).
//! 3. "Accepted" is read from the identity echo of `whoami`, never from a
//!    status.
//! 4. The credential under test is the only one in the request.
//! 5. Policy numbers come from the profile; without its number a check measures
//!    and leaves the verdict open.

pub mod answer;
pub mod ask;
pub mod check;
mod checks;
pub mod client;
pub mod hooks;
pub mod jar;
pub mod jose;
pub mod listener;
pub mod login;
mod mask;
pub mod options;
mod probe;
pub mod race;
mod runner;
pub mod shell;
pub mod stat;
pub mod stop;
pub mod target;
pub mod trial;
pub mod vectors;
pub mod verifier;

pub use check::{Check, Cost, Eye};
pub use checks::catalogue;
pub use options::Options;
pub use probe::Probe;
pub use runner::{Planned, Progress, RunError, plan, run};
pub use shell::ShellHooks;
pub use stop::Stop;
pub use target::{Target, TargetError, TargetOptions};
pub use trial::Trial;
