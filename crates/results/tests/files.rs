//! Whole result files: written, read, refused, rescued.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod fixture;

use std::error::Error as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use authbench_results::store::{self, BUDGET_BYTES, StoreError};
use authbench_results::{
    ArrivalProcess, Conformance, Inconsistency, Metric, RunResult, Shape, Shard, Topology, schema,
};
use proptest::prelude::*;

fn json() -> serde_json::Value {
    serde_json::to_value(fixture::result()).unwrap()
}

/// Reads `text` as a result file.
fn read_text(text: &[u8]) -> Result<RunResult, StoreError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.json");
    fs::write(&path, text).unwrap();
    store::read(&path)
}

#[test]
fn what_was_written_is_read() {
    let runs = tempfile::tempdir().unwrap();
    let result = fixture::result();
    let saved = store::write(runs.path(), &result).unwrap();
    assert!(saved.rescued_from.is_none());
    assert_eq!(store::read(&saved.path).unwrap(), result);
    let below = saved.path.strip_prefix(runs.path()).unwrap();
    let folder = result.environment.short_fingerprint();
    assert_eq!(
        below.to_str().unwrap(),
        format!("{folder}/2025-11-24-9f2c1ab4-quick.json")
    );
}

#[test]
fn a_run_keeps_to_its_budget() {
    let runs = tempfile::tempdir().unwrap();
    let saved = store::write(runs.path(), &fixture::result()).unwrap();
    assert!(
        saved.size_bytes < BUDGET_BYTES,
        "{} octets",
        saved.size_bytes
    );
}

#[test]
fn nothing_is_ever_overwritten() {
    let runs = tempfile::tempdir().unwrap();
    let result = fixture::result();
    let names: Vec<String> = (0..3)
        .map(|_| store::write(runs.path(), &result).unwrap().path)
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let stem = "2025-11-24-9f2c1ab4-quick";
    assert_eq!(
        names,
        [stem.to_owned(), format!("{stem}-2"), format!("{stem}-3")]
    );
    let folder = runs.path().join(result.environment.short_fingerprint());
    assert_eq!(
        fs::read_dir(folder).unwrap().count(),
        3,
        "no temporary file is left"
    );
}

#[test]
fn names_from_outside_cannot_climb() {
    let runs = tempfile::tempdir().unwrap();
    let mut result = fixture::result();
    result.scenario.name = "../../../../x y\u{202e}".to_owned();
    result.environment.fingerprint = "../..".to_owned();
    result.source.commit = None;
    let path = store::write(runs.path(), &result).unwrap().path;
    assert!(
        path.canonicalize()
            .unwrap()
            .starts_with(runs.path().canonicalize().unwrap())
    );
    assert!(
        path.to_str()
            .unwrap()
            .ends_with("-nocommit-____________x_y_.json"),
        "{path:?}"
    );
}

#[test]
fn a_folder_that_is_a_file_is_named_and_the_result_rescued() {
    let place = tempfile::tempdir().unwrap();
    let runs = place.path().join("runs");
    fs::write(&runs, "in the way").unwrap();
    let rescue = place.path().join("rescue");
    let result = fixture::result();
    let error = store::write(&runs, &result).unwrap_err();
    assert!(
        error.to_string().contains(runs.to_str().unwrap()),
        "{error}"
    );
    assert!(
        error.to_string().contains("choose another folder"),
        "{error}"
    );
    let saved = store::write_or_rescue(&runs, &rescue, &result).unwrap();
    assert!(saved.path.starts_with(&rescue) && saved.rescued_from.is_some());
    assert_eq!(store::read(&saved.path).unwrap(), result);
    let lost = store::write_or_rescue(&runs, &runs, &result).unwrap_err();
    assert!(matches!(lost, StoreError::Lost { .. }) && lost.source().is_some());
}

#[test]
fn a_read_only_folder_is_rescued_from() {
    let place = tempfile::tempdir().unwrap();
    let runs = place.path().join("runs");
    fs::create_dir(&runs).unwrap();
    fs::set_permissions(&runs, fs::Permissions::from_mode(0o555)).unwrap();
    let saved =
        store::write_or_rescue(&runs, &place.path().join("rescue"), &fixture::result()).unwrap();
    // Root may write anywhere; everybody else must have been turned away.
    let turned_away = fs::write(runs.join("probe"), "").is_err();
    assert_eq!(saved.rescued_from.is_some(), turned_away);
}

