//! Doors that do to the target what no client can: its clock, its store, its
//! process, its logs.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A door of [`Hooks`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Door {
    /// Steps a replica's clock forwards.
    Clock,
    /// Steps it back.
    ClockBack,
    /// Kills a replica and starts it again.
    Restart,
    /// Puts the store out of reach.
    StoreStop,
    /// Slows the store.
    StoreSlow,
    /// Makes the store answer with cut or garbled records.
    StoreGarble,
    /// Loses what the store holds.
    StoreWipe,
    /// Kills the store and starts it again.
    StoreRestart,
    /// Shows what the store holds.
    StorePeek,
    /// Counts the store's records.
    StoreCount,
    /// Shows the log.
    Logs,
    /// Changes the signing key.
    RotateKeys,
    /// Puts the source of keys out of reach, or empties it.
    KeySource,
    /// Counts fetches of keys.
    KeyFetches,
    /// Tells the memory that a replica occupies.
    Memory,
}

impl Door {
    /// What in a profile opens the door, for who wonders why a check could not
    /// run.
    #[must_use]
    pub const fn opened_by(self) -> &'static str {
        match self {
            Self::Clock | Self::ClockBack => "[hooks] clock, or a lifetime shorter than --max-wait",
            Self::Restart => "[hooks] restart",
            Self::StoreStop => "[hooks] store_stop and store_mend",
            Self::StoreSlow => "[hooks] store_slow and store_mend",
            Self::StoreGarble => "[hooks] store_garble and store_mend",
            Self::StoreWipe => "[hooks] store_wipe",
            Self::StoreRestart => "[hooks] store_restart",
            Self::StorePeek => "[hooks] store_peek",
            Self::StoreCount => "[hooks] store_count",
            Self::Logs => "[hooks] logs",
            Self::RotateKeys => "[hooks] rotate_keys",
            Self::KeySource => "[hooks] keys_stop, keys_shrink and keys_mend",
            Self::KeyFetches => "[hooks] keys_fetches",
            Self::Memory => "[hooks] memory",
        }
    }
}

/// What a store is made to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StoreFault {
    /// Nothing: it works.
    None,
    /// It cannot be reached.
    Stopped,
    /// Each answer takes this long.
    Slow(Duration),
    /// Its answers are cut or garbled.
    Garbled,
}

/// What a source of keys is made to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyFault {
    /// Nothing: it works.
    None,
    /// It cannot be reached.
    Stopped,
    /// It answers with an empty key set.
    Shrunk,
}

/// A door could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HookError {
    /// The target has no such door.
    #[error("the target has no such door: {}", .0.opened_by())]
    Absent(Door),
    /// It did not do what it should.
    #[error("a hook failed: {what}")]
    Failed {
        /// What it was.
        what: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What a door answers, in time.
pub type HookFuture<'h, T> = Pin<Box<dyn Future<Output = Result<T, HookError>> + Send + 'h>>;

/// Doors that do to the target what no client can. Replicas are numbered from
/// 0, the first of the profile; every method whose door is absent answers
/// [`HookError::Absent`].
pub trait Hooks: Send + Sync {
    /// Whether the door is there.
    fn has(&self, door: Door) -> bool;

    /// Steps a replica's clock by `step_ms` milliseconds, back if negative.
    fn step_clock(&self, replica: usize, step_ms: i64) -> HookFuture<'_, ()>;

    /// What a replica's clock shows, UTC milliseconds; `None` where only the
    /// system's clock is known.
    fn now_ms(&self, replica: usize) -> HookFuture<'_, Option<u64>>;

    /// Breaks, slows or mends the store for all replicas.
    fn set_store(&self, fault: StoreFault) -> HookFuture<'_, ()>;

    /// Loses everything that the store holds.
    fn wipe_store(&self) -> HookFuture<'_, ()>;

    /// Kills the store and starts it again.
    fn restart_store(&self) -> HookFuture<'_, ()>;

    /// Kills a replica and starts it again; done when it serves.
    fn restart(&self, replica: usize) -> HookFuture<'_, ()>;

    /// Everything that the store holds, in any form in which a credential
    /// would show.
    fn peek_store(&self) -> HookFuture<'_, Vec<u8>>;

    /// How many records the store holds.
    fn count_store(&self) -> HookFuture<'_, u64>;

    /// All log lines since the start.
    fn logs(&self) -> HookFuture<'_, String>;

    /// Puts a new signing key in the place of the present one; what it signed
    /// before stays good for its lifetime.
    fn rotate_keys(&self) -> HookFuture<'_, ()>;

    /// Breaks or mends the source of keys.
    fn set_key_source(&self, fault: KeyFault) -> HookFuture<'_, ()>;

    /// How often keys were fetched since the start.
    fn key_fetches(&self) -> HookFuture<'_, u64>;

    /// Octets of memory that a replica occupies.
    fn memory(&self, replica: usize) -> HookFuture<'_, u64>;
}
