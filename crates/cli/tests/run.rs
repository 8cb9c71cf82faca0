//! `authbench run`, to its end and to an untimely one.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use authbench_load::Scenario;
use authbench_results::{Cell, RunResult, Shape};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Folder, TINY, stderr, stdout};

#[test]
fn a_run_ends_with_a_table_a_result_and_a_page() {
    let folder = Folder::new();
    folder.write("tiny.toml", TINY);
    let output = folder.run(&["run", "tiny.toml"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    for expected in [
        "session.memory.cookie",
        "jwt.hs256.bearer",
        "at once",
        "15.0 min",
        "result ",
    ] {
        assert!(text.contains(expected), "no `{expected}` in:\n{text}");
    }
    let results = folder.files(".json");
    assert_eq!(results.len(), 1, "{results:?}");
    let result = authbench_results::store::read(&results[0]).unwrap();
    assert_eq!(result.cells.len(), 2);
    assert!(!result.run.interrupted && result.skipped.is_empty());
    for cell in &result.cells {
        assert_eq!(cell.outcomes.wrong_judgements(), 0, "{cell:?}");
        assert!(cell.load.completed > 0 && cell.costs.server_cpu_ns_per_request.usable().is_some());
    }
    let [session, jwt] = result.strategies.as_slice() else {
        panic!("{:?}", result.strategies)
    };
    let revocation = session.revocation.as_ref().unwrap();
    assert_eq!((revocation.samples, revocation.never_accepted), (3, 3));
    assert_eq!(session.lookups_per_request.usable(), Some(1.0));
    // The measured life of a revoked token is what was left of its 900 s: the
    // last replay before the expiry may be a millisecond early.
    let lived_on = jwt.revocation.as_ref().unwrap();
    assert_eq!(
        (lived_on.never_accepted, lived_on.accepted_after_deadline),
        (0, 0)
    );
    let max_s = lived_on.max_ns().unwrap() / 1_000_000_000;
    assert!((890..=901).contains(&max_s), "{max_s} s");
    assert_eq!(jwt.lookups_per_request.usable(), Some(0.0));
    // Seen from another replica, too, where there can be one.
    let elsewhere = jwt.revocation_elsewhere.as_ref().unwrap();
    assert_eq!((elsewhere.samples, elsewhere.never_accepted), (3, 0));
    assert!(session.revocation_elsewhere.is_none());
    // The page again, from the file alone.
    let page = folder.files(".html").remove(0);
    let first = std::fs::read_to_string(&page).unwrap();
    let again = folder.run(&[
        "report",
        results[0].to_str().unwrap(),
        "--out",
        "again.html",
    ]);
    assert_eq!(again.status.code(), Some(0), "{}", stderr(&again));
    assert_eq!(
        std::fs::read_to_string(folder.path().join("again.html")).unwrap(),
        first
    );
}

#[test]
fn ctrl_c_keeps_what_was_measured_and_ends_every_child() {
    let folder = Folder::new();
    let long = TINY.replace("measure_ms = 300", "measure_ms = 60000");
    folder.write("long.toml", &long);
    let mut child = folder
        .command(&["run", "long.toml"])
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let is_cell = |line: &String| line.contains("400/s");
    assert!(
        lines
            .by_ref()
            .map(Result::unwrap)
            .any(|line| is_cell(&line))
    );
    kill(
        Pid::from_raw(child.id().try_into().unwrap()),
        Signal::SIGINT,
    )
    .unwrap();
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{rest:?}");
    assert!(
        stdout(&output).contains("interrupted"),
        "{}",
        stdout(&output)
    );
    let result = authbench_results::store::read(&folder.files(".json")[0]).unwrap();
    assert!(result.run.interrupted);
    assert_eq!(result.strategies.len(), 2);
}

#[test]
fn a_folder_that_cannot_be_written_loses_nothing() {
    let folder = Folder::new();
    folder.write("tiny.toml", TINY);
    // A file where the folder should be: root cannot write there, either.
    let blocked = folder.write("blocked", "");
    let output = folder
        .command(&[
            "run",
            "tiny.toml",
            "--out",
            "blocked/runs",
            "--strategy",
            "jwt.hs256.bearer",
        ])
        .env("TMPDIR", folder.path())
        .output()
        .unwrap();
    let told = stderr(&output);
    assert!(
        told.contains("blocked/runs") && told.contains("written to"),
        "{told}"
    );
    assert_eq!(std::fs::read_to_string(blocked).unwrap(), "");
    let results = folder.files(".json");
    assert_eq!(results.len(), 1);
    assert_eq!(
        authbench_results::store::read(&results[0])
            .unwrap()
            .cells
            .len(),
        1
    );
}

/// Runs `scenario` and reads its result, which it also checks.
fn measured(scenario: &str, args: &[&str], code: i32) -> RunResult {
    let folder = Folder::new();
    folder.write("own.toml", scenario);
    let output = folder.run(&[&["run", "own.toml", "--quiet"], args].concat());
    let told = (stdout(&output), stderr(&output));
    assert_eq!(output.status.code(), Some(code), "{}\n{}", told.0, told.1);
    let result = authbench_results::store::read(&folder.files(".json")[0]).unwrap();
    result.check().unwrap();
    result
}

/// `TINY` with these strategies, and `more` in place of its rates.
fn tiny(strategies: &str, more: &str) -> String {
    let (head, tail) = TINY.split_once("[login]").unwrap();
    assert!(tail.contains("[revocation]"));
    head.replace("rates_per_s = [400]\n", "").replace(
        r#"["session.memory.cookie", "jwt.hs256.bearer"]"#,
        strategies,
    ) + more
}

fn cells<'r>(result: &'r RunResult, strategy: &str) -> Vec<&'r Cell> {
    let cells = result.cells.iter();
    cells.filter(|cell| cell.strategy == strategy).collect()
}

