//! Every kind of strategy of ours passes all checks that apply to it: nothing
//! fails, and nothing is left open.

use authbench_results::{CheckOutcome, ConformanceReport};

use crate::support::{Folder, stderr, stdout};

/// Tries a recipe with every check; samples are few, for every defect of a
/// generator that is ours would show in fewer.
fn passes(recipe: &str) {
    let output = Folder::new().run(&[
        "conform",
        recipe,
        "--samples",
        "600",
        "--fail-on",
        "inconclusive",
        "--format",
        "json",
        "--quiet",
    ]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}{}",
        stdout(&output),
        stderr(&output)
    );
    let report: ConformanceReport = serde_json::from_str(&stdout(&output)).expect("a report");
    let passed = report
        .checks
        .iter()
        .filter(|check| check.outcome == CheckOutcome::Pass)
        .count();
    // What does not apply must not hide that nothing was tried.
    assert!(passed >= 20, "{recipe}: only {passed} checks passed");
}

macro_rules! recipes {
    ($($test:ident: $recipe:literal,)*) => {
        $(#[test] fn $test() { passes($recipe); })*
    };
}

recipes! {
    a_session: "session.memory.cookie",
    a_session_in_redis_on_two_replicas: "session.redis.cookie",
    a_jwt: "jwt.es256.bearer",
    a_jwt_in_a_cookie: "jwt.eddsa.cookie",
    a_denylist: "jwt-denylist.memory.bearer",
    epochs: "jwt-epoch.memory.bearer",
    refresh_tokens_in_cookies: "jwt-refresh.postgres.cookie",
    a_sealed_cookie: "sealed-cookie.memory.cookie",
    introspection: "introspection.memory.bearer",
    paseto: "paseto.v4-public.bearer",
}
