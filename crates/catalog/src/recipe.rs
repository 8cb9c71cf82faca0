//! A recipe: one strategy, written as a TOML file.

use std::path::{Path, PathBuf};

use authbench_conf::{ConfError, ConfErrorKind, Located};
use authbench_wire::{CookieSettings, Transport};
use serde::{Deserialize, Serialize};

use authbench_stores::{MysqlSettings, PostgresSettings, RedisSettings};

use crate::registry::{
    CacheSettings, DelaySettings, Invalidation, Scheme, Service, Storage, Store, StoreNeed,
    TransportChoice,
};

/// One strategy as its recipe describes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recipe {
    /// The file's name without `.toml`, e.g. `session.memory.cookie`.
    pub name: String,
    /// What it is, in one sentence.
    pub summary: String,
    /// How a credential proves a login.
    pub scheme: Scheme,
    /// Where the scheme keeps its state, if it keeps any.
    pub storage: Option<Storage>,
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
    scheme: Located<Scheme>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    store: Option<Located<Store>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cache: Option<Located<CacheSettings>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delay: Option<Located<DelaySettings>>,
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
        let storage = storage(file, &raw)?;
        let scheme = raw.scheme.value.clone();
        let transport = transport(file, &raw)?;
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
            storage,
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

    /// The kind of store that the scheme keeps its state in, if it keeps any.
    #[must_use]
    pub fn store(&self) -> Option<&Store> {
        self.storage.as_ref().map(|storage| &storage.store)
    }

    /// The server that the strategy needs beside our own, unless the recipe
    /// says where it is.
    #[must_use]
    pub fn needs(&self) -> Option<Service> {
        let store = self.store()?;
        let named = match store {
            Store::Memory(_) | Store::Sqlite(_) => true,
            Store::Mysql(own) => own.url != MysqlSettings::default().url,
            Store::Postgres(own) => own.url != PostgresSettings::default().url,
            Store::Redis(own) => own.url != RedisSettings::default().url,
        };
        store.service().filter(|_| !named)
    }

    /// Whether replicas in several processes that share a folder (see
    /// [`crate::share`]) and their services accept each other's logins, and
    /// learn of each other's revocations: all do whose logins need no record, or
    /// have it outside the process. Where a table in memory holds them, each
    /// replica knows its own alone, and callers must come back to the one that
    /// let them in.
    #[must_use]
    pub fn shares_logins(&self) -> bool {
        !matches!(self.store(), Some(Store::Memory(_)))
    }

    /// The recipe with every default filled in, as TOML that parses to the
    /// same recipe. It is safe to publish: of a key it has the file's name
    /// only, as the recipe gives it, and of a server's address no password.
    ///
    /// # Panics
    /// Never with what [`Recipe::parse`] made: TOML has no number that the
    /// settings could hold and TOML could not.
    #[must_use]
    pub fn resolved(&self) -> String {
        let storage = self.storage.clone();
        let raw = Raw {
            summary: self.summary.clone(),
            scheme: self.scheme.clone().into(),
            cache: storage
                .as_ref()
                .and_then(|it| it.cache.clone())
                .map(Located::from),
            delay: storage.as_ref().and_then(|it| it.delay).map(Located::from),
            store: storage.map(|it| it.store.without_password().into()),
            transport: self.transport_choice.clone().into(),
        };
        match toml::to_string(&raw) {
            Ok(text) => text,
            Err(error) => panic!("recipe `{}` is no TOML: {error}", self.name),
        }
    }
}

fn storage(file: &Path, raw: &Raw) -> Result<Option<Storage>, ConfError> {
    let scheme = &raw.scheme;
    let label = scheme.value.label();
    match (scheme.value.store_need(), &raw.store) {
        (StoreNeed::Never, Some(store)) => {
            let kind = store.value.label();
            let message = format!(
                "scheme `{label}` keeps nothing, so it has no use for a store: remove [store.{kind}]"
            );
            Err(ConfError::semantic(file, store, message))
        }
        (StoreNeed::Always, None) => {
            let kinds = Store::LABELS
                .map(|kind| format!("[store.{kind}]"))
                .join(", ");
            let message = format!("scheme `{label}` keeps state: add one of {kinds}");
            Err(ConfError::semantic(file, scheme, message))
        }
        (_, Some(store)) => {
            if let (Some(cache), Store::Memory(_)) = (&raw.cache, &store.value) {
                let message =
                    "a cache in memory before a store in memory saves nothing: remove [cache]";
                return Err(ConfError::semantic(file, cache, message));
            }
            if let Some(cache) = &raw.cache
                && cache.value.invalidation == Invalidation::RedisPubsub
                && !matches!(store.value, Store::Redis(_))
            {
                let message =
                    "only Redis tells of changes: take [store.redis], or invalidation = \"ttl\"";
                return Err(ConfError::semantic(file, cache, message));
            }
            Ok(Some(Storage {
                store: store.value.clone(),
                cache: raw.cache.as_ref().map(|cache| cache.value.clone()),
                delay: raw.delay.as_ref().map(|delay| delay.value),
            }))
        }
        (_, None) => match (&raw.cache, &raw.delay) {
            (Some(cache), _) => Err(ConfError::semantic(file, cache, NO_STORE)),
            (_, Some(delay)) => Err(ConfError::semantic(file, delay, NO_STORE)),
            (None, None) => Ok(None),
        },
    }
}

const NO_STORE: &str = "there is no store that this could stand before: add one, or remove this";

fn transport(file: &Path, raw: &Raw) -> Result<Transport, ConfError> {
    let choice = &raw.transport;
    match &choice.value {
        TransportChoice::Bearer(_) if matches!(raw.scheme.value, Scheme::SealedCookie(_)) => {
            let message = "scheme `sealed-cookie` binds its text to the name of a cookie: \
                           take [transport.cookie]; for the Authorization header take scheme `paseto` \
                           with version 4 local tokens";
            Err(ConfError::semantic(file, choice, message))
        }
        TransportChoice::Bearer(_) => Ok(Transport::Bearer),
        TransportChoice::Cookie(cookie) => CookieSettings::new(&cookie.name, cookie.same_site)
            .and_then(|settings| match cookie.chunks_max {
                None => Ok(settings),
                Some(chunks_max) => settings.with_chunks(chunks_max),
            })
            .map(Transport::Cookie)
            .map_err(|error| ConfError::semantic(file, choice, error.to_string())),
    }
}

#[cfg(test)]
mod tests;
