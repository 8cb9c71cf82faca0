//! `authbench run`, to its end and to an untimely one.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Folder, TINY, stderr, stdout};

#[test]
fn a_run_ends_with_a_table_a_result_and_a_page() {
    let folder = Folder::new();
    folder.write("tiny.toml", TINY);
    let output = folder.run(&["run", "tiny.toml"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    for expected in [
        "session.memory.cookie",
        "jwt.hs256.bearer",
        "at once",
        "15.0 min",
        "result ",
    ] {
        assert!(text.contains(expected), "no `{expected}` in:\n{text}");
    }
    let results = folder.files(".json");
    assert_eq!(results.len(), 1, "{results:?}");
    let result = authbench_results::store::read(&results[0]).unwrap();
    assert_eq!(result.cells.len(), 2);
    assert!(!result.run.interrupted && result.skipped.is_empty());
    for cell in &result.cells {
        assert_eq!(cell.outcomes.wrong_judgements(), 0, "{cell:?}");
        assert!(cell.load.completed > 0 && cell.costs.server_cpu_ns_per_request.usable().is_some());
    }
    let [session, jwt] = result.strategies.as_slice() else {
        panic!("{:?}", result.strategies)
    };
    let revocation = session.revocation.as_ref().unwrap();
    assert_eq!((revocation.samples, revocation.never_accepted), (3, 3));
    assert_eq!(session.lookups_per_request.usable(), Some(1.0));
    // The measured life of a revoked token is what was left of its 900 s: the
    // last replay before the expiry may be a millisecond early.
    let lived_on = jwt.revocation.as_ref().unwrap();
    assert_eq!(
        (lived_on.never_accepted, lived_on.accepted_after_deadline),
        (0, 0)
    );
    let max_s = lived_on.max_ns().unwrap() / 1_000_000_000;
    assert!((890..=901).contains(&max_s), "{max_s} s");
    assert_eq!(jwt.lookups_per_request.usable(), Some(0.0));
    // The page again, from the file alone.
    let page = folder.files(".html").remove(0);
    let first = std::fs::read_to_string(&page).unwrap();
    let again = folder.run(&[
        "report",
        results[0].to_str().unwrap(),
        "--out",
        "again.html",
    ]);
    assert_eq!(again.status.code(), Some(0), "{}", stderr(&again));
    assert_eq!(
        std::fs::read_to_string(folder.path().join("again.html")).unwrap(),
        first
    );
}

#[test]
fn ctrl_c_keeps_what_was_measured_and_ends_every_child() {
    let folder = Folder::new();
    let long = TINY.replace("measure_ms = 300", "measure_ms = 60000");
    folder.write("long.toml", &long);
    let mut child = folder
        .command(&["run", "long.toml"])
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let is_cell = |line: &String| line.contains("400/s");
    assert!(
        lines
            .by_ref()
            .map(Result::unwrap)
            .any(|line| is_cell(&line))
    );
    kill(
        Pid::from_raw(child.id().try_into().unwrap()),
        Signal::SIGINT,
    )
    .unwrap();
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{rest:?}");
    assert!(
        stdout(&output).contains("interrupted"),
        "{}",
        stdout(&output)
    );
    let result = authbench_results::store::read(&folder.files(".json")[0]).unwrap();
    assert!(result.run.interrupted);
    assert_eq!(result.strategies.len(), 2);
}

#[test]
fn a_folder_that_cannot_be_written_loses_nothing() {
    let folder = Folder::new();
    folder.write("tiny.toml", TINY);
    // A file where the folder should be: root cannot write there, either.
    let blocked = folder.write("blocked", "");
    let output = folder
        .command(&[
            "run",
            "tiny.toml",
            "--out",
            "blocked/runs",
            "--strategy",
            "jwt.hs256.bearer",
        ])
        .env("TMPDIR", folder.path())
        .output()
        .unwrap();
    let told = stderr(&output);
    assert!(
        told.contains("blocked/runs") && told.contains("written to"),
        "{told}"
    );
    assert_eq!(std::fs::read_to_string(blocked).unwrap(), "");
    let results = folder.files(".json");
    assert_eq!(results.len(), 1);
    assert_eq!(
        authbench_results::store::read(&results[0])
            .unwrap()
            .cells
            .len(),
        1
    );
}
