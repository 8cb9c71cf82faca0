//! Accounts for load runs, many and cheap: their passwords are public and
//! their check costs nothing that would drown what is being measured.

use authbench_core::{Entropy, Roles, SubjectId};

use super::password::{SALT_OCTETS, Verifier};
use super::{Account, Accounts, AccountsError};

impl Accounts {
    /// The lab's accounts, for a server with `lab` only:
    ///
    /// - `count` accounts `user-000000`, `user-000001`, .. with the passwords
    ///   `lab-password-000000`, .., the subjects `acct-000000`, .. and the
    ///   role `user`, without a slow hash. They take no memory until changed.
    /// - `hashed_count` accounts beside them, `hashed-000000`, .. with the same
    ///   passwords, the subjects `hash-000000`, .., the role `user` and real
    ///   Argon2id hashes, which are computed here: some 20 ms of a core each.
    /// - `admin` with the password `lab-password-admin`, the subject
    ///   `acct-admin` and the roles `admin` and `user`, without a slow hash.
    ///
    /// # Errors
    /// [`AccountsError`] when salts or hashes could not be made.
    pub fn lab(
        count: u32,
        hashed_count: u32,
        entropy: &dyn Entropy,
    ) -> Result<Self, AccountsError> {
        let pattern = Pattern {
            count,
            roles: [USER].into_iter().collect(),
        };
        let admin = Account::new(
            SubjectId::new("acct-admin"),
            [ADMIN, USER].into_iter().collect(),
            Verifier::lab("lab-password-admin", PATTERN_SALT),
        );
        let mut listed = vec![(ADMIN.to_owned(), admin)];
        for n in 0..hashed_count {
            let mut salt = [0; SALT_OCTETS];
            entropy.fill(&mut salt)?;
            let verifier = Verifier::argon2id(&password(n), salt)?;
            let subject = SubjectId::new(&format!("hash-{n:06}"));
            let account = Account::new(subject, pattern.roles.clone(), verifier);
            listed.push((format!("hashed-{n:06}"), account));
        }
        let decoy = Verifier::lab("nobody", PATTERN_SALT);
        Ok(Self::new(listed, Some(pattern), decoy))
    }
}

const ADMIN: &str = "admin";
const USER: &str = "user";

/// The passwords of the pattern are public: a salt would protect nothing.
const PATTERN_SALT: [u8; SALT_OCTETS] = [0; SALT_OCTETS];

/// Numbered accounts that are made when they are asked for.
pub(super) struct Pattern {
    count: u32,
    roles: Roles,
}

impl Pattern {
    /// The account of this name, as it is before any change.
    pub(super) fn account(&self, name: &str) -> Option<Account> {
        let n = self.number(name, "user-")?;
        Some(Account::new(
            SubjectId::new(&format!("acct-{n:06}")),
            self.roles.clone(),
            Verifier::lab(&password(n), PATTERN_SALT),
        ))
    }

    pub(super) fn name_of(&self, subject: &SubjectId) -> Option<String> {
        let n = self.number(subject.as_str(), "acct-")?;
        Some(format!("user-{n:06}"))
    }

    /// The number in `text`, if it has exactly the form that we give it.
    fn number(&self, text: &str, prefix: &str) -> Option<u32> {
        let digits = text.strip_prefix(prefix)?;
        let n = digits.parse().ok()?;
        (n < self.count && format!("{n:06}") == digits).then_some(n)
    }
}

fn password(n: u32) -> String {
    format!("lab-password-{n:06}")
}
