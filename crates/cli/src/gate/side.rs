//! What stands on the command line of a comparison: a result file, a program,
//! a revision, the working tree.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use authbench_results::{Side, SideKind, Source, sha256_hex};

use crate::exit::UsageError;
use crate::gate::arm::{Arm, Injection};
use crate::gate::build;

/// What was named.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Named {
    /// A result file.
    File(PathBuf),
    /// A program.
    Binary(PathBuf),
    /// A revision of the repository around the current folder.
    Revision {
        /// As it was named.
        named: String,
        /// Its full name.
        commit: String,
        /// The repository's working tree.
        root: PathBuf,
    },
    /// A working tree of ours.
    Tree {
        /// As it was named.
        named: String,
        /// Its root.
        root: PathBuf,
    },
}

/// A side that can be run.
#[derive(Debug)]
pub(crate) struct Built {
    /// The program.
    pub(crate) program: PathBuf,
    /// What it is, for the report.
    pub(crate) side: Side,
    /// Where it was copied to; goes with it.
    copy: Option<Arc<tempfile::TempDir>>,
    /// The sources that it was built from, if it was built here: a worktree of
    /// the revision, or the working tree.
    pub(crate) tree: Option<PathBuf>,
}

impl Built {
    /// It as an arm of a comparison.
    pub(crate) fn arm(&self, injection: Option<Injection>) -> Arm {
        Arm {
            program: self.program.clone(),
            named: self.side.named.clone(),
            injection,
            _copy: self.copy.clone(),
        }
    }
}

impl Named {
    /// What `text` names, seen from `folder`: a working tree (`.`, or a folder
    /// with our sources), an existing `.json` file, an existing program, or
    /// else a revision.
    ///
    /// # Errors
    /// [`UsageError`] when it is none of them.
    pub(crate) fn find(text: &str, folder: &Path) -> Result<Self> {
        let path = folder.join(text.strip_prefix("./").unwrap_or(text));
        if path.is_dir() {
            let found = if text == "." {
                folder.ancestors().find(|one| is_ours(one))
            } else {
                Some(path.as_path()).filter(|one| is_ours(one))
            };
            let root = found.map(Path::to_path_buf).ok_or_else(|| {
                usage(format!(
                    "the folder `{text}` holds no sources of authbench: go where they are, or name \
                     a result file, a program or a revision"
                ))
            })?;
            let named = text.to_owned();
            return Ok(Self::Tree { named, root });
        }
        if path.is_file() {
            if path.extension().is_some_and(|ending| ending == "json") {
                return Ok(Self::File(path));
            }
            let mode = path.metadata()?.permissions().mode();
            if mode & 0o111 != 0 {
                return Ok(Self::Binary(path));
            }
            return Err(usage(format!(
                "the file `{text}` is neither a result (`.json`) nor a program that may be executed"
            ))
            .into());
        }
        Self::revision(text, folder)
    }

    fn revision(text: &str, folder: &Path) -> Result<Self> {
        let unknown = || {
            usage(format!(
                "`{text}` is no file, no folder and no revision here: name a result file, a \
                 program, a revision of the repository around the current folder (is the history \
                 whole? `git fetch --unshallow` brings it), or `.` for the working tree"
            ))
        };
        if text.starts_with('-') {
            return Err(unknown().into());
        }
        let named = format!("{text}^{{commit}}");
        let commit = build::git(folder, &["rev-parse", "--verify", "--quiet", &named])
            .with_context(unknown)?;
        let root = build::git(folder, &["rev-parse", "--show-toplevel"]).with_context(unknown)?;
        let root = PathBuf::from(root);
        let marker = format!("{commit}:{MARKER}");
        build::git(&root, &["cat-file", "-e", &marker]).with_context(|| {
            usage(format!(
                "the revision `{text}` holds no sources of authbench"
            ))
        })?;
        let named = text.to_owned();
        Ok(Self::Revision {
            named,
            commit,
            root,
        })
    }

