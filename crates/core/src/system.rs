//! The doors to the outside: the system's clocks and its random generator.
//! Only programs at the edge (server, driver, command line) come here; every
//! other piece takes a [`Clock`] or an [`Entropy`].

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::entropy::{Entropy, EntropyError};
use crate::time::{Clock, UnixMs};

/// The system's wall clock. An instant before 1970 reads as 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixMs {
        #[expect(clippy::disallowed_methods, reason = "the one door to the wall clock")]
        let now = SystemTime::now();
        let elapsed = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMs(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    }
}

/// Nanoseconds of the monotonic clock since this process first asked.
#[must_use]
pub fn monotonic_ns() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    #[expect(
        clippy::disallowed_methods,
        reason = "the one door to the monotonic clock"
    )]
    let now = Instant::now();
    let elapsed = now.saturating_duration_since(*START.get_or_init(|| now));
    u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
}

/// The operating system's cryptographic random generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one door to the system's entropy"
        )]
        getrandom::fill(out).map_err(|source| EntropyError {
            source: Box::new(source),
        })
    }
}
