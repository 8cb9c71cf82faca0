//! Which strategies there are to measure: the registry's recipes, without
//! those that differ in nothing that a bench can see.

use authbench_catalog::registry::{Scheme, Store};
use authbench_catalog::{Recipe, shipped};
use authbench_lab::services::{self, NotFound, Service};
use authbench_wire::Transport;

/// One strategy to measure.
#[derive(Clone, Debug)]
pub struct Case {
    /// The recipe's name without its transport, e.g. `session.redis-idle`.
    pub name: String,
    /// The recipe.
    pub recipe: Recipe,
}

impl Case {
    /// Whether the state is in this process's memory and nothing stands
    /// between: then nothing ever waits.
    #[must_use]
    pub fn is_in_memory(&self) -> bool {
        let bare = |storage: &authbench_catalog::registry::Storage| {
            matches!(storage.store, Store::Memory(_))
                && storage.cache.is_none()
                && storage.delay.is_none()
        };
        self.recipe.storage.as_ref().is_some_and(bare)
            && !matches!(self.recipe.scheme, Scheme::Introspection(_))
    }

    /// Whether the scheme keeps nothing.
    #[must_use]
    pub fn is_stateless(&self) -> bool {
        self.recipe.storage.is_none()
    }

    /// Whether the store holds what has ended and not what lives: it grows by
    /// revocations and not by logins.
    #[must_use]
    pub fn keeps_the_dead(&self) -> bool {
        matches!(
            self.recipe.scheme,
            Scheme::JwtDenylist(_) | Scheme::JwtEpoch(_)
        )
    }

    /// How many logins a subject may have at once; none for any number.
    #[must_use]
    pub fn logins_max(&self) -> Option<u32> {
        match &self.recipe.scheme {
            Scheme::Session(settings) => settings.limit.map(|limit| limit.logins_max),
            _ => None,
        }
    }

    /// How many operations are worth having on the way at once.
    #[must_use]
    pub fn width(&self) -> usize {
        if self.is_in_memory() || self.is_stateless() {
            1
        } else {
            64
        }
    }
}

/// One case for each scheme with its settings, store and what stands before
/// it. How credentials travel is no business of a strategy; where there is a
/// choice, the one for the `Authorization` header is taken.
#[must_use]
pub fn distinct() -> Vec<Case> {
    let mut recipes = shipped();
    recipes.sort_by_key(|recipe| recipe.transport != Transport::Bearer);
    let mut cases: Vec<Case> = Vec::new();
    for recipe in recipes {
        let same = |case: &Case| {
            case.recipe.scheme == recipe.scheme && case.recipe.storage == recipe.storage
        };
        if !cases.iter().any(same) {
            let name = recipe.name.rsplit_once('.').map_or("", |(name, _)| name);
            cases.push(Case {
                name: name.to_owned(),
                recipe,
            });
        }
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

/// Those of `cases` whose server is there. For the others `notice` says, as
/// loudly as it can, which are left out and what to install.
pub fn present(cases: Vec<Case>) -> (Vec<Case>, Notice) {
    let mut notice = Notice::default();
    let mut present = Vec::new();
    for case in cases {
        let missing = case.recipe.needs().and_then(|it| absent(in_the_lab(it)));
        match missing {
            None => present.push(case),
            Some(missing) => notice.0.push((case.name, missing)),
        }
    }
    notice.print();
    (present, notice)
}

/// Why `service` cannot be had; none if it can.
#[must_use]
pub fn absent(service: Service) -> Option<NotFound> {
    services::locate(service).err()
}

/// The same of the service that a recipe needs.
#[must_use]
pub fn absent_for(service: authbench_catalog::registry::Service) -> Option<NotFound> {
    absent(in_the_lab(service))
}

/// What is left out, and why.
#[derive(Debug, Default)]
#[must_use]
pub struct Notice(Vec<(String, NotFound)>);

impl Notice {
    /// One more that is left out.
    pub fn add(&mut self, name: &str, missing: NotFound) {
        self.0.push((name.to_owned(), missing));
    }

    /// Prints it to standard error. Once more at the end of a bench, since the
    /// beginning has scrolled away by then.
    pub fn print(&self) {
        for (name, missing) in &self.0 {
            eprintln!("*** NOTE: {name} is LEFT OUT: {missing} ***");
        }
    }
}

pub(crate) const fn in_the_lab(service: authbench_catalog::registry::Service) -> Service {
    use authbench_catalog::registry::Service as Needed;
    match service {
        Needed::Mysql => Service::Mysql,
        Needed::Postgres => Service::Postgres,
        Needed::Redis => Service::Redis,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_has_a_case_and_no_two_cases_are_alike() {
        let cases = distinct();
        let mut names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
        names.dedup();
        assert_eq!(names.len(), cases.len());
        for recipe in shipped() {
            let same = cases.iter().filter(|case| {
                case.recipe.scheme == recipe.scheme && case.recipe.storage == recipe.storage
            });
            assert_eq!(same.count(), 1, "{}", recipe.name);
        }
    }
}
