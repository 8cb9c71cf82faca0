//! Our own strategies as targets of the conformance checks: a recipe is served
//! by one or two child processes in the lab, and every door is open.

mod fleet;
mod hooks;
mod profile;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use authbench_catalog::Recipe;
use authbench_conformance::hooks::Hooks;
use authbench_conformance::verifier::Verifier;
use authbench_conformance::{Target, TargetOptions};
use authbench_wire::Profile;

use super::verifiers;
use crate::services::Services;
use fleet::Fleet;
use hooks::Doors;

/// How a recipe is served.
#[derive(Clone, Debug)]
pub(crate) struct OursOptions {
    /// Replicas, where the recipe's replicas share logins; otherwise there is
    /// one.
    pub(crate) replicas: u32,
    /// Whether they speak TLS, with a certificate of their own.
    pub(crate) tls: bool,
    /// Accounts by number.
    pub(crate) accounts: u32,
    /// The program to run; this one if none.
    pub(crate) program: Option<PathBuf>,
}

impl Default for OursOptions {
    /// Two replicas without TLS, five thousand accounts.
    fn default() -> Self {
        Self {
            replicas: 2,
            tls: false,
            accounts: 5_000,
            program: None,
        }
    }
}

/// A recipe that is served. The servers end when this and its hooks are gone.
pub(crate) struct Ours {
    profile: Profile,
    doors: Arc<Doors>,
    verifier: Option<Arc<dyn Verifier>>,
}

impl Ours {
    /// Starts the servers of `recipe`, and returns when all of them serve.
    /// `services` has what the recipe needs.
    ///
    /// # Errors
    /// When a store server is missing, a server does not start, or a lab door
    /// does not answer.
    pub(crate) async fn start(
        recipe: &Recipe,
        services: &Arc<Services>,
        options: &OursOptions,
    ) -> Result<Self> {
        ensure!(options.replicas > 0, "a target has one replica at least");
        if let Some(missing) = services.missing(recipe) {
            return Err(anyhow::anyhow!("{missing}"))
                .context(format!("`{}` cannot be served", recipe.name));
        }
        let starting = {
            let (recipe, services) = (recipe.clone(), Arc::clone(services));
            let options = options.clone();
            move || Fleet::start(&recipe, &services, &options)
        };
        let (fleet, ready) = tokio::task::spawn_blocking(starting).await??;
        let has_keys = recipe.scheme.has_keys();
        let doors = Arc::new(Doors::new(fleet, recipe.clone(), services, has_keys)?);
        let keys = doors.keys().await?;
        let profile = profile::of(recipe, &ready, keys, &doors.origins(), options.accounts)?;
        let verifier = verifiers::of(&recipe.scheme);
        Ok(Self {
            profile,
            doors,
            verifier,
        })
    }

    /// The same for who has no runtime; the target may be tried on any.
    ///
    /// # Errors
    /// As [`Ours::start`].
    pub(crate) fn launch(
        recipe: &Recipe,
        services: &Arc<Services>,
        options: &OursOptions,
    ) -> Result<Self> {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(Self::start(recipe, services, options))
    }

    /// What describes the target.
    #[cfg(test)]
    pub(crate) fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Its doors.
    pub(crate) fn hooks(&self) -> Arc<dyn Hooks> {
        Arc::clone(&self.doors) as Arc<dyn Hooks>
    }

    /// The target, ready for checks.
    ///
    /// # Errors
    /// When the profile makes no target, which would be a mistake here.
    pub(crate) fn target(&self) -> Result<Target> {
        let options = TargetOptions {
            certificate_der: self.doors.certificate_der().map(<[u8]>::to_vec),
            ..TargetOptions::default()
        };
        let target = Target::new(self.profile.clone(), self.hooks(), options)?;
        Ok(match &self.verifier {
            Some(verifier) => target.judged_by(Arc::clone(verifier)),
            None => target,
        })
    }
}

#[cfg(test)]
mod tests;
