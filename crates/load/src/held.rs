//! The credentials that a user holds.

use std::fmt;

/// An access credential as requests carry it, and a refresh token: both in one
/// buffer that is exactly as long as they are. There is one buffer for each
/// user and not one for all, because credentials change their length when they
/// are renewed, and a hole in the middle of a large buffer helps nobody; one
/// that keeps its length is written over in place.
#[derive(Clone, Default)]
pub(crate) struct Held {
    octets: Box<[u8]>,
    access_bytes: u32,
}

impl Held {
    /// The access credential; empty if there is none.
    pub(crate) fn access(&self) -> &[u8] {
        &self.octets[..self.access_bytes as usize]
    }

    /// The refresh token; empty if there is none.
    pub(crate) fn refresh(&self) -> &[u8] {
        &self.octets[self.access_bytes as usize..]
    }

    /// Holds these instead.
    pub(crate) fn replace(&mut self, access: &[u8], refresh: &[u8]) {
        if self.octets.len() == access.len() + refresh.len() {
            let (first, second) = self.octets.split_at_mut(access.len());
            first.copy_from_slice(access);
            second.copy_from_slice(refresh);
        } else {
            self.octets = [access, refresh].concat().into();
        }
        // No answer is as long as 4 GiB.
        self.access_bytes = access.len() as u32;
    }

    /// Holds another access credential.
    pub(crate) fn replace_access(&mut self, access: &[u8]) {
        if access.len() == self.access_bytes as usize {
            self.octets[..access.len()].copy_from_slice(access);
        } else {
            self.octets = [access, self.refresh()].concat().into();
            self.access_bytes = access.len() as u32;
        }
    }
}

impl fmt::Debug for Held {
    /// Shows no credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held")
            .field("access_bytes", &self.access_bytes)
            .field("refresh_bytes", &self.refresh().len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_put_in_comes_out(steps in proptest::collection::vec(("[a-c]{0,4}", proptest::option::of("[d-f]{0,4}")), 1..9)) {
            let (mut held, mut refresh_held) = (Held::default(), String::new());
            for (access, refresh) in steps {
                match refresh {
                    Some(refresh) => {
                        held.replace(access.as_bytes(), refresh.as_bytes());
                        refresh_held = refresh;
                    }
                    None => held.replace_access(access.as_bytes()),
                }
                prop_assert_eq!(held.access(), access.as_bytes());
                prop_assert_eq!(held.refresh(), refresh_held.as_bytes());
            }
        }
    }
}
