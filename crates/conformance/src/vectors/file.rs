//! A file of test vectors, whatever its form.

use std::path::Path;

use serde_json::Value;

use super::case::Case;
use super::{cookbook, paseto, wycheproof};

/// A file of test vectors.
#[derive(Clone, Debug)]
pub struct VectorFile {
    /// The file's name without its folder, as waivers name it.
    pub name: String,
    /// Its vectors, in its order.
    pub cases: Vec<Case>,
}

/// A file of test vectors could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VectorError {
    /// It is no JSON, or a member is not what its form says.
    #[error(
        "{file}: line {}, column {}: not a file of test vectors as its form says",
        source.line(), source.column()
    )]
    Json {
        /// The file.
        file: String,
        /// What the JSON reader said.
        #[source]
        source: serde_json::Error,
    },
    /// It has none of the known forms.
    #[error(
        "{file}: neither Wycheproof's form (`testGroups`), nor the RFC 7520 cookbook's (`input` \
         and `output`), nor PASETO's (`tests` with `expect-fail`)"
    )]
    Form {
        /// The file.
        file: String,
    },
    /// Its group says a type that is not read.
    #[error("{file}: vectors of the type {kind:?} are not read")]
    Kind {
        /// The file.
        file: String,
        /// The type.
        kind: String,
    },
    /// It has no vector: whoever runs it believes that something was tried.
    #[error("{file}: there is no test vector in it")]
    Empty {
        /// The file.
        file: String,
    },
}

/// What is wrong with a file whose name is not known where it is found.
pub(super) enum Fault {
    Json(serde_json::Error),
    Kind(String),
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

impl VectorFile {
    /// Reads `text`; `file` names it in errors, its last part in reports.
    ///
    /// # Errors
    /// [`VectorError`], with the place.
    pub fn parse(file: &Path, text: &str) -> Result<Self, VectorError> {
        let shown = || file.display().to_string();
        let json = |source| VectorError::Json {
            file: shown(),
            source,
        };
        let tree: Value = serde_json::from_str(text).map_err(json)?;
        let cases = if tree.get("testGroups").is_some() {
            wycheproof::read(text)
        } else if tree.get("input").is_some() && tree.get("output").is_some() {
            cookbook::read(text)
        } else if tree.pointer("/tests/0/expect-fail").is_some() {
            paseto::read(text)
        } else {
            return Err(VectorError::Form { file: shown() });
        };
        let cases = cases.map_err(|fault| match fault {
            Fault::Json(source) => json(source),
            Fault::Kind(kind) => VectorError::Kind {
                file: shown(),
                kind,
            },
        })?;
        if cases.is_empty() {
            return Err(VectorError::Empty { file: shown() });
        }
        let name = file.file_name().unwrap_or(file.as_os_str());
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            cases,
        })
    }
}
