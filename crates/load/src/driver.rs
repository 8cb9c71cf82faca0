//! The driver: a target, a population, and one time line for both. The phases
//! stand in files of their own: [`crate::login`], [`crate::cell`],
//! [`crate::revocation`].

use std::net::SocketAddr;

use authbench_core::system::monotonic_ns;
use authbench_wire::Profile;
use authbench_wire::profile::{User as Account, Users};

use crate::error::{LoadError, UrlFault};
use crate::line::Line;
use crate::share::Share;
use crate::target::Target;
use crate::timeline::Timeline;
use crate::user::User;
use authbench_engine::{Engine, EngineError, EngineKind, EngineOptions, Security, Trust};

/// How long is waited for a clock to be stepped, milliseconds.
const CLOCK_TIMEOUT_MS: u64 = 10_000;

/// What a driver is allowed to do, and with what.
#[derive(Clone, Debug, Default)]
pub struct DriverOptions {
    /// Whether the target may be another machine than this one. Load on
    /// somebody else's machine is an attack, so ask whoever owns it.
    pub allow_remote: bool,
    /// Whether the server runs on the driver's core. The driver then sleeps
    /// until shortly (20 us) before each arrival, to leave the core to the
    /// server, and is later with its sends; else it watches the sockets for up
    /// to 200 us, which outlasts the time that an idle virtual core takes to
    /// wake up.
    pub shared_core: bool,
    /// Whether the driver never sleeps but watches the sockets all the time:
    /// the reference for how late it is otherwise.
    pub never_sleeps: bool,
    /// How requests reach the wire.
    pub engine: EngineKind,
    /// Whose certificates are believed where the target is `https`; `None`:
    /// such a target is refused.
    pub trust: Option<Trust>,
    /// The driver's lanes, and the core that each is pinned to, if to any:
    /// one thread for each entry, with users, connections and a part of the
    /// schedule of its own. The first lane is the calling thread, which is
    /// pinned while there is work. Without an entry there is one lane, the
    /// calling thread as it is.
    pub lanes: Vec<Option<usize>>,
    /// Which part of every load is this driver's; the others are other
    /// drivers'. Lanes have parts of this part.
    pub share: Share,
}

/// Puts one target under load and judges what it answers.
#[derive(Debug)]
pub struct Driver {
    pub(crate) target: Target,
    /// One for each lane, at least one.
    pub(crate) crews: Vec<Crew>,
    pub(crate) population: Option<Population>,
    pub(crate) timeline: Timeline,
    addresses: Vec<SocketAddr>,
    options: DriverOptions,
}

/// The users of a lane.
#[derive(Debug)]
pub(crate) struct Crew {
    /// The core that the lane is pinned to.
    pub(crate) core: Option<usize>,
    /// Which of all users they are.
    pub(crate) share: Share,
    /// The users: the `n`-th is user `share.user(n)` of all.
    pub(crate) users: Vec<User>,
}

/// One of the parts in which the driver's users are put to work: its own
/// users, and what it needs to open its own connections.
pub(crate) struct Lane<'d> {
    pub(crate) target: &'d Target,
    pub(crate) population: &'d Population,
    /// The lane's users: the `n`-th is user `share.user(n)` of all.
    pub(crate) users: &'d mut [User],
    /// Which of all users they are.
    pub(crate) share: Share,
    pub(crate) timeline: Timeline,
    /// The lane's own connections.
    pub(crate) engine: EngineOptions,
}

impl Driver {
    /// A driver for the server that `profile` describes, at the profile's
    /// `base_url`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`LoadError`] when the address cannot be used (no URL, not this machine,
    /// `https` without anybody to trust), the profile's requests cannot be made, or there are more
    /// lanes than can be numbered.
    pub fn new(profile: &Profile, options: DriverOptions) -> Result<Self, LoadError> {
        let target = Target::compile(profile, options.allow_remote)?;
        if target.endpoint.is_safe() && options.trust.is_none() {
            return Err(LoadError::Url {
                url: profile.base_url.clone().unwrap_or_default(),
                source: UrlFault::NoTrust,
            });
        }
        Ok(Self {
            addresses: vec![target.address],
            target,
            crews: crews(&options)?,
            population: None,
            timeline: Timeline::aligned(),
            options,
        })
    }

