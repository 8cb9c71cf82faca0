//! A recipe's backing as the machine wants it: with a store that can be cut
//! off and crashed, accounts, and a clock for caches.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, RwLock};

use authbench_catalog::registry::Store;
use authbench_catalog::{Backing, BackingOptions, Recipe, ServiceUrls};
use authbench_core::account::AccountFuture;
use authbench_core::{
    AccountDirectory, AccountState, DynStrategy, Guarantees, ManualClock, SeededEntropy, SubjectId,
    UnixMs,
};
use authbench_lab::services::{
    Instance, PostgresOptions, RedisOptions, Server, Service, locate_binary,
};
use authbench_stores::faulty::{self, Switch};
use authbench_testkit::machine::{self, BoxError, Fault};
use tempfile::TempDir;

/// The server that the recipes of a test need.
pub(crate) struct Services {
    urls: ServiceUrls,
    /// Ours, so that it may be killed.
    redis: Option<Arc<Mutex<Server>>>,
    /// Lives as long as the test.
    _instance: Option<Instance>,
}

impl Services {
    pub(crate) fn none() -> Self {
        Self {
            urls: ServiceUrls::default(),
            redis: None,
            _instance: None,
        }
    }

    /// One that the environment names, or a private one; a test cannot do
    /// without, and says what to install.
    pub(crate) fn of(service: Service) -> Self {
        let named = std::env::var_os(service.url_variable()).is_some_and(|url| !url.is_empty());
        // One of our own is better than one that is named: it may be killed.
        if service == Service::Redis && locate_binary(service).is_ok() {
            let server = Server::redis(RedisOptions::default());
            let server = server.unwrap_or_else(|error| panic!("{error}"));
            let urls = ServiceUrls {
                redis: Some(server.url().to_owned()),
                ..ServiceUrls::default()
            };
            return Self {
                urls,
                redis: Some(Arc::new(Mutex::new(server))),
                _instance: None,
            };
        }
        // The power does not fail here, and waiting for the disk is slow.
        let quick = PostgresOptions {
            fsync: false,
            ..PostgresOptions::default()
        };
        let instance = if service == Service::Postgres && !named {
            Server::postgres(quick).map(|server| Instance::Private(Box::new(server)))
        } else {
            Instance::obtain(service)
        };
        let instance = instance.unwrap_or_else(|error| panic!("{error}"));
        let url = Some(instance.url().to_owned());
        let mut urls = ServiceUrls::default();
        match service {
            Service::Redis => urls.redis = url,
            Service::Postgres => urls.postgres = url,
            Service::Mysql => urls.mysql = url,
        }
        Self {
            urls,
            redis: None,
            _instance: Some(instance),
        }
    }

    pub(crate) const fn can_kill_redis(&self) -> bool {
        self.redis.is_some()
    }
}

/// One recipe's backing, whose store can be cut off.
#[derive(Clone)]
pub(crate) struct Cuttable {
    backing: Arc<RwLock<Arc<Backing>>>,
    switch: Switch,
    clock: Arc<ManualClock>,
    accounts: Arc<Accounts>,
    is_safe: bool,
    redis: Option<Arc<Mutex<Server>>>,
    _home: Arc<TempDir>,
}

impl Cuttable {
    pub(crate) async fn open(
        recipe: &Recipe,
        seed: u64,
        services: &Services,
    ) -> Result<Self, BoxError> {
        let (home, switch) = (tempfile::tempdir()?, Switch::default());
        let (clock, accounts) = (Arc::new(ManualClock::default()), Arc::default());
        let options = BackingOptions {
            entropy: Arc::new(SeededEntropy::new(seed)),
            clock: Arc::clone(&clock) as _,
            services: services.urls.clone(),
            accounts: Some(Arc::clone(&accounts) as Arc<dyn AccountDirectory>),
            faults: Some(switch.clone()),
            ..BackingOptions::new(home.path())
        };
        let backing = Arc::new(Backing::open(recipe, options).await?);
        let is_redis = matches!(recipe.store(), Some(Store::Redis(_)));
        Ok(Self {
            backing: Arc::new(RwLock::new(backing)),
            switch,
            clock,
            accounts,
            is_safe: matches!(recipe.store(), None | Some(Store::Sqlite(_))),
            redis: services.redis.clone().filter(|_| is_redis),
            _home: Arc::new(home),
        })
    }

    pub(crate) async fn promises(&self) -> Result<Guarantees, BoxError> {
        Ok(self.backing().node().await?.strategy.guarantees())
    }

    fn backing(&self) -> Arc<Backing> {
        Arc::clone(&self.backing.read().unwrap())
    }
}

impl machine::Backing for Cuttable {
    async fn node(&self) -> Result<Arc<dyn DynStrategy>, BoxError> {
        let node = self.backing().node().await?;
        Ok(node.strategy)
    }

    fn can_be_cut(&self) -> bool {
        true
    }

    fn cut(&self, fault: Option<Fault>) {
        self.switch.set(fault.map(|fault| match fault {
            Fault::Refuse => faulty::Fault::Refuse,
            Fault::LoseAnswer => faulty::Fault::LoseAnswer,
        }));
    }

    fn advance(&self, at: UnixMs) {
        self.clock.set(at);
    }

    async fn rotate_keys(&self, at: UnixMs) -> bool {
        let Ok(node) = self.backing().node().await else {
            return false;
        };
        node.rotate_keys.is_some_and(|rotate| rotate(at).is_ok())
    }

    /// In memory: everything goes but the keys. SQLite lives in this process:
    /// its nodes are given up without closing, and the file stays. Redis is
    /// killed where it is ours. Without a store there is nothing to lose.
    async fn crash_store(&self) -> bool {
        let backing = self.backing();
        match backing.after_memory_loss().await {
            Ok(Some(fresh)) => {
                *self.backing.write().unwrap() = Arc::new(fresh);
                return true;
            }
            Ok(None) => {}
            Err(_) => return false,
        }
        if let Some(redis) = &self.redis {
            let mut redis = redis.lock().unwrap();
            return redis.kill().is_ok() && redis.restart().is_ok();
        }
        self.is_safe
    }

    fn set_account(&self, subject: &SubjectId, account: &AccountState) -> bool {
        let mut accounts = self.accounts.0.lock().unwrap();
        accounts.insert(subject.clone(), account.clone());
        true
    }
}

#[derive(Default)]
struct Accounts(Mutex<HashMap<SubjectId, AccountState>>);

impl AccountDirectory for Accounts {
    fn account<'a>(&'a self, subject: &'a SubjectId) -> AccountFuture<'a> {
        let found = self.0.lock().unwrap().get(subject).cloned();
        Box::pin(std::future::ready(Ok(found)))
    }
}
