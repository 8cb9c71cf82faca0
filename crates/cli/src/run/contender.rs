//! One strategy of a run: its server process, its driver, and what was found
//! out so far.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use authbench_catalog::Recipe;
use authbench_core::Guarantees;
use authbench_lab::{Placement, ServerCommand, ServerProcess, cpu};
use authbench_load::{
    CellOutcome, Driver, DriverOptions, RevocationOutcome, SaturationOutcome, Scenario,
};
use authbench_results::{Health, RejectedBlock};
use authbench_wire::Transport;
use authbench_wire::bodies::StatsResponse;
use authbench_wire::profile::{Carrier, Profile, UserPattern, Users};
use authbench_wire::routes::Route;
use authbench_wire::template::Template;

use crate::commands::serve::Ready;
use crate::run::facts::Facts;
use crate::run::library;
use crate::run::progress::Progress;
use crate::services::Services;

/// How long a server may take to begin to serve: keys and password hashes are
/// made at its start.
const PATIENCE: Duration = Duration::from_secs(30);

/// What servers are started on: the same for all of a run.
pub(crate) struct Grounds<'r> {
    pub(crate) placement: &'r Placement,
    pub(crate) services: &'r Services,
}

/// One strategy of a run.
pub(crate) struct Contender {
    pub(crate) recipe: Recipe,
    pub(crate) guarantees: Guarantees,
    pub(crate) served: Served,
    pub(crate) facts: Facts,
    /// One for each load point, in the scenario's order.
    pub(crate) cells: Vec<Option<CellRecord>>,
    /// Each time at saturation, with the machine's health and the place in the
    /// run's order of blocks.
    pub(crate) saturation: Vec<(SaturationOutcome, Health, u32)>,
    /// With the schedule of its replays, in milliseconds.
    pub(crate) revocation: Option<(RevocationOutcome, Vec<u64>)>,
    /// Why nothing more is measured, if so.
    pub(crate) failure: Option<String>,
}

impl Contender {
    /// Starts the server of `recipe` on the server's cores.
    pub(crate) fn start(
        recipe: &Recipe,
        scenario: &Scenario,
        grounds: &Grounds<'_>,
    ) -> Result<Self> {
        let hashed = scenario.login.hashed.value;
        let served = Served::start(recipe, accounts(scenario), hashed, grounds)?;
        Ok(Self {
            recipe: recipe.clone(),
            guarantees: served.profile.guarantees,
            served,
            facts: Facts::default(),
            cells: scenario.points()?.iter().map(|_| None).collect(),
            saturation: Vec::new(),
            revocation: None,
            failure: None,
        })
    }

    /// Nothing more is measured with it.
    pub(crate) fn fail(&mut self, error: &anyhow::Error, progress: &Progress) {
        let reason = format!("{error:#}");
        progress.warn(&format!("{}: {reason}", self.recipe.name));
        self.failure = Some(reason);
    }

    /// The accounts whose passwords have slow hashes.
    pub(crate) fn hashed_users(count: u32) -> Users {
        Users {
            pattern: Some(pattern("hashed-{n}", "hash-{n}", count)),
            ..Users::default()
        }
    }
}

/// A cell as far as its blocks have been measured.
pub(crate) struct CellRecord {
    pub(crate) outcome: CellOutcome,
    /// One for each block.
    pub(crate) healths: Vec<Health>,
    /// The place of each block in the run's order.
    pub(crate) places: Vec<u32>,
    pub(crate) rejected: Vec<RejectedBlock>,
}

impl CellRecord {
    /// A cell of one block.
    pub(crate) fn new(block: CellOutcome, health: Health, place: u32) -> Self {
        Self {
            outcome: block,
            healths: vec![health],
            places: vec![place],
            rejected: Vec::new(),
        }
    }

    /// Adds another block.
    pub(crate) fn add(&mut self, block: &CellOutcome, health: Health, place: u32) {
        self.outcome.merge(block);
        self.healths.push(health);
        self.places.push(place);
    }
}

/// A server process and its driver.
pub(crate) struct Served {
    pub(crate) profile: Profile,
    pub(crate) driver: Driver,
    process: ServerProcess,
    address: SocketAddr,
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
}

impl Served {
    /// Starts a server of `recipe` on the server's cores, with so many
    /// accounts without and with slow password hashes.
    pub(crate) fn start(
        recipe: &Recipe,
        accounts: u32,
        hashed: u32,
        grounds: &Grounds<'_>,
    ) -> Result<Self> {
        let placement = grounds.placement;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let mut command = ServerCommand::new(std::env::current_exe()?);
        for (variable, url) in grounds.services.environment() {
            command = command.env(variable, url);
        }
        let (process, ready) = command
            .args(["serve", &recipe_argument(recipe), "--listen", "127.0.0.1:0"])
            .args(["--with-parent", "--lab"])
            .args(["--lab-users", &accounts.to_string()])
            .args(["--lab-hashed", &hashed.to_string()])
            .cores(placement.pin_server())
            .start(PATIENCE, |line| serde_json::from_str::<Ready>(line).ok())?;
        let profile = profile(recipe, &ready, accounts)?;
        let options = DriverOptions {
            shared_core: placement.shared || !placement.pinned,
            ..DriverOptions::default()
        };
        let driver = Driver::new(&profile, options)?;
        Ok(Self {
            profile,
            driver,
            process,
            address: ready.address,
            runtime,
            client: reqwest::Client::builder().no_proxy().build()?,
        })
    }

    /// The process of the server.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// CPU time of the server so far, nanoseconds.
    pub(crate) fn cpu_ns(&self) -> Result<u64> {
        cpu::process_cpu_ns(self.pid()).context("the server's CPU time cannot be read")
    }

    /// What the server counted so far.
    pub(crate) fn stats(&self) -> Result<StatsResponse> {
        let url = format!("http://{}{}", self.address, Route::LabStats.path());
        let asked = async {
            self.client
                .get(url)
                .send()
                .await?
                .error_for_status()?
                .json()
                .await
        };
        self.runtime
            .block_on(asked)
            .context("the server's counts cannot be read")
    }
}

/// As many accounts as the run's logins need without two of one account.
fn accounts(scenario: &Scenario) -> u32 {
    scenario
        .population
        .users
        .value
        .saturating_add(scenario.login.unhashed.value)
        .saturating_add(scenario.revocation.logins.value)
        .saturating_add(1)
}

/// How the child finds the same recipe.
fn recipe_argument(recipe: &Recipe) -> String {
    let file = recipe.folder.join(format!("{}.toml", recipe.name));
    if file.is_file() {
        file.to_string_lossy().into_owned()
    } else {
        recipe.name.clone()
    }
}

/// The profile of our own server, with what this strategy and this run add.
fn profile(recipe: &Recipe, ready: &Ready, accounts: u32) -> Result<Profile> {
    let mut profile = library::target(&format!("authbench-{}", recipe.transport.label()))?;
    profile.name.clone_from(&recipe.name);
    profile.base_url = Some(format!("http://{}", ready.address));
    profile.guarantees = ready.guarantees;
    profile.users.pattern = Some(pattern("user-{n}", "acct-{n}", accounts));
    if let (Transport::Cookie(cookie), Carrier::Cookie { name }) =
        (&recipe.transport, &mut profile.carrier)
    {
        cookie.name().clone_into(name);
    }
    Ok(profile)
}

fn pattern(user: &str, subject: &str, count: u32) -> UserPattern {
    UserPattern {
        user: Template::parse(user),
        password: Template::parse("lab-password-{n}"),
        subject: Some(Template::parse(subject)),
        count,
    }
}
