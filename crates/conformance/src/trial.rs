//! One check under way: what it may use, and where it tells what it found.

mod cases;
mod clock;
mod control;
mod people;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use authbench_results::{CaseReport, Measured};
use authbench_wire::Operation;
use authbench_wire::profile::{Policy, Profile, Request};
use parking_lot::Mutex;
use rand::SeedableRng as _;
use rand_chacha::ChaCha12Rng;

use crate::answer::Answer;
use crate::ask::Ask;
use crate::client::Client;
use crate::hooks::{Door, Hooks};
use crate::options::Options;
use crate::stop::Stop;
use crate::target::Target;
use crate::verifier::Verifier;

pub(crate) use cases::chain as cause_chain;
pub use control::Who;

/// What a whole run shares.
pub(crate) struct Shared {
    pub(crate) client: Client,
    /// The next account from the beginning of the pool.
    pub(crate) next_user: AtomicU32,
    /// How many accounts from its end were used up.
    pub(crate) expended: AtomicU32,
    /// The anti-forgery token that goes with an access credential.
    pub(crate) proofs: Mutex<HashMap<String, String>>,
}

/// One check under way.
pub struct Trial<'t> {
    target: &'t Target,
    options: &'t Options,
    shared: &'t Shared,
    found: Mutex<Found>,
    random: Mutex<ChaCha12Rng>,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) cases: Vec<CaseReport>,
    pub(crate) notes: Vec<String>,
    pub(crate) measured: Vec<Measured>,
}

impl<'t> Trial<'t> {
    pub(crate) fn new(
        target: &'t Target,
        options: &'t Options,
        shared: &'t Shared,
        salt: u64,
    ) -> Self {
        let seed = options.seed ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self {
            target,
            options,
            shared,
            found: Mutex::default(),
            random: Mutex::new(ChaCha12Rng::seed_from_u64(seed)),
        }
    }

    /// What describes the target.
    #[must_use]
    pub fn profile(&self) -> &'t Profile {
        &self.target.profile
    }

    /// The target itself.
    #[must_use]
    pub fn target(&self) -> &'t Target {
        self.target
    }

    /// What the target is held to.
    #[must_use]
    pub fn policy(&self) -> &'t Policy {
        &self.target.profile.policy
    }

    /// The bounds of the run.
    #[must_use]
    pub fn options(&self) -> &'t Options {
        self.options
    }

    /// The doors.
    #[must_use]
    pub fn hooks(&self) -> &'t dyn Hooks {
        &*self.target.hooks
    }

    /// The target's verifier in this process.
    ///
    /// # Errors
    /// [`Stop::NotApplicable`] when there is none.
    pub fn verifier(&self) -> Result<&'t Arc<dyn Verifier>, Stop> {
        let verifier = self.target.verifier.as_ref();
        verifier.ok_or_else(|| {
            Stop::NotApplicable(
                "needs the target's verifier inside this process, which only our own schemes \
                 have; for others `authbench conform vectors` shows how it is done"
                    .to_owned(),
            )
        })
    }

    /// Demands a door.
    ///
    /// # Errors
    /// [`Stop::NotApplicable`] when it is not there.
    pub fn door(&self, door: Door) -> Result<(), Stop> {
        match self.target.hooks.has(door) {
            true => Ok(()),
            false => Err(Stop::no_door(door)),
        }
    }

    /// How many replicas there are.
    #[must_use]
    pub fn replicas(&self) -> usize {
        self.target.origins.len()
    }

    /// Demands a second replica.
    ///
    /// # Errors
    /// [`Stop::NotApplicable`] when there is none.
    pub fn second_replica(&self) -> Result<usize, Stop> {
        match self.replicas() {
            0 | 1 => Err(Stop::needs("replicas")),
            _ => Ok(1),
        }
    }

    /// Scheme, host and port of a replica.
    ///
    /// # Errors
    /// [`Stop::NotApplicable`] when there is no such replica.
    pub fn origin(&self, replica: usize) -> Result<&'t str, Stop> {
        let origin = self.target.origins.get(replica);
        origin
            .map(String::as_str)
            .ok_or_else(|| Stop::needs("replicas"))
    }

    /// How the profile asks for `operation`.
    ///
    /// # Errors
    /// [`Stop::NotApplicable`] when the target has no such operation.
    pub fn request(&self, operation: Operation) -> Result<&'t Request, Stop> {
        let profile = self.profile();
        profile
            .request(operation)
            .ok_or_else(|| Stop::absent(operation, profile.absent.get(&operation)))
    }

    /// Whether the target has the operation.
    #[must_use]
    pub fn has(&self, operation: Operation) -> bool {
        self.profile().request(operation).is_some()
    }

    /// A request of `operation`, without credentials.
    ///
    /// # Errors
    /// [`Stop::NotApplicable`] when the target has no such operation.
    pub fn ask(&'t self, operation: Operation) -> Result<Ask<'t>, Stop> {
        Ask::operation(self, operation)
    }

    /// A request that is no operation of the profile.
    pub fn ask_bare(&'t self) -> Ask<'t> {
        Ask::bare(self)
    }

    /// Whether `answer` is one that the profile counts as done.
    #[must_use]
    pub fn done(&self, operation: Operation, answer: &Answer) -> bool {
        let request = self.profile().request(operation);
        request.is_some_and(|request| request.success.contains(&answer.status))
    }

    /// Keeps `secret` out of all evidence.
    pub fn hide(&self, secret: &str) {
        self.client().mask.hide(secret);
    }

    /// Random choices that the seed repeats.
    pub fn random<T>(&self, choose: impl FnOnce(&mut ChaCha12Rng) -> T) -> T {
        choose(&mut self.random.lock())
    }

    pub(crate) fn client(&self) -> &'t Client {
        &self.shared.client
    }

    pub(crate) fn shared(&self) -> &'t Shared {
        self.shared
    }

    pub(crate) fn into_found(self) -> Found {
        self.found.into_inner()
    }
}
