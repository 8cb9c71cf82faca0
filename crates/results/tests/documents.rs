//! Documents beside results: written, read, refused.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[expect(dead_code, reason = "this test needs a part of the fixture only")]
mod fixture;
#[path = "fixture/documents.rs"]
mod made_up;

use std::error::Error as _;
use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use authbench_results::document::{self, history};
use authbench_results::store::StoreError;
use authbench_results::{
    Baseline, CellStanding, Document, GateReport, Invalid, Qualification, Verdict,
};
use made_up::{baseline, gate, line, qualification};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

/// Where `value`, written as a file, contradicts itself; nothing if it does not.
fn fault<D: Document + Debug>(value: &Value) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.json");
    fs::write(&path, value.to_string()).unwrap();
    match document::read::<D>(&path) {
        Ok(_) => None,
        Err(error @ StoreError::Inconsistent { .. }) => {
            assert!(error.to_string().contains("some.json"), "{error}");
            Some(error.source().unwrap().to_string())
        }
        Err(other) => panic!("{other:?}"),
    }
}

/// `document` with `value` at `pointer` contradicts itself in that way.
#[track_caller]
fn breaks<D: Document + Debug>(document: &D, changes: &[(&str, Value)], rule: &str) {
    let mut changed = serde_json::to_value(document).unwrap();
    assert_eq!(fault::<D>(&changed), None, "it is sound before");
    for (pointer, value) in changes {
        *changed.pointer_mut(pointer).unwrap() = value.clone();
    }
    let told = fault::<D>(&changed).unwrap_or_default();
    assert!(told.contains(rule), "{changes:?}: {told}");
}

#[test]
fn documents_are_written_under_their_names_and_never_over_others() {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path();
    let first = document::write_gate(results, &gate()).unwrap().path;
    let second = document::write_gate(results, &gate()).unwrap().path;
    let machine = gate().environment.unwrap().short_fingerprint().to_owned();
    let name = |path: &Path| path.strip_prefix(results).unwrap().display().to_string();
    let stem = format!("gates/{machine}/2025-11-24-9f2c1ab4-9f2c1ab4");
    assert_eq!(name(&first), format!("{stem}.json"));
    assert_eq!(name(&second), format!("{stem}-2.json"));
    assert_eq!(document::read::<GateReport>(&first).unwrap(), gate());
    let written = document::write_qualification(results, &qualification()).unwrap();
    assert_eq!(
        name(&written.path),
        format!("qualifications/{machine}/2025-11-24-9f2c1ab4.json")
    );
}

#[test]
fn a_baseline_is_replaced_only_by_a_sound_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut blessed = baseline();
    document::replace_baseline(folder.path(), "main", &blessed).unwrap();
    blessed.figures[0].value = 3.0;
    let path = document::replace_baseline(folder.path(), "main", &blessed)
        .unwrap()
        .path;
    assert_eq!(path, document::baseline_path(folder.path(), "main"));
    let mut unsound = blessed.clone();
    unsound.because = " ".to_owned();
    assert!(document::replace_baseline(folder.path(), "main", &unsound).is_err());
    assert_eq!(document::read::<Baseline>(&path).unwrap(), blessed);
}

#[test]
fn the_latest_qualification_that_was_not_retracted_counts() {
    let folder = tempfile::tempdir().unwrap();
    let fingerprint = qualification().environment.fingerprint;
    let latest = || document::latest_qualification(folder.path(), &fingerprint);
    assert_eq!(latest().unwrap(), None);
    for (id, ended_at, retracted) in [
        ("a", "2025-11-24T12:00:00Z", false),
        ("b", "2025-11-25T00:30:00+02:00", false),
        ("c", "2025-11-24T22:00:00Z", false),
        ("d", "2025-11-26T12:00:00Z", true),
    ] {
        let mut found = qualification();
        found.id = id.to_owned();
        found.ended_at = ended_at.to_owned();
        found.invalid = retracted.then(|| Invalid {
            reason: "the machine was busy".to_owned(),
        });
        document::write_qualification(folder.path(), &found).unwrap();
    }
    assert_eq!(latest().unwrap().unwrap().id, "b");
    let other = format!("{}{}", &fingerprint[..12], "0".repeat(52));
    assert_eq!(
        document::latest_qualification(folder.path(), &other).unwrap(),
        None
    );
    let machine = folder
        .path()
        .join("qualifications")
        .join(&fingerprint[..12]);
    fs::write(machine.join("x.json"), "{").unwrap();
    assert!(latest().unwrap_err().to_string().contains("x.json"));
}

