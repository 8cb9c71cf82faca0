//! The store of a strategy: what its nodes share, and what stands between a
//! node and it.
//!
//! From the inside out: the store, the counts of what it is asked, the
//! emulated network, the switch of a test, the cache.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use authbench_core::system::OsEntropy;
use authbench_core::{AnyStore, Entropy as _, RecordStore, StoreError, UnixMs};
use authbench_stores::{
    Cached, CachedSettings, Delayed, Faulty, FeedSettings, HasTraffic, Inspect, MemoryStore,
    Metered, MysqlSettings, MysqlStore, PostgresSettings, PostgresStore, RedisSettings, RedisStore,
    SqliteSettings, SqliteStore, StoreCounts,
};
use authbench_wire::bodies::{PeekedRecord, StatsResponse, StorePeekResponse};
use zeroize::Zeroizing;

use super::{BackingOptions, BuildError, Contents, ContentsFuture, Stats, Sweep, SweepFuture};
use crate::recipe::Recipe;
use crate::registry::{CacheSettings, Invalidation, Service, Storage, Store};

/// What the nodes share.
pub(super) enum Shared {
    /// The scheme keeps nothing.
    Nothing,
    Memory(Arc<MemoryStore>),
    Mysql(MysqlSettings),
    Postgres(PostgresSettings),
    Redis(RedisSettings),
    Sqlite(SqliteSettings),
}

/// The store as a node uses it. In memory it is unboxed unless something
/// stands before it: a box would show there, and nowhere else.
pub(super) enum NodeStore {
    Memory(Arc<MemoryStore>),
    LabMemory(Arc<LabMemory>),
    Any(AnyStore),
}

/// The table in memory of a server in the lab: counted, and with a switch.
pub(super) type LabMemory = Faulty<Arc<Metered<Arc<MemoryStore>>>>;

/// A node's store, and what a server does with it beside the strategy.
pub(super) struct Opened {
    pub(super) store: NodeStore,
    pub(super) stats: Option<Stats>,
    /// None where the store forgets by itself: Redis.
    pub(super) sweeper: Option<Arc<dyn Sweep>>,
    /// The store itself, whatever stands before it.
    pub(super) contents: Arc<dyn Contents>,
}

impl Shared {
    /// Makes what outlives the nodes: files, schemas, tables.
    pub(super) async fn open(
        recipe: &Recipe,
        options: &BackingOptions,
    ) -> Result<Self, BuildError> {
        let Some(storage) = &recipe.storage else {
            return Ok(Self::Nothing);
        };
        if options.stand_in && storage.store.service().is_some() {
            return Ok(Self::Memory(Arc::new(memory(options))));
        }
        match &storage.store {
            Store::Memory(_) => Ok(Self::Memory(Arc::new(memory(options)))),
            Store::Sqlite(sqlite) => {
                let sqlite = placed(recipe, sqlite, options);
                // Nodes may open it at once when it is there.
                SqliteStore::open(sqlite.clone()).await?.close().await;
                Ok(Self::Sqlite(sqlite))
            }
            Store::Redis(redis) => redis_of(recipe, redis, options).map(Self::Redis),
            Store::Postgres(postgres) => {
                let postgres = postgres_of(recipe, postgres, options)?;
                PostgresStore::open(postgres.clone()).await?.close().await;
                Ok(Self::Postgres(postgres))
            }
            Store::Mysql(mysql) => {
                let mysql = mysql_of(recipe, mysql, options)?;
                MysqlStore::open(mysql.clone()).await?.close().await;
                Ok(Self::Mysql(mysql))
            }
        }
    }

    /// The store of one more node; none if the scheme keeps nothing.
    pub(super) async fn node(
        &self,
        storage: Option<&Storage>,
        options: &BackingOptions,
    ) -> Result<Option<Opened>, BuildError> {
        let Some(storage) = storage else {
            return Ok(None);
        };
        let before = Before {
            storage,
            options,
            feed: self.feed(),
        };
        let opened = match self {
            Self::Nothing => return Ok(None),
            Self::Memory(store) => before.memory(store).await?,
            Self::Mysql(settings) => {
                let store = Arc::new(MysqlStore::open(settings.clone()).await?);
                before.any(store, |_| 0).await?
            }
            Self::Postgres(settings) => {
                let store = Arc::new(PostgresStore::open(settings.clone()).await?);
                before.any(store, |_| 0).await?
            }
            Self::Redis(settings) => {
                let store = Arc::new(RedisStore::open(settings.clone()).await?);
                before.any(store, |_| 0).await?
            }
            Self::Sqlite(settings) => {
                let store = Arc::new(SqliteStore::open(settings.clone()).await?);
                before
                    .any(store, |store| database_bytes(store.path()))
                    .await?
            }
        };
        Ok(Some(opened))
    }

