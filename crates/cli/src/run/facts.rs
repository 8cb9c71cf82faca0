//! What is measured once per strategy: logins, memory, look-ups, and at the
//! end of the run how long a revocation takes.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use authbench_lab::memory;
use authbench_load::{
    Histogram, LoadPoint, LoginOutcome, LoginPlan, Mix, Process, RevocationPlan, Scenario,
};
use authbench_wire::profile::Users;

use crate::run::contender::Contender;
use crate::run::progress::Progress;

/// How far a stale credential is followed where no clock can be stepped.
const MAX_WAIT_MS: u64 = 10_000;
/// Logins for the memory figure are made on this many connections.
const MEMORY_CONNECTIONS: u32 = 16;
/// Reads by which store operations per request are counted.
const COUNT_RATE_PER_S: u32 = 1_000;
const COUNT_MS: u64 = 300;

/// What was found out once.
#[derive(Default)]
pub(crate) struct Facts {
    /// Octets of the access credentials of the population, on average.
    pub(crate) token_bytes: Option<f64>,
    pub(crate) hashed: Option<Logins>,
    pub(crate) unhashed: Option<Logins>,
    pub(crate) memory: Option<Growth>,
    /// Store operations by kind over `counted_reads` reads.
    pub(crate) read_operations: Vec<(String, u64)>,
    pub(crate) counted_reads: u64,
}

/// Logins timed one by one.
pub(crate) struct Logins {
    pub(crate) service_ns: Histogram<u64>,
    pub(crate) server_cpu_ns: u64,
    pub(crate) count: u64,
}

/// What logins occupy.
pub(crate) struct Growth {
    pub(crate) logins: u64,
    pub(crate) server_bytes: i64,
    pub(crate) store_bytes: i64,
}

/// Logs the population in and measures what needs no load.
pub(crate) fn measure(
    contender: &mut Contender,
    scenario: &Scenario,
    stop: &AtomicBool,
) -> Result<()> {
    let users = scenario.population.users.value;
    let unhashed_end = users.saturating_add(scenario.login.unhashed.value);
    let memory_end = unhashed_end.saturating_add(scenario.memory.logins.value);
    let own = contender.profile.users.clone();
    let mut logins = Phase {
        contender,
        scenario,
        stop,
    };
    let population = logins.make(&own, 0..users, scenario.load.connections.value, true)?;
    logins.contender.facts.token_bytes = population.credential_bytes.mean();
    if stop.load(Ordering::SeqCst) {
        return Ok(());
    }
    // Warms the server up, too, before its memory is looked at.
    logins.count_operations()?;
    logins.contender.facts.unhashed = logins.timed(&own, users..unhashed_end)?;
    let hashed = scenario.login.hashed.value;
    logins.contender.facts.hashed =
        logins.timed(&Contender::hashed_users(hashed.max(1)), 0..hashed)?;
    logins.contender.facts.memory = logins.growth(&own, unhashed_end..memory_end)?;
    Ok(())
}

struct Phase<'p> {
    contender: &'p mut Contender,
    scenario: &'p Scenario,
    stop: &'p AtomicBool,
}

