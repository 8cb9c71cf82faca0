//! Root keys: they sign the first block of a token, which is all that a login
//! needs.

use std::fmt;

use authbench_core::Entropy;
use biscuit_auth::{Algorithm, KeyPair, PrivateKey, PublicKey};
use serde_json::Value;

use crate::jwt::jwk;
use crate::keyring::RingKey;
use crate::token::keys::{KEY_OCTETS, KeyError, KeyOctets};

/// An Ed25519 root key. Its debug form names it and shows nothing of it; the
/// library wipes the material when it is dropped.
pub struct Key {
    pair: KeyPair,
    kid: String,
    root_key_id: u32,
    jwk: Value,
}

impl Key {
    /// A fresh key: 32 octets of `entropy`.
    ///
    /// # Errors
    /// [`KeyError::Entropy`].
    pub fn generate(entropy: &(impl Entropy + ?Sized)) -> Result<Self, KeyError> {
        Self::of(&KeyOctets::generate(entropy)?)
    }

    /// The key whose seed (RFC 8032 5.1.5) these 32 octets are. They must be
    /// random.
    ///
    /// # Errors
    /// [`KeyError::Length`] and [`KeyError::Zero`].
    pub fn from_bytes(octets: &[u8]) -> Result<Self, KeyError> {
        Self::of(&KeyOctets::from_bytes(octets)?)
    }

    /// The key in a PEM text: one unencrypted PKCS#8 private key, Ed25519.
    ///
    /// # Errors
    /// [`KeyError`] for everything else.
    pub fn from_pem(text: &(impl AsRef<[u8]> + ?Sized)) -> Result<Self, KeyError> {
        Self::of(&KeyOctets::from_pem(text.as_ref())?)
    }

    /// What names the key in a token: the beginning of its thumbprint. Two keys
    /// of one ring have the same with a probability of 2^-25; then the older
    /// one's tokens are refused from the rotation on.
    #[must_use]
    pub const fn root_key_id(&self) -> u32 {
        self.root_key_id
    }

    /// The public key as a JWK (RFC 8037 2) without `alg`, for JOSE has no name
    /// for such signatures.
    #[must_use]
    pub const fn jwk(&self) -> &Value {
        &self.jwk
    }

    pub(super) const fn pair(&self) -> &KeyPair {
        &self.pair
    }

    pub(super) fn public(&self) -> PublicKey {
        self.pair.public()
    }

    fn of(octets: &KeyOctets) -> Result<Self, KeyError> {
        let pair = pair(octets.expose()).map_err(|error| KeyError::Library(error.into()))?;
        let (kid, jwk) =
            jwk::named(jwk::ed25519(&octets.ed25519_public()?), None).map_err(KeyError::Form)?;
        let mut first = [0; 4];
        let thumbprint = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(&kid);
        let thumbprint = thumbprint.map_err(|error| KeyError::Library(error.into()))?;
        first.copy_from_slice(&thumbprint[..4]);
        Ok(Self {
            pair,
            kid,
            root_key_id: u32::from_be_bytes(first),
            jwk,
        })
    }
}

/// The pair whose seed these octets are.
pub(super) fn pair(seed: &[u8; KEY_OCTETS]) -> Result<KeyPair, biscuit_auth::error::Format> {
    Ok(KeyPair::from(&PrivateKey::from_bytes(
        seed,
        Algorithm::Ed25519,
    )?))
}

impl RingKey for Key {
    type Error = KeyError;

    /// The JWK thumbprint (RFC 7638).
    fn kid(&self) -> &str {
        &self.kid
    }

    fn successor(&self, entropy: &dyn Entropy) -> Result<Self, KeyError> {
        Self::generate(entropy)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.kid)
    }
}
