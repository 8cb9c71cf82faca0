//! Changes of one account's roles that meet.

use std::sync::Arc;

use authbench_wire::Transport;
use serde_json::json;

use crate::client::{Ask, ask};
use crate::site::Site;
use crate::strategy::Gate;

fn give(site: &Site, admin: &str, roles: &[&str]) -> Ask {
    let asked = ask("POST", "/admin/users/user-000001/roles").json(&json!({"roles": roles}));
    site.with(asked, admin)
}

/// A promotion that is held up before it reaches the logins, and a demotion
/// that overtakes it: both are acknowledged, and the demotion holds.
#[tokio::test]
async fn an_overtaken_promotion_does_not_undo_a_demotion() {
    let site = Arc::new(Site::start(Transport::Bearer).await);
    let (admin, user) = (site.login("admin").await, site.login("user-000001").await);
    let (gate, bell, key) = Gate::new();
    *site.strategy.gate.lock().unwrap() = Some(gate);
    let (racing, promote) = (Arc::clone(&site), give(&site, &admin, &["admin"]));
    let promotion = tokio::spawn(async move { racing.send(&promote).await });
    bell.await.unwrap();
    let demote = give(&site, &admin, &["user"]);
    assert_eq!(site.send(&demote).await.status, 200);
    key.send(()).unwrap();
    assert_eq!(promotion.await.unwrap().status, 200);
    assert_eq!(site.get("/admin", &user).await.status, 403);
    let me = site.get("/me", &user).await.json();
    assert_eq!(me["roles"], json!(["user"]));
}

/// Somebody changes the roles in each round: no acknowledgement is honest.
#[tokio::test]
async fn a_change_that_never_settles_is_not_acknowledged() {
    let site = Arc::new(Site::start(Transport::Bearer).await);
    let admin = site.login("admin").await;
    let (gate, mut bell, mut key) = Gate::new();
    *site.strategy.gate.lock().unwrap() = Some(gate);
    let (racing, first) = (Arc::clone(&site), give(&site, &admin, &["first"]));
    let mut change = tokio::spawn(async move { racing.send(&first).await });
    let mut rounds = 0;
    let answer = loop {
        tokio::select! {
            answer = &mut change => break answer.unwrap(),
            Ok(()) = &mut bell => {
                rounds += 1;
                let roles = format!("round-{rounds}");
                assert_eq!(site.send(&give(&site, &admin, &[&roles])).await.status, 200);
                let next = Gate::new();
                *site.strategy.gate.lock().unwrap() = Some(next.0);
                bell = next.1;
                key.send(()).unwrap();
                key = next.2;
            }
        }
    };
    assert_eq!(answer.status, 503, "{}", answer.raw);
    assert!(rounds > 1, "it looked a second time");
}
