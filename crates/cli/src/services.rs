//! The servers that some strategies need beside ours: found or started once
//! for a whole command, and named to the children through their environment.

use std::collections::BTreeMap;
use std::process::Command;

use authbench_catalog::registry::Service;
use authbench_catalog::{Recipe, ServiceUrls};
use authbench_lab::services::{self, Instance, ServiceError};

/// What was found. Private servers end when this is dropped.
#[derive(Default)]
pub(crate) struct Services(BTreeMap<Service, Result<Instance, ServiceError>>);

impl Services {
    /// Finds or starts what `recipes` need and their files do not name.
    pub(crate) fn obtain<'r>(recipes: impl IntoIterator<Item = &'r Recipe>) -> Self {
        let mut found = BTreeMap::new();
        for service in recipes.into_iter().filter_map(Recipe::needs) {
            found
                .entry(service)
                .or_insert_with(|| Instance::obtain(in_the_lab(service)));
        }
        Self(found)
    }

    /// Why `recipe` cannot be served, if a server that it needs is missing.
    pub(crate) fn missing(&self, recipe: &Recipe) -> Option<&ServiceError> {
        self.0.get(&recipe.needs()?)?.as_ref().err()
    }

    /// Takes out the reason why `recipe` cannot be served.
    pub(crate) fn take_missing(&mut self, recipe: &Recipe) -> Option<ServiceError> {
        let service = recipe.needs()?;
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
        let url = |service| {
            let found = self.0.get(&service)?.as_ref().ok()?;
            Some(found.url().to_owned())
        };
        ServiceUrls {
            mysql: url(Service::Mysql),
            postgres: url(Service::Postgres),
            redis: url(Service::Redis),
        }
    }

    /// The variables that tell a child where they are.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let found = self.0.iter().filter_map(|(service, found)| {
            let found = found.as_ref().ok()?;
            Some((in_the_lab(*service).url_variable(), found.url().to_owned()))
        });
        found.collect()
    }

    /// Which versions they are, as far as they were started here.
    pub(crate) fn versions(&self) -> BTreeMap<String, String> {
        let found = self.0.iter().filter_map(|(service, found)| {
            let version = match found.as_ref().ok()? {
                Instance::Borrowed(_) => "not started here".to_owned(),
                Instance::Private(_) => version(in_the_lab(*service))?,
            };
            Some((service.label().to_owned(), version))
        });
        found.collect()
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
