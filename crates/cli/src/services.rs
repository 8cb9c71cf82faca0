//! The servers that some strategies need beside ours: found or started once
//! for a whole command, and named to the children through their environment.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::Context as _;
use authbench_catalog::registry::Service;
use authbench_catalog::{Recipe, ServiceUrls};
use authbench_lab::services::{
    self, Instance, Proxied, ProxiedError, ServiceError, services_through_proxies,
};
use parking_lot::Mutex;

/// What was found. Private servers end when this is dropped.
#[derive(Default)]
pub(crate) struct Services(BTreeMap<Service, Result<Found, ServiceError>>);

struct Found {
    url: String,
    /// Killed and restarted while others know the URL alone.
    instance: Mutex<Instance>,
}

impl Found {
    fn obtain(service: Service) -> Result<Self, ServiceError> {
        let instance = Instance::obtain(in_the_lab(service))?;
        Ok(Self {
            url: instance.url().to_owned(),
            instance: Mutex::new(instance),
        })
    }
}

impl Services {
    /// Finds or starts what `recipes` need and their files do not name.
    pub(crate) fn obtain<'r>(recipes: impl IntoIterator<Item = &'r Recipe>) -> Self {
        Self::of(recipes.into_iter().filter_map(Recipe::needs))
    }

    /// Finds or starts these.
    pub(crate) fn of(services: impl IntoIterator<Item = Service>) -> Self {
        let mut found = BTreeMap::new();
        for service in services {
            found
                .entry(service)
                .or_insert_with(|| Found::obtain(service));
        }
        Self(found)
    }

    /// Why `recipe` cannot be served, if a server that it needs is missing.
    pub(crate) fn missing(&self, recipe: &Recipe) -> Option<&ServiceError> {
        self.error(recipe.needs()?)
    }

    /// Why there is no such server, if it was to be found and was not.
    pub(crate) fn error(&self, service: Service) -> Option<&ServiceError> {
        self.0.get(&service)?.as_ref().err()
    }

    /// Takes out the reason why `recipe` cannot be served.
    pub(crate) fn take_missing(&mut self, recipe: &Recipe) -> Option<ServiceError> {
        self.take_error(recipe.needs()?)
    }

    /// Takes out the reason why there is no such server.
    pub(crate) fn take_error(&mut self, service: Service) -> Option<ServiceError> {
        match self.0.remove(&service)? {
            Err(missing) => Some(missing),
            found => {
                self.0.insert(service, found);
                None
            }
        }
    }

    /// Where they are.
    pub(crate) fn urls(&self) -> ServiceUrls {
        let url = |service| self.url(service).map(str::to_owned);
        ServiceUrls {
            mysql: url(Service::Mysql),
            postgres: url(Service::Postgres),
            redis: url(Service::Redis),
        }
    }

    /// The variables that tell a child where they are.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        self.environment_behind(&[])
    }

    /// The same, behind `proxies` as far as there are such.
    pub(crate) fn environment_behind(&self, proxies: &[Proxied]) -> Vec<(&'static str, String)> {
        let found = self.0.keys().filter_map(|service| {
            let service = (*service, in_the_lab(*service));
            let behind = proxies.iter().find(|proxied| proxied.service == service.1);
            let url = match behind {
                Some(proxied) => &proxied.url,
                None => self.url(service.0)?,
            };
            Some((service.1.url_variable(), url.to_owned()))
        });
        found.collect()
    }

    /// Proxies before the server that `recipe` needs; none where it needs none.
    ///
    /// # Errors
    /// When a proxy cannot be started.
    pub(crate) fn proxies(&self, recipe: &Recipe) -> Result<Vec<Proxied>, ProxiedError> {
        let needed = recipe.needs().into_iter();
        let urls = needed.filter_map(|service| Some((in_the_lab(service), self.url(service)?)));
        services_through_proxies(urls)
    }

    /// Kills the server that `recipe` needs and starts it with what it kept;
    /// calls `gone` in between.
    ///
    /// # Errors
    /// When it is not ours, or does not come back.
    pub(crate) fn restart(&self, recipe: &Recipe, gone: impl FnOnce()) -> anyhow::Result<()> {
        let service = recipe
            .needs()
            .context("its store has no server that could be restarted")?;
        let found = self.0.get(&service).and_then(|found| found.as_ref().ok());
        let mut instance = found
            .context("its store's server was not found")?
            .instance
            .lock();
        let server = instance.private().with_context(|| {
            let variable = in_the_lab(service).url_variable();
            format!(
                "its store's server was not started here: unset {variable} to have one of our own"
            )
        })?;
        server.kill()?;
        gone();
        Ok(server.restart()?)
    }

    /// Whether the server that `recipe` needs was started here, so that
    /// [`Services::restart`] can restart it.
    pub(crate) fn can_restart(&self, recipe: &Recipe) -> bool {
        let found = recipe.needs().and_then(|service| self.0.get(&service));
        let found = found.and_then(|found| found.as_ref().ok());
        found.is_some_and(|found| found.instance.lock().private().is_some())
    }

    /// Which versions they are, as far as they were started here.
    pub(crate) fn versions(&self) -> BTreeMap<String, String> {
        let found = self.0.iter().filter_map(|(service, found)| {
            let version = match &*found.as_ref().ok()?.instance.lock() {
                Instance::Borrowed(_) => "not started here".to_owned(),
                Instance::Private(_) => version(in_the_lab(*service))?,
            };
            Some((service.label().to_owned(), version))
        });
        found.collect()
    }

    /// Where it is, if it was found.
    pub(crate) fn url(&self, service: Service) -> Option<&str> {
        let found = self.0.get(&service)?.as_ref().ok()?;
        Some(&found.url)
    }
}

/// The same service as the lab names it.
pub(crate) const fn in_the_lab(service: Service) -> services::Service {
    match service {
        Service::Mysql => services::Service::Mysql,
        Service::Postgres => services::Service::Postgres,
        Service::Redis => services::Service::Redis,
    }
}

/// What the program says of itself, in its first line.
fn version(service: services::Service) -> Option<String> {
    let program = services::locate_binary(service).ok()?;
    let said = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&said.stdout);
    Some(text.lines().next()?.trim().to_owned())
}
