//! What is measured once per strategy: logins, memory, look-ups, and at the
//! end of the run how long a revocation takes.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use authbench_lab::memory;
use authbench_load::{
    Arrivals, Histogram, LoadPoint, LoginOutcome, LoginPlan, RevocationPlan, Scenario, Spacing,
};
use authbench_wire::profile::Users;

use crate::run::contender::{Contender, Grounds, Served};
use crate::run::progress::Progress;

/// How far a stale credential is followed where no clock can be stepped.
const MAX_WAIT_MS: u64 = 10_000;
/// Logins for the memory figure are made on this many connections.
const MEMORY_CONNECTIONS: u32 = 16;
/// Logins before them, by which the server's buffers and threads grow up.
const MEMORY_WARMUP_LOGINS: u32 = 2_000;
/// Reads by which store operations per request are counted.
const COUNT_RATE_PER_S: f64 = 1_000.0;
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
    grounds: &Grounds<'_>,
    stop: &AtomicBool,
) -> Result<()> {
    let users = scenario.population.users.value;
    let own = contender.served.profile.users.clone();
    let mut phase = Phase {
        served: &mut contender.served,
        scenario,
        stop,
    };
    let connections = scenario.load.connections.value;
    let population = phase.make(&own, 0..users, connections, true)?;
    contender.facts.token_bytes = population.credential_bytes.mean();
    if stop.load(Ordering::SeqCst) {
        return Ok(());
    }
    // Warms the server up, too, before logins are timed.
    phase.count_operations(&mut contender.facts)?;
    let unhashed = users..users.saturating_add(scenario.login.unhashed.value);
    contender.facts.unhashed = phase.timed(&own, unhashed)?;
    let hashed = scenario.login.hashed.value;
    contender.facts.hashed = phase.timed(&Contender::hashed_users(hashed.max(1)), 0..hashed)?;
    contender.facts.memory = growth(contender, scenario, grounds, stop)?;
    Ok(())
}

/// What logins occupy in a server of its own: password hashing leaves tens of
/// megabytes of freed memory behind, in which thousands of logins would go
/// unseen.
fn growth(
    contender: &Contender,
    scenario: &Scenario,
    grounds: &Grounds<'_>,
    stop: &AtomicBool,
) -> Result<Option<Growth>> {
    let logins = scenario.memory.logins.value;
    if logins == 0 || stop.load(Ordering::SeqCst) {
        return Ok(None);
    }
    let accounts = logins.saturating_add(MEMORY_WARMUP_LOGINS);
    let mut served = Served::start(&contender.recipe, accounts, 0, grounds)?;
    let users = served.profile.users.clone();
    let mut phase = Phase {
        served: &mut served,
        scenario,
        stop,
    };
    phase.make(&users, 0..MEMORY_WARMUP_LOGINS, MEMORY_CONNECTIONS, false)?;
    let before = phase.occupied()?;
    let outcome = phase.make(
        &users,
        MEMORY_WARMUP_LOGINS..accounts,
        MEMORY_CONNECTIONS,
        false,
    )?;
    let after = phase.occupied()?;
    Ok((outcome.logins > 0).then_some(Growth {
        logins: outcome.logins,
        server_bytes: after.0 - before.0,
        store_bytes: after.1 - before.1,
    }))
}

struct Phase<'p> {
    served: &'p mut Served,
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
            devices: 1,
            connections,
            keep,
            timeout_ms,
        };
        Ok(self.served.driver.log_in(&plan, self.stop)?)
    }

    /// Logins one after the other.
    fn timed(&mut self, users: &Users, numbers: Range<u32>) -> Result<Option<Logins>> {
        if numbers.is_empty() || self.stop.load(Ordering::SeqCst) {
            return Ok(None);
        }
        let before_ns = self.served.cpu_ns()?;
        let outcome = self.make(users, numbers, 1, false)?;
        let server_cpu_ns = self.served.cpu_ns()?.saturating_sub(before_ns);
        Ok((outcome.logins > 0).then_some(Logins {
            service_ns: outcome.service_ns,
            server_cpu_ns,
            count: outcome.logins,
        }))
    }

    /// Octets of the server process and of its store outside it.
    fn occupied(&self) -> Result<(i64, i64)> {
        let resident =
            memory::resident(self.served.pid()).context("the server's memory cannot be read")?;
        let store_bytes = self.served.stats()?.store_bytes;
        Ok((
            i64::try_from(resident.rss_bytes)?,
            i64::try_from(store_bytes)?,
        ))
    }

    /// Counts what nothing but reads asks of the store.
    fn count_operations(&mut self, facts: &mut Facts) -> Result<()> {
        let load = &self.scenario.load;
        let point = LoadPoint {
            connections: load.connections.value,
            measure_ms: COUNT_MS,
            blocks: 1,
            timeout_ms: load.timeout_ms.value,
            seed: self.scenario.seed,
            ..LoadPoint::reads(Arrivals::steady(Spacing::Even, COUNT_RATE_PER_S))
        };
        let before = self.served.stats()?.store_operations;
        let outcome = self
            .served
            .driver
            .cell(&point, &mut (), &mut (), self.stop)?;
        let after = self.served.stats()?.store_operations;
        facts.counted_reads = outcome.tally.answered();
        facts.read_operations = after
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
            users: &contender.served.profile.users,
            logins: scenario.revocation.logins.value,
            replay_ms: &replay_ms,
            max_wait_ms: MAX_WAIT_MS,
            timeout_ms: scenario.load.timeout_ms.value,
        };
        match contender.served.driver.revocation(&plan, stop) {
            Ok(outcome) => contender.revocation = Some((outcome, replay_ms.clone())),
            Err(error) => contender.fail(&error.into(), progress),
        }
        progress.step_done();
    }
}
