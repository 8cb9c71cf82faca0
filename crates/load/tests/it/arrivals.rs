//! Arrivals of every kind, and what is done before a load.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use authbench_load::{
    Action, Arrivals, CellOutcome, Driver, Kind, LoadError, LoadPoint, Recording, Shape, Spacing,
    Warmup,
};

use crate::server::{Act, Script, Server, driver, point};

fn cell(driver: &mut Driver, point: &LoadPoint) -> CellOutcome {
    driver
        .cell(point, &mut (), &mut (), &AtomicBool::new(false))
        .unwrap()
}

fn run(users: u32, point: &LoadPoint) -> CellOutcome {
    let server = Server::start(Script::default());
    let outcome = cell(&mut driver(&server.profile("cookie"), users), point);
    assert_eq!(outcome.tally.failures(), 0, "{:?}", outcome.tally);
    outcome
}

#[test]
fn a_shape_has_as_many_arrivals_as_it_says() {
    let shape = Shape::Steps {
        rates_per_s: vec![200.0, 2_000.0],
    };
    let outcome = run(
        50,
        &LoadPoint {
            arrivals: Arrivals::Open {
                spacing: Spacing::Even,
                shape,
            },
            warmup: Warmup::fixed(100),
            measure_ms: 400,
            ..point()
        },
    );
    // One more or less, where a step begins.
    assert!(outcome.arrivals.abs_diff(440) <= 1, "{}", outcome.arrivals);
    assert!(outcome.warmup.total().abs_diff(20) <= 1, "the first rate");
    assert!(!outcome.is_closed_loop());
}

#[test]
fn a_recording_is_replayed_and_begins_again() {
    let lines: String = (0..50).map(|at| format!("{}.{:03}\n", 0, at * 2)).collect();
    let recording = Arc::new(Recording::parse(Path::new("recorded"), &lines).unwrap());
    let outcome = run(
        50,
        &LoadPoint {
            arrivals: Arrivals::Replay(recording),
            warmup: Warmup::fixed(51),
            measure_ms: 1_049,
            ..point()
        },
    );
    assert_eq!(outcome.warmup.total(), 26);
    assert_eq!(outcome.arrivals, 50 + 25, "a round, and half of another");
}

#[test]
fn users_of_a_closed_loop_wait_for_answers() {
    for think_ms in [0.0, 5.0] {
        let server = Server::start(Script::default());
        let mut driver = driver(&server.profile("bearer"), 10);
        let outcome = cell(
            &mut driver,
            &LoadPoint {
                arrivals: Arrivals::Closed { think_ms },
                warmup: Warmup::fixed(50),
                ..point()
            },
        );
        assert!(outcome.is_closed_loop());
        assert_eq!(outcome.tally.failures(), 0, "{:?}", outcome.tally);
        assert!(outcome.arrivals > 10, "{}", outcome.arrivals);
        assert_eq!(server.reads(), outcome.arrivals + outcome.warmup.total());
        let counts = (outcome.sent, outcome.completed);
        assert_eq!(counts, (outcome.arrivals, outcome.arrivals));
        assert_eq!(outcome.response_ns.len(), outcome.arrivals);
        assert!(outcome.send_lag_ns.is_empty() && outcome.wait_ns.is_empty());
        assert_eq!(outcome.backlog_max, 0);
    }
}

