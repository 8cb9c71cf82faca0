//! From keys and a store to a strategy.

use std::any::Any;
use std::error::Error;
use std::sync::Arc;

use authbench_authority::{AuthorityOptions, CallerSecret, Running};
use authbench_core::strategy::DynStrategy;
use authbench_core::{AuthStrategy, RecordStore, UnixMs};
use authbench_schemes::biscuit::BiscuitFormat;
use authbench_schemes::denylist::Denylist;
use authbench_schemes::epoch::Epoch;
use authbench_schemes::introspection::Introspection;
use authbench_schemes::jwt::{self, JwtFormat, SigningKey};
use authbench_schemes::keyring::{KeyRing, RingKey};
use authbench_schemes::paseto::PasetoFormat;
use authbench_schemes::refresh::Refreshing;
use authbench_schemes::sealed::{self, Sealed};
use authbench_schemes::session::Session;
use authbench_schemes::stateless::Stateless;
use authbench_schemes::token::TokenFormat;
use authbench_wire::Transport;

use super::keys::Kind;
use super::storage::NodeStore;
use super::{Backing, BuildError, PublicKeys, RotateKeys, SigningKey as SignsWith};
use crate::recipe::Recipe;
use crate::registry::Scheme;

/// Milliseconds in which an authorization server must have answered.
const AUTHORITY_TIMEOUT_MS: u64 = 5_000;

/// A strategy, and what is published and changed of its keys.
pub(super) struct Built {
    pub(super) strategy: Arc<dyn DynStrategy>,
    pub(super) jwks: Option<PublicKeys>,
    pub(super) rotate_keys: Option<RotateKeys>,
    pub(super) signing_key: Option<SignsWith>,
    pub(super) keeps: Option<Arc<dyn Any + Send + Sync>>,
}

impl Built {
    fn bare(strategy: impl AuthStrategy + 'static) -> Self {
        Self {
            strategy: Arc::new(strategy),
            jwks: None,
            rotate_keys: None,
            signing_key: None,
            keeps: None,
        }
    }

    fn rotating<K: RingKey>(self, ring: &Arc<KeyRing<K>>) -> Self {
        let ring = Arc::clone(ring);
        let rotate = move |at| ring.rotate(at).map_err(Into::into);
        Self {
            rotate_keys: Some(Arc::new(rotate)),
            ..self
        }
    }

    /// Publishes the keys of `format`, another instance of the strategy's own.
    /// Whoever reads the set keeps it no longer than a new key is shown before
    /// it signs, and five minutes where keys change by hand only.
    fn publishing(self, format: impl TokenFormat, announce_s: u64, rotates: bool) -> Self {
        let fresh_ms = if rotates { announce_s * 1000 } else { 300_000 };
        let at = Arc::new(move |at: UnixMs| format.jwks(at));
        Self {
            jwks: Some(PublicKeys { at, fresh_ms }),
            ..self
        }
    }
}

impl Backing {
    /// The strategy of one more node, on `store` if the scheme has one.
    pub(super) fn strategy(&self, store: Option<NodeStore>) -> Result<Built, BuildError> {
        let mut built = match store {
            None => self.without_a_store(),
            Some(NodeStore::Memory(store)) => self.over(store),
            Some(NodeStore::LabMemory(store)) => self.over(store),
            Some(NodeStore::Any(store)) => self.over(store),
        }?;
        if let Some(lead) = self.keys.lead.clone() {
            // A key for all replicas, not for this one's ring alone.
            built.rotate_keys = Some(Arc::new(move |at| lead.rotate(at)));
        }
        Ok(built)
    }

    fn without_a_store(&self) -> Result<Built, BuildError> {
        let entropy = Arc::clone(&self.options.entropy);
        match (&self.recipe.scheme, &self.keys.kind) {
            (Scheme::Biscuit(settings), Kind::Biscuit(ring)) => {
                let format = || {
                    let (ring, entropy) = (Arc::clone(ring), Arc::clone(&entropy));
                    self.settings(|| BiscuitFormat::new(settings.clone(), ring, entropy))
                };
                let (own, published) = (format()?, format()?);
                let rotates = settings.rotate_every_s.is_some();
                Ok(Built::bare(Stateless::new(own, entropy))
                    .rotating(ring)
                    .publishing(published, settings.announce_s, rotates))
            }
            (Scheme::Jwt(settings), Kind::Jwt(ring)) => {
                let format = self.jwt(settings, ring)?;
                self.signed(Stateless::new(format, entropy), settings, ring)
            }
            (Scheme::Paseto(settings), Kind::Paseto(ring)) => {
                let format =
                    || self.settings(|| PasetoFormat::new(settings.clone(), Arc::clone(ring)));
                let rotates = settings.rotate_every_s.is_some();
                Ok(Built::bare(Stateless::new(format()?, entropy))
                    .rotating(ring)
                    .publishing(format()?, settings.announce_s, rotates))
            }
            (Scheme::SealedCookie(settings), Kind::Sealed(ring)) => {
                let name = self.cookie_name();
                let strategy =
                    self.settings(|| sealed::stateless(settings, name, Arc::clone(ring), entropy))?;
                Ok(Built::bare(strategy).rotating(ring))
            }
            (Scheme::Introspection(settings), _) => {
                let Some(authority) = &self.authority else {
                    return Err(self.amiss());
                };
                let client = authority
                    .client(AUTHORITY_TIMEOUT_MS)
                    .map_err(|error| BuildError::Authority(Box::new(error)))?;
                let strategy = self.settings(|| Introspection::new(settings, client))?;
                Ok(Built {
                    keeps: Some(Arc::clone(authority) as _),
                    ..Built::bare(strategy)
                })
            }
            _ => Err(self.amiss()),
        }
    }

