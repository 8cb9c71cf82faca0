//! Rules on the text of files.

use super::{Finding, Level, Repository};

/// Lines beyond which a file must be split.
const LINES_MAX: usize = 600;
/// Lines beyond which a file should be split.
const LINES_WARN: usize = 450;

/// What must not stand in Rust source, and the way out. Written in pieces so that this file
/// passes its own rule.
const UNFINISHED: &[(&str, &str)] = &[
    (
        concat!("to", "do!("),
        "finish it, or open an issue and return an error",
    ),
    (
        concat!("unimple", "mented!("),
        "finish it, or return an error",
    ),
    (concat!("db", "g!("), "remove it, or use `tracing`"),
    (
        concat!("#[", "ignore"),
        "make the test run, or remove it: a skipped test tells nobody",
    ),
    (concat!("FIX", "ME"), "mend it, or open an issue"),
    (concat!("XX", "X"), "mend it, or open an issue"),
];

/// Beginnings of paths that exist on one machine only.
const PRIVATE: &[&str] = &[
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
];

/// Endings of the files that people write.
const WRITTEN: &[&str] = &[
    ".rs", ".toml", ".md", ".sh", ".yml", ".sql", ".css", ".js", ".ci/run",
];

pub(super) fn long_files(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in repository.ending(&[".rs"]) {
        let lines = text.lines().count();
        if lines > LINES_WARN {
            let message =
                format!("{lines} lines: split it by reason to change (at most {LINES_MAX})");
            let level = if lines > LINES_MAX {
                Level::Error
            } else {
                Level::Warning
            };
            findings.push(Finding {
                level,
                ..Finding::error(path, 0, message)
            });
        }
    }
    findings
}

pub(super) fn unfinished_work(repository: &Repository) -> Vec<Finding> {
    each_line(repository, &[".rs"], |line| {
        let found = UNFINISHED.iter().find(|(word, _)| line.contains(word));
        found.map(|(word, mend)| format!("`{word}`: {mend}"))
    })
}

pub(super) fn private_paths(repository: &Repository) -> Vec<Finding> {
    each_line(repository, WRITTEN, |line| {
        let found = PRIVATE.iter().find(|start| starts_a_path(line, start))?;
        Some(format!(
            "a path of one machine (`{found}..`): make it relative to the repository"
        ))
    })
}

pub(super) fn whitespace(repository: &Repository) -> Vec<Finding> {
    let mut findings = each_line(repository, WRITTEN, |line| {
        line.ends_with([' ', '\t', '\r'])
            .then(|| "white space at the end: remove it".to_owned())
    });
    findings.extend(each_line(repository, &[".rs"], |line| {
        line.contains('\t')
            .then(|| "a tab: run `cargo fmt`, or write \\t".to_owned())
    }));
    for (path, text) in repository.ending(WRITTEN) {
        if !text.is_empty() && !text.ends_with('\n') {
            findings.push(Finding::error(path, 0, "no line feed at the end: add it"));
        }
    }
    findings
}

/// Whether an absolute path begins with `start` somewhere in `line`: no part of a longer path
/// or address.
fn starts_a_path(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-*}/".contains(c))
    })
}

fn each_line(
    repository: &Repository,
    endings: &[&str],
    rule: impl Fn(&str) -> Option<String>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in repository.ending(endings) {
        for (index, line) in text.split('\n').enumerate() {
            findings.extend(rule(line).map(|message| Finding::error(path, index + 1, message)));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::assert_finds;
    use super::*;

    #[test]
    fn long_files_are_told() {
        let file = |lines| "\n".repeat(lines);
        let (good, long, too_long) = (file(450), file(451), file(601));
        let files = [
            ("a.rs", &*good),
            ("b.rs", &*long),
            ("c.rs", &*too_long),
            ("d.md", &*too_long),
        ];
        let expected = [
            "warning: b.rs: 451 lines: split it by reason to change (at most 600)",
            "error: c.rs: 601 lines: split it by reason to change (at most 600)",
        ];
        assert_finds(long_files, &files, &expected);
    }

    #[test]
    fn every_unfinished_word_is_found() {
        for (word, mend) in UNFINISHED {
            let text = format!("fn a() {{\n    {word}\n}}\n");
            let expected = format!("error: a.rs:2: `{word}`: {mend}");
            assert_finds(
                unfinished_work,
                &[("a.rs", &text), ("a.md", &text)],
                &[&expected],
            );
        }
        assert_finds(
            unfinished_work,
            &[("a.rs", "// a method, an xxl size\n")],
            &[],
        );
    }

    #[test]
    fn every_private_path_is_found() {
        for start in PRIVATE {
            let text = format!("see \"{start}me/x\"\n");
            let expected = format!(
                "error: a.md:1: a path of one machine (`{start}..`): make it relative to the \
                 repository"
            );
            assert_finds(private_paths, &[("a.md", &text)], &[&expected]);
            let fine = format!("https://example.org{start} and crates{start}x\n");
            assert_finds(private_paths, &[("a.md", &fine)], &[]);
        }
    }

    #[test]
    fn white_space_is_found() {
        let files = [
            ("a.rs", "a \nb\r\nc\td\n"),
            ("b.toml", "a = 1"),
            ("c.md", "\tcode\n"),
        ];
        let expected = [
            "error: a.rs:1: white space at the end: remove it",
            "error: a.rs:2: white space at the end: remove it",
            "error: a.rs:3: a tab: run `cargo fmt`, or write \\t",
            "error: b.toml: no line feed at the end: add it",
        ];
        assert_finds(whitespace, &files, &expected);
    }
}
