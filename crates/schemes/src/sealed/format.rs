//! The text of a sealed cookie: base64url of four octets that name the key,
//! the nonce, the encrypted state and the proof of it. Bound to it, but not in
//! it, are the version of this layout, the strategy that it is for, and the
//! name of the cookie.

use std::sync::Arc;

use authbench_core::{Entropy, Identity, LoginId, Refusal, Secret, StrategyError, Subject, UnixMs};
use aws_lc_rs::aead::NONCE_LEN;
use aws_lc_rs::error::Unspecified;
use base64_simd::URL_SAFE_NO_PAD;

use super::key::{Key, KeyError, MAX_SEALS, TAG_OCTETS};
use super::settings::{Settings, SettingsError};
use super::state::{self, State};
use crate::keyring::KeyRing;
use crate::token::{NewToken, Opened, Sealed, TokenFormat};

/// The longest text that is made or read. What exceeds 4096 octets, the most
/// that browsers keep in one cookie (RFC 6265bis 5.6), must be cut up by whoever
/// sends it.
pub const MAX_TEXT_OCTETS: usize = 16 * 1024;

const LABEL: &str = "sealed-cookie";
const HEAD_OCTETS: usize = TAG_OCTETS + NONCE_LEN;
const PROOF_OCTETS: usize = 16;

/// Begins what is bound to each cookie; the digit is the version of the
/// layout.
const DOMAIN: &str = "authbench sealed-cookie 1";

/// A cookie could not be sealed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The encryption failed.
    #[error("the encryption failed")]
    Encryption(#[source] Unspecified),
    /// A new key was due and could not be made.
    #[error("a new key was due")]
    Key(#[source] KeyError),
    /// The text would be longer than anything that is opened.
    #[error("the cookie has {octets} octets, more than the {MAX_TEXT_OCTETS} that are accepted")]
    TooLong {
        /// How long it would be.
        octets: usize,
    },
    /// The key has sealed [`MAX_SEALS`] cookies.
    #[error("the key has sealed {MAX_SEALS} cookies and must be rotated")]
    WornOut,
}

/// Seals and opens cookies of one name.
pub struct Format {
    lifetime_ms: u64,
    skew_ms: u64,
    bound: Box<[u8]>,
    keys: Arc<KeyRing<Key>>,
    entropy: Box<dyn Entropy>,
}

impl Format {
    /// The format of cookies that stand by themselves.
    ///
    /// # Errors
    /// As [`super::stateless`].
    pub fn stateless(
        settings: &Settings,
        cookie_name: &str,
        keys: Arc<KeyRing<Key>>,
        entropy: impl Entropy + 'static,
    ) -> Result<Self, SettingsError> {
        Self::new(settings, "alone", cookie_name, keys, entropy)
    }

    /// The format of cookies that have a record beside them: another purpose,
    /// so that the one is never taken for the other.
    pub(super) fn stored(
        settings: &Settings,
        cookie_name: &str,
        keys: Arc<KeyRing<Key>>,
        entropy: impl Entropy + 'static,
    ) -> Result<Self, SettingsError> {
        Self::new(settings, "stored", cookie_name, keys, entropy)
    }

    fn new(
        settings: &Settings,
        purpose: &str,
        cookie_name: &str,
        keys: Arc<KeyRing<Key>>,
        entropy: impl Entropy + 'static,
    ) -> Result<Self, SettingsError> {
        settings.check(keys.rotation())?;
        Ok(Self {
            lifetime_ms: settings.lifetime_ms,
            skew_ms: settings.skew_ms,
            // The parts have no NUL in them but the name, which comes last.
            bound: format!("{DOMAIN}\0{purpose}\0{cookie_name}")
                .into_bytes()
                .into(),
            keys,
            entropy: Box::new(entropy),
        })
    }

    /// The keys, for rotating and withdrawing them by hand.
    #[must_use]
    pub fn keys(&self) -> &KeyRing<Key> {
        &self.keys
    }

    /// The nonce that stands in `text`; none for what has not the shape of a
    /// sealed cookie.
    #[must_use]
    pub fn nonce(text: &str) -> Option<[u8; NONCE_LEN]> {
        let octets = URL_SAFE_NO_PAD.decode_to_vec(text).ok()?;
        let (_, rest) = octets.split_first_chunk::<TAG_OCTETS>()?;
        rest.first_chunk().copied()
    }

    pub(super) fn write(
        &self,
        identity: &Identity,
        stamp: Option<u64>,
        at: UnixMs,
    ) -> Result<Secret, StrategyError> {
        let failed = |error| StrategyError::Sealing {
            format: LABEL,
            source: Box::new(error),
        };
        let key = self.keys.signer(at);
        let key = key.map_err(|error| failed(SealError::Key(error)))?;
        if !key.count_seal() {
            return Err(failed(SealError::WornOut));
        }
        let mut nonce = [0; NONCE_LEN];
        self.entropy.fill(&mut nonce)?;
        let mut octets = Vec::with_capacity(256);
        octets.extend_from_slice(key.tag());
        octets.extend_from_slice(&nonce);
        state::write(&mut octets, identity, stamp, at);
        let length = URL_SAFE_NO_PAD.encoded_length(octets.len() + PROOF_OCTETS);
        if length > MAX_TEXT_OCTETS {
            return Err(failed(SealError::TooLong { octets: length }));
        }
        let proof = key
            .seal(nonce, &self.bound, &mut octets[HEAD_OCTETS..])
            .map_err(|error| failed(SealError::Encryption(error)))?;
        octets.extend_from_slice(proof.as_ref());
        Ok(Secret::new(URL_SAFE_NO_PAD.encode_to_string(octets)))
    }

    /// What `text` says, if it has not expired. "On or after" is too late, as
    /// for a JWT (RFC 7519 4.1.4).
    fn read(&self, text: &str, at: UnixMs) -> Result<State, Refusal> {
        if text.len() > MAX_TEXT_OCTETS {
            return Err(Refusal::Malformed);
        }
        let mut octets = URL_SAFE_NO_PAD
            .decode_to_vec(text)
            .map_err(|_| Refusal::Malformed)?;
        let (tag, rest) = octets
            .split_first_chunk_mut::<TAG_OCTETS>()
            .ok_or(Refusal::Malformed)?;
        let (nonce, sealed) = rest
            .split_first_chunk_mut::<NONCE_LEN>()
            .ok_or(Refusal::Malformed)?;
        let keys = self.keys.keys();
        let key = keys
            .find(at, |key| key.tag() == tag)
            .ok_or(Refusal::BadSignature)?;
        let plain = key
            .open(*nonce, &self.bound, sealed)
            .map_err(|_| Refusal::BadSignature)?;
        let state = state::read(plain).ok_or(Refusal::BadClaims)?;
        if at >= state.opened.identity.expires_at {
            return Err(Refusal::Expired);
        }
        Ok(state)
    }
}

impl std::fmt::Debug for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Format")
            .field("lifetime_ms", &self.lifetime_ms)
            .field("skew_ms", &self.skew_ms)
            .field("bound", &String::from_utf8_lossy(&self.bound))
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

impl TokenFormat for Format {
    fn label(&self) -> &'static str {
        LABEL
    }

    fn ttl_ms(&self) -> u64 {
        self.lifetime_ms
    }

    fn skew_ms(&self) -> u64 {
        self.skew_ms
    }

    /// The nonce tells two cookies of one login apart, so the token's own name
    /// is left out.
    fn seal(&self, token: &NewToken<'_>, at: UnixMs) -> Result<Sealed, StrategyError> {
        let life = at.plus_ms(self.lifetime_ms);
        let expires_at = token
            .expires_by
            .map_or(life, |bound| bound.min(life))
            .max(at);
        let identity = identity(token.subject, token.login, expires_at);
        let text = self.write(&identity, token.stamp, at)?;
        Ok(Sealed { text, expires_at })
    }

    fn open(&self, text: &str, at: UnixMs) -> Result<Opened, Refusal> {
        let State { issued_at, opened } = self.read(text, at)?;
        if issued_at > at.plus_ms(self.skew_ms) {
            return Err(Refusal::NotYetValid);
        }
        Ok(opened)
    }

    fn open_early(&self, text: &str, at: UnixMs) -> Result<Opened, Refusal> {
        self.read(text, at).map(|state| state.opened)
    }

    /// What opens cookies could make them, too: it is shown to nobody.
    fn jwks(&self, _: UnixMs) -> Option<serde_json::Value> {
        None
    }
}

