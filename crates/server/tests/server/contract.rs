//! The server is what its own target profiles say it is.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use authbench_core::{AuthStrategy as _, RefreshOffer};
use authbench_server::PublishedKeys;
use authbench_wire::profile::RefreshCarrier;
use authbench_wire::{Operation, Profile, Route, Transport};
use serde_json::{Value, json};

use crate::client::{Answer, ask};
use crate::site::{Site, cookie};
use crate::strategy::Fake;

/// A profile at a site that should be as it says.
struct Visit {
    profile: Profile,
    site: Site,
}

impl Visit {
    /// Asks for an operation; the answer has all that the profile points to.
    async fn run(&self, operation: Operation, gaps: &[(&str, &str)], credential: &str) -> Answer {
        self.perform(operation, gaps, credential, None).await
    }

    /// The same with the refresh token of an earlier answer, where the profile
    /// says that it is.
    async fn renew(&self, operation: Operation, earlier: &Answer) -> Answer {
        match self.profile.refresh.as_ref().unwrap() {
            RefreshCarrier::Body { token } => {
                let json = earlier.json();
                let token = json.pointer(token).unwrap().as_str().unwrap();
                self.run(operation, &[("refresh", token)], "").await
            }
            RefreshCarrier::Cookie { name } => {
                let cookies = earlier.cookies();
                let (_, token, _) = cookies.iter().find(|(set, ..)| set == name).unwrap();
                self.perform(operation, &[], "", Some(token)).await
            }
        }
    }

    async fn perform(
        &self,
        operation: Operation,
        gaps: &[(&str, &str)],
        credential: &str,
        refresh_cookie: Option<&str>,
    ) -> Answer {
        let request = self.profile.request(operation).unwrap();
        let gaps: HashMap<_, _> = gaps.iter().copied().collect();
        let fill = |gap: &str| gaps.get(gap).copied();
        let method = request.method.as_str();
        let mut asked = ask(method, &request.path.value.fill(fill).unwrap());
        if !credential.is_empty() {
            asked = self.site.with(asked, credential);
        }
        if let Some(token) = refresh_cookie {
            asked = asked.header("cookie", &format!("__Secure-refresh={token}"));
        }
        if let Some(body) = &request.body {
            let body = body.value.fill(fill).unwrap();
            asked = asked
                .header("content-type", &request.content_type)
                .text(&body);
        }
        let answer = self.site.send(&asked).await;
        let (path, raw) = (&asked.path, &answer.raw);
        assert!(request.success.contains(&answer.status), "{path}: {raw}");
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
            &request.issued_at_ms,
            &request.effective_from_ms,
        ];
        for pointer in pointers.into_iter().flatten() {
            let found = root.pointer(pointer);
            assert!(found.is_some(), "{path}: no {pointer} in {json}");
        }
        answer
    }

    async fn enter(&self, user: &str, password: &str) -> Answer {
        let names = [("user", user), ("password", password)];
        self.run(Operation::Login, &names, "").await
    }
}

