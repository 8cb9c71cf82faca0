//! What the nodes (replicas) of one strategy share, and a node built on it.
//!
//! A backing stands for everything that outlives a node: the store's contents
//! and the keys. Building a node anew on the same backing is a restart.

mod error;
mod follow;
mod fresh;
mod keys;
mod scheme;
mod storage;

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use authbench_authority::Running;
use authbench_core::strategy::DynStrategy;
use authbench_core::system::{OsEntropy, SystemClock};
use authbench_core::{AccountDirectory, Clock, Entropy, StoreError, UnixMs};
use authbench_stores::Fault;
use authbench_wire::Transport;
use authbench_wire::bodies::{StatsResponse, StoreFault, StorePeekResponse, StoreRequest};

pub use authbench_stores::Switch;
pub use error::BuildError;

use crate::recipe::Recipe;
use crate::registry::{Scheme, Service};
use crate::share::ShareFolder;
use keys::Keys;
use storage::Shared;

/// Milliseconds after which an operation that hangs in the lab fails.
const HANG_MS: u32 = 60 * 60 * 1000;

/// How a backing is opened.
#[derive(Clone)]
pub struct BackingOptions {
    /// Where identifiers and keys come from.
    pub entropy: Arc<dyn Entropy>,
    /// Tells caches how old their entries are.
    pub clock: Arc<dyn Clock>,
    /// A folder for files that a recipe does not place itself.
    pub home: PathBuf,
    /// Gives subjects the same places in a table in memory in every process,
    /// for counts that must come out the same each time; none is random. Never
    /// for a server that is reached from outside
    /// ([`MemoryStore::with_hash_seed`](authbench_stores::MemoryStore::with_hash_seed)).
    pub hash_seed: Option<u64>,
    /// Where replicas in other processes find the same keys, the same names in
    /// store servers and the same SQLite file, if there are such replicas.
    pub share: Option<Arc<ShareFolder>>,
    /// Where the servers are that stores need and recipes do not name.
    pub services: ServiceUrls,
    /// The accounts, for schemes that ask for them.
    pub accounts: Option<Arc<dyn AccountDirectory>>,
    /// Breaks and slows the store, where a test or the lab wants that.
    pub faults: Option<Switch>,
    /// Whether nodes count their store operations.
    pub metered: bool,
    /// Whether a table in memory stands in for a store that needs a server:
    /// enough to ask a strategy what it promises, its durability apart, and
    /// how often it asks its store.
    pub stand_in: bool,
}

impl BackingOptions {
    /// The system's clock and entropy, no server, no accounts, nothing
    /// counted, nothing cut off.
    #[must_use]
    pub fn new(home: &Path) -> Self {
        Self {
            entropy: Arc::new(OsEntropy),
            clock: Arc::new(SystemClock),
            home: home.to_owned(),
            hash_seed: None,
            share: None,
            services: ServiceUrls::default(),
            accounts: None,
            faults: None,
            metered: false,
            stand_in: false,
        }
    }
}

/// Where servers are: URLs as their client libraries read them, with
/// passwords. On a server that others use, too, a backing keeps to a schema or
/// key prefix of its own.
#[derive(Clone, Default)]
pub struct ServiceUrls {
    /// MariaDB or MySQL.
    pub mysql: Option<String>,
    /// PostgreSQL.
    pub postgres: Option<String>,
    /// Redis.
    pub redis: Option<String>,
}

impl ServiceUrls {
    /// Where `service` is, if that is known.
    #[must_use]
    pub fn of(&self, service: Service) -> Option<&str> {
        let url = match service {
            Service::Mysql => &self.mysql,
            Service::Postgres => &self.postgres,
            Service::Redis => &self.redis,
        };
        url.as_deref()
    }
}

/// What the nodes of one strategy share.
pub struct Backing {
    recipe: Recipe,
    options: BackingOptions,
    keys: Keys,
    shared: Shared,
    /// The authorization server, where the nodes are only resource servers,
    /// with what is beside its store.
    authority: Option<Arc<Running>>,
    behind: Beside,
}

