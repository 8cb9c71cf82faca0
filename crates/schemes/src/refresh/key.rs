//! The key that refresh tokens are made with.

use std::fmt;

use authbench_core::{Entropy, EntropyError};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

/// The least octets of a key: as strong as the MAC (RFC 2104 3).
pub const MIN_KEY_OCTETS: usize = 32;

/// Replicas share it. Whoever has it and a login's handle can renew that login,
/// so it is worth as much as the key that signs access tokens.
pub struct RefreshKey(hmac::Key);

/// The octets make no key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the key for refresh tokens has {octets} octets; at least {MIN_KEY_OCTETS} are needed")]
pub struct RefreshKeyError {
    /// How many there are.
    pub octets: usize,
}

impl RefreshKey {
    /// A fresh key.
    ///
    /// # Errors
    /// [`EntropyError`] when there is no randomness.
    pub fn generate(entropy: &(impl Entropy + ?Sized)) -> Result<Self, EntropyError> {
        let mut octets = Zeroizing::new([0; MIN_KEY_OCTETS]);
        entropy.fill(octets.as_mut_slice())?;
        Ok(Self::of(octets.as_slice()))
    }

    /// The key of these octets.
    ///
    /// # Errors
    /// [`RefreshKeyError`] when they are fewer than [`MIN_KEY_OCTETS`].
    pub fn from_bytes(octets: &[u8]) -> Result<Self, RefreshKeyError> {
        if octets.len() < MIN_KEY_OCTETS {
            return Err(RefreshKeyError {
                octets: octets.len(),
            });
        }
        Ok(Self::of(octets))
    }

    fn of(octets: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, octets))
    }

    pub(super) fn tag(&self, message: &[u8]) -> hmac::Tag {
        hmac::sign(&self.0, message)
    }

    /// Takes the same time wherever the first difference is.
    pub(super) fn is_tag(&self, message: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.0, message, tag).is_ok()
    }
}

impl fmt::Debug for RefreshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshKey(HMAC-SHA-256)")
    }
}
