//! The flaws of cryptography, and the checks that find them.

use authbench_mutants::Kind;
use authbench_mutants::kill::sound;
use authbench_results::CheckOutcome;

mod group;

#[tokio::test(flavor = "multi_thread")]
async fn sound_specimens_pass() {
    group::sound(&["CRYPTO"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_flaw_of_cryptography_is_caught_by_its_check_alone() {
    group::caught("CRYPTO").await;
}

/// Without a verifier to ask, the checks by vectors would not apply, and pass
/// unseen.
#[tokio::test(flavor = "multi_thread")]
async fn sound_specimens_are_asked_the_vectors() {
    for (kind, check) in [
        (Kind::JwtEs256, "CRYPTO-001"),
        (Kind::JwtEs256, "CRYPTO-002"),
        (Kind::Sealed, "CRYPTO-003"),
        (Kind::JwtEs256, "CRYPTO-004"),
    ] {
        let report = sound(kind, &[check]).await.expect("a run");
        let of_check = report.checks.iter().find(|report| report.id == check);
        let of_check = of_check.expect("the check");
        assert_eq!(of_check.outcome, CheckOutcome::Pass, "{of_check:#?}");
    }
}