pub(super) fn identity(subject: &Subject, login: LoginId, expires_at: UnixMs) -> Identity {
    Identity {
        subject: subject.id.clone(),
        roles: subject.roles.clone(),
        login,
        expires_at,
    }
}

#[cfg(test)]
mod tests {
    use authbench_core::{Roles, SeededEntropy, SubjectId};

    use super::*;

    const AT: UnixMs = UnixMs(5_000);

    fn format() -> Format {
        let key = Key::generate(&SeededEntropy::new(1)).unwrap();
        let keys = Arc::new(KeyRing::fixed(key));
        Format::stateless(
            &Settings::default(),
            "__Host-a",
            keys,
            SeededEntropy::new(2),
        )
        .unwrap()
    }

    fn nobody(roles: Roles) -> Identity {
        Identity {
            subject: SubjectId::new("ada"),
            roles,
            login: LoginId([1; 16]),
            expires_at: AT.plus_ms(10),
        }
    }

    #[test]
    fn a_key_that_has_sealed_its_number_seals_no_more() {
        let format = format();
        let sealed = format.write(&nobody(Roles::default()), None, AT).unwrap();
        format.keys.signer(AT).unwrap().wear_out();
        let error = format
            .write(&nobody(Roles::default()), None, AT)
            .unwrap_err();
        let StrategyError::Sealing { source, .. } = error else {
            panic!("{error}")
        };
        assert!(matches!(source.downcast_ref(), Some(SealError::WornOut)));
        assert!(format.open(sealed.expose(), AT).is_ok(), "it still opens");
    }

    #[test]
    fn nothing_is_sealed_that_would_not_be_opened() {
        let format = format();
        let roles = |number: usize| (0..number).map(|n| format!("role-{n:05}")).collect();
        let most = (0..2_000)
            .rev()
            .find_map(|number| format.write(&nobody(roles(number)), None, AT).ok())
            .unwrap();
        assert!(most.expose().len() > MAX_TEXT_OCTETS - 20);
        let opened = format.open(most.expose(), AT).unwrap();
        assert!(opened.identity.roles.len() > 900);
        let longer = format!("{}AAAA", most.expose());
        assert!(format.open(&longer, AT).is_err());
    }

    /// An authentic text whose contents are none: only a bug of ours or a
    /// stolen key makes one.
    #[test]
    fn what_decrypts_to_nonsense_proves_nothing() {
        let format = format();
        for plain in [&b""[..], b"nonsense", &[0xFF; 64]] {
            let key = format.keys.signer(AT).unwrap();
            let nonce = [9; NONCE_LEN];
            let mut octets = [key.tag(), &nonce[..], plain].concat();
            let proof = key
                .seal(nonce, &format.bound, &mut octets[HEAD_OCTETS..])
                .unwrap();
            octets.extend_from_slice(proof.as_ref());
            let text = URL_SAFE_NO_PAD.encode_to_string(octets);
            assert_eq!(format.open(&text, AT), Err(Refusal::BadClaims));
        }
    }
}
