//! The ground that a bench stands on: a runtime, a folder, the servers that
//! stores need, and strategies opened on them.

use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use authbench_catalog::backing::Sweep;
use authbench_catalog::{Backing, BackingOptions, Node, ServiceUrls};
use authbench_core::system::SystemClock;
use authbench_core::{Clock as _, DynStrategy, UnixMs};
use authbench_lab::services;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::cases::{Case, in_the_lab};

/// Runtime, folder and clock of one bench.
pub struct Ground {
    runtime: Runtime,
    home: TempDir,
    at: UnixMs,
}

/// One strategy, opened.
pub struct Opened {
    backing: Backing,
    node: Node,
    _home: TempDir,
}

impl Ground {
    /// One thread, as a server on one core has. Its instant is the present one
    /// of the system and stands still: servers drop by their own clock what
    /// has expired.
    ///
    /// # Errors
    /// When there is no runtime or no folder for temporary files.
    pub fn new() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("there is no runtime")?;
        Ok(Self {
            runtime,
            home: tempfile::tempdir().context("there is no folder for temporary files")?,
            at: SystemClock.now(),
        })
    }

    /// The runtime.
    #[must_use]
    pub const fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The instant of all operations.
    #[must_use]
    pub const fn at(&self) -> UnixMs {
        self.at
    }

    /// Opens the strategy of `case`, on the server that it needs: one for this
    /// process, started when it is needed first.
    ///
    /// # Errors
    /// When the server or the strategy cannot be had.
    pub fn open(&self, case: &Case) -> Result<Opened> {
        let home = tempfile::tempdir_in(self.home.path())?;
        let mut options = BackingOptions::new(home.path());
        if let Some(service) = case.recipe.needs() {
            let url = services::shared(in_the_lab(service));
            // The error is of the process and cannot be moved out.
            let url = url.map_err(|error| anyhow!("{error}"))?.to_owned();
            use authbench_catalog::registry::Service;
            let urls = &mut options.services;
            *match service {
                Service::Mysql => &mut urls.mysql,
                Service::Postgres => &mut urls.postgres,
                Service::Redis => &mut urls.redis,
            } = Some(url);
        }
        self.open_with(case, options, home)
    }

    /// Opens the strategy of `case` over a table in memory, if its own store
    /// needs a server: good for what does not depend on the store.
    ///
    /// # Errors
    /// When the strategy cannot be built.
    pub fn open_stand_in(&self, case: &Case) -> Result<Opened> {
        let home = tempfile::tempdir_in(self.home.path())?;
        let options = BackingOptions {
            stand_in: true,
            services: ServiceUrls::default(),
            ..BackingOptions::new(home.path())
        };
        self.open_with(case, options, home)
    }

    fn open_with(&self, case: &Case, options: BackingOptions, home: TempDir) -> Result<Opened> {
        let opened = async {
            let backing = Backing::open(&case.recipe, options).await?;
            let node = backing.node().await?;
            Ok::<_, anyhow::Error>((backing, node))
        };
        let (backing, node) = self
            .runtime
            .block_on(opened)
            .with_context(|| format!("`{}` cannot be opened", case.name))?;
        Ok(Opened {
            backing,
            node,
            _home: home,
        })
    }

    /// Closes a strategy, and removes what it put on a server.
    ///
    /// # Errors
    /// When the server did not confirm it.
    pub fn close(&self, opened: Opened) -> Result<()> {
        let Opened { backing, node, .. } = opened;
        self.runtime.block_on(async {
            drop(node);
            backing.remove().await
        })?;
        Ok(())
    }
}

impl Opened {
    /// The strategy.
    #[must_use]
    pub fn strategy(&self) -> &Arc<dyn DynStrategy> {
        &self.node.strategy
    }

    /// Removes every record, however long it has to live. Not for a bench that
    /// still needs them.
    ///
    /// # Errors
    /// When the store did not confirm it.
    pub async fn sweep_all(&self) -> Result<()> {
        const BATCH: u64 = 100_000;
        let Some(sweeper) = self.node.sweeper.as_deref() else {
            return Ok(());
        };
        let far = UnixMs(i64::MAX as u64);
        while Sweep::sweep(sweeper, far, BATCH).await? >= BATCH {}
        Ok(())
    }
}
