//! What callers see and change of their own and, as administrators, of others.

use authbench_wire::Transport;
use serde_json::json;

use crate::client::ask;
use crate::site::{START, Site, cookie};
use crate::strategy::LIFETIME_MS;

#[tokio::test]
async fn notes_are_bounded() {
    let site = Site::start(Transport::Bearer).await;
    let token = site.login("user-000001").await;
    for (octets, status) in [(0, 200), (256, 200), (257, 400)] {
        let note = "n".repeat(octets);
        let asked = ask("PUT", "/me/note").json(&json!({"note": note}));
        let answer = site.send(&site.with(asked, &token)).await;
        assert_eq!(answer.status, status, "{octets}");
        if status == 200 {
            assert_eq!(
                answer.json(),
                json!({"subject": "acct-000001", "note": note})
            );
        }
    }
}

#[tokio::test]
async fn a_new_password_ends_all_other_logins() {
    let site = Site::start(cookie()).await;
    let here = site.login("user-000001").await;
    let there = site.login("user-000001").await;
    let stranger = site.login("user-000002").await;
    let change = async |current: &str, new: &str| {
        let body = json!({"current": current, "new": new});
        site.send(&site.with(ask("POST", "/password").json(&body), &here))
            .await
    };
    assert_eq!(change("wrong", "a new password").await.status, 401);
    assert_eq!(change("lab-password-000001", "1234567").await.status, 400);
    assert_eq!(
        change("lab-password-000001", &"x".repeat(129)).await.status,
        400
    );
    assert!(site.is_alive(&there).await, "a failed change ends nothing");

    let done = change("lab-password-000001", "pässword").await;
    assert_eq!(
        (done.status, done.json()),
        (200, json!({"effective_from_ms": START.0}))
    );
    assert!(site.is_alive(&here).await && site.is_alive(&stranger).await);
    assert!(!site.is_alive(&there).await);
    let old = Site::login_request("user-000001", "lab-password-000001");
    assert_eq!(site.send(&old).await.status, 401);
    assert_eq!(
        site.send(&Site::login_request("user-000001", "pässword"))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn logins_are_listed_and_ended_one_by_one() {
    let site = Site::start(cookie()).await;
    let here = site.login("user-000001").await;
    site.clock.advance_ms(5);
    let there = site.login("user-000001").await;
    let stranger = site.login("user-000002").await;
    let listed = site.get("/sessions", &here).await.json();
    let entry = |handle: &str, age_ms: u64, current: bool| {
        let issued = START.0 + age_ms;
        json!({"id": handle, "issued_at_ms": issued, "expires_at_ms": issued + LIFETIME_MS, "current": current})
    };
    let (own, other) = ("AAAAAAAAAAAAAAAAAAAAAA", "AQEBAQEBAQEBAQEBAQEBAQ");
    assert_eq!(
        listed,
        json!({"sessions": [entry(own, 0, true), entry(other, 5, false)]})
    );

    let end = async |handle: &str, credential: &str| {
        let path = format!("/sessions/{handle}");
        site.send(&site.with(ask("DELETE", &path), credential))
            .await
    };
    let strangers = "AgICAgICAgICAgICAgICAg";
    for unknown in [
        strangers,
        "AwMDAwMDAwMDAwMDAwMDAw",
        "x",
        "%FF",
        "AAAAAAAAAAAAAAAAAAAAAB",
    ] {
        assert_eq!(end(unknown, &here).await.status, 404, "{unknown}");
    }
    assert!(site.is_alive(&stranger).await);
    let ended = end(other, &here).await;
    assert_eq!(ended.status, 200);
    assert!(ended.header("set-cookie").is_none(), "this login goes on");
    assert!(!site.is_alive(&there).await && site.is_alive(&here).await);
    assert_eq!(end(other, &here).await.status, 404);
    assert_eq!(end(own, &here).await.cookie(), Some(""));
    assert!(!site.is_alive(&here).await);
}

#[tokio::test]
async fn administrators_alone_change_others() {
    let site = Site::start(Transport::Bearer).await;
    let (admin, user) = (site.login("admin").await, site.login("user-000001").await);
    assert_eq!(
        site.get("/admin", &admin).await.json()["roles"],
        json!(["admin", "user"])
    );
    let roles = |user: &str| {
        let path = format!("/admin/users/{user}/roles");
        ask("POST", &path).json(&json!({"roles": ["user", "admin", "admin"]}))
    };
    for forbidden in [
        ask("GET", "/admin"),
        roles("user-000001"),
        ask("POST", "/admin/users/user-000002/disable"),
        ask("POST", "/admin/users/nobody/disable"),
    ] {
        let answer = site.send(&site.with(forbidden, &user)).await;
        assert_eq!(
            (answer.status, answer.json()),
            (403, json!({"status": 403, "title": "Forbidden"}))
        );
    }
    assert_eq!(
        site.send(&site.with(roles("nobody"), &admin)).await.status,
        404
    );
    let promoted = site.send(&site.with(roles("user-000001"), &admin)).await;
    assert_eq!(promoted.json(), json!({"effective_from_ms": START.0}));
    assert_eq!(
        site.get("/admin", &user).await.status,
        200,
        "running logins see it"
    );
    let later = site.login("user-000001").await;
    assert_eq!(
        site.get("/admin", &later).await.status,
        200,
        "and so do new ones"
    );

    assert_eq!(
        site.post("/admin/users/nobody/disable", &admin)
            .await
            .status,
        404
    );
    assert_eq!(
        site.post("/admin/users/user-000001/disable", &admin)
            .await
            .status,
        200
    );
    assert!(!site.is_alive(&user).await && !site.is_alive(&later).await);
    let again = Site::login_request("user-000001", "lab-password-000001");
    assert_eq!(site.send(&again).await.status, 401);
}

#[tokio::test]
async fn slow_is_slow_and_bounded() {
    let site = Site::start(Transport::Bearer).await;
    let token = site.login("user-000001").await;
    assert_eq!(
        site.get("/slow?ms=1&x=2", &token).await.json()["subject"],
        json!("acct-000001")
    );
    for wrong in ["/slow", "/slow?ms=", "/slow?ms=10001", "/slow?ms=-1"] {
        assert_eq!(site.get(wrong, &token).await.status, 400, "{wrong}");
    }
}
