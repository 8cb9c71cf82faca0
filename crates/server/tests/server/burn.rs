//! Requests that are slowed down on purpose: which, not by how much.

use std::cell::Cell;
use std::sync::Arc;

use authbench_core::ManualClock;
use authbench_server::{Burn, BurntOperation, ServeError, Server, ServerConfig};
use authbench_wire::Transport;

use crate::client::ask;
use crate::site::{START, Site, config};
use crate::strategy::Fake;

/// A burn of one step, calibrated by a clock that moves when it is asked.
fn burn(on: BurntOperation) -> Burn {
    let now_ns = Cell::new(0_u64);
    Burn::calibrated(on, 1, || {
        now_ns.set(now_ns.get() + 1_000_000);
        now_ns.get()
    })
    .unwrap()
}

/// A server that burns, and how often it did for a login, then a refused
/// and a good read, then a note, a health check and a look into the lab.
async fn burnt(on: BurntOperation) -> [u64; 6] {
    let burn = burn(on);
    let site = Site::start_with(Transport::Bearer, Fake::default(), |config| {
        config.burn = Some(burn.clone());
    })
    .await;
    let mut before = 0;
    let mut since = || {
        let burnt = burn.burnt() - before;
        before += burnt;
        burnt
    };
    let credential = site.login("user-000001").await;
    let login = since();
    assert_eq!(site.get("/me", "nonsense").await.status, 401);
    let refused = since();
    assert_eq!(site.get("/me", &credential).await.status, 200);
    let read = since();
    let note = ask("PUT", "/me/note").json(&serde_json::json!({"note": "n"}));
    assert_eq!(site.send(&site.with(note, &credential)).await.status, 200);
    let mutate = since();
    assert_eq!(site.send(&ask("GET", "/healthz")).await.status, 200);
    let health = since();
    site.send(&ask("GET", "/lab/stats")).await;
    [login, refused, read, mutate, health, since()]
}

#[tokio::test]
async fn the_operation_that_was_named_is_burnt_once_a_request() {
    for (on, counts) in [
        (BurntOperation::Every, [1, 1, 1, 1, 0, 0]),
        (BurntOperation::Authenticate, [0, 1, 1, 1, 0, 0]),
        (BurntOperation::Read, [0, 1, 1, 0, 0, 0]),
        (BurntOperation::Mutate, [0, 0, 0, 1, 0, 0]),
        (BurntOperation::Login, [1, 0, 0, 0, 0, 0]),
        (BurntOperation::Logout, [0; 6]),
    ] {
        assert_eq!(burnt(on).await, counts, "{on}");
    }
}

#[tokio::test]
async fn nothing_is_slowed_outside_the_lab() {
    let clock = Arc::new(ManualClock::at(START));
    let parts = config(Transport::Bearer, Arc::new(Fake::default()), clock);
    let slowed = ServerConfig {
        lab: false,
        burn: Some(burn(BurntOperation::Every)),
        ..parts
    };
    let bound = Server::bind(([127, 0, 0, 1], 0).into(), slowed).await;
    assert!(matches!(bound.err(), Some(ServeError::BurnOutsideLab)));
}
