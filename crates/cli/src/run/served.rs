//! What is put under load: one strategy behind as many server processes as the
//! scenario asks for, with a driver before them and, where it is asked for,
//! proxies between them and their store.

pub(crate) mod launch;
mod serving;
mod strangers;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result};
use authbench_catalog::Recipe;
use authbench_engine::{Engine, EngineKind, EngineOptions};
use authbench_lab::proxy::Traffic;
use authbench_lab::services::Proxied;
use authbench_lab::{Placement, ServerCommand, ServerProcess, free_port};
use authbench_load::{Driver, DriverOptions, Share};
use authbench_wire::Transport;
use authbench_wire::profile::{Carrier, Profile, UserPattern, Users};
use authbench_wire::routes::Route;
use authbench_wire::template::Template;
use parking_lot::Mutex;

use crate::commands::serve::Ready;
use crate::run::candidate::Candidate;
use crate::run::doors::Doors;
use crate::run::library;
use crate::run::served::launch::Launch;
use crate::services::Services;

/// How long a server may take to begin to serve: keys and password hashes are
/// made at its start.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What servers and drivers are started on: the same for all of a run.
pub(crate) struct Grounds<'r> {
    pub(crate) placement: &'r Placement,
    pub(crate) services: &'r Services,
    pub(crate) engine: EngineKind,
    /// Threads of the driver; `None` is one for each of its cores.
    pub(crate) threads: Option<u32>,
}

/// What is wanted of the servers of one strategy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// Replicas of the service, at least 1.
    pub(crate) replicas: u32,
    /// Services of a chain, at least 1; with more than 1 there is one replica
    /// of each.
    pub(crate) hops: u32,
    /// Whether a server can be killed and come back with its keys.
    pub(crate) restarts: bool,
    /// Whether proxies stand between servers and a store that is a server.
    pub(crate) proxied: bool,
    /// Microseconds by which each round trip to the store is longer.
    pub(crate) store_round_trip_us: u64,
    /// Accounts without slow password hashes.
    pub(crate) accounts: u32,
    /// Accounts with them.
    pub(crate) hashed: u32,
    /// Roles of each account.
    pub(crate) roles: u32,
}

impl Setting {
    /// One plain server with so many accounts.
    pub(crate) const fn plain(accounts: u32, roles: u32) -> Self {
        Self {
            replicas: 1,
            hops: 1,
            restarts: false,
            proxied: false,
            store_round_trip_us: 0,
            accounts,
            hashed: 0,
            roles,
        }
    }

    /// Server processes.
    const fn processes(&self) -> u32 {
        if self.hops > self.replicas {
            self.hops
        } else {
            self.replicas
        }
    }

    const fn shares(&self) -> bool {
        self.processes() > 1 || self.restarts
    }
}

/// The servers of one strategy and their driver.
pub(crate) struct Served {
    pub(crate) profile: Profile,
    pub(crate) driver: Driver,
    pub(crate) fleet: Fleet,
    /// Whether every server accepts the logins that another has made.
    pub(crate) shares_logins: bool,
    /// What is served.
    pub(crate) candidate: Candidate,
    /// Threads of the driver.
    pub(crate) threads: u32,
    /// What carries its requests.
    pub(crate) engine: EngineKind,
}

impl Served {
    /// Starts servers of `candidate` on the server's cores, and aims a driver at
    /// all replicas, or at the first service of a chain.
    pub(crate) fn start(
        candidate: &Candidate,
        setting: Setting,
        grounds: &Grounds<'_>,
    ) -> Result<Self> {
        Self::launch(candidate, setting, grounds, &Launch::default())
    }

    /// The same, our own servers launched as `launch` says.
    pub(crate) fn launch(
        candidate: &Candidate,
        setting: Setting,
        grounds: &Grounds<'_>,
        launch: &Launch,
    ) -> Result<Self> {
        let (fleet, profile, shares_logins) = match candidate {
            Candidate::Recipe(recipe) => {
                let (fleet, ready) = Fleet::start(recipe, setting, grounds, launch)?;
                let profile = profile(recipe, &ready, setting)?;
                (fleet, profile, ready.shares_logins)
            }
            Candidate::Stranger(stranger) => {
                let (fleet, profile) = Fleet::of_stranger(stranger, setting, grounds)?;
                (fleet, profile, stranger.shares_logins())
            }
        };
        let first = *fleet.addresses.first().context("no server was asked for")?;
        let placement = grounds.placement;
        let lanes = lanes(placement, grounds.threads);
        let threads = u32::try_from(lanes.len()).unwrap_or(1).max(1);
        let options = DriverOptions {
            shared_core: placement.shared || !placement.pinned,
            engine: grounds.engine,
            lanes,
            share: Share::WHOLE,
            ..DriverOptions::default()
        };
        let mut driver = Driver::new(&profile, options)?;
        driver.aim(&fleet.entrances(fleet.setting.hops))?;
        Ok(Self {
            engine: engine(grounds.engine, first)?,
            profile,
            driver,
            fleet,
            shares_logins,
            candidate: candidate.clone(),
            threads,
        })
    }

