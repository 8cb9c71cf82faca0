//! The keys of a strategy, which its nodes share.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use authbench_core::Entropy;
use authbench_schemes::keyring::{KeyRing, RingKey};
use authbench_schemes::refresh::RefreshKey;
use authbench_schemes::{biscuit, jwt, paseto, sealed};
use zeroize::Zeroizing;

use super::follow::{self, Lead, Source, follow};
use super::{BackingOptions, BuildError, fresh};
use crate::recipe::Recipe;
use crate::registry::Scheme;

/// The keys by kind, and who leads them where replicas in other processes have
/// the same.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) kind: Kind,
    pub(super) lead: Option<Arc<dyn Lead>>,
}

/// The keys by kind.
#[derive(Clone)]
pub(super) enum Kind {
    None,
    Biscuit(Arc<KeyRing<biscuit::Key>>),
    Jwt(Arc<KeyRing<jwt::SigningKey>>),
    Paseto(Arc<KeyRing<paseto::Key>>),
    Refresh {
        access: Arc<KeyRing<jwt::SigningKey>>,
        refresh: Arc<RefreshKey>,
    },
    Sealed(Arc<KeyRing<sealed::Key>>),
}

impl Keys {
    /// Reads the keys that the recipe names or that replicas share, and makes
    /// the others.
    pub(super) fn make(recipe: &Recipe, options: &BackingOptions) -> Result<Self, BuildError> {
        let mut maker = Maker {
            recipe,
            options,
            lead: None,
        };
        let kind = match &recipe.scheme {
            Scheme::Introspection(_) | Scheme::Session(_) => Kind::None,
            Scheme::Biscuit(settings) => Kind::Biscuit(maker.biscuit(settings)?),
            Scheme::Jwt(settings) => Kind::Jwt(maker.jwt(settings)?),
            Scheme::JwtDenylist(choice) => Kind::Jwt(maker.jwt(&choice.token)?),
            Scheme::JwtEpoch(choice) => Kind::Jwt(maker.jwt(&choice.token)?),
            Scheme::JwtRefresh(choice) => Kind::Refresh {
                access: maker.jwt(&choice.token)?,
                refresh: maker.refresh(choice.refresh_key_file.as_deref())?,
            },
            Scheme::Paseto(settings) => Kind::Paseto(maker.paseto(settings)?),
            Scheme::SealedCookie(settings) => Kind::Sealed(maker.sealed(settings)?),
        };
        let lead = maker.lead;
        Ok(Self { kind, lead })
    }
}

struct Maker<'m> {
    recipe: &'m Recipe,
    options: &'m BackingOptions,
    lead: Option<Arc<dyn Lead>>,
}

