use std::collections::BTreeMap;

use authbench_results::{
    ArrivalProcess, BenchFigure, Block, Cell, Costs, Durability, Environment, Guarantees, Health,
    Invalid, Latency, Listing, Load, LoadModel, Login, Memory, Metric, MetricClass,
    OutageBehaviour, OutcomeKind, Outcomes, Placement, Purpose, RefreshOffer, Run, Scenario,
    SchemaVersion, Shape, Snapshot, Source, Staleness, StrategyFacts, Topology,
};
use proptest::prelude::*;

use super::*;

const CPU: &str = "server_cpu_ns_per_request";

fn health() -> Health {
    let now = Snapshot::take();
    now.until(&now, None)
}

fn cell(cpu_ns: &[u64]) -> Cell {
    let blocks = cpu_ns.iter().zip(0..);
    Cell {
        strategy: "jwt".to_owned(),
        phase: None,
        load: Load {
            model: LoadModel::OpenLoop,
            process: ArrivalProcess::Poisson,
            shape: Shape::Steady,
            offered_per_s: 3000.0,
            warmup_ms: 1,
            measured_ms: 1000,
            connections: 1,
            users: 1,
            think_ms: 0.0,
            threads: 1,
            engine: None,
            topology: Topology::default(),
            reconnects: 0,
            backlog_max: 0,
            drained_ms: 0,
            arrivals: 3000,
            sent: 3000,
            completed: 3000,
        },
        outcomes: Outcomes::of([(OutcomeKind::Right, 3000)]),
        latency: Latency::default(),
        actions: Vec::new(),
        costs: Costs {
            server_cpu_ns_per_request: Metric::of(1.0),
            driver_cpu_ns_per_request: Metric::of(1.0),
            wire_sent_bytes_per_request: Metric::of(200.0),
            wire_received_bytes_per_request: Metric::of(100.0),
            store_operations_per_request: [("get".to_owned(), Metric::of(1.0))].into(),
            store_round_trips_per_request: Metric::missing("none"),
            store_bytes_per_request: Metric::missing("none"),
            driver_utilisation_fraction: Metric::of(0.1),
        },
        faults: Vec::new(),
        blocks: blocks
            .map(|(cpu_ns, index)| Block {
                index,
                completed: 10,
                server_cpu_ns: Some(cpu_ns * 10),
                driver_cpu_ns: None,
                response_ns_p50: Some(cpu_ns * 2),
                response_ns_p99: Some(cpu_ns * 9),
            })
            .collect(),
        rejected_blocks: Vec::new(),
        health: health(),
        valid: true,
        reason: None,
    }
}

fn facts(token_bytes: u64) -> StrategyFacts {
    let none = || Metric::missing("not measured");
    StrategyFacts {
        strategy: "jwt".to_owned(),
        recipe: String::new(),
        guarantees: Guarantees {
            revoke_one: Staleness::Immediate,
            revoke_all: Staleness::Immediate,
            role_change: Staleness::Immediate,
            lifetime_ms: 1,
            expiry_slack_ms: 0,
            refresh: RefreshOffer::None,
            idle: None,
            login_limit: None,
            listing: Listing::Exact,
            outage: OutageBehaviour::Unaffected,
            durability: Durability::None,
        },
        incomplete: None,
        conformance: None,
        token_bytes: Some(token_bytes),
        login: Login {
            password_hash: String::new(),
            hashed: None,
            unhashed: None,
            hashed_server_cpu_ns: none(),
            unhashed_server_cpu_ns: none(),
        },
        memory: Memory {
            server_bytes_per_login: Metric::of(500.0),
            store_bytes_per_login: Metric::of(0.0),
            resolution_bytes_per_login: 10.0,
            logins: 1,
            method: String::new(),
        },
        revocation: None,
        revocation_elsewhere: None,
        knee: None,
        lookups_per_request: none(),
        saturation: Vec::new(),
        saturated_server_cpu_ns_per_request: none(),
        requests_per_core_s: none(),
    }
}

