//! JUnit, the dashboards and the annotations.

use authbench_report::gate::{annotations, bmf, github_benchmark, junit};
use authbench_results::{GateReport, MetricClass, Verdict};
use proptest::prelude::*;
use quick_junit::{NonSuccessKind, Report, TestCaseStatus};
use serde_json::Value;

use crate::fixture::{HOSTILE, cpu, everything, hostile, report};

#[test]
fn junit_fails_where_the_gate_does_and_nowhere_else() {
    let read = Report::deserialize_from_str(&junit(&everything()).unwrap()).unwrap();
    let suites: Vec<&str> = read.test_suites.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(suites, ["gate", "exact", "instructions", "cpu", "wall"]);
    // Ten cells and the gate itself; four binding regressions; one unmeasured.
    assert_eq!(
        (read.tests, read.failures, read.errors, read.skipped),
        (11, 4, 0, 1)
    );
    let advice = &read.test_suites[4].test_cases[0];
    assert!(matches!(advice.status, TestCaseStatus::Success { .. }));
    let told = advice.system_out.as_ref().unwrap().as_str();
    assert!(
        told.starts_with("Regressed (advice): jwt.es256.bearer, response_ns_p50 +30.0 %"),
        "{told}"
    );
    let mut cases = read.test_suites[3].test_cases.iter();
    let unclear = cases
        .find(|case| case.name.as_str().starts_with("session.redis"))
        .unwrap();
    assert!(matches!(unclear.status, TestCaseStatus::Success { .. }));
    assert!(
        unclear
            .system_out
            .as_ref()
            .unwrap()
            .as_str()
            .starts_with("Inconclusive: ")
    );
}

#[test]
fn junit_is_red_when_nothing_could_be_measured() {
    let xml = junit(&report(Verdict::NotMeasured, Vec::new())).unwrap();
    let read = Report::deserialize_from_str(&xml).unwrap();
    assert_eq!((read.failures, read.errors, read.skipped), (0, 1, 4));
    let TestCaseStatus::NonSuccess { kind, message, .. } =
        &read.test_suites[0].test_cases[0].status
    else {
        panic!("{xml}");
    };
    assert_eq!(*kind, NonSuccessKind::Error);
    assert!(message.as_ref().unwrap().as_str().contains("too noisy"));
}

#[test]
fn bencher_gets_the_candidate_s_figures_with_bounds() {
    let read: Value = serde_json::from_str(&bmf(&everything()).unwrap()).unwrap();
    let cpu = &read["session.memory.cookie/server_cpu_ns_per_request"]["server-cpu"];
    let [low, value, high] =
        ["lower_value", "value", "upper_value"].map(|name| cpu[name].as_f64().unwrap());
    assert!((value - 41_200.0 * 1.121).abs() < 0.01);
    assert!((low - 41_200.0 * 1.111).abs() < 0.01 && (high - 41_200.0 * 1.131).abs() < 0.01);
    let counted = &read["session.memory/authenticate_instructions"]["instructions"];
    assert_eq!(counted, &serde_json::json!({ "value": 20_443.0 }));
    let slugs = [
        ("session.memory/authenticate_allocations", "allocations"),
        ("jwt.hs256/token_bytes", "bytes"),
        ("jwt.es256.bearer/response_ns_p50", "latency"),
    ];
    assert!(
        slugs
            .iter()
            .all(|(name, slug)| read[name][slug]["value"].is_number()),
        "{read}"
    );
    // What has no figure is not there.
    assert!(
        read.get("jwt.es256.bearer/server_cpu_ns_per_request")
            .is_none()
    );
}

#[test]
fn the_action_gets_a_list_with_name_unit_and_value() {
    let read: Value = serde_json::from_str(&github_benchmark(&everything()).unwrap()).unwrap();
    let all = read.as_array().unwrap();
    assert_eq!(all.len(), 9);
    for it in all {
        assert!(it["name"].is_string() && it["unit"].is_string() && it["value"].is_number());
        assert!(it["extra"].is_string() && it["range"].is_null() != it.get("range").is_some());
    }
    let worst = all
        .iter()
        .find(|it| it["name"] == "session.memory.cookie server_cpu_ns_per_request")
        .unwrap();
    assert_eq!(worst["range"], "± 412.0");
    assert_eq!(worst["unit"], "ns");
}

#[test]
fn annotations_are_errors_only_where_the_gate_is_red_and_at_most_ten() {
    let shown = annotations(&everything());
    let count = |text: &str, kind: &str| {
        let begins = format!("::{kind} title=");
        text.lines()
            .filter(|line| line.starts_with(&begins))
            .count()
    };
    assert_eq!(
        (
            count(&shown, "error"),
            count(&shown, "warning"),
            count(&shown, "notice")
        ),
        (4, 3, 2)
    );
    assert!(
        shown.contains(
            "::error title=regressed%3A session.memory.cookie server_cpu_ns_per_request::"
        ),
        "{shown}"
    );
    assert!(
        shown.contains("+12.1 %25 (95 %25 interval 11.1 to 13.1"),
        "{shown}"
    );
    let many = (0..25)
        .map(|n| cpu(&format!("s{n}"), Verdict::Regressed, 20.0))
        .collect();
    let shown = annotations(&report(Verdict::Regressed, many));
    assert_eq!(count(&shown, "error"), 10);
    assert!(
        shown.contains("15 more annotations were left out"),
        "{shown}"
    );
    let shown = annotations(&report(Verdict::NotMeasured, Vec::new()));
    assert!(
        shown.starts_with("::error title=authbench gate could not measure::Not measured: "),
        "{shown}"
    );
}

/// What a runner reads from a line: kind, title and message.
fn obeyed(line: &str) -> Option<(&str, String, String)> {
    let (kind, rest) = line.strip_prefix("::")?.split_once(" title=")?;
    let (title, message) = rest.split_once("::")?;
    let back = |text: &str| {
        let text = text.replace("%3A", ":").replace("%2C", ",");
        text.replace("%0A", "\n")
            .replace("%0D", "\r")
            .replace("%25", "%")
    };
    (!title.contains([':', ','])).then(|| (kind, back(title), back(message)))
}

/// Fails unless every form of `report` can be read back.
fn readable(report: &GateReport) {
    Report::deserialize_from_str(&junit(report).unwrap()).unwrap();
    for json in [bmf(report).unwrap(), github_benchmark(report).unwrap()] {
        serde_json::from_str::<Value>(&json).unwrap();
    }
    for line in annotations(report).lines() {
        let (kind, _, _) = obeyed(line).unwrap_or_else(|| panic!("{line}"));
        assert!(["error", "warning", "notice"].contains(&kind), "{line}");
    }
}

#[test]
fn hostile_names_do_not_break_any_form() {
    readable(&hostile(HOSTILE));
    let shown = annotations(&hostile(HOSTILE));
    assert!(!shown.lines().any(|line| line.starts_with("::set-output")));
    let mut odd = everything();
    for cell in &mut odd.cells {
        (cell.candidate, cell.low_percent) = (Some(f64::NAN), Some(f64::INFINITY));
        cell.class = MetricClass::Wall;
    }
    readable(&odd);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_name_can_be_read_back(name in "[\\PC\\n\\r%:,;\u{1b}\u{0}]{0,40}") {
        readable(&hostile(&name));
    }
}