#[test]
fn what_was_found_of_a_cell_stays_until_it_is_found_out_anew() {
    let of = |id: &str, aa: u32, red: u32, strategies: &[&str]| {
        let mut found = qualification();
        found.id = id.to_owned();
        let (gate, cell) = (found.gates[0].clone(), found.cells[0].clone());
        found.gates.truncate(0);
        found.gates.resize(aa as usize, gate);
        let cells = strategies.iter().map(|strategy| CellStanding {
            strategy: (*strategy).to_owned(),
            aa_gates: aa,
            aa_red: red,
            ..cell.clone()
        });
        found.cells = cells.collect();
        found
    };
    let together = |last_first: &[Qualification]| {
        let found = Qualification::together(last_first).unwrap();
        let red = found.cells.iter().map(|cell| cell.aa_red).collect();
        (found.id, red)
    };
    let whole = of("whole", 10, 3, &["a", "b"]);
    let stopped = Qualification {
        interrupted: true,
        ..of("stopped", 9, 0, &["a", "b"])
    };
    let narrow = of("narrow", 10, 0, &["a"]);
    let anew = of("anew", 10, 1, &["a", "b"]);
    for (last_first, id, red) in [
        (
            vec![of("no aa", 0, 0, &["a", "b"]), whole.clone()],
            "whole",
            vec![3, 3],
        ),
        (vec![stopped.clone(), whole.clone()], "whole", vec![3, 3]),
        (
            vec![of("few", 9, 0, &["a"]), whole.clone()],
            "whole",
            vec![3, 3],
        ),
        (vec![narrow.clone(), whole.clone()], "whole", vec![0, 3]),
        (vec![anew, narrow, whole], "anew", vec![1, 1]),
        (
            vec![stopped.clone(), of("few", 5, 2, &["a"])],
            "few",
            vec![2],
        ),
        (vec![stopped], "stopped", vec![0, 0]),
    ] {
        assert_eq!(together(&last_first), (id.to_owned(), red), "{id}");
    }
    assert_eq!(Qualification::together(&[]), None);
}

#[test]
fn the_verdicts_of_a_gate_fit_its_cells() {
    let red = ("/cells/0/verdict", json!("regressed"));
    let recurred = json!({"recurred": true, "effect_percent": 9.0, "low_percent": 7.0,
                          "high_percent": 11.0, "p_worse_holm": 0.01});
    for (changes, rule) in [
        (
            vec![("/run/ended_at", json!("2025-11-24T09:00:00Z"))],
            "before it began",
        ),
        (vec![("/run/ended_at", json!("yesterday"))], "no instant"),
        (
            vec![("/reason", json!("too noisy"))],
            "exactly where nothing could be judged",
        ),
        (
            vec![("/verdict", json!("not-measured"))],
            "exactly where nothing could be judged",
        ),
        (
            vec![("/verdict", json!("regressed"))],
            "regressed exactly if",
        ),
        (vec![("/verdict", json!("improved"))], "improved only if"),
        (vec![red.clone()], "must have recurred"),
        (
            vec![red, ("/cells/0/confirmation", recurred.clone())],
            "regressed exactly if",
        ),
        (
            vec![("/cells/0/confirmation", recurred)],
            "stays red exactly if",
        ),
        (vec![("/cells/0/low_percent", json!(1.0))], "out of order"),
    ] {
        breaks(&gate(), &changes, rule);
    }
}

