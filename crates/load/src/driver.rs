//! The driver: a target, a population, and one time line for both. The phases
//! stand in files of their own: [`crate::login`], [`crate::cell`],
//! [`crate::revocation`].

use std::net::SocketAddr;

use authbench_wire::Profile;
use authbench_wire::profile::{User as Account, Users};

use crate::error::LoadError;
use crate::share::Share;
use crate::target::Target;
use crate::timeline::Timeline;
use crate::user::User;
use authbench_engine::{Engine, EngineKind, EngineOptions, Security};

/// What a driver is allowed to do.
#[derive(Clone, Copy, Debug, Default)]
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
}

/// Puts one target under load and judges what it answers.
#[derive(Debug)]
pub struct Driver {
    pub(crate) target: Target,
    pub(crate) users: Vec<User>,
    pub(crate) population: Option<Population>,
    pub(crate) timeline: Timeline,
    options: DriverOptions,
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
    /// [`LoadError`] when the address cannot be used (no `http`, not this
    /// machine) or the profile's requests cannot be made.
    pub fn new(profile: &Profile, options: DriverOptions) -> Result<Self, LoadError> {
        Ok(Self {
            target: Target::compile(profile, options.allow_remote)?,
            users: Vec::new(),
            population: None,
            timeline: Timeline::aligned(),
            options,
        })
    }

    /// Where the target listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.target.address
    }

    /// The users and connections to work with, all in one lane. Lines the
    /// clocks up.
    ///
    /// # Errors
    /// [`LoadError::NoPopulation`].
    pub(crate) fn lane(
        &mut self,
        connections: u32,
        timeout_ms: u64,
    ) -> Result<Lane<'_>, LoadError> {
        self.timeline.realign();
        let engine = self.engine_options(connections, timeout_ms);
        let population = self
            .population
            .as_ref()
            .filter(|_| !self.users.is_empty())
            .ok_or(LoadError::NoPopulation)?;
        Ok(Lane {
            target: &self.target,
            population,
            users: &mut self.users,
            share: Share::WHOLE,
            timeline: self.timeline,
            engine,
        })
    }

    /// Opens connections to the target.
    pub(crate) fn engine<T: Copy + 'static>(
        &self,
        connections: u32,
        timeout_ms: u64,
    ) -> Result<Engine<T>, LoadError> {
        Ok(Engine::open(&self.engine_options(connections, timeout_ms))?)
    }

    fn engine_options(&self, connections: u32, timeout_ms: u64) -> EngineOptions {
        EngineOptions {
            kind: self.options.engine,
            security: Security::Plain,
            connections,
            timeout_ms,
            shared_core: self.options.shared_core,
            never_sleeps: self.options.never_sleeps,
            ..EngineOptions::new(self.target.address)
        }
    }
}

/// Whose logins the virtual users hold.
#[derive(Clone, Debug)]
pub(crate) struct Population {
    /// All accounts.
    pub(crate) accounts: Accounts,
    /// The number of the first user's account; the others follow.
    pub(crate) first: u32,
}

impl Population {
    /// The account of a user.
    pub(crate) fn account(&self, user: u32) -> Option<Account> {
        self.accounts.nth(self.first.wrapping_add(user))
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

    /// How many there are.
    pub(crate) fn count(&self) -> u32 {
        self.0.count()
    }

    /// Account `number`, counted round and round.
    pub(crate) fn nth(&self, number: u32) -> Option<Account> {
        self.0.nth(number % self.count())
    }
}
