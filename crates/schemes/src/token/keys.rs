//! Keys of formats whose libraries take them as octets: Ed25519 pairs and
//! symmetric keys.

use std::error::Error;

use authbench_core::{Entropy, EntropyError};
use aws_lc_rs::encoding::AsBigEndian as _;
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use zeroize::Zeroizing;

/// Octets of a symmetric key, and of the seed that an Ed25519 key is made of
/// (RFC 8032 5.1.5).
pub const KEY_OCTETS: usize = 32;

/// A key could not be made or is not acceptable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No randomness for a key.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The public form of the key could not be written.
    #[error("the key's name or public form could not be written")]
    Form(#[source] jsonwebtoken::errors::Error),
    /// A key of another length.
    #[error("a key has {KEY_OCTETS} octets, not {octets}")]
    Length {
        /// How long it is.
        octets: usize,
    },
    /// The format's library does not take the key.
    #[error("the key is not acceptable")]
    Library(#[source] Box<dyn Error + Send + Sync>),
    /// The text is no PEM.
    #[error("the key is no PEM text")]
    Pem(#[source] pem::PemError),
    /// The PEM holds something else than an unencrypted PKCS#8 private key.
    #[error("the PEM holds a {label:?}; wanted is a \"PRIVATE KEY\" (PKCS#8, unencrypted)")]
    PemLabel {
        /// What it says it holds.
        label: String,
    },
    /// Not an Ed25519 key, or damaged.
    #[error("the key is no Ed25519 key")]
    Rejected(#[source] KeyRejected),
    /// The octets could not be taken out of the key.
    #[error("the key does not show its seed")]
    Seed(#[source] Unspecified),
    /// All octets are zero: no key, but memory that was never filled.
    #[error("the key's octets are all zero")]
    Zero,
}

/// The octets of a key, wiped when dropped.
pub(crate) struct KeyOctets(Zeroizing<[u8; KEY_OCTETS]>);

impl KeyOctets {
    /// Fresh ones.
    pub(crate) fn generate(entropy: &(impl Entropy + ?Sized)) -> Result<Self, KeyError> {
        let mut octets = Zeroizing::new([0; KEY_OCTETS]);
        entropy.fill(octets.as_mut_slice())?;
        Self::checked(octets)
    }

    /// These, which must be random.
    pub(crate) fn from_bytes(octets: &[u8]) -> Result<Self, KeyError> {
        let octets = octets.try_into().map_err(|_| KeyError::Length {
            octets: octets.len(),
        })?;
        Self::checked(Zeroizing::new(octets))
    }

    /// The seed of the Ed25519 key in a PEM text, PKCS#8 and unencrypted (RFC
    /// 8410 7).
    pub(crate) fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        let block = pem::parse(text).map_err(KeyError::Pem)?;
        if block.tag() != "PRIVATE KEY" {
            return Err(KeyError::PemLabel {
                label: block.tag().to_owned(),
            });
        }
        let pkcs8 = Zeroizing::new(block.into_contents());
        let pair = Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(KeyError::Rejected)?;
        let seed = pair.seed().map_err(KeyError::Seed)?;
        let seed = seed.as_be_bytes().map_err(KeyError::Seed)?;
        Self::from_bytes(seed.as_ref())
    }

    /// The octets.
    pub(crate) fn expose(&self) -> &[u8; KEY_OCTETS] {
        &self.0
    }

    /// The Ed25519 public key whose seed these are.
    pub(crate) fn ed25519_public(&self) -> Result<[u8; 32], KeyError> {
        let pair =
            Ed25519KeyPair::from_seed_unchecked(self.0.as_slice()).map_err(KeyError::Rejected)?;
        let public = pair.public_key().as_ref();
        public.try_into().map_err(|_| KeyError::Length {
            octets: public.len(),
        })
    }

    /// Some libraries take no zeros and say so by a panic.
    fn checked(octets: Zeroizing<[u8; KEY_OCTETS]>) -> Result<Self, KeyError> {
        if *octets == [0; KEY_OCTETS] {
            return Err(KeyError::Zero);
        }
        Ok(Self(octets))
    }
}
