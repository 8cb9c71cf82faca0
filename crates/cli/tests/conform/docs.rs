//! The pages that describe checks and profiles are true.

use std::path::Path;

use authbench_conf::ConfErrorKind;
use authbench_wire::{Operation, Profile};

use super::naive::PROFILE;
use crate::support::{Folder, stdout};

const PROFILES: &str = include_str!("../../../../docs/profiles.md");
const CHECKS: &str = include_str!("../../../../docs/checks.md");

#[test]
fn the_page_of_checks_is_the_catalogue() {
    let folder = Folder::new();
    let output = folder.run(&["list", "checks", "--format", "md"]);
    assert!(
        stdout(&output) == CHECKS,
        "docs/checks.md is stale: run `cargo run -- list checks --format md > docs/checks.md` and \
         commit it"
    );
    let output = folder.run(&["list", "checks", "--format", "json"]);
    let lists: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let rows = lists["checks"].as_array().unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        let heading = format!("### {}\n", row["id"].as_str().unwrap());
        assert!(CHECKS.contains(&heading), "{heading}");
    }
}

fn example(name: &str) -> &'static str {
    let mark = format!("<!-- example: {name} -->\n```toml\n");
    let (_, rest) = PROFILES.split_once(&mark).unwrap();
    rest.split_once("\n```").unwrap().0
}

#[test]
fn the_examples_are_profiles() {
    for name in ["session", "jwt"] {
        let text = example(name);
        let profile = Profile::parse(Path::new(name), text).unwrap();
        assert!(!profile.families.is_empty() && profile.users.count() > 1);
        assert!(text.lines().filter(|line| line.starts_with('#')).count() > 3);
    }
}

/// The keys that a table of a profile may hold, told by the error about one
/// that it may not.
fn keys(text: &str) -> Vec<String> {
    let error = Profile::parse(Path::new("p"), text).unwrap_err();
    match error.kind {
        ConfErrorKind::UnknownKey { valid, .. } => valid,
        other => panic!("{other}: {text}"),
    }
}

#[test]
fn every_key_and_operation_has_its_row() {
    let mut all = keys(&format!("unknown = 1\n{PROFILE}"));
    for table in [
        "[policy]",
        "[keys]",
        "[keys.second_issuer]",
        "[[clients]]",
        "[hooks]",
        "[start]",
        "[tls]",
        "[lab]",
        "[users.large]",
        "[users.pattern]",
    ] {
        all.extend(keys(&format!("{PROFILE}{table}\nunknown = 1\n")));
    }
    for table in ["[guarantees]", "[operations.whoami]"] {
        let text = PROFILE.replace(table, &format!("{table}\nunknown = 1"));
        all.extend(keys(&text));
    }
    all.extend(keys(&PROFILE.replace(
        "[[users.list]]\nuser = \"alice\"",
        "[users]\nunknown = 1\n[[users.list]]\nuser = \"alice\"",
    )));
    assert!(all.len() > 100, "{}", all.len());
    for key in all {
        // In a row of its own, in one with others, within code, or as a table.
        let told = [
            format!("`{key}`"),
            format!(".{key}`"),
            format!("[{key}]"),
            format!("[{key}."),
            format!("[users.{key}]"),
            format!("[[users.{key}]]"),
            format!("[[{key}]]"),
        ];
        assert!(
            told.iter().any(|form| PROFILES.contains(form)),
            "docs/profiles.md does not explain `{key}`"
        );
    }
    for operation in Operation::ALL {
        let row = format!("| `{}`", operation.label());
        assert!(PROFILES.contains(&row), "docs/profiles.md lacks {row}");
    }
}
