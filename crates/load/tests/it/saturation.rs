//! The closed loop: always a request under way on each connection, judged like
//! any other.

use std::sync::atomic::{AtomicBool, Ordering};

use authbench_load::{
    Action, Driver, DriverOptions, Kind, LoadError, SaturationOutcome, SaturationPlan,
};

use crate::server::{Act, Framing, Script, Server, driver};

fn plan() -> SaturationPlan {
    SaturationPlan {
        connections: 4,
        warmup_ms: 50,
        measure_ms: 200,
        timeout_ms: 20_000,
        seed: 1,
    }
}

fn saturate(server: &Server, users: u32, plan: &SaturationPlan) -> SaturationOutcome {
    let mut driver = driver(&server.profile("cookie"), users);
    let mut read = 0;
    let mut probe = || {
        read += 10;
        Some(read)
    };
    let outcome = driver
        .saturate(plan, &mut probe, &AtomicBool::new(false))
        .unwrap();
    assert!(!outcome.interrupted);
    let edges = (outcome.probe_before, outcome.probe_after);
    assert_eq!(edges, (Some(10), Some(20)), "two readings and no more");
    assert_eq!(outcome.server_cpu_ns(), Some(10));
    assert!(outcome.busy_ns > 0 && outcome.busy_ns <= outcome.duration_ns);
    outcome
}

/// Requests in flight at the end of the measured time are in the tally only.
fn assert_all_but_the_last_were_measured(outcome: &SaturationOutcome) {
    let right = outcome.tally.count(Action::Read, Kind::Right);
    let last = right - outcome.completed;
    assert!(last <= u64::from(outcome.connections), "{outcome:?}");
}

#[test]
fn a_correct_server_is_kept_busy_and_every_read_is_counted() {
    for framing in [Framing::Length, Framing::Closing] {
        let server = Server::start(Script {
            framing,
            ..Script::default()
        });
        let outcome = saturate(&server, 20, &plan());
        assert_eq!(outcome.connections, 4);
        assert_eq!(outcome.tally.failures() + outcome.warmup.failures(), 0);
        assert!(outcome.completed > 0 && outcome.warmup.total() > 0);
        assert!(outcome.duration_ns >= 200_000_000);
        let all = outcome.tally.total() + outcome.warmup.total();
        assert_eq!(server.reads(), all, "{framing:?}");
        assert_eq!(outcome.closed_loop_service_ns.len(), outcome.completed);
        assert_all_but_the_last_were_measured(&outcome);
    }
}

#[test]
fn nobody_asks_twice_at_once() {
    let server = Server::start(Script::default());
    let outcome = saturate(&server, 2, &plan());
    assert_eq!(outcome.connections, 2);
    assert_eq!(outcome.tally.failures(), 0);
}

#[test]
fn wrong_answers_are_judged_and_not_completed() {
    let server = Server::start(Script {
        act: |number| match number % 10 {
            1 => Act::WrongUser,
            3 => Act::Status(401),
            5 => Act::Status(500),
            7 => Act::HangUp,
            9 => Act::NotJson,
            _ => Act::Right,
        },
        ..Script::default()
    });
    let outcome = saturate(
        &server,
        20,
        &SaturationPlan {
            warmup_ms: 0,
            ..plan()
        },
    );
    let tally = &outcome.tally;
    for (act, kind) in [
        (Act::Right, Kind::Right),
        (Act::WrongUser, Kind::WrongUser),
        (Act::Status(401), Kind::RefusedGood),
        (Act::Status(500), Kind::NoJudgement),
        (Act::HangUp, Kind::ConnectionError),
        (Act::NotJson, Kind::MalformedAnswer),
    ] {
        let count = tally.count(Action::Read, kind);
        assert!(count > 0, "{kind:?} {tally:?}");
        // The server hears of a hang-up's request, and so does the driver.
        assert_eq!(count, server.count(act), "{kind:?} {tally:?}");
    }
    assert!(tally.count(Action::Login, Kind::Right) > 0);
    assert_eq!(outcome.closed_loop_service_ns.len(), outcome.completed);
    assert_all_but_the_last_were_measured(&outcome);
}

#[test]
fn what_never_comes_is_unfinished_and_the_others_go_on() {
    let server = Server::start(Script {
        act: |number| if number == 10 { Act::Hang } else { Act::Right },
        ..Script::default()
    });
    let outcome = saturate(
        &server,
        20,
        &SaturationPlan {
            timeout_ms: 1_000,
            warmup_ms: 0,
            ..plan()
        },
    );
    assert_eq!(outcome.tally.of_kind(Kind::Unfinished), 1);
    assert_eq!(outcome.tally.total(), server.reads());
    assert!(outcome.completed > 10);
}

#[test]
fn a_stop_ends_it() {
    let server = Server::start(Script::default());
    let mut driver = driver(&server.profile("bearer"), 20);
    // At once: nothing is measured, and the probe is not asked.
    let mut probe = || -> Option<u64> { unreachable!("nothing is measured") };
    let outcome = driver
        .saturate(&plan(), &mut probe, &AtomicBool::new(true))
        .unwrap();
    assert!(outcome.interrupted);
    assert_eq!((outcome.duration_ns, outcome.completed), (0, 0));
    assert_eq!(outcome.server_cpu_ns(), None);
    // While measuring: what was measured is kept.
    let stop = AtomicBool::new(false);
    let mut probe = || {
        stop.store(true, Ordering::SeqCst);
        None
    };
    let endless = SaturationPlan {
        measure_ms: 600_000,
        ..plan()
    };
    let outcome = driver.saturate(&endless, &mut probe, &stop).unwrap();
    assert!(outcome.interrupted && outcome.duration_ns > 0);
    assert_eq!(outcome.tally.failures(), 0);
    assert_eq!(outcome.server_cpu_ns(), None, "it could not be read");
}

#[test]
fn without_users_there_is_nobody_to_ask() {
    let server = Server::start(Script::default());
    let mut driver = Driver::new(&server.profile("cookie"), DriverOptions::default()).unwrap();
    let error = driver
        .saturate(&plan(), &mut (), &AtomicBool::new(false))
        .unwrap_err();
    assert!(matches!(error, LoadError::NoPopulation), "{error:?}");
}
