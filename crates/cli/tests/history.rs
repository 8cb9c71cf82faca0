//! `results record` and `results history`, over files that are made up here.

#[path = "../../results/tests/fixture/mod.rs"]
#[expect(dead_code, reason = "only the plain result is needed here")]
pub(crate) mod fixture;

use std::sync::OnceLock;

use authbench_results::{
    Baseline, BaselineVersion, BenchFigure, CountedFigure, Invalid, MetricClass, RunResult,
    Standing, Toolchain, rfc3339,
};
use serde_json::Value;

use crate::support::{Folder, stderr, stdout};

const STEP_AT: u64 = 12;
const RUNS: u64 = 24;
/// Strategies of [`recorded`], each at one load.
const SERIES: usize = 2;

/// A commit's made-up name.
fn commit(number: u64) -> String {
    format!("{:08x}{}", 0xa000_0000 + number, "0".repeat(32))
}

/// A run of commit `number`; the server got a fifth dearer at [`STEP_AT`].
fn run_of(number: u64) -> RunResult {
    static PLAIN: OnceLock<RunResult> = OnceLock::new();
    let mut result = PLAIN.get_or_init(fixture::result).clone();
    result.run.id = format!("run-{number}");
    result.run.started_at = rfc3339(1_764_000_000_000 + number * 86_400_000);
    result.source.commit = Some(commit(number));
    // Some noise that looks random and is not.
    let noise = 1.0 + 0.01 * ((number * 7 % 11) as f64 / 5.0 - 1.0);
    let factor = if number < STEP_AT { noise } else { 1.2 * noise };
    for cell in &mut result.cells {
        let cpu = &mut cell.costs.server_cpu_ns_per_request;
        cpu.value = cpu.value.map(|ns| ns * factor);
        for block in &mut cell.blocks {
            block.server_cpu_ns = block.server_cpu_ns.map(|ns| (ns as f64 * factor) as u64);
        }
    }
    result
}

fn write(folder: &Folder, name: &str, document: &impl serde::Serialize) {
    folder.write(name, &serde_json::to_string(document).unwrap());
}

/// A folder with a recorded history.
fn recorded() -> Folder {
    let folder = Folder::new();
    // Recorded out of order, as pipelines finish.
    let mut names = Vec::new();
    for number in (0..RUNS).rev() {
        let name = format!("r{number}.json");
        let mut result = run_of(number);
        result.cells.truncate(SERIES);
        result.strategies.truncate(SERIES);
        write(&folder, &name, &result);
        names.push(name);
    }
    let mut args = vec!["results", "record"];
    args.extend(names.iter().map(String::as_str));
    let output = folder.run(&args);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    folder
}

