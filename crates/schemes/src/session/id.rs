//! Session identifiers: what the client holds, and what the store keeps of it.
//!
//! A fixed identifier is the name of its record. One that rotates has two
//! halves: the first names the record and stays, the second opens it and
//! changes. So a rotation is one compare-and-swap of one record: of two
//! rotations one wins, no revocation can come between, and no moment has two
//! records, or none, of one login.

use authbench_core::{Digest, Entropy, EntropyError, Record, Refusal, Secret};
use base64_simd::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// Characters of a fixed session id: 256 bits in base64url (ASVS 5.0 7.2.3
/// asks for 128 bits).
pub const ID_CHARS: usize = 43;

/// Characters of an id that rotates: two halves of 144 bits each. 144 is the
/// least that is enough for each half and fills whole characters.
pub const ROTATING_ID_CHARS: usize = 2 * HALF_CHARS;

const HALF_CHARS: usize = 24;
const HALF_OCTETS: usize = HALF_CHARS / 4 * 3;

/// What the store knows of an id.
pub(super) struct Name {
    /// Where the record is.
    pub(super) key: Digest,
    /// What the record must say, if the id rotates: the digest of the whole.
    proof: Option<Digest>,
}

impl Name {
    /// Reads what was presented. The text is hashed as it is, so another
    /// spelling of an id finds or opens nothing (ASVS 5.0 7.2.1).
    pub(super) fn read(text: Option<&str>, rotates: bool) -> Result<Self, Refusal> {
        let text = text.ok_or(Refusal::Missing)?;
        let chars = if rotates { ROTATING_ID_CHARS } else { ID_CHARS };
        if text.len() == chars && URL_SAFE_NO_PAD.check(text.as_bytes()).is_ok() {
            Ok(Self::of(text, rotates))
        } else {
            Err(Refusal::Malformed)
        }
    }

    /// `text` is an id: nothing but ASCII.
    fn of(text: &str, rotates: bool) -> Self {
        if rotates {
            Self {
                key: Digest::of(&text[..HALF_CHARS]),
                proof: Some(Digest::of(text)),
            }
        } else {
            Self {
                key: Digest::of(text),
                proof: None,
            }
        }
    }

    /// Whether the id opens `record`, which was found under its key. What is
    /// compared are digests: how far two of them agree tells nobody anything
    /// about the text that another one was made of.
    pub(super) fn opens(&self, record: &Record) -> bool {
        match &self.proof {
            Some(proof) => record.payload[..] == proof.0,
            None => record.payload.is_empty(),
        }
    }

    /// What the record must say for this id to open it.
    pub(super) fn payload(&self) -> Box<[u8]> {
        self.proof
            .as_ref()
            .map_or_else(Box::default, |proof| Box::from(proof.0))
    }
}

/// A fresh id.
pub(super) fn fresh(entropy: &impl Entropy, rotates: bool) -> Result<(Secret, Name), EntropyError> {
    let mut octets = Zeroizing::new([0; 2 * HALF_OCTETS]);
    let octets = if rotates {
        &mut octets[..]
    } else {
        &mut octets[..32]
    };
    entropy.fill(octets)?;
    let text = URL_SAFE_NO_PAD.encode_to_string(octets);
    let name = Name::of(&text, rotates);
    Ok((Secret::new(text), name))
}

/// A fresh id for the record that `old`, a rotating id, names.
pub(super) fn successor(entropy: &impl Entropy, old: &str) -> Result<(Secret, Name), EntropyError> {
    let mut octets = Zeroizing::new([0; HALF_OCTETS]);
    entropy.fill(octets.as_mut_slice())?;
    let mut text = String::with_capacity(ROTATING_ID_CHARS);
    text.push_str(&old[..HALF_CHARS]);
    URL_SAFE_NO_PAD.encode_append(octets.as_slice(), &mut text);
    let name = Name::of(&text, true);
    Ok((Secret::new(text), name))
}
