//! Passwords: Argon2id with the parameters that OWASP recommends, computed
//! aside from the threads that serve requests; and a cheap kind for the lab.

use std::sync::Arc;
use std::thread::available_parallelism;

use argon2::password_hash::{self, phc};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, PasswordHasher as _, Version};
use authbench_core::EntropyError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};
use zeroize::Zeroizing;

/// The length of a salt (RFC 9106 3.1).
pub(crate) const SALT_OCTETS: usize = 16;

/// The lengths that a new password may have, in characters (ASVS 5.0 6.2.1,
/// 6.2.9).
pub(crate) const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=128;

/// Memory in KiB and passes, each pair as strong as the others (OWASP
/// Password Storage Cheat Sheet, Argon2id).
const MINIMUM: [(u32, u32); 5] = [
    (47_104, 1),
    (19_456, 2),
    (12_288, 3),
    (9_216, 4),
    (7_168, 5),
];

/// A password could not be hashed or checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// The hash function failed: no memory, or a stored hash that is none.
    #[error("the password hash could not be computed")]
    Function {
        /// What it said.
        #[source]
        source: password_hash::Error,
    },
    /// No randomness for a salt.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The computation was cut off.
    #[error("the computation of a password hash was cut off")]
    Cut {
        /// How.
        #[source]
        source: JoinError,
    },
}

/// What a stored hash lacks.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum WeakHash {
    #[error("`password_hash` is not a PHC string such as `$argon2id$v=19$m=19456,t=2,p=1$..$..`")]
    NotPhc,
    #[error("`password_hash` must be Argon2id, version 19, with salt and hash")]
    NotArgon2id,
    #[error(
        "`password_hash` is too weak (m={memory_kib}, t={passes}): at least m=19456, t=2 or as strong"
    )]
    TooCheap { memory_kib: u32, passes: u32 },
}

/// Checks a password without holding it.
#[derive(Clone)]
pub(crate) enum Verifier {
    /// For every account outside the lab.
    Argon2id(Arc<phc::PasswordHash>),
    /// Salt, and SHA-256 of salt and password: quick to guess, so for the
    /// lab's accounts only, whose passwords are public anyway.
    Lab([u8; SALT_OCTETS], [u8; 32]),
}

/// What the text of a lab's verifier begins with.
const LAB: &str = "lab:";

impl Verifier {
    /// Reads a PHC string; refuses what is weaker than new hashes would be.
    pub(crate) fn from_phc(text: &str) -> Result<Self, WeakHash> {
        let hash = phc::PasswordHash::new(text).map_err(|_| WeakHash::NotPhc)?;
        let whole = hash.salt.is_some() && hash.hash.is_some();
        let version = hash.version == Some(u32::from(Version::V0x13));
        if hash.algorithm != ARGON2ID_IDENT || !version || !whole {
            return Err(WeakHash::NotArgon2id);
        }
        let params = Params::try_from(&hash).map_err(|_| WeakHash::NotPhc)?;
        let (memory_kib, passes) = (params.m_cost(), params.t_cost());
        if MINIMUM
            .iter()
            .any(|&(kib, times)| memory_kib >= kib && passes >= times)
        {
            Ok(Self::Argon2id(Arc::new(hash)))
        } else {
            Err(WeakHash::TooCheap { memory_kib, passes })
        }
    }

    /// Hashes slowly, on this thread.
    pub(crate) fn argon2id(password: &str, salt: [u8; SALT_OCTETS]) -> Result<Self, PasswordError> {
        recommended()
            .hash_password_with_salt(password.as_bytes(), &salt)
            .map(|hash: phc::PasswordHash| Self::Argon2id(Arc::new(hash)))
            .map_err(|source| PasswordError::Function { source })
    }

    pub(crate) fn lab(password: &str, salt: [u8; SALT_OCTETS]) -> Self {
        Self::Lab(salt, salted(password, &salt))
    }

