//! The judge's counts equal what the server did.

use std::sync::atomic::AtomicBool;

use authbench_load::{
    Action, CellOutcome, Driver, DriverOptions, Kind, LoadPoint, LoginPlan, Mix, Warmup,
};

use crate::server::{Act, Framing, Script, Server, driver, mix, point};

fn run(server: &Server, transport: &str, users: u32, point: &LoadPoint) -> CellOutcome {
    let mut driver = driver(&server.profile(transport), users);
    let outcome = driver
        .cell(point, &mut (), &mut (), &AtomicBool::new(false))
        .unwrap();
    assert_eq!(
        outcome.arrivals,
        outcome.tally.total(),
        "{:?}",
        outcome.tally
    );
    assert_eq!(outcome.blocks.len(), 2);
    outcome
}

#[test]
fn a_correct_server_is_found_correct() {
    for transport in ["cookie", "bearer"] {
        for framing in [
            Framing::Length,
            Framing::ChunkedDribble,
            Framing::Closing,
            Framing::ToTheEnd,
        ] {
            let server = Server::start(Script {
                framing,
                ..Script::default()
            });
            let point = LoadPoint {
                mix: mix(80, 10, 10),
                warmup: Warmup::fixed(50),
                ..point()
            };
            let outcome = run(&server, transport, 20, &point);
            let tally = &outcome.tally;
            assert_eq!(tally.failures(), 0, "{transport} {framing:?} {tally:?}");
            assert_eq!(outcome.warmup.failures(), 0, "{transport} {framing:?}");
            for action in [Action::Read, Action::Mutate, Action::Login, Action::Logout] {
                assert!(tally.of_action(action) > 0, "{action:?} {tally:?}");
            }
            let reads = tally.of_action(Action::Read);
            assert_eq!(outcome.response_ns.len(), reads);
            assert_eq!(outcome.service_ns.len(), reads);
            assert_eq!(outcome.wire(Action::Read).exchanges, reads);
            assert_eq!(
                (outcome.sent, outcome.completed),
                (outcome.arrivals, outcome.arrivals)
            );
            let all = outcome.arrivals + outcome.warmup.total() + 20;
            assert_eq!(server.requests(), all, "20 logins at first");
            let closing = matches!(framing, Framing::Closing | Framing::ToTheEnd);
            assert_eq!(outcome.reconnects > 0, closing, "{framing:?}");
        }
    }
}

#[test]
fn each_misdeed_is_counted_once_under_its_name() {
    let acts = [
        (Act::WrongUser, Kind::WrongUser),
        (Act::Status(401), Kind::RefusedGood),
        (Act::Status(403), Kind::RefusedGood),
        (Act::Status(404), Kind::UnexpectedStatus),
        (Act::Status(302), Kind::UnexpectedStatus),
        (Act::Status(500), Kind::NoJudgement),
        (Act::Status(503), Kind::NoJudgement),
        (Act::NotJson, Kind::MalformedAnswer),
        (Act::Garbage, Kind::MalformedAnswer),
        (Act::HangUp, Kind::ConnectionError),
    ];
    let server = Server::start(Script {
        act: |number| match number % 20 {
            1 => Act::WrongUser,
            3 => Act::Status(401),
            4 => Act::Status(403),
            6 => Act::Status(404),
            7 => Act::Status(302),
            9 => Act::Status(500),
            10 => Act::Status(503),
            12 => Act::NotJson,
            14 => Act::Garbage,
            16 => Act::HangUp,
            _ => Act::Right,
        },
        ..Script::default()
    });
    let outcome = run(&server, "cookie", 20, &point());
    let tally = &outcome.tally;
    for kind in Kind::ALL {
        let expected: u64 = acts
            .iter()
            .filter(|(_, act_kind)| *act_kind == kind)
            .map(|(act, _)| server.count(*act))
            .sum();
        let expected = if kind == Kind::Right {
            server.count(Act::Right)
        } else {
            expected
        };
        assert_eq!(
            tally.count(Action::Read, kind),
            expected,
            "{kind:?} {tally:?}"
        );
        assert_eq!(
            expected > 0,
            acts.iter().any(|(_, k)| *k == kind) || kind == Kind::Right
        );
    }
    // Who was refused has logged in again, and rightly.
    let refused = tally.of_kind(Kind::RefusedGood);
    assert!(tally.count(Action::Login, Kind::Right) <= refused);
    assert_eq!(tally.of_action(Action::Read), server.reads());
    assert_eq!(outcome.response_ns.len(), server.count(Act::Right));
    assert_eq!(
        outcome.completed,
        outcome.arrivals - tally.of_kind(Kind::ConnectionError)
    );
}

#[test]
fn an_expired_credential_that_is_accepted_is_counted() {
    // Users do not show what has expired by what the login says, but log in
    // again; it is shown by those who try what is stale.
    let stale = LoadPoint {
        mix: Mix {
            stale: 1.into(),
            ..mix(1, 0, 0)
        },
        ..point()
    };
    let script = Script {
        lifetime_ms: 50,
        expiry_slack_ms: None,
        ..Script::default()
    };
    let server = Server::start(script);
    let outcome = run(&server, "bearer", 1, &stale);
    let tally = &outcome.tally;
    assert!(tally.of_action(Action::Stale) > 0, "{tally:?}");
    assert_eq!(
        tally.of_action(Action::Stale),
        tally.count(Action::Stale, Kind::AcceptedDead)
    );
    assert_eq!(
        tally.of_kind(Kind::AcceptedDead),
        tally.failures(),
        "{tally:?}"
    );
    // The same lifetime kept to: refusals are right.
    let server = Server::start(Script {
        lifetime_ms: 50,
        ..Script::default()
    });
    let outcome = run(&server, "bearer", 1, &stale);
    assert_eq!(outcome.tally.failures(), 0, "{:?}", outcome.tally);
    assert!(outcome.tally.of_action(Action::Login) > 0);
    assert!(outcome.tally.of_action(Action::Stale) > 0);
}

#[test]
fn users_keep_their_own_accounts() {
    let server = Server::start(Script::default());
    let profile = server.profile("cookie");
    let stop = AtomicBool::new(false);
    let mut driver = Driver::new(&profile, DriverOptions::default()).unwrap();
    let plan = LoginPlan {
        users: &profile.users,
        numbers: 900..920,
        devices: 1,
        connections: 3,
        keep: true,
        timeout_ms: 20_000,
    };
    driver.log_in(&plan, &stop).unwrap();
    // Many log in again: each must do so as who it was.
    let point = LoadPoint {
        mix: mix(1, 1, 2),
        ..point()
    };
    let outcome = driver.cell(&point, &mut (), &mut (), &stop).unwrap();
    assert!(
        outcome.tally.of_action(Action::Login) > 20,
        "{:?}",
        outcome.tally
    );
    assert_eq!(outcome.tally.failures(), 0, "{:?}", outcome.tally);
}
