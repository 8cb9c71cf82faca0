//! The bench on which a measurement stands: child processes that cannot outlive it, store servers
//! of its own, cores that server and driver do not share, and what the operating system knows of
//! a process.
//!
//! Linux only: processor clocks, affinity and `/proc` are its own.

pub mod control;
pub mod cores;
pub mod cpu;
pub mod memory;
mod output;
mod port;
mod process;
pub mod proxy;
pub mod services;
pub mod timer;

pub use cores::{CoreSet, Placement};
pub use port::free_port;
pub use process::{ServerCommand, ServerProcess, StartError};
