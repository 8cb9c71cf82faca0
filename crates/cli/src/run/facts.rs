//! What is measured once per strategy: logins, memory, look-ups, and at the
//! end of the run how long a revocation takes.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use authbench_load::{
    Histogram, LoginOutcome, LoginPlan, Mix, RevocationOutcome, RevocationPlan, Scenario,
};
use authbench_wire::profile::Users;

use crate::run::candidate::Candidate;
use crate::run::contender::{Accounts, Contender};
use crate::run::costs::{self, Counted};
use crate::run::progress::Progress;
use crate::run::served::{Grounds, Served, Setting, hashed_users};

/// How far a stale credential is followed where no clock can be stepped.
const MAX_WAIT_MS: u64 = 10_000;
/// Logins for the memory figure are made on this many connections.
const MEMORY_CONNECTIONS: u32 = 16;
/// Logins before them, by which the server's buffers and threads grow up.
const MEMORY_WARMUP_LOGINS: u32 = 2_000;

/// What was found out once.
#[derive(Default)]
pub(crate) struct Facts {
    /// Octets of the access credentials of the population, on average.
    pub(crate) token_bytes: Option<f64>,
    pub(crate) hashed: Option<Logins>,
    pub(crate) unhashed: Option<Logins>,
    pub(crate) memory: Option<Growth>,
    /// What requests ask of the store.
    pub(crate) counts: Vec<Counted>,
    /// Accounts that have logged in to stay, from the first on.
    pub(crate) held: u32,
}

impl Facts {
    /// What was counted with this mix, on a chain of this length.
    pub(crate) fn counted(&self, mix: &Mix, hops: u32) -> Option<&Counted> {
        let mut counts = self.counts.iter();
        counts.find(|counted| counted.mix == *mix && counted.hops == hops)
    }
}

/// Logins timed one by one.
pub(crate) struct Logins {
    pub(crate) service_ns: Histogram<u64>,
    /// CPU time of the servers, nanoseconds, if there were any.
    pub(crate) server_cpu_ns: Option<u64>,
    pub(crate) count: u64,
}

/// What logins occupy.
pub(crate) struct Growth {
    pub(crate) logins: u64,
    pub(crate) server_bytes: i64,
    /// `None` where the store's server does not tell.
    pub(crate) store_bytes: Option<i64>,
}

/// Logs the population in and measures what needs no load.
pub(crate) fn measure(
    contender: &mut Contender,
    scenario: &Scenario,
    grounds: &Grounds<'_>,
    stop: &AtomicBool,
) -> Result<()> {
    let own = contender.served.profile.users.clone();
    let accounts = Accounts::of(scenario);
    let users = first_users(scenario);
    let mut phase = Phase {
        served: &mut contender.served,
        scenario,
        stop,
    };
    let connections = scenario.load.connections.value;
    let population = phase.make(&own, 0..users, connections, true)?;
    contender.found.facts.held = users;
    contender.found.facts.token_bytes = population.credential_bytes.mean();
    if stop.load(Ordering::SeqCst) {
        return Ok(());
    }
    let timed = accounts.held..accounts.held.saturating_add(accounts.timed);
    contender.found.facts.unhashed = phase.timed(&own, timed)?;
    let is_ours = phase.served.candidate.recipe().is_some();
    let hashed = if is_ours {
        scenario.login.hashed.value
    } else {
        0
    };
    contender.found.facts.hashed = phase.timed(&hashed_users(hashed.max(1)), 0..hashed)?;
    contender.found.facts.memory = growth(contender, scenario, grounds, stop)?;
    if is_ours {
        costs::count(contender, scenario, grounds, stop)?;
    }
    Ok(())
}