fn run(cpu_ns: &[u64]) -> RunResult {
    RunResult {
        schema: SchemaVersion::V1,
        run: Run {
            id: "r".to_owned(),
            started_at: "2026-01-01T00:00:00Z".to_owned(),
            ended_at: "2026-01-01T00:01:00Z".to_owned(),
            purpose: Purpose::AdHoc,
            arguments: Vec::new(),
            seed: 1,
            tool_version: "0".to_owned(),
            interrupted: false,
            invalid: None,
            shard: None,
            merged_from: None,
            warnings: Vec::new(),
        },
        source: Source::default(),
        environment: Environment::read(Placement::default()),
        health: health(),
        scenario: Scenario::new("quick".to_owned(), String::new()),
        cells: vec![cell(cpu_ns)],
        strategies: vec![facts(43)],
        skipped: Vec::new(),
        benches: Vec::new(),
        qualification: Standing::default(),
    }
}

fn compared(base: &RunResult, candidate: &RunResult) -> FileComparison {
    compare_files(&Rules::default(), base, candidate, &Standing::default())
}

fn the<'c>(comparison: &'c FileComparison, metric: &str) -> &'c GateCell {
    let mut cells = comparison.cells.iter().filter(|it| it.metric == metric);
    let cell = cells.next().unwrap();
    assert!(cells.next().is_none());
    cell
}

/// Six blocks around this many nanoseconds.
fn around(ns: u64) -> [u64; 6] {
    [ns, ns + 3, ns + 5, ns + 2, ns + 4, ns + 1]
}

fn bench(unit: &str, value: f64) -> BenchFigure {
    BenchFigure {
        bench: "issue".to_owned(),
        case: "jwt".to_owned(),
        unit: unit.to_owned(),
        value,
        low: (unit == "ns").then_some(value * 0.99),
        high: (unit == "ns").then_some(value * 1.01),
    }
}

fn with_bench(unit: &str, value: f64) -> RunResult {
    RunResult {
        benches: vec![bench(unit, value)],
        ..run(&around(1000))
    }
}

#[test]
fn the_same_file_twice_has_no_effect_and_a_loud_note() {
    let file = run(&around(1000));
    let same = compared(&file, &file);
    assert!(same.warnings[0].contains("NOT INTERLEAVED"));
    assert_eq!(same.warnings.len(), 1);
    assert!(!same.other_machine);
    let cpu = the(&same, CPU);
    assert_eq!(cpu.strategy, "jwt @ 3000/s");
    assert!(cpu.effect_percent.unwrap().abs() < 1e-9);
    assert!(cpu.low_percent.unwrap() < 0.0 && cpu.high_percent.unwrap() > 0.0);
    assert_eq!((cpu.verdict, cpu.pairs), (Verdict::Pass, 6));
    assert!(cpu.visible_percent.unwrap() > cpu.budget_percent);
    assert!(same.cells.iter().all(|it| it.verdict == Verdict::Pass));
}

#[test]
fn a_slower_server_is_seen_and_fails_nothing() {
    let slower = compared(&run(&around(1000)), &run(&around(1200)));
    for metric in [CPU, "response_ns_p50", "response_ns_p99"] {
        let cell = the(&slower, metric);
        assert_eq!(cell.verdict, Verdict::Regressed);
        assert!(!cell.binding && !cell.is_red());
        assert!((cell.effect_percent.unwrap() - 20.0).abs() < 1.0);
        assert!(cell.low_percent.unwrap() > cell.budget_percent);
    }
    let faster = compared(&run(&around(1200)), &run(&around(1000)));
    assert_eq!(the(&faster, CPU).verdict, Verdict::Improved);
}

#[test]
fn few_blocks_cannot_show_anything() {
    let few = compared(&run(&[1000, 1001]), &run(&[2000, 2001]));
    let cpu = the(&few, CPU);
    assert_eq!(cpu.verdict, Verdict::Inconclusive);
    assert_eq!((cpu.low_percent, cpu.visible_percent), (None, None));
    let none = compared(&run(&[1000]), &run(&around(1000)));
    assert_eq!(the(&none, CPU).verdict, Verdict::NotMeasured);
}

