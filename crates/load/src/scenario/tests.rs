use std::path::PathBuf;

use super::*;

const GOOD: &str = r#"summary = "A test."
seed = 7
strategies = ["a", "b"]
population.users = 10
mix = { read = 90, mutate = 5, logout = 5 }

[load]
process = "poisson"
rates_per_s = [1000, 2000]
connections = 4
warmup_ms = 0
measure_ms = 1000
blocks = 2
timeout_ms = 500

[login]
hashed = 1
unhashed = 2

[memory]
logins = 0

[revocation]
logins = 3
replay_ms = [0, 1, 10]
"#;

fn parse(text: &str) -> Result<Scenario, ConfError> {
    Scenario::parse(Path::new("x.toml"), text)
}

/// The error for `GOOD` with `from` replaced by `to`.
fn fault(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    parse(&GOOD.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn the_quick_scenario_is_good() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/load/quick.toml");
    let scenario = Scenario::read(&path).unwrap();
    assert_eq!(scenario.strategies.value.len(), 7);
    let points = scenario.points().unwrap();
    assert_eq!(points.len(), 3);
    assert_ne!(points[0].seed, points[1].seed);
}

#[test]
fn what_is_serialised_reads_back() {
    let scenario = parse(GOOD).unwrap();
    let json = serde_json::to_value(&scenario).unwrap();
    assert_eq!(
        serde_json::from_value::<serde_json::Value>(json.clone()).unwrap(),
        json
    );
    assert_eq!(json["load"]["rates_per_s"], serde_json::json!([1000, 2000]));
}

/// What is changed, into what, and how the error begins.
const FAULTS: &[(&str, &str, &str)] = &[
    (
        "process = \"poisson\"",
        "process = \"poison\"",
        "x.toml:8:11: unknown name `poison`; did you mean `poisson`?",
    ),
    (
        "warmup_ms",
        "warmup",
        "x.toml:11:1: unknown key `warmup`; did you mean `warmup_ms`?",
    ),
    ("\"A test.\"", "\" \"", "x.toml:1:11: say in one sentence"),
    ("[\"a\", \"b\"]", "[]", "x.toml:3:14: name at least one"),
    (
        "[\"a\", \"b\"]",
        "[\"a\", \"a\"]",
        "x.toml:3:20: `a` is named twice",
    ),
    (
        "users = 10",
        "users = 0",
        "x.toml:4:20: users: 0 is not from 1",
    ),
    (
        "users = 10",
        "users = 3",
        "x.toml:10:15: 4 connections for 3 users",
    ),
    (
        "read = 90",
        "read = 10001",
        "x.toml:5:16: the weight of `read`",
    ),
    (
        "{ read = 90, mutate = 5, logout = 5 }",
        "{}",
        "x.toml: every weight of the mix is 0",
    ),
    ("[1000, 2000]", "[]", "x.toml:9:15: give at least one rate"),
    (
        "[1000, 2000]",
        "[2000, 1000]",
        "x.toml:9:22: rates must ascend, but 1000 follows 2000",
    ),
    ("[1000, 2000]", "[50]", "x.toml:9:16: about 50 requests"),
    (
        "blocks = 2",
        "blocks = 101",
        "x.toml:13:10: 101 blocks in 1000 ms",
    ),
    (
        "timeout_ms = 500",
        "timeout_ms = 0",
        "x.toml:14:14: `timeout_ms`: 0",
    ),
    (
        "[0, 1, 10]",
        "[]",
        "x.toml:25:13: give at least one instant",
    ),
    (
        "[0, 1, 10]",
        "[0, 1, 1]",
        "x.toml:25:20: instants of replay must ascend",
    ),
    ("hashed = 1\n", "", "x.toml:16:1: missing key `hashed`"),
];

#[test]
fn each_fault_names_its_place_and_the_way_out() {
    for (from, to, expected) in FAULTS {
        let found = fault(from, to);
        assert!(found.starts_with(expected), "{found}\n{expected}");
    }
}

/// `GOOD` with its rates taken out and this added.
fn with(more: &str) -> Result<Scenario, ConfError> {
    parse(&format!(
        "{}{more}",
        GOOD.replacen("rates_per_s = [1000, 2000]\n", "", 1)
    ))
}

const PHASES: &str = r#"
[topology]
replicas = 2
routing = "round-robin"
[[phases]]
name = "storm"
bursts = { base_per_s = 100, burst_per_s = 900, every_ms = 500, burst_ms = 100 }
measure_ms = 2000
mix = { login = 1 }
routing = "sticky"
[[phases]]
name = "calm"
rate_per_s = 500
[[faults]]
kind = "server-pause"
phase = "calm"
at_ms = 100
for_ms = 50
replica = 1
"#;

#[test]
fn phases_are_points_of_their_own() {
    let points = with(PHASES).unwrap().points().unwrap();
    assert_eq!(points.len(), 2);
    assert_eq!(points[0].phase.as_deref(), Some("storm"));
    assert_eq!((points[0].measure_ms, points[1].measure_ms), (2_000, 1_000));
    assert_eq!(
        points[0].arrivals.mean_per_s(2_000).map(f64::round),
        Some(260.0)
    );
    assert_eq!(points[0].mix.login.value, 1);
    assert_eq!(points[1].mix.read.value, 90);
    assert_eq!(
        (points[0].routing, points[1].routing),
        (Routing::Sticky, Routing::RoundRobin)
    );
    assert_ne!(points[0].seed, points[1].seed);
}

#[test]
fn a_knee_leaves_the_points_to_be_found() {
    let scenario = with("[knee]\nslo_ms_p99 = 5.0\n").unwrap();
    assert!(scenario.points().unwrap().is_empty());
    let point = scenario.point_at(1_234.5, 3);
    assert_eq!(point.arrivals.mean_per_s(1), Some(1_234.5));
    assert_ne!(point.seed, scenario.point_at(1_234.5, 4).seed);
}

#[test]
fn parts_that_do_not_go_together_are_refused() {
    let phase = |more: &str| format!("[[phases]]\nname = \"a\"\nrate_per_s = 200\n{more}");
    let cases = [
        (
            String::new(),
            "give at least one rate in `rates_per_s`, or [[phases]], or [knee]",
        ),
        (
            "[[phases]]\nname = \"a\"\n".to_owned(),
            "phase `a`: give exactly one of `rate_per_s`",
        ),
        (phase(&phase("")), "two phases are called `a`"),
        (
            phase("[knee]\nslo_ms_p99 = 1.0\n"),
            "[knee] and [[phases]] cannot stand together",
        ),
        (
            phase("[[faults]]\nkind = \"store-hang\"\nat_ms = 1\n"),
            "`store-hang` lasts: say how long with `for_ms`",
        ),
        (
            phase("[[faults]]\nkind = \"rotate-keys\"\nat_ms = 1\nphase = \"b\"\n"),
            "unknown name `b`",
        ),
        (phase("hops = 3\n"), "3 hops, but the chain has 1"),
        (
            "[topology]\nreplicas = 2\nhops = 2\n[knee]\nslo_ms_p99 = 1.0\n".to_owned(),
            "a chain of services has one replica of each",
        ),
    ];
    for (more, expected) in cases {
        let found = with(&more).unwrap_err().to_string();
        assert!(found.contains(expected), "{found}\n{expected}");
    }
}