#[test]
fn a_stall_is_hidden_from_a_closed_loop_and_not_from_a_backlog() {
    let script = || Script {
        act: |number| {
            if number == 50 {
                Act::Stall(200)
            } else {
                Act::Right
            }
        },
        ..Script::default()
    };
    let closed = LoadPoint {
        arrivals: Arrivals::Closed { think_ms: 0.0 },
        measure_ms: 600,
        ..point()
    };
    let server = Server::start(script());
    let outcome = cell(&mut driver(&server.profile("cookie"), 50), &closed);
    let stall_ns = server.stalls_ns()[0];
    // One for each connection, and no more.
    let waited = outcome.response_ns.count_between(stall_ns / 2, u64::MAX);
    assert!((1..=4).contains(&waited), "{waited}");
    let open = LoadPoint {
        arrivals: Arrivals::steady(Spacing::Even, 1_000.0),
        measure_ms: 600,
        ..point()
    };
    let server = Server::start(script());
    let outcome = cell(&mut driver(&server.profile("cookie"), 50), &open);
    let stall_ns = server.stalls_ns()[0];
    // All who came meanwhile but for those on their way; nobody is dropped.
    assert!(
        outcome.backlog_max >= stall_ns / 1_000_000 - 6,
        "{}",
        outcome.backlog_max
    );
    assert_eq!(outcome.tally.count(Action::Read, Kind::Right), 600);
}

#[test]
fn a_warm_up_ends_when_it_is_steady_or_long_enough() {
    let warmed = |percent| {
        let outcome = run(
            50,
            &LoadPoint {
                warmup: Warmup {
                    at_least_ms: 100,
                    until_steady_percent: Some(percent),
                    at_most_ms: 350,
                },
                ..point()
            },
        );
        assert!(outcome.warmup.total() > 0 && outcome.arrivals > 100);
        assert_eq!(outcome.blocks.len(), 2);
        (outcome.warmup_steady, outcome.warmed_ms)
    };
    // Any two medians are alike enough, but for a miracle.
    let (steady, ms) = warmed(1_000_000);
    assert_eq!(steady, Some(true));
    assert!(ms >= 200, "two stretches: {ms}");
    let (steady, ms) = warmed(0);
    assert_eq!(steady, Some(false), "nothing is steadier than steady");
    assert!(ms >= 350, "{ms}");
}

#[test]
fn who_forgets_logs_in_again() {
    let server = Server::start(Script::default());
    let mut driver = driver(&server.profile("cookie"), 20);
    driver.forget_logins();
    let outcome = cell(&mut driver, &point());
    assert_eq!(outcome.tally.failures(), 0, "{:?}", outcome.tally);
    assert_eq!(outcome.tally.count(Action::Login, Kind::Right), 20);
}

#[test]
fn what_has_expired_is_rightly_refused_on_every_replica() {
    let servers = [(); 2].map(|()| Server::start(Script::default()));
    let addresses: Vec<SocketAddr> = servers
        .iter()
        .map(|server| SocketAddr::from(([127, 0, 0, 1], server.port)))
        .collect();
    let mut driver = driver(&servers[0].profile("bearer"), 20);
    driver.aim(&addresses).unwrap();
    assert_eq!(driver.address(), addresses[0]);
    let before = servers[1].requests();
    let stepped_ms = driver.expire_access().unwrap();
    assert!((3_590_000..3_600_100).contains(&stepped_ms), "{stepped_ms}");
    assert!(servers[1].requests() > before, "its clock was stepped too");
    assert_eq!(driver.expire_access().unwrap(), 0, "all have expired");
    driver.aim(&addresses[..1]).unwrap();
    let outcome = cell(&mut driver, &point());
    assert_eq!(outcome.tally.failures(), 0, "{:?}", outcome.tally);
    assert_eq!(outcome.tally.count(Action::Login, Kind::Right), 20);
    driver.step_clock(3_600_000).unwrap();
    let outcome = cell(&mut driver, &point());
    assert_eq!(outcome.tally.failures(), 0, "{:?}", outcome.tally);
    assert_eq!(outcome.tally.count(Action::Login, Kind::Right), 20);
}

#[test]
fn nobody_elses_machine_is_aimed_at_by_accident() {
    let server = Server::start(Script::default());
    let mut driver = driver(&server.profile("cookie"), 1);
    let remote: SocketAddr = "192.0.2.1:80".parse().unwrap();
    let error = driver.aim(&[driver.address(), remote]).unwrap_err();
    assert!(matches!(error, LoadError::Url { .. }), "{error:?}");
    assert!(matches!(driver.aim(&[]).unwrap_err(), LoadError::Engine(_)));
}
