//! The same databases through other client libraries, to see what the library
//! costs beside the database. Off by default, each behind a feature.

#[cfg(feature = "reference-rusqlite")]
mod rusqlite;
#[cfg(feature = "reference-tokio-postgres")]
mod tokio_postgres;

#[cfg(feature = "reference-rusqlite")]
pub use self::rusqlite::{DirectSqliteFile, DirectSqliteStore};
#[cfg(feature = "reference-tokio-postgres")]
pub use self::tokio_postgres::{PipelinedPostgresServer, PipelinedPostgresStore};
