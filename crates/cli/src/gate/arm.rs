//! One of the programs that are compared, and its server.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use authbench_load::LoginPlan;
use tempfile::TempDir;

use crate::gate::pilot::Pilot;
use crate::gate::stage::Stage;
use crate::run::served::launch::Launch;
use crate::run::served::{Served, Setting};

/// The variable that pads the environment of a server.
const PADDING: &str = "AUTHBENCH_PADDING";
/// How long a login may take, milliseconds.
const LOGIN_TIMEOUT_MS: u64 = 10_000;

/// A program that is compared with others.
#[derive(Clone, Debug)]
pub(crate) struct Arm {
    /// The program, or a copy of it.
    pub(crate) program: PathBuf,
    /// As it was named.
    pub(crate) named: String,
    /// By how much it is slowed down on purpose.
    pub(crate) injection: Option<Injection>,
    /// Where a copy is; goes with the last that starts it.
    pub(crate) _copy: Option<Arc<TempDir>>,
}

/// A slow-down on purpose.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Injection {
    /// Percent of the CPU time of a request on the base.
    pub(crate) percent: f64,
    /// Which operation alone is slowed down; all if `None`.
    pub(crate) operation: Option<String>,
}

impl Injection {
    /// Nanoseconds by which each request, or that operation, is longer.
    pub(crate) fn burn_ns(&self, pilot: &Pilot) -> u64 {
        (self.percent / 100.0 * pilot.server_cpu_ns_per_request).round() as u64
    }

    fn args(&self, pilot: &Pilot) -> Vec<String> {
        let mut args = vec!["--lab-burn-ns".to_owned(), self.burn_ns(pilot).to_string()];
        if let Some(operation) = &self.operation {
            args.extend(["--lab-burn-operation".to_owned(), operation.clone()]);
        }
        args
    }
}

/// The server of an arm, with its users logged in.
pub(crate) struct Running<'a> {
    arm: &'a Arm,
    number: u32,
    strategy: &'a str,
    pub(crate) served: Served,
}

impl<'a> Running<'a> {
    /// Starts the server of arm `number` on the server's core. `pilot` tells
    /// what an injection comes to; the base needs none.
    ///
    /// # Errors
    /// With arm, strategy and the server's last words.
    pub(crate) fn start(
        stage: &Stage<'_>,
        (number, arm): (u32, &'a Arm),
        strategy: &'a str,
        pilot: Option<&Pilot>,
        padding_bytes: u32,
    ) -> Result<Self> {
        let args = match (&arm.injection, pilot) {
            (Some(injection), Some(pilot)) => injection.args(pilot),
            (Some(_), None) => bail!("nothing is known of `{strategy}` that could be slowed down"),
            (None, _) => Vec::new(),
        };
        let launch = Launch {
            program: Some(arm.program.clone()),
            args,
            env: vec![(PADDING.to_owned(), "x".repeat(padding_bytes as usize))],
        };
        let roles = stage.scenario.population.roles.value;
        let setting = Setting::plain(stage.rules.users, roles);
        let served = Served::launch(stage.candidate(strategy)?, setting, stage.grounds, &launch);
        let served = served
            .with_context(|| format!("{} cannot serve `{strategy}`", in_words(number, arm)))?;
        Ok(Self {
            arm,
            number,
            strategy,
            served,
        })
    }

    /// Logs its users in.
    ///
    /// # Errors
    /// When a login is refused, or the server ends.
    pub(crate) fn log_in(&mut self, stage: &Stage<'_>) -> Result<()> {
        let plan = LoginPlan {
            users: &self.served.profile.users.clone(),
            numbers: 0..stage.rules.users,
            devices: 1,
            connections: stage.rules.connections,
            keep: true,
            timeout_ms: LOGIN_TIMEOUT_MS,
        };
        let made = self.served.driver.log_in(&plan, stage.stop);
        made.map(drop).map_err(|error| self.blame(error.into()))
    }

    /// An error when the server has ended.
    pub(crate) fn check(&self) -> Result<()> {
        match self.served.fleet.ended() {
            Some(end) => Err(self.end(end)),
            None => Ok(()),
        }
    }

    /// What happened, told with who it happened to; the end of the server comes
    /// before its consequences.
    pub(crate) fn blame(&self, error: anyhow::Error) -> anyhow::Error {
        match self.served.fleet.ended() {
            Some(end) => self.end(end),
            None => error.context(format!("{} failed", self.whose())),
        }
    }

    fn end(&self, end: String) -> anyhow::Error {
        anyhow!(end).context(format!("{} is gone", self.whose()))
    }

    fn whose(&self) -> String {
        let arm = in_words(self.number, self.arm);
        format!("the server of {arm} for `{}`", self.strategy)
    }
}

/// An arm, for people.
fn in_words(number: u32, arm: &Arm) -> String {
    let program = &arm.named;
    match number {
        0 => format!("the base ({program})"),
        1 => format!("the candidate ({program})"),
        other => format!("arm {other} ({program})"),
    }
}
