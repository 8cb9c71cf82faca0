//! A server that is slowed down on purpose, for those who look for slow-downs.

use anyhow::{Context as _, Result};
use authbench_lab::cpu::thread_cpu_ns;
use authbench_server::{Burn, BurntOperation};

/// How much of what is burnt.
#[derive(clap::Args)]
pub(super) struct Options {
    /// Slow the server down on purpose: this much processor time is burnt
    /// before each request, lab routes and `/healthz` apart.
    #[arg(long, requires = "lab", value_name = "NS",
          value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    lab_burn_ns: Option<u64>,
    /// Burn it before these requests only: authenticate (all that must show a
    /// credential), read, mutate, login, refresh, logout, logout-all or
    /// role-change.
    #[arg(long, requires = "lab_burn_ns", value_name = "NAME")]
    lab_burn_operation: Option<BurntOperation>,
}

impl Options {
    /// What to burn, if anything; says so on standard error.
    pub(super) fn calibrated(&self) -> Result<Option<Burn>> {
        let Some(burn_ns) = self.lab_burn_ns else {
            return Ok(None);
        };
        let on = self.lab_burn_operation.unwrap_or_default();
        let burn = Burn::calibrated(on, burn_ns, thread_cpu_ns)
            .context("the server cannot be slowed down")?;
        let warning = format!(
            "warning: this server is SLOWED DOWN ON PURPOSE: {burn_ns} ns of processor time are \
             burnt before each request (operation: {on})"
        );
        eprintln!("{}", crate::term::paint_error(&warning));
        Ok(Some(burn))
    }
}
