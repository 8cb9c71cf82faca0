//! Rules on what the documents say of the repository.

use std::collections::BTreeSet;

use super::{Finding, Repository};

const ARCHITECTURE: &str = "docs/ARCHITECTURE.md";
/// The heading over the table of crates.
const PIECES: &str = "## The pieces";
/// Folders of which documents may name files that only a run makes.
const MADE: &[&str] = &["results/runs", "target"];
/// Words that stand for a name to be chosen.
const PLACEHOLDERS: &[&str] = &["ID", "NAME", "NNNN", "SCHEME"];

/// Every file that a document names exists: in `code spans` and in relative links.
pub(super) fn references(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    let documents = repository.ending(&[".md"]);
    for (path, text) in documents.filter(|(path, _)| is_document(path)) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (index, line) in outside_fences(text) {
            let spans = code_spans(line).filter(|span| !names_a_file(repository, span));
            let links =
                link_targets(line).filter(|link| !leads_somewhere(repository, folder, link));
            findings.extend(spans.chain(links).map(|name| {
                Finding::error(
                    path,
                    index + 1,
                    format!("`{name}` does not exist: mend the name"),
                )
            }));
        }
    }
    findings
}

/// The architecture page's table has every crate, and no other.
pub(super) fn pieces(repository: &Repository) -> Vec<Finding> {
    let Some(text) = repository.files.get(ARCHITECTURE) else {
        return vec![Finding::error(
            ARCHITECTURE,
            0,
            "missing: it is the map of the crates",
        )];
    };
    let rows = text
        .lines()
        .enumerate()
        .skip_while(|(_, line)| *line != PIECES)
        .skip(1);
    let rows = rows.take_while(|(_, line)| !line.starts_with("## "));
    let described: Vec<(usize, &str)> = rows
        .filter_map(|(index, line)| Some((index, line.strip_prefix("| `")?.split_once('`')?.0)))
        .collect();
    let crates: BTreeSet<&str> = repository
        .ending(&["/Cargo.toml"])
        .filter_map(|(path, _)| crate_of(path))
        .collect();

    let unknown = described
        .iter()
        .filter(|(_, name)| !crates.contains(name))
        .map(|(index, name)| {
            let message = format!("there is no crate `{name}`: remove its row");
            Finding::error(ARCHITECTURE, index + 1, message)
        });
    let missing = crates
        .iter()
        .filter(|name| described.iter().all(|(_, known)| known != *name));
    let missing = missing.map(|name| {
        let message = format!("crate `{name}` has no row under \"{PIECES}\": describe it");
        Finding::error(ARCHITECTURE, 0, message)
    });
    unknown.chain(missing).collect()
}

fn is_document(path: &str) -> bool {
    path.starts_with("docs/") || !path.contains('/')
}

/// The name of the crate whose manifest stands at `path`, without its prefix.
fn crate_of(path: &str) -> Option<&str> {
    let folder = path.strip_suffix("/Cargo.toml")?;
    let name = folder.strip_prefix("crates/").unwrap_or(folder);
    (!name.contains('/')).then_some(name)
}

/// Lines outside fenced code blocks, with their index.
fn outside_fences(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn link_targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
}

/// Whether `span` names an existing file, or nothing that looks like a file of ours.
fn names_a_file(repository: &Repository, span: &str) -> bool {
    let path = span.split(['#', ':']).next().unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    if !path.chars().all(plain) || path.contains("..") || has_placeholder(path) {
        return true;
    }
    match path.split_once('/') {
        // Under a folder of ours: it must be there, unless a run makes it.
        Some((top, _)) => {
            let ours =
                !top.is_empty() && repository.has(top) && !repository.files.contains_key(top);
            !ours || MADE.iter().any(|made| path.starts_with(made)) || repository.has(path)
        }
        // A bare file name: it must be somewhere.
        None => {
            let is_file = [".md", ".rs", ".toml"].iter().any(|ending| {
                path.strip_suffix(ending)
                    .is_some_and(|stem| !stem.is_empty())
            });
            let slashed = format!("/{path}");
            !is_file || repository.has(path) || repository.ending(&[&slashed]).next().is_some()
        }
    }
}

fn has_placeholder(path: &str) -> bool {
    path.split(['/', '.', '-', '_'])
        .any(|word| PLACEHOLDERS.contains(&word))
}

/// Whether `link`, standing in a document in `folder`, leads outside or to an existing file.
fn leads_somewhere(repository: &Repository, folder: &str, link: &str) -> bool {
    let path = link.split('#').next().unwrap_or_default();
    if path.is_empty() || link.contains("://") || link.starts_with("mailto:") {
        return true;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return false;
                }
            }
            part => parts.push(part),
        }
    }
    repository.has(&parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::super::assert_finds;
    use super::*;

    #[test]
    fn names_of_files_that_do_not_exist_are_found() {
        let text = "See `crates/a/src/lib.rs`, `crates/a/`, `crates/gone.rs` and `docs/b.md#top`.\n\
                    `results/runs/x.json`, `scenarios/*.toml`, `and/or`, `application/json`, `a.b`,\n\
                    `clippy.toml`, `lib.rs`, `nothing.toml`, `crates/<name>/src`, `crates/NAME.rs`, `core::system`.\n\
                    [b](b.md) [top](../clippy.toml) [out](https://example.org/x) [gone](c.md#x)\n\
                    ```\n`crates/fenced.rs`\n```\n`crates/a/src/gone.rs:7`\n";
        let files = [
            ("docs/x.md", text),
            ("docs/b.md", ""),
            ("clippy.toml", ""),
            ("crates/a/src/lib.rs", ""),
            ("crates/a/notes.md", "`crates/not-a-document.rs`"),
        ];
        let expected = [
            (1, "crates/gone.rs"),
            (3, "nothing.toml"),
            (4, "c.md#x"),
            (8, "crates/a/src/gone.rs:7"),
        ]
        .map(|(line, name)| {
            format!("error: docs/x.md:{line}: `{name}` does not exist: mend the name")
        });
        assert_finds(references, &files, &expected.each_ref().map(String::as_str));
    }

    #[test]
    fn a_crate_without_a_row_and_a_row_without_a_crate_are_found() {
        let page = "# A\n| `word` | x |\n## The pieces\n\n| crate | what |\n| --- | --- |\n\
                    | `core` | `x` |\n| `gone` | x |\n## Rules\n| `other` | x |\n";
        let files = [
            (ARCHITECTURE, page),
            ("Cargo.toml", ""),
            ("benches/Cargo.toml", ""),
            ("crates/core/Cargo.toml", ""),
        ];
        let expected = [
            "error: docs/ARCHITECTURE.md:8: there is no crate `gone`: remove its row",
            "error: docs/ARCHITECTURE.md: crate `benches` has no row under \"## The pieces\": \
             describe it",
        ];
        assert_finds(pieces, &files, &expected);
        let expected = ["error: docs/ARCHITECTURE.md: missing: it is the map of the crates"];
        assert_finds(pieces, &[("crates/core/Cargo.toml", "")], &expected);
    }
}