    /// Whether the driver never sleeps from now on, as in
    /// [`DriverOptions::never_sleeps`].
    pub fn set_never_sleeps(&mut self, never_sleeps: bool) {
        self.options.never_sleeps = never_sleeps;
    }

    /// Where the target listens: its first replica.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.target.address
    }

    /// How many replicas the target has.
    pub(crate) fn replicas(&self) -> usize {
        self.addresses.len()
    }

    /// How requests reach the wire, as it was asked for.
    #[must_use]
    pub fn engine_kind(&self) -> EngineKind {
        self.options.engine
    }

    /// From now on the target is to be found at these addresses, one for each
    /// replica, in place of the profile's. Logins stay as they are.
    ///
    /// # Errors
    /// [`LoadError`] when there is no address, or one is not on this machine
    /// and that was not allowed.
    pub fn aim(&mut self, addresses: &[SocketAddr]) -> Result<(), LoadError> {
        let first = *addresses.first().ok_or(EngineError::NoAddress)?;
        let remote = addresses.iter().find(|address| !address.ip().is_loopback());
        if let Some(address) = remote.copied().filter(|_| !self.options.allow_remote) {
            return Err(LoadError::Url {
                url: address.to_string(),
                source: UrlFault::NotLoopback { address },
            });
        }
        self.target.address = first;
        self.addresses = addresses.to_vec();
        Ok(())
    }

    /// All users forget their logins, as after a lost cookie jar; the target
    /// remembers them. Each will log in before it does anything else.
    pub fn forget_logins(&mut self) {
        let users = self.crews.iter_mut().flat_map(|crew| &mut crew.users);
        users.for_each(User::log_out);
    }

    /// Steps the clock of every replica `ms` forwards. Needs the lab's clock.
    ///
    /// # Errors
    /// [`LoadError`] when the target has none, or does not step it.
    pub fn step_clock(&mut self, ms: u64) -> Result<(), LoadError> {
        self.timeline.realign();
        let clock = self.target.need_clock()?;
        let mut lines = Vec::with_capacity(self.addresses.len());
        for address in &self.addresses {
            let options = EngineOptions {
                addresses: vec![*address],
                ..self.engine_options(1, CLOCK_TIMEOUT_MS)
            };
            let engine = Engine::open(&options)?;
            let line = Line::new(&self.target, self.timeline, engine, CLOCK_TIMEOUT_MS);
            lines.push((line, 0));
        }
        // One that was started later may be behind: all come to stand alike.
        let mut ahead_ms = 0;
        for (line, own_ms) in &mut lines {
            *own_ms = line.step_clock(clock, 0)?;
            ahead_ms = ahead_ms.max(*own_ms);
        }
        ahead_ms = ahead_ms.saturating_add(ms);
        for (line, own_ms) in &mut lines {
            line.step_clock(clock, ahead_ms - *own_ms)?;
        }
        self.timeline.set_ahead_ms(ahead_ms);
        Ok(())
    }

    /// Steps the clock of every replica until every access credential that a
    /// user holds has just expired, the slack that the target promises
    /// included. Returns by how many milliseconds: 0 if all had.
    ///
    /// # Errors
    /// [`LoadError`] when the target has no such clock, or does not step it.
    pub fn expire_access(&mut self) -> Result<u64, LoadError> {
        // Asks how far the clocks are ahead, and lines them up.
        self.step_clock(0)?;
        let now_ms = self.timeline.at(monotonic_ns()).0 / 1_000_000;
        let logins = self.crews.iter().flat_map(|crew| &crew.users);
        let expiries = logins.filter_map(|user| Some(user.login()?.expires_at));
        let slack_ms = self.target.guarantees.expiry_slack_ms;
        let last_ms = expiries.max().map_or(0, |last| last.plus_ms(slack_ms).0);
        let step_ms = (last_ms + 1).saturating_sub(now_ms);
        if last_ms == 0 || step_ms == 0 {
            return Ok(0);
        }
        self.step_clock(step_ms)?;
        Ok(step_ms)
    }

    /// The lanes at work: their users, and their parts of `connections`, at
    /// least one to each replica. Lines the clocks up.
    ///
    /// # Errors
    /// [`LoadError::NoPopulation`].
    pub(crate) fn lanes(
        &mut self,
        connections: u32,
        timeout_ms: u64,
    ) -> Result<Vec<(Option<usize>, Lane<'_>)>, LoadError> {
        self.timeline.realign();
        let options = self.engine_options(connections, timeout_ms);
        let population = self.population.as_ref().ok_or(LoadError::NoPopulation)?;
        if self.crews.iter().all(|crew| crew.users.is_empty()) {
            return Err(LoadError::NoPopulation);
        }
        let (target, timeline) = (&self.target, self.timeline);
        let replicas = self.addresses.len() as u32;
        let lanes = self.crews.iter_mut().map(|crew| {
            let mut engine = options.clone();
            engine.connections = crew.share.count(connections).max(replicas);
            let lane = Lane {
                target,
                population,
                users: &mut crew.users,
                share: crew.share,
                timeline,
                engine,
            };
            (crew.core, lane)
        });
        Ok(lanes.collect())
    }

    /// Opens connections to the target.
    pub(crate) fn engine<T: Copy + 'static>(
        &self,
        connections: u32,
        timeout_ms: u64,
    ) -> Result<Engine<T>, LoadError> {
        Ok(Engine::open(&self.engine_options(connections, timeout_ms))?)
    }

    /// What protects them.
    fn security(&self) -> Security {
        let trust = self.options.trust.as_ref();
        trust.map_or(Security::Plain, |trust| {
            self.target.endpoint.security(trust)
        })
    }

    /// Connections to the target.
    pub(crate) fn engine_options(&self, connections: u32, timeout_ms: u64) -> EngineOptions {
        EngineOptions {
            kind: self.options.engine,
            addresses: self.addresses.clone(),
            security: self.security(),
            // At least one to each.
            connections: connections.max(self.addresses.len() as u32),
            timeout_ms,
            shared_core: self.options.shared_core,
            never_sleeps: self.options.never_sleeps,
            ..EngineOptions::new(self.target.address)
        }
    }
}

