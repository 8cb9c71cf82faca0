//! Instants and clocks. Nothing in a strategy reads a clock: callers pass
//! [`UnixMs`] in, and get theirs from an injected [`Clock`].

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted
/// (the time scale of RFC 7519's `NumericDate`, a thousand times finer).
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(transparent)]
pub struct UnixMs(pub u64);

impl UnixMs {
    /// This instant moved `ms` into the future; stops at the end of time
    /// instead of wrapping round to its beginning.
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this instant, 0 if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole seconds since 1970, rounded down.
    #[must_use]
    pub const fn whole_secs(self) -> u64 {
        self.0 / 1000
    }
}

impl fmt::Display for UnixMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

/// Tells the time in UTC milliseconds. May step back: callers compare
/// instants and never assume that two readings are ordered.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> UnixMs;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> UnixMs {
        (**self).now()
    }
}

/// A clock that moves only when told to; for tests and replays.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// A clock that stands at `at`.
    #[must_use]
    pub const fn at(at: UnixMs) -> Self {
        Self(AtomicU64::new(at.0))
    }

    /// Moves the clock to `at`, forwards or back.
    pub fn set(&self, at: UnixMs) {
        self.0.store(at.0, Ordering::SeqCst);
    }

    /// Moves the clock `ms` forwards.
    pub fn advance_ms(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixMs {
        UnixMs(self.0.load(Ordering::SeqCst))
    }
}

/// A running clock with an offset that the lab may enlarge, so that a wait of
/// fifteen minutes for an expiry need not last fifteen minutes.
#[derive(Debug)]
pub struct SteppedClock<C> {
    inner: C,
    ahead_ms: AtomicU64,
}

impl<C: Clock> SteppedClock<C> {
    /// A clock that agrees with `inner` until it is stepped.
    pub const fn new(inner: C) -> Self {
        Self {
            inner,
            ahead_ms: AtomicU64::new(0),
        }
    }

    /// Steps the clock `ms` forwards and returns how far it now is ahead of
    /// the inner clock, in milliseconds.
    pub fn step_ms(&self, ms: u64) -> u64 {
        let add = |ahead_ms: u64| Some(ahead_ms.saturating_add(ms));
        let before = self
            .ahead_ms
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, add);
        // The closure never declines, so either way this is what was there.
        before
            .unwrap_or_else(|unchanged| unchanged)
            .saturating_add(ms)
    }
}

impl<C: Clock> Clock for SteppedClock<C> {
    fn now(&self) -> UnixMs {
        self.inner
            .now()
            .plus_ms(self.ahead_ms.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stepping_adds_up_and_saturates() {
        let clock = SteppedClock::new(ManualClock::at(UnixMs(1_000)));
        assert_eq!(clock.step_ms(5), 5);
        assert_eq!(clock.step_ms(7), 12);
        assert_eq!(clock.now(), UnixMs(1_012));
        assert_eq!(clock.step_ms(u64::MAX), u64::MAX);
        assert_eq!(clock.now(), UnixMs(u64::MAX));
        assert_eq!(UnixMs(u64::MAX).plus_ms(1), UnixMs(u64::MAX));
        assert_eq!(UnixMs(3).since(UnixMs(5)), 0);
    }
}
