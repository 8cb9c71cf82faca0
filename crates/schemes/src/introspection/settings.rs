//! What a recipe says about introspection.

use serde::{Deserialize, Serialize};

use crate::session;

/// The longest time for which an answer may be kept, in milliseconds: one
/// hour. Revocations may go unseen for as long.
pub const MAX_CACHE_MS: u64 = 60 * 60 * 1000;

/// The most answers that may be kept.
pub const MAX_CACHE_ENTRIES: usize = 10_000_000;

/// The settings of [`Introspection`](super::Introspection) and of the
/// authorization server behind it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Milliseconds, 0 to [`MAX_CACHE_MS`], for which a resource server keeps
    /// an answer; 0 for not at all. RFC 7662 4 leaves the trade between load
    /// and delay of revocations to the operator.
    pub cache_ms: u64,
    /// How many answers it keeps at most, 1 to [`MAX_CACHE_ENTRIES`].
    pub cache_entries: usize,
    /// What the authorization server does with its tokens, which are those of
    /// sessions.
    pub token: session::Settings,
}

impl Default for Settings {
    /// No cache; ten thousand answers, if there is one.
    fn default() -> Self {
        Self {
            cache_ms: 0,
            cache_entries: 10_000,
            token: session::Settings::default(),
        }
    }
}

impl Settings {
    pub(super) const fn check(&self) -> Result<(), SettingsError> {
        let Self {
            cache_ms,
            cache_entries,
            token: _,
        } = *self;
        if cache_ms > MAX_CACHE_MS || cache_entries == 0 || cache_entries > MAX_CACHE_ENTRIES {
            return Err(SettingsError::Range {
                cache_ms,
                cache_entries,
            });
        }
        Ok(())
    }
}

/// Settings that make no introspection.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// Kept answers hide uses from a server whose tokens end by disuse.
    #[error("cache_ms must be 0 where tokens idle out: a use that nobody reports does not count")]
    CacheWithIdle,
    /// A number is out of its bounds.
    #[error(
        "cache_ms is {cache_ms}, at most {MAX_CACHE_MS} are allowed; cache_entries is \
         {cache_entries}, allowed are 1 to {MAX_CACHE_ENTRIES}"
    )]
    Range {
        /// What the settings say.
        cache_ms: u64,
        /// What the settings say.
        cache_entries: usize,
    },
}