/// How many accounts log in at the start: all, unless the first phase wants
/// fewer logins.
fn first_users(scenario: &Scenario) -> u32 {
    let population = &scenario.population;
    let users = population.users.value;
    let first = scenario.phases.first();
    match first.map(|phase| phase.before.hold_logins.value) {
        Some(held) if held > 0 => held.div_ceil(population.devices.value).min(users),
        _ => users,
    }
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
    let setting = Setting::plain(accounts, scenario.population.roles.value);
    let mut served = Served::start(&contender.served.candidate, setting, grounds)?;
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
        store_bytes: after.1.zip(before.1).map(|(after, before)| after - before),
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
        // Only the population has several each.
        let devices = if keep {
            self.scenario.population.devices.value
        } else {
            1
        };
        let timeout_ms = self.scenario.load.timeout_ms.value.max(10_000);
        let plan = LoginPlan {
            users,
            numbers,
            devices,
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
        let before_ns = self.cpu_ns()?;
        let outcome = self.make(users, numbers, 1, false)?;
        let server_cpu_ns = self.cpu_ns()?.saturating_sub(before_ns);
        Ok((outcome.logins > 0).then_some(Logins {
            service_ns: outcome.service_ns,
            server_cpu_ns: Some(server_cpu_ns),
            count: outcome.logins,
        }))
    }

    fn cpu_ns(&self) -> Result<u64> {
        let read = self.served.fleet.cpu_ns();
        read.context("the server's CPU time cannot be read")
    }

    /// Octets of the server process and of its store outside it, as far as
    /// that is known.
    fn occupied(&self) -> Result<(i64, Option<i64>)> {
        let Served {
            fleet, candidate, ..
        } = &*self.served;
        let store_bytes = match candidate {
            // What a store server holds, it does not tell us.
            _ if candidate.needs().is_some() => None,
            Candidate::Recipe(_) => Some(i64::try_from(fleet.stats()?.store_bytes)?),
            // All that it keeps is in its process.
            Candidate::Stranger(_) => Some(0),
        };
        Ok((i64::try_from(fleet.resident_bytes()?)?, store_bytes))
    }
}

/// Ends logins of a strategy and follows their credentials, on the replica that
/// ended them and, where logins are shared, on another. Comes last, since it may
/// step the servers' clocks.
pub(crate) fn measure_revocation(
    contender: &mut Contender,
    scenario: &Scenario,
    grounds: &Grounds<'_>,
    stop: &AtomicBool,
    progress: &Progress,
) {
    let is_due = scenario.revocation.logins.value > 0 && contender.found.failure.is_none();
    if !is_due || stop.load(Ordering::SeqCst) {
        return;
    }
    progress.step(contender.name(), "logs out, shows the dead credentials");
    match follow(&mut contender.served, scenario, false, stop) {
        Ok(seen) => contender.found.revocation = Some(seen),
        Err(error) => contender.fail(&error, progress),
    }
    if contender.served.shares_logins && !stop.load(Ordering::SeqCst) {
        match follow_elsewhere(contender, scenario, grounds, stop) {
            Ok(seen) => contender.found.revocation_elsewhere = Some(seen),
            Err(error) => {
                let note = format!("revocation was not seen from another replica: {error:#}");
                contender.note(note, progress);
            }
        }
    }
    progress.step_done();
}

/// On another replica: one of those that there are, or one of two that are
/// started only for this.
fn follow_elsewhere(
    contender: &mut Contender,
    scenario: &Scenario,
    grounds: &Grounds<'_>,
    stop: &AtomicBool,
) -> Result<(RevocationOutcome, Vec<u64>)> {
    if contender.served.fleet.setting.replicas > 1 {
        return follow(&mut contender.served, scenario, true, stop);
    }
    let accounts = scenario.revocation.logins.value.saturating_add(1);
    let setting = Setting {
        replicas: 2,
        ..Setting::plain(accounts, scenario.population.roles.value)
    };
    let mut pair = Served::start(&contender.served.candidate, setting, grounds)?;
    follow(&mut pair, scenario, true, stop)
}

/// With the schedule of its replays, milliseconds.
fn follow(
    served: &mut Served,
    scenario: &Scenario,
    elsewhere: bool,
    stop: &AtomicBool,
) -> Result<(RevocationOutcome, Vec<u64>)> {
    let replays = scenario.revocation.replay_ms.value.iter();
    let replay_ms: Vec<u64> = replays.map(|ms| ms.value).collect();
    let plan = RevocationPlan {
        users: &served.profile.users,
        logins: scenario.revocation.logins.value,
        elsewhere,
        replay_ms: &replay_ms,
        max_wait_ms: MAX_WAIT_MS,
        timeout_ms: scenario.load.timeout_ms.value,
    };
    let outcome = served.driver.revocation(&plan, stop)?;
    Ok((outcome, replay_ms))
}
