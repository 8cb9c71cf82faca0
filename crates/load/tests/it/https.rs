//! Targets under TLS.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use authbench_catalog::{Backing, BackingOptions};
use authbench_core::system::OsEntropy;
use authbench_engine::EngineError;
use authbench_load::{
    Driver, DriverOptions, EngineKind, LoadError, LoadPoint, LoginPlan, Trust, UrlFault,
};
use authbench_server::{Accounts, Server, ServerConfig, TlsConfig};
use authbench_wire::Profile;

use crate::server::{mix, point, profile};

/// Serves sessions under TLS until the test ends; its profile and certificate.
fn serve() -> (Profile, Vec<u8>) {
    let (told, hear) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let home = tempfile::tempdir().unwrap();
            let recipe = authbench_catalog::find("session.memory.cookie").unwrap();
            let backing = Backing::open(&recipe, BackingOptions::new(home.path())).await;
            let node = backing.unwrap().node().await.unwrap();
            let accounts = Arc::new(Accounts::lab(50, 1, &OsEntropy).unwrap());
            let config = ServerConfig {
                lab: true,
                tls: Some(TlsConfig::SelfSigned),
                ..ServerConfig::new(Arc::clone(&node.strategy), node.transport.clone(), accounts)
            };
            let server = Server::bind(([127, 0, 0, 1], 0).into(), config)
                .await
                .unwrap();
            let certificate = server.certificate_der().unwrap().to_vec();
            let mut profile = profile(node.transport.label(), server.local_addr().port());
            profile.guarantees = node.strategy.guarantees();
            profile.base_url = Some(server.base_url());
            told.send((profile, certificate)).unwrap();
            server.serve(std::future::pending()).await;
        });
    });
    hear.recv().unwrap()
}

fn driver(
    profile: &Profile,
    engine: EngineKind,
    trust: Option<Trust>,
) -> Result<Driver, LoadError> {
    let options = DriverOptions {
        engine,
        trust,
        ..DriverOptions::default()
    };
    Driver::new(profile, options)
}

fn plan(profile: &Profile) -> LoginPlan<'_> {
    LoginPlan {
        users: &profile.users,
        numbers: 0..50,
        connections: 4,
        devices: 1,
        keep: true,
        timeout_ms: 20_000,
    }
}

#[test]
fn a_target_under_tls_is_put_under_load() {
    let (profile, certificate) = serve();
    assert!(profile.base_url.as_deref().unwrap().starts_with("https://"));
    let stop = AtomicBool::new(false);
    for (engine, trust) in [
        (EngineKind::Auto, Trust::Roots(vec![certificate])),
        (EngineKind::Hyper, Trust::Nobody),
    ] {
        let mut driver = driver(&profile, engine, Some(trust)).unwrap();
        driver.log_in(&plan(&profile), &stop).unwrap();
        let point = LoadPoint {
            // Changes prove their origin, which is `https`.
            mix: mix(80, 15, 5),
            ..point()
        };
        let cell = driver.cell(&point, &mut (), &mut (), &stop).unwrap();
        assert_eq!(cell.tally.failures(), 0, "{engine} {:?}", cell.tally);
        assert!(cell.arrivals > 0);
    }
}

#[test]
fn nobody_is_believed_unasked() {
    let (profile, _) = serve();
    let error = driver(&profile, EngineKind::Auto, None).unwrap_err();
    assert!(
        matches!(
            &error,
            LoadError::Url {
                source: UrlFault::NoTrust,
                ..
            }
        ),
        "{error:?}"
    );
    let trust = Some(Trust::Roots(Vec::new()));
    let mut driver = driver(&profile, EngineKind::Epoll, trust).unwrap();
    let error = driver
        .log_in(&plan(&profile), &AtomicBool::new(false))
        .unwrap_err();
    assert!(
        matches!(&error, LoadError::Engine(EngineError::Connect { .. })),
        "{error:?}"
    );
}
