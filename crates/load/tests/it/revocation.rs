//! What the driver says of dying credentials equals how the server lets them
//! die.

use std::sync::atomic::AtomicBool;

use authbench_core::Staleness;
use authbench_load::{ClockKind, Driver, DriverOptions, RevocationOutcome, RevocationPlan};
use authbench_wire::Profile;

use crate::server::{Act, Script, Server};

const LIFETIME_MS: u64 = 3_600_000;
const LOGINS: u32 = 3;

fn follow(profile: &Profile, max_wait_ms: u64) -> RevocationOutcome {
    let mut driver = Driver::new(profile, DriverOptions::default()).unwrap();
    let plan = RevocationPlan {
        users: &profile.users,
        logins: LOGINS,
        elsewhere: false,
        replay_ms: &[0, 1, 2, 5],
        max_wait_ms,
        timeout_ms: 20_000,
    };
    let outcome = driver.revocation(&plan, &AtomicBool::new(false)).unwrap();
    assert_eq!(
        (outcome.logins, outcome.failed_replays, outcome.wrong_user),
        (u64::from(LOGINS), 0, 0)
    );
    assert_eq!(outcome.last_accepted_ns.len(), u64::from(LOGINS));
    outcome
}

fn promising(server: &Server, transport: &str, promise: Staleness) -> Profile {
    let mut profile = server.profile(transport);
    profile.guarantees.revoke_one = promise;
    profile
}

#[test]
fn immediate() {
    let server = Server::start(Script::default());
    let outcome = follow(&promising(&server, "cookie", Staleness::Immediate), 0);
    assert_eq!(outcome.never_accepted, u64::from(LOGINS));
    assert_eq!(
        (outcome.replays, outcome.last_accepted_ns.max()),
        (u64::from(LOGINS), 0)
    );
    assert_eq!(
        (
            outcome.accepted_after_deadline,
            outcome.still_accepted_at_end
        ),
        (0, 0)
    );
    assert_eq!(outcome.controls.live_accepted, Some(true));
    assert_eq!(outcome.controls.forged_refused, Some(true));
    // The control was followed to the last stretch of its hour.
    let left_ns = outcome
        .controls
        .live_last_accepted_before_expiry_ns
        .unwrap();
    assert!(left_ns < LIFETIME_MS * 1_000_000 / 100, "{left_ns}");
}

#[test]
fn at_expiry() {
    let server = Server::start(Script {
        revocation_ms: None,
        ..Script::default()
    });
    let outcome = follow(&promising(&server, "bearer", Staleness::UntilExpiry), 0);
    assert_eq!(outcome.clock, ClockKind::Stepped);
    assert_eq!(
        (
            outcome.accepted_after_deadline,
            outcome.still_accepted_at_end
        ),
        (0, 0)
    );
    assert_eq!(outcome.never_accepted, 0);
    let remaining_ns = outcome.remaining_ns.max();
    let lived_ns = outcome.last_accepted_ns.min();
    assert!(
        lived_ns > remaining_ns / 100 * 99,
        "{lived_ns} of {remaining_ns}"
    );
    assert!(
        outcome.last_accepted_ns.max() <= remaining_ns,
        "{lived_ns} of {remaining_ns}"
    );
    assert!(outcome.first_refused_ns.min() >= lived_ns);
    // The same behaviour breaks a stronger promise at each showing.
    let outcome = follow(&promising(&server, "bearer", Staleness::Immediate), 0);
    assert_eq!(
        outcome.accepted_after_deadline,
        outcome.replays - u64::from(LOGINS),
        "all but the last showing of each"
    );
}

#[test]
fn after_a_while() {
    const WHILE_MS: u64 = 5_000;
    let server = Server::start(Script {
        revocation_ms: Some(WHILE_MS),
        ..Script::default()
    });
    let outcome = follow(
        &promising(&server, "cookie", Staleness::WithinMs(WHILE_MS)),
        0,
    );
    assert_eq!(
        (
            outcome.accepted_after_deadline,
            outcome.still_accepted_at_end
        ),
        (0, 0)
    );
    // The server counts from before the acknowledgement.
    let while_ns = WHILE_MS * 1_000_000;
    assert!(outcome.last_accepted_ns.max() <= while_ns / 1_000 * 1_001);
    assert!(outcome.first_refused_ns.max() >= while_ns / 2);
    let outcome = follow(&promising(&server, "cookie", Staleness::WithinMs(10)), 0);
    assert!(outcome.accepted_after_deadline > 0);
}

