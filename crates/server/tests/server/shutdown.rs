//! The end of a server.

use std::sync::Arc;

use authbench_server::Drained;
use authbench_wire::Transport;
use tokio::net::TcpStream;

use crate::client::{ask, exchange};
use crate::site::Site;
use crate::strategy::Fake;

/// Asks for `/slow` and comes back when the server has judged the caller.
async fn in_flight(site: &Site, ms: u64) -> tokio::task::JoinHandle<Option<u16>> {
    let token = site.login("user-000001").await;
    let asked = site.with(ask("GET", &format!("/slow?ms={ms}")), &token);
    let (addr, octets) = (site.addr, asked.octets("site"));
    let strategy = Arc::clone(&site.strategy);
    let waiting = tokio::spawn(async move {
        let stream = TcpStream::connect(addr).await.unwrap();
        tokio::spawn(async move { exchange(stream, &octets).await.status })
            .await
            .ok()
    });
    strategy.judged.notified().await;
    waiting
}

#[tokio::test]
async fn a_request_in_flight_is_finished() {
    let site = Site::start(Transport::Bearer).await;
    let addr = site.addr;
    let idle = TcpStream::connect(addr).await.unwrap();
    let slow = in_flight(&site, 200).await;
    assert_eq!(site.stop().await, Drained { cut_connections: 0 });
    assert_eq!(slow.await.unwrap(), Some(200));
    assert!(
        TcpStream::connect(addr).await.is_err(),
        "nobody listens any more"
    );
    drop(idle);
}

#[tokio::test]
async fn but_not_for_ever() {
    let site = Site::start_with(Transport::Bearer, Fake::default(), |config| {
        config.limits.drain_ms = 20;
    })
    .await;
    let slow = in_flight(&site, 10_000).await;
    assert_eq!(site.stop().await, Drained { cut_connections: 1 });
    assert_eq!(slow.await.unwrap(), None, "cut without an answer");
}