#[test]
fn the_cells_of_a_gate_fit_together() {
    for (changes, rule) in [
        (
            vec![("/cells/0/budget_percent", json!(-1.0))],
            "not negative",
        ),
        (vec![("/cells/0/p_worse", json!(1.5))], "between 0 and 1"),
        (
            vec![("/cells/0/p_worse_holm", json!(0.5))],
            "never makes a p smaller",
        ),
        (
            vec![("/cells/0/effect_percent", Value::Null)],
            "has an effect",
        ),
        (
            vec![("/cells/0/verdict", json!("not-measured"))],
            "a note that says why",
        ),
        (
            vec![("/cells/0/class", json!("exact"))],
            "what is counted has no interval",
        ),
        (
            vec![("/cells/0/strategy", json!("other"))],
            "no block of its strategy",
        ),
        (
            vec![("/classes/0/binding", json!(false))],
            "reason exactly where",
        ),
    ] {
        breaks(&gate(), &changes, rule);
    }
}

#[test]
fn the_ground_and_the_blocks_of_a_gate_fit_together() {
    for (changes, rule) in [
        (vec![("/health", Value::Null)], "machine, health, scenario"),
        (vec![("/scenario/text", json!("x = 1"))], "not the digest"),
        (
            vec![("/blocks/1/index", json!(0))],
            "two blocks have one place",
        ),
        (
            vec![("/blocks/0/segments/0/arm", json!(2))],
            "an arm that is not there",
        ),
        (
            vec![("/blocks/0/segments/0/arm", json!(1))],
            "equally often",
        ),
        (
            vec![
                ("/blocks/0/segments/0/arm", json!(1)),
                ("/blocks/0/segments/1/arm", json!(0)),
            ],
            "mirror image",
        ),
        (
            vec![("/blocks/0/segments/0/accepted_dead", json!(1))],
            "is a failure",
        ),
        (
            vec![("/blocks/0/segments/0/response_ns_p50", json!(400_000))],
            "above the 99th",
        ),
        (
            vec![("/qualification/aa_red", json!(1))],
            "more red gates than gates",
        ),
        (vec![("/qualification/id", json!("q-1"))], "or neither is"),
    ] {
        breaks(&gate(), &changes, rule);
    }
}

#[test]
fn a_gate_may_hold_rejected_blocks_and_open_intervals_and_no_cell_twice() {
    let mut rejected = gate();
    rejected.blocks[0].segments.truncate(3);
    rejected.blocks[0].rejected = Some("a process of another kept the core busy".to_owned());
    assert_eq!(rejected.check().map_err(|it| it.to_string()), Ok(()));
    let mut twice = gate();
    twice.cells.push(twice.cells[0].clone());
    assert!(
        twice
            .check()
            .unwrap_err()
            .to_string()
            .contains("judged twice")
    );
    let mut infinite = gate();
    infinite.cells[0].visible_percent = Some(f64::INFINITY);
    assert!(
        infinite
            .check()
            .unwrap_err()
            .to_string()
            .contains("not finite")
    );
    let mut blind = gate();
    blind.cells[0].high_percent = None;
    blind.verdict = Verdict::Inconclusive;
    assert!(blind.check().is_ok(), "an interval may be open at an end");
}

#[test]
fn a_qualification_must_add_up() {
    for (pointer, value, rule) in [
        (
            "/ended_at",
            json!("2025-11-24T09:00:00Z"),
            "before it began",
        ),
        ("/cells/0/aa_red", json!(2), "more red gates than gates"),
        ("/cells/0/aa_gates", json!(2), "not those in `gates`"),
        ("/cells/0/injected_found", json!(0), "not those in `gates`"),
        (
            "/cells/0/injected_percent",
            Value::Null,
            "exactly if there was one",
        ),
        ("/cells/0/qualified", json!(true), "reason exactly where"),
        ("/cells/0/reason", json!(""), "is empty"),
        (
            "/gates/1/cells/0/red_at_first",
            json!(false),
            "was red at first",
        ),
        ("/gates/0/verdict", json!("regressed"), "only if a cell is"),
        ("/gates/0/round", json!(1), "rounds are out of order"),
        ("/gates/0/injected_operation", json!("login"), "by nothing"),
    ] {
        breaks(&qualification(), &[(pointer, value)], rule);
    }
}

