//! PostgreSQL through one connection of `tokio-postgres`, on which statements
//! follow one another without waiting for answers.
//!
//! The server still works on them one at a time: a pool of connections uses
//! more of its cores, and costs it, and us, more for each statement.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use authbench_core::{
    Durability, OutageBehaviour, Staleness, StoreError, StoreFault, StorePromises,
};
use bytes::BytesMut;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, NoTls, Row};

use crate::postgres::{OPEN, PostgresSettings, fault_of, prepared, session, statements};
use crate::sql::{Backend, Columns, Failure, SqlStore, Statement, Unreadable, Value};

/// Keeps records as [`PostgresStore`](crate::PostgresStore) does, through one
/// pipelined connection.
pub type PipelinedPostgresStore = SqlStore<PipelinedPostgresServer>;

/// A PostgreSQL schema and the connection to it.
#[derive(Debug)]
pub struct PipelinedPostgresServer {
    config: Config,
    link: ArcSwapOption<Link>,
    /// Held by who opens a new connection.
    opening: Mutex<()>,
    timeout: Duration,
    durability: Durability,
}

/// An open connection and what is prepared on it.
struct Link {
    client: Client,
    prepared: Vec<tokio_postgres::Statement>,
}

impl SqlStore<PipelinedPostgresServer> {
    /// Connects, and makes schema and tables if they are not there. The number
    /// of connections in `settings` does not matter.
    ///
    /// # Errors
    /// As [`PostgresStore::open`](crate::PostgresStore::open).
    pub async fn open(settings: PostgresSettings) -> Result<Self, StoreError> {
        let failed = |failure: Failure| failure.into_error(PipelinedPostgresServer::STORE, OPEN);
        let durability = prepared(&settings).await.map_err(failed)?;
        let config = settings.url.as_str().parse::<Config>();
        let mut config = config.map_err(|source| failed(failure(source)))?;
        let options = session(&settings);
        let options = options
            .iter()
            .map(|(name, value)| format!("-c {name}={value}"));
        config
            .options(options.collect::<Vec<_>>().join(" "))
            .application_name("authbench");
        let backend = PipelinedPostgresServer {
            config,
            link: ArcSwapOption::empty(),
            opening: Mutex::new(()),
            timeout: Duration::from_millis(settings.timeout_ms),
            durability,
        };
        Ok(Self { backend })
    }
}

impl PipelinedPostgresServer {
    /// The open connection, or a new one if it has broken.
    async fn link(&self) -> Result<Arc<Link>, Failure> {
        let usable = || {
            self.link
                .load_full()
                .filter(|link| !link.client.is_closed())
        };
        if let Some(link) = usable() {
            return Ok(link);
        }
        let _alone = self.opening.lock().await;
        if let Some(link) = usable() {
            return Ok(link);
        }
        let link = Arc::new(self.connect().await.map_err(failure)?);
        self.link.store(Some(Arc::clone(&link)));
        Ok(link)
    }

    async fn connect(&self) -> Result<Link, tokio_postgres::Error> {
        let (client, connection) = self.config.connect(NoTls).await?;
        // Its errors come to each statement that waits for an answer.
        tokio::spawn(async { drop(connection.await) });
        let mut prepared = Vec::with_capacity(Statement::ALL.len());
        for statement in Statement::ALL {
            prepared.push(client.prepare(statements::text(statement)).await?);
        }
        Ok(Link { client, prepared })
    }

    /// Runs `work` on the connection, within the time there is.
    async fn run<T, F>(&self, work: impl FnOnce(Arc<Link>) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, tokio_postgres::Error>>,
    {
        let link = timeout(self.timeout, self.link()).await;
        let link = link.map_err(|late| Failure::new(StoreFault::TimedOut, late))??;
        match timeout(self.timeout, work(Arc::clone(&link))).await {
            Ok(outcome) => outcome.map_err(failure),
            Err(late) => {
                // Whatever follows on this connection would wait as well.
                let stuck = Some(link);
                self.link.compare_and_swap(&stuck, None);
                Err(Failure::new(StoreFault::TimedOut, late))
            }
        }
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

impl Link {
    fn prepared(&self, statement: Statement) -> &tokio_postgres::Statement {
        &self.prepared[statement as usize]
    }
}

impl Backend for PipelinedPostgresServer {
    const STORE: &'static str = "postgres (tokio-postgres)";
    const TOUCHES_WHILE_READING: bool = true;
    const UPDATES_RETURN: bool = true;

    type Row = Row;

    fn promises(&self) -> StorePromises {
        StorePromises {
            staleness: Staleness::Immediate,
            durability: self.durability,
            outage: OutageBehaviour::FailsClosed,
        }
    }

    async fn rows(&self, statement: Statement, values: &[Value<'_>]) -> Result<Vec<Row>, Failure> {
        self.run(|link| async move {
            let values = parameters(values);
            link.client.query(link.prepared(statement), &values).await
        })
        .await
    }

    async fn changed(&self, statement: Statement, values: &[Value<'_>]) -> Result<u64, Failure> {
        self.run(|link| async move {
            let values = parameters(values);
            link.client.execute(link.prepared(statement), &values).await
        })
        .await
    }
}

fn parameters<'a>(values: &'a [Value<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    let values = values.iter().map(|value| value as &(dyn ToSql + Sync));
    values.collect()
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        of: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Octets(octets) => octets.to_sql(of, out),
            Self::Text(text) => text.to_sql(of, out),
            Self::Number(number) => number.to_sql(of, out),
            Self::Keys(keys) => {
                let keys: Vec<&[u8]> = keys.iter().map(|key| &key.0[..]).collect();
                keys.to_sql(of, out)
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl Columns for Row {
    fn octets(&self, column: usize) -> Result<&[u8], Unreadable> {
        self.try_get(column).map_err(unreadable)
    }

    fn text(&self, column: usize) -> Result<&str, Unreadable> {
        self.try_get(column).map_err(unreadable)
    }

    fn number(&self, column: usize) -> Result<i64, Unreadable> {
        self.try_get(column).map_err(unreadable)
    }
}

fn unreadable(source: tokio_postgres::Error) -> Unreadable {
    Unreadable::Column(Box::new(source))
}

fn failure(source: tokio_postgres::Error) -> Failure {
    let is_io = |source: &tokio_postgres::Error| {
        source.is_closed()
            || source
                .source()
                .is_some_and(|cause| cause.is::<std::io::Error>())
    };
    let (fault, gave_way) = match source.code() {
        Some(state) => fault_of(state.code()),
        None if is_io(&source) => (StoreFault::Unreachable, false),
        None => (StoreFault::Rejected, false),
    };
    Failure {
        gave_way,
        ..Failure::new(fault, source)
    }
}
