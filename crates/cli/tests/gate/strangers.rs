//! Candidates that are no servers of ours, or bad ones: never a pass, and named.

use super::{PROGRAM, contents, folder, gate, script, told};
use crate::support::stderr;

/// What the gate of a candidate says that could not be judged.
fn unjudged(lines: &str) -> String {
    let folder = folder();
    let candidate = script(&folder, "candidate", lines);
    let before = contents(&folder);
    let output = gate(&folder, &candidate, &[]);
    let (code, first) = told(&output);
    assert_eq!(code, Some(3), "{first}\n{}", stderr(&output));
    assert!(first.starts_with("Not measured: "), "{first}");
    assert!(first.contains("the candidate (./candidate)"), "{first}");
    assert_eq!(contents(&folder), before);
    first
}

#[test]
fn a_program_that_ends_at_once_is_told_with_its_words() {
    let told = unjudged("echo 'I serve nobody' >&2\nexit 7");
    assert!(
        told.contains("cannot serve `session.memory.cookie`"),
        "{told}"
    );
    assert!(
        told.contains("exit status: 7") && told.contains("I serve nobody"),
        "{told}"
    );
    let told = unjudged("echo '{\"not\": \"what is expected\"}'\necho 'listening!'");
    assert!(told.contains("before it was ready"), "{told}");
}

#[test]
fn a_base_that_is_no_server_is_told_apart_from_the_candidate() {
    let folder = folder();
    let sides = ["gate", "--base", "/bin/false", "--candidate", PROGRAM];
    let output = folder.run(&[&sides[..], &super::MEASURED[..]].concat());
    let (code, first) = told(&output);
    assert_eq!(code, Some(3), "{first}");
    assert!(first.contains("the base (/bin/false)"), "{first}");
}

#[test]
fn a_server_that_dies_under_load_is_no_pass() {
    // It lives for less than a block takes.
    let lines =
        format!("(sleep 1; kill -KILL $$) </dev/null >/dev/null 2>&1 &\nexec '{PROGRAM}' \"$@\"");
    let folder = folder();
    folder.write(
        "rules.toml",
        &super::RULES.replace("segment_ms = 30", "segment_ms = 600"),
    );
    let candidate = script(&folder, "candidate", &lines);
    let output = gate(&folder, &candidate, &[]);
    let (code, first) = told(&output);
    assert_eq!(code, Some(3), "{first}\n{}", stderr(&output));
    assert!(first.contains("the candidate (./candidate)"), "{first}");
}

#[test]
fn a_server_that_answers_wrongly_is_no_pass() {
    let other = format!("shift 2\nexec '{PROGRAM}' serve session.memory.bearer \"$@\"");
    let told = unjudged(&other);
    assert!(told.contains("`login`"), "{told}");
}
