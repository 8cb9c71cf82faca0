//! A server that somebody else runs, put under load: by one driver, or by one
//! of several that each have a share of it. Its process, its store and its
//! clock are out of reach, so what needs them is not measured.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use authbench_core::Clock as _;
use authbench_core::system::{SystemClock, monotonic_ns};
use authbench_engine::EngineKind;
use authbench_lab::Placement;
use authbench_load::{
    CellOutcome, Driver, DriverOptions, LoadPoint, LoginPlan, Scenario, Share, Trust,
};
use authbench_results::{Health, Shard, Snapshot, Topology, rfc3339, sha256_hex};
use authbench_wire::Profile;

use crate::exit::UsageError;
use crate::run::carrier::Carrier;
use crate::run::contender::{CellRecord, Found};
use crate::run::convert;
use crate::run::progress::Progress;
use crate::run::served::lanes;

/// Between two load points beside their own time, so that all drivers have
/// drained and read their counters.
const PAUSE_MS: u64 = 1_000;
/// Logins may take as long as a slow password hash on a busy server.
const LOGIN_TIMEOUT_MS: u64 = 60_000;

/// A target, and which share of the load is ours.
pub(crate) struct Remote {
    /// What it is, with its address.
    pub(crate) profile: Profile,
    /// Whether it may be another machine than this one.
    pub(crate) allow_remote: bool,
    /// Whose certificates are believed.
    pub(crate) trust: Trust,
    /// What carries requests to it.
    pub(crate) engine: EngineKind,
    /// Our share; the whole if it stands alone.
    pub(crate) share: Share,
    /// When load begins, UTC milliseconds; at once if absent.
    pub(crate) start_at_ms: Option<u64>,
}

impl Remote {
    /// Refuses a scenario that asks for what only a server of our own can do.
    ///
    /// # Errors
    /// [`UsageError`] names it.
    pub(crate) fn check(&self, scenario: &Scenario) -> Result<()> {
        let is_shard = self.share != Share::WHOLE;
        let topology = &scenario.topology;
        let before = |phase: &authbench_load::Phase| {
            let before = &phase.before;
            before.hold_logins.value > 0 || before.end_logins.value > 0 || before.expire_access
        };
        let steady = scenario.load.warmup_until_steady_percent.is_some();
        let refused = [
            (!scenario.faults.is_empty(), "faults"),
            (scenario.knee.is_some(), "the search for a knee"),
            (
                topology.replicas.value > 1 || topology.hops.value > 1,
                "replicas and chains",
            ),
            (topology.store_round_trip_us.value > 0, "a slower store"),
            (
                scenario.phases.iter().any(before),
                "logins made, or a clock stepped, before a phase",
            ),
            (is_shard && steady, "a warm-up until steady, in shards"),
        ];
        match refused.iter().find(|(is_so, _)| *is_so) {
            None => Ok(()),
            Some((_, what)) => Err(UsageError(format!(
                "the scenario asks for {what}: that needs a server that this program starts; \
                 leave out --target, or that part of the scenario"
            ))
            .into()),
        }
    }
}

/// What came of it.
pub(crate) struct Measured {
    pub(crate) found: Found,
    /// Which part of a run it is, if of one.
    pub(crate) shard: Option<Shard>,
}

/// Logs the share's users in, waits for the start, and measures all load
/// points.
///
/// # Errors
/// When the target cannot be put under load at all.
pub(crate) fn measure(
    remote: &Remote,
    scenario: &Scenario,
    (placement, threads): (&Placement, Option<u32>),
    stop: &AtomicBool,
    progress: &Progress,
) -> Result<Measured> {
    let lanes = lanes(placement, threads);
    let mut way = Way {
        threads: u32::try_from(lanes.len()).unwrap_or(1).max(1),
        driver: driver(remote, placement, lanes)?,
        remote,
        scenario,
        stop,
        progress,
        late_ms: 0,
        place: 0,
    };
    let profile = &remote.profile;
    let points = scenario.points()?;
    let name = (profile.name.clone(), String::new());
    let mut found = Found::new(name, way.carrier(), profile.guarantees, points);
    found.notes.push(
        "a target that was running already: its CPU time, memory and store are not seen, and \
         neither single logins nor revocations are tried"
            .to_owned(),
    );
    way.log_in(&mut found)?;
    way.all_points(&mut found);
    let shard = way.shard()?;
    Ok(Measured { found, shard })
}

fn driver(remote: &Remote, placement: &Placement, lanes: Vec<Option<usize>>) -> Result<Driver> {
    let options = DriverOptions {
        allow_remote: remote.allow_remote,
        trust: Some(remote.trust.clone()),
        shared_core: placement.shared || !placement.pinned,
        engine: remote.engine,
        lanes,
        share: remote.share,
        ..DriverOptions::default()
    };
    Ok(Driver::new(&remote.profile, options)?)
}

struct Way<'w> {
    driver: Driver,
    threads: u32,
    remote: &'w Remote,
    scenario: &'w Scenario,
    stop: &'w AtomicBool,
    progress: &'w Progress,
    /// How late a load point began at most, milliseconds.
    late_ms: u64,
    place: u32,
}