    /// As text: the PHC string, or what [`Verifier::from_text`] reads as one of
    /// the lab's.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Argon2id(hash) => hash.to_string(),
            Self::Lab(salt, digest) => {
                let both = [salt.as_slice(), digest.as_slice()].concat();
                format!("{LAB}{}", URL_SAFE_NO_PAD.encode(both))
            }
        }
    }

    /// Reads what [`Verifier::to_text`] wrote.
    pub(super) fn from_text(text: &str) -> Result<Self, WeakHash> {
        let Some(both) = text.strip_prefix(LAB) else {
            return Self::from_phc(text);
        };
        let both = URL_SAFE_NO_PAD.decode(both).ok();
        let both: Option<[u8; SALT_OCTETS + 32]> = both.and_then(|it| it.try_into().ok());
        let both = both.ok_or(WeakHash::NotPhc)?;
        let (mut salt, mut digest) = ([0; SALT_OCTETS], [0; 32]);
        salt.copy_from_slice(&both[..SALT_OCTETS]);
        digest.copy_from_slice(&both[SALT_OCTETS..]);
        Ok(Self::Lab(salt, digest))
    }

    /// How much work a check is, in KiB passes.
    pub(crate) fn cost(&self) -> u64 {
        match self {
            Self::Argon2id(hash) => Params::try_from(hash.as_ref()).map_or(0, |params| {
                u64::from(params.m_cost()) * u64::from(params.t_cost())
            }),
            Self::Lab(..) => 0,
        }
    }
}

/// Hashes passwords, as many at a time as there are processors: each costs
/// memory and a core, and more at a time would only be slower.
pub(crate) struct Passwords {
    seats: Arc<Semaphore>,
    /// Memory of computations that are over, one for each seat at most. A
    /// computation needs 19 MiB; to get them from the system anew, page by
    /// page, can cost more than the computation itself.
    memory: Arc<Mutex<Vec<Vec<Block>>>>,
}

impl Default for Passwords {
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self {
            seats: Arc::new(Semaphore::new(processors)),
            memory: Arc::default(),
        }
    }
}

impl Passwords {
    /// Whether `password` is the one that `verifier` stands for.
    pub(crate) async fn verify(
        &self,
        verifier: &Verifier,
        password: Zeroizing<String>,
    ) -> Result<bool, PasswordError> {
        let hash = match verifier {
            Verifier::Lab(salt, digest) => {
                return Ok(salted(&password, salt).ct_eq(digest).into());
            }
            Verifier::Argon2id(hash) => Arc::clone(hash),
        };
        let memory = Arc::clone(&self.memory);
        self.aside(move || {
            let mut blocks = memory.lock().pop().unwrap_or_default();
            let verdict = matches(&hash, password.as_bytes(), &mut blocks);
            memory.lock().push(blocks);
            verdict.map_err(|source| PasswordError::Function { source })
        })
        .await
    }

    /// A verifier for `password` of the same kind as `like`; a slow one always
    /// with the recommended parameters.
    pub(crate) async fn hash_like(
        &self,
        like: &Verifier,
        password: Zeroizing<String>,
        salt: [u8; SALT_OCTETS],
    ) -> Result<Verifier, PasswordError> {
        match like {
            Verifier::Lab(..) => Ok(Verifier::lab(&password, salt)),
            Verifier::Argon2id(_) => {
                self.aside(move || Verifier::argon2id(&password, salt))
                    .await
            }
        }
    }

    /// Runs `work` on a thread for blocking work. The seat is held until it is
    /// done, even if nobody waits for it any more.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let seat = Arc::clone(&self.seats).acquire_owned().await;
        spawn_blocking(move || {
            let done = work();
            drop(seat);
            done
        })
        .await
        .map_err(|source| PasswordError::Cut { source })?
    }
}

/// Whether `password` has this hash; `blocks` is what the computation works on,
/// made larger if need be.
fn matches(
    hash: &phc::PasswordHash,
    password: &[u8],
    blocks: &mut Vec<Block>,
) -> password_hash::Result<bool> {
    let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else {
        return Err(password_hash::Error::PasswordInvalid);
    };
    let params = Params::try_from(hash)?;
    let needed = params.block_count();
    if blocks.len() < needed {
        blocks.resize(needed, Block::default());
    }
    let mut computed = Zeroizing::new(vec![0; expected.as_bytes().len()]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into_with_memory(
        password,
        salt.as_ref(),
        &mut computed,
        &mut blocks[..needed],
    )?;
    Ok(computed.ct_eq(expected.as_bytes()).into())
}

/// Argon2id, m = 19 MiB, t = 2, p = 1 (OWASP Password Storage Cheat Sheet).
fn recommended() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::default())
}

