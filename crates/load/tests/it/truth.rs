//! Open-loop truth: a stalling server is charged for everybody who waited.

use std::sync::atomic::{AtomicBool, Ordering};

use authbench_load::{Action, Arrivals, Kind, LoadPoint, Progress, Snapshot, Spacing};

use crate::server::{Act, Script, Server, driver, mix, point};

/// One arrival each millisecond.
fn steady() -> LoadPoint {
    LoadPoint {
        arrivals: Arrivals::steady(Spacing::Even, 1_000.0),
        measure_ms: 600,
        ..point()
    }
}

const GAP_NS: u64 = 1_000_000;

#[test]
fn a_stall_is_seen_by_all_who_arrive_in_it() {
    let script = Script {
        act: |number| {
            if number == 100 {
                Act::Stall(200)
            } else {
                Act::Right
            }
        },
        ..Script::default()
    };
    let server = Server::start(script);
    let mut driver = driver(&server.profile("cookie"), 50);
    let outcome = driver
        .cell(&steady(), &mut (), &mut (), &AtomicBool::new(false))
        .unwrap();
    assert_eq!(outcome.arrivals, 600);
    assert_eq!(outcome.tally.count(Action::Read, Kind::Right), 600);
    assert_eq!(
        outcome.response_ns.len(),
        600,
        "nothing of the schedule is dropped"
    );
    assert_eq!(outcome.send_lag_ns.len(), 600);
    let stall_ns = server.stalls_ns()[0];
    // Who arrives first in the stall waits all of it, but for one gap.
    assert!(outcome.response_ns.max() >= stall_ns - GAP_NS, "{stall_ns}");
    // Who arrives in its first half waits for at least the other half. (A
    // driver that waits for answers would see four, one for each connection.)
    let half_ns = stall_ns / 2;
    let waited = outcome.response_ns.count_between(half_ns, u64::MAX);
    assert!(waited >= half_ns / GAP_NS - 1, "{waited}");
    // The wait stood in the backlog, and that is the server's doing.
    assert!(outcome.wait_ns.max() >= half_ns);
}

#[test]
fn late_answers_are_failures_at_their_true_length() {
    let script = Script {
        act: |number| {
            if number == 100 {
                Act::Stall(200)
            } else {
                Act::Right
            }
        },
        ..Script::default()
    };
    let server = Server::start(script);
    let mut driver = driver(&server.profile("cookie"), 50);
    // The stall is over before the drain is.
    let point = LoadPoint {
        timeout_ms: 100,
        ..steady()
    };
    let outcome = driver
        .cell(&point, &mut (), &mut (), &AtomicBool::new(false))
        .unwrap();
    let tally = &outcome.tally;
    let stall_ns = server.stalls_ns()[0];
    let late = tally.of_kind(Kind::Timeout) + tally.of_kind(Kind::Unfinished);
    assert_eq!(tally.of_kind(Kind::Right) + late, 600, "{tally:?}");
    assert!(late >= (stall_ns - 100_000_000) / GAP_NS - 1, "{tally:?}");
    assert_eq!(
        outcome.response_ns.len(),
        600,
        "late ones stand in the latencies"
    );
    assert!(outcome.response_ns.max() >= stall_ns - GAP_NS);
    // Histograms are good to a thousandth, hence the two bounds.
    let longer_than = |ns: u64| outcome.response_ns.count_between(ns, u64::MAX);
    assert!(
        (longer_than(100_200_000)..=longer_than(99_800_000)).contains(&late),
        "{tally:?}"
    );
}

#[test]
fn what_never_comes_is_unfinished() {
    let script = Script {
        act: |number| if number == 100 { Act::Hang } else { Act::Right },
        ..Script::default()
    };
    let server = Server::start(script);
    let mut driver = driver(&server.profile("cookie"), 50);
    let point = LoadPoint {
        timeout_ms: 1_000,
        ..steady()
    };
    let outcome = driver
        .cell(&point, &mut (), &mut (), &AtomicBool::new(false))
        .unwrap();
    assert_eq!(
        outcome.tally.of_kind(Kind::Unfinished),
        1,
        "{:?}",
        outcome.tally
    );
    assert_eq!((outcome.sent, outcome.completed), (600, 599));
    assert_eq!(
        (outcome.response_ns.len(), outcome.service_ns.len()),
        (600, 599)
    );
    assert!(
        outcome.response_ns.max() >= 1_000_000_000,
        "at its length so far"
    );
    // For the last second there was nothing to do but wait.
    assert!(outcome.busy_ns < outcome.measured_ns, "{}", outcome.busy_ns);
    // With one connection, all behind it are unfinished too.
    let point = LoadPoint {
        timeout_ms: 100,
        connections: 1,
        ..steady()
    };
    let server = Server::start(Script {
        act: |number| if number == 100 { Act::Hang } else { Act::Right },
        ..Script::default()
    });
    let mut driver = driver_of(&server);
    let outcome = driver
        .cell(&point, &mut (), &mut (), &AtomicBool::new(false))
        .unwrap();
    let tally = &outcome.tally;
    assert_eq!(tally.of_kind(Kind::Unfinished), 500, "{tally:?}");
    assert_eq!(
        (outcome.arrivals, outcome.sent, outcome.completed),
        (600, 101, 100)
    );
    assert_eq!(outcome.response_ns.len(), 600);
}