async fn fits(profile: &str, transport: Transport, strategy: Fake) {
    let offer = strategy.guarantees().refresh;
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../scenarios/targets")
        .join(profile);
    let visit = Visit {
        profile: Profile::read(&file).unwrap(),
        site: Site::start_with(transport, strategy, |_| {}).await,
    };
    let site = &visit.site;
    let user = visit.profile.users.nth(7).unwrap();
    let admin = visit.profile.users.admin.clone().unwrap();
    let login = visit.enter(&user.user, &user.password).await;
    assert_eq!(login.json()["subject"].as_str(), user.subject.as_deref());
    let held = site.credential(&login);
    let admins = site.credential(&visit.enter(&admin.user, &admin.password).await);

    visit.run(Operation::Whoami, &[], &held).await;
    visit
        .run(Operation::Mutate, &[("value", "42")], &held)
        .await;
    reads(&visit, &user.user, &held, &admins).await;
    visit.run(Operation::Sessions, &[], &held).await;
    let subject = [
        ("subject_user", user.user.as_str()),
        ("roles", r#"["user","auditor"]"#),
    ];
    visit.run(Operation::SetRoles, &subject, &admins).await;
    let changed = visit.run(Operation::Whoami, &[], &held).await.json();
    assert_eq!(changed["roles"], json!(["auditor", "user"]));
    let passwords = [
        ("password", user.password.as_str()),
        ("new_password", "a new password"),
    ];
    let changed = visit
        .run(Operation::PasswordChange, &passwords, &held)
        .await;
    let held = match offer {
        RefreshOffer::SwapsAccess => site.credential(&changed),
        _ => held,
    };
    let second = visit.enter(&user.user, "a new password").await;
    let handle = second.json()["login"].as_str().unwrap().to_owned();
    visit
        .run(Operation::EndSession, &[("login", &handle)], &held)
        .await;
    assert!(!site.is_alive(&site.credential(&second)).await);
    visit.run(Operation::Logout, &[], &held).await;
    let third = visit.enter(&user.user, "a new password").await;
    visit
        .run(Operation::LogoutAll, &[], &site.credential(&third))
        .await;
    renews(
        &visit,
        offer,
        &visit.enter(&user.user, "a new password").await,
    )
    .await;
    visit.run(Operation::Disable, &subject[..1], &admins).await;
    let exercised = 16;
    assert_eq!(
        visit.profile.operations.len(),
        exercised,
        "an operation of the profile was not tried"
    );
}

/// What changes nothing, after a note was written.
async fn reads(visit: &Visit, user: &str, held: &str, admins: &str) {
    let read = visit.run(Operation::ReadState, &[], held).await.json();
    assert_eq!(read["note"], "42");
    let own = [("subject_user", user)];
    let read = visit.run(Operation::Object, &own, held).await.json();
    assert_eq!(read["note"], "42");
    visit.run(Operation::Slow, &[("ms", "1")], held).await;
    visit.run(Operation::Admin, &[], admins).await;
}

/// The two operations that are there only for some strategies.
async fn renews(visit: &Visit, offer: RefreshOffer, login: &Answer) {
    let site = &visit.site;
    let credential = site.credential(login);
    match offer {
        RefreshOffer::None => {
            assert_eq!(site.post("/refresh", &credential).await.status, 404);
        }
        RefreshOffer::SwapsAccess => {
            // Nothing fills the gap, so the body is left out.
            let request = visit.profile.request(Operation::Refresh).unwrap();
            let swapped = site
                .post(&request.path.value.to_string(), &credential)
                .await;
            assert!(request.success.contains(&swapped.status));
            assert!(site.is_alive(&site.credential(&swapped)).await);
        }
        RefreshOffer::RotatingKillsFamily { .. } => {
            let swapped = visit.renew(Operation::Refresh, login).await;
            assert!(site.is_alive(&site.credential(&swapped)).await);
            visit.renew(Operation::Revoke, &swapped).await;
            assert!(!site.is_alive(&site.credential(&swapped)).await);
        }
    }
}

#[tokio::test]
async fn the_bearer_profile_fits() {
    fits("authbench-bearer", Transport::Bearer, Fake::default()).await;
    fits("authbench-bearer", Transport::Bearer, Fake::refreshing()).await;
    fits("authbench-bearer", Transport::Bearer, Fake::swapping()).await;
}

#[tokio::test]
async fn the_cookie_profile_fits() {
    fits("authbench-cookie", cookie(), Fake::default()).await;
    fits("authbench-cookie", cookie(), Fake::refreshing()).await;
    fits("authbench-cookie", cookie(), Fake::swapping()).await;
}

#[tokio::test]
async fn routes_exist_only_where_the_strategy_can_serve_them() {
    let keys = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]});
    let full = Fake::refreshing();
    let full = Site::start_with(Transport::Bearer, full, |config| {
        config.jwks = Some(PublishedKeys::fixed(keys));
        config.rotate_keys = Some(Arc::new(|_| Ok(())));
        config.signing_key = Some(Arc::new(|_| Ok(json!({"kty": "OKP"}))));
    })
    .await;
    let poor = Fake::listing_nothing();
    let poor = Site::start_with(Transport::Bearer, poor, |config| {
        config.jwks = Some(PublishedKeys::fixed(json!({"keys": []})));
    })
    .await;
    let absent = [
        Route::EndSession,
        Route::Jwks,
        Route::LabKeysSign,
        Route::LabRotateKeys,
        Route::Refresh,
        Route::Revoke,
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
        config.jwks = Some(PublishedKeys::fixed(keys));
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
