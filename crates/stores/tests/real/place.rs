//! A part of a server that is a test's own, and the stores on it.

use std::num::NonZeroU32;
use std::thread;

use authbench_core::{
    AnyStore, Digest, Entropy as _, Inserted, LoginId, Record, RecordStore, StoreError, SubjectId,
    Touch, UnixMs, system::OsEntropy,
};
use authbench_lab::proxy::Proxy;
use authbench_lab::services::{Server, Service, shared};
use authbench_stores::{
    MysqlSettings, MysqlStore, PostgresSettings, PostgresStore, RedisSettings, RedisStore,
};
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, PgConnection, raw_sql};

/// An end that no test lives to see.
pub(crate) const FAR: UnixMs = UnixMs(4_000_000_000_000);

/// Every use is written down.
pub(crate) const EVERY: Touch = Touch {
    after_ms: 0,
    within_ms: u64::MAX,
};

/// A key prefix or schema on a server. What is on a server that others use, too, is removed when
/// this is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) service: Service,
    pub(crate) url: String,
    name: String,
    /// Milliseconds of the store's own patience. Machines that run tests are busy.
    pub(crate) timeout_ms: u32,
    /// PostgreSQL's `synchronous_commit`.
    synchronous_commit: bool,
}

impl Place {
    /// On the server that all tests share.
    pub(crate) fn on_shared(service: Service) -> Self {
        let url = shared(service).unwrap_or_else(|error| panic!("{error}"));
        Self::at(service, url)
    }

    /// On a server that is a test's own.
    pub(crate) fn on(server: &Server) -> Self {
        Self::at(server.service(), server.url())
    }

    fn at(service: Service, url: &str) -> Self {
        let mut octets = [0; 8];
        OsEntropy.fill(&mut octets).unwrap();
        Self {
            service,
            url: url.to_owned(),
            name: format!("authbench_real_{:016x}", u64::from_ne_bytes(octets)),
            timeout_ms: 20_000,
            synchronous_commit: true,
        }
    }

    /// The same with PostgreSQL's `synchronous_commit` on or off: off where a test is about order
    /// and not about the disk.
    pub(crate) fn commit(self, synchronous_commit: bool) -> Self {
        Self {
            synchronous_commit,
            ..self
        }
    }

    /// The same, seen through a proxy.
    pub(crate) fn through(&self, proxy: &Proxy) -> Self {
        Self {
            url: proxy.url(&self.url).unwrap(),
            ..self.clone()
        }
    }

    /// One more store on it, with connections of its own.
    pub(crate) async fn node(&self) -> Result<AnyStore, StoreError> {
        let (url, name) = (self.url.as_str().into(), self.name.clone());
        Ok(match self.service {
            Service::Redis => AnyStore::new(
                RedisStore::open(RedisSettings {
                    url,
                    prefix: format!("{name}:"),
                    timeout_ms: NonZeroU32::new(self.timeout_ms).unwrap(),
                    ..RedisSettings::default()
                })
                .await?,
            ),
            Service::Postgres => AnyStore::new(
                PostgresStore::open(PostgresSettings {
                    url,
                    schema: name,
                    timeout_ms: self.timeout_ms.into(),
                    synchronous_commit: self.synchronous_commit,
                    ..PostgresSettings::default()
                })
                .await?,
            ),
            Service::Mysql => AnyStore::new(
                MysqlStore::open(MysqlSettings {
                    url,
                    schema: name,
                    timeout_ms: self.timeout_ms.into(),
                    ..MysqlSettings::default()
                })
                .await?,
            ),
        })
    }

    /// Removes all that is there.
    async fn clear(&self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let name = &self.name;
        match self.service {
            Service::Redis => {
                let settings = RedisSettings {
                    url: self.url.as_str().into(),
                    prefix: format!("{name}:"),
                    ..RedisSettings::default()
                };
                RedisStore::open(settings).await?.clear().await?;
            }
            Service::Postgres => {
                let sql = AssertSqlSafe(format!("DROP SCHEMA IF EXISTS {name} CASCADE"));
                let mut connection = PgConnection::connect(&self.url).await?;
                raw_sql(sql).execute(&mut connection).await?;
            }
            Service::Mysql => {
                let sql = AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name}"));
                let mut connection = MySqlConnection::connect(&self.url).await?;
                raw_sql(sql).execute(&mut connection).await?;
            }
        }
        Ok(())
    }
}

/// Clears a [`Place`] when it is dropped.
#[derive(Debug)]
pub(crate) struct Cleared(pub(crate) Place);

impl Drop for Cleared {
    /// On a thread of its own: what a runtime needs of this one may be gone.
    fn drop(&mut self) {
        let place = self.0.clone();
        let work = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(place.clear())
        };
        let outcome = thread::spawn(work).join();
        if !matches!(outcome, Ok(Ok(()))) {
            eprintln!("{} is left behind: {outcome:?}", self.0.name);
        }
    }
}

pub(crate) fn key(n: usize) -> Digest {
    Digest::of(&format!("credential {n}"))
}

pub(crate) fn record(login: u8) -> Record {
    Record {
        subject: SubjectId::new("u"),
        login: LoginId([login; 16]),
        roles: ["user"].iter().collect(),
        issued_at: UnixMs(1_000),
        expires_at: FAR,
        used_at: UnixMs(1_000),
        generation: 0,
        revision: 0,
        payload: Box::default(),
    }
}

pub(crate) async fn insert(store: &impl RecordStore, n: usize) {
    let inserted = store.insert_new(&key(n), &record(1)).await.unwrap();
    assert_eq!(inserted, Inserted::New);
}
