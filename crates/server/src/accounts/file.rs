//! Accounts from a file.

use std::collections::HashSet;
use std::path::Path;

use authbench_conf::{ConfError, Located};
use authbench_core::{Entropy, Roles, SubjectId};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::demo::{costliest, random_subject};
use super::password::{PASSWORD_CHARS, SALT_OCTETS, Verifier};
use super::{Account, Accounts, AccountsError};

impl Accounts {
    /// Reads accounts from a file:
    ///
    /// ```toml
    /// [[user]]
    /// name = "alice"
    /// # Opaque and stable; random at each start if left out, so give one
    /// # where logins outlive the process.
    /// subject = "7Q4c0a2x"
    /// roles = ["user"]
    /// # Either a PHC string, at least as strong as Argon2id with m=19456,t=2,p=1 ..
    /// password_hash = "$argon2id$v=19$m=19456,t=2,p=1$..$.."
    ///
    /// [[user]]
    /// name = "bob"
    /// # .. or, for trying out, the password itself (8 to 128 characters).
    /// password = "correct horse battery"
    /// ```
    ///
    /// # Errors
    /// [`AccountsError::File`] with file, line and column: beside what is
    /// wrong in any file, a name or subject given twice, not exactly one of
    /// `password` and `password_hash`, a password too short, a hash too weak.
    pub fn read(file: &Path, entropy: &dyn Entropy) -> Result<Self, AccountsError> {
        Self::from_entries(file, authbench_conf::read(file)?, entropy)
    }

    /// Reads accounts from text as [`Accounts::read`] does; `file` is named in
    /// errors.
    ///
    /// # Errors
    /// As [`Accounts::read`].
    pub fn parse(file: &Path, text: &str, entropy: &dyn Entropy) -> Result<Self, AccountsError> {
        Self::from_entries(file, authbench_conf::parse(file, text)?, entropy)
    }

    fn from_entries(
        file: &Path,
        users: Users,
        entropy: &dyn Entropy,
    ) -> Result<Self, AccountsError> {
        let mut listed = Vec::new();
        let (mut names, mut subjects) = (HashSet::new(), HashSet::new());
        for entry in users.user {
            if entry.name.value.is_empty() {
                return Err(ConfError::semantic(file, &entry.name, "`name` is empty").into());
            }
            if !names.insert(entry.name.value.clone()) {
                return Err(ConfError::semantic(file, &entry.name, "a name given twice").into());
            }
            let subject = match &entry.subject {
                Some(text) if text.value.is_empty() => {
                    return Err(ConfError::semantic(file, text, "`subject` is empty").into());
                }
                Some(text) => SubjectId::new(&text.value),
                None => random_subject(entropy)?,
            };
            if !subjects.insert(subject.clone()) {
                let at = entry.subject.as_ref().unwrap_or(&entry.name);
                return Err(ConfError::semantic(file, at, "a subject given twice").into());
            }
            let verifier = verifier(file, &entry, entropy)?;
            listed.push((
                entry.name.value,
                Account::new(subject, entry.roles, verifier),
            ));
        }
        let decoy = costliest(&listed)?;
        Ok(Self::new(listed, None, decoy))
    }
}

#[derive(Deserialize)]
struct Users {
    user: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: Located<String>,
    #[serde(default)]
    subject: Option<Located<String>>,
    #[serde(default)]
    password: Option<Located<Password>>,
    #[serde(default)]
    password_hash: Option<Located<String>>,
    #[serde(default)]
    roles: Roles,
}

/// Wiped when dropped.
#[derive(Deserialize)]
#[serde(from = "String")]
struct Password(Zeroizing<String>);

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

fn verifier(file: &Path, entry: &Entry, entropy: &dyn Entropy) -> Result<Verifier, AccountsError> {
    let wrong = match (&entry.password, &entry.password_hash) {
        (Some(password), None) => {
            let text = &password.value.0;
            if PASSWORD_CHARS.contains(&text.chars().count()) {
                let mut salt = [0; SALT_OCTETS];
                entropy.fill(&mut salt)?;
                return Ok(Verifier::argon2id(text, salt)?);
            }
            ConfError::semantic(file, password, "`password` must have 8 to 128 characters")
        }
        (None, Some(hash)) => match Verifier::from_phc(&hash.value) {
            Ok(verifier) => return Ok(verifier),
            Err(weak) => ConfError::semantic(file, hash, weak.to_string()),
        },
        _ => ConfError::semantic(
            file,
            &entry.name,
            "an account needs either `password` or `password_hash`",
        ),
    };
    Err(wrong.into())
}
