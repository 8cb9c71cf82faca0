//! What the nodes (replicas) of one strategy share, and a node built on it.
//!
//! A backing stands for everything that outlives a node: the store's contents
//! and the signing key. Building a node anew on the same backing is a restart.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use authbench_core::strategy::DynStrategy;
use authbench_core::{Entropy, RecordStore, StoreError, UnixMs};
use authbench_schemes::jwt::{self, Algorithm, Jwt, KeyError, SettingsError, SigningKey};
use authbench_schemes::session::{self, Session};
use authbench_stores::{
    Faulty, MemoryStore, Metered, SqliteSettings, SqliteStore, StoreCounts, Switch,
};
use authbench_wire::Transport;
use authbench_wire::bodies::StatsResponse;

use zeroize::Zeroizing;

use crate::recipe::Recipe;
use crate::registry::{Scheme, Store};

/// How a backing is opened.
#[derive(Clone)]
pub struct BackingOptions {
    /// Where identifiers and keys come from.
    pub entropy: Arc<dyn Entropy>,
    /// A folder for files that a recipe does not place itself.
    pub home: PathBuf,
    /// Cuts the store off, where a test wants that.
    pub faults: Option<Switch>,
    /// Whether nodes count their store operations.
    pub metered: bool,
}

/// What the nodes of one strategy share.
pub struct Backing {
    recipe: Recipe,
    options: BackingOptions,
    shared: Shared,
}

enum Shared {
    Jwt {
        settings: jwt::Settings,
        key: Arc<SigningKey>,
    },
    Memory {
        settings: session::Settings,
        store: Arc<MemoryStore>,
    },
    Sqlite {
        settings: session::Settings,
        store: SqliteSettings,
    },
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
    pub jwks: Option<serde_json::Value>,
    /// Reads the node's counts; there only if it was asked for.
    pub stats: Option<Stats>,
    /// Removes what has expired; there only with a store.
    pub sweeper: Option<Arc<dyn Sweep>>,
}

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

/// A strategy could not be built from its recipe.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The key file could not be read.
    #[error("`{}`: the key file cannot be read", file.display())]
    KeyFile {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The key is no good for its algorithm, or could not be made.
    #[error("{}", key_place(file.as_deref()))]
    Key {
        /// The key file, if there is one.
        file: Option<PathBuf>,
        /// Why.
        #[source]
        source: KeyError,
    },
    /// The settings make no sense.
    #[error("the settings of strategy `{recipe}` make no sense")]
    Settings {
        /// Which recipe.
        recipe: String,
        /// Why.
        #[source]
        source: SettingsError,
    },
    /// The store could not be opened.
    #[error("the store cannot be opened")]
    Store(#[from] StoreError),
}

impl BuildError {
    /// Whether the input is at fault (a key file, a setting), so that trying
    /// again is of no use; otherwise it is an outage.
    #[must_use]
    pub const fn is_input(&self) -> bool {
        match self {
            Self::KeyFile { .. } | Self::Settings { .. } => true,
            Self::Key { source, .. } => !matches!(
                source,
                KeyError::Entropy(_) | KeyError::Generation { .. } | KeyError::Form(_)
            ),
            Self::Store(_) => false,
        }
    }
}

fn key_place(file: Option<&Path>) -> String {
    match file {
        Some(file) => format!("`{}`: not a usable signing key", file.display()),
        None => "a signing key could not be made".to_owned(),
    }
}

impl Backing {
    /// Opens what the nodes will share: makes or loads keys, makes the store.
    ///
    /// # Errors
    /// [`BuildError`] when a key is bad or a store cannot be opened.
    pub async fn open(recipe: &Recipe, options: BackingOptions) -> Result<Self, BuildError> {
        let shared = match &recipe.scheme {
            Scheme::Jwt(settings) => Shared::Jwt {
                settings: settings.clone(),
                key: Arc::new(signing_key(recipe, settings, &options)?),
            },
            Scheme::Session { settings, store } => match store {
                Store::Memory(_) => Shared::Memory {
                    settings: *settings,
                    store: Arc::new(MemoryStore::new()),
                },
                Store::Sqlite(sqlite) => {
                    let store = placed(recipe, sqlite, &options);
                    // Makes file and tables, so that nodes may open it at once.
                    SqliteStore::open(store.clone()).await?.close().await;
                    let settings = *settings;
                    Shared::Sqlite { settings, store }
                }
            },
        };
        Ok(Self {
            recipe: recipe.clone(),
            options,
            shared,
        })
    }

    /// A new node on this backing. It shares with the others what a restart
    /// leaves, the key or the store's contents, and nothing else.
    ///
    /// # Errors
    /// [`BuildError`] when the settings make no sense or the store cannot be
    /// opened.
    pub async fn node(&self) -> Result<Node, BuildError> {
        match &self.shared {
            Shared::Jwt { settings, key } => self.jwt(settings, key),
            Shared::Memory { settings, store } => {
                Ok(self.with_store(*settings, Arc::clone(store), |_| 0))
            }
            Shared::Sqlite { settings, store } => {
                let store = Arc::new(SqliteStore::open(store.clone()).await?);
                let bytes = |store: &SqliteStore| database_bytes(store.path());
                Ok(self.with_store(*settings, store, bytes))
            }
        }
    }

    fn jwt(&self, settings: &jwt::Settings, key: &Arc<SigningKey>) -> Result<Node, BuildError> {
        let entropy = Arc::clone(&self.options.entropy);
        let jwt = Jwt::new(settings.clone(), Arc::clone(key), entropy);
        let jwt = jwt.map_err(|source| BuildError::Settings {
            recipe: self.recipe.name.clone(),
            source,
        })?;
        let stats = || Arc::new(StatsResponse::default) as Stats;
        Ok(Node {
            jwks: Some(jwt.jwks()),
            stats: self.options.metered.then(stats),
            ..self.bare(Arc::new(jwt))
        })
    }

    /// Puts the wrappers that were asked for around the store.
    fn with_store<S: RecordStore + 'static>(
        &self,
        settings: session::Settings,
        store: Arc<S>,
        bytes: fn(&S) -> u64,
    ) -> Node {
        if !self.options.metered {
            return self.with_faults(settings, store);
        }
        let metered = Arc::new(Metered::new(Arc::clone(&store)));
        let node = self.with_faults(settings, Arc::clone(&metered));
        let stats = move || StatsResponse {
            store_operations: operations(metered.counts()),
            store_bytes: bytes(&store),
        };
        Node {
            stats: Some(Arc::new(stats)),
            ..node
        }
    }

    fn with_faults<S: RecordStore + 'static>(
        &self,
        settings: session::Settings,
        store: Arc<S>,
    ) -> Node {
        match &self.options.faults {
            None => self.session(settings, store),
            Some(switch) => self.session(settings, Arc::new(Faulty::new(store, switch.clone()))),
        }
    }

    fn session<S: RecordStore + 'static>(
        &self,
        settings: session::Settings,
        store: Arc<S>,
    ) -> Node {
        let entropy = Arc::clone(&self.options.entropy);
        let strategy = Session::new(settings, Arc::clone(&store), entropy);
        Node {
            sweeper: Some(Arc::new(Sweeper(store))),
            ..self.bare(Arc::new(strategy))
        }
    }

    fn bare(&self, strategy: Arc<dyn DynStrategy>) -> Node {
        Node {
            name: self.recipe.name.clone(),
            strategy,
            transport: self.recipe.transport.clone(),
            jwks: None,
            stats: None,
            sweeper: None,
        }
    }
}

