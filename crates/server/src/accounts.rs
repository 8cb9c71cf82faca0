//! Who can log in: names, passwords, roles. Shared by the replicas of one
//! process; changes live as long as the process, or in a journal that replicas
//! in several processes share ([`Accounts::with_journal`]).

mod demo;
mod file;
mod journal;
mod lab;
mod password;

use std::collections::HashMap;
use std::path::Path;

use authbench_conf::ConfError;
use authbench_core::account::AccountFuture;
use authbench_core::{
    AccountDirectory, AccountState, Entropy, EntropyError, LoginId, Roles, Subject, SubjectId,
    UnixMs,
};
use parking_lot::{Mutex, RwLock};
use zeroize::Zeroizing;

pub use demo::DemoUser;
pub use journal::JournalError;
pub use lab::LAB_ROLES_MAX;
pub(crate) use password::PASSWORD_CHARS;
pub use password::PasswordError;

use journal::{Entry, Journal};
use lab::Pattern;
use password::{Passwords, Verifier};

/// The accounts of a server.
pub struct Accounts {
    /// By name; an account of the pattern enters it when it is first changed.
    table: RwLock<Table>,
    /// The names of those that were in the table from the start.
    names: HashMap<SubjectId, String>,
    pattern: Option<Pattern>,
    notes: Mutex<HashMap<SubjectId, String>>,
    passwords: Passwords,
    journal: Option<Journal>,
    /// Checked in place of the password of somebody who does not exist, so
    /// that the answer takes as long (ASVS 5.0 6.3.8).
    decoy: Verifier,
}

/// One account at one moment.
#[derive(Clone)]
pub(crate) struct Account {
    subject: SubjectId,
    roles: Roles,
    verifier: Verifier,
    barred: bool,
    /// Counts what may make a login with the old password void.
    proof_revision: u32,
    /// The latest of them; none so far.
    proof_changed: Option<ProofChange>,
}

/// A change of what proves an account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProofChange {
    /// When it was made.
    pub(crate) at: UnixMs,
    /// The login that made it and goes on.
    pub(crate) kept: LoginId,
}

/// The accounts could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountsError {
    /// The file is wrong; the source says where.
    #[error("the accounts' file is wrong")]
    File(#[from] ConfError),
    /// No randomness for salts, passwords or subjects.
    #[error("no randomness for the accounts")]
    Entropy(#[from] EntropyError),
    /// More roles than an account of the lab may have.
    #[error(
        "{roles_each} roles are more than the {LAB_ROLES_MAX} that an account of the lab may have"
    )]
    LabRoles {
        /// How many were asked for.
        roles_each: u16,
    },
    /// A password could not be hashed.
    #[error("an account's password could not be hashed")]
    Password(#[from] PasswordError),
}

impl Account {
    fn new(subject: SubjectId, roles: Roles, verifier: Verifier) -> Self {
        Self {
            subject,
            roles,
            verifier,
            barred: false,
            proof_revision: 0,
            proof_changed: None,
        }
    }

    /// The account as strategies know it.
    pub(crate) fn subject(&self) -> Subject {
        Subject {
            id: self.subject.clone(),
            roles: self.roles.clone(),
        }
    }

    /// Whether the password that opened `earlier` still opens this account.
    pub(crate) fn still_proved_by(&self, earlier: &Self) -> bool {
        !self.barred && self.proof_revision == earlier.proof_revision
    }
}

impl Accounts {
    fn new(
        listed: impl IntoIterator<Item = (String, Account)>,
        pattern: Option<Pattern>,
        decoy: Verifier,
    ) -> Self {
        let table: HashMap<_, _> = listed.into_iter().collect();
        let names = table
            .iter()
            .map(|(name, account)| (account.subject.clone(), name.clone()))
            .collect();
        Self {
            table: RwLock::new(table),
            names,
            pattern,
            notes: Mutex::default(),
            passwords: Passwords::default(),
            journal: None,
            decoy,
        }
    }

    /// The same accounts with the changes that stand in the file at `path`, to
    /// which they add theirs: so do replicas in several processes have the same
    /// accounts. They must have begun with the same. The file is made if it is
    /// missing. While it cannot be read or written nobody is found, and nothing
    /// changes.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be used.
    pub fn with_journal(mut self, path: &Path) -> Result<Self, JournalError> {
        self.journal = Some(Journal::open(path)?);
        self.catch_up()?;
        Ok(self)
    }

    /// Whether some of them have passwords without a slow hash, so that only
    /// a lab server may serve them.
    #[must_use]
    pub fn lab_only(&self) -> bool {
        self.pattern.is_some()
    }

    /// The account that `name` and `password` open. Nobody learns whether the
    /// name, the password or the account's state was to blame, not by time
    /// either.
    pub(crate) async fn prove(
        &self,
        name: &str,
        password: Zeroizing<String>,
    ) -> Result<Option<Account>, PasswordError> {
        let account = self.find(name);
        let verifier = account
            .as_ref()
            .map_or(&self.decoy, |found| &found.verifier);
        let right = self.passwords.verify(verifier, password).await?;
        Ok(account.filter(|found| right && !found.barred))
    }

    /// A verifier for `password` in place of the account's present one, of the
    /// same kind.
    pub(crate) async fn hash_for(
        &self,
        account: &Account,
        password: Zeroizing<String>,
        entropy: &dyn Entropy,
    ) -> Result<Verifier, PasswordError> {
        let mut salt = [0; password::SALT_OCTETS];
        entropy.fill(&mut salt)?;
        self.passwords
            .hash_like(&account.verifier, password, salt)
            .await
    }

