//! What else a target gives to those who test it: keys, replicas, hooks, and
//! how it is started.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

/// The keys of the access tokens.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// The key that the target signs with, so that tokens can be made that are
    /// correctly signed but wrong.
    #[serde(default)]
    pub sign: Option<SigningKey>,
    /// The path of the public keys (RFC 7517), e.g. `/.well-known/jwks.json`.
    #[serde(default)]
    pub jwks_path: Option<String>,
    /// A second issuer that the target trusts, with its key.
    #[serde(default)]
    pub second_issuer: Option<IssuerKey>,
}

/// A key that signs.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum SigningKey {
    /// The secret of an HMAC, as UTF-8 text.
    Secret(String),
    /// A private or symmetric key as JSON (RFC 7517), with `alg`.
    Jwk(String),
    /// The same, in a file beside the profile.
    JwkFile(PathBuf),
}

// Keys do not belong in logs.
impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Secret(_) => f.write_str("Secret(..)"),
            Self::Jwk(_) => f.write_str("Jwk(..)"),
            Self::JwkFile(file) => f.debug_tuple("JwkFile").field(file).finish(),
        }
    }
}

/// An issuer and its key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerKey {
    /// Its `iss`.
    pub issuer: String,
    /// Its key.
    pub sign: SigningKey,
    /// A subject that it may name, where each issuer has its own.
    #[serde(default)]
    pub subject: Option<String>,
}

/// A client of the token endpoints (RFC 7009 2.1, RFC 7662 2.1), which shows
/// itself by HTTP Basic.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its name.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

/// Commands that do to the target what no client can; `sh -c` runs each in the
/// profile's folder. `AUTHBENCH_REPLICA` holds the number of the replica (0 is
/// the first).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HookCommands {
    /// Kills the replica and starts it again; ends when it serves.
    pub restart: Option<String>,
    /// Steps the replica's clock by `AUTHBENCH_STEP_MS` milliseconds.
    pub clock: Option<String>,
    /// Puts the store out of reach.
    pub store_stop: Option<String>,
    /// Slows each answer of the store to `AUTHBENCH_DELAY_MS` milliseconds.
    pub store_slow: Option<String>,
    /// Makes the store answer with cut or garbled records.
    pub store_garble: Option<String>,
    /// Undoes `store_stop`, `store_slow` and `store_garble`.
    pub store_mend: Option<String>,
    /// Loses everything that the store holds.
    pub store_wipe: Option<String>,
    /// Kills the store and starts it again.
    pub store_restart: Option<String>,
    /// Writes everything that the store holds to standard output.
    pub store_peek: Option<String>,
    /// Writes how many records the store holds to standard output.
    pub store_count: Option<String>,
    /// Writes all log lines to standard output.
    pub logs: Option<String>,
    /// Puts a new signing key in the place of the present one.
    pub rotate_keys: Option<String>,
    /// Puts the endpoint that the target fetches keys from out of reach.
    pub keys_stop: Option<String>,
    /// Makes that endpoint answer with an empty key set.
    pub keys_shrink: Option<String>,
    /// Undoes `keys_stop` and `keys_shrink`.
    pub keys_mend: Option<String>,
    /// Writes how often keys were fetched so far to standard output.
    pub keys_fetches: Option<String>,
    /// Writes the octets of memory that the replica occupies to standard
    /// output.
    pub memory: Option<String>,
}

/// How a target is started by the lab.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The programs that must be on this machine.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Brings what the target is made of, in the profile's folder, when
    /// `installed` is missing or older than `lock`; each time where there is
    /// no `installed`, for programs that know themselves what is stale.
    #[serde(default)]
    pub install: Option<Vec<String>>,
    /// What is there after `install`.
    #[serde(default)]
    pub installed: Option<PathBuf>,
    /// The lock file that pins it.
    #[serde(default)]
    pub lock: Option<PathBuf>,
    /// The command, run in the profile's folder. Gaps: `port`.
    pub command: Vec<String>,
    /// Environment variables. Gaps: `port`, `redis_url`, and `users` for how
    /// many accounts of `users.pattern` are wanted.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// A store server that must run: `redis`.
    #[serde(default)]
    pub service: Option<String>,
    /// A path that answers 200 as soon as the target serves.
    pub ready: String,
    /// Whether several of them share logins and keys.
    #[serde(default)]
    pub replicas: bool,
}

/// What the target does about TLS.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsDoors {
    /// The same target without TLS (scheme, host and port), if it listens
    /// there at all.
    #[serde(default)]
    pub plain_url: Option<String>,
}
