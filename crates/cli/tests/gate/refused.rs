//! What is wrong before anything is measured: 2 if whoever typed the command
//! can mend it there or in the rules, and else 3.

use authbench_results::{
    Baseline, BaselineVersion, CountedFigure, MetricClass, Source, Standing, Toolchain,
};

use super::{MEASURED, PROGRAM, contents, folder, gate, told};
use crate::support::{Folder, stderr};

const BASELINE: &str = "results/baselines/main.json";

/// The sources of this program.
const TREE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[test]
fn without_a_baseline_the_way_out_is_told_in_every_form() {
    let folder = Folder::new();
    let outputs = ["--junit", "out/junit.xml", "--markdown", "out/gate.md"];
    for sides in [
        &["--candidate", PROGRAM][..],
        // Of a tree figures are counted, which must be held against something; a
        // program has none.
        &["--candidate", TREE, "--base", PROGRAM],
    ] {
        let output = folder.run(&[&["gate"][..], sides, &outputs].concat());
        let (code, first) = told(&output);
        assert_eq!(code, Some(3), "{first}\n{}", stderr(&output));
        for part in [BASELINE, "authbench results bless", "--base"] {
            assert!(first.contains(part), "{first}");
        }
        for name in ["out/junit.xml", "out/gate.md"] {
            let text = std::fs::read_to_string(folder.path().join(name)).unwrap();
            assert!(text.contains("there is no baseline"), "{name}: {text}");
        }
        let made = folder.files("");
        assert_eq!(made.len(), 2, "{made:?}");
    }
}

#[test]
fn a_damaged_baseline_is_named_and_left_as_it_is() {
    let good = serde_json::to_string_pretty(&baseline()).unwrap();
    for (text, problem) in [
        (good[..good.len() / 2].to_owned(), "line "),
        (
            good.replace("baseline/1", "baseline/99"),
            "authbench.baseline/99",
        ),
        (good.replace("\"because\"", "\"becuase\""), "becuase"),
    ] {
        let folder = folder();
        folder.write(BASELINE, &text);
        let before = contents(&folder);
        let output = gate(&folder, PROGRAM, &[]);
        let (code, first) = told(&output);
        assert_eq!(code, Some(3), "{first}\n{}", stderr(&output));
        assert!(first.starts_with("Not measured: "), "{first}");
        assert!(
            first.contains(BASELINE) && first.contains(problem),
            "{first}"
        );
        assert_eq!(contents(&folder), before);
    }
}

#[test]
fn a_damaged_qualification_is_no_qualification() {
    let folder = folder();
    let machine = authbench_results::Environment::read(authbench_results::Placement::default());
    let machine = machine.short_fingerprint().to_owned();
    let name = format!("results/qualifications/{machine}/x.json");
    folder.write(&name, "{\"schema\": \"authbench.qualification/1\"");
    let before = contents(&folder);
    let output = gate(&folder, PROGRAM, &[]);
    let (code, first) = told(&output);
    assert_eq!(code, Some(3), "{first}\n{}", stderr(&output));
    assert!(
        first.contains(&name) && first.contains("line 1 column"),
        "{first}"
    );
    assert_eq!(contents(&folder), before);
}

#[test]
fn a_baseline_whose_commit_is_not_here_is_no_fault_of_the_command() {
    let folder = folder();
    let text = serde_json::to_string_pretty(&baseline()).unwrap();
    folder.write(BASELINE, &text);
    let sides = ["gate", "--candidate", PROGRAM];
    let output = folder.run(&[&sides[..], &MEASURED[..]].concat());
    let (code, first) = told(&output);
    assert_eq!(code, Some(3), "{first}\n{}", stderr(&output));
    for part in [BASELINE, &"a".repeat(40), "git fetch --unshallow"] {
        assert!(first.contains(part), "{first}");
    }
}

