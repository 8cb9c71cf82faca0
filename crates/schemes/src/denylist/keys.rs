//! Under which keys a denylist is stored.

use authbench_core::{Digest, LoginId, SubjectId};

const INLINE: usize = 15;

/// The entry that ends one login of `subject`: the login's handle as it is,
/// and the subject. The handle is random and comes from a token whose
/// signature was verified (or from a list), so it needs no hash to be spread
/// evenly; the subject is in the key so that whoever revokes a stranger's
/// handle neither ends that login nor stands in the way of who does.
pub(super) fn login(subject: &SubjectId, login: LoginId) -> Digest {
    let mut key = [0; 32];
    key[..16].copy_from_slice(&login.0);
    let text = subject.as_str().as_bytes();
    // The last octet tells a short subject from a digest: 0 to 15 is its
    // length, 255 a digest.
    if text.len() <= INLINE {
        key[16..16 + text.len()].copy_from_slice(text);
        key[31] = u8::try_from(text.len()).unwrap_or(u8::MAX);
    } else {
        key[16..31].copy_from_slice(&Digest::of(subject.as_str()).0[..INLINE]);
        key[31] = u8::MAX;
    }
    Digest(key)
}

/// The longest subject that is in the key of its cut-off as it is.
const CUT_OFF_INLINE: usize = 22;

/// The last octet of a cut-off's key is this and the subject's length: no entry
/// of a login ends so.
const CUT_OFF_MARK: u8 = 128;

/// The cut-off of `subject`. Each request looks it up, so a short subject is
/// not digested: the key is the subject itself behind eight octets that spread
/// keys evenly. Subjects are made by the server (see [`SubjectId`]), so nobody
/// chooses them to make keys meet in one place; if some did, they would be slow
/// and not mistaken for each other.
pub(super) fn cut_off(subject: &SubjectId) -> Digest {
    let text = subject.as_str().as_bytes();
    if text.len() > CUT_OFF_INLINE {
        return Digest::of(&format!("authbench denylist cut-off 1 {subject}"));
    }
    let mut key = [0; 32];
    key[..8].copy_from_slice(&spread(text).to_le_bytes());
    key[8..8 + text.len()].copy_from_slice(text);
    key[31] = CUT_OFF_MARK + u8::try_from(text.len()).unwrap_or_default();
    Digest(key)
}

/// FNV-1a over eight octets at a time, and the finaliser of SplitMix64, without
/// which the upper bits would hardly differ.
fn spread(text: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ text.len() as u64;
    for chunk in text.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(0x0000_0100_0000_01b3);
        hash ^= hash >> 29;
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_subjects_share_an_entry() {
        let handle = LoginId([9; 16]);
        let mut keys = HashSet::new();
        for length in 0..40 {
            for letter in ["a", "b", "\0"] {
                let subject = SubjectId::new(&letter.repeat(length));
                let fresh = keys.insert(login(&subject, handle)) & keys.insert(cut_off(&subject));
                assert!(fresh || length == 0);
            }
        }
    }

    /// Tables take the first octets for a hash: neighbours must lie far apart.
    #[test]
    fn cut_offs_are_spread_evenly() {
        let mut shards = [0_u32; 64];
        let mut prefixes = HashSet::new();
        for n in 0..64_000 {
            let key = cut_off(&SubjectId::new(&format!("acct-{n:06}")));
            assert!(prefixes.insert(key.prefix()));
            shards[(key.prefix() % 64) as usize] += 1;
        }
        // 1000 are expected in each, with a deviation of 32.
        assert!(
            shards.iter().all(|count| (800..1200).contains(count)),
            "{shards:?}"
        );
    }
}
