//! The laws of `RecordStore`, over every store of this crate.

use authbench_core::StoreError;
#[cfg(feature = "reference-rusqlite")]
use authbench_stores::reference::DirectSqliteStore;
#[cfg(feature = "reference-tokio-postgres")]
use authbench_stores::reference::PipelinedPostgresStore;
use authbench_stores::{MemoryStore, Metered, SqliteSettings, SqliteStore};
use authbench_testkit::laws::Verdict;
use authbench_testkit::laws::store::{judge, races};
use authbench_testkit::store_laws;

mod scratch;

async fn open_memory() -> Result<MemoryStore, StoreError> {
    Ok(MemoryStore::new())
}

async fn open_metered() -> Result<Metered<MemoryStore>, StoreError> {
    Ok(Metered::new(MemoryStore::new()))
}

async fn open_sqlite() -> Result<SqliteStore, StoreError> {
    SqliteStore::open(SqliteSettings::default()).await
}

store_laws!(memory, super::open_memory);
store_laws!(metered, super::open_metered);
store_laws!(sqlite, super::open_sqlite);
store_laws!(postgres, crate::scratch::open_postgres);
store_laws!(mysql, crate::scratch::open_mysql);

#[cfg(feature = "reference-tokio-postgres")]
async fn open_tokio_postgres() -> Result<PipelinedPostgresStore, StoreError> {
    let settings = scratch::postgres_settings();
    scratch::empty(PipelinedPostgresStore::open(settings).await?).await
}

#[cfg(feature = "reference-tokio-postgres")]
store_laws!(tokio_postgres, super::open_tokio_postgres);

#[cfg(feature = "reference-rusqlite")]
async fn open_rusqlite() -> Result<DirectSqliteStore, StoreError> {
    DirectSqliteStore::open(SqliteSettings::default()).await
}

#[cfg(feature = "reference-rusqlite")]
store_laws!(rusqlite, super::open_rusqlite);

/// The memory store keeps its two tables in step by an order of locks, and the
/// moments in which a mistake there shows are short: one try of this law finds
/// a lock let go too early about one time in three.
#[test]
fn memory_stands_long_races() -> Verdict {
    for _ in 0..15 {
        judge(open_memory, races::list_equals_truth_when_quiet)?;
    }
    Ok(())
}