#[test]
fn a_wrong_command_line_is_told_apart_from_a_gate_that_could_not_judge() {
    for (more, problem) in [
        (
            &["--base", "no-such-revision"][..],
            "`no-such-revision` is no file",
        ),
        (
            &["--strategy", "session.memory.cookei"],
            "`session.memory.cookie`",
        ),
        (&["--strategy", "wrong.bearer.toml"], "wrong.bearer.toml:4:"),
        (&["--scenario", "quik"], "quik"),
        (&["--classes", "speed"], "speed"),
        (&["--aa", "1", "--inject", "10:slep"], "slep"),
        (&["--inject=-3%"], "percent above 0"),
    ] {
        let folder = folder();
        folder.write(
            "wrong.bearer.toml",
            "summary = \"s\"\n[scheme.jwt]\nalgorithm = \"HS256\"\n[store.memory]\n\
             [transport.bearer]\n",
        );
        let before = contents(&folder);
        let base: &[&str] = if more[0] == "--base" {
            &[]
        } else {
            &["--base", PROGRAM]
        };
        let sides = ["gate", "--candidate", PROGRAM, "--rules", "rules.toml"];
        let classes: &[&str] = if more[0] == "--classes" {
            &[]
        } else {
            &["--classes", "cpu"]
        };
        let output = folder.run(&[&sides[..], base, classes, more].concat());
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{more:?}: {said}");
        assert!(said.contains(problem), "{more:?}: {said}");
        assert_eq!(contents(&folder), before);
    }
}

#[test]
fn wrong_rules_are_told_with_their_place() {
    for (from, to, problem) in [
        (
            "blocks = 6\nconfirm",
            "blokcs = 6\nconfirm",
            "gate.toml:2:1: ",
        ),
        ("cpu = 60", "cpu = \"much\"", "gate.toml:14:7: "),
        ("connections = 2", "connections = 0", "gate.toml:7:"),
        ("[budgets]", "[budgets", "gate.toml:13:"),
    ] {
        let folder = folder();
        // What stands in the folder is found without being named.
        assert!(super::RULES.contains(from), "{from}");
        folder.write("gate.toml", &super::RULES.replacen(from, to, 1));
        let output = folder.run(&["gate", "--base", PROGRAM, "--candidate", PROGRAM]);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(problem), "{said}");
    }
}

#[test]
fn options_that_would_be_ignored_are_refused() {
    let folder = folder();
    for (arguments, named) in [
        (&["--aa", "1", "--base", PROGRAM][..], "--base"),
        (&["--inject", "10", "--baseline", "main.json"], "--baseline"),
        (&["--aa", "1", "--junit", "junit.xml"], "--junit"),
        (&["--inject", "10", "--format", "md"], "--format"),
        (&["--aa", "1", "--verbose"], "--verbose"),
        (&["--rounds", "3"], "--inject"),
        (
            &["--aa", "1", "--inject", "10", "--rounds", "3"],
            "--rounds",
        ),
        (&["--candidate", "x.json"], "--base"),
    ] {
        let sides = ["gate", "--candidate", PROGRAM];
        let sides = if arguments[0] == "--candidate" {
            &sides[..1]
        } else {
            &sides
        };
        let output = folder.run(&[sides, arguments].concat());
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(named), "{arguments:?}: {said}");
    }
    assert!(!folder.path().join("results").exists());
}

/// A baseline of a commit that no repository has.
fn baseline() -> Baseline {
    Baseline {
        schema: BaselineVersion::V1,
        blessed_at: "2026-01-01T00:00:00Z".to_owned(),
        because: "a first one".to_owned(),
        source: Source {
            commit: Some("a".repeat(40)),
            dirty: Some(false),
            ..Source::default()
        },
        toolchain: Toolchain::default(),
        qualification: Standing::default(),
        figures: vec![CountedFigure {
            class: MetricClass::Exact,
            strategy: "session.memory.cookie".to_owned(),
            metric: "token_bytes".to_owned(),
            value: 43.0,
        }],
        warnings: Vec::new(),
    }
}