    /// The program, built where it must be. What is built shows on standard
    /// error.
    ///
    /// # Errors
    /// [`UsageError`] for a file, which is no program; otherwise when it cannot
    /// be built or read.
    pub(crate) fn make(&self) -> Result<Built> {
        let (program, named, kind, tree, source) = match self {
            Self::File(file) => {
                let file = file.display();
                return Err(
                    usage(format!("`{file}` is a result file, which cannot be run")).into(),
                );
            }
            Self::Binary(program) => {
                let named = program.display().to_string();
                let source = Source::default();
                (program.clone(), named, SideKind::Binary, None, source)
            }
            Self::Revision {
                named,
                commit,
                root,
            } => {
                let (program, tree) = build::revision(root, commit)?;
                let source = Source {
                    commit: Some(commit.clone()),
                    dirty: Some(false),
                    ..build::source(&tree)
                };
                (
                    program,
                    named.clone(),
                    SideKind::Revision,
                    Some(tree),
                    source,
                )
            }
            Self::Tree { named, root } => {
                let source = build::source(root);
                let program = build::tree(root)?;
                let tree = Some(root.clone());
                (program, named.clone(), SideKind::Tree, tree, source)
            }
        };
        let octets = std::fs::read(&program)
            .with_context(|| format!("the program `{}` cannot be read", program.display()))?;
        // Servers are started again and again: what is built or replaced
        // meanwhile must not become part of what is measured.
        let (program, copy) = match build::own_copy(&program, &octets)? {
            Some((copied, folder)) => (copied, Some(folder)),
            None => (program, None),
        };
        let source = Source {
            binary_sha256: Some(sha256_hex(&octets)),
            ..source
        };
        Ok(Built {
            program,
            copy: copy.map(Arc::new),
            side: Side {
                named,
                kind,
                source,
                fingerprint: None,
                injected: None,
            },
            tree,
        })
    }
}

/// A file that only our sources have, at the same place in every revision.
const MARKER: &str = "crates/cli/Cargo.toml";

fn is_ours(folder: &Path) -> bool {
    let manifest = std::fs::read_to_string(folder.join(MARKER));
    folder.join("Cargo.toml").is_file()
        && manifest.is_ok_and(|text| text.contains("name = \"authbench-cli\""))
}

fn usage(message: String) -> UsageError {
    UsageError(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("crates/cli/src")).unwrap();
        std::fs::write(folder.path().join("Cargo.toml"), "[workspace]\n").unwrap();
        let manifest = "[package]\nname = \"authbench-cli\"\n";
        std::fs::write(folder.path().join(MARKER), manifest).unwrap();
        let run = |arguments: &[&str]| build::git(folder.path(), arguments).unwrap();
        run(&["init", "-q"]);
        run(&["add", "."]);
        let who = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
        run(&[&who[..], &["commit", "-q", "--no-verify", "-m", "x"]].concat());
        let commit = run(&["rev-parse", "HEAD"]);
        (folder, commit)
    }

    fn refusal(text: &str, folder: &Path) -> String {
        let error = Named::find(text, folder).unwrap_err();
        assert!(error.chain().any(|cause| cause.is::<UsageError>()) || error.is::<UsageError>());
        format!("{error:#}")
    }

    #[test]
    fn each_kind_is_told_by_what_it_is() {
        let (folder, head) = repository();
        let here = folder.path();
        let inside = here.join("crates/cli");
        let tree = Named::find(".", &inside).unwrap();
        assert!(matches!(tree, Named::Tree { root, .. } if root == here));
        let found = Named::find("HEAD", &inside).unwrap();
        assert!(matches!(found, Named::Revision { commit, named, .. }
            if commit == head && named == "HEAD"));
        std::fs::write(here.join("a.json"), "{}").unwrap();
        let found = Named::find("a.json", here).unwrap();
        assert_eq!(found, Named::File(here.join("a.json")));
        let program = here.join("program");
        std::fs::write(&program, "#!/bin/sh\n").unwrap();
        assert!(refusal("program", here).contains("neither a result"));
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let found = Named::find("program", here).unwrap();
        assert_eq!(found, Named::Binary(program.clone()));
        let built = found.make().unwrap();
        assert_eq!((built.program, built.tree), (program, None));
        assert!(built.side.source.binary_sha256.is_some());
        assert_eq!(built.side.kind, SideKind::Binary);
    }

    #[test]
    fn what_is_nothing_is_refused_with_a_way_out() {
        let (folder, _) = repository();
        let here = folder.path();
        assert!(refusal("nonsense", here).contains("name a result file"));
        assert!(refusal("--help", here).contains("name a result file"));
        assert!(refusal("crates", here).contains("holds no sources"));
        let error = Named::File(here.join("a.json")).make().unwrap_err();
        assert!(error.to_string().contains("cannot be run"));
    }

    #[test]
    fn a_revision_without_our_sources_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let run = |arguments: &[&str]| build::git(folder.path(), arguments).unwrap();
        run(&["init", "-q"]);
        let who = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
        let commit = ["commit", "-q", "--no-verify", "--allow-empty", "-m", "x"];
        run(&[&who[..], &commit].concat());
        assert!(refusal("HEAD", folder.path()).contains("holds no sources of authbench"));
    }
}
