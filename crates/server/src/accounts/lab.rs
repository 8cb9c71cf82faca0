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
        Self::lab_with_roles(count, hashed_count, 1, entropy)
    }

    /// The same, but each account has `roles_each` roles in all, so that
    /// credentials which carry them grow by 16 octets or so with each: `user`,
    /// `role-0001`, `role-0002`, ..; `admin` has one more. At most
    /// [`LAB_ROLES_MAX`]; 0 is taken for 1.
    ///
    /// # Errors
    /// As [`Accounts::lab`], and [`AccountsError::LabRoles`].
    pub fn lab_with_roles(
        count: u32,
        hashed_count: u32,
        roles_each: u16,
        entropy: &dyn Entropy,
    ) -> Result<Self, AccountsError> {
        if roles_each > LAB_ROLES_MAX {
            return Err(AccountsError::LabRoles { roles_each });
        }
        let pattern = Pattern {
            count,
            roles: roles([USER], roles_each),
        };
        let admin = Account::new(
            SubjectId::new("acct-admin"),
            roles([ADMIN, USER], roles_each),
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

    /// Adds the account `large` with the password `lab-password-large`, the
    /// subject `acct-large` and this many roles, the first of them `user`: what
    /// the largest credential is like. Without a slow hash; for a lab server
    /// only.
    ///
    /// # Errors
    /// [`AccountsError::LabRoles`] beyond [`LAB_ROLES_MAX`].
    pub fn with_large(mut self, roles_large: u16) -> Result<Self, AccountsError> {
        if roles_large > LAB_ROLES_MAX {
            return Err(AccountsError::LabRoles {
                roles_each: roles_large,
            });
        }
        let subject = SubjectId::new("acct-large");
        let verifier = Verifier::lab("lab-password-large", PATTERN_SALT);
        let account = Account::new(subject.clone(), roles([USER], roles_large), verifier);
        self.names.insert(subject, LARGE.to_owned());
        self.table.get_mut().insert(LARGE.to_owned(), account);
        Ok(self)
    }
}

/// The most roles of an account of the lab: as a JWT some 8 KiB, two cookies or
/// half a request's head.
pub const LAB_ROLES_MAX: u16 = 500;

const ADMIN: &str = "admin";
const USER: &str = "user";
const LARGE: &str = "large";

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

/// The roles `named` and as many numbered ones as make `each` with one of them.
fn roles<const N: usize>(named: [&str; N], each: u16) -> Roles {
    let numbered = (1..each).map(|n| format!("role-{n:04}"));
    named
        .map(str::to_owned)
        .into_iter()
        .chain(numbered)
        .collect()
}

fn password(n: u32) -> String {
    format!("lab-password-{n:06}")
}
