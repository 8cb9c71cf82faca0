//! The laws of `RecordStore`, over every store of this crate.

use authbench_core::StoreError;
use authbench_stores::{MemoryStore, Metered, SqliteSettings, SqliteStore};
use authbench_testkit::store_laws;

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
