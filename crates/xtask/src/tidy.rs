//! Style as a test: each rule is a function over the files, each message names its mend.

mod docs;
mod manifests;
mod text;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use walkdir::WalkDir;

/// The rules.
const RULES: &[fn(&Repository) -> Vec<Finding>] = &[
    text::long_files,
    text::unfinished_work,
    text::private_paths,
    text::whitespace,
    manifests::lints,
    manifests::scenarios,
    docs::references,
    docs::pieces,
];

/// Folders that hold nothing of ours.
const SKIPPED: &[&str] = &[".git", "target", "results/runs"];
/// What installing a target brings, wherever it stands.
const BROUGHT: &str = "node_modules";

/// Checks the repository at `root`.
pub(crate) fn run(root: &Path) -> Result<()> {
    let repository = Repository::read(root)?;
    let mut findings: Vec<_> = RULES.iter().flat_map(|rule| rule(&repository)).collect();
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    for finding in &findings {
        eprintln!("{finding}");
    }
    let errors = findings
        .iter()
        .filter(|finding| finding.level == Level::Error)
        .count();
    if errors > 0 {
        bail!("{errors} finding(s) against the style");
    }
    println!("tidy: {} files", repository.files.len());
    Ok(())
}

/// The text files of the repository.
#[derive(Debug, Default)]
struct Repository {
    /// Text by path from the root, with `/`. Empty for files that are not UTF-8.
    files: BTreeMap<String, String>,
}

/// Something against the style.
#[derive(Debug, Eq, PartialEq)]
struct Finding {
    level: Level,
    path: String,
    /// From 1; 0 for the file as a whole.
    line: usize,
    message: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Level {
    Warning,
    Error,
}

impl Repository {
    fn read(root: &Path) -> Result<Self> {
        let relative = |path: &Path| {
            path.strip_prefix(root)
                .unwrap_or(path)
                .to_string_lossy()
                .replace('\\', "/")
        };
        let ours = |entry: &walkdir::DirEntry| {
            entry.file_name() != BROUGHT && !SKIPPED.contains(&&*relative(entry.path()))
        };
        let mut files = BTreeMap::new();
        for entry in WalkDir::new(root).into_iter().filter_entry(ours) {
            let entry = entry.context("cannot list the repository")?;
            if entry.file_type().is_file() {
                let path = relative(entry.path());
                let bytes =
                    fs::read(entry.path()).with_context(|| format!("cannot read {path}"))?;
                files.insert(path, String::from_utf8(bytes).unwrap_or_default());
            }
        }
        Ok(Self { files })
    }

    /// Files whose name ends with one of `endings`.
    fn ending<'r>(&'r self, endings: &'r [&str]) -> impl Iterator<Item = (&'r str, &'r str)> + 'r {
        self.files
            .iter()
            .filter(|(path, _)| endings.iter().any(|ending| path.ends_with(ending)))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Whether `path` is a file or a folder that holds one.
    fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let folder = format!("{path}/");
        self.files.contains_key(path)
            || self
                .files
                .range(folder.clone()..)
                .next()
                .is_some_and(|(at, _)| at.starts_with(&folder))
    }
}

impl Finding {
    fn error(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            level: Level::Error,
            path: path.to_owned(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Warning => "warning",
            Level::Error => "error",
        };
        write!(f, "{level}: {}", self.path)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}", self.message)
    }
}

#[cfg(test)]
impl Repository {
    fn of(files: &[(&str, &str)]) -> Self {
        let owned = files
            .iter()
            .map(|&(path, text)| (path.to_owned(), text.to_owned()));
        Self {
            files: owned.collect(),
        }
    }
}

/// Asserts that `rule` finds exactly `expected`, given as displayed, in `files`.
#[cfg(test)]
fn assert_finds(rule: fn(&Repository) -> Vec<Finding>, files: &[(&str, &str)], expected: &[&str]) {
    let found: Vec<_> = rule(&Repository::of(files))
        .iter()
        .map(Finding::to_string)
        .collect();
    assert_eq!(found, expected);
}