#[test]
fn never() {
    let script = Script {
        revocation_ms: None,
        expiry_slack_ms: None,
        ..Script::default()
    };
    let server = Server::start(script);
    let outcome = follow(&promising(&server, "cookie", Staleness::UntilExpiry), 0);
    assert_eq!(outcome.still_accepted_at_end, u64::from(LOGINS));
    assert_eq!(outcome.first_refused_ns.len(), 0);
    // Three showings of each, and of the control, after the expiry.
    assert!(outcome.accepted_after_deadline >= 3 * u64::from(LOGINS));
}

#[test]
fn slack_is_followed_too() {
    const SLACK_MS: u64 = 60_000;
    let script = Script {
        revocation_ms: None,
        expiry_slack_ms: Some(SLACK_MS),
        ..Script::default()
    };
    let server = Server::start(script);
    let mut profile = promising(&server, "cookie", Staleness::UntilExpiry);
    let outcome = follow(&profile, 0);
    assert!(outcome.accepted_after_deadline > 0);
    profile.guarantees.expiry_slack_ms = SLACK_MS;
    let outcome = follow(&profile, 0);
    assert_eq!(
        (
            outcome.accepted_after_deadline,
            outcome.still_accepted_at_end
        ),
        (0, 0)
    );
    let beyond_ns = outcome.last_accepted_ns.min() - outcome.remaining_ns.min();
    assert!(beyond_ns > SLACK_MS * 1_000_000 / 2, "{beyond_ns}");
}

#[test]
fn in_real_time() {
    let server = Server::start(Script {
        revocation_ms: Some(100),
        ..Script::default()
    });
    let mut profile = promising(&server, "cookie", Staleness::WithinMs(100));
    profile.lab.reference_routes = false;
    let outcome = follow(&profile, 60_000);
    assert_eq!(outcome.clock, ClockKind::Real);
    assert_eq!(
        (
            outcome.accepted_after_deadline,
            outcome.still_accepted_at_end
        ),
        (0, 0)
    );
    assert_eq!(outcome.controls.live_accepted, Some(true));
    assert!(outcome.first_refused_ns.min() >= outcome.last_accepted_ns.min());
    // Cut short: said so.
    let server = Server::start(Script {
        revocation_ms: None,
        ..Script::default()
    });
    let mut profile = promising(&server, "cookie", Staleness::UntilExpiry);
    profile.lab.reference_routes = false;
    let outcome = follow(&profile, 100);
    assert_eq!(outcome.still_accepted_at_end, u64::from(LOGINS));
    assert_eq!(outcome.accepted_after_deadline, 0);
}

#[test]
fn a_dead_credential_that_opens_somebody_elses_account() {
    let server = Server::start(Script {
        // The forged one is shown first, then the login's own while it lives.
        act: |number| {
            if number < 2 {
                Act::Right
            } else {
                Act::WrongUser
            }
        },
        revocation_ms: None,
        ..Script::default()
    });
    let profile = promising(&server, "cookie", Staleness::UntilExpiry);
    let mut driver = Driver::new(&profile, DriverOptions::default()).unwrap();
    let plan = RevocationPlan {
        users: &profile.users,
        logins: 1,
        elsewhere: false,
        replay_ms: &[0, 1, 2],
        max_wait_ms: 0,
        timeout_ms: 20_000,
    };
    let outcome = driver.revocation(&plan, &AtomicBool::new(false)).unwrap();
    // Until it expired, and was refused once.
    assert!(outcome.wrong_user >= 3, "{outcome:?}");
    assert_eq!(outcome.wrong_user, outcome.replays - 1);
    assert_eq!((outcome.failed_replays, outcome.never_accepted), (0, 1));
    assert_eq!(outcome.controls.live_accepted, Some(false));
}

#[test]
fn controls_catch_what_would_look_like_revocation() {
    // Everything dies after a minute: not because anybody logged out.
    let script = Script {
        secret_lifetime_ms: 60_000,
        revocation_ms: None,
        ..Script::default()
    };
    let server = Server::start(script);
    let outcome = follow(&promising(&server, "cookie", Staleness::UntilExpiry), 0);
    assert_eq!(outcome.controls.live_accepted, Some(false));
    // Everything is believed.
    let server = Server::start(Script {
        believes_everything: true,
        ..Script::default()
    });
    let outcome = follow(&server.profile("cookie"), 0);
    assert_eq!(outcome.controls.forged_refused, Some(false));
}
