//! The account that logs in.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// Names an account for ever: opaque, never re-used after deletion, and not
/// the name that its owner types. Up to 24 octets are held without a heap
/// allocation.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct SubjectId(CompactString);

impl SubjectId {
    /// An identifier with this text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(CompactString::new(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for SubjectId {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of role names, sorted, without repeats. Clones share one allocation.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(from = "Vec<CompactString>")]
pub struct Roles(Arc<[CompactString]>);

impl Roles {
    /// Whether `role` is among them; exact, case counts.
    #[must_use]
    pub fn contains(&self, role: &str) -> bool {
        self.0
            .binary_search_by(|held| held.as_str().cmp(role))
            .is_ok()
    }

    /// The names in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(CompactString::as_str)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Default for Roles {
    fn default() -> Self {
        Self(Arc::from([]))
    }
}

impl From<Vec<CompactString>> for Roles {
    fn from(mut names: Vec<CompactString>) -> Self {
        if !names.is_sorted_by(|a, b| a < b) {
            names.sort_unstable();
            names.dedup();
        }
        Self(names.into())
    }
}

impl<S: AsRef<str>> FromIterator<S> for Roles {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        names
            .into_iter()
            .map(|name| CompactString::new(name))
            .collect::<Vec<_>>()
            .into()
    }
}

/// The account that logs in, as far as a strategy must know it. Profile data
/// stays with the account: no credential carries it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subject {
    /// Which account.
    pub id: SubjectId,
    /// What it may do at present.
    pub roles: Roles,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_a_set() {
        let roles: Roles = ["user", "admin", "user"].into_iter().collect();
        assert_eq!(roles.iter().collect::<Vec<_>>(), ["admin", "user"]);
        assert!(roles.contains("user") && !roles.contains("User"));
        assert!(Roles::default().is_empty());
    }
}