struct Sweeper<S>(Arc<S>);

impl<S: RecordStore> Sweep for Sweeper<S> {
    fn sweep(&self, at: UnixMs, limit: u64) -> SweepFuture<'_> {
        Box::pin(self.0.purge(at, limit))
    }
}

/// Reads the key, or makes one.
fn signing_key(
    recipe: &Recipe,
    settings: &jwt::Settings,
    options: &BackingOptions,
) -> Result<SigningKey, BuildError> {
    let algorithm = settings.algorithm;
    let Some(file) = &settings.key_file else {
        return SigningKey::generate(algorithm, &options.entropy)
            .map_err(|source| BuildError::Key { file: None, source });
    };
    let file = recipe.folder.join(file);
    let octets = match std::fs::read(&file) {
        Ok(octets) => Zeroizing::new(octets),
        Err(source) => return Err(BuildError::KeyFile { file, source }),
    };
    let key = match algorithm {
        Algorithm::Hs256 => SigningKey::from_secret(&octets),
        Algorithm::EdDsa | Algorithm::Es256 | Algorithm::Rs256 => {
            SigningKey::from_pem(algorithm, octets.as_slice())
        }
    };
    key.map_err(|source| BuildError::Key {
        file: Some(file),
        source,
    })
}

/// The store's settings with the place of its file.
fn placed(recipe: &Recipe, sqlite: &SqliteSettings, options: &BackingOptions) -> SqliteSettings {
    let path = match &sqlite.path {
        Some(path) => recipe.folder.join(path),
        None => options.home.join("records.sqlite"),
    };
    SqliteSettings {
        path: Some(path),
        ..sqlite.clone()
    }
}

/// The database, its log and the log's index.
fn database_bytes(database: &Path) -> u64 {
    ["", "-wal", "-shm"]
        .iter()
        .map(|ending| {
            let mut path = database.as_os_str().to_owned();
            path.push(ending);
            std::fs::metadata(path).map_or(0, |file| file.len())
        })
        .sum()
}

fn operations(counts: StoreCounts) -> BTreeMap<String, u64> {
    let StoreCounts {
        gets,
        inserts,
        swaps,
        deletes,
        deletes_by_subject,
        lists,
        purges,
    } = counts;
    [
        ("get", gets),
        ("insert", inserts),
        ("swap", swaps),
        ("delete", deletes),
        ("delete-by-subject", deletes_by_subject),
        ("list", lists),
        ("purge", purges),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .map(|(kind, count)| (kind.to_owned(), count))
    .collect()
}
