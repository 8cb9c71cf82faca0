//! The flaws of cookies and of cross-site requests, and the checks that find
//! them.

mod group;

#[tokio::test(flavor = "multi_thread")]
async fn sound_specimens_pass() {
    group::sound(&["COOKIE", "CSRF"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_flaw_of_cookies_is_caught_by_its_check_alone() {
    group::caught("COOKIE").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_flaw_of_cross_site_requests_is_caught_by_its_check_alone() {
    group::caught("CSRF").await;
}