fn lines(folder: &Folder) -> Vec<Value> {
    let files = folder.files(".jsonl");
    assert_eq!(files.len(), 1, "one machine, one file");
    let text = std::fs::read_to_string(&files[0]).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn figures_of_a_result_enter_once() {
    let folder = Folder::new();
    let mut result = run_of(0);
    result.benches = vec![BenchFigure {
        bench: "authenticate".to_owned(),
        case: "session/memory".to_owned(),
        unit: "ns".to_owned(),
        value: 310.0,
        low: Some(305.0),
        high: Some(318.0),
    }];
    write(&folder, "r.json", &result);
    let output = folder.run(&["results", "record", "r.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    // The cell whose driver was late keeps its costs and loses its times.
    let told = stderr(&output);
    assert!(
        told.contains("response times of jwt.es256.bearer") && told.contains("was late"),
        "{told}"
    );
    let lines = lines(&folder);
    let of = |metric: &str| lines.iter().filter(|line| line["metric"] == metric).count();
    assert_eq!(of("server_cpu_ns_per_request"), 21);
    assert_eq!((of("response_ns_p50"), of("response_ns_p99")), (20, 20));
    assert_eq!((of("token_bytes"), of("wire_bytes_per_request")), (7, 21));
    assert_eq!(of("saturated_server_cpu_ns_per_request"), 7);
    let bench = lines
        .iter()
        .find(|line| line["metric"] == "authenticate_ns")
        .unwrap();
    assert_eq!(
        (&bench["strategy"], &bench["low"]),
        (&"session/memory".into(), &305.0.into())
    );
    // No repository here knows the commit: the run's own instant counts.
    assert_eq!(lines[0]["at"], "2025-11-24T16:00:00Z");
    assert_eq!(lines[0]["commit"], Value::from(commit(0)));

    let again = folder.run(&["results", "record", "r.json"]);
    assert_eq!(again.status.code(), Some(0));
    assert!(stdout(&again).contains(": 0 figures"), "{}", stdout(&again));
    assert_eq!(lines.len(), self::lines(&folder).len());
}

#[test]
fn the_commits_own_date_counts_where_it_is_known() {
    let folder = Folder::new();
    let git = |args: &[&str]| {
        let output = std::process::Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
            .args(args)
            .current_dir(folder.path())
            .env("GIT_COMMITTER_DATE", "2024-05-06T07:08:09+02:00")
            .output()
            .unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    git(&["init", "-q"]);
    git(&["commit", "-q", "--no-verify", "--allow-empty", "-m", "x"]);
    let mut result = run_of(0);
    result.source.commit = Some(git(&["rev-parse", "HEAD"]));
    write(&folder, "r.json", &result);
    let output = folder.run(&["results", "record", "r.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(lines(&folder)[0]["at"], "2024-05-06T05:08:09Z");
}

#[test]
fn what_may_not_be_recorded_is_refused_with_its_reason() {
    let refused = |change: &dyn Fn(&mut RunResult), reason: &str| {
        let folder = Folder::new();
        let mut result = run_of(0);
        change(&mut result);
        write(&folder, "r.json", &result);
        write(&folder, "good.json", &run_of(1));
        let output = folder.run(&["results", "record", "r.json", "good.json"]);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        let told = stderr(&output);
        assert!(
            told.contains("refused: r.json") && told.contains(reason),
            "{told}"
        );
        let lines = lines(&folder);
        assert!(
            lines.iter().all(|line| line["run"] == "run-1"),
            "only the good one enters"
        );
    };
    refused(
        &|it| {
            it.run.invalid = Some(Invalid {
                reason: "the wrong mix".to_owned(),
            });
        },
        "retracted: the wrong mix",
    );
    refused(&|it| it.source.dirty = Some(true), "--allow-dirty");
    refused(&|it| it.source.dirty = None, "not known whether");
    refused(&|it| it.source.commit = None, "commit is not known");
    refused(
        &|it| it.source.commit = Some("--output=x".to_owned()),
        "commit is not known",
    );
}

#[test]
fn a_dirty_tree_claims_no_commit() {
    let folder = Folder::new();
    let mut result = run_of(0);
    result.source.dirty = Some(true);
    write(&folder, "r.json", &result);
    let output = folder.run(&["results", "record", "--allow-dirty", "r.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let expected = Value::from(format!("{}-dirty", commit(0)));
    assert!(lines(&folder).iter().all(|line| line["commit"] == expected));
}

#[test]
fn damaged_and_foreign_files_are_told_and_write_nothing() {
    let folder = Folder::new();
    write(&folder, "good.json", &run_of(0));
    folder.write("half.json", "{\"schema\": \"authbench.gate/1\", \"run\"");
    folder.write("other.json", "{\"schema\": \"authbench.conformance/1\"}");
    for name in ["half.json", "other.json", "absent.json"] {
        let output = folder.run(&["results", "record", "good.json", name]);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains(name), "{}", stderr(&output));
    }
    assert!(folder.files(".jsonl").is_empty());
}

#[test]
fn a_debug_builds_speed_is_left_out() {
    let folder = Folder::new();
    let mut result = run_of(0);
    result.source.profile = Some("debug".to_owned());
    write(&folder, "r.json", &result);
    let output = folder.run(&["results", "record", "r.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("no release build"));
    assert!(lines(&folder).iter().all(|line| line["class"] == "exact"));
}

#[test]
fn a_step_is_seen_where_it_is() {
    let folder = recorded();
    let metric = "server_cpu_ns_per_request";
    let output = folder.run(&["results", "history", metric, "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let all: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let all = all.as_array().unwrap();
    assert_eq!(all.len(), SERIES, "one series a strategy");
    for series in all {
        let points = series["points"].as_array().unwrap();
        assert_eq!(points.len(), RUNS as usize);
        assert_eq!(
            points[0]["commit"],
            Value::from(commit(0)),
            "sorted by time"
        );
        let changes = series["change_points"].as_array().unwrap();
        assert_eq!(changes.len(), 1, "{series}");
        assert_eq!(changes[0]["commit"], Value::from(commit(STEP_AT)));
        let ratio = changes[0]["after"].as_f64().unwrap() / changes[0]["before"].as_f64().unwrap();
        assert!((1.17..1.23).contains(&ratio), "{ratio}");
    }
    let table = stdout(&folder.run(&["results", "history", metric, "--ascii"]));
    assert!(table.contains("a000000c") && table.contains('#'), "{table}");
    let detail = [
        "results",
        "history",
        metric,
        "--strategy",
        "session.sqlite.cookie",
    ];
    let table = stdout(&folder.run(&[&detail[..], &["--format", "md"]].concat()));
    let marked: Vec<&str> = table.lines().filter(|line| line.contains(" to ")).collect();
    assert_eq!(marked.len(), 1, "{table}");
    assert!(marked[0].contains("a000000c"), "{table}");
}

#[test]
fn the_page_shows_every_series() {
    let folder = recorded();
    let output = folder.run(&["results", "history", "--html", "h.html"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let page = std::fs::read_to_string(folder.path().join("h.html")).unwrap();
    assert!(page.contains("session.sqlite.cookie") && page.contains("a000000c"));
    assert_eq!(page.matches("class=\"change\"").count(), SERIES);
}

#[test]
fn names_are_told_the_nearest_and_an_empty_history_the_way_out() {
    let folder = Folder::new();
    let output = folder.run(&["results", "history"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(
        stderr(&output).contains("results record"),
        "{}",
        stderr(&output)
    );

    write(&folder, "r.json", &run_of(0));
    folder.run(&["results", "record", "r.json"]);
    for (args, near) in [
        (
            ["history", "server_cpu_ns_per_reqest"].as_slice(),
            "server_cpu_ns_per_request",
        ),
        (
            &["history", "--strategy", "jwt.hs265.bearer"],
            "jwt.hs256.bearer",
        ),
        (&["history", "--machine", "zz"], "there are"),
    ] {
        let output = folder.run(&[&["results"], args].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(near), "{}", stderr(&output));
    }
}

#[test]
fn a_broken_line_is_told_with_its_place_and_costs_no_other() {
    let folder = Folder::new();
    write(&folder, "r.json", &run_of(0));
    folder.run(&["results", "record", "r.json"]);
    let file = folder.files(".jsonl").remove(0);
    let text = std::fs::read_to_string(&file).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    std::fs::write(&file, format!("{first}\n<<<<<<< ours\n{rest}")).unwrap();
    let output = folder.run(&["results", "history", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let told = stderr(&output);
    assert!(
        told.contains("line 2 of") && told.contains(".jsonl"),
        "{told}"
    );
    let shown: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let points = shown.as_array().unwrap().iter();
    let points: usize = points
        .map(|it| it["points"].as_array().unwrap().len())
        .sum();
    assert_eq!(points, text.lines().count());
}

#[test]
fn baselines_enter_and_every_change_of_a_count_is_one() {
    let folder = Folder::new();
    for (number, octets) in [(0, 488.0), (1, 488.0), (2, 501.0)] {
        let baseline = Baseline {
            schema: BaselineVersion::V1,
            blessed_at: rfc3339(1_764_000_000_000 + number * 86_400_000),
            because: "a test".to_owned(),
            source: run_of(number).source,
            toolchain: Toolchain {
                fingerprint: Some("0123456789abcdef".to_owned()),
                ..Toolchain::default()
            },
            qualification: Standing::default(),
            figures: vec![CountedFigure {
                class: MetricClass::Exact,
                strategy: "jwt.hs256".to_owned(),
                metric: "token_bytes".to_owned(),
                value: octets,
            }],
            warnings: Vec::new(),
        };
        write(&folder, "b.json", &baseline);
        let output = folder.run(&["results", "record", "b.json"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    let output = folder.run(&["results", "history", "token_bytes", "--format", "json"]);
    let all: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let changes = all[0]["change_points"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{all}");
    assert_eq!(
        (&changes[0]["index"], &changes[0]["p"]),
        (&2.into(), &0.0.into())
    );
    assert_eq!(all[0]["machine"], "0123456789ab");
}
