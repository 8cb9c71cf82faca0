//! The ground that a bench stands on: a runtime, a folder, the servers that
//! stores need, and strategies opened on them.

use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use authbench_catalog::backing::Sweep;
use authbench_catalog::{Backing, BackingOptions, Node, ServiceUrls};
use authbench_core::system::SystemClock;
use authbench_core::{Clock, DynStrategy, ManualClock, SeededEntropy, UnixMs};
use authbench_lab::services;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::cases::{Case, in_the_lab};
use crate::fixed::with_fixed_keys;
use crate::logins::ISSUED_AT;

/// Of all that would be random where it must not be.
const SEED: u64 = 1;

/// Runtime, folder and clock of one bench.
pub struct Ground {
    runtime: Runtime,
    home: TempDir,
    at: UnixMs,
    /// The clock that nothing moves, where all is to come out the same in
    /// every process.
    fixed: Option<Arc<ManualClock>>,
    metered: bool,
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
            fixed: None,
            metered: false,
        })
    }

    /// The same in every process: keys, randomness and instants are fixed.
    ///
    /// # Errors
    /// As [`Ground::new`].
    pub fn fixed() -> Result<Self> {
        Ok(Self {
            at: ISSUED_AT,
            fixed: Some(Arc::new(ManualClock::at(ISSUED_AT))),
            ..Self::new()?
        })
    }

    /// The same, but what stores are asked is counted.
    #[must_use]
    pub fn metered(self) -> Self {
        Self {
            metered: true,
            ..self
        }
    }

    /// The clock of what was opened here, where it stands still.
    #[must_use]
    pub const fn clock(&self) -> Option<&Arc<ManualClock>> {
        self.fixed.as_ref()
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
        let (recipe, options) = match &self.fixed {
            None => (case.recipe.clone(), options),
            Some(clock) => (with_fixed_keys(&case.recipe), repeatable(clock, options)),
        };
        let options = BackingOptions {
            metered: self.metered,
            ..options
        };
        let opened = async {
            let backing = Backing::open(&recipe, options).await?;
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

fn repeatable(clock: &Arc<ManualClock>, options: BackingOptions) -> BackingOptions {
    BackingOptions {
        entropy: Arc::new(SeededEntropy::new(SEED)),
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        hash_seed: Some(SEED),
        ..options
    }
}

impl Opened {
    /// One more node on the same store with the same keys.
    ///
    /// # Errors
    /// When it cannot be built.
    pub async fn another_node(&self) -> Result<Node> {
        Ok(self.backing.node().await?)
    }

    /// The node.
    #[must_use]
    pub const fn node(&self) -> &Node {
        &self.node
    }

    /// How often its store was asked so far, and how often that meant to wait
    /// for an answer over a wire, where that is known; none of either where
    /// nothing is counted ([`Ground::metered`]).
    #[must_use]
    pub fn store_counts(&self) -> (u64, Option<u64>) {
        let stats = self.node.stats.as_ref().map(|read| read());
        let stats = stats.unwrap_or_default();
        let operations = stats.store_operations.values().sum();
        (operations, stats.store_round_trips)
    }

    /// The private key that signs at `at`, as a JWK; none where access tokens
    /// are no JWTs.
    #[must_use]
    pub fn signing_key(&self, at: UnixMs) -> Option<Result<Value>> {
        let key = self.node.signing_key.as_ref()?;
        Some(key(at).map_err(anyhow::Error::from_boxed))
    }

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
