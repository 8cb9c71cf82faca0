//! All that users do, against the reference server: whatever the strategy,
//! nothing is judged wrong; and each misdeed of a server that errs is counted.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;

use authbench_load::{
    Action, CellOutcome, Driver, DriverOptions, Kind, LoadError, LoadPoint, LoginPlan, Mix,
    RevocationPlan, Routing,
};
use authbench_wire::template::Template;
use authbench_wire::{Operation, Profile};

use crate::reference::serve_replicas;
use crate::server::{Script, Server, point};

const ACCOUNTS: u32 = 20;

/// A driver with `devices` users for each account, logged in.
fn driver(profile: &Profile, addresses: &[SocketAddr], devices: u32) -> Driver {
    let mut driver = Driver::new(profile, DriverOptions::default()).unwrap();
    driver.aim(addresses).unwrap();
    let plan = LoginPlan {
        users: &profile.users,
        numbers: 0..ACCOUNTS,
        devices,
        connections: 4,
        keep: true,
        timeout_ms: 20_000,
    };
    let outcome = driver.log_in(&plan, &AtomicBool::new(false)).unwrap();
    assert_eq!(outcome.logins, u64::from(ACCOUNTS * devices));
    driver
}

fn run(driver: &mut Driver, mix: &Mix, routing: Routing) -> CellOutcome {
    let point = LoadPoint {
        mix: mix.clone(),
        routing,
        connections: 6,
        measure_ms: 600,
        ..point()
    };
    driver
        .cell(&point, &mut (), &mut (), &AtomicBool::new(false))
        .unwrap()
}

fn everything() -> Mix {
    Mix {
        read: 40.into(),
        mutate: 5.into(),
        login: 5.into(),
        refresh: 10.into(),
        logout: 5.into(),
        logout_all: 5.into(),
        role_change: 5.into(),
        forged: 5.into(),
        stale: 5.into(),
        malformed: 5.into(),
        wrong_password: 5.into(),
    }
}

/// What everybody does who can; nothing of it is wrong.
fn everything_is_right(name: &str, replicas: usize, routing: Routing) {
    let (profile, addresses) = serve_replicas(name, replicas, 1);
    let mut driver = driver(&profile, &addresses, 2);
    let outcome = run(&mut driver, &everything(), routing);
    let tally = &outcome.tally;
    assert_eq!(tally.failures(), 0, "{name}: {tally:?}");
    for action in Action::ALL {
        let offered = match action {
            Action::Refresh => profile.guarantees.refresh != authbench_core::RefreshOffer::None,
            // Nothing dies at once where nobody remembers.
            Action::Stale => profile.guarantees.revoke_one == authbench_core::Staleness::Immediate,
            _ => true,
        };
        assert_eq!(
            tally.of_action(action) > 0,
            offered,
            "{name}: {action:?} {tally:?}"
        );
    }
    // When all access credentials have expired, users renew or log in; and
    // what they held is stale.
    let stepped_ms = driver.expire_access().unwrap();
    assert!(stepped_ms > 0, "{name}");
    let after = Mix {
        stale: 1.into(),
        ..Mix::reads()
    };
    let outcome = run(&mut driver, &after, routing);
    let tally = &outcome.tally;
    assert_eq!(tally.failures(), 0, "{name}: {tally:?}");
    assert!(tally.of_action(Action::Stale) > 0, "{name}: {tally:?}");
    let renewals = tally.of_action(Action::Refresh) + tally.of_action(Action::Login);
    assert!(renewals > 0, "{name}: {tally:?}");
}

#[test]
fn refresh_tokens_in_bodies() {
    everything_is_right("jwt-refresh.memory.bearer", 1, Routing::Sticky);
}

#[test]
fn refresh_tokens_in_a_cookie() {
    everything_is_right("jwt-refresh.redis.cookie", 1, Routing::Sticky);
}

#[test]
fn sessions_whose_identifier_is_swapped() {
    everything_is_right("session.memory-rotating.cookie", 1, Routing::Sticky);
}

#[test]
fn sessions_that_idle_out() {
    everything_is_right("session.memory-idle.cookie", 1, Routing::Sticky);
}

#[test]
fn logins_over_a_limit_end_the_oldest() {
    everything_is_right("session.memory-evict.cookie", 1, Routing::Sticky);
}

#[test]
fn tokens_that_nobody_remembers() {
    everything_is_right("jwt.es256.bearer", 1, Routing::Sticky);
}

#[test]
fn several_replicas_one_after_the_other() {
    everything_is_right("session.redis.cookie", 3, Routing::RoundRobin);
    everything_is_right("jwt-refresh.redis.bearer", 3, Routing::RoundRobin);
}

#[test]
fn several_replicas_each_with_its_own_users() {
    everything_is_right("session.redis.bearer", 3, Routing::Sticky);
}

#[test]
fn credentials_too_large_for_one_cookie() {
    let (profile, addresses) = serve_replicas("sealed-cookie.stateless.cookie", 1, 500);
    let mut driver = driver(&profile, &addresses, 1);
    let mix = Mix {
        role_change: 0.into(),
        logout_all: 0.into(),
        ..everything()
    };
    let outcome = run(&mut driver, &mix, Routing::Sticky);
    let tally = &outcome.tally;
    assert_eq!(tally.failures(), 0, "{tally:?}");
    let wire = outcome.wire(Action::Read);
    let sent = wire.sent_bytes / wire.exchanges.max(1);
    assert!(sent > 4_096, "{sent} octets a request");
}

