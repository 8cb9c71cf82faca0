//! What there is: one variant for each scheme, store and transport, with the
//! settings that a recipe may give it. Defaults and bounds of the settings are
//! where the settings are defined. To add one is to add a variant here and its
//! arm in [`crate::backing`].

use std::num::NonZeroU32;
use std::path::PathBuf;

use authbench_schemes::{
    biscuit, denylist, epoch, introspection, jwt, paseto, refresh, sealed, session,
};
use authbench_stores::{
    CachedSettings, MysqlSettings, PostgresSettings, RedisSettings, ServerUrl, SqliteSettings,
};
use authbench_wire::{CookieSettings, SameSite};
use serde::{Deserialize, Serialize};

/// How a credential encodes and proves a login: the table `[scheme]` of a
/// recipe.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// A Biscuit token that says it all; nothing is remembered.
    Biscuit(biscuit::Settings),
    /// An opaque token; whoever gets one asks the authorization server
    /// (RFC 7662). The store is that server's.
    Introspection(introspection::Settings),
    /// A signed token that says it all; nothing is remembered (RFC 7519,
    /// RFC 9068).
    Jwt(jwt::Settings),
    /// A JWT, and a list of those that ended before their time.
    JwtDenylist(DenylistChoice),
    /// A JWT, and a number for each subject that it must agree with.
    JwtEpoch(EpochChoice),
    /// A short JWT, and a refresh token that rotates (RFC 9700 4.14.2).
    JwtRefresh(RefreshChoice),
    /// A PASETO version 4 token that says it all; nothing is remembered.
    Paseto(paseto::Settings),
    /// The login itself, encrypted, in a cookie; with a store also a record
    /// that says which version of it is the latest.
    SealedCookie(sealed::Settings),
    /// A random identifier; the login is a record in a store.
    Session(session::Settings),
}

/// Settings of `jwt-denylist`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DenylistChoice {
    /// The token.
    pub token: jwt::Settings,
    /// The list.
    #[serde(default)]
    pub denylist: denylist::Settings,
}

/// Settings of `jwt-epoch`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EpochChoice {
    /// The token.
    pub token: jwt::Settings,
    /// The subjects' numbers.
    #[serde(default)]
    pub epoch: epoch::Settings,
}

/// Settings of `jwt-refresh`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RefreshChoice {
    /// The access token.
    pub token: jwt::Settings,
    /// The refresh token.
    #[serde(default)]
    pub refresh: refresh::Settings,
    /// The file of the key for refresh tokens, at least 32 octets as they are;
    /// the key is generated if it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_key_file: Option<PathBuf>,
}

/// What a scheme says of stores.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StoreNeed {
    /// It keeps nothing.
    Never,
    /// It can do with or without, and promises accordingly.
    Optional,
    /// It cannot do without.
    Always,
}

/// Where server-side state lives, and what stands between.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Storage {
    /// The kind of store.
    pub store: Store,
    /// A cache on each node.
    pub cache: Option<CacheSettings>,
    /// A network that is emulated.
    pub delay: Option<DelaySettings>,
}

/// Where server-side state lives.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Store {
    /// A table in the server's own memory; lost with it.
    Memory(MemorySettings),
    /// MariaDB or MySQL.
    Mysql(MysqlSettings),
    /// PostgreSQL.
    Postgres(PostgresSettings),
    /// Redis.
    Redis(RedisSettings),
    /// An SQLite file in write-ahead mode. Its path is relative to the recipe;
    /// without one the server makes a private temporary file.
    Sqlite(SqliteSettings),
}

/// The table `[cache]`: what each node remembers of its store.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheSettings {
    /// Milliseconds for which a record is taken from the cache: the promise,
    /// whatever tells of changes.
    pub ttl_ms: u64,
    /// Records that a node holds at most.
    pub entries_max: NonZeroU32,
    /// How a node learns of changes that others make.
    pub invalidation: Invalidation,
}

impl Default for CacheSettings {
    fn default() -> Self {
        let CachedSettings {
            ttl_ms,
            entries_max,
        } = CachedSettings::default();
        Self {
            ttl_ms,
            entries_max,
            invalidation: Invalidation::default(),
        }
    }
}

/// How a node learns of changes that others make.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Invalidation {
    /// It asks again when the time of a record is over.
    #[default]
    Ttl,
    /// Redis tells it, and the time of a record is for when that fails.
    RedisPubsub,
}