fn driver_of(server: &Server) -> authbench_load::Driver {
    driver(&server.profile("bearer"), 50)
}

#[test]
fn more_load_than_users_waits_for_users() {
    let server = Server::start(Script::default());
    let mut driver = driver(&server.profile("cookie"), 1);
    let outcome = driver
        .cell(&steady(), &mut (), &mut (), &AtomicBool::new(false))
        .unwrap();
    assert_eq!(
        (outcome.tally.failures(), outcome.response_ns.len()),
        (0, 600)
    );
}

#[test]
fn the_probe_is_read_at_each_edge_and_progress_is_told() {
    struct Told(Vec<Snapshot>);
    impl Progress for Told {
        fn update(&mut self, now: &Snapshot) {
            self.0.push(*now);
        }
    }
    let server = Server::start(Script::default());
    let mut driver = driver(&server.profile("cookie"), 50);
    let (mut reads, mut told) = (0, Told(Vec::new()));
    let mut probe = || {
        reads += 10;
        Some(reads)
    };
    let point = LoadPoint {
        blocks: 3,
        ..steady()
    };
    let outcome = driver
        .cell(&point, &mut probe, &mut told, &AtomicBool::new(false))
        .unwrap();
    let edges: Vec<_> = outcome
        .blocks
        .iter()
        .map(|block| (block.probe_before, block.probe_after))
        .collect();
    let expected = [10, 20, 30].map(|before| (Some(before), Some(before + 10)));
    assert_eq!(edges, expected);
    assert_eq!(
        outcome
            .blocks
            .iter()
            .map(|block| block.completed)
            .sum::<u64>(),
        600
    );
    assert_eq!(outcome.server_cpu(), Some((30, 600)));
    let driver_cpu_ns: u64 = outcome.blocks.iter().map(|block| block.driver_cpu_ns).sum();
    assert_eq!(driver_cpu_ns, outcome.driver_cpu_ns);
    for block in &outcome.blocks {
        assert!(
            block.busy_ns > 0 && block.busy_ns <= block.duration_ns,
            "{block:?}"
        );
    }
    let busy_ns: u64 = outcome.blocks.iter().map(|block| block.busy_ns).sum();
    assert_eq!(busy_ns, outcome.busy_ns);
    let last = told.0.last().unwrap();
    assert_eq!((last.done_fraction, last.offered_per_s), (1.0, 1_000.0));
    assert!(told.0.is_sorted_by_key(|snapshot| snapshot.done_fraction));
}

#[test]
fn a_stop_ends_early_and_keeps_what_was_measured() {
    struct Stopper<'s>(&'s AtomicBool);
    impl Progress for Stopper<'_> {
        fn update(&mut self, _: &Snapshot) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let server = Server::start(Script::default());
    let mut driver = driver(&server.profile("cookie"), 50);
    let stop = AtomicBool::new(false);
    let point = LoadPoint {
        measure_ms: 600_000,
        mix: mix(9, 1, 0),
        ..steady()
    };
    let outcome = driver
        .cell(&point, &mut (), &mut Stopper(&stop), &stop)
        .unwrap();
    assert!(outcome.interrupted);
    assert!(outcome.arrivals > 0 && outcome.arrivals < 600_000);
    assert_eq!(
        (outcome.tally.failures(), outcome.completed),
        (0, outcome.arrivals)
    );
}

#[test]
fn the_same_seed_does_the_same() {
    let done = |seed| {
        let server = Server::start(Script::default());
        let mut driver = driver(&server.profile("cookie"), 1);
        let point = LoadPoint {
            mix: mix(70, 20, 10),
            seed,
            ..point()
        };
        let outcome = driver
            .cell(&point, &mut (), &mut (), &AtomicBool::new(false))
            .unwrap();
        Action::ALL.map(|action| outcome.tally.of_action(action))
    };
    assert_eq!(done(5), done(5));
    assert_ne!(done(5), done(6));
}
