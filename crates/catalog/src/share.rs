//! A folder by which replicas of one service, each a process of its own, agree
//! on what they share: keys, names in store servers, the SQLite file.
//!
//! Whatever lies there under its name is what all of them use; who finds
//! nothing makes it, and of several who make it at once one is first and the
//! others take what that one made. Files are for their owner alone (0600): with
//! the keys in them anybody could let anybody in.
//!
//! Whoever has entered holds a lock on the folder (`flock`), which the kernel
//! takes back when the process dies. A replica that leaves in order and is the
//! last one removes what was put into store servers; one that is killed leaves
//! it to its successors. So nothing is ever removed under a living replica, and
//! what remains if the last one is killed goes when the folder is next used
//! and left. The folder itself stays: it is its maker's to remove.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::recipe::Recipe;

/// How often to look whether a lock is free.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The longest file that is read.
const OCTETS_MAX: u64 = 64 * 1024;

/// A folder that this process has entered. Dropped, it is left.
#[derive(Debug)]
pub struct ShareFolder {
    folder: PathBuf,
    /// Locked for as long as this replica lives.
    presence: File,
}

/// A shared folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShareError {
    /// A file in it, or the folder, cannot be made, read, written or locked.
    #[error("`{}`: the shared folder cannot be used", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others may read or change what is to be a secret.
    #[error(
        "`{}` is open to others (mode {mode:o}): give replicas a folder that is theirs alone \
         (chmod 700)",
        file.display()
    )]
    Exposed {
        /// Which.
        file: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The folder is that of another strategy, or of this one with other
    /// settings.
    #[error(
        "`{}` is shared by replicas of `{theirs}`, whose recipe is not that of `{ours}`: give each \
         service a folder of its own",
        folder.display()
    )]
    OtherService {
        /// The folder.
        folder: PathBuf,
        /// Whose replicas use it.
        theirs: String,
        /// Who wanted to join.
        ours: String,
    },
    /// A file is not what replicas write.
    #[error("`{}` was not written by a replica: remove it, or take another folder", file.display())]
    Contents {
        /// Which.
        file: PathBuf,
    },
}

impl ShareFolder {
    /// Enters `folder` as a replica of `recipe`; makes it if it is missing.
    /// Waits while the last one who left still clears up.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn enter(folder: &Path, recipe: &Recipe) -> Result<Self, ShareError> {
        let failed = |source| ShareError::File {
            file: folder.to_owned(),
            source,
        };
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(folder).map_err(failed)?;
        let mode = std::fs::metadata(folder).map_err(failed)?.mode();
        private(folder, mode & 0o022)?;
        let presence = lock_file(&folder.join("replicas.lock"))?;
        locked(|| presence.try_lock_shared())
            .await
            .map_err(failed)?;
        let entered = Self {
            folder: folder.to_owned(),
            presence,
        };
        let ours = format!("# {}\n{}", recipe.name, recipe.resolved());
        let agreed = entered.agreed("recipe.toml", || {
            Ok::<_, ShareError>(Zeroizing::new(ours.clone().into_bytes()))
        })?;
        if *agreed != ours.as_bytes() {
            let text = String::from_utf8_lossy(&agreed);
            let name = text.lines().next().and_then(|line| line.strip_prefix("# "));
            return Err(ShareError::OtherService {
                folder: folder.to_owned(),
                theirs: name.unwrap_or("something else").to_owned(),
                ours: recipe.name.clone(),
            });
        }
        Ok(entered)
    }

    /// Where a file of this name lies.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What all replicas have under `name`; what `make` makes, if nobody has
    /// made it yet.
    pub(crate) fn agreed<E: From<ShareError>>(
        &self,
        name: &str,
        make: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, E>,
    ) -> Result<Zeroizing<Vec<u8>>, E> {
        if let Some(found) = self.find(name)? {
            return Ok(found);
        }
        let made = make()?;
        if self.put(name, &made)? {
            return Ok(made);
        }
        let found = self.find(name)?;
        found.ok_or_else(|| self.failed(name)(io::ErrorKind::NotFound.into()).into())
    }

    /// What lies under `name`, if anything does.
    pub(crate) fn find(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, ShareError> {
        let file = match File::open(self.path(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed(name)(error)),
        };
        let mode = file.metadata().map_err(self.failed(name))?.mode();
        private(&self.path(name), mode & 0o077)?;
        let mut octets = Zeroizing::new(Vec::new());
        let read = file.take(OCTETS_MAX).read_to_end(&mut octets);
        read.map_err(self.failed(name))?;
        Ok(Some(octets))
    }

    /// Puts `octets` under `name`, whole and at once; false if something lies
    /// there already, which stays.
    pub(crate) fn put(&self, name: &str, octets: &[u8]) -> Result<bool, ShareError> {
        let failed = self.failed(name);
        // Made with mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(&self.folder).map_err(&failed)?;
        file.write_all(octets).map_err(&failed)?;
        match file.persist_noclobber(self.path(name)) {
            Ok(_) => Ok(true),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(failed(error.error)),
        }
    }

    /// Waits until no other replica sets something up; the others wait until
    /// what this gives is dropped.
    pub(crate) async fn alone(&self) -> Result<File, ShareError> {
        let file = lock_file(&self.path("setup.lock"))?;
        let taken = locked(|| file.try_lock()).await;
        taken.map_err(self.failed("setup.lock"))?;
        Ok(file)
    }

    /// Whether no other replica is left. This one counts as gone from here on,
    /// and if it was the last, nobody enters until it is dropped. An error of
    /// the kernel is taken for a replica.
    pub(crate) fn is_last(&self) -> bool {
        self.presence.unlock().is_ok() && self.presence.try_lock().is_ok()
    }

    /// An error about the file `name`.
    pub(crate) fn contents(&self, name: &str) -> ShareError {
        ShareError::Contents {
            file: self.path(name),
        }
    }

    fn failed(&self, name: &str) -> impl Fn(io::Error) -> ShareError {
        let file = self.path(name);
        move |source| ShareError::File {
            file: file.clone(),
            source,
        }
    }
}

