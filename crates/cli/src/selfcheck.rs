//! Whether the driver tells the truth on this machine.
//!
//! Three questions: does a server that stalls show in the response times as
//! long as users would have waited; does a second engine, made by others, see
//! the same of the same load; and is the driver punctual here. The first two
//! are about the program and decide; the third is about the machine and is
//! told.

mod engines;
mod punctual;
mod stalls;

use std::sync::atomic::AtomicBool;

use anyhow::{Result, bail};
use authbench_engine::EngineKind;
use authbench_lab::Placement;
use authbench_load::{LoginPlan, SaturationPlan};
use authbench_wire::profile::Users;
use serde::Serialize;

use crate::run::served::{Grounds, Served, Setting};
use crate::services::Services;

/// The strategy that is served: the fastest, so that the driver is what is
/// seen.
const STRATEGY: &str = "session.memory.bearer";
/// Virtual users: many beside what is under way at a time.
const USERS: u32 = 2_000;
const CONNECTIONS: u32 = 64;
/// Longer than any stall, and than what it leaves behind.
const TIMEOUT_MS: u64 = 10_000;

/// One question and its answer.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    /// What was asked, in a few words.
    pub(crate) check: String,
    /// What was found, in a sentence.
    pub(crate) found: String,
    /// Whether it is as it must be.
    pub(crate) holds: bool,
    /// Whether a failure is the program's, or may be the machine's.
    pub(crate) decides: bool,
}

/// How long each part lasts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lengths {
    /// Seconds of load with stalls, for each rate.
    pub(crate) stalls_s: u64,
    /// Seconds of load without, for each rate.
    pub(crate) quiet_s: u64,
}

/// Asks all questions; `tell` is given each answer as it comes.
///
/// # Errors
/// When the server could not be started or put under load.
pub(crate) fn run(
    placement: &Placement,
    engine: EngineKind,
    lengths: Lengths,
    stop: &AtomicBool,
    tell: &mut dyn FnMut(&Finding),
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut note = |finding: Finding| {
        tell(&finding);
        findings.push(finding);
    };
    for rate_per_s in [5_000, 20_000] {
        let mut bench = Bench::start(placement, engine)?;
        note(stalls::check(
            &mut bench,
            rate_per_s,
            lengths.stalls_s,
            stop,
        )?);
    }
    note(engines::check(placement, engine, stop)?);
    for finding in punctual::check(placement, engine, lengths.quiet_s, stop)? {
        note(finding);
    }
    Ok(findings)
}

/// One login for each virtual user.
fn logins(users: &Users) -> LoginPlan<'_> {
    LoginPlan {
        users,
        numbers: 0..USERS,
        connections: CONNECTIONS,
        devices: 1,
        keep: true,
        timeout_ms: TIMEOUT_MS,
    }
}

/// A server with a driver and logged-in users before it.
struct Bench<'p> {
    placement: &'p Placement,
    served: Served,
}

impl<'p> Bench<'p> {
    fn start(placement: &'p Placement, engine: EngineKind) -> Result<Self> {
        Self::start_with(placement, engine, false)
    }

    fn start_with(
        placement: &'p Placement,
        engine: EngineKind,
        never_sleeps: bool,
    ) -> Result<Self> {
        let recipe = authbench_catalog::find(STRATEGY)?;
        let services = Services::obtain([&recipe]);
        let grounds = Grounds {
            placement,
            services: &services,
            engine,
            threads: Some(1),
        };
        let mut served = Served::start(&(&recipe).into(), Setting::plain(USERS, 1), &grounds)?;
        served.driver.set_never_sleeps(never_sleeps);
        let mut bench = Self { placement, served };
        bench.log_in()?;
        Ok(bench)
    }

    fn log_in(&mut self) -> Result<()> {
        let users = self.served.profile.users.clone();
        let plan = logins(&users);
        self.served.driver.log_in(&plan, &AtomicBool::new(false))?;
        Ok(())
    }

    /// Answers per second of a server that is never without work.
    fn capacity_per_s(&mut self, stop: &AtomicBool) -> Result<f64> {
        let plan = SaturationPlan {
            connections: CONNECTIONS,
            warmup_ms: 200,
            measure_ms: 1_000,
            timeout_ms: TIMEOUT_MS,
            seed: 1,
        };
        let seen = self.served.driver.saturate(&plan, &mut (), stop)?;
        if seen.completed == 0 {
            bail!("stopped before anything was measured");
        }
        Ok(seen.completed as f64 * 1e9 / seen.duration_ns as f64)
    }
}