    fn over<S: RecordStore + 'static>(&self, store: S) -> Result<Built, BuildError> {
        let entropy = Arc::clone(&self.options.entropy);
        match (&self.recipe.scheme, &self.keys.kind) {
            (Scheme::Session(settings), _) => {
                Ok(Built::bare(Session::new(*settings, store, entropy)))
            }
            (Scheme::JwtDenylist(choice), Kind::Jwt(ring)) => {
                let format = self.jwt(&choice.token, ring)?;
                let strategy = Denylist::new(choice.denylist, format, store, entropy);
                self.signed(strategy, &choice.token, ring)
            }
            (Scheme::JwtEpoch(choice), Kind::Jwt(ring)) => {
                let format = self.jwt(&choice.token, ring)?;
                let strategy = Epoch::new(choice.epoch, format, store, entropy);
                self.signed(strategy, &choice.token, ring)
            }
            (Scheme::JwtRefresh(choice), Kind::Refresh { access, refresh }) => {
                let format = self.jwt(&choice.token, access)?;
                let key = Arc::clone(refresh);
                let mut strategy = Refreshing::new(choice.refresh, format, key, store, entropy);
                if let Some(accounts) = &self.options.accounts {
                    strategy = strategy.with_accounts(Arc::clone(accounts));
                }
                self.signed(strategy, &choice.token, access)
            }
            (Scheme::SealedCookie(settings), Kind::Sealed(ring)) => {
                let name = self.cookie_name();
                let strategy = self
                    .settings(|| Sealed::new(settings, name, Arc::clone(ring), store, entropy))?;
                Ok(Built::bare(strategy).rotating(ring))
            }
            _ => Err(self.amiss()),
        }
    }

    /// A strategy whose access tokens are JWTs.
    fn signed(
        &self,
        strategy: impl AuthStrategy + 'static,
        settings: &jwt::Settings,
        ring: &Arc<KeyRing<SigningKey>>,
    ) -> Result<Built, BuildError> {
        let published = self.jwt(settings, ring)?;
        let rotates = settings.rotate_every_s.is_some();
        let signs = Arc::clone(ring);
        let signing_key = move |at| signs.signer(at)?.private_jwk().map_err(Into::into);
        let built = Built {
            signing_key: Some(Arc::new(signing_key)),
            ..Built::bare(strategy)
        };
        Ok(built
            .rotating(ring)
            .publishing(published, settings.announce_s, rotates))
    }

    fn jwt(
        &self,
        settings: &jwt::Settings,
        ring: &Arc<KeyRing<SigningKey>>,
    ) -> Result<JwtFormat, BuildError> {
        self.settings(|| JwtFormat::new(settings.clone(), Arc::clone(ring)))
    }

    fn settings<T, E: Error + Send + Sync + 'static>(
        &self,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, BuildError> {
        make().map_err(|error| BuildError::Settings {
            recipe: self.recipe.name.clone(),
            source: Box::new(error),
        })
    }

    /// Scheme, keys and store do not belong together, which
    /// [`Recipe::parse`] and `Keys::make` rule out.
    fn amiss(&self) -> BuildError {
        BuildError::Settings {
            recipe: self.recipe.name.clone(),
            source: "the parts of the recipe do not belong together".into(),
        }
    }

    fn cookie_name(&self) -> &str {
        match &self.recipe.transport {
            Transport::Cookie(settings) => settings.name(),
            Transport::Bearer => "",
        }
    }
}

/// Starts the authorization server of scheme `introspection` over `store`: one
/// for all nodes, which are its resource servers.
pub(super) fn authority(
    recipe: &Recipe,
    store: NodeStore,
    options: &super::BackingOptions,
) -> Result<Option<Arc<Running>>, BuildError> {
    let Scheme::Introspection(settings) = &recipe.scheme else {
        return Ok(None);
    };
    let entropy = Arc::clone(&options.entropy);
    let strategy: Arc<dyn DynStrategy> = match store {
        NodeStore::Memory(store) => Arc::new(Session::new(settings.token, store, entropy)),
        NodeStore::LabMemory(store) => Arc::new(Session::new(settings.token, store, entropy)),
        NodeStore::Any(store) => Arc::new(Session::new(settings.token, store, entropy)),
    };
    let secret = CallerSecret::generate(&options.entropy).map_err(BuildError::Entropy)?;
    let served = AuthorityOptions {
        secret,
        clock: Arc::clone(&options.clock),
        // Its clock is the nodes' own, and follows when the lab steps it.
        lab_time: false,
    };
    let running = authbench_authority::spawn(strategy, served)
        .map_err(|error| BuildError::Authority(Box::new(error)))?;
    Ok(Some(Arc::new(running)))
}
