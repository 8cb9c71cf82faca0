//! JUnit, SARIF and the document's own schema.

use authbench_report::conformance::{Open, junit, sarif};
use authbench_results::schema;
use quick_junit::{NonSuccessKind, Report, TestCaseStatus};
use serde_json::Value;

use crate::fixture::{HOSTILE, empty, report};

const SARIF_SCHEMA: &str = include_str!("sarif-schema-2.1.0.json");

fn validated_sarif(text: &str) -> Value {
    // The schema's pattern of a language has a bracket too many: ECMA-262
    // tolerates that without its flag `u`, JSON Schema does not.
    let mended = SARIF_SCHEMA.replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}?$");
    let schema: Value = serde_json::from_str(&mended).unwrap();
    let validator = jsonschema::draft7::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap();
    let log: Value = serde_json::from_str(text).unwrap();
    if let Some(error) = validator.iter_errors(&log).next() {
        panic!("{error} at {}", error.instance_path());
    }
    // The validator does look.
    let mut broken = log.clone();
    broken["runs"][0]["tool"]["driver"]["rules"] = Value::from(1);
    assert!(!validator.is_valid(&broken));
    log
}

#[test]
fn sarif_follows_its_schema_whatever_the_texts_are() {
    for text in ["", HOSTILE] {
        validated_sarif(&sarif(&report(text)).unwrap());
    }
    validated_sarif(&sarif(&empty()).unwrap());
}

#[test]
fn sarif_tells_failures_suppressions_and_open_verdicts_apart() {
    let log = validated_sarif(&sarif(&report("")).unwrap());
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), 7);
    let results = run["results"].as_array().unwrap();
    let found: Vec<(&str, &str, usize)> = results
        .iter()
        .map(|result| {
            let rule = result["ruleIndex"].as_u64().unwrap() as usize;
            assert_eq!(run["tool"]["driver"]["rules"][rule]["id"], result["ruleId"]);
            (
                result["ruleId"].as_str().unwrap(),
                result["level"].as_str().unwrap(),
                result["suppressions"].as_array().unwrap().len(),
            )
        })
        .collect();
    let expected = [
        ("JWT-001", "warning", 0),
        ("JWT-002", "error", 0),
        ("JWT-004", "error", 1),
        ("JWT-005", "error", 0),
    ];
    assert_eq!(found, expected);
    let place = &results[0]["locations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!(place["uri"], "targets/my%20shop/profile.toml");
    let rule = &run["tool"]["driver"]["rules"][2];
    assert_eq!(rule["properties"]["security-severity"], "9.5");
    assert_eq!(rule["properties"]["tags"][1], "external/cwe/cwe-347");
    let open = &run["invocations"][0]["toolExecutionNotifications"];
    assert_eq!(open.as_array().unwrap().len(), 1);
    assert_eq!(open[0]["associatedRule"]["id"], "JWT-003");
}

#[test]
fn junit_has_a_case_for_every_check_and_no_failure_but_real_ones() {
    let xml = junit(&report(""), Open::Skipped).unwrap();
    let read = Report::deserialize_from_str(&xml).unwrap();
    assert_eq!(
        (read.tests, read.failures, read.errors, read.skipped),
        (7, 3, 0, 3)
    );
    let suites: Vec<&str> = read.test_suites.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(suites, ["COOKIE", "JWT"]);
    let accepted = &read.test_suites[1].test_cases[3];
    let TestCaseStatus::Skipped { message, .. } = &accepted.status else {
        panic!("{accepted:?}");
    };
    let message = message.as_ref().unwrap().as_str();
    assert!(message.contains("accepted until 2027-03-31"), "{message}");
}

#[test]
fn junit_makes_an_error_of_an_open_verdict_where_it_fails_the_run() {
    let xml = junit(&report(""), Open::Error).unwrap();
    let read = Report::deserialize_from_str(&xml).unwrap();
    assert_eq!((read.errors, read.skipped), (1, 2));
    let open = &read.test_suites[1].test_cases[2];
    let TestCaseStatus::NonSuccess { kind, message, .. } = &open.status else {
        panic!("{open:?}");
    };
    assert_eq!(*kind, NonSuccessKind::Error);
    assert!(message.as_ref().unwrap().contains("policy.skew_ms"));
}

#[test]
fn hostile_texts_do_not_break_junit() {
    for report in [report(HOSTILE), empty()] {
        let xml = junit(&report, Open::Skipped).unwrap();
        let read = Report::deserialize_from_str(&xml).unwrap();
        assert_eq!(read.tests, report.checks.len());
        assert!(!xml.contains("<script>"));
        // XML 1.0 2.2: no control characters but these three.
        let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{9b}');
        assert!(!xml.contains(control), "{xml:?}");
    }
}

#[test]
fn reports_follow_their_own_schema() {
    let schema: Value = serde_json::from_str(&schema::conformance_json()).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for good in [report(""), report(HOSTILE), empty()] {
        let good = serde_json::to_value(good).unwrap();
        if let Some(error) = validator.iter_errors(&good).next() {
            panic!("{error} at {}", error.instance_path());
        }
    }
    let good = serde_json::to_value(report("")).unwrap();
    let mut bad = good.clone();
    bad["checks"][0]["colour"] = 1.into();
    assert!(!validator.is_valid(&bad), "unknown members must be refused");
    let mut bad = good.clone();
    bad["checks"][0].as_object_mut().unwrap().remove("outcome");
    assert!(!validator.is_valid(&bad), "members must be there");
    let mut bad = good;
    bad["schema"] = "authbench.conformance/2".into();
    assert!(!validator.is_valid(&bad), "another version, another schema");
}