    /// Where Redis tells of changes: a channel named as the keys are.
    fn feed(&self) -> Option<FeedSettings> {
        match self {
            Self::Redis(settings) => Some(FeedSettings {
                url: settings.url.clone(),
                channel: format!("{}changes", settings.prefix),
                timeout_ms: settings.timeout_ms,
            }),
            _ => None,
        }
    }

    /// Removes from a server that others use, too, what was put there under a
    /// name that nobody else knows.
    pub(super) async fn remove(&self, recipe: &Recipe) -> Result<(), StoreError> {
        let named = recipe.store().is_some_and(has_a_name);
        match self {
            _ if named => Ok(()),
            Self::Nothing | Self::Memory(_) | Self::Sqlite(_) => Ok(()),
            Self::Mysql(settings) => MysqlStore::remove(settings).await,
            Self::Postgres(settings) => PostgresStore::remove(settings).await,
            Self::Redis(settings) => RedisStore::open(settings.clone()).await?.clear().await,
        }
    }
}

/// What stands before a store.
struct Before<'b> {
    storage: &'b Storage,
    options: &'b BackingOptions,
    /// Where changes are told, if they are.
    feed: Option<FeedSettings>,
}

impl Before<'_> {
    async fn memory(&self, store: &Arc<MemoryStore>) -> Result<Opened, StoreError> {
        let (storage, options) = (self.storage, self.options);
        let bare = storage.cache.is_none() && storage.delay.is_none();
        let sweeper = || {
            let store = AnyStore::new(Arc::clone(store));
            Some(Arc::new(Sweeper(store)) as Arc<dyn Sweep>)
        };
        let contents = || Arc::new(Inner(Arc::clone(store))) as Arc<dyn Contents>;
        if bare && options.metered {
            let metered = Arc::new(Metered::new(Arc::clone(store)));
            let switch = options.faults.clone().unwrap_or_default();
            return Ok(Opened {
                stats: Some(stats(Arc::clone(&metered), |_| 0)),
                store: NodeStore::LabMemory(Arc::new(Faulty::new(metered, switch))),
                sweeper: sweeper(),
                contents: contents(),
            });
        }
        if bare && options.faults.is_none() {
            return Ok(Opened {
                store: NodeStore::Memory(Arc::clone(store)),
                stats: None,
                sweeper: sweeper(),
                contents: contents(),
            });
        }
        self.any(Arc::clone(store), |_| 0).await
    }

    async fn any<S: Inspect + HasTraffic + 'static>(
        &self,
        store: Arc<S>,
        bytes: fn(&S) -> u64,
    ) -> Result<Opened, StoreError> {
        let contents = Arc::new(Inner(Arc::clone(&store))) as Arc<dyn Contents>;
        let mut counts = None;
        let mut any = if self.options.metered {
            let metered = Arc::new(Metered::new(store));
            counts = Some(stats(Arc::clone(&metered), bytes));
            AnyStore::new(metered)
        } else {
            AnyStore::new(store)
        };
        if let Some(delay) = &self.storage.delay {
            any = AnyStore::new(Delayed::new(any, delay.round_trip_us)?);
        }
        if let Some(switch) = &self.options.faults {
            any = AnyStore::new(Faulty::new(any, switch.clone()));
        }
        let forgets = matches!(self.storage.store, Store::Redis(_));
        let sweeper = (!forgets).then(|| Arc::new(Sweeper(any.clone())) as Arc<dyn Sweep>);
        if let Some(cache) = &self.storage.cache {
            any = self.cached(any, cache).await?;
        }
        Ok(Opened {
            store: NodeStore::Any(any),
            stats: counts,
            sweeper,
            contents,
        })
    }

    async fn cached(&self, store: AnyStore, own: &CacheSettings) -> Result<AnyStore, StoreError> {
        let settings = CachedSettings {
            ttl_ms: own.ttl_ms,
            entries_max: own.entries_max,
        };
        let clock = Arc::clone(&self.options.clock);
        Ok(match (&self.feed, own.invalidation) {
            (Some(feed), Invalidation::RedisPubsub) => {
                AnyStore::new(Cached::with_feed(store, settings, clock, feed.clone()).await?)
            }
            _ => AnyStore::new(Cached::new(store, settings, clock)),
        })
    }
}

struct Sweeper(AnyStore);

impl Sweep for Sweeper {
    fn sweep(&self, at: UnixMs, limit: u64) -> SweepFuture<'_> {
        Box::pin(self.0.purge(at, limit))
    }
}

/// What a store holds, past everything that stands before it.
struct Inner<S>(Arc<S>);

impl<S: Inspect + 'static> Contents for Inner<S> {
    fn peek(&self) -> ContentsFuture<'_, StorePeekResponse> {
        Box::pin(async {
            let found = self.0.records().await?;
            let records = found.into_iter().map(PeekedRecord::from).collect();
            Ok(StorePeekResponse { records })
        })
    }

    fn wipe(&self) -> ContentsFuture<'_, ()> {
        Box::pin(self.0.wipe())
    }
}

