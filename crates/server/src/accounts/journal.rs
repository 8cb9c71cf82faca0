//! What was changed of the accounts, in a file that the replicas of one service
//! share: each appends what it changes, and reads what others have appended
//! before it decides anything. A change is known to all when it is
//! acknowledged, and outlives the process.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use authbench_core::{LoginId, Roles, SubjectId, UnixMs};
use serde::{Deserialize, Serialize};

use super::password::Verifier;
use super::{Account, ProofChange};

/// One line of the file. It has no debug form: a verifier belongs in no log.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Entry {
    /// An account as it was after a change.
    Account(Box<Changed>),
    /// A note that was replaced.
    Note {
        /// Whose.
        subject: SubjectId,
        /// What it says.
        note: String,
    },
}

/// An account with its name.
#[derive(Deserialize, Serialize)]
pub(super) struct Changed {
    pub(super) name: String,
    subject: SubjectId,
    roles: Roles,
    verifier: String,
    barred: bool,
    proof_revision: u32,
    proof_changed: Option<(UnixMs, LoginId)>,
}

/// The file.
pub(super) struct Journal {
    file: File,
    /// How far it was read. Moved by whoever holds the accounts' table alone.
    read_to: AtomicU64,
}

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The system refuses.
    #[error("the accounts' journal cannot be read or written")]
    Io(#[from] io::Error),
    /// A line is no entry.
    #[error("the accounts' journal has a line that is no entry")]
    Line(#[from] serde_json::Error),
    /// A password's hash is none that would be made.
    #[error("the accounts' journal has a hash that is not acceptable")]
    Hash(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Journal {
    /// The file at `path`, made if it is missing, for its owner's eyes only.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.create(true).read(true).append(true).mode(0o600);
        Ok(Self {
            file: options.open(path)?,
            read_to: AtomicU64::new(0),
        })
    }

    /// Whether others have written since it was read.
    pub(super) fn has_news(&self) -> io::Result<bool> {
        Ok(self.file.metadata()?.len() > self.read_to.load(Ordering::Acquire))
    }

    /// What has been written since; lines that are not yet whole wait.
    pub(super) fn news(&self) -> Result<Vec<Entry>, JournalError> {
        let from = self.read_to.load(Ordering::Acquire);
        let length = self.file.metadata()?.len().saturating_sub(from);
        let mut octets = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut octets, from)?;
        let whole = octets.iter().rposition(|octet| *octet == b'\n');
        let whole = &octets[..whole.map_or(0, |end| end + 1)];
        let lines = whole
            .split(|octet| *octet == b'\n')
            .filter(|line| !line.is_empty());
        let entries: Result<_, _> = lines.map(serde_json::from_slice).collect();
        let entries = entries?;
        let read_to = from + whole.len() as u64;
        self.read_to.store(read_to, Ordering::Release);
        Ok(entries)
    }

    /// Keeps others from writing until what is returned is dropped.
    pub(super) fn alone(&self) -> io::Result<Alone<'_>> {
        self.file.lock()?;
        Ok(Alone(self))
    }
}

/// The right to write.
pub(super) struct Alone<'j>(&'j Journal);

impl Alone<'_> {
    /// Appends an entry; who has read all before it has read it, too.
    pub(super) fn append(&self, entry: &Entry) -> Result<(), JournalError> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        (&self.0.file).write_all(&line)?;
        let written = line.len() as u64;
        self.0.read_to.fetch_add(written, Ordering::AcqRel);
        Ok(())
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        // The lock goes with the file at the latest.
        let _ = self.0.file.unlock();
    }
}

impl Entry {
    pub(super) fn account(name: &str, account: &Account) -> Self {
        Self::Account(Box::new(Changed {
            name: name.to_owned(),
            subject: account.subject.clone(),
            roles: account.roles.clone(),
            verifier: account.verifier.to_text(),
            barred: account.barred,
            proof_revision: account.proof_revision,
            proof_changed: account.proof_changed.map(|it| (it.at, it.kept)),
        }))
    }
}

impl Changed {
    /// The account as it then was.
    pub(super) fn into_account(self) -> Result<(String, Account), JournalError> {
        let verifier = Verifier::from_text(&self.verifier);
        let verifier = verifier.map_err(|weak| JournalError::Hash(Box::new(weak)))?;
        let account = Account {
            subject: self.subject,
            roles: self.roles,
            verifier,
            barred: self.barred,
            proof_revision: self.proof_revision,
            proof_changed: self
                .proof_changed
                .map(|(at, kept)| ProofChange { at, kept }),
        };
        Ok((self.name, account))
    }
}
