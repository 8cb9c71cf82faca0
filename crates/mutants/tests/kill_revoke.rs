//! The flaws of what ends a login, and the checks that find them.

mod group;

#[tokio::test(flavor = "multi_thread")]
async fn sound_specimens_pass() {
    group::sound(&["REVOKE"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_flaw_is_caught_by_its_check_alone() {
    group::caught("REVOKE").await;
}