fn salted(password: &str, salt: &[u8; SALT_OCTETS]) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(salt);
    digest.update(password.as_bytes());
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phc_with(params: &str) -> String {
        format!(
            "$argon2id$v=19${params}$c2FsdHNhbHRzYWx0c2FsdA$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE"
        )
    }

    #[test]
    fn the_default_is_what_owasp_recommends() {
        let params = Params::default();
        assert_eq!(
            (params.m_cost(), params.t_cost(), params.p_cost()),
            (19_456, 2, 1)
        );
    }

    #[test]
    fn weak_hashes_are_refused() {
        for good in ["m=19456,t=2,p=1", "m=7168,t=5,p=1", "m=65536,t=3,p=4"] {
            assert!(Verifier::from_phc(&phc_with(good)).is_ok(), "{good}");
        }
        for (params, memory_kib, passes) in [
            ("m=19455,t=2,p=1", 19_455, 2),
            ("m=19456,t=1,p=1", 19_456, 1),
            ("m=7167,t=9,p=1", 7_167, 9),
        ] {
            let weak = Verifier::from_phc(&phc_with(params)).err();
            assert_eq!(weak, Some(WeakHash::TooCheap { memory_kib, passes }));
        }
        for (wrong, weak) in [
            ("".to_owned(), WeakHash::NotPhc),
            ("hunter2".to_owned(), WeakHash::NotPhc),
            (phc_with("m=19456,t=2,p=1").replace("2id", "2i"), WeakHash::NotArgon2id),
            (phc_with("m=19456,t=2,p=1").replace("v=19", "v=16"), WeakHash::NotArgon2id),
            ("$argon2id$v=19$m=19456,t=2,p=1".to_owned(), WeakHash::NotArgon2id),
            ("$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E".to_owned(), WeakHash::NotArgon2id),
        ] {
            assert_eq!(Verifier::from_phc(&wrong).err(), Some(weak), "{wrong}");
        }
    }

    #[tokio::test]
    async fn both_kinds_tell_right_from_wrong() {
        let passwords = Passwords::default();
        let secret = |text: &str| Zeroizing::new(text.to_owned());
        let slow = Verifier::argon2id("correct horse", [1; SALT_OCTETS]).unwrap();
        let quick = Verifier::lab("correct horse", [1; SALT_OCTETS]);
        for verifier in [slow, quick] {
            let again = passwords
                .hash_like(&verifier, secret("correct horse"), [2; 16])
                .await
                .unwrap();
            assert_eq!(verifier.cost(), again.cost());
            for verifier in [verifier, again] {
                assert!(
                    passwords
                        .verify(&verifier, secret("correct horse"))
                        .await
                        .unwrap()
                );
                for wrong in ["", "correct", "correct horsf", "correct horse "] {
                    assert!(
                        !passwords.verify(&verifier, secret(wrong)).await.unwrap(),
                        "{wrong}"
                    );
                }
            }
        }
    }

    /// Larger, smaller and used memory: the verdict is the library's own.
    #[test]
    fn used_memory_changes_no_verdict() {
        use argon2::PasswordVerifier as _;
        let mut blocks = Vec::new();
        for (memory_kib, passes) in [(64, 1), (512, 2), (8, 3), (512, 1)] {
            let params = Params::new(memory_kib, passes, 1, None).unwrap();
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let hash: phc::PasswordHash = argon2
                .hash_password_with_salt(b"correct horse", &[7; SALT_OCTETS])
                .unwrap();
            for password in ["correct horse", "correct horsf", ""] {
                let theirs = argon2.verify_password(password.as_bytes(), &hash).is_ok();
                let ours = matches(&hash, password.as_bytes(), &mut blocks).unwrap();
                assert_eq!(ours, theirs, "{password} {memory_kib}");
            }
        }
    }
}