#[test]
fn what_differs_between_the_files_is_said() {
    let base = run(&around(1000));
    let mut other = base.clone();
    other.environment.fingerprint = "0123456789abcdef".to_owned();
    other.scenario = Scenario::new("steady-api".to_owned(), "x".to_owned());
    other.source.profile = Some("debug".to_owned());
    other.strategies[0].recipe = "other".to_owned();
    other.run.interrupted = true;
    let comparison = compared(&base, &other);
    assert!(comparison.other_machine);
    let said = |what: &str| comparison.warnings.iter().any(|it| it.contains(what));
    assert!(said("DIFFERENT MACHINES") && said("0123456789ab"));
    assert!(said("scenarios differ (quick and steady-api)"));
    assert!(said("built differently (unknown and debug)"));
    assert!(said("jwt is not made by the same recipe"));
    assert!(said("The candidate was stopped before its end"));
    assert!(!the(&comparison, "token_bytes").binding);
}

#[test]
fn nothing_is_judged_from_what_was_retracted() {
    let base = run(&around(1000));
    let mut bad = run(&around(2000));
    bad.run.invalid = Some(Invalid {
        reason: "a backup ran".to_owned(),
    });
    let comparison = compared(&base, &bad);
    assert!(!comparison.cells.is_empty());
    for cell in &comparison.cells {
        assert_eq!((cell.verdict, cell.binding), (Verdict::NotMeasured, false));
        assert!(cell.note.as_deref().unwrap().contains("a backup ran"));
    }
    assert!(comparison.warnings[1].contains("retracted: a backup ran"));
}

#[test]
fn invalid_cells_and_wrong_answers_are_not_measured() {
    let base = run(&around(1000));
    let mut late = base.clone();
    late.cells[0].valid = false;
    late.cells[0].reason = Some("the driver was late".to_owned());
    let comparison = compared(&base, &late);
    assert_eq!(the(&comparison, CPU).verdict, Verdict::Pass);
    let p99 = the(&comparison, "response_ns_p99");
    assert_eq!(p99.verdict, Verdict::NotMeasured);
    assert!(
        p99.note
            .as_deref()
            .unwrap()
            .contains("in the candidate: the driver was late")
    );

    let mut doubtful = base.clone();
    doubtful.cells[0].costs.server_cpu_ns_per_request = Metric::doubtful(1.0, "stolen");
    let comparison = compared(&doubtful, &base);
    assert_eq!(the(&comparison, CPU).verdict, Verdict::NotMeasured);

    let mut unsafe_one = base.clone();
    unsafe_one.cells[0].outcomes = Outcomes::of([(OutcomeKind::AcceptedDead, 2)]);
    let comparison = compared(&base, &unsafe_one);
    assert_eq!(the(&comparison, CPU).verdict, Verdict::NotMeasured);
    let wrong = the(&comparison, "wrong_judgements");
    assert!(wrong.is_red());
    assert_eq!(wrong.effect_percent, None);

    let mut timeouts = base.clone();
    timeouts.cells[0].outcomes =
        Outcomes::of([(OutcomeKind::Right, 90), (OutcomeKind::Timeout, 10)]);
    let note = the(&compared(&base, &timeouts), CPU).note.clone().unwrap();
    assert!(note.contains("10.0 % of the requests were not answered"));
}

#[test]
fn only_the_same_loads_are_compared() {
    let base = run(&around(1000));
    let mut other = base.clone();
    other.cells[0].load.connections = 2;
    let note = the(&compared(&base, &other), CPU).note.clone().unwrap();
    assert!(note.contains("The loads differ in connections"), "{note}");

    other.cells[0].load.offered_per_s = 1000.0;
    let comparison = compared(&base, &other);
    let notes: Vec<_> = comparison
        .cells
        .iter()
        .filter(|it| it.metric == CPU)
        .map(|it| {
            (
                it.strategy.as_str(),
                it.verdict,
                it.note.as_deref().unwrap(),
            )
        })
        .collect();
    let gone = "Gone: the candidate has nothing of the kind.";
    let new = "New: the base has nothing of the kind.";
    assert_eq!(
        notes,
        [
            ("jwt @ 3000/s", Verdict::NotMeasured, gone),
            ("jwt @ 1000/s", Verdict::NotMeasured, new)
        ]
    );
}

