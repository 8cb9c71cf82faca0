//! Schemas for tests on the servers of `authbench_lab::services`. Where there is
//! no server a test fails, and says what to install.

use std::cell::OnceCell;
use std::thread;

use authbench_core::entropy::Entropy as _;
use authbench_core::system::OsEntropy;
use authbench_core::{RecordStore, StoreError, UnixMs};
use authbench_lab::services::{self, Service};
use authbench_stores::{MysqlSettings, MysqlStore, PostgresSettings, PostgresStore, ServerUrl};
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, PgConnection, raw_sql};
use tokio::runtime::Builder;

/// A store in the thread's PostgreSQL schema, emptied.
pub(crate) async fn open_postgres() -> Result<PostgresStore, StoreError> {
    empty(PostgresStore::open(postgres_settings()).await?).await
}

/// A store in the thread's MariaDB database, emptied.
pub(crate) async fn open_mysql() -> Result<MysqlStore, StoreError> {
    empty(MysqlStore::open(mysql_settings()).await?).await
}

/// Settings for the thread's PostgreSQL schema.
pub(crate) fn postgres_settings() -> PostgresSettings {
    thread_local!(static SCHEMA: OnceCell<Schema> = const { OnceCell::new() });
    PostgresSettings {
        url: server(Service::Postgres),
        schema: SCHEMA.with(|schema| schema.get_or_init(|| Schema::new(Service::Postgres)).name()),
        // The laws are about order, not about the disk.
        synchronous_commit: false,
        ..PostgresSettings::default()
    }
}

/// Settings for the thread's MariaDB database.
pub(crate) fn mysql_settings() -> MysqlSettings {
    thread_local!(static SCHEMA: OnceCell<Schema> = const { OnceCell::new() });
    MysqlSettings {
        url: server(Service::Mysql),
        schema: SCHEMA.with(|schema| schema.get_or_init(|| Schema::new(Service::Mysql)).name()),
        ..MysqlSettings::default()
    }
}

/// Takes out what an earlier store of this thread has left: at the end of time
/// everything has expired.
pub(crate) async fn empty<S: RecordStore>(store: S) -> Result<S, StoreError> {
    store.purge(UnixMs(u64::MAX), u64::MAX).await?;
    Ok(store)
}

fn server(service: Service) -> ServerUrl {
    match services::shared(service) {
        Ok(url) => url.into(),
        Err(error) => panic!("{error}"),
    }
}

/// The name of a schema, which goes with this.
struct Schema {
    service: Service,
    name: String,
}

impl Schema {
    fn new(service: Service) -> Self {
        let mut octets = [0; 8];
        OsEntropy.fill(&mut octets).expect("random octets");
        Self {
            service,
            name: format!("authbench_law_{:016x}", u64::from_ne_bytes(octets)),
        }
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}

impl Drop for Schema {
    /// On a thread of its own: what a runtime needs of this one may be gone.
    fn drop(&mut self) {
        let (service, name) = (self.service, self.name());
        let work = move || {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(drop_schema(service, &name))
        };
        let outcome = thread::spawn(work).join();
        if !matches!(outcome, Ok(Ok(()))) {
            eprintln!("{} is left behind: {outcome:?}", self.name);
        }
    }
}

async fn drop_schema(service: Service, name: &str) -> Result<(), sqlx::Error> {
    let url = server(service);
    match service {
        Service::Postgres => {
            let sql = format!("DROP SCHEMA IF EXISTS {name} CASCADE");
            let mut connection = PgConnection::connect(url.as_str()).await?;
            raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
        }
        _ => {
            let sql = format!("DROP DATABASE IF EXISTS {name}");
            let mut connection = MySqlConnection::connect(url.as_str()).await?;
            raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
        }
    }
    Ok(())
}
