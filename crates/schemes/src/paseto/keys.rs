//! Keys of PASETO version 4: one key, one purpose.

use std::fmt;

use authbench_core::{Entropy, Refusal};
use base64_simd::URL_SAFE_NO_PAD;
use pasetors::errors::Error;
use pasetors::keys::{AsymmetricPublicKey, AsymmetricSecretKey, SymmetricKey};
use pasetors::paserk::{FormatAsPaserk as _, Id};
use pasetors::token::{TrustedToken, UntrustedToken};
use pasetors::version4::{LocalToken, PublicToken, V4};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::jwt::jwk;
use crate::keyring::RingKey;
use crate::token::keys::{KEY_OCTETS, KeyError, KeyOctets};

/// What kind of access token this is; part of what is authenticated, never of
/// the text, so that a token of another kind is none, though made with the
/// same key (PASETO: implicit assertions; RFC 8725 3.11).
pub const KIND: &[u8] = b"authbench access token";

/// What a token is for whoever reads it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Encrypted and authenticated (XChaCha20, BLAKE2b): only who has the key
    /// can read it, and who can check it can also make it.
    Local,
    /// Signed (Ed25519): everybody can read it, and check it with the public
    /// key.
    Public,
}

impl Purpose {
    /// The purposes.
    pub const ALL: [Self; 2] = [Self::Local, Self::Public];

    /// The name in recipes and in a token's header.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Public => "public",
        }
    }

    /// How every token of this purpose begins.
    #[must_use]
    pub const fn header(self) -> &'static str {
        match self {
            Self::Local => LocalToken::HEADER,
            Self::Public => PublicToken::HEADER,
        }
    }
}

/// A key that makes and checks tokens of one purpose. Its debug form names it
/// and shows nothing of it; the material is wiped when dropped.
pub struct Key {
    material: Material,
    kid: String,
    footer: String,
    footer_segment: String,
    jwk: Option<Value>,
}

enum Material {
    Local(SymmetricKey<V4>),
    Public {
        secret: AsymmetricSecretKey<V4>,
        public: AsymmetricPublicKey<V4>,
    },
}

impl Key {
    /// A fresh key: 32 octets of `entropy`.
    ///
    /// # Errors
    /// [`KeyError::Entropy`].
    pub fn generate(purpose: Purpose, entropy: &(impl Entropy + ?Sized)) -> Result<Self, KeyError> {
        Self::of(purpose, &KeyOctets::generate(entropy)?)
    }

    /// The key of these 32 octets, which must be random: the key itself of
    /// local tokens, the seed of an Ed25519 key (RFC 8032 5.1.5) of public
    /// ones.
    ///
    /// # Errors
    /// [`KeyError::Length`] and [`KeyError::Zero`].
    pub fn from_bytes(purpose: Purpose, octets: &[u8]) -> Result<Self, KeyError> {
        Self::of(purpose, &KeyOctets::from_bytes(octets)?)
    }

    /// The key of public tokens in a PEM text: one unencrypted PKCS#8 private
    /// key, Ed25519.
    ///
    /// # Errors
    /// [`KeyError`] for everything else.
    pub fn from_pem(text: &(impl AsRef<[u8]> + ?Sized)) -> Result<Self, KeyError> {
        Self::of(Purpose::Public, &KeyOctets::from_pem(text.as_ref())?)
    }