impl Way<'_> {
    fn carrier(&self) -> Carrier {
        Carrier::Http(self.driver.engine_kind())
    }

    fn log_in(&mut self, found: &mut Found) -> Result<()> {
        self.progress.step(&found.strategy, "logs in");
        let population = &self.scenario.population;
        let plan = LoginPlan {
            users: &self.remote.profile.users,
            numbers: 0..population.users.value,
            devices: population.devices.value,
            connections: self.scenario.load.connections.value,
            keep: true,
            timeout_ms: LOGIN_TIMEOUT_MS,
        };
        let seen = self.driver.log_in(&plan, self.stop)?;
        found.facts.token_bytes = seen.credential_bytes.mean();
        self.progress.step_done();
        Ok(())
    }

    fn all_points(&mut self, found: &mut Found) {
        let mut start_ms = self.remote.start_at_ms;
        for number in 0..found.points.len() {
            let point = found.points[number].clone();
            let what = match &point.phase {
                Some(phase) => phase.clone(),
                None => format!("load point {}", number + 1),
            };
            self.progress.step(&found.strategy, &what);
            if self.stop.load(Ordering::SeqCst) || !self.wait(start_ms) {
                break;
            }
            if let Some(phase) = self.scenario.phases.get(number)
                && phase.before.forget_logins
            {
                self.driver.forget_logins();
            }
            match self.cell(&point) {
                Ok(record) => {
                    self.note_start(start_ms, &record.outcome);
                    found.cells[number] = Some(record);
                }
                Err(error) => {
                    let reason = format!("{error:#}");
                    self.progress.warn(&reason);
                    found.failure = Some(reason);
                    break;
                }
            }
            self.progress.step_done();
            // All drivers add up the same, so they begin together again.
            let lasts_ms = point.warmup.at_most_ms + point.measure_ms + point.timeout_ms;
            start_ms = start_ms.map(|start_ms| start_ms + lasts_ms + PAUSE_MS);
        }
    }

    /// Waits until the instant. False if it was stopped meanwhile.
    fn wait(&self, until_ms: Option<u64>) -> bool {
        const LOOK: Duration = Duration::from_millis(100);
        let Some(until_ms) = until_ms else {
            return true;
        };
        loop {
            let now_ms = SystemClock.now().0;
            let left = Duration::from_millis(until_ms.saturating_sub(now_ms));
            if left.is_zero() {
                return true;
            }
            if self.stop.load(Ordering::SeqCst) {
                return false;
            }
            std::thread::sleep(left.min(LOOK));
        }
    }

    /// Notes how late the load began, connections and all.
    fn note_start(&mut self, wanted_ms: Option<u64>, outcome: &CellOutcome) {
        let Some(wanted_ms) = wanted_ms.filter(|_| outcome.measured_ns > 0) else {
            return;
        };
        let began_ns = outcome
            .measured_from_ns
            .saturating_sub(outcome.warmed_ms * 1_000_000);
        let ago_ms = monotonic_ns().saturating_sub(began_ns) / 1_000_000;
        let began_ms = SystemClock.now().0.saturating_sub(ago_ms);
        self.late_ms = self.late_ms.max(began_ms.saturating_sub(wanted_ms));
    }

    fn cell(&mut self, point: &LoadPoint) -> Result<CellRecord> {
        let before = Snapshot::take();
        let driver_before_ns = authbench_lab::cpu::own_cpu_ns();
        let mut watch = self.progress.watch();
        let outcome = self.driver.cell(point, &mut (), &mut watch, self.stop)?;
        let own_ns = authbench_lab::cpu::own_cpu_ns() - driver_before_ns;
        let machine = Health {
            // What else ran here may have been the target.
            foreign_cpu_fraction: None,
            ..before.until(&Snapshot::take(), Some(own_ns))
        };
        let health = convert::block_health(&outcome, self.carrier(), machine);
        let blocks = u32::try_from(outcome.blocks.len()).unwrap_or(0);
        let places = self.place..self.place + blocks;
        self.place = places.end;
        Ok(CellRecord {
            outcome,
            healths: vec![health],
            places: places.collect(),
            rejected: Vec::new(),
            faults: Vec::new(),
            topology: Topology::default(),
            threads: self.threads,
            carrier: self.carrier(),
            share: self.remote.share,
        })
    }

    fn shard(&self) -> Result<Option<Shard>> {
        let share = self.remote.share;
        let Some(start_at_ms) = self.remote.start_at_ms else {
            if share != Share::WHOLE {
                bail!(UsageError("--shard needs --start-at".to_owned()));
            }
            return Ok(None);
        };
        let program = std::env::current_exe().and_then(std::fs::read);
        let program = program.context("this program cannot be read, to tell it from others")?;
        Ok(Some(Shard {
            index: share.index(),
            of: share.of(),
            start_at: rfc3339(start_at_ms),
            late_ms: self.late_ms,
            program_sha256: sha256_hex(&program),
        }))
    }
}
