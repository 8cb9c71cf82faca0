//! The flaws of tokens, and the checks that find them.

mod group;

#[tokio::test(flavor = "multi_thread")]
async fn sound_specimens_pass() {
    group::sound(&["JWT"]).await;
}

// In three parts, which run side by side.

#[tokio::test(flavor = "multi_thread")]
async fn flaws_of_signatures_and_keys_are_caught_by_their_checks_alone() {
    group::caught("JWT-00").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flaws_of_claims_and_forms_are_caught_by_their_checks_alone() {
    group::caught("JWT-01").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flaws_of_changing_keys_are_caught_by_their_check_alone() {
    group::caught("JWT-02").await;
}