/// What a server does with a store beside the strategy.
#[derive(Clone, Default)]
struct Beside {
    stats: Option<Stats>,
    sweeper: Option<Arc<dyn Sweep>>,
    contents: Option<Arc<dyn Contents>>,
}

/// One node: a strategy that runs, and what a server needs beside it.
#[derive(Clone)]
pub struct Node {
    /// The recipe's name.
    pub name: String,
    /// Decides who is calling.
    pub strategy: Arc<dyn DynStrategy>,
    /// How credentials travel.
    pub transport: Transport,
    /// The public keys (RFC 7517), where there are such.
    pub jwks: Option<PublicKeys>,
    /// Replaces the signing key, where keys can change.
    pub rotate_keys: Option<RotateKeys>,
    /// Reads the node's counts; there only if it was asked for.
    pub stats: Option<Stats>,
    /// Breaks, slows and mends the node's store; there only with a store, and if
    /// the backing was opened with a switch for faults.
    pub set_store: Option<SetStore>,
    /// What the node's store holds; there only with a store.
    pub contents: Option<Arc<dyn Contents>>,
    /// The key that signs, private half included; there only where access
    /// tokens are JWTs.
    pub signing_key: Option<SigningKey>,
    /// Removes what has expired; there only with a store that does not do so
    /// by itself.
    pub sweeper: Option<Arc<dyn Sweep>>,
    /// What must live as long as the node does.
    pub keeps: Option<Arc<dyn Any + Send + Sync>>,
}

/// The public keys of a node.
#[derive(Clone)]
pub struct PublicKeys {
    /// The set at an instant (RFC 7517 5).
    pub at: Arc<dyn Fn(UnixMs) -> Option<serde_json::Value> + Send + Sync>,
    /// Milliseconds for which whoever reads the set may keep it.
    pub fresh_ms: u64,
}

/// Puts a new signing key in the place of the present one.
pub type RotateKeys =
    Arc<dyn Fn(UnixMs) -> Result<(), Box<dyn std::error::Error + Send + Sync>> + Send + Sync>;

/// The key that signs at an instant, as a JWK with its private members.
pub type SigningKey = Arc<
    dyn Fn(UnixMs) -> Result<serde_json::Value, Box<dyn std::error::Error + Send + Sync>>
        + Send
        + Sync,
>;

/// What a store holds, past all that stands before it: for those who test.
pub trait Contents: Send + Sync {
    /// Everything that it holds.
    fn peek(&self) -> ContentsFuture<'_, StorePeekResponse>;

    /// Loses all of it.
    fn wipe(&self) -> ContentsFuture<'_, ()>;
}

/// The future of a look into a store.
pub type ContentsFuture<'a, T> =
    std::pin::Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Breaks, slows and mends a node's store.
pub type SetStore = Arc<dyn Fn(StoreRequest) -> Result<(), StoreError> + Send + Sync>;

/// Reads a node's counts.
pub type Stats = Arc<dyn Fn() -> StatsResponse + Send + Sync>;

/// Removes expired records.
pub trait Sweep: Send + Sync {
    /// Removes up to `limit` records that had expired at `at`; says how many.
    fn sweep(&self, at: UnixMs, limit: u64) -> SweepFuture<'_>;
}

/// The future of one sweep.
pub type SweepFuture<'a> =
    std::pin::Pin<Box<dyn Future<Output = Result<u64, StoreError>> + Send + 'a>>;

impl Backing {
    /// Opens what the nodes will share: makes or loads keys, makes the store.
    ///
    /// # Errors
    /// [`BuildError`] when a key is bad or a store cannot be opened.
    pub async fn open(recipe: &Recipe, options: BackingOptions) -> Result<Self, BuildError> {
        let keys = Keys::make(recipe, &options)?;
        // Tables are made by one at a time.
        let alone = match &options.share {
            Some(share) => Some(share.alone().await?),
            None => None,
        };
        let shared = Shared::open(recipe, &options).await?;
        drop(alone);
        Self::from_parts(recipe.clone(), options, keys, shared).await
    }

