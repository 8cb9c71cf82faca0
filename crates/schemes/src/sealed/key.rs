//! The keys that seal cookies.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use authbench_core::{Entropy, EntropyError};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::error::Unspecified;
use zeroize::Zeroizing;

use crate::keyring::RingKey;

/// Octets of a key: 256 bits.
pub const KEY_OCTETS: usize = 32;

/// How many cookies one key seals, 2^32: with random nonces of 96 bits more
/// would make it too probable that two share one (NIST SP 800-38D 8.3; ASVS
/// 5.0 11.3.4). Each process counts for itself, so where many share a key, or
/// restart often, it should be rotated before: 2^32 are 50 logins a second for
/// almost three years.
pub const MAX_SEALS: u64 = 1 << 32;

/// Octets of a key's name in front of each cookie.
pub(super) const TAG_OCTETS: usize = 4;

const TAG_DOMAIN: &[u8] = b"authbench sealed-cookie key name\0";

/// A key could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No randomness for a key.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// A key of another length.
    #[error("a key has {KEY_OCTETS} octets, not {octets}")]
    Length {
        /// How long it is.
        octets: usize,
    },
    /// The library does not take it.
    #[error("the key is not acceptable")]
    Rejected(#[source] Unspecified),
}

/// An AES-256-GCM key. Its debug form names it and shows nothing of it; the
/// library wipes the material when it is dropped.
pub struct Key {
    aead: LessSafeKey,
    tag: [u8; TAG_OCTETS],
    kid: String,
    seals: AtomicU64,
}

impl Key {
    /// A fresh key, 32 octets of `entropy`.
    ///
    /// # Errors
    /// [`KeyError::Entropy`] and [`KeyError::Rejected`].
    pub fn generate(entropy: &(impl Entropy + ?Sized)) -> Result<Self, KeyError> {
        let mut octets = Zeroizing::new([0; KEY_OCTETS]);
        entropy.fill(octets.as_mut_slice())?;
        Self::from_octets(octets.as_slice())
    }

    /// The key of these octets, which must be random: no password (ASVS 5.0
    /// 11.5.1).
    ///
    /// # Errors
    /// [`KeyError::Length`] and [`KeyError::Rejected`].
    pub fn from_octets(octets: &[u8]) -> Result<Self, KeyError> {
        if octets.len() != KEY_OCTETS {
            let octets = octets.len();
            return Err(KeyError::Length { octets });
        }
        let key = UnboundKey::new(&AES_256_GCM, octets).map_err(KeyError::Rejected)?;
        let named = Zeroizing::new([TAG_DOMAIN, octets].concat());
        let name = digest(&SHA256, &named);
        let mut tag = [0; TAG_OCTETS];
        tag.copy_from_slice(&name.as_ref()[..TAG_OCTETS]);
        Ok(Self {
            aead: LessSafeKey::new(key),
            tag,
            kid: tag.iter().map(|octet| format!("{octet:02x}")).collect(),
            seals: AtomicU64::new(0),
        })
    }

    /// The key's name as it stands in a cookie.
    pub(super) const fn tag(&self) -> &[u8; TAG_OCTETS] {
        &self.tag
    }

    /// Takes one of [`MAX_SEALS`]; says whether there was one.
    pub(super) fn count_seal(&self) -> bool {
        self.seals.fetch_add(1, Ordering::Relaxed) < MAX_SEALS
    }

    /// Encrypts in place and returns what proves it.
    pub(super) fn seal(
        &self,
        nonce: [u8; NONCE_LEN],
        bound: &[u8],
        in_out: &mut [u8],
    ) -> Result<impl AsRef<[u8]> + use<>, Unspecified> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.aead
            .seal_in_place_separate_tag(nonce, Aad::from(bound), in_out)
    }

    /// Decrypts in place a text that this key sealed with `nonce` and `bound`,
    /// the proof of 16 octets behind it; returns what it says.
    ///
    /// # Errors
    /// [`Unspecified`] for whatever is not authentic.
    pub fn open<'a>(
        &self,
        nonce: [u8; NONCE_LEN],
        bound: &[u8],
        in_out: &'a mut [u8],
    ) -> Result<&'a [u8], Unspecified> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.aead
            .open_in_place(nonce, Aad::from(bound), in_out)
            .map(|plain| &*plain)
    }

    #[cfg(test)]
    pub(super) fn wear_out(&self) {
        self.seals.store(MAX_SEALS, Ordering::Relaxed);
    }
}

impl RingKey for Key {
    type Error = KeyError;

    fn kid(&self) -> &str {
        &self.kid
    }

    fn successor(&self, entropy: &dyn Entropy) -> Result<Self, KeyError> {
        Self::generate(entropy)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}