/// A crew without users for each lane.
fn crews(options: &DriverOptions) -> Result<Vec<Crew>, LoadError> {
    let cores = match options.lanes.as_slice() {
        [] => &[None],
        cores => cores,
    };
    let of = u32::try_from(cores.len()).unwrap_or(u32::MAX);
    let crews = (0..of).zip(cores).map(|(lane, core)| {
        Some(Crew {
            core: *core,
            share: options.share.part(lane, of)?,
            users: Vec::new(),
        })
    });
    crews
        .collect::<Option<_>>()
        .ok_or(LoadError::TooManyLanes { lanes: cores.len() })
}

/// Whose logins the virtual users hold.
#[derive(Clone, Debug)]
pub(crate) struct Population {
    /// All accounts.
    pub(crate) accounts: Accounts,
    /// The number of the first user's account; the others follow.
    pub(crate) first: u32,
    /// How many accounts they have: user `n` has account `n` modulo this.
    pub(crate) accounts_used: u32,
    /// How many users there are, those of other drivers included.
    pub(crate) users: u32,
}

impl Population {
    /// The account of a user, by the number among all users.
    pub(crate) fn account(&self, user: u32) -> Option<Account> {
        let own = user % self.accounts_used.max(1);
        self.accounts.nth(self.first.wrapping_add(own))
    }
}

/// The accounts that a target has.
#[derive(Clone, Debug)]
pub(crate) struct Accounts(Users);

impl Accounts {
    pub(crate) fn new(users: &Users) -> Result<Self, LoadError> {
        if users.count() == 0 {
            return Err(LoadError::TooFewUsers {
                wanted: 0,
                available: 0,
            });
        }
        Ok(Self(users.clone()))
    }

    /// Who may administer them, if anybody.
    pub(crate) fn admin(&self) -> Option<&Account> {
        self.0.admin.as_ref()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u32 {
        self.0.count()
    }

    /// Account `number`, counted round and round.
    pub(crate) fn nth(&self, number: u32) -> Option<Account> {
        self.0.nth(number % self.count())
    }
}
