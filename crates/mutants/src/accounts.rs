//! Accounts: twenty thousand by a pattern, an administrator, one with large
//! claims, and those that are made while the server runs.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use serde::{Deserialize, Serialize};

use crate::answer::Refusal;
use crate::app::App;
use crate::kind::GUESSES_MAX;
use crate::random;

/// How many accounts the pattern has.
pub(crate) const PATTERN_COUNT: u32 = 20_000;
/// How many groups the account with large claims is in.
const LARGE_GROUPS: u32 = 60;
/// Few, for this server guards nothing, and checks log in by the thousand.
const ITERATIONS: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);
/// Milliseconds for which wrong passwords are remembered.
const GUESSES_KEPT_MS: u64 = 5 * 60_000;
/// Names whose wrong passwords are counted at once.
const GUESSED_NAMES_MAX: usize = 10_000;

/// A password, in the form in which it is kept.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct PasswordHash {
    salt: [u8; 16],
    hash: [u8; 32],
}

impl PasswordHash {
    pub(crate) fn new(password: &str) -> Result<Self, Refusal> {
        Ok(Self::salted(password, random::octets()?))
    }

    fn salted(password: &str, salt: [u8; 16]) -> Self {
        let mut hash = [0; 32];
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            ITERATIONS,
            &salt,
            password.as_bytes(),
            &mut hash,
        );
        Self { salt, hash }
    }

    /// What a password is compared with where there is no account.
    pub(crate) const fn nobody() -> Self {
        Self {
            salt: [0; 16],
            hash: [0; 32],
        }
    }

    pub(crate) fn fits(&self, password: &str) -> bool {
        pbkdf2::verify(
            pbkdf2::PBKDF2_HMAC_SHA256,
            ITERATIONS,
            &self.salt,
            password.as_bytes(),
            &self.hash,
        )
        .is_ok()
    }
}

/// An account.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Account {
    pub(crate) user: String,
    /// Never used again, not even for the same name (RFC 7519 4.1.2; mutants
    /// of PRIVILEGE-005 sit in [`Accounts::create`]).
    pub(crate) subject: String,
    pub(crate) password: PasswordHash,
    /// Grows with each change of the password.
    pub(crate) password_version: u64,
    pub(crate) roles: Vec<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) email: String,
    pub(crate) note: String,
    pub(crate) disabled: bool,
}

impl Account {
    fn new(user: &str, subject: String, password: PasswordHash, role: &str) -> Self {
        Self {
            user: user.to_owned(),
            subject,
            password,
            password_version: 0,
            roles: vec![role.to_owned()],
            groups: Vec::new(),
            email: format!("{user}@private.example"),
            note: String::new(),
            disabled: false,
        }
    }
}

/// All accounts. They are made when first asked for.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Accounts {
    known: BTreeMap<String, Account>,
    deleted: BTreeSet<String>,
    /// Subject to user, for those made while the server runs.
    owners: BTreeMap<String, String>,
    /// Wrong passwords by name, known or not, and when the last one came.
    guesses: BTreeMap<String, (u32, u64)>,
    /// Numbers tokens and cut-offs in one order; never lost.
    number: u64,
}

impl Accounts {
    /// The next number of the one order of tokens and cut-offs.
    pub(crate) const fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// The account of that name.
    pub(crate) fn by_user(&mut self, user: &str) -> Option<&mut Account> {
        if !self.known.contains_key(user) && !self.deleted.contains(user) {
            let account = first_seen(user)?;
            self.known.insert(user.to_owned(), account);
        }
        self.known.get_mut(user)
    }

    /// The account of that subject.
    pub(crate) fn by_subject(&mut self, subject: &str) -> Option<&mut Account> {
        let user = match self.owners.get(subject) {
            Some(user) => user.clone(),
            None => subject.strip_prefix("acct-").map(|rest| match rest {
                "admin" | "large" => rest.to_owned(),
                number => format!("user-{number}"),
            })?,
        };
        self.by_user(&user)
            .filter(|account| account.subject == subject)
    }

    /// The account of that subject, if it may do anything at all (mutants of
    /// REVOKE-006 and REFRESH-012 sit at the callers).
    pub(crate) fn able(&mut self, subject: &str) -> Option<&mut Account> {
        self.by_subject(subject).filter(|account| !account.disabled)
    }

    /// Makes an account.
    pub(crate) fn create(
        &mut self,
        app: &App,
        user: &str,
        password: PasswordHash,
    ) -> Result<String, Refusal> {
        if self.by_user(user).is_some() {
            return Err(Refusal::Conflict);
        }
        let subject = match app.flaw("M119") {
            true => format!("made-{user}"),
            false => format!("made-{}", random::handle(app)?),
        };
        let account = Account::new(user, subject.clone(), password, "user");
        self.known.insert(user.to_owned(), account);
        self.owners.insert(subject.clone(), user.to_owned());
        Ok(subject)
    }

    /// Removes an account; its subject, if there was one.
    pub(crate) fn delete(&mut self, user: &str) -> Option<String> {
        self.by_user(user)?;
        let account = self.known.remove(user)?;
        self.deleted.insert(user.to_owned());
        self.owners.remove(&account.subject);
        Some(account.subject)
    }

    /// Whether so many wrong passwords came for that name that guessing is
    /// slowed (mutants of PRIVILEGE-006 sit here).
    pub(crate) fn is_guessed(&self, user: &str, now_ms: u64) -> bool {
        self.guesses.get(user).is_some_and(|(count, last_ms)| {
            *count >= GUESSES_MAX && now_ms < last_ms.saturating_add(GUESSES_KEPT_MS)
        })
    }

    /// Counts a wrong password.
    pub(crate) fn guessed(&mut self, user: &str, now_ms: u64) {
        self.guesses
            .retain(|_, (_, last_ms)| now_ms < last_ms.saturating_add(GUESSES_KEPT_MS));
        if self.guesses.len() < GUESSED_NAMES_MAX || self.guesses.contains_key(user) {
            let entry = self.guesses.entry(user.to_owned()).or_default();
            *entry = (entry.0.saturating_add(1), now_ms);
        }
    }

    /// Forgets wrong passwords, for the right one came.
    pub(crate) fn knew(&mut self, user: &str) {
        self.guesses.remove(user);
    }
}

fn first_seen(user: &str) -> Option<Account> {
    // Salted by name: an account that nobody changed is the same everywhere.
    let mut salt = [0; 16];
    for (octet, given) in salt.iter_mut().zip(user.bytes()) {
        *octet = given;
    }
    let known = |password: &str, subject: &str, role: &str| {
        let hash = PasswordHash::salted(password, salt);
        Account::new(user, subject.to_owned(), hash, role)
    };
    match user {
        "admin" => Some(known("lab-password-admin", "acct-admin", "admin")),
        "large" => {
            let mut account = known("lab-password-large", "acct-large", "user");
            account.groups = (0..LARGE_GROUPS).map(|n| format!("group-{n:04}")).collect();
            Some(account)
        }
        _ => {
            let digits = user.strip_prefix("user-").filter(|d| d.len() == 6)?;
            let number: u32 = digits.parse().ok()?;
            (number < PATTERN_COUNT && format!("{number:06}") == digits).then(|| {
                known(
                    &format!("lab-password-{digits}"),
                    &format!("acct-{digits}"),
                    "user",
                )
            })
        }
    }
}
