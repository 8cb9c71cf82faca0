//! What the nodes (replicas) of one strategy share, and a node built on it.
//!
//! A backing stands for everything that outlives a node: the store's contents
//! and the signing key. Building a node anew on the same backing is a restart.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use authbench_core::strategy::DynStrategy;
use authbench_core::{Entropy, RecordStore, StoreError, UnixMs};
use authbench_schemes::jwt::{Algorithm, Jwt, KeyError, Settings, SettingsError, SigningKey};
use authbench_schemes::session::{self, Session};
use authbench_stores::{
    Faulty, MemoryStore, Metered, SqliteSettings, SqliteStore, StoreCounts, Switch,
};
use authbench_wire::Transport;
use authbench_wire::bodies::StatsResponse;

use crate::recipe::Recipe;
use crate::registry::{self, JwtSettings, Scheme, Store};

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
    Jwt(Arc<Jwt<Arc<dyn Entropy>>>),
    Memory(Arc<MemoryStore>),
    Sqlite(SqliteSettings),
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
        source: Box<dyn Error + Send + Sync>,
    },
    /// The store could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
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
        let shared = match (&recipe.scheme, &recipe.store) {
            (Scheme::Jwt(jwt), _) => Shared::Jwt(Arc::new(open_jwt(recipe, jwt, &options)?)),
            (Scheme::Session(_), Some(Store::Sqlite(sqlite))) => {
                let settings = sqlite_settings(recipe, sqlite, &options);
                // Makes file and tables, so that nodes may open it at once.
                SqliteStore::open(settings.clone()).await?.close().await;
                Shared::Sqlite(settings)
            }
            (Scheme::Session(_), Some(Store::Memory(_)) | None) => {
                Shared::Memory(Arc::new(MemoryStore::new()))
            }
        };
        Ok(Self {
            recipe: recipe.clone(),
            options,
            shared,
        })
    }

    /// A new node on this backing.
    ///
    /// # Errors
    /// [`BuildError`] when the store cannot be opened.
    pub async fn node(&self) -> Result<Node, BuildError> {
        match &self.shared {
            Shared::Jwt(jwt) => Ok(Node {
                jwks: Some(jwt.jwks()),
                stats: self
                    .options
                    .metered
                    .then(|| Arc::new(StatsResponse::default) as Stats),
                ..self.bare(Arc::clone(jwt) as _)
            }),
            Shared::Memory(store) => self.with_store(Arc::clone(store), |_| 0),
            Shared::Sqlite(settings) => {
                let store = Arc::new(SqliteStore::open(settings.clone()).await?);
                self.with_store(store, |store| database_bytes(store.path()))
            }
        }
    }

    /// Puts the wrappers that were asked for around the store.
    fn with_store<S: RecordStore + 'static>(
        &self,
        store: Arc<S>,
        bytes: fn(&S) -> u64,
    ) -> Result<Node, BuildError> {
        if !self.options.metered {
            return self.with_faults(store);
        }
        let metered = Arc::new(Metered::new(Arc::clone(&store)));
        let node = self.with_faults(Arc::clone(&metered))?;
        let stats = move || StatsResponse {
            store_operations: operations(metered.counts()),
            store_bytes: bytes(&store),
        };
        Ok(Node {
            stats: Some(Arc::new(stats)),
            ..node
        })
    }

    fn with_faults<S: RecordStore + 'static>(&self, store: Arc<S>) -> Result<Node, BuildError> {
        match &self.options.faults {
            None => self.session(store),
            Some(switch) => self.session(Arc::new(Faulty::new(store, switch.clone()))),
        }
    }

    fn session<S: RecordStore + 'static>(&self, store: Arc<S>) -> Result<Node, BuildError> {
        let lifetime_ms = match &self.recipe.scheme {
            Scheme::Session(settings) => settings.lifetime_ms,
            Scheme::Jwt(settings) => u64::from(settings.ttl_s) * 1000,
        };
        let entropy = Arc::clone(&self.options.entropy);
        let settings = session::Settings { lifetime_ms };
        let strategy = Session::new(settings, Arc::clone(&store), entropy);
        Ok(Node {
            sweeper: Some(Arc::new(Sweeper(store))),
            ..self.bare(Arc::new(strategy))
        })
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

fn open_jwt(
    recipe: &Recipe,
    jwt: &JwtSettings,
    options: &BackingOptions,
) -> Result<Jwt<Arc<dyn Entropy>>, BuildError> {
    let algorithm = jwt.algorithm;
    let file = jwt.key_file.as_ref().map(|file| recipe.folder.join(file));
    let key = match &file {
        None => SigningKey::generate(algorithm, &options.entropy),
        Some(file) => {
            let text = std::fs::read(file).map_err(|source| BuildError::KeyFile {
                file: file.clone(),
                source,
            })?;
            if algorithm == Algorithm::Hs256 {
                SigningKey::from_secret(&text)
            } else {
                SigningKey::from_pem(algorithm, &String::from_utf8_lossy(&text))
            }
        }
    };
    let key = key.map_err(|source| BuildError::Key { file, source })?;
    let settings = Settings::new(algorithm, &jwt.issuer, &jwt.audience, jwt.ttl_s.into());
    Jwt::new(settings, key, Arc::clone(&options.entropy)).map_err(|source: SettingsError| {
        BuildError::Settings {
            recipe: recipe.name.clone(),
            source: Box::new(source),
        }
    })
}

fn sqlite_settings(
    recipe: &Recipe,
    sqlite: &registry::SqliteSettings,
    options: &BackingOptions,
) -> SqliteSettings {
    let path = match &sqlite.path {
        Some(path) => recipe.folder.join(path),
        None => options.home.join("records.sqlite"),
    };
    SqliteSettings {
        path: Some(path),
        synchronous: sqlite.synchronous,
        ..SqliteSettings::default()
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
