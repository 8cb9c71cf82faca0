//! One recipe twice: here, and in a server behind a target.

use std::path::Path;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex};

use authbench_catalog::{Backing, BackingOptions, Node, Recipe};
use authbench_core::account::AccountFuture;
use authbench_core::{
    AccountDirectory, Credentials, Durability, DynStrategy, Guarantees, ManualClock, SeededEntropy,
    SubjectId,
};
use authbench_server::{Accounts, Server, ServerClock, ServerConfig};
use authbench_stores::faulty::Switch;
use authbench_target::{Target, TargetOptions};
use authbench_testkit::machine::BoxError;
use authbench_wire::{Profile, Transport};
use tempfile::TempDir;

use crate::recorder::Recorder;

const ACCOUNTS: u32 = 999_999;

/// Histories share both sides, but not their accounts.
pub(crate) struct Lab {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) switches: [Switch; 2],
    pub(crate) here: Arc<dyn DynStrategy>,
    pub(crate) there: Target,
    /// Of the server; also what the side here asks.
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) pairs: Arc<Pairs>,
    /// The access credentials that the server was shown.
    pub(crate) shown: Arc<Mutex<Vec<String>>>,
    pub(crate) accounts_taken: AtomicU32,
    pub(crate) mismatches: Mutex<Vec<String>>,
    /// An authorization server ends with its backing.
    _backings: Vec<Backing>,
    _homes: [TempDir; 2],
}

/// What both sides gave out in the same step.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) subject: SubjectId,
    pub(crate) here: Credentials,
    pub(crate) there: Credentials,
}

/// All that was given out, oldest first.
#[derive(Default)]
pub(crate) struct Pairs(Mutex<Vec<Pair>>);

impl Pairs {
    pub(crate) fn push(&self, pair: Pair) {
        self.0.lock().unwrap().push(pair);
    }

    pub(crate) fn find(&self, alike: impl Fn(&Pair) -> bool) -> Option<Pair> {
        let pairs = self.0.lock().unwrap();
        pairs.iter().find(|pair| alike(pair)).cloned()
    }

    pub(crate) fn of(&self, subject: &SubjectId) -> Vec<Pair> {
        let pairs = self.0.lock().unwrap();
        let own = pairs.iter().filter(|pair| pair.subject == *subject);
        own.cloned().collect()
    }
}

/// The server's accounts, as the side here knows their logins.
struct Mirror {
    accounts: Arc<Accounts>,
    pairs: Arc<Pairs>,
}

impl AccountDirectory for Mirror {
    fn account<'a>(&'a self, subject: &'a SubjectId) -> AccountFuture<'a> {
        Box::pin(async move {
            let state = self.accounts.account(subject).await?;
            Ok(state.map(|mut state| {
                let kept = state.kept;
                let pair = self.pairs.find(|pair| Some(pair.there.login) == kept);
                state.kept = pair.map(|pair| pair.here.login);
                state
            }))
        })
    }
}

impl Lab {
    pub(crate) async fn open(here: &Recipe, there: &Recipe) -> Result<Self, BoxError> {
        let homes = [tempfile::tempdir()?, tempfile::tempdir()?];
        let switches = [Switch::default(), Switch::default()];
        let clock = Arc::new(ManualClock::default());
        let accounts = Arc::new(Accounts::lab(ACCOUNTS, 0, &SeededEntropy::new(2))?);
        let pairs = Arc::<Pairs>::default();
        let mirror = Arc::new(Mirror {
            accounts: Arc::clone(&accounts),
            pairs: Arc::clone(&pairs),
        });
        let directories: [Arc<dyn AccountDirectory>; 2] = [mirror, Arc::clone(&accounts) as _];
        let open = |recipe, side: usize| {
            let options = BackingOptions {
                entropy: Arc::new(SeededEntropy::new(side as u64)),
                clock: Arc::clone(&clock) as _,
                accounts: Some(Arc::clone(&directories[side])),
                faults: Some(switches[side].clone()),
                stand_in: true,
                ..BackingOptions::new(homes[side].path())
            };
            Backing::open(recipe, options)
        };
        let mut backings = vec![open(here, 0).await?];
        let same = here.name == there.name;
        let here = backings[0].node().await?;
        // Without state both sides share the backing, and so the key: a token
        // that one of them refuses is then no stranger to the other.
        let shares = same && here.strategy.guarantees().durability == Durability::Stateless;
        if !shares {
            backings.push(open(there, 1).await?);
        }
        let there = backings[backings.len() - 1].node().await?;
        let promises = there.strategy.guarantees();
        let transport = there.transport.clone();
        let shown = Arc::default();
        let base_url = serve(
            there,
            Arc::clone(&accounts),
            Arc::clone(&clock),
            Arc::clone(&shown),
        )
        .await?;
        let there = Target::new(
            profile(&transport, promises),
            &base_url,
            &TargetOptions::default(),
        )?;
        Ok(Self {
            clock,
            switches,
            here: here.strategy,
            there,
            accounts,
            pairs,
            shown,
            accounts_taken: AtomicU32::new(0),
            mismatches: Mutex::default(),
            _backings: backings,
            _homes: homes,
        })
    }
}

async fn serve(
    node: Node,
    accounts: Arc<Accounts>,
    clock: Arc<ManualClock>,
    shown: Arc<Mutex<Vec<String>>>,
) -> Result<String, BoxError> {
    let recorder = Recorder::new(node.strategy, shown);
    let mut config = ServerConfig::new(Arc::new(recorder), node.transport, accounts);
    config.clock = Arc::new(ServerClock::new(clock));
    config.entropy = Arc::new(SeededEntropy::new(3));
    config.lab = true;
    let server = Server::bind(([127, 0, 0, 1], 0).into(), config).await?;
    let base_url = server.base_url();
    tokio::spawn(server.serve(std::future::pending()));
    Ok(base_url)
}

/// The shipped profile, with the address and the promises of this server.
fn profile(transport: &Transport, promises: Guarantees) -> Profile {
    let folder = format!("../../scenarios/targets/authbench-{}", transport.label());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut profile = Profile::read(&path).unwrap();
    profile.guarantees = promises;
    if let Some(pattern) = &mut profile.users.pattern {
        pattern.count = ACCOUNTS;
    }
    profile
}
