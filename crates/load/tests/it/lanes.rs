//! Lanes and shares: together they do what one does alone.

use std::sync::atomic::{AtomicBool, Ordering};

use authbench_load::{
    Action, CellOutcome, Driver, DriverOptions, LoadError, LoadPoint, LoginPlan, Progress,
    SaturationPlan, Share, Snapshot, Warmup,
};
use rustix::thread::{CpuSet, sched_getaffinity};

use crate::server::{Deeds, Script, Server, mix, point};

const USERS: u32 = 400;

/// The same core for each of so many lanes.
fn lanes(count: usize) -> Vec<Option<usize>> {
    let mine = sched_getaffinity(None).unwrap();
    let core = (0..CpuSet::MAX_CPU).find(|core| mine.is_set(*core));
    vec![core; count]
}

fn driver(server: &Server, lanes: Vec<Option<usize>>, share: Share) -> Driver {
    let profile = server.profile("bearer");
    let options = DriverOptions {
        shared_core: true,
        lanes,
        share,
        ..DriverOptions::default()
    };
    let mut driver = Driver::new(&profile, options).unwrap();
    let plan = LoginPlan {
        users: &profile.users,
        numbers: 50..50 + USERS,
        devices: 1,
        connections: 5,
        keep: true,
        timeout_ms: 20_000,
    };
    let outcome = driver.log_in(&plan, &AtomicBool::new(false)).unwrap();
    assert_eq!(outcome.logins, u64::from(share.count(USERS)));
    assert_eq!(outcome.service_ns.len(), outcome.logins);
    assert_eq!(outcome.credential_bytes.count, outcome.logins);
    driver
}

/// Everybody's turn comes about twice, so long after each other that nobody
/// has to step in for somebody who still waits for an answer.
fn twice() -> LoadPoint {
    LoadPoint {
        connections: 5,
        measure_ms: 800,
        mix: mix(70, 20, 10),
        ..point()
    }
}

fn cell(driver: &mut Driver, point: &LoadPoint) -> CellOutcome {
    let mut read = 0;
    let mut probe = || {
        read += 1_000;
        Some(read)
    };
    driver
        .cell(point, &mut probe, &mut (), &AtomicBool::new(false))
        .unwrap()
}

#[test]
fn who_joins_later_acts_as_if_there_from_the_start() {
    let server = Server::start(Script::default());
    let mut at_once = driver(&server, lanes(2), Share::WHOLE);
    let logins = server.take_deeds();
    let outcome = cell(&mut at_once, &twice());
    let deeds = server.take_deeds();
    for count in [1, 3] {
        let server = Server::start(Script::default());
        let profile = server.profile("bearer");
        let options = DriverOptions {
            shared_core: true,
            lanes: lanes(count),
            ..DriverOptions::default()
        };
        let mut driver = Driver::new(&profile, options).unwrap();
        let mut before = 0;
        for users in [7, 7, 150, USERS] {
            let plan = LoginPlan {
                users: &profile.users,
                numbers: 50..50 + users,
                devices: 1,
                connections: 5,
                keep: true,
                timeout_ms: 20_000,
            };
            let more = driver.log_in_more(&plan, &AtomicBool::new(false)).unwrap();
            assert_eq!(more.logins, u64::from(users - before));
            before = users;
        }
        assert_eq!(server.take_deeds(), logins, "each once");
        let joined = cell(&mut driver, &twice());
        assert_eq!(joined.users, USERS);
        assert_eq!(joined.tally, outcome.tally);
        assert_eq!(server.take_deeds(), deeds);
        let elsewhere = LoginPlan {
            users: &profile.users,
            numbers: 0..USERS,
            devices: 1,
            connections: 5,
            keep: true,
            timeout_ms: 20_000,
        };
        let all = driver.log_in_more(&elsewhere, &AtomicBool::new(false));
        assert_eq!(all.unwrap().logins, u64::from(USERS), "other accounts");
    }
}

