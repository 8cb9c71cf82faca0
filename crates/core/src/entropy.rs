//! Randomness, injected. Identifiers, keys and salts come from an [`Entropy`]:
//! the system's in production (`system::OsEntropy`), a seeded one where a
//! run must be repeatable.

use std::error::Error;
use std::sync::Arc;

use parking_lot::Mutex;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;

/// A source of random octets.
pub trait Entropy: Send + Sync {
    /// Fills `out` whole.
    ///
    /// # Errors
    /// [`EntropyError`] when the source has nothing to give; the contents of
    /// `out` are then unusable and no credential may be made from them.
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError>;
}

impl<E: Entropy + ?Sized> Entropy for Arc<E> {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> {
        (**self).fill(out)
    }
}

/// The random generator gave nothing.
#[derive(Debug, thiserror::Error)]
#[error("the source of randomness failed")]
pub struct EntropyError {
    /// What the source said.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// A repeatable source: the same seed gives the same octets (ChaCha20). For
/// tests, benches and instruction counts, never for a server that is reached
/// from outside.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<ChaCha20Rng>);

impl SeededEntropy {
    /// A source that starts at the beginning of `seed`'s stream.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(ChaCha20Rng::seed_from_u64(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> {
        self.0.lock().fill_bytes(out);
        Ok(())
    }
}
