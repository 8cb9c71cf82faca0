//! Two result files.

use authbench_results::{RunResult, document};

use super::{PROGRAM, contents};
use crate::history::fixture;
use crate::support::{Folder, stderr, stdout};

/// A folder with `base.json` and `candidate.json`, made up.
fn two_files(change: impl FnOnce(&mut RunResult)) -> Folder {
    let folder = Folder::new();
    let mut result = fixture::result();
    let text = serde_json::to_string(&result).unwrap();
    folder.write("base.json", &text);
    change(&mut result);
    folder.write("candidate.json", &serde_json::to_string(&result).unwrap());
    let read: RunResult = document::read(&folder.path().join("base.json")).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    folder
}

const COMPARED: [&str; 3] = ["compare", "base.json", "candidate.json"];
const JUDGED: [&str; 5] = [
    "gate",
    "--base",
    "base.json",
    "--candidate",
    "candidate.json",
];

#[test]
fn files_are_compared_and_it_is_said_that_they_were_not_interleaved() {
    let folder = two_files(|_| ());
    let output = folder.run(&COMPARED);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("NOT INTERLEAVED"),
        "{}",
        stderr(&output)
    );
    let said = stdout(&output);
    assert!(said.contains("NOT INTERLEAVED"), "{said}");
    assert!(said.contains("jwt.es256.bearer @ 12000/s"), "{said}");
    assert!(!said.contains("DIFFERENT MACHINES"), "{said}");
}

#[test]
fn a_time_of_a_file_never_fails_a_gate_and_a_count_does() {
    let folder = two_files(|result| {
        for cell in &mut result.cells {
            let cpu = &mut cell.costs.server_cpu_ns_per_request;
            cpu.value = cpu.value.map(|ns| ns * 3.0);
        }
    });
    let output = folder.run(&[&JUDGED[..], &["--rules", "r.toml"]].concat());
    assert_eq!(output.status.code(), Some(2), "there are no such rules");
    folder.write("r.toml", "required = [\"exact\"]\n");
    let output = folder.run(&[&JUDGED[..], &["--rules", "r.toml"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let folder = two_files(|result| {
        let facts = &mut result.strategies[0];
        facts.token_bytes = facts.token_bytes.map(|octets| octets + 1);
    });
    let output = folder.run(&JUDGED);
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let first = said.lines().next().unwrap();
    assert!(
        first.contains("token") && first.contains("session.memory.cookie"),
        "{first}"
    );
    let output = folder.run(&[&JUDGED[..], &["--junit", "base.json/junit.xml"]].concat());
    assert_eq!(output.status.code(), Some(1), "a regression stays one");
    assert!(stderr(&output).contains("base.json/junit.xml cannot be written"));
}

#[test]
fn a_summary_is_appended_in_a_job_and_refused_elsewhere() {
    let folder = two_files(|_| ());
    let summary = folder.write("summary.md", "before\n");
    let with = |variable: Option<&std::path::Path>| {
        let mut command = folder.command(&[&COMPARED[..], &["--markdown", "-"]].concat());
        command.env_remove("GITHUB_STEP_SUMMARY");
        command.envs(variable.map(|file| ("GITHUB_STEP_SUMMARY", file)));
        command.output().unwrap()
    };
    let output = with(None);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert_eq!(stdout(&output), "");
    let output = with(Some(&summary));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = std::fs::read_to_string(summary).unwrap();
    assert!(
        text.starts_with("before\n#") || text.starts_with("before\n\n#"),
        "{text}"
    );
}

#[test]
fn a_damaged_file_is_named_with_the_place() {
    let folder = two_files(|_| ());
    let text = std::fs::read_to_string(folder.path().join("base.json")).unwrap();
    folder.write("candidate.json", &text[..text.len() / 2]);
    let before = contents(&folder);
    let compared = folder.run(&COMPARED);
    let judged = folder.run(&JUDGED);
    for (output, said) in [(&compared, stderr(&compared)), (&judged, stdout(&judged))] {
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains("candidate.json"), "{said}");
        assert!(said.contains("line 1 column"), "{said}");
    }
    assert_eq!(contents(&folder), before);
}

#[test]
fn a_file_of_another_machine_is_looked_at_and_not_judged() {
    let folder = two_files(|result| {
        result.environment.fingerprint = "0".repeat(result.environment.fingerprint.len());
    });
    let output = folder.run(&COMPARED);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        stdout(&output).contains("DIFFERENT MACHINES"),
        "{}",
        stdout(&output)
    );
    let output = folder.run(&JUDGED);
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.lines()
            .next()
            .unwrap()
            .contains("made on different machines"),
        "{said}"
    );
}

#[test]
fn a_file_and_a_program_cannot_be_compared() {
    let folder = two_files(|_| ());
    for sides in [["base.json", PROGRAM], [PROGRAM, "base.json"]] {
        let compared = folder.run(&["compare", sides[0], sides[1]]);
        let judged = folder.run(&["gate", "--base", sides[0], "--candidate", sides[1]]);
        for output in [compared, judged] {
            let said = stderr(&output);
            assert_eq!(output.status.code(), Some(2), "{said}");
            assert!(
                said.contains("base.json is a result file and the other side"),
                "{said}"
            );
        }
    }
}
