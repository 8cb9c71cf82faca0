//! `authbench gate` and `authbench compare`, as a pipeline meets them. The rules
//! are so wide that noise cannot make a gate red: it would have to look like
//! 60 % in each of six blocks, and once more in six others.

mod files;
mod refused;
mod stopped;
mod strangers;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Output;

use authbench_results::{GateReport, Qualification, Verdict, document};

use crate::support::{Folder, stderr, stdout};

const RULES: &str = r#"
blocks = 6
confirm_blocks = 6
warmup_ms = 10
segment_ms = 30
palindromes = 3
connections = 2
users = 10
load_percent = 15
blind_percent = 100
required = ["cpu"]
scenario = "tiny.toml"
[budgets]
cpu = 60
wall = 90
"#;

/// However late the driver is: other tests run beside these.
const SCENARIO: &str = r#"
summary = "one strategy, and a driver that may be late"
seed = 1
strategies = ["session.memory.cookie"]
[population]
users = 40
[mix]
read = 8
mutate = 1
logout = 1
[load]
process = "constant"
rates_per_s = [400]
connections = 2
warmup_ms = 10
measure_ms = 300
blocks = 1
timeout_ms = 5000
lag_budget_us = 1000000
[login]
hashed = 0
unhashed = 1
[memory]
logins = 0
[revocation]
logins = 0
replay_ms = [0]
"#;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_authbench");
const CELL: &str = "session.memory.cookie/server_cpu_ns_per_request";
/// What follows every command that measures.
const MEASURED: [&str; 5] = ["--rules", "rules.toml", "--classes", "cpu,wall", "--quiet"];

/// A folder with rules and scenario.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("rules.toml", RULES);
    folder.write("tiny.toml", SCENARIO);
    folder
}

/// Puts a program of these lines into the folder.
fn script(folder: &Folder, name: &str, lines: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.write(name, &format!("#!/bin/sh\n{lines}\n"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    format!("./{name}")
}

/// The gate of a candidate against the program.
fn gate(folder: &Folder, candidate: &str, more: &[&str]) -> Output {
    let named = ["gate", "--base", PROGRAM, "--candidate", candidate];
    folder.run(&[&named[..], &MEASURED[..], more].concat())
}

/// Every file below the folder, with its octets.
fn contents(folder: &Folder) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = folder.files("").into_iter();
    files
        .map(|file| (file.clone(), std::fs::read(file).unwrap()))
        .collect()
}

/// The exit code, and the first line, which tells what it means.
fn told(output: &Output) -> (Option<i32>, String) {
    let said = stdout(output);
    let first = said.lines().next().unwrap_or_default();
    (output.status.code(), first.to_owned())
}

fn is_valid(folder: &Folder) {
    let output = folder.run(&["results", "validate"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
}

#[test]
fn a_program_against_itself_is_not_red_and_every_output_can_be_read() {
    let folder = folder();
    let outputs = [
        ["--json", "out/gate.json"],
        ["--markdown", "out/gate.md"],
        ["--junit", "out/junit.xml"],
        ["--html", "out/gate.html"],
        ["--bmf", "out/bmf.json"],
        ["--github-benchmark", "out/github.json"],
    ];
    let mut more = outputs.concat();
    more.push("--annotations");
    let output = gate(&folder, PROGRAM, &more);
    let (code, first) = told(&output);
    assert!(matches!(code, Some(0 | 3)), "{first}\n{}", stderr(&output));
    let said = stdout(&output);
    assert!(said.contains("both sides are the same program"), "{said}");
    assert!(said.contains("\n::notice"), "{said}");
    assert!(said.contains("NOT been qualified"), "{said}");

    let report: GateReport = document::read(&folder.path().join("out/gate.json")).unwrap();
    assert_eq!(code == Some(3), report.verdict == Verdict::NotMeasured);
    assert!(report.blocks.len() >= 6 && report.cells.len() == 3);
    assert!(report.cells.iter().all(|cell| !cell.is_red()));
    is_valid(&folder);
    let kept = folder.files("nocommit-nocommit.json");
    assert_eq!(document::read::<GateReport>(&kept[0]).unwrap(), report);

    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    for (name, begin, within) in [
        ("out/gate.md", "#", "session.memory.cookie"),
        ("out/junit.xml", "<?xml", "server_cpu_ns_per_request"),
        ("out/gate.html", "<!doctype html>", "session.memory.cookie"),
    ] {
        let text = read(name);
        assert!(text.to_lowercase().starts_with(begin), "{name}: {text}");
        assert!(text.contains(within), "{name}: {text}");
    }
    let bmf: serde_json::Value = serde_json::from_str(&read("out/bmf.json")).unwrap();
    let github: serde_json::Value = serde_json::from_str(&read("out/github.json")).unwrap();
    if code == Some(0) {
        assert!(bmf[CELL]["server-cpu"]["value"].is_number(), "{bmf}");
        assert_eq!(github.as_array().unwrap().len(), 3, "{github}");
    }
}

#[test]
fn a_slower_candidate_is_red_and_named_with_its_size() {
    let folder = folder();
    let lines = format!("exec '{PROGRAM}' \"$@\" --lab-burn-ns 1000000");
    let slow = script(&folder, "slow", &lines);
    let output = gate(&folder, &slow, &["--junit", "junit.xml"]);
    let (code, first) = told(&output);
    assert_eq!(code, Some(1), "{first}\n{}", stderr(&output));
    for part in [
        "Regressed",
        "session.memory.cookie",
        "server_cpu_ns_per_request",
        "interval",
    ] {
        assert!(first.contains(part), "{first}");
    }
    let junit = std::fs::read_to_string(folder.path().join("junit.xml")).unwrap();
    assert!(junit.contains("<failure"), "{junit}");
    is_valid(&folder);
}

#[test]
fn an_injection_is_found_and_later_gates_tell_of_it() {
    let folder = folder();
    let named = [
        "gate",
        "--candidate",
        PROGRAM,
        "--aa",
        "1",
        "--inject",
        "400%",
    ];
    let output = folder.run(&[&named[..], &MEASURED[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let said = stdout(&output);
    assert!(said.contains("1 of 1 found +400 %"), "{said}");
    is_valid(&folder);
    let kept = folder.files("-nocommit.json");
    let kept: Qualification = document::read(&kept[0]).unwrap();
    let verdicts: Vec<_> = kept.gates.iter().map(|gate| gate.verdict).collect();
    assert_eq!((verdicts.len(), verdicts[1]), (2, Verdict::Regressed));
    assert!(verdicts[0] != Verdict::Regressed, "{verdicts:?}");

    let before = contents(&folder);
    let later = gate(&folder, "/bin/false", &[]);
    let said = stdout(&later);
    assert!(
        said.contains("of 1 gates over identical programs were red"),
        "{said}"
    );
    assert_eq!(
        contents(&folder),
        before,
        "what could not be judged is not kept"
    );
}
