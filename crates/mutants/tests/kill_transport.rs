//! The flaws of transport, and the checks that find them.

mod group;

use authbench_mutants::Kind;
use authbench_mutants::kill::sound;
use authbench_results::CheckOutcome;

#[tokio::test(flavor = "multi_thread")]
async fn sound_specimens_pass() {
    group::sound(&["TRANSPORT"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_flaw_of_sessions_is_caught_by_its_check_alone() {
    group::caught("TRANSPORT").await;
}

/// The check has all that it needs: it is not passed by for want of TLS.
#[tokio::test(flavor = "multi_thread")]
async fn tls_and_the_port_without_it_are_tried() {
    let only = ["TRANSPORT-001"];
    let report = sound(Kind::SessionBearer, &only).await.expect("a run");
    let check = &report.checks[0];
    assert_eq!(
        (check.id.as_str(), check.outcome),
        (only[0], CheckOutcome::Pass)
    );
    let mut cases = check.cases.iter();
    assert!(cases.all(|case| case.outcome == CheckOutcome::Pass));
    assert_eq!(check.cases.len(), 3);
}
