//! Who takes part in a comparison, and who does not and why.

use anyhow::Result;
use authbench_load::Scenario;
use authbench_results::Skipped;

use crate::commands::run::candidates;
use crate::run::candidate::Candidate;
use crate::run::library::Source;
use crate::services::Services;

/// Who takes part in a comparison.
pub(crate) struct Lineup {
    /// Those who do.
    pub(crate) candidates: Vec<Candidate>,
    /// Those of the scenario who do not, and why: to be said loudly.
    pub(crate) left_out: Vec<Skipped>,
    /// What their stores need.
    pub(crate) services: Services,
}

impl Lineup {
    /// The strategies of a scenario; only those whose store is part of the
    /// server unless `with_services`.
    ///
    /// # Errors
    /// When the scenario names a strategy that there is not.
    pub(crate) fn of(scenario: &Scenario, source: &Source, with_services: bool) -> Result<Self> {
        let mut lineup = Self {
            candidates: Vec::new(),
            left_out: Vec::new(),
            services: Services::default(),
        };
        let mut found = Vec::new();
        for candidate in candidates(scenario, source, true)? {
            match unsuited(&candidate, with_services) {
                Some(reason) => lineup.leave_out(&candidate, reason),
                None => found.push(candidate),
            }
        }
        lineup.services = Services::of(found.iter().filter_map(Candidate::needs));
        for candidate in found {
            let needs = candidate.needs();
            let missing = needs.and_then(|service| lineup.services.error(service));
            match missing.map(ToString::to_string) {
                Some(reason) => lineup.leave_out(&candidate, reason),
                None => lineup.candidates.push(candidate),
            }
        }
        Ok(lineup)
    }

    /// Their names, in the scenario's order.
    pub(crate) fn strategies(&self) -> Vec<&str> {
        self.candidates.iter().map(Candidate::name).collect()
    }

    fn leave_out(&mut self, candidate: &Candidate, reason: String) {
        self.left_out.push(Skipped {
            strategy: candidate.name().to_owned(),
            reason,
            optional: true,
        });
    }
}

/// Why it cannot be compared, if so.
fn unsuited(candidate: &Candidate, with_services: bool) -> Option<String> {
    let Some(recipe) = candidate.recipe() else {
        return Some("it is somebody else's server, which no revision of ours changes".to_owned());
    };
    let service = recipe.store().and_then(|store| store.service())?;
    (!with_services).then(|| {
        format!(
            "its store is a {} server, which would share the core that is measured: \
             `with_services = true` in the rules takes it in all the same",
            service.label()
        )
    })
}
