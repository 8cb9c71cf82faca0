use std::fs;

use authbench_results::{CountedFigure, Toolchain};
use tempfile::TempDir;

use super::*;

fn checkout(with_results: bool) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    git(root, &["init", "--quiet", "--initial-branch=main"]).unwrap();
    for setting in [["user.name", "test"], ["user.email", "test@example.com"]] {
        git(root, &["config", setting[0], setting[1]]).unwrap();
    }
    fs::write(root.join("code"), "1").unwrap();
    if with_results {
        fs::create_dir(root.join(RESULTS)).unwrap();
        fs::write(root.join(RESULTS).join("kept"), "").unwrap();
    }
    git(root, &["add", "."]).unwrap();
    git(root, &["commit", "--quiet", "--message", "first"]).unwrap();
    folder
}

fn counted_as(value: f64) -> Counted {
    Counted {
        figures: vec![CountedFigure {
            class: MetricClass::Exact,
            strategy: "session.memory".to_owned(),
            metric: "token_bytes".to_owned(),
            value,
        }],
        toolchain: Toolchain::default(),
        skipped: vec!["instructions: no valgrind".to_owned()],
    }
}

fn args(because: &str) -> Args {
    Args {
        because: because.to_owned(),
        allow_unqualified: true,
        no_commit: false,
    }
}

fn refused(root: &Path, allow_unqualified: bool) -> String {
    let error = Ready::new(root, allow_unqualified).err().unwrap();
    assert_eq!(Outcome::of_error(&error), Outcome::NotMeasured);
    error.to_string()
}

#[test]
fn changes_without_a_commit_are_not_blessed() {
    let folder = checkout(true);
    fs::write(folder.path().join("new"), "").unwrap();
    let error = refused(folder.path(), true);
    assert!(error.contains("`?? new`"), "{error}");
    fs::remove_file(folder.path().join("new")).unwrap();
    fs::write(folder.path().join("code"), "2").unwrap();
    let error = refused(folder.path(), true);
    assert!(
        error.contains("M code") && error.contains("commit them"),
        "{error}"
    );
}

#[test]
fn a_folder_without_results_is_no_place_for_a_baseline() {
    let folder = checkout(false);
    let error = refused(folder.path(), true);
    assert!(error.contains("results is not there"), "{error}");
}

#[test]
fn a_machine_that_was_never_qualified_needs_leave() {
    let folder = checkout(true);
    let error = refused(folder.path(), false);
    assert!(
        error.contains("gate --aa") && error.contains("--allow-unqualified"),
        "{error}"
    );
    let ready = Ready::new(folder.path(), true).unwrap();
    assert_eq!(ready.warnings.len(), 1);
}

#[test]
fn nothing_is_blessed_where_nothing_was_counted() {
    let folder = checkout(true);
    let ready = Ready::new(folder.path(), true).unwrap();
    let nothing = Counted {
        figures: Vec::new(),
        ..counted_as(0.0)
    };
    assert!(ready.bless(&args("why"), nothing).is_err());
    assert!(!folder.path().join("results/baselines").exists());
}

#[test]
fn a_baseline_has_a_commit_of_its_own_with_the_reason() {
    let folder = checkout(true);
    let root = folder.path();
    for (value, because) in [(43.0, "the first"), (64.0, "longer identifiers")] {
        let blessed = git(root, &["rev-parse", "HEAD"]).unwrap();
        let ready = Ready::new(root, true).unwrap();
        let path = ready.bless(&args(because), counted_as(value)).unwrap();
        commit(root, &path, because).unwrap();
        let baseline: Baseline = read(&path).unwrap();
        assert_eq!(baseline.because, because);
        assert_eq!(baseline.source.commit, Some(blessed));
        assert_eq!(baseline.figures[0].value, value);
        assert_eq!(
            baseline.warnings.len(),
            2,
            "unqualified, and no instructions"
        );
        let touched = git(root, &["show", "--name-only", "--format=%s", "HEAD"]).unwrap();
        let lines: Vec<&str> = touched.lines().filter(|it| !it.is_empty()).collect();
        assert_eq!(
            lines,
            [
                &format!("Baseline: {because}"),
                "results/baselines/main.json"
            ]
        );
        assert_eq!(git(root, &["status", "--porcelain"]).unwrap(), "");
    }
}

#[test]
fn the_worst_change_is_shown_first_and_what_is_equal_is_not_shown() {
    let folder = checkout(true);
    let ready = Ready::new(folder.path(), true).unwrap();
    let path = ready.bless(&args("x"), counted_as(43.0)).unwrap();
    let mut before: Baseline = read(&path).unwrap();
    let figure = |metric: &str, value| CountedFigure {
        metric: metric.to_owned(),
        ..counted_as(value).figures.remove(0)
    };
    before.figures = vec![
        figure("same", 1.0),
        figure("little", 100.0),
        figure("much", 100.0),
    ];
    let now = Baseline {
        figures: vec![
            figure("same", 1.0),
            figure("little", 101.0),
            figure("much", 150.0),
        ],
        ..before.clone()
    };
    let shown = changes(&Rules::default(), &before, &now);
    let place = |text: &str| shown.find(text);
    assert!(
        place("much") < place("little") && place("same").is_none(),
        "{shown}"
    );
    assert!(shown.contains("2 of 3 figures differ"), "{shown}");
    assert!(shown.contains("+50.00 %"), "{shown}");
}