#[test]
fn lanes_do_together_what_one_does_alone() {
    let done = |count: usize| -> (Deeds, Deeds, CellOutcome) {
        let server = Server::start(Script::default());
        let mut driver = driver(&server, lanes(count), Share::WHOLE);
        let logins = server.take_deeds();
        let outcome = cell(&mut driver, &twice());
        (logins, server.take_deeds(), outcome)
    };
    let (logins, deeds, alone) = done(0);
    assert_eq!(logins.len(), USERS as usize);
    assert!(deeds.len() > USERS as usize, "of several kinds");
    for count in 1..=3 {
        let (other_logins, other_deeds, outcome) = done(count);
        assert_eq!(other_logins, logins, "{count}");
        assert_eq!(other_deeds, deeds, "{count}");
        assert_eq!(outcome.tally, alone.tally, "{count}");
        assert_eq!(outcome.tally.failures(), 0);
        assert_eq!(outcome.users, USERS);
        assert_eq!(outcome.sent, outcome.arrivals);
        for action in Action::ALL {
            let right = outcome.tally.of_action(action);
            assert_eq!(outcome.response_of(action).len(), right, "{action:?}");
            let exchanges = outcome.wire(action).exchanges;
            assert_eq!(exchanges, right, "{action:?}");
        }
        assert_eq!(outcome.send_lag_ns.len(), outcome.arrivals);
        // Blocks of one time are one block, read by one probe.
        let edges: Vec<_> = outcome
            .blocks
            .iter()
            .map(|block| (block.index, block.probe_before, block.probe_after))
            .collect();
        assert_eq!(
            edges,
            [(0, Some(1_000), Some(2_000)), (1, Some(2_000), Some(3_000))]
        );
        let completed: u64 = outcome.blocks.iter().map(|block| block.completed).sum();
        assert_eq!(completed, outcome.completed);
        for block in &outcome.blocks {
            assert!(block.response_ns_p50 <= block.response_ns_p99);
            assert!(block.response_ns_p50.is_some() && block.busy_ns <= block.duration_ns);
        }
        let seen = outcome.trace.around(0, None, u64::MAX).during;
        assert_eq!(seen.total(), outcome.arrivals);
    }
}

#[test]
fn shares_do_together_what_the_whole_does() {
    let server = Server::start(Script::default());
    let mut whole = driver(&server, Vec::new(), Share::WHOLE);
    let mut point = LoadPoint {
        measure_ms: 400,
        ..twice()
    };
    server.take_deeds();
    let alone = cell(&mut whole, &point);
    let deeds = server.take_deeds();
    let mut union = Deeds::new();
    let mut arrivals = 0;
    for index in 0..3 {
        let share = Share::new(index, 3).unwrap();
        let mut part = driver(&server, lanes(2), share);
        server.take_deeds();
        arrivals += cell(&mut part, &point).arrivals;
        for (deed, count) in server.take_deeds() {
            *union.entry(deed).or_default() += count;
        }
    }
    assert_eq!((union, arrivals), (deeds, alone.arrivals));
    // Popular users' arrivals too.
    point.zipf = Some(1.0);
    let all = cell(&mut whole, &point).arrivals;
    let mut part = driver(&server, Vec::new(), Share::new(1, 3).unwrap());
    let own = cell(&mut part, &point).arrivals;
    assert!(own > 0 && own < all, "{own} of {all}");
}

#[test]
fn progress_is_told_of_all_lanes_and_measuring_begins_once() {
    #[derive(Default)]
    struct Told(Vec<Snapshot>, Vec<u64>);
    impl Progress for Told {
        fn update(&mut self, now: &Snapshot) {
            self.0.push(*now);
        }
        fn measuring(&mut self, from_ns: u64) {
            self.1.push(from_ns);
        }
    }
    let server = Server::start(Script::default());
    let mut driver = driver(&server, lanes(3), Share::WHOLE);
    let point = LoadPoint {
        warmup: Warmup::fixed(50),
        ..twice()
    };
    let mut told = Told::default();
    let stop = AtomicBool::new(false);
    let outcome = driver.cell(&point, &mut (), &mut told, &stop).unwrap();
    assert_eq!(told.1, [outcome.measured_from_ns]);
    let last = told.0.last().unwrap();
    assert_eq!(
        (last.done_fraction, last.remaining_ms, last.failures),
        (1.0, 0, 0)
    );
    assert!(last.achieved_per_s > 0.0 && last.response_ns_max > 0);
    assert_eq!(outcome.warmed_ms, 50);
}