    /// Aims the driver at the service that is `hops` before the end of the
    /// chain; at all replicas where there is no chain.
    pub(crate) fn enter(&mut self, hops: u32) -> Result<()> {
        Ok(self.driver.aim(&self.fleet.entrances(hops))?)
    }
}

/// Server processes of one strategy. Shared between the driver's thread, which
/// reads their CPU time, and the one that breaks them.
pub(crate) struct Fleet {
    pub(crate) doors: Doors,
    pub(crate) setting: Setting,
    /// In the order of the chain, if there is one.
    servers: Vec<Mutex<Server>>,
    addresses: Vec<SocketAddr>,
    /// Between the servers and their store; empty without.
    pub(crate) proxies: Vec<Proxied>,
    /// What the servers share; goes last.
    _shared: Option<tempfile::TempDir>,
}

struct Server {
    command: ServerCommand,
    process: ServerProcess,
    /// CPU time of those that were killed before it, nanoseconds.
    gone_cpu_ns: u64,
}

impl Fleet {
    fn start(
        recipe: &Recipe,
        setting: Setting,
        grounds: &Grounds<'_>,
        launch: &Launch,
    ) -> Result<(Self, Ready)> {
        let shared = setting.shares().then(tempfile::tempdir).transpose()?;
        let proxies = if setting.proxied {
            grounds.services.proxies(recipe)?
        } else {
            Vec::new()
        };
        let mut plain = launch.command(recipe, setting, grounds, &proxies)?;
        if let Some(folder) = &shared {
            plain = plain.args(["--share".as_ref(), folder.path().as_os_str()]);
        }
        let mut fleet = Self {
            doors: Doors::open()?,
            setting,
            servers: Vec::new(),
            addresses: Vec::new(),
            proxies,
            _shared: shared,
        };
        // A chain is started from its end: each must know the next.
        let mut first = None;
        for _ in 0..setting.processes() {
            let hashed = if first.is_none() { setting.hashed } else { 0 };
            let mut command = plain
                .clone()
                .args(["--listen", &listen(setting)?])
                .args(["--lab-hashed", &hashed.to_string()]);
            if setting.hops > 1
                && let Some(next) = fleet.addresses.last()
            {
                command = command.args(["--next", &format!("http://{next}")]);
            }
            let (process, ready) = command.start(PATIENCE, ready)?;
            fleet.addresses.push(ready.address);
            fleet.servers.push(Mutex::new(Server {
                command,
                process,
                gone_cpu_ns: 0,
            }));
            first.get_or_insert(ready);
        }
        if setting.hops > 1 {
            fleet.addresses.reverse();
            fleet.servers.reverse();
        }
        let ready = first.context("no server was asked for")?;
        fleet.slow_store(recipe)?;
        Ok((fleet, ready))
    }

    /// Makes the way to the store as long as the scenario says.
    fn slow_store(&self, recipe: &Recipe) -> Result<()> {
        let longer_us = self.setting.store_round_trip_us;
        if longer_us == 0 || recipe.storage.is_none() {
            return Ok(());
        }
        for proxied in &self.proxies {
            proxied.proxy.set_round_trip_us(longer_us)?;
        }
        if self.proxies.is_empty() {
            let request = authbench_wire::bodies::StoreRequest {
                fault: None,
                delay_us: longer_us,
            };
            self.doors
                .post(&self.addresses, Route::LabStore, &request)
                .context("the store cannot be slowed")?;
        }
        Ok(())
    }

    /// Where load goes: to all replicas, or to one service of the chain.
    fn entrances(&self, hops: u32) -> Vec<SocketAddr> {
        let behind = hops.clamp(1, self.setting.hops) as usize;
        match self.setting.hops {
            1 => self.addresses.clone(),
            _ => self.addresses[self.addresses.len() - behind..][..1].to_vec(),
        }
    }

    /// Where the servers listen.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// CPU time of all servers so far, nanoseconds; `None` if one of them is
    /// gone.
    pub(crate) fn cpu_ns(&self) -> Option<u64> {
        let servers = self.servers.iter();
        servers.map(|server| server.lock().cpu_ns()).sum()
    }

