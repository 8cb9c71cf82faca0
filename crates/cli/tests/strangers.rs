//! Strangers' servers: installed, started and measured beside ours.

use std::path::{Path, PathBuf};
use std::process::Command;

use authbench_results::RunResult;

use crate::support::{Folder, TINY, stderr, stdout};

pub(crate) fn target(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/targets");
    let folder: PathBuf = folder.canonicalize().unwrap();
    folder.join(name).to_string_lossy().into_owned()
}

/// The tiny scenario with these in place of its strategies, and so many logins
/// that are ended and followed.
fn scenario(names: &[&str], ended: u32) -> String {
    let changes = [
        ("hashed = 1\n", "hashed = 0\n".to_owned()),
        ("logins = 200\n", "logins = 0\n".to_owned()),
        ("logins = 3\n", format!("logins = {ended}\n")),
        (
            r#"["session.memory.cookie", "jwt.hs256.bearer"]"#,
            format!("{names:?}"),
        ),
    ];
    changes.iter().fold(TINY.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    })
}

fn runs(program: &str) -> bool {
    let output = Command::new(program).arg("--version").output();
    output.is_ok_and(|output| output.status.success())
}

/// Runs the scenario, and checks what is true of everybody.
fn measured(names: &[&str], ended: u32) -> RunResult {
    let folder = Folder::new();
    folder.write("tiny.toml", &scenario(names, ended));
    let output = folder.run(&["run", "tiny.toml"]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let results = folder.files(".json");
    let result = authbench_results::store::read(&results[0]).unwrap();
    assert!(result.skipped.is_empty(), "{:?}\n{said}", result.skipped);
    assert_eq!(result.cells.len(), names.len(), "{said}");
    for cell in &result.cells {
        assert_eq!(cell.outcomes.wrong_judgements(), 0, "{cell:?}");
        assert!(cell.load.completed > 0, "{cell:?}");
        let cpu_ns = &cell.costs.server_cpu_ns_per_request;
        assert!(cpu_ns.usable().is_some(), "{cell:?}");
    }
    result
}

pub(crate) fn has_node() -> bool {
    let found = runs("node") && runs("npm");
    if !found {
        eprintln!(
            "*** SKIPPED: node and npm are not on this machine (Debian: nodejs npm): the targets \
             of Node.js were NOT tried ***"
        );
    }
    found
}

#[test]
fn strangers_with_sessions_are_measured_beside_ours() {
    if !has_node() {
        return;
    }
    let strangers = ["express-session-memory", "express-session-redis", "lucia"];
    let targets = strangers.map(target);
    let mut names = vec!["session.memory.cookie"];
    names.extend(targets.iter().map(String::as_str));
    let result = measured(&names, 3);
    let facts = |name: &str| {
        let mut all = result.strategies.iter();
        all.find(|one| one.strategy == name).unwrap()
    };
    for name in strangers {
        let revocation = facts(name).revocation.as_ref().unwrap();
        assert_eq!((revocation.samples, revocation.never_accepted), (3, 3));
        let elsewhere = facts(name).revocation_elsewhere.is_some();
        assert_eq!(elsewhere, name == "express-session-redis");
        // What only our own servers tell is missing, and not zero.
        assert_eq!(facts(name).lookups_per_request.usable(), None);
    }
    let ours = facts("session.memory.cookie");
    assert_eq!(ours.lookups_per_request.usable(), Some(1.0));
}

#[test]
fn strangers_that_remember_nothing_are_measured() {
    if !has_node() {
        return;
    }
    // A dead credential of theirs would be followed for as long as one may be.
    let result = measured(&[&target("express-jwt"), &target("authjs")], 0);
    let octets = |one: &authbench_results::StrategyFacts| one.token_bytes.unwrap();
    assert!(result.strategies.iter().all(|one| octets(one) > 100));
}

#[test]
fn a_stranger_of_rust_is_built_from_its_own_lock_file() {
    let result = measured(&[&target("tower-sessions")], 3);
    let revocation = result.strategies[0].revocation.as_ref().unwrap();
    assert_eq!(revocation.never_accepted, revocation.samples);
}

#[test]
fn a_missing_program_leaves_its_target_out_and_is_said() {
    let folder = Folder::new();
    let names = ["session.memory.cookie", &target("express-jwt")];
    folder.write("tiny.toml", &scenario(&names, 0));
    let output = folder
        .command(&["run", "tiny.toml"])
        .env("PATH", folder.path())
        .output()
        .unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("express-jwt is LEFT OUT: `node` is not"),
        "{said}"
    );
    let result = authbench_results::store::read(&folder.files(".json")[0]).unwrap();
    let [skipped] = result.skipped.as_slice() else {
        panic!("{:?}", result.skipped)
    };
    assert!(
        skipped.optional && skipped.strategy == "express-jwt",
        "{skipped:?}"
    );
    assert!(skipped.reason.contains("install Node.js"), "{skipped:?}");
}

#[test]
fn what_a_stranger_cannot_do_is_refused_with_the_reason() {
    let folder = Folder::new();
    let text = scenario(&[&target("tower-sessions")], 0);
    folder.write("chain.toml", &format!("{text}[topology]\nhops = 2\n"));
    let output = folder.run(&["run", "chain.toml"]);
    assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
    let said = stderr(&output);
    assert!(
        said.contains("a chain of services, which a server that"),
        "{said}"
    );
    let output = folder.run(&["run", "quick", "--strategy", "lucia"]);
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    assert!(stderr(&output).contains("the files of `lucia` are not here"));
}