#[test]
fn strangers_files_are_refused_with_their_name_and_the_cause() {
    let missing = store::read("no/such/file.json".as_ref()).unwrap_err();
    assert_eq!(missing.to_string(), "cannot read no/such/file.json");
    let no_result = read_text(b"[1, 2]").unwrap_err();
    assert!(
        matches!(no_result, StoreError::NoResult { .. }),
        "{no_result}"
    );
    let newer = read_text(br#"{"schema": "authbench.result/2"}"#).unwrap_err();
    assert!(newer.to_string().contains("authbench.result/2"), "{newer}");
    let mut extra = json();
    extra["run"]["colour"] = "blue".into();
    let shape = read_text(extra.to_string().as_bytes()).unwrap_err();
    assert!(
        shape.source().unwrap().to_string().contains("colour"),
        "{shape}"
    );
}

#[test]
fn contradictions_are_found() {
    let mut whole = fixture::result();
    whole.cells.truncate(4);
    let broken = |change: fn(&mut RunResult)| {
        let mut result = whole.clone();
        change(&mut result);
        result.check().unwrap_err()
    };
    let summary = broken(|r| r.cells[3].latency.response.as_mut().unwrap().p99_ns = 1);
    assert!(
        matches!(summary, Inconsistency::Summary { .. }),
        "{summary}"
    );
    let data = broken(|r| r.cells[3].latency.service.as_mut().unwrap().data = "AAAA".to_owned());
    assert!(matches!(data, Inconsistency::Histogram { .. }), "{data}");
    let stranger = broken(|r| r.cells[0].strategy.push('x'));
    assert!(
        matches!(stranger, Inconsistency::UnknownStrategy { .. }),
        "{stranger}"
    );
    let samples = broken(|r| r.strategies[0].revocation.as_mut().unwrap().samples += 1);
    assert!(
        matches!(samples, Inconsistency::Revocation { .. }),
        "{samples}"
    );
    assert!(whole.check().is_ok());
}

#[test]
fn contradictions_of_phases_faults_and_knees_are_found() {
    let whole = fixture::phased::result();
    whole.check().unwrap();
    let broken = |change: &dyn Fn(&mut RunResult)| {
        let mut result = whole.clone();
        change(&mut result);
        result.check().unwrap_err()
    };
    let late = |r: &mut RunResult, ns: Option<u64>| r.cells[3].faults[0].recovery_ns = ns;
    for (error, expected) in [
        (
            broken(&|r| r.cells[0].actions.truncate(1)),
            "the actions at `cells, session.redis.cookie, phase calm at 2000/s` do not add up",
        ),
        (
            broken(&|r| r.strategies[0].knee.as_mut().unwrap().rate_per_s = Some(1.0)),
            "the knee of `session.redis.cookie` does not follow",
        ),
        (
            broken(&|r| {
                let knee = r.strategies[2].knee.as_mut().unwrap();
                knee.rate_per_s = knee.failed_at_per_s;
            }),
            "the knee of `jwt-denylist.redis.bearer` does not follow",
        ),
        (
            broken(&|r| r.cells[3].faults[0].began_ns = 2_100_000_000),
            "the times of the fault `store-refuse`",
        ),
        (
            broken(&|r| late(r, Some(u64::MAX))),
            "the times of the fault `store-refuse`",
        ),
        (
            broken(&|r| r.cells[3].faults[0].lasted_ns = None),
            "the times of the fault `store-refuse`",
        ),
        (
            broken(&|r| r.cells[6].latency.send_lag = r.cells[0].latency.send_lag.clone()),
            "has a send lag",
        ),
        (
            broken(&|r| r.cells[6].load.process = ArrivalProcess::Poisson),
            "disagree about whether the loop is closed",
        ),
        (
            broken(&|r| {
                r.run.shard = Some(Shard {
                    index: 2,
                    of: 2,
                    start_at: "2025-11-24T16:00:00Z".to_owned(),
                    late_ms: 0,
                    program_sha256: String::new(),
                });
            }),
            "part 2 of 2",
        ),
    ] {
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn files_from_before_phases_and_faults_are_read() {
    let old = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/old/before-phases.json");
    let result = store::read(old.as_ref()).unwrap();
    let (cell, facts) = (&result.cells[0], &result.strategies[0]);
    assert_eq!((cell.phase.as_ref(), cell.actions.len()), (None, 0));
    assert_eq!((cell.load.threads, cell.load.engine.as_ref()), (1, None));
    assert_eq!(cell.load.shape, Shape::Steady);
    assert_eq!(cell.load.topology, Topology::default());
    let not_counted = Metric::missing("not counted");
    assert_eq!(cell.costs.store_bytes_per_request, not_counted);
    assert_eq!(cell.costs.store_round_trips_per_request, not_counted);
    assert!(facts.knee.is_none() && facts.revocation_elsewhere.is_none());
    assert!(result.run.shard.is_none() && result.run.merged_from.is_none());
}

#[test]
fn results_follow_their_own_schema() {
    let schema: serde_json::Value = serde_json::from_str(&schema::json()).unwrap();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let good = json();
    let phased = serde_json::to_value(fixture::phased::result()).unwrap();
    for good in [&good, &phased] {
        if let Some(error) = validator.iter_errors(good).next() {
            panic!("{error} at {}", error.instance_path());
        }
    }
    let mut bad = good.clone();
    bad["cells"][0]["speed"] = 1.into();
    assert!(!validator.is_valid(&bad), "unknown members must be refused");
    let mut bad = good.clone();
    bad["cells"][0]["load"]
        .as_object_mut()
        .unwrap()
        .remove("offered_per_s");
    assert!(!validator.is_valid(&bad), "members must be there");
    let mut bad = good;
    bad["schema"] = "authbench.result/2".into();
    assert!(
        !validator.is_valid(&bad),
        "another version is another schema"
    );
}

#[test]
fn every_member_is_described_in_the_schema() {
    fn walk(schema: &serde_json::Value, path: &str, bare: &mut Vec<String>) {
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            if member.get("description").is_none() {
                bare.push(format!("{path}/{name}"));
            }
        }
    }
    let schema: serde_json::Value = serde_json::from_str(&schema::json()).unwrap();
    let mut bare = Vec::new();
    walk(&schema, "", &mut bare);
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        walk(definition, name, &mut bare);
    }
    assert_eq!(bare, Vec::<String>::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn numbers_and_texts_come_back_unchanged(
        value in any::<f64>(),
        doubtful in any::<f64>(),
        seed in any::<u64>(),
        text in any::<String>(),
        failed in prop::collection::vec(any::<String>(), 0..3),
    ) {
        let mut result = fixture_without_data();
        result.run.seed = seed;
        result.run.warnings = vec![text.clone()];
        result.strategies[0].lookups_per_request = Metric::of(value);
        result.strategies[0].requests_per_core_s = Metric::doubtful(doubtful, text);
        result.strategies[0].conformance =
            Some(Conformance { passed: 1, failed, not_applicable: 0 });
        let json = serde_json::to_vec(&result).unwrap();
        prop_assert_eq!(serde_json::from_slice::<RunResult>(&json).unwrap(), result);
    }

    #[test]
    fn damaged_files_never_panic(at in any::<prop::sample::Index>(), octet in any::<u8>()) {
        let mut text = serde_json::to_vec(&fixture_without_data()).unwrap();
        let at = at.index(text.len());
        text[at] = octet;
        if let Ok(result) = serde_json::from_slice::<RunResult>(&text) {
            let _ = result.check();
        }
        let _ = serde_json::from_slice::<RunResult>(&text[..at]);
    }
}

/// The made-up result with one cell: quick to write many times.
fn fixture_without_data() -> RunResult {
    use std::sync::LazyLock;
    static SMALL: LazyLock<RunResult> = LazyLock::new(|| {
        let mut result = fixture::result();
        result.cells.truncate(1);
        result
    });
    SMALL.clone()
}
