//! A strategy that is built in this process, and whatever drives it.

use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use authbench_catalog::registry::{Scheme, Store};
use authbench_catalog::{Backing, BackingOptions, Node, Recipe};
use authbench_core::system::OsEntropy;
use authbench_core::{AccountDirectory as _, Guarantees, Subject, SubjectId};
use authbench_load::{BlockOn, InProcess};
use authbench_server::Accounts;
use authbench_wire::bodies::StatsResponse;
use tokio::runtime::Runtime;

use crate::services::Services;

/// A strategy of this process.
pub(super) struct OwnNode {
    node: Node,
    backing: Backing,
    recipe: Recipe,
    accounts: Arc<Accounts>,
    /// On the thread that calls, and on no other: what the strategy does beside
    /// its calls is paid for there, too.
    runtime: Arc<Runtime>,
    /// Where its files are; goes last.
    _home: tempfile::TempDir,
}

impl OwnNode {
    /// Builds the strategy of `recipe`, which knows so many accounts with so
    /// many roles each; `metered` if its store's operations are to be counted.
    pub(super) fn open(
        recipe: &Recipe,
        services: &Services,
        accounts: u32,
        roles: u32,
        metered: bool,
    ) -> Result<Self> {
        let home = tempfile::tempdir().context("no temporary folder could be made")?;
        let roles = u16::try_from(roles).unwrap_or(u16::MAX);
        let accounts = Arc::new(Accounts::lab_with_roles(accounts, 0, roles, &OsEntropy)?);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("no runtime could be made for the strategy")?;
        let options = BackingOptions {
            services: services.urls(),
            accounts: Some(Arc::clone(&accounts) as _),
            metered,
            ..BackingOptions::new(home.path())
        };
        let (backing, node) = runtime.block_on(async {
            let backing = Backing::open(recipe, options).await?;
            let node = backing.node().await?;
            Ok::<_, anyhow::Error>((backing, node))
        })?;
        Ok(Self {
            node,
            backing,
            recipe: recipe.clone(),
            accounts,
            runtime: Arc::new(runtime),
            _home: home,
        })
    }

    /// What it promises.
    pub(super) fn guarantees(&self) -> Guarantees {
        self.node.strategy.guarantees()
    }

    /// Whether it has no store at all.
    pub(super) const fn keeps_nothing(&self) -> bool {
        self.recipe.storage.is_none()
    }

    /// What it counted so far; nothing unless it is metered.
    pub(super) fn stats(&self) -> StatsResponse {
        let stats = self.node.stats.as_ref();
        stats.map_or_else(StatsResponse::default, |stats| stats())
    }

    /// The subjects of the accounts with these numbers.
    pub(super) fn subjects(&self, numbers: Range<u32>) -> Result<Vec<Subject>> {
        let subject = |number| -> Result<Subject> {
            let id = SubjectId::new(&format!("acct-{number:06}"));
            let asked = self.runtime.block_on(self.accounts.account(&id));
            let account = asked.map_err(anyhow::Error::from_boxed)?;
            let account = account.with_context(|| format!("there is no account `{id}`"))?;
            Ok(Subject {
                id,
                roles: account.roles,
            })
        };
        numbers.map(subject).collect()
    }

    /// Users of it, logged out.
    pub(super) fn users(&self, subjects: Vec<Subject>) -> InProcess {
        let strategy = Arc::clone(&self.node.strategy);
        InProcess::new(strategy, subjects, self.guarantees(), self.block_on())
    }

    /// What finishes its futures: nothing where they wait for nothing, else the
    /// runtime.
    fn block_on(&self) -> Option<Box<dyn BlockOn>> {
        if !waits(&self.recipe) {
            return None;
        }
        let runtime = Arc::clone(&self.runtime);
        if listens(&self.recipe) {
            // A hit in the cache waits for nothing, and would never let the
            // news of changes in.
            return Some(Box::new(move |call: Call<'_>| {
                runtime.block_on(async {
                    call.await;
                    tokio::task::yield_now().await;
                });
            }));
        }
        Some(Box::new(move |call: Call<'_>| runtime.block_on(call)))
    }
}

type Call<'c> = Pin<&'c mut (dyn Future<Output = ()> + Send)>;

impl Drop for OwnNode {
    fn drop(&mut self) {
        if let Err(error) = self.runtime.block_on(self.backing.remove()) {
            let name = &self.recipe.name;
            let error = anyhow::Error::from(error);
            eprintln!("warning: what `{name}` kept in its store is still there: {error:#}");
        }
    }
}

/// Whether its calls wait for anything but locks in memory.
fn waits(recipe: &Recipe) -> bool {
    let asks_authority = matches!(recipe.scheme, Scheme::Introspection(_));
    let storage = recipe.storage.as_ref();
    asks_authority
        || storage.is_some_and(|storage| {
            !matches!(storage.store, Store::Memory(_)) || storage.delay.is_some()
        })
}

/// Whether it hears of changes while nobody calls it.
fn listens(recipe: &Recipe) -> bool {
    let storage = recipe.storage.as_ref();
    storage.is_some_and(|storage| storage.cache.is_some() && storage.store.service().is_some())
}