#[test]
fn phases_follow_one_another_on_the_same_logins() {
    let result = measured(
        &tiny(
            r#"["session.memory.cookie"]"#,
            r#"
[[phases]]
name = "calm"
rate_per_s = 400
mix = { read = 1 }
[[phases]]
name = "forgotten"
rate_per_s = 400
mix = { read = 1 }
warmup_ms = 0
before.forget_logins = true
[[phases]]
name = "expired"
ramp = { from_per_s = 300, to_per_s = 500 }
mix = { read = 1 }
warmup_ms = 0
before = { hold_logins = 80, end_logins = 20, expire_access = true }
"#,
        ),
        &[],
        0,
    );
    let cells = cells(&result, "session.memory.cookie");
    let names: Vec<_> = cells.iter().map(|cell| cell.phase.as_deref()).collect();
    assert_eq!(names, [Some("calm"), Some("forgotten"), Some("expired")]);
    let logins = |cell: &Cell| {
        let mut actions = cell.actions.iter();
        let login = actions.find(|figures| figures.action == "login");
        login.map_or(0, |figures| figures.outcomes.total())
    };
    let [calm, forgotten, expired] = cells.as_slice() else {
        panic!("{names:?}")
    };
    assert_eq!((logins(calm), logins(forgotten)), (0, 40));
    assert!(logins(expired) > 0);
    for cell in &cells {
        assert_eq!(cell.outcomes.failures_total, 0, "{:?}", cell.outcomes);
    }
    assert!(matches!(expired.load.shape, Shape::Ramp { .. }));
    let operations = &calm.costs.store_operations_per_request;
    assert_eq!(operations["get"].usable(), Some(1.0));
}

#[test]
fn faults_happen_at_their_instants_and_are_lifted() {
    let result = measured(
        &tiny(
            r#"["session.sqlite.cookie", "jwt.hs256.bearer"]"#,
            r#"
[[phases]]
name = "broken"
rate_per_s = 400
mix = { read = 1 }
measure_ms = 900
[[phases]]
name = "whole"
rate_per_s = 400
mix = { read = 1 }
[[faults]]
kind = "store-refuse"
phase = "broken"
at_ms = 200
for_ms = 300
[[faults]]
kind = "rotate-keys"
phase = "broken"
at_ms = 600
[[faults]]
kind = "server-pause"
phase = "broken"
at_ms = 700
for_ms = 10
"#,
        ),
        &[],
        0,
    );
    let [broken, whole] = cells(&result, "session.sqlite.cookie")[..] else {
        panic!("two phases")
    };
    let [refused, rotated, paused] = broken.faults.as_slice() else {
        panic!("{:?}", broken.faults)
    };
    assert!(refused.began_ns >= 200_000_000 && refused.lasted_ns.unwrap() >= 250_000_000);
    assert!(refused.first_failure_ns.is_some() && refused.recovery_ns.is_some());
    assert!(refused.during.failures_total > 0 && refused.failed.is_none());
    assert!(rotated.failed.as_ref().unwrap().contains("key"));
    assert!(paused.failed.is_none() && paused.lasted_ns.is_some());
    assert!(whole.faults.is_empty() && whole.outcomes.failures_total == 0);
    let warned = |what: &str| result.run.warnings.iter().any(|text| text.contains(what));
    assert!(warned("session.sqlite.cookie: the fault `rotate-keys`"));
    assert!(warned("jwt.hs256.bearer: the fault `store-refuse`"));
    let [signed, _] = cells(&result, "jwt.hs256.bearer")[..] else {
        panic!("two phases")
    };
    assert_eq!(signed.outcomes.failures_total, 0);
    assert!(signed.faults[0].failed.is_some() && signed.faults[1].failed.is_none());
}

