//! Reports with every verdict in them, tame and hostile.

use authbench_results::{
    Accepted, CaseReport, CheckOutcome, CheckReport, ConformanceReport, ConformanceTarget,
    ConformanceVersion, Evidence, Level, Measured, Severity,
};

/// What a stranger's server may answer: ends of elements, fences and cells,
/// a terminal's and XML's control characters, and letters of several octets.
pub(crate) const HOSTILE: &str = "</pre></details><script>alert(1)</script> ]]> &amp; \"'\n\
     ```\n# [x](javascript:alert(1)) | ![y](http://evil.example/z) <b>\n\
     \u{1b}[2J\u{7}\u{0}\u{202e}ünï\u{9b}1m\r\n~~~~ $a$ @all";

pub(crate) fn check(id: &str, level: Level, severity: Severity, text: &str) -> CheckReport {
    CheckReport {
        id: id.to_owned(),
        statement: format!("The rule of {id} {text}"),
        level,
        severity,
        clauses: vec!["RFC 8725 3.1".to_owned(), format!("ASVS 5.0 9.1.2 {text}")],
        cwe: vec![347, 327],
        mend: format!("Name the algorithms that are allowed. {text}"),
        outcome: CheckOutcome::Pass,
        reason: None,
        cases: vec![case("untouched", CheckOutcome::Pass, text)],
        notes: Vec::new(),
        measured: Vec::new(),
        accepted: None,
        duration_ms: 1_250,
        requests: 7,
    }
}

pub(crate) fn case(name: &str, outcome: CheckOutcome, text: &str) -> CaseReport {
    CaseReport {
        name: name.to_owned(),
        outcome,
        detail: format!("A token of alg none was accepted. {text}"),
        evidence: vec![Evidence {
            sent: format!("GET /me HTTP/1.1\nauthorization: Bearer eyJ...\n\n{text}"),
            received: format!("HTTP/1.1 200\n\n{text}"),
        }],
    }
}

/// All verdicts, each text with `text` at its end.
pub(crate) fn report(text: &str) -> ConformanceReport {
    let failed = |mut check: CheckReport| {
        check.outcome = CheckOutcome::Fail;
        check.cases.push(case("alg none", CheckOutcome::Fail, text));
        check
    };
    let mut low = check("COOKIE-001", Level::Must, Severity::Low, text);
    low.notes = vec![format!("declared: no TLS here {text}")];
    low.measured = vec![Measured {
        name: "cookie_bytes".to_owned(),
        value: 512.0,
    }];
    let mut absent = check("COOKIE-002", Level::Must, Severity::High, text);
    absent.outcome = CheckOutcome::NotApplicable;
    absent.reason = Some(format!(
        "no operation `logout`: map [operations.logout] {text}"
    ));
    absent.cases = Vec::new();
    let mut open = check("JWT-003", Level::Must, Severity::High, text);
    open.outcome = CheckOutcome::Inconclusive;
    open.reason = Some(format!("policy.skew_ms is not given {text}"));
    open.cases = vec![case("late", CheckOutcome::Inconclusive, text)];
    let mut accepted = failed(check("JWT-004", Level::Must, Severity::High, text));
    accepted.accepted = Some(Accepted {
        reason: format!("a legacy client needs it {text}"),
        until: Some("2027-03-31".to_owned()),
    });
    ConformanceReport {
        schema: ConformanceVersion::V1,
        target: ConformanceTarget {
            name: format!("shop {text}"),
            families: vec!["jwt".to_owned()],
            base_urls: vec!["http://127.0.0.1:8080".to_owned()],
            profile: Some("targets/my shop/profile.toml".to_owned()),
        },
        tool_version: "0.1.0".to_owned(),
        started_at: "2026-11-24T15:00:00Z".to_owned(),
        duration_ms: 31_270,
        seed: 9,
        requests: 4_321,
        checks: vec![
            low,
            absent,
            failed(check("JWT-001", Level::Should, Severity::Critical, text)),
            failed(check("JWT-002", Level::Must, Severity::Medium, text)),
            open,
            accepted,
            failed(check("JWT-005", Level::Must, Severity::Critical, text)),
        ],
    }
}

/// A run in which no check was chosen.
pub(crate) fn empty() -> ConformanceReport {
    let mut report = report("");
    report.checks.clear();
    report.target.profile = None;
    report.target.base_urls.clear();
    report
}
