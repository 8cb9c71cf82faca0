//! Why a strategy could not be built.

use std::error::Error;
use std::path::{Path, PathBuf};

use authbench_core::{EntropyError, StoreError};

use crate::registry::Service;
use crate::share::ShareError;

/// A strategy could not be built from its recipe.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The authorization server of scheme `introspection` did not start.
    #[error("the authorization server could not be started")]
    Authority(#[source] Box<dyn Error + Send + Sync>),
    /// No randomness.
    #[error(transparent)]
    Entropy(EntropyError),
    /// The key file could not be read.
    #[error("`{}`: the key file cannot be read", file.display())]
    KeyFile {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The key is no good for its algorithm, or could not be made.
    #[error("{}", key_place(file.as_deref()))]
    Key {
        /// The key file, if there is one.
        file: Option<PathBuf>,
        /// Whether the file is at fault: trying again is of no use then.
        is_input: bool,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Nobody said where the server is that the store needs.
    #[error("`{recipe}` keeps its state in {}, and no server is given", service.label())]
    NoService {
        /// Which recipe.
        recipe: String,
        /// What it needs.
        service: Service,
    },
    /// The settings make no sense.
    #[error("the settings of strategy `{recipe}` make no sense")]
    Settings {
        /// Which recipe.
        recipe: String,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The folder that replicas share cannot be used.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// The store could not be opened.
    #[error("the store cannot be opened")]
    Store(#[from] StoreError),
}

impl BuildError {
    /// Whether the input is at fault (a key file, a setting), so that trying
    /// again is of no use; otherwise it is an outage.
    #[must_use]
    pub const fn is_input(&self) -> bool {
        match self {
            Self::KeyFile { .. } | Self::Settings { .. } => true,
            Self::Share(error) => !matches!(error, ShareError::File { .. }),
            Self::Key { is_input, .. } => *is_input,
            Self::Authority(_) | Self::Entropy(_) | Self::NoService { .. } | Self::Store(_) => {
                false
            }
        }
    }
}

fn key_place(file: Option<&Path>) -> String {
    match file {
        Some(file) => format!("`{}`: not a usable key", file.display()),
        None => "a key could not be made".to_owned(),
    }
}