#[test]
fn a_chain_of_services_is_a_read_like_any_other() {
    let (mut profile, addresses) = serve_replicas("session.memory.bearer", 1, 1);
    let whoami = profile.operations.get_mut(&Operation::Whoami).unwrap();
    whoami.path = Template::parse("/lab/chain").into();
    let mut driver = driver(&profile, &addresses, 1);
    let outcome = run(&mut driver, &Mix::reads(), Routing::Sticky);
    assert_eq!(outcome.tally.failures(), 0, "{:?}", outcome.tally);
}

#[test]
fn each_action_that_must_fail_and_does_not_is_counted_under_its_name() {
    let server = Server::start(Script {
        believes_everything: true,
        ..Script::default()
    });
    let profile = server.profile("bearer");
    let address = SocketAddr::from(([127, 0, 0, 1], server.port));
    let mut driver = driver(&profile, &[address], 1);
    let mix = Mix {
        read: 2.into(),
        forged: 1.into(),
        malformed: 1.into(),
        ..Mix::default()
    };
    let outcome = run(&mut driver, &mix, Routing::Sticky);
    let tally = &outcome.tally;
    for action in [Action::Forged, Action::Malformed] {
        let (dead, other) = (
            tally.count(action, Kind::AcceptedDead),
            tally.count(action, Kind::WrongUser),
        );
        // It believes them to be account 0.
        assert!(dead > 0 && other > dead, "{tally:?}");
        assert_eq!(dead + other, tally.of_action(action), "{tally:?}");
    }
    assert_eq!(
        tally.count(Action::Read, Kind::Right),
        tally.of_action(Action::Read)
    );
}

#[test]
fn an_ended_login_that_lives_on_is_counted() {
    let server = Server::start(Script {
        revocation_ms: None,
        ..Script::default()
    });
    let address = SocketAddr::from(([127, 0, 0, 1], server.port));
    let mut driver = driver(&server.profile("cookie"), &[address], 1);
    let mix = Mix {
        read: 1.into(),
        logout: 1.into(),
        stale: 1.into(),
        ..Mix::default()
    };
    let outcome = run(&mut driver, &mix, Routing::Sticky);
    let tally = &outcome.tally;
    let shown = tally.of_action(Action::Stale);
    assert!(shown > 0, "{tally:?}");
    assert_eq!(
        tally.count(Action::Stale, Kind::AcceptedDead),
        shown,
        "{tally:?}"
    );
    assert_eq!(tally.failures(), shown, "{tally:?}");
}

#[test]
fn devices_that_survive_a_logout_everywhere_are_counted() {
    // A target that logs out the one that asks, and no other.
    let (mut profile, addresses) = serve_replicas("session.memory.cookie", 1, 1);
    let logout = profile.operations[&Operation::Logout].path.clone();
    let everywhere = profile.operations.get_mut(&Operation::LogoutAll).unwrap();
    everywhere.path = logout;
    let mix = Mix {
        read: 9.into(),
        logout_all: 1.into(),
        ..Mix::default()
    };
    let mut two = driver(&profile, &addresses, 2);
    let outcome = run(&mut two, &mix, Routing::Sticky);
    let tally = &outcome.tally;
    assert!(
        tally.count(Action::Read, Kind::AcceptedDead) > 0,
        "{tally:?}"
    );
    assert_eq!(
        tally.failures(),
        tally.of_kind(Kind::AcceptedDead),
        "{tally:?}"
    );
    let mut one = driver(&profile, &addresses, 1);
    let outcome = run(&mut one, &mix, Routing::Sticky);
    assert_eq!(outcome.tally.failures(), 0, "{:?}", outcome.tally);
}

#[test]
fn what_ends_on_one_replica_is_shown_to_the_next() {
    let (profile, addresses) = serve_replicas("session.redis.cookie", 3, 1);
    let mut driver = Driver::new(&profile, DriverOptions::default()).unwrap();
    let mut plan = RevocationPlan {
        users: &profile.users,
        logins: 4,
        elsewhere: true,
        replay_ms: &[0, 1],
        max_wait_ms: 0,
        timeout_ms: 20_000,
    };
    let stop = AtomicBool::new(false);
    let alone = driver.revocation(&plan, &stop).unwrap_err();
    assert!(matches!(alone, LoadError::OneReplica), "{alone}");
    driver.aim(&addresses).unwrap();
    for elsewhere in [true, false] {
        plan.elsewhere = elsewhere;
        let ended = driver.revocation(&plan, &stop).unwrap();
        assert_eq!((ended.logins, ended.never_accepted), (4, 4), "{elsewhere}");
        assert_eq!(ended.accepted_after_deadline, 0, "{elsewhere}");
        assert_eq!(ended.controls.live_accepted, Some(true), "{elsewhere}");
    }
    // Two servers that share nothing: what was made on one is unknown on the
    // other.
    let strangers = [0, 1].map(|_| Server::start(Script::default()));
    let addresses = strangers
        .each_ref()
        .map(|server| SocketAddr::from(([127, 0, 0, 1], server.port)));
    driver.aim(&addresses).unwrap();
    plan.elsewhere = false;
    assert_eq!(driver.revocation(&plan, &stop).unwrap().logins, 4);
    plan.elsewhere = true;
    let denied = driver.revocation(&plan, &stop).unwrap_err();
    assert!(matches!(denied, LoadError::Denied { .. }), "{denied}");
}