    /// What a crash leaves of a store in this process's memory: nothing of the
    /// store, and the keys. None where the store is elsewhere, or there is
    /// none.
    ///
    /// # Errors
    /// As [`Backing::open`].
    pub async fn after_memory_loss(&self) -> Result<Option<Self>, BuildError> {
        if !matches!(self.shared, Shared::Memory(_)) {
            return Ok(None);
        }
        let shared = Shared::open(&self.recipe, &self.options).await?;
        let (options, keys) = (self.options.clone(), self.keys.clone());
        let backing = Self::from_parts(self.recipe.clone(), options, keys, shared).await?;
        Ok(Some(backing))
    }

    async fn from_parts(
        recipe: Recipe,
        options: BackingOptions,
        keys: Keys,
        shared: Shared,
    ) -> Result<Self, BuildError> {
        let mut backing = Self {
            recipe,
            options,
            keys,
            shared,
            authority: None,
            behind: Beside::default(),
        };
        if matches!(backing.recipe.scheme, Scheme::Introspection(_))
            && let Some(opened) = backing.opened().await?
        {
            backing.authority = scheme::authority(&backing.recipe, opened.store, &backing.options)?;
            backing.behind = Beside {
                stats: opened.stats,
                sweeper: opened.sweeper,
                contents: Some(opened.contents),
            };
        }
        Ok(backing)
    }

    /// A new node on this backing. It shares with the others what a restart
    /// leaves, the keys or the store's contents, and nothing else.
    ///
    /// # Errors
    /// [`BuildError`] when the settings make no sense or the store cannot be
    /// opened.
    pub async fn node(&self) -> Result<Node, BuildError> {
        let (store, beside) = if self.authority.is_some() {
            (None, self.behind.clone())
        } else {
            match self.opened().await? {
                None => (None, Beside::default()),
                Some(opened) => {
                    let beside = Beside {
                        stats: opened.stats,
                        sweeper: opened.sweeper,
                        contents: Some(opened.contents),
                    };
                    (Some(opened.store), beside)
                }
            }
        };
        let none = || Arc::new(StatsResponse::default) as Stats;
        let stats = beside.stats.or_else(|| self.options.metered.then(none));
        let built = self.strategy(store)?;
        Ok(Node {
            name: self.recipe.name.clone(),
            strategy: built.strategy,
            transport: self.recipe.transport.clone(),
            jwks: built.jwks,
            rotate_keys: built.rotate_keys,
            stats,
            set_store: self.set_store(),
            contents: beside.contents,
            signing_key: built.signing_key,
            sweeper: beside.sweeper,
            keeps: built.keeps,
        })
    }

    /// What breaks and mends the store, if there is one.
    fn set_store(&self) -> Option<SetStore> {
        let switch = self.options.faults.clone()?;
        self.recipe.storage.as_ref()?;
        Some(Arc::new(move |asked: StoreRequest| {
            switch.set_delay_us(asked.delay_us)?;
            switch.set(asked.fault.map(|fault| match fault {
                StoreFault::Fail => Fault::Refuse,
                StoreFault::Hang => Fault::Hang {
                    give_up_ms: HANG_MS,
                },
                StoreFault::Truncate => Fault::Truncate,
            }));
            Ok(())
        }))
    }

    /// The store of one more node, or of the authorization server.
    async fn opened(&self) -> Result<Option<storage::Opened>, BuildError> {
        let storage = self.recipe.storage.as_ref();
        self.shared.node(storage, &self.options).await
    }

    /// Removes what this backing has put on a server that others use, too,
    /// unless the recipe gives it a name there, or replicas in other processes
    /// still use it: then the last of them removes it. Nodes that still run
    /// fail afterwards.
    ///
    /// # Errors
    /// [`StoreError`] when the server did not confirm it.
    pub async fn remove(&self) -> Result<(), StoreError> {
        match &self.options.share {
            Some(share) if !share.is_last() => Ok(()),
            _ => self.shared.remove(&self.recipe).await,
        }
    }
}