#[test]
fn replicas_share_what_can_be_shared_and_come_back() {
    let result = measured(
        &tiny(
            r#"["session.memory.cookie", "session.sqlite.cookie"]"#,
            r#"
[[phases]]
name = "kept"
rate_per_s = 400
[[phases]]
name = "spread"
rate_per_s = 400
measure_ms = 600
routing = "round-robin"
[topology]
replicas = 2
[[faults]]
kind = "server-restart"
phase = "spread"
replica = 1
at_ms = 100
"#,
        ),
        &[],
        3,
    );
    // One process's memory is no place that others can look into.
    assert_eq!(result.skipped.len(), 1);
    assert!(result.skipped[0].reason.contains("phase `spread`"));
    let [kept] = cells(&result, "session.memory.cookie")[..] else {
        panic!("one phase")
    };
    assert_eq!(kept.outcomes.failures_total, 0, "{:?}", kept.outcomes);
    let [kept, spread] = cells(&result, "session.sqlite.cookie")[..] else {
        panic!("two phases")
    };
    assert_eq!(kept.outcomes.failures_total, 0, "{:?}", kept.outcomes);
    assert_eq!(kept.load.topology.replicas, 2);
    assert_eq!(spread.outcomes.wrong_judgements(), 0);
    let restarted = &spread.faults[0];
    assert!(restarted.failed.is_none(), "{restarted:?}");
}

#[test]
fn each_service_of_a_chain_looks_up_by_itself() {
    let result = measured(
        &tiny(
            r#"["session.sqlite.bearer"]"#,
            r#"
[topology]
hops = 3
store_round_trip_us = 500
[[phases]]
name = "one"
rate_per_s = 400
hops = 1
mix = { read = 1 }
[[phases]]
name = "three"
rate_per_s = 400
mix = { read = 1 }
"#,
        ),
        &[],
        0,
    );
    let gets = |cell: &Cell| cell.costs.store_operations_per_request["get"].usable();
    let [one, three] = cells(&result, "session.sqlite.bearer")[..] else {
        panic!("two phases")
    };
    assert_eq!((gets(one), gets(three)), (Some(1.0), Some(3.0)));
    assert_eq!((one.load.topology.hops, three.load.topology.hops), (1, 3));
    assert_eq!(three.load.topology.store_round_trip_us, 500);
    assert_eq!(three.outcomes.failures_total, 0, "{:?}", three.outcomes);
}

#[test]
fn the_knee_is_sought_in_any_scenario() {
    let scenario = tiny(
        r#"["session.memory.cookie"]"#,
        r#"
[knee]
slo_ms_p99 = 5000
from_per_s = 50
to_per_s = 100
try_ms = 300
fractions_percent = [50, 100]
"#,
    );
    let scenario = scenario.replace("measure_ms = 300", "measure_ms = 1000");
    let result = measured(&scenario, &["--engine", "epoll", "--threads", "2"], 0);
    let knee = result.strategies[0].knee.as_ref().unwrap();
    assert_eq!((knee.rate_per_s, knee.failed_at_per_s), (Some(100.0), None));
    assert!(knee.tries.len() >= 2, "{:?}", knee.tries);
    let cells = cells(&result, "session.memory.cookie");
    let offered: Vec<f64> = cells.iter().map(|cell| cell.load.offered_per_s).collect();
    assert_eq!(offered, [50.0, 100.0]);
    let load = &cells[0].load;
    assert_eq!((load.threads, load.engine.as_deref()), (2, Some("epoll")));
}

#[test]
fn a_knee_that_is_no_objective_is_refused() {
    let folder = Folder::new();
    for wanted in ["0", "-1", "nan", "600001"] {
        let output = folder.run(&["run", "--knee", wanted]);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    }
}

