//! What a recipe says about its epochs.

use std::num::NonZeroU32;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// The longest time that a node may rely on what it has read: an hour. Whoever
/// wants more wants tokens without an epoch.
pub const MAX_STALE_MS: u64 = 60 * 60 * 1000;

/// The settings of [`Epoch`](super::Epoch).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Milliseconds for which a node relies on what it has read of a subject:
    /// that many look-ups fewer, that much later a revocation is seen by the
    /// other nodes. 0 asks the store each time. At most [`MAX_STALE_MS`].
    #[serde(deserialize_with = "max_stale_ms")]
    pub max_stale_ms: u64,
    /// How many subjects a node remembers, about; more are asked for again.
    pub cache_entries: NonZeroU32,
}

impl Default for Settings {
    /// The store is asked each time.
    fn default() -> Self {
        Self {
            max_stale_ms: 0,
            cache_entries: NonZeroU32::new(100_000).unwrap_or(NonZeroU32::MIN),
        }
    }
}

fn max_stale_ms<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let max_stale_ms = u64::deserialize(from)?;
    if max_stale_ms <= MAX_STALE_MS {
        Ok(max_stale_ms)
    } else {
        Err(D::Error::custom(format_args!(
            "max_stale_ms is {max_stale_ms}, at most {MAX_STALE_MS} are allowed"
        )))
    }
}