impl Maker<'_> {
    fn jwt(
        &mut self,
        settings: &jwt::Settings,
    ) -> Result<Arc<KeyRing<jwt::SigningKey>>, BuildError> {
        use jwt::{Algorithm, KeyError, SigningKey};
        let algorithm = settings.algorithm;
        let outage = |error: &KeyError| {
            matches!(
                error,
                KeyError::Entropy(_) | KeyError::Generation { .. } | KeyError::Form(_)
            )
        };
        let parse = move |octets: &[u8]| match algorithm {
            Algorithm::Hs256 => SigningKey::from_secret(octets),
            Algorithm::EdDsa | Algorithm::Es256 | Algorithm::Rs256 => {
                SigningKey::from_pem(algorithm, octets)
            }
        };
        let entropy = self.entropy();
        let source = source(move || fresh::jwt(algorithm, &entropy), parse);
        let key = self.key(
            settings.key_file.as_deref(),
            outage,
            || SigningKey::generate(algorithm, &self.options.entropy),
            parse,
            &source,
        )?;
        let ring = settings.ring(key, self.entropy());
        self.ring(ring, source)
    }

    fn paseto(
        &mut self,
        settings: &paseto::Settings,
    ) -> Result<Arc<KeyRing<paseto::Key>>, BuildError> {
        use paseto::{Key, KeyError, Purpose};
        let (purpose, entropy) = (settings.purpose, self.entropy());
        let source = source(
            move || fresh::octets(&entropy).map_err(KeyError::Entropy),
            move |octets| Key::from_bytes(purpose, octets),
        );
        let key = self.key(
            settings.key_file.as_deref(),
            |error| matches!(error, KeyError::Entropy(_)),
            || Key::generate(purpose, &self.options.entropy),
            |octets| match purpose {
                Purpose::Local => Key::from_bytes(Purpose::Local, octets),
                Purpose::Public => Key::from_pem(octets),
            },
            &source,
        )?;
        let ring = settings.ring(key, self.entropy());
        self.ring(ring, source)
    }

    fn biscuit(
        &mut self,
        settings: &biscuit::Settings,
    ) -> Result<Arc<KeyRing<biscuit::Key>>, BuildError> {
        use biscuit::{Key, KeyError};
        let entropy = self.entropy();
        let source = source(
            move || fresh::octets(&entropy).map_err(KeyError::Entropy),
            Key::from_bytes,
        );
        let key = self.key(
            settings.key_file.as_deref(),
            |error| matches!(error, KeyError::Entropy(_)),
            || Key::generate(&self.options.entropy),
            Key::from_pem,
            &source,
        )?;
        let ring = settings.ring(key, self.entropy());
        self.ring(ring, source)
    }

    fn sealed(
        &mut self,
        settings: &sealed::Settings,
    ) -> Result<Arc<KeyRing<sealed::Key>>, BuildError> {
        use sealed::{Key, KeyError};
        let entropy = self.entropy();
        let source = source(
            move || fresh::octets(&entropy).map_err(KeyError::Entropy),
            Key::from_octets,
        );
        let key = self.key(
            settings.key_file.as_deref(),
            |error| matches!(error, KeyError::Entropy(_)),
            || Key::generate(&self.options.entropy),
            Key::from_octets,
            &source,
        )?;
        let ring = KeyRing::rotating(key, settings.rotation(), self.entropy());
        self.ring(Ok::<_, KeyError>(ring), source)
    }

    fn refresh(&self, file: Option<&Path>) -> Result<Arc<RefreshKey>, BuildError> {
        let entropy = &*self.options.entropy;
        let (file, octets) = match (file, &self.options.share) {
            (Some(file), _) => {
                let file = self.recipe.folder.join(file);
                let octets = read(&file)?;
                (Some(file), octets)
            }
            (None, Some(share)) => {
                let fresh = || fresh::octets(entropy).map_err(BuildError::Entropy);
                (None, share.agreed("refresh-key", fresh)?)
            }
            (None, None) => {
                let key = RefreshKey::generate(entropy);
                return key.map(Arc::new).map_err(BuildError::Entropy);
            }
        };
        let key = RefreshKey::from_bytes(&octets);
        key.map(Arc::new).map_err(|error| BuildError::Key {
            file,
            is_input: true,
            source: Box::new(error),
        })
    }

    /// The key in `file`, or the first one that replicas share, or a fresh one.
    fn key<K, E: Error + Send + Sync + 'static>(
        &self,
        file: Option<&Path>,
        is_outage: impl Fn(&E) -> bool,
        generate: impl FnOnce() -> Result<K, E>,
        parse: impl FnOnce(&[u8]) -> Result<K, E>,
        source: &Source<K>,
    ) -> Result<K, BuildError> {
        let file = file.map(|file| self.recipe.folder.join(file));
        let key = match (&file, &self.options.share) {
            (Some(file), _) => parse(&read(file)?),
            (None, Some(share)) => {
                let octets = share.agreed(&follow::name(1), &source.fresh)?;
                return (source.parse)(&octets);
            }
            (None, None) => generate(),
        };
        key.map_err(|error| BuildError::Key {
            file,
            is_input: !is_outage(&error),
            source: Box::new(error),
        })
    }

    /// The ring, led where replicas share it.
    fn ring<K: RingKey, E: Error + Send + Sync + 'static>(
        &mut self,
        ring: Result<KeyRing<K>, E>,
        source: Source<K>,
    ) -> Result<Arc<KeyRing<K>>, BuildError> {
        let ring = ring.map_err(|error| BuildError::Settings {
            recipe: self.recipe.name.clone(),
            source: Box::new(error),
        })?;
        let Some(share) = &self.options.share else {
            return Ok(Arc::new(ring));
        };
        let (ring, lead) = follow(ring, share, source, &self.options.clock)?;
        self.lead = Some(lead);
        Ok(ring)
    }

    fn entropy(&self) -> Arc<dyn Entropy> {
        Arc::clone(&self.options.entropy)
    }
}

/// Keys in the form of key files, with the errors of a build.
fn source<K, E: Error + Send + Sync + 'static>(
    fresh: impl Fn() -> Result<Zeroizing<Vec<u8>>, E> + Send + Sync + 'static,
    parse: impl Fn(&[u8]) -> Result<K, E> + Send + Sync + 'static,
) -> Source<K> {
    let failed = |error: E| BuildError::Key {
        file: None,
        is_input: false,
        source: Box::new(error),
    };
    Source {
        fresh: Box::new(move || fresh().map_err(failed)),
        parse: Box::new(move |octets| parse(octets).map_err(failed)),
    }
}

fn read(file: &Path) -> Result<Zeroizing<Vec<u8>>, BuildError> {
    match std::fs::read(file) {
        Ok(octets) => Ok(Zeroizing::new(octets)),
        Err(source) => Err(BuildError::KeyFile {
            file: file.to_owned(),
            source,
        }),
    }
}
