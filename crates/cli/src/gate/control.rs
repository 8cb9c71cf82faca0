//! The frozen control workload of a comparison: a process of this program, on
//! the server's core.

use anyhow::{Context as _, Result};
use authbench_lab::control::{Control as Workload, ControlCount};
use authbench_lab::{Placement, ServerCommand, cpu};

/// The control workload, running.
pub(crate) struct Control(Workload);

impl Control {
    /// Starts it.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn start(placement: &Placement) -> Result<Self> {
        let own = std::env::current_exe().context("this program does not know its file")?;
        let command = ServerCommand::new(own)
            .args(["control"])
            .cores(placement.pin_server());
        Ok(Self(Workload::start(&command)?))
    }

    /// What it has done so far; `None` if that cannot be read.
    pub(crate) fn count(&self) -> Option<ControlCount> {
        self.0.count().ok()
    }

    /// An error when it has ended, or cannot be read.
    pub(crate) fn check(&self) -> Result<()> {
        cpu::process_cpu_ns(self.0.pid())
            .and_then(|_| self.0.count())
            .context("the control workload is gone; start the comparison again")?;
        Ok(())
    }
}
