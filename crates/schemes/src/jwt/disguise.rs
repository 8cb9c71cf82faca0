//! Key files that are no secrets. Whoever takes the file of a public key for
//! an HS256 secret lets everybody sign who can read the public key (RFC 8725
//! 2.1 and 3.1, ASVS 5.0 9.1.1).

use std::fmt;

use memchr::memmem;
use serde::de::IgnoredAny;

/// What octets are that somebody took for an HS256 secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Disguise {
    /// A PEM text (RFC 7468), wherever in the octets it begins.
    Pem,
    /// A JSON text, such as a JWK or a set of them (RFC 7517).
    Json,
    /// One DER structure, such as a public key or a certificate (RFC 5280
    /// 4.1).
    Der,
    /// A public key in the form of OpenSSH (RFC 4253 6.6).
    OpenSsh,
}

impl fmt::Display for Disguise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pem => "a PEM text",
            Self::Json => "a JSON text",
            Self::Der => "a DER structure",
            Self::OpenSsh => "an OpenSSH public key",
        })
    }
}

/// The shortest DER of a public key: that of Ed25519 (RFC 8410 4).
const MIN_DER_OCTETS: usize = 44;

/// What `octets` are, if they are something else than a secret. Of random
/// octets this is true with a probability below 2^-22.
pub(super) fn of(octets: &[u8]) -> Option<Disguise> {
    if memmem::find(octets, b"-----BEGIN ").is_some() {
        return Some(Disguise::Pem);
    }
    if is_der(octets) {
        return Some(Disguise::Der);
    }
    let text = octets.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(octets);
    let text = text.trim_ascii();
    let is_json = text.starts_with(b"{") || text.starts_with(b"[");
    if is_json && serde_json::from_slice::<IgnoredAny>(text).is_ok() {
        return Some(Disguise::Json);
    }
    let is_ssh = text.starts_with(b"ssh-") || text.starts_with(b"ecdsa-sha2-");
    is_ssh.then_some(Disguise::OpenSsh)
}

/// Whether the octets are one SEQUENCE from the first to the last, which
/// begins with a SEQUENCE or an INTEGER, as all keys and certificates do.
fn is_der(octets: &[u8]) -> bool {
    let [0x30, length, rest @ ..] = octets else {
        return false;
    };
    if octets.len() < MIN_DER_OCTETS {
        return false;
    }
    let (length, content) = match (*length, rest) {
        (short @ ..=0x7F, content) => (usize::from(short), content),
        (0x81, [length, content @ ..]) => (usize::from(*length), content),
        (0x82, [high, low, content @ ..]) => {
            (usize::from(u16::from_be_bytes([*high, *low])), content)
        }
        _ => return false,
    };
    content.len() == length && matches!(content.first(), Some(0x30 | 0x02))
}
