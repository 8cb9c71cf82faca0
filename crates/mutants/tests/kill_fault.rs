//! The flaws of broken surroundings, and the checks that find them.

mod group;

#[tokio::test(flavor = "multi_thread")]
async fn sound_specimens_pass() {
    group::sound(&["FAULT"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_flaw_is_caught_by_its_check_alone() {
    group::caught("FAULT").await;
}