fn stats<S: RecordStore + HasTraffic + 'static>(
    metered: Arc<Metered<Arc<S>>>,
    bytes: fn(&S) -> u64,
) -> Stats {
    Arc::new(move || {
        let traffic = metered.inner().traffic();
        StatsResponse {
            store_operations: operations(metered.counts()),
            store_bytes: bytes(metered.inner()),
            store_round_trips: traffic.map(|traffic| traffic.round_trips),
            store_sent_bytes: traffic.map(|traffic| traffic.octets_sent),
            store_received_bytes: traffic.map(|traffic| traffic.octets_received),
        }
    })
}

fn memory(options: &BackingOptions) -> MemoryStore {
    let seed = options.hash_seed;
    seed.map_or_else(MemoryStore::new, MemoryStore::with_hash_seed)
}

/// The store's settings with the place of its file.
fn placed(recipe: &Recipe, sqlite: &SqliteSettings, options: &BackingOptions) -> SqliteSettings {
    let path = match &sqlite.path {
        Some(path) => recipe.folder.join(path),
        None => match &options.share {
            Some(share) => share.path("records.sqlite"),
            None => options.home.join("records.sqlite"),
        },
    };
    SqliteSettings {
        path: Some(path),
        ..sqlite.clone()
    }
}

/// Whether the recipe says where in the server the records are to be. If not,
/// each backing takes a place of its own.
fn has_a_name(store: &Store) -> bool {
    match store {
        Store::Memory(_) | Store::Sqlite(_) => true,
        Store::Mysql(own) => own.schema != MysqlSettings::default().schema,
        Store::Postgres(own) => own.schema != PostgresSettings::default().schema,
        Store::Redis(own) => own.prefix != RedisSettings::default().prefix,
    }
}

fn mysql_of(
    recipe: &Recipe,
    own: &MysqlSettings,
    options: &BackingOptions,
) -> Result<MysqlSettings, BuildError> {
    let mut settings = own.clone();
    if recipe.needs().is_some() {
        settings.url = url(recipe, Service::Mysql, options)?.into();
    }
    if settings.schema == MysqlSettings::default().schema {
        settings.schema = own_name("authbench_", options)?;
    }
    Ok(settings)
}

fn postgres_of(
    recipe: &Recipe,
    own: &PostgresSettings,
    options: &BackingOptions,
) -> Result<PostgresSettings, BuildError> {
    let mut settings = own.clone();
    if recipe.needs().is_some() {
        settings.url = url(recipe, Service::Postgres, options)?.into();
    }
    if settings.schema == PostgresSettings::default().schema {
        settings.schema = own_name("authbench_", options)?;
    }
    Ok(settings)
}

fn redis_of(
    recipe: &Recipe,
    own: &RedisSettings,
    options: &BackingOptions,
) -> Result<RedisSettings, BuildError> {
    let mut settings = own.clone();
    if recipe.needs().is_some() {
        settings.url = url(recipe, Service::Redis, options)?.into();
    }
    if settings.prefix == RedisSettings::default().prefix {
        settings.prefix = format!("{}:", own_name("authbench:", options)?);
    }
    Ok(settings)
}

fn url(recipe: &Recipe, service: Service, options: &BackingOptions) -> Result<String, BuildError> {
    let url = options.services.of(service);
    url.map(str::to_owned).ok_or_else(|| BuildError::NoService {
        recipe: recipe.name.clone(),
        service,
    })
}

/// A name that no other backing has but those of the same replicas: 64 random
/// bits. They come from the system, not from the injected entropy, whose seed
/// another may share.
fn own_name(prefix: &str, options: &BackingOptions) -> Result<String, BuildError> {
    const FILE: &str = "store-name";
    let fresh = || -> Result<_, BuildError> {
        let mut random = [0; 8];
        OsEntropy.fill(&mut random).map_err(BuildError::Entropy)?;
        let text = format!("{:016x}", u64::from_be_bytes(random));
        Ok(Zeroizing::new(text.into_bytes()))
    };
    let octets = match &options.share {
        None => fresh()?,
        Some(share) => {
            let octets = share.agreed(FILE, fresh)?;
            let is_name = octets.len() == 16 && octets.iter().all(u8::is_ascii_hexdigit);
            if !is_name {
                return Err(share.contents(FILE).into());
            }
            octets
        }
    };
    Ok(format!("{prefix}{}", String::from_utf8_lossy(&octets)))
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
        gets_many,
        touches,
        rotations,
        inserts,
        swaps,
        deletes,
        deletes_by_subject,
        lists,
        purges,
    } = counts;
    [
        ("get", gets),
        ("get-many", gets_many),
        ("get-touched", touches),
        ("rotate", rotations),
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
