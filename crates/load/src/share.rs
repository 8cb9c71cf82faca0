//! A part of a load: one driver's of several, on one machine (its threads) or
//! on many (shards).

use serde::{Deserialize, Serialize};

/// Which virtual users are whose: user `n` belongs to the share whose `index`
/// is `n` modulo `of`, and an arrival to the share of its user. So the
/// arrivals and users of all shares together are those of the whole, each
/// exactly once.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// Its number, below `of`.
    index: u32,
    /// How many there are, at least 1.
    of: u32,
}

impl Share {
    /// All of it.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Share `index` of `of`; `None` unless `index` is below `of`.
    #[must_use]
    pub const fn new(index: u32, of: u32) -> Option<Self> {
        if index < of {
            Some(Self { index, of })
        } else {
            None
        }
    }

    /// Its number, from 0.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.index
    }

    /// How many there are.
    #[must_use]
    pub const fn of(self) -> u32 {
        self.of
    }

    /// Share `index` of `of` parts of this share; `None` unless `index` is
    /// below `of` and the parts can be numbered.
    #[must_use]
    pub const fn part(self, index: u32, of: u32) -> Option<Self> {
        // User n is of this share: n = index + k * self.of. Its part takes
        // those k that are `index` modulo `of`.
        match (self.of.checked_mul(of), index.checked_mul(self.of)) {
            (Some(all), Some(before)) if index < of => Self::new(self.index + before, all),
            _ => None,
        }
    }

    /// Whether the user belongs to it.
    #[must_use]
    pub const fn has(self, user: u32) -> bool {
        user % self.of == self.index
    }

    /// How many of `users` users (numbered from 0) belong to it.
    #[must_use]
    pub const fn count(self, users: u32) -> u32 {
        users / self.of + (self.index < users % self.of) as u32
    }

    /// The number, among all users, of its own `n`-th user.
    #[must_use]
    pub const fn user(self, n: u32) -> u32 {
        self.index + n * self.of
    }
}

impl Default for Share {
    fn default() -> Self {
        Self::WHOLE
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn shares_and_their_parts_are_the_whole(users in 0_u32..500, of in 1_u32..9, parts in 1_u32..5) {
            let mut seen = vec![0; users as usize];
            for index in 0..of {
                let share = Share::new(index, of).unwrap();
                prop_assert_eq!(
                    (0..users).filter(|user| share.has(*user)).count() as u32,
                    share.count(users)
                );
                for part in 0..parts {
                    let part = share.part(part, parts).unwrap();
                    for n in 0..part.count(users) {
                        let user = part.user(n);
                        prop_assert!(part.has(user) && share.has(user));
                        seen[user as usize] += 1;
                    }
                }
            }
            prop_assert!(seen.iter().all(|times| *times == 1));
        }
    }

    #[test]
    fn there_is_no_share_beyond_the_last() {
        assert_eq!(Share::new(2, 2), None);
        assert_eq!(Share::WHOLE.part(3, 3), None);
        assert_eq!(Share::new(1, 2).unwrap().part(0, u32::MAX), None);
    }
}
