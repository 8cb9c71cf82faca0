//! Where an SQLite file is, and how long it is there.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use authbench_core::{
    Durability, OutageBehaviour, Staleness, StoreError, StoreFault, StorePromises,
};
use sqlx::sqlite::SqliteJournalMode;
use tempfile::TempDir;

use super::{SqliteFile, SqliteSettings, Synchronous, connect_options, schema};
use crate::sql::Backend as _;

/// A file with the tables in it. A private one goes with this.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    synchronous: Synchronous,
    private_dir: Option<TempDir>,
}

impl Place {
    /// Makes what is not there.
    pub(crate) async fn prepare(settings: &SqliteSettings) -> Result<Self, StoreError> {
        let place = Self::make_file(settings).map_err(|source| StoreError {
            store: SqliteFile::STORE,
            operation: "make the database file",
            fault: StoreFault::Unreachable,
            source: Some(Box::new(source)),
        })?;
        let options = connect_options(settings, place.path()).journal_mode(SqliteJournalMode::Wal);
        schema::prepare(options, settings.busy_timeout()).await?;
        Ok(place)
    }

    fn make_file(settings: &SqliteSettings) -> std::io::Result<Self> {
        let (path, private_dir) = match &settings.path {
            Some(path) => (path.clone(), None),
            None => {
                let dir = tempfile::Builder::new().prefix("authbench-").tempdir()?;
                (dir.path().join("records.sqlite"), Some(dir))
            }
        };
        // SQLite gives its log the rights of the database file.
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        options.open(&path)?;
        Ok(Self {
            path,
            synchronous: settings.synchronous,
            private_dir,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) const fn promises(&self) -> StorePromises {
        let durability = match self.synchronous {
            // Nobody finds a private file again, and its owner removes it.
            _ if self.private_dir.is_some() => Durability::None,
            Synchronous::Normal => Durability::ProcessCrash,
            Synchronous::Full => Durability::Disk,
        };
        StorePromises {
            staleness: Staleness::Immediate,
            durability,
            outage: OutageBehaviour::FailsClosed,
        }
    }
}
