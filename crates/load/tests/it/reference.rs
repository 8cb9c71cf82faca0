//! The driver against the reference server, with the strategies of the quick
//! scenario.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use authbench_catalog::{Backing, BackingOptions};
use authbench_core::Staleness;
use authbench_core::system::OsEntropy;
use authbench_load::{
    Action, ClockKind, Driver, DriverOptions, LoadPoint, LoginPlan, RevocationPlan, Scenario,
};
use authbench_server::{Accounts, Server, ServerConfig};
use authbench_wire::Profile;
use authbench_wire::profile::{UserPattern, Users};
use authbench_wire::template::Template;

use crate::server::{mix, point, profile};

const USERS: u32 = 50;

/// Serves the strategy of this name until the test ends, and describes it.
fn serve(name: &str) -> Profile {
    serve_replicas(name, 1, 1).0
}

/// The same on several replicas, with so many roles for each account.
pub(crate) fn serve_replicas(
    name: &str,
    replicas: usize,
    roles_each: u16,
) -> (Profile, Vec<SocketAddr>) {
    let recipe = authbench_catalog::find(name).unwrap();
    let (told, hear) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let home = tempfile::tempdir().unwrap();
            // What the driver sees does not depend on where the records are.
            let options = BackingOptions {
                stand_in: true,
                ..BackingOptions::new(home.path())
            };
            let backing = Backing::open(&recipe, options).await.unwrap();
            let accounts = Accounts::lab_with_roles(USERS, 1, roles_each, &OsEntropy).unwrap();
            let accounts = Arc::new(accounts);
            for _ in 0..replicas {
                let node = backing.node().await.unwrap();
                let (strategy, transport) = (Arc::clone(&node.strategy), node.transport.clone());
                let config = ServerConfig {
                    lab: true,
                    ..ServerConfig::new(strategy, transport, Arc::clone(&accounts))
                };
                let server = Server::bind(([127, 0, 0, 1], 0).into(), config)
                    .await
                    .unwrap();
                let address = server.local_addr();
                told.send((address, node.transport.label(), node.strategy.guarantees()))
                    .unwrap();
                tokio::spawn(server.serve(std::future::pending()));
            }
            std::future::pending::<()>().await;
        });
    });
    let told: Vec<_> = (0..replicas).map(|_| hear.recv().unwrap()).collect();
    let (address, transport, guarantees) = told[0];
    let mut profile = profile(transport, address.port());
    profile.guarantees = guarantees;
    (profile, told.iter().map(|(address, ..)| *address).collect())
}

#[test]
fn every_strategy_of_the_quick_scenario_keeps_its_promises() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/load/quick.toml");
    let scenario = Scenario::read(&path).unwrap();
    std::thread::scope(|scope| {
        for strategy in &scenario.strategies.value {
            scope.spawn(|| keeps_its_promises(&strategy.value));
        }
    });
}

fn keeps_its_promises(name: &str) {
    let profile = serve(name);
    let stop = AtomicBool::new(false);
    let mut driver = Driver::new(&profile, DriverOptions::default()).unwrap();
    let plan = LoginPlan {
        users: &profile.users,
        numbers: 0..USERS,
        devices: 1,
        connections: 4,
        keep: true,
        timeout_ms: 20_000,
    };
    let logins = driver.log_in(&plan, &stop).unwrap();
    assert!(logins.credential_bytes.min > 20, "{name}");
    let point = LoadPoint {
        mix: mix(80, 10, 10),
        ..point()
    };
    let cell = driver.cell(&point, &mut (), &mut (), &stop).unwrap();
    assert_eq!(cell.tally.failures(), 0, "{name} {:?}", cell.tally);
    assert_eq!(
        cell.response_ns.len(),
        cell.tally.of_action(Action::Read),
        "{name}"
    );

    let hashed = Users {
        pattern: Some(UserPattern {
            user: Template::parse("hashed-{n}"),
            password: Template::parse("lab-password-{n}"),
            subject: Some(Template::parse("hash-{n}")),
            count: 1,
        }),
        ..Users::default()
    };
    let plan = LoginPlan {
        users: &hashed,
        numbers: 0..2,
        devices: 1,
        connections: 1,
        keep: false,
        ..plan
    };
    assert_eq!(driver.log_in(&plan, &stop).unwrap().logins, 2, "{name}");

    let plan = RevocationPlan {
        users: &profile.users,
        logins: 3,
        elsewhere: false,
        replay_ms: &[0, 1, 5],
        max_wait_ms: 0,
        timeout_ms: 20_000,
    };
    let ended = driver.revocation(&plan, &stop).unwrap();
    assert_eq!(ended.clock, ClockKind::Stepped, "{name}");
    assert_eq!((ended.logins, ended.failed_replays), (3, 0), "{name}");
    assert_eq!(
        (ended.accepted_after_deadline, ended.still_accepted_at_end),
        (0, 0),
        "{name}"
    );
    assert_eq!(ended.controls.live_accepted, Some(true), "{name}");
    assert_eq!(ended.controls.forged_refused, Some(true), "{name}");
    match profile.guarantees.revoke_one {
        Staleness::Immediate => assert_eq!(ended.never_accepted, 3, "{name}"),
        _ => {
            let (lived_ns, remaining_ns) = (ended.last_accepted_ns.min(), ended.remaining_ns.max());
            assert!(
                lived_ns > remaining_ns / 100 * 98,
                "{name}: {lived_ns} of {remaining_ns}"
            );
        }
    }
}
