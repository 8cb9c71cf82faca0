//! A recipe: one strategy, written as a TOML file.

use std::path::{Path, PathBuf};

use authbench_conf::{ConfError, ConfErrorKind, Located};
use authbench_wire::{CookieSettings, Transport};
use serde::{Deserialize, Serialize};

use crate::registry::{Scheme, SchemeChoice, Store, TransportChoice};

/// One strategy as its recipe describes it.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The file's name without `.toml`, e.g. `session.memory.cookie`.
    pub name: String,
    /// What it is, in one sentence.
    pub summary: String,
    /// How a credential proves a login, and where state lives if it keeps any.
    pub scheme: Scheme,
    /// How credentials travel.
    pub transport: Transport,
    transport_choice: TransportChoice,
    /// The folder that paths in the recipe are relative to.
    pub folder: PathBuf,
    /// The recipe's text.
    pub text: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    summary: String,
    scheme: Located<SchemeChoice>,
    #[serde(default)]
    store: Option<Located<Store>>,
    transport: Located<TransportChoice>,
}

impl Recipe {
    /// Reads a recipe from text; `file` gives it its name and stands in errors.
    ///
    /// # Errors
    /// [`ConfError`] with file, line and column: for what TOML or a setting
    /// forbids, and for parts that make no sense together.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfError> {
        let raw: Raw = authbench_conf::parse(file, text)?;
        let scheme = scheme(file, &raw.scheme, raw.store)?;
        let transport = transport(file, &raw.transport)?;
        let name = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let parts: Vec<&str> = name.split('.').collect();
        if parts.first() != Some(&scheme.label()) || parts.last() != Some(&transport.label()) {
            let message = format!(
                "a recipe is named SCHEME.DETAIL.TRANSPORT: this one must begin with `{}.` and end with `.{}`",
                scheme.label(),
                transport.label()
            );
            return Err(ConfError::semantic(file, &raw.scheme, message));
        }
        Ok(Self {
            name,
            summary: raw.summary,
            scheme,
            transport,
            transport_choice: raw.transport.value,
            folder: file.parent().unwrap_or(Path::new("")).to_owned(),
            text: text.to_owned(),
        })
    }

    /// Reads a recipe from a file.
    ///
    /// # Errors
    /// As [`Recipe::parse`], and when the file cannot be read.
    pub fn read(file: &Path) -> Result<Self, ConfError> {
        let text = std::fs::read_to_string(file).map_err(|source| ConfError {
            file: file.to_owned(),
            line: 0,
            column: 0,
            kind: ConfErrorKind::Unreadable { source },
        })?;
        Self::parse(file, &text)
    }

    /// Where the scheme keeps its state, if it keeps any.
    #[must_use]
    pub const fn store(&self) -> Option<&Store> {
        self.scheme.store()
    }

    /// The recipe with every default filled in, as TOML that parses to the
    /// same recipe. Of a key it has the file's name only, as the recipe gives
    /// it.
    ///
    /// # Panics
    /// Never with what [`Recipe::parse`] made: TOML has no number that the
    /// settings could hold and TOML could not.
    #[must_use]
    pub fn resolved(&self) -> String {
        let (scheme, store) = self.scheme.choices();
        let raw = Raw {
            summary: self.summary.clone(),
            scheme: scheme.into(),
            store: store.map(Located::from),
            transport: self.transport_choice.clone().into(),
        };
        match toml::to_string(&raw) {
            Ok(text) => text,
            Err(error) => panic!("recipe `{}` is no TOML: {error}", self.name),
        }
    }
}

fn scheme(
    file: &Path,
    scheme: &Located<SchemeChoice>,
    store: Option<Located<Store>>,
) -> Result<Scheme, ConfError> {
    match (&scheme.value, store) {
        (SchemeChoice::Jwt(settings), None) => Ok(Scheme::Jwt(settings.clone())),
        (SchemeChoice::Session(settings), Some(store)) => Ok(Scheme::Session {
            settings: *settings,
            store: store.value,
        }),
        (SchemeChoice::Jwt(_), Some(store)) => {
            let message = format!(
                "scheme `jwt` keeps nothing, so it has no use for a store: remove [store.{}]",
                store.value.label()
            );
            Err(ConfError::semantic(file, &store, message))
        }
        (SchemeChoice::Session(_), None) => Err(ConfError::semantic(
            file,
            scheme,
            "scheme `session` keeps its logins in a store: add [store.memory] or [store.sqlite]",
        )),
    }
}

fn transport(file: &Path, choice: &Located<TransportChoice>) -> Result<Transport, ConfError> {
    match &choice.value {
        TransportChoice::Bearer(_) => Ok(Transport::Bearer),
        TransportChoice::Cookie(cookie) => CookieSettings::new(&cookie.name, cookie.same_site)
            .map(Transport::Cookie)
            .map_err(|error| ConfError::semantic(file, choice, error.to_string())),
    }
}

#[cfg(test)]
mod tests;
