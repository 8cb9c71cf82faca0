//! What the conformance checks find in strangers' servers is what is known of
//! them: `expected.toml` beside a profile lists it.

use std::process::Output;

use crate::strangers::{has_node, target};
use crate::support::{Folder, stderr, stdout};

/// A whole verdict on the target, with its expectation after `change`.
fn expecting(name: &str, change: impl Fn(&str) -> String, more: &[&str]) -> Output {
    let folder = Folder::new();
    let target = target(name);
    let expected = std::fs::read_to_string(format!("{target}/expected.toml")).unwrap();
    folder.write("expected.toml", &change(&expected));
    let base = ["conform", &target, "--quiet", "--expect", "expected.toml"];
    folder.run(&[&base, more].concat())
}

#[test]
fn the_quick_verdicts_on_strangers_are_the_expected_ones() {
    if !has_node() {
        return;
    }
    for name in ["express-session-memory", "express-jwt"] {
        let output = expecting(name, str::to_owned, &["--quick"]);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(0), "{name}: {said}");
        let shown = stdout(&output);
        assert!(shown.contains("FAIL COOKIE-004"), "{name}: {shown}");
    }
}

#[test]
fn a_verdict_that_is_not_the_expected_one_is_named() {
    if !has_node() {
        return;
    }
    let change = |text: &str| {
        let text = text.replace("\"COOKIE-001\"", "\"COOKIE-002\"");
        assert!(text.contains("COOKIE-002"));
        text
    };
    let output = expecting("express-session-memory", change, &["--only", "cookie"]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let differences: Vec<&str> = said.lines().collect();
    let [first, second] = differences.as_slice() else {
        panic!("{said}")
    };
    assert!(
        first.contains("COOKIE-001: fail, but expected is pass or"),
        "{said}"
    );
    assert!(
        second.contains("COOKIE-002: pass, but expected is fail (the lab"),
        "{said}"
    );
}

#[test]
fn a_missing_program_means_that_nothing_could_be_tried() {
    let folder = Folder::new();
    let output = folder
        .command(&["conform", &target("express-jwt"), "--quick"])
        .env("PATH", folder.path())
        .output()
        .unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("`node` is not on this machine") && said.contains("install Node.js"),
        "{said}"
    );
    // With a profile alone there is nothing to start.
    let output = folder.run(&["conform", "lucia"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(
        stderr(&output).contains("the files of `lucia` are not here"),
        "{output:?}"
    );
    let output = folder.run(&["conform", "lucia", "--expect", "missing.toml"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
