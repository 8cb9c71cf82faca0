//! Swapping credentials, and ending a login without its access credential.

use std::sync::atomic::Ordering::SeqCst;

use authbench_wire::Transport;
use serde_json::{Value, json};

use crate::client::{Answer, Ask, ask};
use crate::site::{START, Site, cookie};
use crate::strategy::{Fake, LIFETIME_MS};

const REFRESH_ATTRIBUTES: &str = "Path=/refresh; Secure; HttpOnly; SameSite=Strict";

async fn enter(site: &Site) -> Answer {
    site.send(&Site::login_request("user-000001", "lab-password-000001"))
        .await
}

/// The refresh token of an answer, from its place.
fn token(site: &Site, answer: &Answer) -> String {
    match &site.transport {
        Transport::Bearer => {
            let json = answer.json();
            json["refresh_token"].as_str().unwrap().to_owned()
        }
        Transport::Cookie(_) => {
            let cookies = answer.cookies();
            let found = cookies
                .iter()
                .find(|(name, ..)| *name == "__Secure-refresh");
            let (_, token, attributes) = found.unwrap();
            assert_eq!(*attributes, REFRESH_ATTRIBUTES);
            assert!(!answer.body.contains(token), "it stands in no body");
            (*token).to_owned()
        }
    }
}

/// A request to `path` with a refresh token in its place, and nothing else.
fn with_token(site: &Site, path: &str, token: &str) -> Ask {
    match &site.transport {
        Transport::Bearer => ask("POST", path).json(&json!({"refresh_token": token})),
        Transport::Cookie(_) => {
            ask("POST", path).header("cookie", &format!("__Secure-refresh={token}"))
        }
    }
}

#[tokio::test]
async fn refresh_tokens_travel_in_their_place_and_are_spent_once() {
    for transport in [Transport::Bearer, cookie()] {
        let by_cookie = transport.is_ambient();
        let site = Site::start_with(transport, Fake::refreshing(), |_| {}).await;
        let login = enter(&site).await;
        let (access, first) = (site.credential(&login), token(&site, &login));
        assert_eq!(login.cookies().len(), if by_cookie { 2 } else { 0 });
        let swap = with_token(&site, "/refresh", &first);
        let swapped = site.send(&swap).await;
        assert_eq!(swapped.status, 200, "{}", swapped.raw);
        assert_eq!(swapped.json()["login"], login.json()["login"]);
        let renewed = site.credential(&swapped);
        assert_ne!(token(&site, &swapped), first);
        assert!(site.is_alive(&renewed).await && !site.is_alive(&access).await);
        let spent = site.send(&swap).await;
        let missing = site.send(&ask("GET", "/me")).await;
        assert_eq!(spent.raw, missing.raw);

        // The other transport's place is not looked at.
        let second = token(&site, &swapped);
        let elsewhere = if by_cookie {
            ask("POST", "/refresh").json(&json!({"refresh_token": second}))
        } else {
            ask("POST", "/refresh").header("cookie", &format!("__Secure-refresh={second}"))
        };
        for nothing in [
            elsewhere,
            ask("POST", "/refresh"),
            ask("POST", "/refresh/revoke"),
        ] {
            assert_eq!(site.send(&nothing).await.raw, missing.raw);
        }
        if by_cookie {
            let twice =
                with_token(&site, "/refresh", &second).header("cookie", "__Secure-refresh=planted");
            assert_eq!(site.send(&twice).await.raw, missing.raw);
        } else {
            let wrong = ask("POST", "/refresh").json(&json!({"refresh": second}));
            assert_eq!(site.send(&wrong).await.status, 400);
        }
        assert!(site.is_alive(&renewed).await);
    }
}

#[tokio::test]
async fn who_holds_an_expired_credential_logs_out_by_the_refresh_token() {
    for transport in [Transport::Bearer, cookie()] {
        let by_cookie = transport.is_ambient();
        let site = Site::start_with(transport, Fake::refreshing(), |_| {}).await;
        let (login, other) = (enter(&site).await, enter(&site).await);
        let held = token(&site, &login);
        for _ in 0..2 {
            let out = site
                .send(&with_token(&site, "/refresh/revoke", &held))
                .await;
            assert_eq!(
                (out.status, out.json()),
                (200, json!({"effective_from_ms": START.0}))
            );
            if by_cookie {
                let gone: Vec<_> = out
                    .cookies()
                    .into_iter()
                    .map(|(name, value, _)| (name, value))
                    .collect();
                assert_eq!(gone, [("__Host-auth", ""), ("__Secure-refresh", "")]);
                let cleared = format!("{REFRESH_ATTRIBUTES}; Max-Age=0");
                assert_eq!(out.cookies()[1].2, cleared);
            }
        }
        assert!(!site.is_alive(&site.credential(&login)).await);
        assert_eq!(
            site.send(&with_token(&site, "/refresh", &held))
                .await
                .status,
            401
        );
        // By its access credential a login ends with all that renews it.
        let access = site.credential(&other);
        let out = site.post("/logout", &access).await;
        assert_eq!(
            (out.status, out.cookies().len()),
            (200, if by_cookie { 2 } else { 0 })
        );
        let renewal = with_token(&site, "/refresh", &token(&site, &other));
        assert_eq!(site.send(&renewal).await.status, 401);
        // A token that proves nothing is acknowledged (RFC 7009 2.2).
        let nothing = with_token(&site, "/refresh/revoke", "garbage");
        assert_eq!(site.send(&nothing).await.status, 200);
        site.strategy.broken.store(true, SeqCst);
        let outage = site
            .send(&with_token(&site, "/refresh/revoke", "garbage"))
            .await;
        assert_eq!((outage.status, outage.cookies().len()), (503, 0));
    }
}

