//! `authbench conform`, against a server of the house and one that is naive.

mod docs;
mod naive;

use std::net::TcpListener;

use authbench_results::{CheckOutcome, ConformanceReport};

use crate::serve::serve;
use crate::support::{Folder, stderr, stdout};
use naive::{Naive, PROFILE};

const COOKIE: &str = include_str!("../../../scenarios/targets/authbench-cookie/profile.toml");

/// Tries the naive server for the one thing that it does wrong.
fn fixation(folder: &Folder, server: &Naive, more: &[&str]) -> std::process::Output {
    folder.write("p.toml", PROFILE);
    let base = [
        "conform",
        "p.toml",
        "--only",
        "session-001",
        "--base-url",
        &server.url,
    ];
    folder.run(&[&base, more].concat())
}

fn report(output: &std::process::Output) -> ConformanceReport {
    serde_json::from_str(&stdout(output)).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn a_breach_ends_in_exit_code_1_and_stands_in_every_form() {
    let folder = Folder::new();
    let server = Naive::start();
    let output = fixation(
        &folder,
        &server,
        &[
            "--json",
            "out/r.json",
            "--junit",
            "out/r.xml",
            "--sarif",
            "out/r.sarif",
            "--markdown",
            "out/r.md",
            "--html",
            "out/r.html",
        ],
    );
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let shown = stdout(&output);
    for part in [
        "FAIL SESSION-001 MUST critical",
        "ASVS 5.0 7.2.4",
        "> POST http://127.0.0.1",
        "to mend:",
        "1 MUST failed",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // Neither the password nor an identifier that works leaves the program.
    assert!(!shown.contains("pw-alice"), "{shown}");
    let text = |ending| {
        let file = folder.path().join("out").join(format!("r.{ending}"));
        std::fs::read_to_string(file).unwrap()
    };
    let json: ConformanceReport = serde_json::from_str(&text("json")).unwrap();
    assert_eq!(json.checks[0].outcome, CheckOutcome::Fail);
    assert_eq!(json.target.profile.as_deref(), Some("p.toml"));
    assert!(text("xml").contains("<failure"));
    let sarif: serde_json::Value = serde_json::from_str(&text("sarif")).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "SESSION-001");
    assert!(text("md").contains("| FAIL | SESSION-001 |"));
    assert!(text("html").contains("check-SESSION-001"));
}

#[test]
fn an_accepted_finding_passes_until_its_day() {
    let folder = Folder::new();
    let server = Naive::start();
    let baseline = |until: &str| {
        folder.write(
            "accepted.toml",
            &format!(
                "[[accepted]]\ncheck = \"SESSION-001\"\nreason = \"goes with the old shop\"\n\
                 until = {until}\n"
            ),
        );
        fixation(
            &folder,
            &server,
            &["--baseline", "accepted.toml", "--quiet"],
        )
    };
    let output = baseline("9999-12-31");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let shown = stdout(&output);
    assert!(
        shown.contains("accepted until 9999-12-31: goes with the old shop"),
        "{shown}"
    );
    let output = baseline("2001-01-01");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(
        stderr(&output).contains("accepted until 2001-01-01 and counts again"),
        "{output:?}"
    );
    let skipped = fixation(
        &folder,
        &server,
        &[
            "--skip",
            "SESSION-001=the shop is going",
            "--format",
            "json",
        ],
    );
    assert_eq!(skipped.status.code(), Some(0), "{skipped:?}");
    let check = &report(&skipped).checks[0];
    assert_eq!(check.outcome, CheckOutcome::NotApplicable);
    assert!(check.reason.as_ref().unwrap().contains("the shop is going"));
}

#[test]
fn what_may_not_or_cannot_be_tried_is_told_apart() {
    let folder = Folder::new();
    folder.write("p.toml", PROFILE);
    folder.write("accepted.toml", "[[accepted]]\ncheck = \"SESSION-01\"\n");
    // A port that nobody listens on.
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let cases: [(&[&str], i32, &str); 10] = [
        (&["--base-url", &closed], 3, "Connection refused"),
        (
            &["--base-url", "http://shop.example"],
            2,
            "--i-own-this-target",
        ),
        (&["--base-url", "ftp://127.0.0.1"], 2, "is no URL"),
        (&["--only", "SESION-001"], 2, "did you mean `SESSION-001`"),
        (&["--only", "NOTHING"], 2, "authbench list checks"),
        (&["--skip", "SESSION-001"], 2, "--skip ID=REASON"),
        (&["--baseline", "accepted.toml"], 2, "accepted.toml:"),
        (&["--baseline", "missing.toml"], 2, "missing.toml"),
        (&["--ca", "missing.pem"], 2, "missing.pem"),
        (
            &["--dry-run", "--format", "sarif", "--base-url", &closed],
            2,
            "table, json or md",
        ),
    ];
    for (more, code, told) in cases {
        let output = folder.run(&[&["conform", "p.toml"], more].concat());
        assert_eq!(output.status.code(), Some(code), "{more:?}: {output:?}");
        assert!(stderr(&output).contains(told), "{more:?}: {output:?}");
    }
    for (target, told) in [
        ("missing.toml", "authbench conform init"),
        ("sesion.memory.cookie", "did you mean"),
    ] {
        let output = folder.run(&["conform", target]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(stderr(&output).contains(told), "{output:?}");
    }
}

#[test]
fn a_dry_run_tells_the_plan_and_sends_nothing() {
    let folder = Folder::new();
    folder.write("p.toml", PROFILE);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let output = folder.run(&[
        "conform",
        "p.toml",
        "--base-url",
        &url,
        "--dry-run",
        "--format",
        "json",
    ]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let plan: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let fixation = plan
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["check"] == "SESSION-001");
    assert!(fixation.unwrap()["left_out"].is_null(), "{plan}");
    let error = listener.accept().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_strategy_is_served_and_tried() {
    let folder = Folder::new();
    let output = folder.run(&[
        "conform",
        "session.memory.cookie",
        "--only",
        "SESSION-001",
        "--format",
        "json",
    ]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report = report(&output);
    assert_eq!(report.checks.len(), 1);
    assert_eq!(report.checks[0].outcome, CheckOutcome::Pass);
}

#[test]
fn the_doctor_finds_nothing_where_the_profile_fits_and_names_the_line_where_not() {
    let folder = Folder::new();
    let serving = serve(&folder, &["session.memory.cookie", "--lab"]);
    let url = format!("http://{}", serving.address);
    let doctor = |text: &str| {
        folder.write("p.toml", text);
        folder.run(&[
            "conform",
            "doctor",
            "p.toml",
            "--base-url",
            &url,
            "--format",
            "json",
        ])
    };
    // This strategy has no refresh.
    let without = |text: &str, operation: &str| {
        let (before, rest) = text
            .split_once(&format!("[operations.{operation}]\n"))
            .unwrap();
        let (_, after) = rest.split_once("\n\n").unwrap();
        format!("{before}{after}")
    };
    let mut fits = without(&without(COOKIE, "refresh"), "revoke");
    fits.push_str("\n[absent]\nrefresh = \"none\"\nrevoke = \"none\"\n");
    let good = doctor(&fits);
    assert_eq!(good.status.code(), Some(0), "{good:?}");
    let found: serde_json::Value = serde_json::from_str(&stdout(&good)).unwrap();
    let of = |found: &serde_json::Value, operation: &str| {
        let rows = found.as_array().unwrap().iter();
        let row = rows.clone().find(|row| row["operation"] == operation);
        row.unwrap_or_else(|| panic!("{operation}: {found}"))
            .clone()
    };
    assert_eq!(of(&found, "refresh")["health"], "absent");
    assert_eq!(of(&found, "whoami")["health"], "fits");
    assert!(
        of(&found, "login")["seen"][0]
            .as_str()
            .unwrap()
            .contains("Secure, HttpOnly, SameSite=Strict")
    );

    let path = fits.replace("path = \"/me/note\"\nbody", "path = \"/me/notes\"\nbody");
    let pointer = path.replace("subject = \"/subject\"\nroles", "subject = \"/sub\"\nroles");
    let bad = doctor(&pointer);
    assert_eq!(bad.status.code(), Some(1), "{bad:?}");
    let found: serde_json::Value = serde_json::from_str(&stdout(&bad)).unwrap();
    let line = |key: &str| {
        let at = pointer.lines().position(|line| line == key).unwrap();
        format!("p.toml:{}", at + 1)
    };
    let advice = |operation| of(&found, operation)["advice"][0].to_string();
    assert!(
        advice("mutate").contains(&line("path = \"/me/notes\"")),
        "{found}"
    );
    let told = advice("whoami");
    assert!(
        told.contains(&line("subject = \"/sub\"")) && told.contains("`/subject`"),
        "{found}"
    );
}

#[test]
fn a_first_profile_comes_from_flags_and_overwrites_nothing() {
    let folder = Folder::new();
    let server = Naive::start();
    let flags = [
        "conform",
        "init",
        "shop/profile.toml",
        "--name",
        "shop",
        "--base-url",
        &server.url,
        "--kind",
        "session",
        "--cookie",
        "sid",
        "--user",
        "alice:pw-alice",
        "--user",
        "bob:pw-bob",
    ];
    let output = folder.run(&flags);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let again = folder.run(&flags);
    assert_eq!(again.status.code(), Some(2), "{again:?}");
    assert!(stderr(&again).contains("--force"), "{again:?}");
    let forced = folder.run(&[&flags[..], &["--force"]].concat());
    assert_eq!(forced.status.code(), Some(0), "{forced:?}");
    let doctor = folder.run(&["conform", "doctor", "shop"]);
    assert_eq!(doctor.status.code(), Some(0), "{}", stdout(&doctor));

    let asked = folder.run(&["conform", "init", "other.toml", "--name", "x"]);
    assert_eq!(asked.status.code(), Some(2), "{asked:?}");
    assert!(stderr(&asked).contains("--user NAME:PASSWORD"), "{asked:?}");
    let odd = folder.run(
        &[
            &flags[..2],
            &["odd.toml"],
            &flags[3..],
            &["--subject", "user"],
        ]
        .concat(),
    );
    assert_eq!(odd.status.code(), Some(2), "{odd:?}");
    assert!(!folder.path().join("odd.toml").exists());
}