/// Refuses a file whose permissions are `exposed`, unless there are none.
fn private(file: &Path, exposed: u32) -> Result<(), ShareError> {
    if exposed == 0 {
        return Ok(());
    }
    Err(ShareError::Exposed {
        file: file.to_owned(),
        mode: exposed,
    })
}

fn lock_file(file: &Path) -> Result<File, ShareError> {
    let opened = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(file);
    opened.map_err(|source| ShareError::File {
        file: file.to_owned(),
        source,
    })
}

/// Tries until the lock is free. Waiting in the kernel would hold up whatever
/// else runs on this thread.
async fn locked(lock: impl Fn() -> Result<(), TryLockError>) -> io::Result<()> {
    loop {
        match lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOOK_EVERY).await,
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::{Arc, Barrier};

    use super::*;
    use crate::find::shipped;

    fn recipe(name: &str) -> Recipe {
        let mut all = shipped().into_iter();
        all.find(|recipe| recipe.name == name).unwrap()
    }

    fn made(text: &str) -> Result<Zeroizing<Vec<u8>>, ShareError> {
        Ok(Zeroizing::new(text.as_bytes().to_vec()))
    }

    #[tokio::test]
    async fn those_who_come_at_once_agree() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("a").join("b");
        let recipe = recipe("jwt.hs256.bearer");
        let mut entered = Vec::new();
        for _ in 0..8 {
            entered.push(ShareFolder::enter(&folder, &recipe).await.unwrap());
        }
        let (entered, start) = (Arc::new(entered), Arc::new(Barrier::new(8)));
        let threads = (0..8).map(|n| {
            let (entered, start) = (Arc::clone(&entered), Arc::clone(&start));
            std::thread::spawn(move || {
                start.wait();
                entered[n].agreed("x", || made(&n.to_string())).unwrap()
            })
        });
        let threads: Vec<_> = threads.collect();
        let agreed: Vec<_> = threads.into_iter().map(|it| it.join().unwrap()).collect();
        assert!(agreed.iter().all(|one| *one == agreed[0]));
        let file = std::fs::metadata(folder.join("x")).unwrap();
        assert_eq!(file.mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
        let left = std::fs::read_dir(&folder).unwrap().count();
        assert_eq!(left, 3, "no file in the making is left");
    }

    #[tokio::test]
    async fn the_last_one_knows_that_it_is() {
        let home = tempfile::tempdir().unwrap();
        let recipe = recipe("jwt.hs256.bearer");
        let enter = async || ShareFolder::enter(home.path(), &recipe).await.unwrap();
        let (first, second) = (enter().await, enter().await);
        assert!(!first.is_last());
        let third = enter().await;
        assert!(!second.is_last(), "the third is there");
        drop(second);
        assert!(
            third.is_last(),
            "the first has left, though it is not yet gone"
        );
        let mut fourth = std::pin::pin!(ShareFolder::enter(home.path(), &recipe));
        let waits = tokio::time::timeout(Duration::from_millis(30), &mut fourth).await;
        assert!(waits.is_err(), "while the third clears up");
        drop(third);
        fourth.await.unwrap();
    }

    #[tokio::test]
    async fn others_neither_join_nor_read() {
        let home = tempfile::tempdir().unwrap();
        let ours = recipe("jwt.hs256.bearer");
        let first = ShareFolder::enter(home.path(), &ours).await.unwrap();
        let other = recipe("jwt.es256.bearer");
        let error = ShareFolder::enter(home.path(), &other).await.unwrap_err();
        let message = error.to_string();
        assert!(matches!(error, ShareError::OtherService { .. }));
        assert!(message.contains("`jwt.hs256.bearer`"), "{message}");
        first.put("key", b"secret").unwrap();
        let open = |path: &Path, mode| {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(path, permissions).unwrap();
        };
        open(&first.path("key"), 0o640);
        let error = first.find("key").unwrap_err();
        assert!(
            matches!(error, ShareError::Exposed { mode: 0o40, .. }),
            "{error}"
        );
        open(home.path(), 0o777);
        let error = ShareFolder::enter(home.path(), &ours).await.unwrap_err();
        assert!(
            matches!(error, ShareError::Exposed { mode: 0o22, .. }),
            "{error}"
        );
    }
}
