//! What leaves nothing to measure is an error that names the way out.

use std::error::Error as _;
use std::sync::atomic::AtomicBool;

use authbench_engine::EngineError;
use authbench_load::{Driver, DriverOptions, LoadError, LoadPoint, LoginPlan};
use authbench_wire::{Operation, Profile};

use crate::server::{Act, Script, Server, driver, mix, point, profile};

fn log_in(profile: &Profile, numbers: std::ops::Range<u32>, timeout_ms: u64) -> LoadError {
    let mut driver = Driver::new(profile, DriverOptions::default()).unwrap();
    let plan = LoginPlan {
        users: &profile.users,
        numbers,
        devices: 1,
        connections: 2,
        keep: true,
        timeout_ms,
    };
    driver.log_in(&plan, &AtomicBool::new(false)).unwrap_err()
}

#[test]
fn nobody_listens() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let error = log_in(&profile("cookie", port), 0..2, 1_000);
    assert!(
        matches!(error, LoadError::Engine(EngineError::Connect { .. })),
        "{error:?}"
    );
    assert!(
        error
            .to_string()
            .contains(&format!("127.0.0.1:{port}; is the server running"))
    );
    assert!(error.source().is_some());
}

#[test]
fn a_refused_login_names_the_user_and_shows_no_secret() {
    let server = Server::start(Script {
        login_status: 401,
        ..Script::default()
    });
    let text = log_in(&server.profile("cookie"), 0..1, 5_000).to_string();
    for part in [
        "`login` for user `user-000000`",
        "status 401",
        "\"c2Vj…\"",
        "[users]",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("c2VjcmV0"), "{text}");
}

#[test]
fn more_users_than_accounts() {
    let error = log_in(&profile("cookie", 1), 990..1_010, 1_000);
    assert!(matches!(
        error,
        LoadError::TooFewUsers {
            wanted: 1_009,
            available: 1_000
        }
    ));
}

#[test]
fn a_login_without_an_answer() {
    // A listener that nobody serves: connections stand, answers never come.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let error = log_in(&profile("cookie", port), 0..1, 50);
    assert!(
        matches!(error, LoadError::TimedOut { timeout_ms: 50, .. }),
        "{error:?}"
    );
}

#[test]
fn https_needs_somebody_to_trust() {
    let mut profile = profile("cookie", 1);
    profile.base_url = Some("https://127.0.0.1:1".to_owned());
    let error = Driver::new(&profile, DriverOptions::default()).unwrap_err();
    assert!(
        error
            .source()
            .unwrap()
            .to_string()
            .contains("nobody is named"),
        "{error:?}"
    );
    profile.base_url = None;
    let error = Driver::new(&profile, DriverOptions::default()).unwrap_err();
    assert!(error.to_string().contains("has no `base_url`"), "{error}");
}

#[test]
fn a_mix_needs_its_operations_and_users() {
    let server = Server::start(Script::default());
    let mut profile = server.profile("cookie");
    profile.operations.remove(&Operation::Logout);
    profile
        .absent
        .insert(Operation::Logout, "nobody ever leaves".to_owned());
    let mut with_users = driver(&profile, 1);
    let stop = AtomicBool::new(false);
    let leaving = LoadPoint {
        mix: mix(1, 0, 1),
        ..point()
    };
    let error = with_users
        .cell(&leaving, &mut (), &mut (), &stop)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("no `logout` (nobody ever leaves)"),
        "{error}"
    );
    assert!(with_users.cell(&point(), &mut (), &mut (), &stop).is_ok());
    let mut empty = Driver::new(&profile, DriverOptions::default()).unwrap();
    let error = empty.cell(&point(), &mut (), &mut (), &stop).unwrap_err();
    assert!(matches!(error, LoadError::NoPopulation));
}

#[test]
fn logins_beyond_the_accounts_go_round_and_are_counted() {
    let server = Server::start(Script {
        act: |_| Act::Right,
        ..Script::default()
    });
    let profile = server.profile("bearer");
    let mut driver = Driver::new(&profile, DriverOptions::default()).unwrap();
    let plan = LoginPlan {
        users: &profile.users,
        numbers: 0..1_500,
        devices: 1,
        connections: 4,
        keep: false,
        timeout_ms: 20_000,
    };
    let outcome = driver.log_in(&plan, &AtomicBool::new(false)).unwrap();
    assert_eq!((outcome.logins, server.requests()), (1_500, 1_500));
    let token_bytes = "token-acct-000000-".len() as u64 + 16;
    let sizes = outcome.credential_bytes;
    assert_eq!(
        (sizes.min, sizes.max, sizes.total),
        (token_bytes, token_bytes, 1_500 * token_bytes)
    );
    assert_eq!(outcome.wire.exchanges, 1_500);
    let stopped = driver.log_in(&plan, &AtomicBool::new(true)).unwrap();
    assert_eq!((stopped.logins, stopped.interrupted), (0, true));
}