#[test]
fn in_process_no_server_is_charged() {
    let folder = Folder::new();
    folder.write("tiny.toml", TINY);
    let args = ["run", "tiny.toml", "--engine", "in-process"];
    let output = folder.run(&[&args[..], &["--format", "json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let result: RunResult = serde_json::from_str(&stdout(&output)).unwrap();
    result.check().unwrap();
    assert_eq!(result.cells.len(), 2);
    assert!(result.environment.server_cores.is_empty());
    for cell in &result.cells {
        let load = &cell.load;
        assert_eq!(cell.outcomes.failures_total, 0, "{:?}", cell.outcomes);
        assert_eq!(load.engine.as_deref(), Some("in-process"));
        assert_eq!((load.threads, load.connections), (1, 0));
        assert!(load.completed > 0 && cell.latency.service.is_some());
        let costs = &cell.costs;
        assert!(costs.driver_cpu_ns_per_request.usable().is_some());
        for (absent, why) in [
            (&costs.server_cpu_ns_per_request, "driver's thread"),
            (&costs.wire_sent_bytes_per_request, "over a wire"),
            (&costs.wire_received_bytes_per_request, "over a wire"),
        ] {
            assert_eq!(absent.value, None);
            let reason = absent.reason.as_ref().unwrap();
            assert!(reason.contains(why), "{reason}");
        }
    }
    let lookups = |strategy: usize| result.strategies[strategy].lookups_per_request.usable();
    assert_eq!((lookups(0), lookups(1)), (Some(1.0), Some(0.0)));
    for facts in &result.strategies {
        assert!(facts.token_bytes.unwrap() > 20);
        assert_eq!(facts.login.unhashed.as_ref().unwrap().count, 5);
        assert!(facts.login.hashed.is_none() && facts.revocation.is_none());
        assert!(facts.saturation.iter().any(|block| block.completed > 0));
        for absent in [
            &facts.saturated_server_cpu_ns_per_request,
            &facts.login.hashed_server_cpu_ns,
            &facts.login.unhashed_server_cpu_ns,
            &facts.memory.server_bytes_per_login,
        ] {
            assert_eq!(absent.value, None);
            let reason = absent.reason.as_ref().unwrap();
            assert!(
                reason.contains("in process") || reason.contains("driver's thread"),
                "{reason}"
            );
        }
    }
    let warned = |what: &str| result.run.warnings.iter().any(|text| text.contains(what));
    assert!(warned(
        "logins with a password, memory per login, revocation"
    ));
    // The table says why figures are missing.
    let shown = folder.run(&args);
    let text = stdout(&shown);
    for expected in [
        "nothing goes over a wire",
        "driver's thread",
        "in the driver's process",
    ] {
        assert!(text.contains(expected), "no `{expected}` in:\n{text}");
    }
}

#[test]
fn in_process_refuses_what_takes_servers() {
    let folder = Folder::new();
    let scenario = tiny(
        r#"["session.memory.cookie"]"#,
        r#"
[topology]
replicas = 2
[[phases]]
name = "calm"
rate_per_s = 400
"#,
    );
    folder.write("own.toml", &scenario);
    let args = [
        "run",
        "own.toml",
        "--engine",
        "in-process",
        "--threads",
        "2",
    ];
    let output = folder.run(&args);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let told = stderr(&output);
    for expected in ["[[phases]]", "replicas above 1", "--threads above 1"] {
        assert!(told.contains(expected), "no `{expected}` in: {told}");
    }
}

#[test]
fn shipped_scenarios_name_strategies_that_there_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root.join("load")).unwrap() {
        let path = entry.unwrap().path();
        let scenario = Scenario::read(&path).unwrap();
        scenario.points().unwrap();
        for strategy in &scenario.strategies.value {
            let recipe = root.join("strategies").join(format!("{strategy}.toml"));
            let target = root
                .join("targets")
                .join(&strategy.value)
                .join("profile.toml");
            let is_known = recipe.is_file() || target.is_file();
            assert!(is_known, "{}: {strategy}", path.display());
        }
        names.push(path.file_stem().unwrap().to_string_lossy().into_owned());
    }
    names.sort();
    let expected = [
        "bad-tokens",
        "denylist-growth",
        "key-rotation",
        "login-storm",
        "logout-everywhere",
        "microservice-chain",
        "mobile-and-web",
        "quick",
        "refresh-stampede",
        "replicas-sticky-or-not",
        "sessions-1k-to-1m",
        "steady-api",
        "store-outage",
        "strangers",
    ];
    assert_eq!(names, expected);
}