/// The table `[delay]`: a network before the store, emulated.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DelaySettings {
    /// Microseconds of one round trip; 500 within a data centre, 2000 to
    /// another zone, 10000 to another region.
    pub round_trip_us: u64,
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
    /// The most cookies that one credential may be cut into, because a browser
    /// drops a cookie of more than 4096 octets; none never cuts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunks_max: Option<u8>,
}

impl Scheme {
    /// The name in recipes.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Biscuit(_) => "biscuit",
            Self::Introspection(_) => "introspection",
            Self::Jwt(_) => "jwt",
            Self::JwtDenylist(_) => "jwt-denylist",
            Self::JwtEpoch(_) => "jwt-epoch",
            Self::JwtRefresh(_) => "jwt-refresh",
            Self::Paseto(_) => "paseto",
            Self::SealedCookie(_) => "sealed-cookie",
            Self::Session(_) => "session",
        }
    }

    /// Whether the scheme signs or seals with keys that can change.
    #[must_use]
    pub const fn has_keys(&self) -> bool {
        !matches!(self, Self::Introspection(_) | Self::Session(_))
    }

    /// Milliseconds for which a new key is shown before it signs.
    #[must_use]
    pub const fn announce_ms(&self) -> u64 {
        let announce_s = match self {
            Self::Biscuit(token) => token.announce_s,
            Self::Jwt(token) => token.announce_s,
            Self::JwtDenylist(choice) => choice.token.announce_s,
            Self::JwtEpoch(choice) => choice.token.announce_s,
            Self::JwtRefresh(choice) => choice.token.announce_s,
            Self::Paseto(token) => token.announce_s,
            Self::Introspection(_) | Self::SealedCookie(_) | Self::Session(_) => 0,
        };
        announce_s * 1000
    }

    /// Whether the scheme keeps state.
    #[must_use]
    pub const fn store_need(&self) -> StoreNeed {
        match self {
            Self::Biscuit(_) | Self::Jwt(_) | Self::Paseto(_) => StoreNeed::Never,
            Self::SealedCookie(_) => StoreNeed::Optional,
            Self::Introspection(_)
            | Self::JwtDenylist(_)
            | Self::JwtEpoch(_)
            | Self::JwtRefresh(_)
            | Self::Session(_) => StoreNeed::Always,
        }
    }
}

impl Store {
    /// Every name in recipes.
    pub const LABELS: [&'static str; 5] = ["memory", "mysql", "postgres", "redis", "sqlite"];

    /// The name in recipes.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Memory(_) => "memory",
            Self::Mysql(_) => "mysql",
            Self::Postgres(_) => "postgres",
            Self::Redis(_) => "redis",
            Self::Sqlite(_) => "sqlite",
        }
    }

    /// The same with no password, and no other proof, in the address of its
    /// server.
    #[must_use]
    pub fn without_password(self) -> Self {
        let bare = |url: &ServerUrl| ServerUrl::from(without_userinfo(url.as_str()));
        match self {
            Self::Mysql(own) => Self::Mysql(MysqlSettings {
                url: bare(&own.url),
                ..own
            }),
            Self::Postgres(own) => Self::Postgres(PostgresSettings {
                url: bare(&own.url),
                ..own
            }),
            Self::Redis(own) => Self::Redis(RedisSettings {
                url: bare(&own.url),
                ..own
            }),
            Self::Memory(_) | Self::Sqlite(_) => self,
        }
    }

    /// The service that the store needs beside the server itself.
    #[must_use]
    pub const fn service(&self) -> Option<Service> {
        match self {
            Self::Memory(_) | Self::Sqlite(_) => None,
            Self::Mysql(_) => Some(Service::Mysql),
            Self::Postgres(_) => Some(Service::Postgres),
            Self::Redis(_) => Some(Service::Redis),
        }
    }
}

/// `scheme://host:port/path`: parameters may hold a password, too.
fn without_userinfo(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return String::new();
    };
    let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    format!("{scheme}://{place}")
}

/// A server that some stores need.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Service {
    /// MariaDB or MySQL.
    Mysql,
    /// PostgreSQL.
    Postgres,
    /// Redis.
    Redis,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Mysql, Self::Postgres, Self::Redis];

    /// The name for people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Mysql => "MariaDB",
            Self::Postgres => "PostgreSQL",
            Self::Redis => "Redis",
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
            chunks_max: None,
        }
    }
}