#[test]
fn a_baseline_must_hold_each_count_once() {
    for (pointer, value, rule) in [
        ("/because", json!(" "), "is empty"),
        ("/blessed_at", json!("2025"), "no instant"),
        ("/figures/0/value", json!(-1.0), "not negative"),
        ("/figures/0/class", json!("wall"), "counted only"),
        (
            "/figures/1/metric",
            json!("authenticate_allocations"),
            "stands twice",
        ),
        ("/toolchain/valgrind", Value::Null, "the tool"),
    ] {
        breaks(&baseline(), &[(pointer, value)], rule);
    }
}

#[test]
fn a_history_only_grows_and_survives_a_half_written_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = history::path(folder.path(), "0123456789ab");
    assert!(history::read(&path).unwrap().lines.is_empty());
    let appended = history::append(&path, &[line("a"), line("b"), line("a")]).unwrap();
    assert_eq!((appended.added, appended.known), (2, 1));
    let mut text = fs::read_to_string(&path).unwrap();
    text.push_str("{\"schema\":\"authbench.hist");
    fs::write(&path, &text).unwrap();
    let read = history::read(&path).unwrap();
    assert_eq!(read.lines, [line("a"), line("b")]);
    assert_eq!(read.broken.len(), 1);
    let told = read.broken[0].to_string();
    assert!(
        read.broken[0].is_unfinished
            && told.contains("line 3 of")
            && told.contains("0123456789ab.jsonl")
            && told.contains("not written to its end"),
        "{told}"
    );
    let appended = history::append(&path, &[line("b"), line("c")]).unwrap();
    assert_eq!((appended.added, appended.known), (1, 1));
    let mut other = line("c");
    other.value = 12_001.0;
    let after = fs::read_to_string(&path).unwrap();
    assert!(after.starts_with(&text), "what was there is there");
    let contradiction = serde_json::to_string(&other).unwrap();
    fs::write(&path, format!("{after}{contradiction}\n{contradiction}\n")).unwrap();
    let read = history::read(&path).unwrap();
    assert_eq!(read.lines, [line("a"), line("b"), line("c")]);
    let lines: Vec<usize> = read.broken.iter().map(|broken| broken.line).collect();
    assert_eq!(lines, [3, 5, 6]);
    assert!(
        read.broken[1]
            .source()
            .unwrap()
            .to_string()
            .contains("line 4 gives another")
    );
    let mut unsound = line("d");
    unsound.low = Some(13_000.0);
    assert!(history::append(&path, &[unsound]).is_err());
}

static SOUND: LazyLock<[Vec<u8>; 4]> = LazyLock::new(|| {
    [
        serde_json::to_vec(&gate()).unwrap(),
        serde_json::to_vec(&qualification()).unwrap(),
        serde_json::to_vec(&baseline()).unwrap(),
        serde_json::to_vec(&line("a")).unwrap(),
    ]
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// What was damaged is read or refused, by an error that names the file.
    #[test]
    fn fuzz_documents(
        which in 0_usize..4,
        flips in prop::collection::vec((any::<Index>(), any::<u8>()), 0..4),
        cut in proptest::option::of(any::<Index>()),
    ) {
        let mut text = SOUND[which].clone();
        for (at, octet) in flips {
            let at = at.index(text.len());
            text[at] = octet;
        }
        if let Some(cut) = cut {
            text.truncate(cut.index(text.len()));
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.json");
        fs::write(&path, &text).unwrap();
        let error = match which {
            0 => document::read::<GateReport>(&path).err(),
            1 => document::read::<Qualification>(&path).err(),
            2 => document::read::<Baseline>(&path).err(),
            _ => {
                for broken in history::read(&path).unwrap().broken {
                    prop_assert!(broken.to_string().contains("some.json"), "{broken}");
                }
                None
            }
        };
        if let Some(error) = error {
            prop_assert!(error.to_string().contains("some.json"), "{error}");
        }
    }
}
