//! The keys of a strategy, which its nodes share.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use authbench_schemes::keyring::{KeyRing, RingKey};
use authbench_schemes::refresh::RefreshKey;
use authbench_schemes::{biscuit, jwt, paseto, sealed};
use zeroize::Zeroizing;

use super::{BackingOptions, BuildError};
use crate::recipe::Recipe;
use crate::registry::Scheme;

/// The keys by kind.
#[derive(Clone)]
pub(super) enum Keys {
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
    /// Reads the keys that the recipe names, and makes the others.
    pub(super) fn make(recipe: &Recipe, options: &BackingOptions) -> Result<Self, BuildError> {
        let maker = Maker { recipe, options };
        Ok(match &recipe.scheme {
            Scheme::Introspection(_) | Scheme::Session(_) => Self::None,
            Scheme::Biscuit(settings) => Self::Biscuit(maker.biscuit(settings)?),
            Scheme::Jwt(settings) => Self::Jwt(maker.jwt(settings)?),
            Scheme::JwtDenylist(choice) => Self::Jwt(maker.jwt(&choice.token)?),
            Scheme::JwtEpoch(choice) => Self::Jwt(maker.jwt(&choice.token)?),
            Scheme::JwtRefresh(choice) => Self::Refresh {
                access: maker.jwt(&choice.token)?,
                refresh: maker.refresh(choice.refresh_key_file.as_deref())?,
            },
            Scheme::Paseto(settings) => Self::Paseto(maker.paseto(settings)?),
            Scheme::SealedCookie(settings) => Self::Sealed(maker.sealed(settings)?),
        })
    }
}

struct Maker<'m> {
    recipe: &'m Recipe,
    options: &'m BackingOptions,
}

impl Maker<'_> {
    fn jwt(&self, settings: &jwt::Settings) -> Result<Arc<KeyRing<jwt::SigningKey>>, BuildError> {
        use jwt::{Algorithm, KeyError, SigningKey};
        let algorithm = settings.algorithm;
        let outage = |error: &KeyError| {
            matches!(
                error,
                KeyError::Entropy(_) | KeyError::Generation { .. } | KeyError::Form(_)
            )
        };
        let key = self.key(
            settings.key_file.as_deref(),
            outage,
            || SigningKey::generate(algorithm, &self.options.entropy),
            |octets| match algorithm {
                Algorithm::Hs256 => SigningKey::from_secret(octets),
                Algorithm::EdDsa | Algorithm::Es256 | Algorithm::Rs256 => {
                    SigningKey::from_pem(algorithm, octets)
                }
            },
        )?;
        self.ring(settings.ring(key, Arc::clone(&self.options.entropy)))
    }

    fn paseto(&self, settings: &paseto::Settings) -> Result<Arc<KeyRing<paseto::Key>>, BuildError> {
        use paseto::{Key, KeyError, Purpose};
        let key = self.key(
            settings.key_file.as_deref(),
            |error| matches!(error, KeyError::Entropy(_)),
            || Key::generate(settings.purpose, &self.options.entropy),
            |octets| match settings.purpose {
                Purpose::Local => Key::from_bytes(Purpose::Local, octets),
                Purpose::Public => Key::from_pem(octets),
            },
        )?;
        self.ring(settings.ring(key, Arc::clone(&self.options.entropy)))
    }

    fn biscuit(
        &self,
        settings: &biscuit::Settings,
    ) -> Result<Arc<KeyRing<biscuit::Key>>, BuildError> {
        use biscuit::{Key, KeyError};
        let key = self.key(
            settings.key_file.as_deref(),
            |error| matches!(error, KeyError::Entropy(_)),
            || Key::generate(&self.options.entropy),
            Key::from_pem,
        )?;
        self.ring(settings.ring(key, Arc::clone(&self.options.entropy)))
    }

    fn sealed(&self, settings: &sealed::Settings) -> Result<Arc<KeyRing<sealed::Key>>, BuildError> {
        use sealed::{Key, KeyError};
        let key = self.key(
            settings.key_file.as_deref(),
            |error| matches!(error, KeyError::Entropy(_)),
            || Key::generate(&self.options.entropy),
            Key::from_octets,
        )?;
        let entropy = Arc::clone(&self.options.entropy);
        Ok(Arc::new(KeyRing::rotating(
            key,
            settings.rotation(),
            entropy,
        )))
    }

    fn refresh(&self, file: Option<&Path>) -> Result<Arc<RefreshKey>, BuildError> {
        let Some(file) = file else {
            let key = RefreshKey::generate(&*self.options.entropy);
            return key.map(Arc::new).map_err(BuildError::Entropy);
        };
        let file = self.recipe.folder.join(file);
        let key = RefreshKey::from_bytes(&read(&file)?);
        key.map(Arc::new).map_err(|error| BuildError::Key {
            file: Some(file),
            is_input: true,
            source: Box::new(error),
        })
    }

    /// The key in `file`, or a fresh one.
    fn key<K, E: Error + Send + Sync + 'static>(
        &self,
        file: Option<&Path>,
        is_outage: impl Fn(&E) -> bool,
        generate: impl FnOnce() -> Result<K, E>,
        parse: impl FnOnce(&[u8]) -> Result<K, E>,
    ) -> Result<K, BuildError> {
        let file = file.map(|file| self.recipe.folder.join(file));
        let key = match &file {
            None => generate(),
            Some(file) => parse(&read(file)?),
        };
        key.map_err(|error| BuildError::Key {
            file,
            is_input: !is_outage(&error),
            source: Box::new(error),
        })
    }

    fn ring<K: RingKey, E: Error + Send + Sync + 'static>(
        &self,
        ring: Result<KeyRing<K>, E>,
    ) -> Result<Arc<KeyRing<K>>, BuildError> {
        ring.map(Arc::new).map_err(|error| BuildError::Settings {
            recipe: self.recipe.name.clone(),
            source: Box::new(error),
        })
    }
}

fn read(file: &PathBuf) -> Result<Zeroizing<Vec<u8>>, BuildError> {
    match std::fs::read(file) {
        Ok(octets) => Ok(Zeroizing::new(octets)),
        Err(source) => Err(BuildError::KeyFile {
            file: file.clone(),
            source,
        }),
    }
}
