//! One strategy of a run: how it is served, and what was found out so far.

use anyhow::{Result, bail};
use authbench_core::Guarantees;
use authbench_load::{
    CellOutcome, LoadPoint, RevocationOutcome, Routing, SaturationOutcome, SaturationPlan,
    Scenario, Share,
};
use authbench_results::{Conformance, FaultSeen, Health, Knee, RejectedBlock, Topology};

use crate::run::candidate::Candidate;
use crate::run::carrier::Carrier;
use crate::run::cells::{Stretch, Tour};
use crate::run::facts::Facts;
use crate::run::faults::Caused;
use crate::run::progress::Progress;
use crate::run::served::{Grounds, Served, Setting};

/// The most throwaway accounts: logins beyond begin again at the first.
const THROWAWAY_ACCOUNTS_MAX: u32 = 10_000;

/// One strategy of a run, behind servers unless said otherwise.
pub(crate) struct Contender<S = Served> {
    pub(crate) found: Found,
    pub(crate) served: S,
}

/// How a strategy is served while it is under load.
pub(crate) trait Serving {
    /// What carries requests to it.
    fn carrier(&self) -> Carrier;

    /// Threads of the driver.
    fn threads(&self) -> u32;

    /// Whether any replica will do for any login.
    fn can_be_spread(&self) -> bool;

    /// What it stands on.
    fn topology(&self, routing: Routing, hops: u32) -> Topology;

    /// CPU time of its servers so far, nanoseconds; `None` if it has none.
    fn servers_cpu_ns(&self) -> Option<u64>;

    /// Puts it under a load, with its faults.
    fn cell(
        &mut self,
        stretch: &Stretch<'_>,
        tour: &Tour<'_>,
    ) -> Result<(CellOutcome, Vec<Caused>)>;

    /// Keeps it busy without a pause.
    fn saturate(&mut self, plan: &SaturationPlan, tour: &Tour<'_>) -> Result<SaturationOutcome>;
}

/// What is known of a strategy, also after its servers have gone.
pub(crate) struct Found {
    /// The strategy's name, or that of a target whose strategy is not known.
    pub(crate) strategy: String,
    /// The resolved recipe (TOML); of such a target nothing.
    pub(crate) recipe: String,
    /// What carried requests to it.
    pub(crate) carrier: Carrier,
    pub(crate) guarantees: Guarantees,
    pub(crate) facts: Facts,
    /// Under which loads it is put.
    pub(crate) points: Vec<LoadPoint>,
    /// One for each of them.
    pub(crate) cells: Vec<Option<CellRecord>>,
    /// Each time at saturation, with the machine's health and the place in the
    /// run's order of blocks.
    pub(crate) saturation: Vec<(SaturationOutcome, Health, u32)>,
    /// With the schedule of its replays, in milliseconds.
    pub(crate) revocation: Option<(RevocationOutcome, Vec<u64>)>,
    /// The same, seen from another replica.
    pub(crate) revocation_elsewhere: Option<(RevocationOutcome, Vec<u64>)>,
    pub(crate) knee: Option<Knee>,
    /// What a reader must know of it.
    pub(crate) notes: Vec<String>,
    /// What of the scenario it was left out of, and why.
    pub(crate) left_out: Vec<String>,
    /// What the conformance checks said; none if they were not made.
    pub(crate) conformance: Option<Conformance>,
    /// Why nothing more is measured, if so.
    pub(crate) failure: Option<String>,
}

impl Contender {
    /// Starts the servers of `candidate` on the server's cores.
    pub(crate) fn start(
        candidate: &Candidate,
        scenario: &Scenario,
        grounds: &Grounds<'_>,
    ) -> Result<Self> {
        if let Some(why) = candidate.unsuited(scenario) {
            bail!(why);
        }
        let setting = setting(candidate, scenario);
        let mut served = Served::start(candidate, setting, grounds)?;
        let points = scenario.points()?;
        if !served.shares_logins && served.fleet.setting.hops > 1 {
            if scenario.phases.is_empty() {
                bail!(
                    "its logins live in one process, so the services behind the first would \
                     refuse them all; choose a store that the services of a chain can share"
                );
            }
            served.enter(1)?;
        }
        let recipe = candidate.recipe();
        let resolved = recipe.map(authbench_catalog::Recipe::resolved);
        let name = (candidate.name().to_owned(), resolved.unwrap_or_default());
        let guarantees = served.profile.guarantees;
        let mut found = Found::new(name, served.carrier(), guarantees, points);
        if recipe.is_none() {
            found.notes.push(
                "a stranger's server: passwords with slow hashes, and what its store is asked, are \
                 not measured, since that takes the doors of our own servers"
                    .to_owned(),
            );
        }
        Ok(Self { found, served })
    }
}

impl<S: Serving> Contender<S> {
    /// Its name in results.
    pub(crate) fn name(&self) -> &str {
        &self.found.strategy
    }

