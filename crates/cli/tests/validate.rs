//! `authbench results validate`.

use std::fs;
use std::path::Path;

use crate::support::{Folder, TINY, stderr, stdout};

const OURS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../results");

/// A copy of the results of this repository.
fn copied() -> Folder {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let to = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                // Runs are not kept in the repository.
                if entry.file_name() != "runs" {
                    copy(&entry.path(), &to);
                }
            } else {
                fs::copy(entry.path(), to).unwrap();
            }
        }
    }
    let folder = Folder::new();
    copy(Path::new(OURS), &folder.path().join("results"));
    folder
}

/// What is said of the files below `results`.
fn said(folder: &Folder) -> (Option<i32>, String) {
    let output = folder.run(&["results", "validate"]);
    assert_eq!(stderr(&output), "");
    (output.status.code(), stdout(&output))
}

#[test]
fn the_results_of_this_repository_are_good() {
    let (code, told) = said(&copied());
    assert_eq!(code, Some(0), "{told}");
    assert!(told.ends_with("all good\n"), "{told}");
}

#[test]
fn what_a_run_writes_is_good_and_a_corrupted_copy_is_not() {
    let folder = Folder::new();
    assert_eq!(said(&folder).0, Some(3), "there is nothing to check");
    folder.write("tiny.toml", TINY);
    let run = folder.run(&["run", "tiny.toml"]);
    assert!(run.status.code() != Some(2), "{}", stderr(&run));
    let (code, told) = said(&folder);
    assert_eq!(code, Some(0), "{told}");
    let file = folder.files(".json").remove(0);
    let text = fs::read_to_string(&file).unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    for (corrupted, problem) in [
        (text[..text.len() / 2].to_owned(), "line 1 column"),
        (text.replacen("\"seed\":", "\"sead\":", 1), "sead"),
        (
            text.replacen("authbench.result/1", "authbench.gate/1", 1),
            "`runs` holds \"authbench.result/1\"",
        ),
        (
            text.replacen("\"strategy\":\"jwt", "\"strategy\":\"jwd", 1),
            "contradicts itself",
        ),
        ("{}".to_owned(), "no `schema`"),
    ] {
        fs::write(&file, corrupted).unwrap();
        let (code, told) = said(&folder);
        assert_eq!(code, Some(1), "{told}");
        assert!(
            told.contains(name) && told.contains(problem),
            "{problem}: {told}"
        );
        assert!(told.ends_with("1 files checked, 1 problems\n"), "{told}");
    }
}

#[test]
fn strangers_edited_schemas_and_broken_lines_are_told() {
    let folder = copied();
    let schema = folder
        .path()
        .join("results/schema/authbench.gate-1.schema.json");
    let text = fs::read_to_string(&schema).unwrap();
    fs::write(&schema, text.replacen("\"number\"", "\"string\"", 1)).unwrap();
    folder.write("results/notes.txt", "what I saw");
    folder.write("results/README.md", "prose is no result");
    let good = r#"{"schema":"authbench.history/1","commit":"9f2c1ab4","at":"2026-01-01T00:00:00Z","machine":"0123456789ab","run":"r","strategy":"s","metric":"m_ns","class":"cpu","value":1.0,"low":null,"high":null}"#;
    folder.write(
        "results/history/0123456789ab.jsonl",
        &format!("{good}\n{}", &good[..50]),
    );
    let output = folder.run(&["results", "validate", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let told: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let problems: Vec<String> = told["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(problems.len(), 3, "{problems:#?}");
    assert!(problems[0].contains("0123456789ab.jsonl") && problems[0].contains("line 2"));
    assert!(problems[1].contains("notes.txt") && problems[1].contains("no kind of result"));
    assert!(problems[2].contains("gate-1.schema.json") && problems[2].contains("line "));
    let missing = folder.run(&["results", "validate", "nowhere"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(stderr(&missing).contains("nowhere"), "{}", stderr(&missing));
}