impl Phase<'_> {
    fn make(
        &mut self,
        users: &Users,
        numbers: Range<u32>,
        connections: u32,
        keep: bool,
    ) -> Result<LoginOutcome> {
        let timeout_ms = self.scenario.load.timeout_ms.value.max(10_000);
        let plan = LoginPlan {
            users,
            numbers,
            connections,
            keep,
            timeout_ms,
        };
        Ok(self.contender.driver.log_in(&plan, self.stop)?)
    }

    /// Logins one after the other.
    fn timed(&mut self, users: &Users, numbers: Range<u32>) -> Result<Option<Logins>> {
        if numbers.is_empty() || self.stop.load(Ordering::SeqCst) {
            return Ok(None);
        }
        let before_ns = self.contender.server_cpu_ns()?;
        let outcome = self.make(users, numbers, 1, false)?;
        let server_cpu_ns = self.contender.server_cpu_ns()?.saturating_sub(before_ns);
        Ok(Some(Logins {
            service_ns: outcome.service_ns,
            server_cpu_ns,
            count: outcome.logins,
        }))
    }

    /// Logins that the server must remember, each of another account.
    fn growth(&mut self, users: &Users, numbers: Range<u32>) -> Result<Option<Growth>> {
        if numbers.is_empty() || self.stop.load(Ordering::SeqCst) {
            return Ok(None);
        }
        let before = self.occupied()?;
        let outcome = self.make(users, numbers, MEMORY_CONNECTIONS, false)?;
        let after = self.occupied()?;
        Ok(Some(Growth {
            logins: outcome.logins,
            server_bytes: after.0 - before.0,
            store_bytes: after.1 - before.1,
        }))
    }

    /// Octets of the server process and of its store outside it.
    fn occupied(&self) -> Result<(i64, i64)> {
        let resident =
            memory::resident(self.contender.pid()).context("the server's memory cannot be read")?;
        let store_bytes = self.contender.stats()?.store_bytes;
        Ok((
            i64::try_from(resident.rss_bytes)?,
            i64::try_from(store_bytes)?,
        ))
    }

    /// Counts what nothing but reads asks of the store.
    fn count_operations(&mut self) -> Result<()> {
        let load = &self.scenario.load;
        let point = LoadPoint {
            process: Process::Constant,
            rate_per_s: COUNT_RATE_PER_S,
            connections: load.connections.value,
            warmup_ms: 0,
            measure_ms: COUNT_MS,
            blocks: 1,
            timeout_ms: load.timeout_ms.value,
            mix: Mix {
                read: 1.into(),
                mutate: 0.into(),
                logout: 0.into(),
            },
            seed: self.scenario.seed,
        };
        let before = self.contender.stats()?.store_operations;
        let outcome = self
            .contender
            .driver
            .cell(&point, &mut (), &mut (), self.stop)?;
        let after = self.contender.stats()?.store_operations;
        self.contender.facts.counted_reads = outcome.tally.answered();
        self.contender.facts.read_operations = after
            .into_iter()
            .map(|(kind, count)| {
                let earlier = before.get(&kind).copied().unwrap_or(0);
                (kind, count.saturating_sub(earlier))
            })
            .filter(|(_, count)| *count > 0)
            .collect();
        Ok(())
    }
}

/// Ends logins of every strategy and follows their credentials. Comes last,
/// since it may step the servers' clocks.
pub(crate) fn measure_revocations(
    contenders: &mut [Contender],
    scenario: &Scenario,
    stop: &AtomicBool,
    progress: &Progress,
) {
    let replay_ms: Vec<u64> = scenario
        .revocation
        .replay_ms
        .value
        .iter()
        .map(|ms| ms.value)
        .collect();
    for contender in contenders {
        let is_due = scenario.revocation.logins.value > 0 && contender.failure.is_none();
        if !is_due || stop.load(Ordering::SeqCst) {
            continue;
        }
        progress.step(
            &contender.recipe.name,
            "logs out, shows the dead credentials",
        );
        let plan = RevocationPlan {
            users: &contender.profile.users,
            logins: scenario.revocation.logins.value,
            replay_ms: &replay_ms,
            max_wait_ms: MAX_WAIT_MS,
            timeout_ms: scenario.load.timeout_ms.value,
        };
        match contender.driver.revocation(&plan, stop) {
            Ok(outcome) => contender.revocation = Some((outcome, replay_ms.clone())),
            Err(error) => {
                let reason = format!("{:#}", anyhow::Error::from(error));
                progress.warn(&format!("{}: {reason}", contender.recipe.name));
                contender.failure = Some(reason);
            }
        }
        progress.step_done();
    }
}
