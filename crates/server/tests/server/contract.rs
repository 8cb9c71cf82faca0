//! The server is what its own target profiles say it is.

use std::collections::HashMap;
use std::path::Path;

use authbench_wire::profile::Request;
use authbench_wire::{Operation, Profile, Route, Transport};
use serde_json::{Value, json};

use crate::client::{Answer, ask};
use crate::site::{Site, cookie};
use crate::strategy::Fake;

async fn perform(
    site: &Site,
    request: &Request,
    gaps: &[(&str, &str)],
    credential: &str,
) -> Answer {
    let gaps: HashMap<_, _> = gaps.iter().copied().collect();
    let fill = |gap: &str| gaps.get(gap).copied();
    let method = request.method.as_str();
    let mut asked = site.with(
        ask(method, &request.path.value.fill(fill).unwrap()),
        credential,
    );
    if let Some(body) = &request.body {
        let body = body.value.fill(fill).unwrap();
        asked = asked
            .header("content-type", &request.content_type)
            .text(&body);
    }
    let answer = site.send(&asked).await;
    assert!(
        request.success.contains(&answer.status),
        "{}: {}",
        asked.path,
        answer.raw
    );
    let json = answer.json();
    let root = match &request.list {
        Some(list) => json.pointer(list).unwrap().get(0).unwrap(),
        None => &json,
    };
    let pointers = [
        &request.subject,
        &request.roles,
        &request.login,
        &request.expires_at_ms,
        &request.effective_from_ms,
    ];
    for pointer in pointers.into_iter().flatten() {
        assert!(
            root.pointer(pointer).is_some(),
            "{}: no {pointer} in {json}",
            asked.path
        );
    }
    answer
}

async fn fits(profile: &str, transport: Transport) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../scenarios/targets")
        .join(profile);
    let profile = Profile::read(&file).unwrap();
    let site = Site::start(transport).await;
    let run = async |operation, gaps: &[(&str, &str)], credential: &str| {
        let request = profile.request(operation).unwrap();
        perform(&site, request, gaps, credential).await
    };
    let enter = async |user: &str, password: &str| {
        let answer = run(
            Operation::Login,
            &[("user", user), ("password", password)],
            "",
        )
        .await;
        (site.credential(&answer), answer.json())
    };
    let user = profile.users.nth(7).unwrap();
    let admin = profile.users.admin.as_ref().unwrap();
    let (held, login) = enter(&user.user, &user.password).await;
    assert_eq!(login["subject"].as_str(), user.subject.as_deref());
    let (admins, _) = enter(&admin.user, &admin.password).await;

    run(Operation::Whoami, &[], &held).await;
    run(Operation::Mutate, &[("value", "42")], &held).await;
    run(Operation::Sessions, &[], &held).await;
    let subject = [
        ("subject_user", user.user.as_str()),
        ("roles", r#"["user","auditor"]"#),
    ];
    run(Operation::SetRoles, &subject, &admins).await;
    let changed = run(Operation::Whoami, &[], &held).await.json();
    assert_eq!(changed["roles"], json!(["auditor", "user"]));
    let passwords = [
        ("password", user.password.as_str()),
        ("new_password", "a new password"),
    ];
    run(Operation::PasswordChange, &passwords, &held).await;
    let (second, login) = enter(&user.user, "a new password").await;
    let handle = login["login"].as_str().unwrap();
    run(Operation::EndSession, &[("login", handle)], &held).await;
    assert!(!site.is_alive(&second).await);
    run(Operation::Logout, &[], &held).await;
    let (third, _) = enter(&user.user, "a new password").await;
    run(Operation::LogoutAll, &[], &third).await;
    run(Operation::Disable, &subject[..1], &admins).await;
    let exercised = 10;
    assert_eq!(
        profile.operations.len(),
        exercised,
        "an operation of the profile was not tried"
    );
}

#[tokio::test]
async fn the_bearer_profile_fits() {
    fits("authbench-bearer", Transport::Bearer).await;
}

#[tokio::test]
async fn the_cookie_profile_fits() {
    fits("authbench-cookie", cookie()).await;
}

#[tokio::test]
async fn routes_exist_only_where_the_strategy_can_serve_them() {
    let keys = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]});
    let full = Fake::refreshing();
    let full = Site::start_with(Transport::Bearer, full, |config| config.jwks = Some(keys)).await;
    let poor = Fake::listing_nothing();
    let poor = Site::start_with(Transport::Bearer, poor, |config| {
        config.jwks = Some(json!({"keys": []}));
    })
    .await;
    let absent = [
        Route::EndSession,
        Route::Jwks,
        Route::Refresh,
        Route::Sessions,
    ];
    for route in Route::ALL {
        let asked = ask(leak(route.method().as_str()), route.path());
        let status = full.send(&asked).await.status;
        assert!(![404, 405].contains(&status), "{route:?}: {status}");
        let expected = absent.contains(&route).then_some(404);
        let status = poor.send(&asked).await.status;
        assert_eq!((status == 404).then_some(404), expected, "{route:?}");
    }
}

fn leak(text: &str) -> &'static str {
    ["GET", "POST", "PUT", "DELETE"]
        .into_iter()
        .find(|known| *known == text)
        .unwrap()
}

#[tokio::test]
async fn public_answers_may_be_cached() {
    let keys = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "1"}]});
    let shown = keys.clone();
    let site = Site::start_with(Transport::Bearer, Fake::default(), |config| {
        config.jwks = Some(keys);
    })
    .await;
    let health = site.send(&ask("GET", "/healthz")).await;
    assert_eq!(
        (health.status, health.json()),
        (200, json!({"status": "ok"}))
    );
    let jwks = site.send(&ask("GET", "/.well-known/jwks.json")).await;
    assert_eq!((jwks.status, jwks.json()), (200, shown));
    assert_eq!(jwks.header("cache-control"), Some("public, max-age=300"));
    assert_eq!(
        jwks.header("content-type"),
        Some("application/jwk-set+json")
    );
}

#[tokio::test]
async fn strangers_paths_and_methods_get_problems() {
    let site = Site::start(Transport::Bearer).await;
    let missing = site.send(&ask("GET", "/nothing")).await;
    assert_eq!(
        (missing.status, missing.json()),
        (404, problem(404, "Not Found"))
    );
    for (method, path, allow) in [
        ("GET", "/logout", "POST"),
        ("POST", "/me", "GET,HEAD"),
        ("GET", "/login", "POST"),
    ] {
        let wrong = site.send(&ask(method, path)).await;
        assert_eq!(
            (wrong.status, wrong.json()),
            (405, problem(405, "Method Not Allowed"))
        );
        assert_eq!(wrong.header("allow"), Some(allow), "{path}");
        assert_eq!(
            wrong.header("content-type"),
            Some("application/problem+json")
        );
    }
    let overridden = ask("GET", "/logout").header("x-http-method-override", "POST");
    assert_eq!(site.send(&overridden).await.status, 405);
}

fn problem(status: u16, title: &str) -> Value {
    json!({"status": status, "title": title})
}
