//! Makes `scenarios/vectors/malformed-*.json`, our own set of malformed input,
//! and sees that the files that are checked in are those that it makes. All
//! keys are published ones, and all signatures deterministic. To write the
//! files anew: `AUTHBENCH_WRITE_VECTORS=1 cargo test -p authbench-conformance
//! --test vectors`.
#![expect(
    clippy::unwrap_used,
    clippy::too_many_lines,
    clippy::needless_pass_by_value,
    reason = "tables of cases, and a generator that stops at the first surprise"
)]

mod claims;
mod jwe;
mod jwk;
mod jws;
mod keys;
mod readers;
mod shape;

use std::path::PathBuf;

use serde_json::{Value, json};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/vectors")
}

#[test]
fn the_files_are_those_that_are_made_here() {
    for (name, groups) in [
        ("malformed-jws.json", jws::groups()),
        ("malformed-jwe.json", jwe::groups()),
        ("malformed-jwk.json", jwk::groups()),
        ("malformed-jwt.json", claims::groups()),
    ] {
        let text = text(groups);
        let path = folder().join(name);
        if std::env::var_os("AUTHBENCH_WRITE_VECTORS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let there = std::fs::read_to_string(&path).unwrap();
        assert!(there == text, "{name} is not what is made here");
    }
}

/// A file of these groups, its tests numbered.
fn text(mut groups: Vec<Value>) -> String {
    let tests = groups
        .iter_mut()
        .filter_map(|group| group["tests"].as_array_mut());
    let mut number = 0;
    for test in tests.flatten() {
        number += 1;
        test["tcId"] = number.into();
    }
    let file = json!({
        "numberOfTests": number,
        "header": ["Malformed input, made by crates/conformance/tests/vectors."],
        "testGroups": groups,
    });
    let mut text = serde_json::to_string_pretty(&file).unwrap();
    text.push('\n');
    text
}

/// One test.
fn test(comment: impl Into<String>, jws: impl Into<String>, result: &str) -> Value {
    json!({ "tcId": 0, "comment": comment.into(), "jws": jws.into(), "result": result })
}