#[tokio::test]
async fn an_access_credential_is_swapped_for_one_of_the_same_login() {
    for transport in [Transport::Bearer, cookie()] {
        let site = Site::start_with(transport, Fake::swapping(), |_| {}).await;
        let login = enter(&site).await;
        let access = site.credential(&login);
        site.clock.advance_ms(5);
        let swapped = site.post("/refresh", &access).await;
        assert_eq!(swapped.status, 200, "{}", swapped.raw);
        let renewed = site.credential(&swapped);
        assert!(site.is_alive(&renewed).await && !site.is_alive(&access).await);
        assert_eq!(swapped.json()["login"], login.json()["login"]);
        assert_eq!(
            swapped.json()["expires_at_ms"],
            json!(START.0 + LIFETIME_MS)
        );
        assert_eq!(site.post("/refresh", &access).await.status, 401);
        assert_eq!(site.send(&ask("POST", "/refresh")).await.status, 401);
        // There is no refresh token to end it by.
        assert_eq!(site.post("/refresh/revoke", &renewed).await.status, 404);
    }
}

/// ASVS 5.0 7.2.4.
#[tokio::test]
async fn a_change_of_ones_own_password_or_rights_changes_the_credential() {
    let change = json!({"current": "lab-password-000001", "new": "a new password"});
    for transport in [Transport::Bearer, cookie()] {
        let site = Site::start_with(transport.clone(), Fake::swapping(), |_| {}).await;
        let (here, there) = (
            site.login("user-000001").await,
            site.login("user-000001").await,
        );
        let changed = site
            .send(&site.with(ask("POST", "/password").json(&change), &here))
            .await;
        assert_eq!(changed.status, 200, "{}", changed.raw);
        assert_eq!(changed.json()["effective_from_ms"], json!(START.0));
        let renewed = site.credential(&changed);
        assert!(site.is_alive(&renewed).await);
        assert!(!site.is_alive(&here).await && !site.is_alive(&there).await);

        let roles = |user: &str, roles: &[&str]| {
            let path = format!("/admin/users/{user}/roles");
            ask("POST", &path).json(&json!({"roles": roles}))
        };
        let admin = site.login("admin").await;
        let others = site
            .send(&site.with(roles("user-000001", &["auditor"]), &admin))
            .await;
        assert_eq!(others.json(), json!({"effective_from_ms": START.0}));
        assert!(site.is_alive(&renewed).await && site.is_alive(&admin).await);
        let own = site
            .send(&site.with(roles("admin", &["admin", "auditor"]), &admin))
            .await;
        let renewed = site.credential(&own);
        assert!(site.is_alive(&renewed).await && !site.is_alive(&admin).await);

        // A strategy without that keeps the credential.
        let plain = Site::start(transport).await;
        let here = plain.login("user-000001").await;
        let changed = plain
            .send(&plain.with(ask("POST", "/password").json(&change), &here))
            .await;
        assert_eq!(changed.json(), json!({"effective_from_ms": START.0}));
        assert!(changed.cookies().is_empty() && plain.is_alive(&here).await);
    }
}

#[tokio::test]
async fn what_cannot_be_handed_over_is_not_kept() {
    for strategy in [Fake::refreshing(), Fake::swapping()] {
        let site = Site::start_with(cookie(), strategy, |_| {}).await;
        let login = enter(&site).await;
        let shown: Vec<_> = login
            .cookies()
            .iter()
            .map(|(name, value, _)| format!("{name}={value}"))
            .collect();
        site.strategy.padding.store(5_000, SeqCst);
        let swap = ask("POST", "/refresh").header("cookie", &shown.join("; "));
        let failed = site.send(&swap).await;
        assert_eq!((failed.status, failed.cookies().len()), (500, 0));
        assert_eq!(site.strategy.living("acct-000001"), 0);
    }
    let site = Site::start_with(cookie(), Fake::refreshing(), |_| {}).await;
    site.strategy.broken.store(true, SeqCst);
    let outage = site.send(&with_token(&site, "/refresh", "refresh-x")).await;
    assert_eq!(outage.status, 503);
    assert_eq!(outage.json()["title"], Value::from("Service Unavailable"));
}