    /// The account of this name as it is now, barred or not.
    pub(crate) fn find(&self, name: &str) -> Option<Account> {
        self.catch_up().or_fail_closed()?;
        if let Some(account) = self.table.read().get(name) {
            return Some(account.clone());
        }
        self.pattern.as_ref()?.account(name)
    }

    /// The name of the account with this subject.
    pub(crate) fn name_of(&self, subject: &SubjectId) -> Option<String> {
        match self.names.get(subject) {
            Some(name) => Some(name.clone()),
            None => self.pattern.as_ref()?.name_of(subject),
        }
    }

    /// Puts a new password in the place of the one that opened `proved`; false
    /// if that one no longer opens the account.
    pub(crate) fn change_password(
        &self,
        name: &str,
        proved: &Account,
        new: Verifier,
        change: ProofChange,
    ) -> bool {
        self.change(name, |account| {
            let still = account.still_proved_by(proved);
            if still {
                account.verifier = new;
                account.proof_revision += 1;
                account.proof_changed = Some(change);
            }
            still
        })
        .unwrap_or(false)
    }

    /// Keeps the account from logging in; its subject, if there is one.
    pub(crate) fn bar(&self, name: &str) -> Option<SubjectId> {
        self.change(name, |account| {
            account.barred = true;
            account.subject.clone()
        })
    }

    /// Gives the account new roles; what strategies are to know of it now, if
    /// there is one.
    pub(crate) fn change_roles(&self, name: &str, roles: Roles) -> Option<Subject> {
        self.change(name, |account| {
            account.roles = roles;
            account.subject()
        })
    }

    /// Replaces the subject's note; false if that could not be kept.
    pub(crate) fn set_note(&self, subject: &SubjectId, note: &str) -> bool {
        self.keep_note(subject, note).or_fail_closed().is_some()
    }

    /// The subject's note; none was written so far.
    pub(crate) fn note(&self, subject: &SubjectId) -> Option<String> {
        self.catch_up().or_fail_closed()?;
        self.notes.lock().get(subject).cloned()
    }

    fn keep_note(&self, subject: &SubjectId, note: &str) -> Result<(), JournalError> {
        let (subject, note) = (subject.clone(), note.to_owned());
        if let Some(journal) = &self.journal {
            let mut table = self.table.write();
            let alone = journal.alone()?;
            self.read_news(journal, &mut table)?;
            let (subject, note) = (subject.clone(), note.clone());
            alone.append(&Entry::Note { subject, note })?;
        }
        self.notes.lock().insert(subject, note);
        Ok(())
    }

    fn change<T>(&self, name: &str, change: impl FnOnce(&mut Account) -> T) -> Option<T> {
        self.try_change(name, change).or_fail_closed().flatten()
    }

    /// Changes the account in one step, for all replicas if there is a journal.
    fn try_change<T>(
        &self,
        name: &str,
        change: impl FnOnce(&mut Account) -> T,
    ) -> Result<Option<T>, JournalError> {
        let mut table = self.table.write();
        let alone = match &self.journal {
            None => None,
            Some(journal) => {
                let alone = journal.alone()?;
                self.read_news(journal, &mut table)?;
                Some(alone)
            }
        };
        let derived = || self.pattern.as_ref()?.account(name);
        let Some(mut account) = table.get(name).cloned().or_else(derived) else {
            return Ok(None);
        };
        let outcome = change(&mut account);
        if let Some(alone) = alone {
            alone.append(&Entry::account(name, &account))?;
        }
        table.insert(name.to_owned(), account);
        Ok(Some(outcome))
    }

    /// Reads what other replicas have changed.
    fn catch_up(&self) -> Result<(), JournalError> {
        match &self.journal {
            Some(journal) if journal.has_news()? => {
                self.read_news(journal, &mut self.table.write())
            }
            _ => Ok(()),
        }
    }

    fn read_news(&self, journal: &Journal, table: &mut Table) -> Result<(), JournalError> {
        for entry in journal.news()? {
            match entry {
                Entry::Account(changed) => {
                    let (name, account) = changed.into_account()?;
                    table.insert(name, account);
                }
                Entry::Note { subject, note } => {
                    self.notes.lock().insert(subject, note);
                }
            }
        }
        Ok(())
    }
}

type Table = HashMap<String, Account>;

/// What depends on a journal that cannot be used.
trait OrFailClosed<T> {
    /// Logs the error; none then.
    fn or_fail_closed(self) -> Option<T>;
}

impl<T> OrFailClosed<T> for Result<T, JournalError> {
    fn or_fail_closed(self) -> Option<T> {
        self.inspect_err(|error| {
            let error: &(dyn std::error::Error + 'static) = error;
            tracing::error!(error, "the accounts cannot be told");
        })
        .ok()
    }
}

/// What schemes ask before they renew a login without a password. Accounts are
/// in memory, so they always answer.
impl AccountDirectory for Accounts {
    fn account<'a>(&'a self, subject: &'a SubjectId) -> AccountFuture<'a> {
        let found = self.name_of(subject).and_then(|name| self.find(&name));
        let state = found.map(|account| AccountState {
            roles: account.roles,
            active: !account.barred,
            proof_changed_at: account.proof_changed.map_or(UnixMs(0), |change| change.at),
            kept: account.proof_changed.map(|change| change.kept),
        });
        Box::pin(std::future::ready(Ok(state)))
    }
}

#[cfg(test)]
mod tests;
