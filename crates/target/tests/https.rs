//! A target over TLS trusts the one certificate that it is given.

use std::error::Error as _;
use std::path::Path;
use std::sync::Arc;

use authbench_catalog::{Backing, BackingOptions, find};
use authbench_core::{AuthStrategy as _, Roles, SeededEntropy, StrategyError, Subject, SubjectId};
use authbench_core::{Clock as _, system::SystemClock};
use authbench_server::{Accounts, Server, ServerConfig, TlsConfig};
use authbench_target::{Fault, Target, TargetError, TargetOptions};
use authbench_wire::Profile;

#[tokio::test]
async fn the_given_certificate_is_trusted_and_no_other() {
    let home = tempfile::tempdir().unwrap();
    let entropy = Arc::new(SeededEntropy::new(1));
    let options = BackingOptions {
        entropy: Arc::clone(&entropy) as _,
        ..BackingOptions::new(home.path())
    };
    let recipe = find("session.memory.cookie").unwrap();
    let node = Backing::open(&recipe, options)
        .await
        .unwrap()
        .node()
        .await
        .unwrap();
    let accounts = Accounts::lab(1, 0, &entropy).unwrap();
    let mut config = ServerConfig::new(node.strategy, node.transport, Arc::new(accounts));
    config.lab = true;
    config.tls = Some(TlsConfig::SelfSigned);
    let server = Server::bind(([127, 0, 0, 1], 0).into(), config)
        .await
        .unwrap();
    let (base_url, certificate_der) = (server.base_url(), server.certificate_der().map(Vec::from));
    assert!(base_url.starts_with("https://") && certificate_der.is_some());
    tokio::spawn(server.serve(std::future::pending()));

    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let profile = Profile::read(&folder.join("../../scenarios/targets/authbench-cookie")).unwrap();
    let subject = Subject {
        id: SubjectId::new("acct-000000"),
        roles: Roles::default(),
    };
    let at = SystemClock.now();

    let trusting = TargetOptions {
        certificate_der,
        ..TargetOptions::default()
    };
    let target = Target::new(profile.clone(), &base_url, &trusting).unwrap();
    let credentials = target.issue(&subject, at).await.unwrap();
    let credentials = credentials.granted().unwrap();
    let decision = target
        .authenticate(&credentials.present(), at)
        .await
        .unwrap();
    assert_eq!(decision.accepted().unwrap().subject, subject.id);

    let target = Target::new(profile.clone(), &base_url, &TargetOptions::default()).unwrap();
    let error: StrategyError = target.issue(&subject, at).await.unwrap_err();
    let fault: &Fault = error
        .source()
        .and_then(|source| source.downcast_ref())
        .unwrap();
    assert!(matches!(fault, Fault::Unanswered(_)), "{error:?}");

    let broken = TargetOptions {
        certificate_der: Some(vec![1, 2, 3]),
        ..trusting
    };
    let error = Target::new(profile, &base_url, &broken).unwrap_err();
    assert!(
        matches!(error, TargetError::Certificate(_) | TargetError::Client(_)),
        "{error:?}"
    );
}
