//! Where server-side state lives: one file a store, each an implementation of
//! [`authbench_core::RecordStore`], and wrappers that stand around any store.
//!
//! The laws that all of them obey are in `authbench_testkit::laws::store`, and
//! `tests/laws.rs` runs them over every store of this crate.

pub mod cached;
pub mod delayed;
pub mod faulty;
pub mod inspect;
pub mod memory;
pub mod metered;
pub mod mysql;
mod payload;
pub mod postgres;
pub mod redis;
#[cfg(any(feature = "reference-rusqlite", feature = "reference-tokio-postgres"))]
pub mod reference;
mod sql;
pub mod sqlite;
pub mod traffic;

pub use self::redis::{RedisSettings, RedisStore};
pub use cached::feed::FeedSettings;
pub use cached::{Cached, CachedSettings};
pub use delayed::Delayed;
pub use faulty::{Fault, Faulty, Switch};
pub use inspect::Inspect;
pub use memory::MemoryStore;
pub use metered::{Metered, StoreCounts};
pub use mysql::{MysqlSettings, MysqlStore};
pub use postgres::{PostgresSettings, PostgresStore};
pub use sql::{ServerUrl, SqlStore};
pub use sqlite::{SqliteSettings, SqliteStore, Synchronous};
pub use traffic::{HasTraffic, Traffic};