    /// Nothing more is measured with it.
    pub(crate) fn fail(&mut self, error: &anyhow::Error, progress: &Progress) {
        let reason = format!("{error:#}");
        progress.warn(&format!("{}: {reason}", self.name()));
        self.found.failure = Some(reason);
    }

    /// Says something that a reader of the result must know, once.
    pub(crate) fn note(&mut self, note: String, progress: &Progress) {
        if !self.found.notes.contains(&note) {
            progress.warn(&format!("{}: {note}", self.name()));
            self.found.notes.push(note);
        }
    }

    /// The routing that is possible where `wanted` is wanted.
    pub(crate) fn routing(&mut self, wanted: Routing, progress: &Progress) -> Routing {
        if wanted == Routing::Sticky || self.served.can_be_spread() {
            return wanted;
        }
        let note = "its logins live in one process: routed STICKILY, not round robin";
        self.note(note.to_owned(), progress);
        Routing::Sticky
    }
}

impl Found {
    /// Nothing yet.
    pub(crate) fn new(
        (strategy, recipe): (String, String),
        carrier: Carrier,
        guarantees: Guarantees,
        points: Vec<LoadPoint>,
    ) -> Self {
        Self {
            strategy,
            recipe,
            carrier,
            guarantees,
            facts: Facts::default(),
            cells: points.iter().map(|_| None).collect(),
            points,
            saturation: Vec::new(),
            revocation: None,
            revocation_elsewhere: None,
            knee: None,
            notes: Vec::new(),
            left_out: Vec::new(),
            conformance: None,
            failure: None,
        }
    }
}

/// A cell as far as its blocks have been measured.
pub(crate) struct CellRecord {
    pub(crate) outcome: CellOutcome,
    /// One for each stretch without a pause.
    pub(crate) healths: Vec<Health>,
    /// The place of each block in the run's order.
    pub(crate) places: Vec<u32>,
    pub(crate) rejected: Vec<RejectedBlock>,
    pub(crate) faults: Vec<FaultSeen>,
    pub(crate) topology: Topology,
    pub(crate) threads: u32,
    pub(crate) carrier: Carrier,
    /// Which part of the load it was.
    pub(crate) share: Share,
}

impl CellRecord {
    /// Adds another stretch.
    pub(crate) fn add(&mut self, other: Self) {
        self.outcome.merge(&other.outcome);
        self.healths.extend(other.healths);
        self.places.extend(other.places);
        self.rejected.extend(other.rejected);
        self.faults.extend(other.faults);
    }
}

/// Which accounts are for what: numbers from, and how many.
pub(crate) struct Accounts {
    /// Those of virtual users, and of logins that are merely held.
    pub(crate) held: u32,
    /// Those of logins that are timed, behind them.
    pub(crate) timed: u32,
    /// Those of logins that are made to be ended, behind these.
    pub(crate) throwaway: u32,
}

impl Accounts {
    /// As many as a run's logins need without two of one account by accident.
    pub(crate) fn of(scenario: &Scenario) -> Self {
        let before = || scenario.phases.iter().map(|phase| &phase.before);
        let held = before().map(|before| before.hold_logins.value).max();
        let thrown_away = before().map(|before| before.end_logins.value).max();
        Self {
            held: scenario.population.users.value.max(held.unwrap_or(0)),
            timed: scenario.login.unhashed.value,
            throwaway: thrown_away.unwrap_or(0).min(THROWAWAY_ACCOUNTS_MAX),
        }
    }

    pub(crate) const fn all(&self) -> u32 {
        self.held
            .saturating_add(self.timed)
            .saturating_add(self.throwaway)
    }
}

fn setting(candidate: &Candidate, scenario: &Scenario) -> Setting {
    let topology = &scenario.topology;
    let kinds = || scenario.faults.iter().map(|fault| fault.kind.value);
    let store_round_trip_us = topology.store_round_trip_us.value;
    let breaks_store = kinds().any(authbench_load::FaultKind::is_of_store);
    let revocations = scenario.revocation.logins.value;
    Setting {
        replicas: topology.replicas.value,
        hops: topology.hops.value,
        restarts: kinds().any(|kind| kind == authbench_load::FaultKind::ServerRestart),
        proxied: candidate.needs().is_some() && (store_round_trip_us > 0 || breaks_store),
        store_round_trip_us,
        accounts: Accounts::of(scenario)
            .all()
            .saturating_add(revocations)
            .saturating_add(1),
        hashed: scenario.login.hashed.value,
        roles: scenario.population.roles.value,
    }
}
