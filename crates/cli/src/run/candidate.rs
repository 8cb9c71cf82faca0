//! Who can be measured in a run: strategies of our own, and strangers' servers.

use authbench_catalog::registry::Service;
use authbench_catalog::{Recipe, RecipeError};
use authbench_load::Scenario;

use crate::foreign::Stranger;
use crate::run::library;

/// Who is measured.
#[derive(Clone)]
pub(crate) enum Candidate {
    /// A strategy of our own, behind servers of our own.
    Recipe(Box<Recipe>),
    /// Somebody else's server, started here.
    Stranger(Box<Stranger>),
}

impl Candidate {
    /// The strategy, or else the target, that `wanted` names: the name of
    /// either, or the path of a recipe or of a target's folder.
    ///
    /// # Errors
    /// [`RecipeError::NoSuchName`] when it names neither; otherwise what is wrong
    /// with it.
    pub(crate) fn find(wanted: &str) -> anyhow::Result<Self> {
        match authbench_catalog::find(wanted) {
            Ok(recipe) => Ok(Self::from(&recipe)),
            Err(missing @ RecipeError::NoSuchName { .. }) => match library::stranger(wanted)? {
                Some(stranger) => Ok(Self::Stranger(Box::new(stranger))),
                None => Err(missing.into()),
            },
            Err(other) => Err(other.into()),
        }
    }

    /// The name in results.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Recipe(recipe) => &recipe.name,
            Self::Stranger(stranger) => stranger.name(),
        }
    }

    /// The recipe, if it is one.
    pub(crate) fn recipe(&self) -> Option<&Recipe> {
        match self {
            Self::Recipe(recipe) => Some(recipe),
            Self::Stranger(_) => None,
        }
    }

    /// The server that must run beside it.
    pub(crate) fn needs(&self) -> Option<Service> {
        match self {
            Self::Recipe(recipe) => recipe.needs(),
            Self::Stranger(stranger) => stranger.needs(),
        }
    }

    /// Why this machine cannot start it, if it lacks a program for that.
    pub(crate) fn missing_program(&self) -> Option<String> {
        match self {
            Self::Recipe(_) => None,
            Self::Stranger(stranger) => Some(stranger.missing_program()?.to_string()),
        }
    }

    /// Why it cannot take part in `scenario`, if it cannot: a stranger has none
    /// of the doors by which our own servers are broken, chained and told the
    /// time.
    pub(crate) fn unsuited(&self, scenario: &Scenario) -> Option<String> {
        let Self::Stranger(stranger) = self else {
            return None;
        };
        let topology = &scenario.topology;
        let mut phases = scenario.phases.iter();
        let wants = [
            (!scenario.faults.is_empty(), "faults"),
            (topology.hops.value > 1, "a chain of services"),
            (topology.store_round_trip_us.value > 0, "a slower store"),
            (
                phases.any(|phase| phase.before.expire_access),
                "a clock that can be stepped",
            ),
        ];
        let (_, what) = wants.into_iter().find(|(is_so, _)| *is_so)?;
        let name = stranger.name();
        Some(format!(
            "the scenario asks for {what}, which a server that is not ours (`{name}`) does not offer"
        ))
    }
}

impl From<&Recipe> for Candidate {
    fn from(recipe: &Recipe) -> Self {
        Self::Recipe(Box::new(recipe.clone()))
    }
}
