//! What there is: one variant for each scheme, store and transport, with the
//! settings that a recipe may give it. To add one is to add a variant here
//! and its arm in [`crate::backing`].

use std::path::PathBuf;

use authbench_schemes::jwt::Algorithm;
use authbench_stores::Synchronous;
use authbench_wire::SameSite;
use serde::Deserialize;

/// How a credential encodes and proves a login.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Scheme {
    /// A signed token that says it all; nothing is remembered (RFC 7519,
    /// RFC 9068).
    Jwt(JwtSettings),
    /// A random identifier; the login is a record in a store.
    Session(SessionSettings),
}

/// Settings of the scheme `jwt`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtSettings {
    /// The signature algorithm.
    pub algorithm: Algorithm,
    /// Seconds from issue to expiry, 1 to 2,592,000 (30 days).
    #[serde(default = "default_ttl_s")]
    pub ttl_s: u32,
    /// The issuer that tokens name.
    #[serde(default = "default_issuer")]
    pub issuer: String,
    /// The audience that tokens name.
    #[serde(default = "default_audience")]
    pub audience: String,
    /// A file with the signing key, relative to the recipe: a PKCS#8 PEM, or
    /// for HS256 the secret's octets as they are (at least 32). Generated at
    /// start if absent.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
}

/// Settings of the scheme `session`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionSettings {
    /// Milliseconds from login to the absolute end (ASVS 5.0 7.3.2).
    #[serde(default = "default_lifetime_ms")]
    pub lifetime_ms: u64,
}

/// Where server-side state lives.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Store {
    /// A table in the server's own memory; lost with it.
    Memory(MemorySettings),
    /// An SQLite file in write-ahead mode.
    Sqlite(SqliteSettings),
}

/// Settings of the store `memory`: none.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemorySettings {}

/// Settings of the store `sqlite`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqliteSettings {
    /// The database file, relative to the recipe; made on first use. A private
    /// temporary file if absent.
    #[serde(default)]
    pub path: Option<PathBuf>,
    /// What a commit waits for.
    #[serde(default)]
    pub synchronous: Synchronous,
}

/// How credentials travel.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum TransportChoice {
    /// The `Authorization` header (RFC 6750).
    Bearer(BearerSettings),
    /// A `__Host-` cookie (RFC 6265bis).
    Cookie(CookieChoice),
}

/// Settings of the transport `bearer`: none.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BearerSettings {}

/// Settings of the transport `cookie`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CookieChoice {
    /// The cookie's name, `__Host-` and more.
    #[serde(default)]
    pub name: Option<String>,
    /// The `SameSite` attribute.
    #[serde(default)]
    pub same_site: SameSite,
}

impl Scheme {
    /// The name in recipes.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Jwt(_) => "jwt",
            Self::Session(_) => "session",
        }
    }

    /// Whether the scheme keeps state and so needs a store.
    #[must_use]
    pub const fn needs_store(&self) -> bool {
        match self {
            Self::Jwt(_) => false,
            Self::Session(_) => true,
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

const fn default_ttl_s() -> u32 {
    900
}

const fn default_lifetime_ms() -> u64 {
    3_600_000
}

fn default_issuer() -> String {
    "https://issuer.authbench.test".to_owned()
}

fn default_audience() -> String {
    "https://api.authbench.test".to_owned()
}
