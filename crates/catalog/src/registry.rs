//! What there is: one variant for each scheme, store and transport, with the
//! settings that a recipe may give it. Defaults and bounds of the settings are
//! where the settings are defined. To add one is to add a variant here and its
//! arm in [`crate::backing`].

use authbench_schemes::{jwt, session};
use authbench_stores::SqliteSettings;
use authbench_wire::{CookieSettings, SameSite};
use serde::{Deserialize, Serialize};

/// How a credential encodes and proves a login, with all that this takes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scheme {
    /// A signed token that says it all; nothing is remembered (RFC 7519,
    /// RFC 9068).
    Jwt(jwt::Settings),
    /// A random identifier; the login is a record in a store.
    Session {
        /// The scheme's own settings.
        settings: session::Settings,
        /// Where the records live.
        store: Store,
    },
}

/// The table `[scheme]` of a recipe.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SchemeChoice {
    Jwt(jwt::Settings),
    Session(session::Settings),
}

/// Where server-side state lives.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Store {
    /// A table in the server's own memory; lost with it.
    Memory(MemorySettings),
    /// An SQLite file in write-ahead mode. Its path is relative to the recipe;
    /// without one the server makes a private temporary file.
    Sqlite(SqliteSettings),
}

/// Settings of the store `memory`: none.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MemorySettings {}

/// How credentials travel.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum TransportChoice {
    /// The `Authorization` header (RFC 6750).
    Bearer(BearerSettings),
    /// A `__Host-` cookie (RFC 6265bis).
    Cookie(CookieChoice),
}

/// Settings of the transport `bearer`: none.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BearerSettings {}

/// Settings of the transport `cookie`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CookieChoice {
    /// The cookie's name, `__Host-` and more.
    pub name: String,
    /// The `SameSite` attribute.
    pub same_site: SameSite,
}

impl Scheme {
    /// The name in recipes.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Jwt(_) => "jwt",
            Self::Session { .. } => "session",
        }
    }

    /// Where the scheme keeps its state, if it keeps any.
    #[must_use]
    pub const fn store(&self) -> Option<&Store> {
        match self {
            Self::Jwt(_) => None,
            Self::Session { store, .. } => Some(store),
        }
    }

    /// The two tables of a recipe that say this.
    pub(crate) fn choices(&self) -> (SchemeChoice, Option<Store>) {
        match self {
            Self::Jwt(settings) => (SchemeChoice::Jwt(settings.clone()), None),
            Self::Session { settings, store } => {
                (SchemeChoice::Session(*settings), Some(store.clone()))
            }
        }
    }
}

impl Store {
    /// The name in recipes.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Memory(_) => "memory",
            Self::Sqlite(_) => "sqlite",
        }
    }
}

impl TransportChoice {
    /// The name in recipes.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Bearer(_) => "bearer",
            Self::Cookie(_) => "cookie",
        }
    }
}

impl Default for CookieChoice {
    fn default() -> Self {
        Self {
            name: CookieSettings::DEFAULT_NAME.to_owned(),
            same_site: SameSite::default(),
        }
    }
}