#[test]
fn larger_tokens_fail_and_means_advise() {
    let base = run(&around(1000));
    let mut larger = base.clone();
    larger.strategies[0].token_bytes = Some(44);
    larger.cells[0].costs.wire_sent_bytes_per_request = Metric::of(201.0);
    larger.cells[0].costs.store_operations_per_request =
        BTreeMap::from([("get".to_owned(), Metric::of(2.0))]);
    larger.strategies[0].memory.server_bytes_per_login = Metric::of(515.0);
    let comparison = compared(&base, &larger);
    assert!(the(&comparison, "token_bytes").is_red());
    let verdict = |metric| {
        let cell = the(&comparison, metric);
        assert!(!cell.binding);
        cell.verdict
    };
    assert_eq!(
        verdict("wire_sent_bytes_per_request"),
        Verdict::Inconclusive
    );
    assert_eq!(
        verdict("store_get_operations_per_request"),
        Verdict::Regressed
    );
    assert_eq!(verdict("memory_bytes_per_login"), Verdict::Inconclusive);
}

#[test]
fn octets_of_benches_are_a_ratchet_and_other_units_are_left_out() {
    let octets = compared(&with_bench("octets", 43.0), &with_bench("octets", 44.0));
    let cell = the(&octets, "issue_bytes");
    assert!(cell.is_red() && cell.class == MetricClass::Exact);
    let roles = compared(&with_bench("roles", 43.0), &with_bench("roles", 44.0));
    assert!(roles.cells.iter().all(|it| !it.metric.starts_with("issue")));
    assert!(roles.warnings[1].contains("in roles are left out"));
}

#[test]
fn times_of_benches_are_judged_by_their_intervals() {
    let at = |ns| {
        the(
            &compared(&with_bench("ns", 100.0), &with_bench("ns", ns)),
            "issue_ns",
        )
        .clone()
    };
    assert_eq!(at(100.0).verdict, Verdict::Pass);
    assert_eq!(at(111.0).verdict, Verdict::Inconclusive);
    assert_eq!(at(120.0).verdict, Verdict::Regressed);
    assert_eq!(at(80.0).verdict, Verdict::Improved);
    assert!(!at(120.0).binding);
    let mut bare = with_bench("ns", 200.0);
    bare.benches[0].low = None;
    let comparison = compared(&with_bench("ns", 100.0), &bare);
    assert_eq!(the(&comparison, "issue_ns").verdict, Verdict::Inconclusive);
}

#[test]
fn times_of_benches_bind_where_they_qualified_on_the_same_machine() {
    let standing = Standing {
        qualified: vec!["jwt/issue_ns".to_owned()],
        ..Standing::default()
    };
    let (base, mut slow) = (with_bench("ns", 100.0), with_bench("ns", 120.0));
    let rules = Rules::default();
    let comparison = compare_files(&rules, &base, &slow, &standing);
    assert!(the(&comparison, "issue_ns").is_red());
    slow.environment.fingerprint = "other".to_owned();
    let comparison = compare_files(&rules, &base, &slow, &standing);
    assert!(!the(&comparison, "issue_ns").is_red());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_cpu_or_time_under_load_ever_binds(
        base in prop::collection::vec(1_u64..10_000, 0..6),
        candidate in prop::collection::vec(1_u64..10_000, 0..6),
    ) {
        let comparison = compared(&run(&base), &run(&candidate));
        for cell in &comparison.cells {
            prop_assert!(!cell.binding || cell.class == MetricClass::Exact);
            let (low, high) = (cell.low_percent, cell.high_percent);
            if let (Some(effect), Some(low), Some(high)) = (cell.effect_percent, low, high) {
                prop_assert!(low <= effect + 1e-6 && effect <= high + 1e-6);
            }
        }
    }
}
