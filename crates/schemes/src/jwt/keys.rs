//! Keys: parsed once, kept parsed. The factories of the `jsonwebtoken` crate
//! return objects that threads cannot share (they promise neither `Send` nor
//! `Sync`), and its RSA objects parse the key at each call; so the parsed keys
//! here are those of aws-lc-rs, the library beneath it.

use std::fmt;

use authbench_core::{Entropy, EntropyError};
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use serde_json::Value;
use zeroize::Zeroizing;

use super::algorithm::Algorithm;
use super::disguise::{self, Disguise};
use super::verifying_key::VerifyingKey;
use super::{compact, jwk, private_jwk};
use crate::keyring::RingKey;

/// The shortest HS256 secret: as long as the hash (RFC 7518 3.2).
pub const MIN_SECRET_OCTETS: usize = 32;

/// The sizes of RSA keys that are loaded, in bits of the modulus (RFC 7518
/// 3.3 sets the lower bound; the upper one bounds the cost of a signature).
pub const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// A key could not be made or is not acceptable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No randomness for a secret.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The generation failed.
    #[error("no {algorithm} key could be generated")]
    Generation {
        /// For which algorithm.
        algorithm: Algorithm,
        /// What the cryptography said.
        #[source]
        source: Unspecified,
    },
    /// The header or the JWK of the key could not be written.
    #[error("the key's name or public form could not be written")]
    Form(#[source] jsonwebtoken::errors::Error),
    /// HS256 was given a key of another kind for a secret. If that is a public
    /// key, everybody could sign (RFC 8725 3.1).
    #[error("HS256 takes a secret of random octets, not {found}")]
    NotASecret {
        /// What it was given.
        found: Disguise,
    },
    /// The text is no PEM.
    #[error("the key is no PEM text")]
    Pem(#[source] pem::PemError),
    /// The PEM holds something else than an unencrypted PKCS#8 private key.
    #[error("the PEM holds a {label:?}; wanted is a \"PRIVATE KEY\" (PKCS#8, unencrypted)")]
    PemLabel {
        /// What it says it holds.
        label: String,
    },
    /// The private half could not be written as a JWK.
    #[error("the private half of the key could not be written")]
    PrivateForm(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The library does not take the key: not of this algorithm, damaged, or
    /// (RSA) shorter than 2048 bits.
    #[error("the key is not acceptable for {algorithm}")]
    Rejected {
        /// For which algorithm.
        algorithm: Algorithm,
        /// What the cryptography said, e.g. `TooSmall`.
        #[source]
        source: KeyRejected,
    },
    /// The RSA modulus is outside [`RSA_BITS`].
    #[error("the RSA key has {bits} bits; accepted are 2048 to 4096")]
    RsaBits {
        /// How long it is.
        bits: usize,
    },
    /// The secret is shorter than the hash (RFC 7518 3.2, ASVS 5.0 11.2.3).
    #[error("the secret has {octets} octets; HS256 wants at least {MIN_SECRET_OCTETS}")]
    SecretTooShort {
        /// How long it is.
        octets: usize,
    },
}

/// A key that makes tokens, with its public half. Its debug form names the
/// key and shows nothing of it; the material is wiped when dropped (by
/// aws-lc).
pub struct SigningKey {
    private: Private,
    public: VerifyingKey,
}

enum Private {
    EdDsa(Ed25519KeyPair),
    Es256(EcdsaKeyPair),
    Hs256 {
        key: Box<hmac::Key>,
        secret: Zeroizing<Vec<u8>>,
    },
    Rs256(RsaKeyPair),
}

impl SigningKey {
    /// A fresh key (RSA: 2048 bits). An HS256 secret is 32 octets of
    /// `entropy`; the other kinds use the generator of aws-lc, which cannot
    /// be given another source.
    ///
    /// # Errors
    /// [`KeyError::Entropy`] and [`KeyError::Generation`].
    pub fn generate(
        algorithm: Algorithm,
        entropy: &(impl Entropy + ?Sized),
    ) -> Result<Self, KeyError> {
        let failed = |source| KeyError::Generation { algorithm, source };
        match algorithm {
            Algorithm::EdDsa => Self::ed25519(Ed25519KeyPair::generate().map_err(failed)?),
            Algorithm::Es256 => Self::p256(
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?,
            ),
            Algorithm::Hs256 => {
                let mut secret = Zeroizing::new([0; MIN_SECRET_OCTETS]);
                entropy.fill(secret.as_mut_slice())?;
                Self::from_secret(secret.as_slice())
            }
            Algorithm::Rs256 => Self::rsa(RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?),
        }
    }

    /// The key in a PEM text: one unencrypted PKCS#8 private key, which must
    /// be of `algorithm`. The public half is derived from it.
    ///
    /// # Errors
    /// [`KeyError`] for everything else, RSA keys outside [`RSA_BITS`]
    /// included.
    pub fn from_pem(
        algorithm: Algorithm,
        text: &(impl AsRef<[u8]> + ?Sized),
    ) -> Result<Self, KeyError> {
        let not_a_secret = KeyError::NotASecret {
            found: Disguise::Pem,
        };
        if algorithm == Algorithm::Hs256 {
            return Err(not_a_secret);
        }
        let block = pem::parse(text).map_err(KeyError::Pem)?;
        if block.tag() != "PRIVATE KEY" {
            return Err(KeyError::PemLabel {
                label: block.tag().to_owned(),
            });
        }
        let pkcs8 = Zeroizing::new(block.into_contents());
        let rejected = |source| KeyError::Rejected { algorithm, source };
        match algorithm {
            Algorithm::EdDsa => {
                Self::ed25519(Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(rejected)?)
            }
            Algorithm::Es256 => Self::p256(
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8)
                    .map_err(rejected)?,
            ),
            Algorithm::Hs256 => Err(not_a_secret),
            Algorithm::Rs256 => Self::rsa(RsaKeyPair::from_pkcs8(&pkcs8).map_err(rejected)?),
        }
    }

    /// An HS256 key of these octets, which must be random. All of them count,
    /// a line's end included.
    ///
    /// # Errors
    /// [`KeyError::NotASecret`] for what is a key of another kind, and
    /// [`KeyError::SecretTooShort`] below [`MIN_SECRET_OCTETS`].
    pub fn from_secret(secret: &[u8]) -> Result<Self, KeyError> {
        if let Some(found) = disguise::of(secret) {
            return Err(KeyError::NotASecret { found });
        }
        if secret.len() < MIN_SECRET_OCTETS {
            return Err(KeyError::SecretTooShort {
                octets: secret.len(),
            });
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        // Replicas with one secret must agree on its name, and the name must
        // tell no more about the secret than a token does: so it is a MAC.
        let name = hmac::sign(&key, b"authbench: the name of this key");
        let kid = compact::encode(&name.as_ref()[..16]);
        let public = VerifyingKey::hs256(kid, key.clone())?;
        Ok(Self {
            private: Private::Hs256 {
                key: Box::new(key),
                secret: Zeroizing::new(secret.to_vec()),
            },
            public,
        })
    }

    /// The algorithm of this key.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.public.algorithm()
    }

    /// The half that checks what this key signs. For HS256 it is the same
    /// secret.
    #[must_use]
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// The whole key as a JWK (RFC 7517), private members included (RFC 7518
    /// 6.2.2, 6.3.2, 6.4; RFC 8037 2): whoever has it signs as we do. For
    /// tests that make tokens which are correctly signed but wrong, and for
    /// nothing else.
    ///
    /// # Errors
    /// [`KeyError::PrivateForm`] when the library does not give the private
    /// half away.
    pub fn private_jwk(&self) -> Result<Value, KeyError> {
        match &self.private {
            Private::EdDsa(pair) => private_jwk::ed25519(&self.public, pair),
            Private::Es256(pair) => private_jwk::p256(&self.public, pair),
            Private::Hs256 { secret, .. } => Ok(private_jwk::hs256(&self.public, secret)),
            Private::Rs256(pair) => private_jwk::rsa(&self.public, pair),
        }
    }

    /// Appends a point and the signature of `text` so far.
    pub(super) fn sign_onto(&self, text: &mut String) -> Result<(), Unspecified> {
        let append = |text: &mut String, signature: &[u8]| {
            text.push('.');
            compact::encode_onto(text, signature);
        };
        let message = text.as_bytes();
        match &self.private {
            Private::EdDsa(pair) => append(text, pair.try_sign(message)?.as_ref()),
            Private::Es256(pair) => {
                append(text, pair.sign(&SystemRandom::new(), message)?.as_ref());
            }
            Private::Hs256 { key, .. } => append(text, hmac::sign(key, message).as_ref()),
            Private::Rs256(pair) => {
                let mut buffer = [0; compact::MAX_SIGNATURE_OCTETS];
                let signature = &mut buffer[..pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, signature)?;
                append(text, signature);
            }
        }
        Ok(())
    }

    fn ed25519(pair: Ed25519KeyPair) -> Result<Self, KeyError> {
        let octets = pair.public_key().as_ref();
        let rejected = |source| KeyError::Rejected {
            algorithm: Algorithm::EdDsa,
            source,
        };
        let check = ParsedPublicKey::new(&ED25519, octets).map_err(rejected)?;
        let public = VerifyingKey::asymmetric(Algorithm::EdDsa, jwk::ed25519(octets), check, 64)?;
        Ok(Self {
            private: Private::EdDsa(pair),
            public,
        })
    }

    fn p256(pair: EcdsaKeyPair) -> Result<Self, KeyError> {
        let point = pair.public_key().as_ref();
        let rejected = |source| KeyError::Rejected {
            algorithm: Algorithm::Es256,
            source,
        };
        let check = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(rejected)?;
        let public = VerifyingKey::asymmetric(Algorithm::Es256, jwk::p256(point)?, check, 64)?;
        Ok(Self {
            private: Private::Es256(pair),
            public,
        })
    }

    fn rsa(pair: RsaKeyPair) -> Result<Self, KeyError> {
        let (jwk, bits) = jwk::rsa(pair.public_key());
        if !RSA_BITS.contains(&bits) {
            return Err(KeyError::RsaBits { bits });
        }
        let rejected = |source| KeyError::Rejected {
            algorithm: Algorithm::Rs256,
            source,
        };
        let check = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref())
            .map_err(rejected)?;
        let octets = pair.public_modulus_len();
        let public = VerifyingKey::asymmetric(Algorithm::Rs256, jwk, check, octets)?;
        Ok(Self {
            private: Private::Rs256(pair),
            public,
        })
    }
}

impl RingKey for SigningKey {
    type Error = KeyError;

    fn kid(&self) -> &str {
        self.public.kid()
    }

    fn successor(&self, entropy: &dyn Entropy) -> Result<Self, KeyError> {
        Self::generate(self.algorithm(), entropy)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let public = &self.public;
        write!(
            f,
            "SigningKey({}, kid {})",
            public.algorithm(),
            public.kid()
        )
    }
}