#[test]
fn a_stop_ends_all_lanes_and_everything_is_counted() {
    struct Stopper<'s>(&'s AtomicBool);
    impl Progress for Stopper<'_> {
        fn update(&mut self, _: &Snapshot) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let server = Server::start(Script::default());
    let mut driver = driver(&server, lanes(3), Share::WHOLE);
    let stop = AtomicBool::new(false);
    let point = LoadPoint {
        measure_ms: 600_000,
        ..twice()
    };
    server.take_deeds();
    let outcome = driver
        .cell(&point, &mut (), &mut Stopper(&stop), &stop)
        .unwrap();
    assert!(outcome.interrupted && outcome.arrivals > 0);
    assert_eq!(
        (outcome.tally.failures(), outcome.completed),
        (0, outcome.arrivals)
    );
    let served: u64 = server.take_deeds().values().sum();
    assert_eq!(served, outcome.arrivals);
}

#[test]
fn all_lanes_keep_a_server_busy() {
    let server = Server::start(Script::default());
    let mut driver = driver(&server, lanes(3), Share::WHOLE);
    let plan = SaturationPlan {
        connections: 7,
        warmup_ms: 50,
        measure_ms: 200,
        timeout_ms: 20_000,
        seed: 3,
    };
    let mut read = 0;
    let mut probe = || {
        read += 10;
        Some(read)
    };
    let outcome = driver
        .saturate(&plan, &mut probe, &AtomicBool::new(false))
        .unwrap();
    assert_eq!(outcome.connections, 7);
    assert_eq!(
        (outcome.probe_before, outcome.probe_after),
        (Some(10), Some(20))
    );
    assert_eq!(outcome.tally.failures() + outcome.warmup.failures(), 0);
    assert_eq!(
        server.reads(),
        outcome.tally.total() + outcome.warmup.total()
    );
    assert_eq!(outcome.closed_loop_service_ns.len(), outcome.completed);
    assert!(outcome.busy_ns <= outcome.duration_ns);
}

#[test]
fn more_lanes_than_users_or_connections_do_no_harm() {
    let server = Server::start(Script::default());
    let profile = server.profile("cookie");
    let options = DriverOptions {
        lanes: lanes(3),
        ..DriverOptions::default()
    };
    let mut driver = Driver::new(&profile, options).unwrap();
    let plan = LoginPlan {
        users: &profile.users,
        numbers: 0..2,
        devices: 1,
        connections: 1,
        keep: true,
        timeout_ms: 20_000,
    };
    driver.log_in(&plan, &AtomicBool::new(false)).unwrap();
    let outcome = cell(&mut driver, &point());
    assert_eq!((outcome.users, outcome.tally.failures()), (2, 0));
    assert!(outcome.arrivals > 100);
}

#[test]
fn a_core_that_is_not_there_is_an_error() {
    let server = Server::start(Script::default());
    let profile = server.profile("cookie");
    let options = DriverOptions {
        lanes: vec![None, Some(CpuSet::MAX_CPU - 1)],
        ..DriverOptions::default()
    };
    let mut driver = Driver::new(&profile, options).unwrap();
    let plan = LoginPlan {
        users: &profile.users,
        numbers: 0..4,
        devices: 1,
        connections: 2,
        keep: true,
        timeout_ms: 20_000,
    };
    let error = driver.log_in(&plan, &AtomicBool::new(false)).unwrap_err();
    assert!(matches!(error, LoadError::Pin { .. }), "{error:?}");
}