    /// What its tokens are for.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        match self.material {
            Material::Local(_) => Purpose::Local,
            Material::Public { .. } => Purpose::Public,
        }
    }

    /// The public key as a JWK (RFC 8037 2) without `alg`, for JOSE has no name
    /// for such signatures; nothing for local tokens.
    #[must_use]
    pub const fn jwk(&self) -> Option<&Value> {
        self.jwk.as_ref()
    }

    /// The last segment of each of its tokens.
    pub(super) fn footer_segment(&self) -> &str {
        &self.footer_segment
    }

    /// The token of `payload`.
    pub(super) fn seal(&self, payload: &[u8]) -> Result<String, Error> {
        let footer = Some(self.footer.as_bytes());
        match &self.material {
            Material::Local(key) => LocalToken::encrypt(key, payload, footer, Some(KIND)),
            Material::Public { secret, .. } => {
                PublicToken::sign(secret, payload, footer, Some(KIND))
            }
        }
    }

    /// What `token` says, if it is this key's.
    pub(super) fn open(&self, token: &str) -> Result<TrustedToken, Error> {
        self.open_as(token, Some(self.footer.as_bytes()), KIND)
    }

    /// The payload of `token` if this key made it with this footer and this
    /// implicit assertion, whatever it says: the door for tokens of others.
    ///
    /// # Errors
    /// Why it proves nothing.
    pub fn payload(&self, token: &str, footer: &[u8], assertion: &[u8]) -> Result<String, Refusal> {
        if footer.is_empty() && token.split('.').count() > 3 {
            return Err(Refusal::WrongKind);
        }
        let footer = Some(footer).filter(|footer| !footer.is_empty());
        let opened = self.open_as(token, footer, assertion);
        let opened = opened.map_err(|error| refusal(&error))?;
        Ok(opened.payload().to_owned())
    }

    fn open_as(
        &self,
        token: &str,
        footer: Option<&[u8]>,
        kind: &[u8],
    ) -> Result<TrustedToken, Error> {
        match &self.material {
            Material::Local(key) => {
                let token = UntrustedToken::try_from(token)?;
                LocalToken::decrypt(key, &token, footer, Some(kind))
            }
            Material::Public { public, .. } => {
                let token = UntrustedToken::try_from(token)?;
                PublicToken::verify(public, &token, footer, Some(kind))
            }
        }
    }

    fn of(purpose: Purpose, octets: &KeyOctets) -> Result<Self, KeyError> {
        let refused = |error: Error| KeyError::Library(error.into());
        let (material, id, jwk) = match purpose {
            Purpose::Local => {
                let key = SymmetricKey::from(octets.expose()).map_err(refused)?;
                let id = Id::from(&key);
                (Material::Local(key), id, None)
            }
            Purpose::Public => {
                let octets_public = octets.ed25519_public()?;
                let mut both = Zeroizing::new([0; 2 * KEY_OCTETS]);
                both[..KEY_OCTETS].copy_from_slice(octets.expose());
                both[KEY_OCTETS..].copy_from_slice(&octets_public);
                let secret = AsymmetricSecretKey::from(both.as_slice()).map_err(refused)?;
                let public = AsymmetricPublicKey::from(&octets_public).map_err(refused)?;
                let id = Id::from(&public);
                let jwk = jwk::named(jwk::ed25519(&octets_public), None);
                let (_, jwk) = jwk.map_err(KeyError::Form)?;
                (Material::Public { secret, public }, id, Some(jwk))
            }
        };
        let mut kid = String::new();
        id.fmt(&mut kid)
            .map_err(|error| KeyError::Library(error.into()))?;
        let footer = json!({ "kid": kid }).to_string();
        Ok(Self {
            material,
            footer_segment: URL_SAFE_NO_PAD.encode_to_string(&footer),
            footer,
            jwk: jwk.map(|mut jwk| {
                jwk["kid"] = kid.clone().into();
                jwk
            }),
            kid,
        })
    }
}

impl RingKey for Key {
    type Error = KeyError;

    /// The PASERK id, `k4.lid.` or `k4.pid.`: a hash (BLAKE2b) of the key.
    fn kid(&self) -> &str {
        &self.kid
    }

    fn successor(&self, entropy: &dyn Entropy) -> Result<Self, KeyError> {
        Self::generate(self.purpose(), entropy)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.kid)
    }
}

/// What the library's error means for who presented the token.
pub(super) fn refusal(error: &Error) -> Refusal {
    match error {
        Error::TokenFormat | Error::Base64 => Refusal::Malformed,
        Error::PayloadInvalidUtf8 => Refusal::BadClaims,
        _ => Refusal::BadSignature,
    }
}
