//! Chains of services, each of which judges by itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use authbench_server::NextService;
use authbench_wire::Transport;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::client::ask;
use crate::site::{Site, chunked, cookie};
use crate::strategy::Fake;

/// A service before the one at `next`, with the strategy of `of` if given.
async fn before(next: SocketAddr, transport: Transport, of: Option<&Site>) -> Site {
    Site::start_with(transport, Fake::default(), |config| {
        config.next = Some(NextService::new(&format!("http://{next}")).unwrap());
        if let Some(site) = of {
            config.strategy = Arc::clone(&site.strategy) as _;
        }
    })
    .await
}

#[tokio::test]
async fn every_service_of_a_chain_judges_the_credential() {
    for transport in [Transport::Bearer, cookie(), chunked(3)] {
        let last = Site::start(transport.clone()).await;
        let middle = before(last.addr, transport.clone(), Some(&last)).await;
        let first = before(middle.addr, transport.clone(), Some(&last)).await;
        if transport == chunked(3) {
            // More than one cookie holds.
            last.strategy.padding.store(5_000, SeqCst);
            let login = Site::login_request("user-000001", "lab-password-000001");
            let answer = last.send(&login).await;
            let cookies = answer.cookies();
            let all: Vec<_> = cookies.iter().map(|(n, v, _)| format!("{n}={v}")).collect();
            let asked = ask("GET", "/lab/chain").header("cookie", &all.join("; "));
            let answer = first.send(&asked).await;
            assert_eq!(answer.json()["hops"], json!(3), "{}", answer.raw);
            continue;
        }
        let credential = last.login("user-000001").await;
        let me = last.get("/me", &credential).await.json();
        for (site, hops) in [(&last, 1), (&middle, 2), (&first, 3)] {
            let mut expected = me.clone();
            expected["hops"] = json!(hops);
            assert_eq!(site.get("/lab/chain", &credential).await.json(), expected);
        }
        assert_eq!(first.get("/lab/chain", "secret-token-x").await.status, 401);
        assert_eq!(first.send(&ask("GET", "/lab/chain")).await.status, 401);
        last.strategy.broken.store(true, SeqCst);
        assert_eq!(first.get("/lab/chain", &credential).await.status, 503);
    }
}

#[tokio::test]
async fn what_goes_wrong_behind_is_told_in_the_usual_shape() {
    let last = Site::start(Transport::Bearer).await;
    let first = before(last.addr, Transport::Bearer, None).await;
    // Only the first knows this one, and its own refusals look alike.
    let credential = first.login("user-000001").await;
    let behind = first.get("/lab/chain", &credential).await;
    assert_eq!(behind.status, 401);
    assert_eq!(behind.raw, first.get("/lab/chain", "x").await.raw);
    // The same text for another login: somebody is mistaken.
    let other = last.login("user-000002").await;
    assert_eq!(other, credential, "both strategies count from the same");
    let mistaken = first.get("/lab/chain", &credential).await;
    assert_eq!(mistaken.status, 502, "{}", mistaken.raw);
    last.strategy.broken.store(true, SeqCst);
    let broken = first.get("/lab/chain", &credential).await;
    assert_eq!(
        broken.json(),
        json!({"status": 502, "title": "Bad Gateway"}),
        "an outage behind"
    );
    last.stop().await;
    let gone = first.get("/lab/chain", &credential).await;
    assert_eq!((gone.status, gone.raw), (502, broken.raw));
    assert!(first.is_alive(&credential).await);
}

#[tokio::test]
async fn a_chain_that_leads_back_ends() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let site = before(addr, Transport::Bearer, None).await;
    // Whoever asks at `addr` is led back to the site.
    let back = site.addr;
    tokio::spawn(async move {
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut far = tokio::net::TcpStream::connect(back).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    let credential = site.login("user-000001").await;
    assert_eq!(site.get("/lab/chain", &credential).await.status, 502);
}

#[tokio::test]
async fn connections_to_the_next_service_are_kept() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let site = before(listener.local_addr().unwrap(), Transport::Bearer, None).await;
    let credential = site.login("user-000001").await;
    let mut said = site.get("/me", &credential).await.json();
    said["hops"] = json!(4);
    let said = said.to_string();
    let (connections, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (made, asked) = (Arc::clone(&connections), Arc::clone(&requests));
    let wanted = format!("authorization: Bearer {credential}\r\n");
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            made.fetch_add(1, SeqCst);
            let (said, asked, wanted) = (said.clone(), Arc::clone(&asked), wanted.clone());
            tokio::spawn(async move {
                let mut got = String::new();
                let mut octets = [0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut octets).await {
                    got.push_str(std::str::from_utf8(&octets[..length]).unwrap());
                    if got.ends_with("\r\n\r\n") {
                        assert!(got.contains(&wanted), "{got}");
                        got.clear();
                        asked.fetch_add(1, SeqCst);
                        let length = said.len();
                        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
                        stream.write_all((head + &said).as_bytes()).await.unwrap();
                    }
                }
            });
        }
    });
    for _ in 0..3 {
        let answer = site.get("/lab/chain", &credential).await;
        assert_eq!(answer.json()["hops"], json!(5), "{}", answer.raw);
    }
    assert_eq!((connections.load(SeqCst), requests.load(SeqCst)), (1, 3));
}