    /// Octets of all server processes.
    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        let servers = self.servers.iter();
        let bytes = servers.map(|server| {
            let resident = authbench_lab::memory::resident(server.lock().process.pid());
            Ok(resident
                .context("the server's memory cannot be read")?
                .rss_bytes)
        });
        bytes.sum()
    }

    /// What the servers counted so far.
    pub(crate) fn stats(&self) -> Result<authbench_wire::bodies::StatsResponse> {
        self.doors.stats(&self.addresses)
    }

    /// What has passed the proxies so far.
    pub(crate) fn traffic(&self) -> Traffic {
        let sums = self.proxies.iter().map(|proxied| proxied.proxy.traffic());
        sums.fold(Traffic::default(), |sum, one| Traffic {
            connections: sum.connections + one.connections,
            to_server_bytes: sum.to_server_bytes + one.to_server_bytes,
            to_client_bytes: sum.to_client_bytes + one.to_client_bytes,
            round_trips: sum.round_trips + one.round_trips,
        })
    }

    /// Stops a replica where it is, or lets it go on.
    pub(crate) fn pause(&self, replica: u32, paused: bool) -> Result<()> {
        let mut server = self.server(replica)?.lock();
        if paused {
            server.process.pause()?;
        } else {
            server.process.resume()?;
        }
        Ok(())
    }

    /// Kills a replica. Returns by how many milliseconds its clock had been
    /// stepped.
    pub(crate) fn kill(&self, replica: u32) -> Result<u64> {
        let mut server = self.server(replica)?.lock();
        let address = self.addresses[replica as usize];
        let ahead_ms = self.doors.step_clock(address, 0)?;
        server.gone_cpu_ns = server.cpu_ns().unwrap_or(server.gone_cpu_ns);
        server.process.kill()?;
        Ok(ahead_ms)
    }

    /// Starts a replica that was killed, and steps its clock; returns when it
    /// serves.
    pub(crate) fn revive(&self, replica: u32, ahead_ms: u64) -> Result<()> {
        // The driver reads CPU times meanwhile, and must not wait for it.
        let command = self.server(replica)?.lock().command.clone();
        let (process, ready) = command.start(PATIENCE, ready)?;
        self.server(replica)?.lock().process = process;
        self.doors.step_clock(ready.address, ahead_ms)?;
        Ok(())
    }

    fn server(&self, replica: u32) -> Result<&Mutex<Server>> {
        self.servers
            .get(replica as usize)
            .with_context(|| format!("there is no replica {replica}"))
    }
}

impl Server {
    fn cpu_ns(&self) -> Option<u64> {
        let own = authbench_lab::cpu::process_cpu_ns(self.process.pid()).ok()?;
        Some(self.gone_cpu_ns + own)
    }
}

/// What a server says when it serves.
pub(crate) fn ready(line: &str) -> Option<Ready> {
    serde_json::from_str(line).ok()
}

/// A server that is to come back needs a port that nobody takes meanwhile.
fn listen(setting: Setting) -> Result<String> {
    let port = if setting.restarts { free_port()? } else { 0 };
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string())
}

/// One thread of the driver for each entry, on that core; none is the calling
/// thread alone.
pub(crate) fn lanes(placement: &Placement, threads: Option<u32>) -> Vec<Option<usize>> {
    let cores: Vec<usize> = placement
        .pin_driver()
        .map(|cores| cores.iter().collect())
        .unwrap_or_default();
    let wanted = threads.map_or(cores.len(), |threads| threads as usize);
    if wanted <= 1 {
        return Vec::new();
    }
    (0..wanted)
        .map(|lane| cores.get(lane % cores.len().max(1)).copied())
        .collect()
}

/// The engine that `wanted` comes to here.
fn engine(wanted: EngineKind, server: SocketAddr) -> Result<EngineKind> {
    let options = EngineOptions {
        kind: wanted,
        ..EngineOptions::new(server)
    };
    Ok(Engine::<()>::open(&options)?.kind())
}

/// How the child finds the same recipe.
pub(crate) fn recipe_argument(recipe: &Recipe) -> String {
    let file = recipe.folder.join(format!("{}.toml", recipe.name));
    if file.is_file() {
        file.to_string_lossy().into_owned()
    } else {
        recipe.name.clone()
    }
}

/// The profile of our own server, with what this strategy and this run add.
fn profile(recipe: &Recipe, ready: &Ready, setting: Setting) -> Result<Profile> {
    let mut profile = library::target(&format!("authbench-{}", recipe.transport.label()))?;
    profile.name.clone_from(&recipe.name);
    profile.base_url = Some(format!("http://{}", ready.address));
    profile.guarantees = ready.guarantees;
    profile.users.pattern = Some(pattern("user-{n}", "acct-{n}", setting.accounts));
    if let (Transport::Cookie(cookie), Carrier::Cookie { name }) =
        (&recipe.transport, &mut profile.carrier)
    {
        cookie.name().clone_into(name);
    }
    if setting.hops > 1
        && let Some(whoami) = profile
            .operations
            .get_mut(&authbench_wire::Operation::Whoami)
    {
        whoami.path = Template::parse(Route::LabChain.path()).into();
    }
    Ok(profile)
}

/// The accounts whose passwords have slow hashes.
pub(crate) fn hashed_users(count: u32) -> Users {
    Users {
        pattern: Some(pattern("hashed-{n}", "hash-{n}", count)),
        ..Users::default()
    }
}

pub(crate) fn pattern(user: &str, subject: &str, count: u32) -> UserPattern {
    UserPattern {
        user: Template::parse(user),
        password: Template::parse("lab-password-{n}"),
        subject: Some(Template::parse(subject)),
        count,
    }
}
