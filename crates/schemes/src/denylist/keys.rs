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

/// The cut-off of `subject`.
pub(super) fn cut_off(subject: &SubjectId) -> Digest {
    Digest::of(&format!("authbench denylist cut-off 1 {subject}"))
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
                let fresh = keys.insert(login(&SubjectId::new(&letter.repeat(length)), handle));
                assert!(fresh || length == 0);
            }
        }
    }
}
