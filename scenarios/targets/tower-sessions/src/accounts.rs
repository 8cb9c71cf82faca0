//! The lab's accounts. Their passwords are kept as plain SHA-256 digests, so
//! that a login costs what the library under test makes it cost. That is for
//! the lab alone: a real app hashes passwords with Argon2id or bcrypt.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use sha2::{Digest as _, Sha256};

const COUNT: u32 = 1000;

/// Somebody who can log in.
#[derive(Clone)]
pub struct Account {
    pub subject: String,
    pub roles: Vec<String>,
    pub disabled: bool,
    pub note: String,
    password: [u8; 32],
}

/// All of them, by the name that they type.
#[derive(Clone)]
pub struct Accounts(Arc<RwLock<HashMap<String, Account>>>);

impl Accounts {
    pub fn new() -> Self {
        let count = std::env::var("LAB_USERS").ok();
        let count = count.and_then(|count| count.parse().ok()).unwrap_or(COUNT);
        let numbered = (0..count).map(|number| {
            let n = format!("{number:06}");
            (format!("user-{n}"), format!("acct-{n}"), n, "member")
        });
        let admin = ["admin", "acct-admin", "admin"].map(str::to_owned);
        let [user, subject, n] = admin;
        let all = numbered.chain([(user, subject, n, "admin")]);
        let all = all.map(|(user, subject, n, role)| {
            let account = Account {
                subject,
                roles: vec![role.to_owned()],
                disabled: false,
                note: String::new(),
                password: digest(&format!("lab-password-{n}")),
            };
            (user, account)
        });
        Self(Arc::new(RwLock::new(all.collect())))
    }

    pub fn count(&self) -> usize {
        self.0.read().map_or(0, |all| all.len())
    }

    /// The name of the account, if the password is its and it may log in.
    pub fn authenticate(&self, user: &str, password: &str) -> Option<Account> {
        let account = self.get(user)?;
        (account.password == digest(password)).then_some(account)
    }

    /// The account, unless it is barred.
    pub fn get(&self, user: &str) -> Option<Account> {
        let all = self.0.read().ok()?;
        all.get(user).filter(|account| !account.disabled).cloned()
    }

    /// Changes an account; `None` if there is none of this name.
    pub fn change(&self, user: &str, change: impl FnOnce(&mut Account)) -> Option<()> {
        let mut all = self.0.write().ok()?;
        all.get_mut(user).map(change)
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}
