//! Connections of sqlx, each used by one statement at a time.
//!
//! sqlx has a pool of its own, and with it each statement costs two round
//! trips: a connection that comes back is asked whether it is alive, so that
//! one whose statement was broken off is not used again. Here such a connection
//! never comes back, and nothing needs to be asked.

use std::num::NonZeroU32;
use std::time::Duration;

use authbench_core::StoreFault;
use parking_lot::Mutex;
use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;
use sqlx::query::Query;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection, Database, Executor, IntoArguments, raw_sql,
};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::backend::{Failure, Value};

/// The options by which connections of `D` are opened.
pub(crate) type Options<D> = <<D as Database>::Connection as Connection>::Options;

/// What is special about a database of sqlx.
pub(crate) trait Dialect: Database {
    fn bind<'q>(
        query: Query<'q, Self, Self::Arguments>,
        value: Value<'_>,
    ) -> Query<'q, Self, Self::Arguments>;

    /// Rows inserted, changed or deleted.
    fn changed(done: &Self::QueryResult) -> u64;

    /// How the database failed, and whether it undid the statement in favour of
    /// another one.
    fn fault(said: &dyn DatabaseError) -> (StoreFault, bool);
}

/// Up to a number of connections, opened when they are needed.
#[derive(Debug)]
pub(crate) struct Lanes<D: Dialect> {
    options: Options<D>,
    /// Statements that each new connection runs first; may be empty.
    setup: String,
    /// The one that was used last is taken first: it is the warmest.
    idle: Mutex<Vec<D::Connection>>,
    permits: Semaphore,
    connections: u32,
    limits: Limits,
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For a free connection, and again for opening one.
    pub(crate) wait: Duration,
    /// For the answer to a statement.
    pub(crate) answer: Duration,
}

/// A connection on loan. Dropped, it is closed: only [`Lane::give_back`] keeps
/// it, after a statement that ended well.
struct Lane<'a, D: Dialect> {
    lanes: &'a Lanes<D>,
    connection: D::Connection,
    _permit: SemaphorePermit<'a>,
}

impl<D: Dialect> Lane<'_, D> {
    fn give_back(self) {
        self.lanes.idle.lock().push(self.connection);
    }
}

/// The lanes were closed.
#[derive(Debug, thiserror::Error)]
#[error("the store was closed")]
struct Closed;

impl<D: Dialect> Lanes<D>
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
    D::Arguments: IntoArguments<D>,
{
    pub(crate) fn new(
        options: Options<D>,
        setup: String,
        connections: NonZeroU32,
        limits: Limits,
    ) -> Self {
        Self {
            options,
            setup,
            idle: Mutex::new(Vec::new()),
            permits: Semaphore::new(connections.get() as usize),
            connections: connections.get(),
            limits,
        }
    }

    pub(crate) async fn rows(
        &self,
        text: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<D::Row>, Failure> {
        let mut lane = self.take().await?;
        let query = bound::<D>(text, values);
        let outcome = timeout(self.limits.answer, query.fetch_all(&mut lane.connection)).await;
        self.settle(lane, outcome)
    }

    pub(crate) async fn changed(
        &self,
        text: &'static str,
        values: &[Value<'_>],
    ) -> Result<u64, Failure> {
        let mut lane = self.take().await?;
        let query = bound::<D>(text, values);
        let outcome = timeout(self.limits.answer, query.execute(&mut lane.connection)).await;
        self.settle(lane, outcome).map(|done| D::changed(&done))
    }

    /// Waits for running statements and closes all connections. Later
    /// statements fail.
    pub(crate) async fn close(&self) {
        let all = self.permits.acquire_many(self.connections).await;
        self.permits.close();
        drop(all);
        let idle = std::mem::take(&mut *self.idle.lock());
        for connection in idle {
            // Whether or not the goodbye was heard, the connection is gone.
            drop(timeout(self.limits.answer, connection.close()).await);
        }
    }

    async fn take(&self) -> Result<Lane<'_, D>, Failure> {
        let permit = timeout(self.limits.wait, self.permits.acquire())
            .await
            .map_err(|late| Failure::new(StoreFault::TimedOut, late))?
            .map_err(|_| Failure::new(StoreFault::Unreachable, Closed))?;
        let idle = self.idle.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => timeout(self.limits.wait, self.open())
                .await
                .map_err(|late| Failure::new(StoreFault::TimedOut, late))?
                .map_err(failure::<D>)?,
        };
        Ok(Lane {
            lanes: self,
            connection,
            _permit: permit,
        })
    }

    async fn open(&self) -> Result<D::Connection, sqlx::Error> {
        let mut connection = self.options.connect().await?;
        if !self.setup.is_empty() {
            let setup = raw_sql(AssertSqlSafe(self.setup.clone()));
            connection.execute(setup).await?;
        }
        Ok(connection)
    }

    /// Keeps the connection only if the statement ended well.
    fn settle<T>(
        &self,
        lane: Lane<'_, D>,
        outcome: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>,
    ) -> Result<T, Failure> {
        match outcome {
            Ok(Ok(answer)) => {
                lane.give_back();
                Ok(answer)
            }
            Ok(Err(source)) => {
                let failure = failure::<D>(source);
                if failure.fault == StoreFault::Unreachable {
                    // What broke this connection has broken the idle ones too.
                    self.idle.lock().clear();
                }
                Err(failure)
            }
            Err(late) => Err(Failure::new(StoreFault::TimedOut, late)),
        }
    }
}

fn bound<D: Dialect>(text: &'static str, values: &[Value<'_>]) -> Query<'static, D, D::Arguments> {
    values
        .iter()
        .fold(sqlx::query(text), |query, value| D::bind(query, *value))
}

/// sqlx's error as a failure.
pub(crate) fn failure<D: Dialect>(source: sqlx::Error) -> Failure {
    let (fault, gave_way) = match &source {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed => (StoreFault::Unreachable, false),
        sqlx::Error::PoolTimedOut => (StoreFault::TimedOut, false),
        sqlx::Error::Database(said) => D::fault(said.as_ref()),
        _ => (StoreFault::Rejected, false),
    };
    Failure {
        gave_way,
        ..Failure::new(fault, source)
    }
}

/// The same for an error in the making of tables.
pub(crate) fn migration_failure<D: Dialect>(source: MigrateError) -> Failure {
    failure::<D>(match source {
        MigrateError::Execute(source) => source,
        source => sqlx::Error::Migrate(Box::new(source)),
    })
}
