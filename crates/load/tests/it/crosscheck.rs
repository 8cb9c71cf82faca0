//! Every engine does and sees the same.

use std::sync::atomic::AtomicBool;

use authbench_load::{
    Action, Arrivals, CrossCheck, CrossVerdict, Driver, DriverOptions, EngineKind, Kind, LoadPoint,
    LoginPlan, Spacing, cross_check,
};
use authbench_wire::Profile;

use crate::server::{Act, Script, Server, mix, point};

/// Checks `engine` at `fast` against hyper at `reference`.
fn check((fast, engine): (&Profile, EngineKind), reference: &Profile) -> CrossCheck {
    let stop = AtomicBool::new(false);
    let driver = |profile, engine| {
        let options = DriverOptions {
            engine,
            ..DriverOptions::default()
        };
        Driver::new(profile, options).unwrap()
    };
    let plan = LoginPlan {
        users: &fast.users,
        numbers: 0..50,
        connections: 4,
        devices: 1,
        keep: false,
        timeout_ms: 20_000,
    };
    let point = LoadPoint {
        arrivals: Arrivals::steady(Spacing::Poisson, 500.0),
        mix: mix(70, 20, 10),
        connections: 32,
        measure_ms: 400,
        ..point()
    };
    let mut fast = driver(fast, engine);
    let mut reference = driver(reference, EngineKind::Hyper);
    cross_check(&mut fast, &mut reference, &plan, &point, &stop).unwrap()
}

#[test]
fn all_engines_agree_on_what_a_faulty_server_does() {
    let script = || Script {
        act: |number| match number % 12 {
            3 => Act::Status(500),
            5 => Act::WrongUser,
            7 => Act::NotJson,
            9 => Act::Garbage,
            11 => Act::HangUp,
            _ => Act::Right,
        },
        ..Script::default()
    };
    for engine in [EngineKind::Auto, EngineKind::Epoll] {
        let (one, other) = (Server::start(script()), Server::start(script()));
        let checked = check((&one.profile("bearer"), engine), &other.profile("bearer"));
        let opinions = [&checked.fast, &checked.reference];
        assert_eq!(
            opinions.map(|opinion| opinion.engine),
            [engine, EngineKind::Hyper]
        );
        // Where a request was late because the machine was busy, another user
        // may have taken a turn; the server's acts are counted in any case.
        let differences = match checked.verdict() {
            CrossVerdict::Agree => &[][..],
            CrossVerdict::Disturbed => continue,
            CrossVerdict::Differ => &checked.differences,
        };
        assert!(differences.is_empty(), "{differences:?}");
        for (opinion, server) in opinions.into_iter().zip([&one, &other]) {
            let count = |kind| opinion.tally.count(Action::Read, kind);
            assert_eq!(count(Kind::NoJudgement), server.count(Act::Status(500)));
            assert_eq!(count(Kind::WrongUser), server.count(Act::WrongUser));
            assert_eq!(count(Kind::ConnectionError), server.count(Act::HangUp));
            assert_eq!(
                count(Kind::MalformedAnswer),
                server.count(Act::Garbage) + server.count(Act::NotJson)
            );
            assert!(opinion.response_ns_p50 > 0 && opinion.driver_cpu_ns_per_request > 0.0);
        }
    }
}

#[test]
fn servers_that_do_different_things_are_told_apart() {
    let (right, wrong) = (
        Server::start(Script::default()),
        Server::start(Script {
            act: |number| {
                if number == 7 {
                    Act::WrongUser
                } else {
                    Act::Right
                }
            },
            ..Script::default()
        }),
    );
    let checked = check(
        (&right.profile("cookie"), EngineKind::Epoll),
        &wrong.profile("cookie"),
    );
    assert_ne!(checked.verdict(), CrossVerdict::Agree);
    let wrongs = checked
        .differences
        .iter()
        .find(|difference| difference.kind == Kind::WrongUser)
        .unwrap();
    assert_eq!(
        (wrongs.action, wrongs.fast, wrongs.reference),
        (Action::Read, 0, 1)
    );
}
