//! Strangers' servers: installed, started and measured beside ours.

use std::path::{Path, PathBuf};
use std::process::Command;

use authbench_results::RunResult;

use crate::support::{Folder, TINY, stderr, stdout};

fn target(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/targets");
    let folder: PathBuf = folder.canonicalize().unwrap();
    folder.join(name).to_string_lossy().into_owned()
}

/// The tiny scenario with these in place of its strategies.
fn scenario(names: &[&str]) -> String {
    let text = TINY.replace("hashed = 1\nunhashed", "hashed = 0\nunhashed");
    let ours = r#"strategies = ["session.memory.cookie", "jwt.hs256.bearer"]"#;
    assert!(text.contains(ours));
    text.replace(ours, &format!("strategies = {names:?}"))
        .replace("rates_per_s = [400]", "rates_per_s = [100]")
}

fn runs(program: &str) -> bool {
    let output = Command::new(program).arg("--version").output();
    output.is_ok_and(|output| output.status.success())
}

/// Runs the scenario, and checks what is true of everybody.
fn measured(names: &[&str]) -> RunResult {
    let folder = Folder::new();
    folder.write("tiny.toml", &scenario(names));
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

#[test]
fn strangers_of_node_are_measured_beside_ours() {
    if !(runs("node") && runs("npm")) {
        eprintln!(
            "*** SKIPPED: node and npm are not on this machine (Debian: nodejs npm): the targets \
             of Node.js were NOT tried ***"
        );
        return;
    }
    let strangers = [
        "express-session-memory",
        "express-session-redis",
        "express-jwt",
        "lucia",
        "authjs",
    ];
    let targets = strangers.map(target);
    let mut names = vec!["session.memory.cookie"];
    names.extend(targets.iter().map(String::as_str));
    let result = measured(&names);
    let facts = |name: &str| {
        let mut all = result.strategies.iter();
        all.find(|one| one.strategy == name).unwrap()
    };
    for stateful in ["express-session-memory", "express-session-redis", "lucia"] {
        let revocation = facts(stateful).revocation.as_ref().unwrap();
        assert_eq!(revocation.never_accepted, revocation.samples, "{stateful}");
    }
    // Nothing is remembered that could be forgotten.
    for stateless in ["express-jwt", "authjs"] {
        let revocation = facts(stateless).revocation.as_ref().unwrap();
        assert_eq!(revocation.never_accepted, 0, "{stateless}");
    }
    let elsewhere = |name: &str| facts(name).revocation_elsewhere.is_some();
    assert!(elsewhere("express-session-redis") && !elsewhere("lucia"));
    // What only our own servers tell is missing, and not zero.
    let lookups = |name: &str| facts(name).lookups_per_request.usable();
    assert_eq!(lookups("session.memory.cookie"), Some(1.0));
    assert!(strangers.iter().all(|name| lookups(name).is_none()));
}

#[test]
fn a_stranger_of_rust_is_built_from_its_own_lock_file() {
    let result = measured(&[&target("tower-sessions")]);
    let revocation = result.strategies[0].revocation.as_ref().unwrap();
    assert_eq!(revocation.never_accepted, revocation.samples);
}

#[test]
fn a_missing_program_leaves_its_target_out_and_is_said() {
    let folder = Folder::new();
    let names = ["session.memory.cookie", &target("express-jwt")];
    folder.write("tiny.toml", &scenario(&names));
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
    let text = scenario(&[&target("tower-sessions")]);
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
