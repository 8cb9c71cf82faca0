//! Who can log in.

use serde::Deserialize;

use crate::template::Template;

/// Who can log in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Users {
    /// Accounts one by one.
    #[serde(default)]
    pub list: Vec<User>,
    /// Accounts by a pattern, numbered from 0.
    #[serde(default)]
    pub pattern: Option<UserPattern>,
    /// An account that may administer others.
    #[serde(default)]
    pub admin: Option<User>,
    /// The account with the largest claims that the target allows.
    #[serde(default)]
    pub large: Option<User>,
    /// Texts that are private to the accounts (an e-mail address, a secret
    /// role) and must show in no credential. `{n}` as in `pattern`.
    #[serde(default)]
    pub private: Vec<Template>,
}

/// An account of the target.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The name to type.
    pub user: String,
    /// The password.
    pub password: String,
    /// What `whoami` must answer for this account; what the login answered,
    /// if absent.
    #[serde(default)]
    pub subject: Option<String>,
}

/// Many accounts: `{n}` stands for a number from 0, in six digits.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct UserPattern {
    /// The name to type.
    pub user: Template,
    /// The password.
    pub password: Template,
    /// What `whoami` must answer.
    #[serde(default)]
    pub subject: Option<Template>,
    /// How many there are.
    pub count: u32,
}

impl Users {
    /// Account number `n`: first those of the list, then those of the pattern.
    #[must_use]
    pub fn nth(&self, n: u32) -> Option<User> {
        if let Some(user) = self.list.get(n as usize) {
            return Some(user.clone());
        }
        let n = n - u32::try_from(self.list.len()).ok()?;
        let pattern = self.pattern.as_ref().filter(|pattern| n < pattern.count)?;
        let digits = format!("{n:06}");
        let fill = |template: &Template| template.fill(|_| Some(digits.as_str())).ok();
        Some(User {
            user: fill(&pattern.user)?,
            password: fill(&pattern.password)?,
            subject: pattern.subject.as_ref().and_then(fill),
        })
    }

    /// How many accounts there are, the administrator not counted.
    #[must_use]
    pub fn count(&self) -> u32 {
        let listed = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        listed.saturating_add(self.pattern.as_ref().map_or(0, |pattern| pattern.count))
    }
}
